# A coedge serve to ask: `load ../scripts/bats-serving` beside bats-helper and bats-fixture. It ends with the test.

setup_more() {
    mkdir -p samples && tar -xf "$MADE/val.tar" -C samples
    cp "$(find samples -name '*.png' | sort | head -n 1)" joint.png
}

teardown() {
    if [ -n "${SERVER:-}" ]; then
        kill -KILL "$SERVER" 2>/dev/null || true
    fi
}

# serve ARGUMENT...: starts it on a free port and a socket; $URL and $SERVER are of it.
serve() {
    coedge serve --listen 127.0.0.1:0 --listen unix:sock "$@" >places 2>notes 3>&- &
    SERVER=$!
    wait_for grep -q unix places
    URL=$(sed -n 's/^listening on \(http.*\)/\1/p' places)
}

# Until the command says yes; gives up only when the server is gone or after a minute.
wait_for() {
    for _ in $(seq 600); do
        "$@" && return
        [ -z "${SERVER:-}" ] || kill -0 "$SERVER" || break
        sleep 0.1
    done
    cat notes >&2
    return 1
}

stop() {
    kill -TERM "$SERVER"
    wait "$SERVER"
}

# ask PATH ARGUMENT...: the body, then the status on a line of its own.
ask() {
    curl -s -w '\n%{http_code}' "${@:2}" "$URL$1"
}

image() { ask "/v2/models/$1/infer" --data-binary @joint.png -H 'Inference-Header-Content-Length: 0'; }

python() { /usr/bin/python3 - "$URL" "$@"; }

metric() { curl -s "$URL/metrics" | sed -n "s/^$1 //p"; }
