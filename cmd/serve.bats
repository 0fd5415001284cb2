load ../scripts/bats-helper
load ../scripts/bats-fixture
load ../scripts/bats-serving

@test "health and metadata are what the protocol says" {
    serve "$MADE/model.coedge" other:7="$MADE/new.coedge" other:8="$MADE/model.coedge"
    run -0 ask /v2
    [ "$(json extensions)" = "['binary_tensor_data', 'classification']" ]
    for path in /v2/health/live /v2/health/ready /v2/models/model/ready /v2/models/other/versions/8/ready; do
        run -0 ask $path
        assert_line --index 1 200
    done
    run -0 ask /v2/models/other/versions/7
    [ "$(json inputs.0)" = "{'name': 'input', 'datatype': 'FP32', 'shape': [-1, 3, 32, 32]}" ]
    [ "$(json outputs.0)" = "{'name': 'fc', 'datatype': 'FP32', 'shape': [-1, 6]}" ]
    [ "$(json versions)" = "['7', '8']" ]
    for path in /v2/models/none /v2/models/other/versions/9 /v2/models/model/infer/x / /v2/models/; do
        run -0 ask $path
        assert_line --index 1 404
        [ -n "$(json error)" ]
    done
    curl -sf --unix-socket sock http://here/v2/health/live
    stop
    [ ! -e sock ]
}

@test "an image, as the body or in the protocol's three forms, gets the answer that infer gives" {
    serve "$MADE/model.coedge"
    coedge infer "$MADE/model.coedge" joint.png >expected
    run -0 image model
    assert_line --index 1 200
    python <<'PY'
import base64, json, math, struct, sys, urllib.request
url = sys.argv[1] + "/v2/models/model/infer"
image = open("joint.png", "rb").read()
expected = json.load(open("expected"))
def ask(message, raw=b"", raw_out=False):
    head = json.dumps(message).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))} if raw else {}
    with urllib.request.urlopen(urllib.request.Request(url, head + raw, headers)) as reply:
        body, length = reply.read(), reply.headers["Inference-Header-Content-Length"]
    assert (length is not None) == raw_out
    length = int(length) if length else len(body)
    return json.loads(body[:length]), body[length:]
element = struct.pack("<I", len(image)) + image
def given(n): return {"name": "input", "datatype": "BYTES", "shape": [n], "parameters": {"binary_data_size": n * len(element)}}
# raw bytes in and out, three samples
answer, raw = ask({"id": "a", "inputs": [given(3)], "parameters": {"binary_data_output": True}}, 3 * element, True)
assert answer["id"] == "a" and answer["outputs"][0]["shape"] == [3, 6] and len(raw) == 72
logits = struct.unpack("<18f", raw)
assert logits[:6] == logits[6:12] == logits[12:]
total = sum(math.exp(v) for v in logits[:6])
assert abs(math.exp(logits[expected["class"]]) / total - expected["score"]) < 1e-6
# base64 in JSON, classes out
encoded = {"name": "input", "datatype": "BYTES", "shape": [1], "parameters": {"content_type": "base64"},
           "data": [base64.b64encode(image).decode()]}
answer, _ = ask({"inputs": [encoded], "outputs": [{"name": "fc", "parameters": {"classification": 2}}]})
assert answer["outputs"][0]["shape"] == [1, 2] and answer["outputs"][0]["datatype"] == "BYTES"
for said, top in zip(answer["outputs"][0]["data"], expected["top"]):
    score, index, label = said.split(":")
    assert label == top["label"] and abs(float(score) - top["score"]) < 1e-6, (said, top)
# numbers in JSON and raw give the same
values = [math.sin(i) for i in range(2 * 3072)]
values = list(struct.unpack("<6144f", struct.pack("<6144f", *values)))
tensor = {"name": "input", "datatype": "FP32", "shape": [2, 3, 32, 32]}
answer, _ = ask({"inputs": [dict(tensor, data=values)]})
again, raw = ask({"inputs": [dict(tensor, parameters={"binary_data_size": 4 * len(values)})],
                  "outputs": [{"name": "fc", "parameters": {"binary_data": True}}]}, struct.pack("<6144f", *values), True)
assert list(struct.unpack("<12f", raw)) == [struct.unpack("<f", struct.pack("<f", v))[0] for v in answer["outputs"][0]["data"]]
PY
    stop
}

@test "the numbers are the runtime's: a tensor answered here is what infer writes" {
    serve "$MADE/model.coedge"
    /usr/bin/python3 -c 'import numpy; numpy.save("x.npy", numpy.linspace(-1, 1, 3072, dtype="<f4").reshape(1, 3, 32, 32))'
    coedge infer "$MADE/model.coedge" x.npy --tensors out
    tail -c 12288 x.npy >x.raw
    ask /v2/models/model/infer --data-binary @x.raw -H 'Inference-Header-Content-Length: 0' >answer
    /usr/bin/python3 -c 'import json, numpy
got = json.loads(open("answer").readline())["outputs"][0]["data"]
assert (numpy.array(got, "<f4") == numpy.load("out/output_0.npy").ravel()).all(), got'
}

@test "requests that share a run get the bits they get alone, and a bad one among them spoils nothing" {
    /usr/bin/python3 -c 'import random, struct
random.seed(1)
for i in range(8):
    open(f"{i}.raw", "wb").write(struct.pack("<3072f", *(random.gauss(0, 1) for _ in range(3072))))'
    (head -c 40 joint.png && printf 'and no more') >3.raw # an image that cannot be decoded
    answers() { # each asks for itself, all at once
        local i asking=()
        for i in {0..7}; do
            ask /v2/models/model/infer --data-binary @$i.raw -H 'Inference-Header-Content-Length: 0' >"$1.$i" 3>&- &
            asking+=($!)
        done
        wait "${asking[@]}"
    }
    serve --threads 1 "$MADE/model.coedge"
    answers alone
    stop
    serve --threads 1 --max-batch 8 --batch-delay 60000 "$MADE/model.coedge"
    answers together # the run is full: nobody waits for the delay to end
    [ "$(metric 'coedge_runs_total{model="model",version="1"}')" -eq 1 ]
    [ "$(metric 'coedge_samples_total{model="model",version="1"}')" -eq 7 ]
    stop
    for i in {0..7}; do cmp alone.$i together.$i; done
    grep -q '^400$' together.3
    # three samples wait for a fourth, and then go as two and one
    serve --threads 1 --max-batch 4 --batch-delay 300 "$MADE/model.coedge"
    run -0 ask /v2/models/model/infer --data-binary @<(cat {0..2}.raw) -H 'Inference-Header-Content-Length: 0'
    [ "$(metric 'coedge_runs_total{model="model",version="1"}')" -eq 2 ]
    stop
}

@test "a package's thresholds decide which class comes first, as infer says" {
    run -0 coedge infer "$MADE/model.coedge" joint.png
    second=$(json top.1.label)
    make_by_hand "$MADE/model.coedge" "$second" "$TESTDATA/solder.labels" <<'PY'
least = [1e-9 if label == sys.argv[2] else 0 for label in open(sys.argv[3]).read().split()]
write("eager.coedge", say(members(sys.argv[1]), r"^softmax:", f"thresholds: {least}\nsoftmax:"))
PY
    run -0 coedge infer eager.coedge joint.png
    [ "$(json label)" = "$second" ]
    serve eager.coedge
    printf '{"inputs": [{"name": "input", "datatype": "BYTES", "shape": [1], "parameters": {"content_type": "base64"},
        "data": ["%s"]}], "outputs": [{"name": "fc", "parameters": {"classification": 2}}]}' "$(base64 -w 0 joint.png)" >question
    run -0 ask /v2/models/eager/infer --data @question
    [[ $(json outputs.0.data.0) == *:$second ]]
    [[ $(json outputs.0.data.1) != *:$second ]]
    stop
}

@test "metrics are text that Prometheus reads, and they add up" {
    serve "$MADE/model.coedge"
    for _ in 1 2 3; do image model; done
    ask /v2/models/model/infer -d '{}'
    python <<'PY'
import re, sys, urllib.request
reply = urllib.request.urlopen(sys.argv[1] + "/metrics")
assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
typed, value = {}, {}
for line in reply.read().decode().splitlines():
    if line.startswith("# TYPE "):
        typed[line.split()[2]] = line.split()[3]
    elif not line.startswith("# HELP "):
        name, labels, number = re.fullmatch(r'([a-z_]+)((?:\{(?:[a-z]+="[^"\\\n]*",?)+\})?) ([0-9.e+-]+)', line).groups()
        assert re.sub("_(bucket|sum|count)$", "", name) in typed or name in typed, line
        assert (name, labels) not in value, line
        value[name, labels] = float(number)
which = '{model="model",version="1"'
buckets = [v for (name, labels), v in value.items() if name == "coedge_request_seconds_bucket"]
assert buckets == sorted(buckets) and buckets[-1] == 4 == value["coedge_request_seconds_count", which + "}"]
assert value["coedge_requests_total", which + ',status="200"}'] == 3
assert value["coedge_requests_total", which + ',status="400"}'] == 1
assert value["coedge_samples_total", which + "}"] == 3
assert value["coedge_queue_length", ""] == 0
PY
    stop
}

@test "a full queue is said, with when to come again" {
    serve --queue 1 "$MADE/model.coedge"
    python <<'PY'
import http.client, sys, threading
host = sys.argv[1].split("//")[1]
seen, full = [], threading.Event()
def ask():
    client = http.client.HTTPConnection(host)
    while not full.is_set(): # one of these meets another
        client.request("POST", "/v2/models/model/infer", bytes(12288 * 50), {"Inference-Header-Content-Length": "0"})
        reply = client.getresponse()
        reply.read()
        seen.append((reply.status, reply.headers["Retry-After"]))
        if reply.status != 200:
            full.set()
threads = [threading.Thread(target=ask) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
assert {status for status, _ in seen} == {200, 503}, seen
assert all(int(after) >= 1 for status, after in seen if status == 503), seen
PY
    [ "$(metric 'coedge_requests_total{model="model",version="1",status="503"}')" -ge 1 ]
    [ "$(metric coedge_queue_length)" -eq 0 ]
    run -0 image model
    assert_line --index 1 200
    stop
}

@test "a name of the store moves under load without a failed request, and a bad package leaves the old one" {
    export COEDGE_STORE=$PWD/store
    coedge push "$MADE/new.coedge" registry/solder:stable
    coedge pull registry/solder:stable --install
    serve @solder:stable
    cat >load.py <<'PY'
import collections, http.client, json, os, sys
client = http.client.HTTPConnection(sys.argv[1].split("//")[1])
seen = collections.Counter()
while not os.path.exists("enough"):
    client.request("POST", "/v2/models/solder/infer", bytes(12288), {"Inference-Header-Content-Length": "0"})
    reply = client.getresponse()
    body = json.loads(reply.read())
    assert reply.status == 200, body
    seen[body["parameters"]["identity"]] += 1
assert len(seen) == 2, seen
PY
    loads=()
    for _ in 1 2 3; do
        /usr/bin/python3 load.py "$URL" 3>&- &
        loads+=($!)
    done
    answered() { [ "$(metric 'coedge_samples_total{model="solder",version="stable"}')" -ge 20 ]; }
    wait_for answered
    coedge push "$MADE/model.coedge" registry/solder:stable
    coedge pull registry/solder:stable --install
    swapped() { [ "$(metric 'coedge_swaps_total{model="solder",version="stable",result="done"}')" = 1 ]; }
    wait_for swapped
    printf 'no package' >store/packages/bad.coedge
    ln -s ../../packages/bad.coedge store/installed/solder/.next
    mv -T store/installed/solder/.next store/installed/solder/stable
    refused() { [ "$(metric 'coedge_swaps_total{model="solder",version="stable",result="refused"}')" = 1 ]; }
    wait_for refused
    touch enough
    for load in "${loads[@]}"; do wait "$load"; done
    grep -q 'solder stays as it is: .*not a package' notes
    run -0 image solder
    assert_line --index 1 200
    stop
}

@test "SIGTERM answers what was begun, and takes no more" {
    serve "$MADE/model.coedge"
    # leave to send tells that the header is there: this request has begun
    python "$SERVER" <<'PY'
import os, signal, socket, sys
place = sys.argv[1].split("//")[1].split(":")
one = socket.create_connection(place)
one.sendall(b"POST /v2/models/model/infer HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: 0\r\n"
            b"Content-Length: 12288\r\nExpect: 100-continue\r\n\r\n")
assert one.recv(1000).startswith(b"HTTP/1.1 100 ")
os.kill(int(sys.argv[2]), signal.SIGTERM)
while True: # until nobody listens any more
    try:
        socket.create_connection(place).close()
    except ConnectionResetError: # was in the queue as it closed
        pass
    except ConnectionRefusedError:
        break
one.sendall(bytes(12288))
said = b""
while more := one.recv(65536):
    said += more
assert said.startswith(b"HTTP/1.1 200 ") and b"Connection: close" in said and said.endswith(b"]}]}"), said
PY
    wait "$SERVER"
    [ ! -e sock ]
}

@test "sockets of systemd are listened on, and readiness is told" {
    /usr/bin/python3 - "$MADE/model.coedge" >places 2>notes 3>&- <<'PY' &
import os, socket, sys
one = socket.socket(socket.AF_UNIX)
one.bind("given")
one.listen()
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind("told")
if os.fork() == 0:
    os.dup2(one.fileno(), 3)
    os.set_inheritable(3, True) # where it was 3 already
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET="told")
    os.execvp("coedge", ["coedge", "serve", "--exit-idle", "1", sys.argv[1]])
print(told.recv(100).decode(), flush=True)
print(told.recv(100).decode(), os.wait()[1], flush=True)
PY
    wait_for grep -q READY=1 places
    grep -q '^listening on unix:given$' places
    curl -sf --unix-socket given http://here/v2/health/ready
    wait_for grep -q 'STOPPING=1 0' places
    [ -e given ]
}

@test "a place that is taken, a name that means two things and a file that is no model end it at once" {
    serve "$MADE/model.coedge"
    run -4 coedge serve --listen "${URL#http://}" "$MADE/model.coedge"
    assert_output --partial "Address already in use"
    run -4 coedge serve --listen unix:sock "$MADE/model.coedge"
    stop
    run -2 coedge serve "$MADE/model.coedge" model="$MADE/new.coedge"
    assert_line --index 0 "coedge serve: two models are called model, version 1"
    run -2 coedge serve --listen 8080 "$MADE/model.coedge"
    assert_line --index 0 "coedge serve: '8080' is no place to listen"
    run -2 coedge serve --listen unix:x "a b=$MADE/model.coedge"
    run -3 coedge serve "$MADE/train.tar"
    run -4 coedge serve missing.coedge
    run -3 coedge serve @nothing
    LISTEN_FDS=99 LISTEN_PID=1 run -4 coedge serve --listen unix:/none/x "$MADE/model.coedge"
    run -0 coedge serve --json --exit-idle 1 --listen unix:other "$MADE/model.coedge"
    assert_output '{"listening":"unix:other"}'
    # a socket whose server was killed is no obstacle
    serve "$MADE/model.coedge"
    kill -KILL "$SERVER"
    wait "$SERVER" || true
    [ -S sock ]
    serve "$MADE/model.coedge"
    stop
}
