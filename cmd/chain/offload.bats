load ../../scripts/bats-helper
load ../../scripts/bats-fixture

# A teacher on a free port; its address in $cloud.
begin_cloud() {
    coedge serve "cloud=$MADE/model.coedge" --listen 127.0.0.1:0 >where 2>log 3>&- & server=$!
    for _ in $(seq 500); do grep -q http where log && break; sleep 0.02; done
    cloud=$(cat where log | grep -o 'http://[0-9.:]*' | head -n 1)/v2/models/cloud
}

# A server that says $1 to every question, after $2 seconds; "hello" to who asks what it is.
begin_liar() {
    cat >liar.py <<'PY'
import http.server, json, os, sys, time
class Liar(http.server.BaseHTTPRequestHandler):
    def say(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.say(200, json.dumps({"inputs": [{"name": "x"}], "outputs": [{"name": "y"}]}).encode())
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with open("asked", "a") as asked:
            asked.write("one\n")
        time.sleep(float(sys.argv[2]))
        classes = sys.argv[1]
        body = classes if not classes.startswith("[") else json.dumps({"model_name": "m", "outputs": [
            {"name": "y", "datatype": "BYTES", "shape": [1, len(json.loads(classes))], "data": json.loads(classes)}]})
        self.say(200 if classes != "503" else 503, body.encode())
    def log_message(self, *a):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
open("port", "w").write(str(server.server_port))
server.serve_forever()
PY
    rm -f port asked
    /usr/bin/python3 liar.py "$1" "${2:-0}" 3>&- & server=$!
    for _ in $(seq 500); do [ -s port ] && break; sleep 0.02; done
    liar=http://127.0.0.1:$(cat port)/v2/models/m
}

teardown() {
    [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
}

setup_file_more() {
    coedge train-local model.coedge --data train.tar --steps 1 --lr 0.5 --optimizer sgd -o weak.coedge
}

weak=$BATS_FILE_TMPDIR/weak.coedge

@test "hard samples have the cloud's answers, and its labels where they have none" {
    begin_cloud
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,label,score >teacher
    coedge infer "$weak" "$MADE/val.tar" --hard confidence:1 --offload "$cloud" --emit key,label,score >asked
    cmp teacher asked
    mkdir plain && tar -xf "$MADE/val.tar" -C plain --wildcards '*.png'
    run -0 --separate-stderr coedge infer "$weak" plain --hard confidence:1 --offload "$cloud" --clearance edge-private \
        --hard-out hard.tar
    [[ $stderr =~ ^"72 of 72 samples are hard; of 72 asked about 72 were answered elsewhere, "[0-9.]+" "k?M?B" sent"$ ]]
    key=$(tar -tf hard.tar | sed -n 's/\.png$//p' | head -n 1)
    label=$(coedge infer "$MADE/model.coedge" "plain/$key.png" --emit label | cut -d'"' -f4)
    [ "$(tar -xOf hard.tar "$key.cls")" = "$label" ]
    coedge train-local "$weak" --data hard.tar --epochs 1 -o next.coedge
}

@test "no more than a share of the samples leaves" {
    begin_cloud
    coedge infer "$weak" "$MADE/val.tar" --hard confidence:1 --offload "$cloud" --max-offload 0.25 --emit route >routes
    [ "$(grep -c cloud routes)" -eq 18 ]
    [ "$(head -n 8 routes | grep -c cloud)" -eq 2 ] # at every moment
    coedge infer "$weak" "$MADE/val.tar" --hard confidence:0 --offload "$cloud" --emit route >routes
    run ! grep cloud routes
}

@test "the local answer stands when the server is gone, and it is left alone" {
    coedge infer "$weak" "$MADE/val.tar" --emit key,label,score >local
    run -0 --separate-stderr coedge infer "$weak" "$MADE/val.tar" --hard confidence:1 --offload http://127.0.0.1:9/v2/models/m \
        --emit key,label,score,route
    sed 's/,"route":"[a-z-]*"//' <<<"$output" | cmp - local
    [ "$(grep -c edge-fallback <<<"$output")" -eq 5 ]
    [[ $stderr == *"of 5 asked about 0 were answered elsewhere"*"; 67 not asked about while who failed was left alone" ]]
}

@test "the local answer stands when the server is late" {
    begin_liar '["1:0:good"]' 5
    coedge infer "$weak" "$MADE/val.tar" --hard confidence:1 --offload "$liar" --deadline 100 --emit route >routes
    [ "$(grep -c edge-fallback routes)" -eq 5 ]
    [ "$(grep -c '"edge"' routes)" -eq 67 ]
}

@test "a server whose thresholds prefer a less probable class is believed" {
    begin_liar '["0.2:1:insufficient","0.6:0:good","0.2:2:excess"]'
    coedge infer "$weak" "$MADE/val.tar" --hard confidence:1 --offload "$liar" --emit label,route >said
    [ "$(sort -u said)" = '{"label":"insufficient","route":"cloud"}' ]
}

@test "the local answer stands when the server lies" {
    coedge infer "$weak" "$MADE/val.tar" --emit key,label,score >local
    for lie in '["2:0:good"]' '["nan:0:good"]' '["0.5:0:good","0.6:1:bridge"]' '["0.9:0:good","0.9:1:bridge"]' '["good"]' \
        '[]' '{"outputs":[]}' '<html>' '503' '' \
        '{"model_name":"m","outputs":[{"name":"y","datatype":"FP32","shape":[1,6],"data":[NaN,0,0,0,0,0]}]}' \
        '{"model_name":"m","outputs":[{"name":"y","datatype":"BYTES","shape":[1,3],"data":["1:0:good"]}]}'; do
        begin_liar "$lie"
        coedge infer "$weak" "$MADE/val.tar" --hard confidence:1 --offload "$liar" --emit key,label,score,route >said
        [ "$(wc -l <asked)" -eq 5 ] || { echo "asked about '$lie' $(wc -l <asked) times"; false; }
        sed 's/,"route":"[a-z-]*"//' said | cmp - local
        kill "$server"
    done
}

@test "the next server is asked when the first is gone" {
    begin_cloud
    coedge infer "$weak" "$MADE/val.tar" --hard confidence:1 --offload http://127.0.0.1:9/v2/models/m --offload "$cloud" \
        --emit route >routes
    [ "$(grep -c '"cloud"' routes)" -eq 72 ]
}

@test "what is more private than the server is cleared for does not leave" {
    begin_liar '["1:0:good"]'
    coedge dataset synth solder --count 6 --size 32 --privacy user-private -o secret.tar
    run -6 coedge infer "$weak" secret.tar --hard confidence:1 --offload "$liar"
    assert_output --partial "secret.tar: samples are user-private, --offload is cleared for public"
    run -6 coedge infer "$weak" secret.tar --hard confidence:1 --offload "$liar" --clearance edge-private
    run -0 --separate-stderr coedge infer "$weak" secret.tar --hard confidence:1 --offload "$liar" --keep-private --emit route
    [ "$(grep -c '"edge"' <<<"$output")" -eq 6 ]
    [[ $stderr == *"samples are user-private and stay here"* ]]
    [ ! -e asked ]
    coedge infer "$weak" secret.tar --hard confidence:1 --offload "$liar" --clearance user-private --emit route >routes
    [ "$(grep -c '"cloud"' routes)" -eq 6 ]
}

@test "a remote of coedge.yaml says where it is, and what it is cleared for" {
    begin_liar '["1:0:good"]'
    coedge dataset synth solder --count 3 --size 32 --privacy edge-private -o site.tar
    export COEDGE_CONFIG=$PWD/my.yaml
    say() { printf 'remotes:\n  plant: {url: "%s", clearance: %s}\n' "$liar" "$1" >my.yaml; }
    ask() { coedge infer "$weak" site.tar --hard confidence:1 --offload plant --emit route "$@"; }
    for clearance in edge-private user-private '{data: edge-private}'; do
        say "$clearance"
        [ "$(ask | grep -c '"cloud"')" -eq 3 ]
    done
    rm asked
    for clearance in public none '{features: edge-private}' '{data: none}' '{}'; do
        say "$clearance"
        run -6 ask --clearance user-private # what the remote says counts
        assert_output --partial "site.tar: samples are edge-private, --offload is cleared for"
    done
    say '{data: public, features: edge-private}'
    run -6 ask
    assert_output --partial "hint: their features may leave: --head PACKAGE"
    say none
    printf 'infer:\n  keep-private: true\n' >>my.yaml
    run -0 --separate-stderr ask
    [[ $stderr == *"site.tar: samples are edge-private and stay here"* ]]
    [ ! -e asked ]
    # the first that is cleared is asked
    printf '  second: {url: "%s", clearance: edge-private}\n' "$liar" >second
    sed -i '/plant/r second' my.yaml
    [ "$(coedge infer "$weak" site.tar --hard confidence:1 --offload plant,second --emit route | grep -c '"cloud"')" -eq 3 ]
    say '{date: public}'
    run -2 ask
    assert_output --partial "remotes: plant: clearance:2:"
    assert_output --partial "'date' is no kind: data or features"
    say '{results: public}' # they never leave by us
    run -2 ask
    assert_output --partial "'results' is no kind: data or features"
    say secret
    run -2 ask
    assert_output --partial "'secret' is no level: public, edge-private, user-private or none"
    run -2 coedge infer "$weak" site.tar --hard confidence:1 --offload nowhere
    assert_line --index 0 "coedge infer: --offload: 'nowhere' is neither an address nor a remote of coedge.yaml"
}

@test "an address that is none is refused before anything is read" {
    for address in ftp://x/v2/models/m http://x/ "http://u:p@x/v2/models/m" unix:sock; do
        run -2 coedge infer "$weak" "$MADE/val.tar" --hard confidence:1 --offload "$address"
        refute_output --partial '"key"'
    done
    run -2 coedge infer "$weak" "$MADE/val.tar" --offload http://x/v2/models/m
    assert_output --partial "--offload without --hard"
}
