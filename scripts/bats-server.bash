# A web server that fails as told: `load ../scripts/bats-server` beside bats-helper.
#
# `serve FOLDER [CERTIFICATE KEY]` starts it and sets $URL; `rule TIMES ACTION ARGUMENT PATH-PART` adds to what scripts/serve-badly
# does; `requests` prints what was asked for, and `stop_serving` ends it (so does the end of a test).

serve() {
    local tries
    : >"$BATS_TEST_TMPDIR/rules"
    : >"$BATS_TEST_TMPDIR/requests"
    rm -f "$BATS_TEST_TMPDIR/port"
    "$ROOT/scripts/serve-badly" "$1" "$BATS_TEST_TMPDIR/port" "$BATS_TEST_TMPDIR/rules" "$BATS_TEST_TMPDIR/requests" "${@:2}" \
        >"$BATS_TEST_TMPDIR/server" 2>&1 3>&- &
    SERVER=$!
    for tries in $(seq 200); do
        [ -e "$BATS_TEST_TMPDIR/port" ] && break
        sleep 0.05
    done
    URL=http${2:+s}://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")
    export no_proxy=127.0.0.1
}

rule() { echo "$@" >>"$BATS_TEST_TMPDIR/rules"; }
requests() { cat "$BATS_TEST_TMPDIR/requests"; }

stop_serving() {
    [ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null || true
    SERVER=
}

teardown() { stop_serving; }
