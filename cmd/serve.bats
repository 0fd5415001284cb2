load ../scripts/bats-helper
load ../scripts/bats-fixture

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

@test "what is wrong with a request is said, with the status for it" {
    serve --max-body 100000 "$MADE/model.coedge"
    python <<'PY'
import http.client, json, sys
host = sys.argv[1].split("//")[1]
one = '{"inputs":[{"name":"%s","datatype":"%s","shape":%s,"data":%s}]%s}'
good = "[" + ",".join("0" * 3072) + "]"
rows = [
    ("", {}, 400, "unexpected token"),
    ("[]", {}, 400, "expected a JSON object"),
    (one % ("x", "FP32", "[1,3,32,32]", good, ""), {}, 400, "input 'input' is missing"),
    (one % ("input", "FP64", "[1,3,32,32]", good, ""), {}, 400, "is FP64, expected FP32 or encoded images"),
    (one % ("input", "FP32", "[3,32,32]", good, ""), {}, 400, "has shape [3, 32, 32], expected [-1, 3, 32, 32]"),
    (one % ("input", "FP32", "[0,3,32,32]", "[]", ""), {}, 400, "has no sample"),
    (one % ("input", "FP32", "[1,3,32,32]", "[1]", ""), {}, 400, "1 values, the shape says 3072"),
    (one % ("input", "FP32", "[1,3,32,32]", good, ',"outputs":[{"name":"y"}]'), {}, 400, "no output 'y'"),
    (one % ("input", "BYTES", "[1]", '["no image"]', ""), {}, 400, "sample 0: "),
    ("x" * 10, {"Inference-Header-Content-Length": "11"}, 400, "the body has 10 bytes"),
    ("x" * 10, {"Inference-Header-Content-Length": "-1"}, 400, "expected a number of bytes"),
    ("x" * 10, {"Inference-Header-Content-Length": "0"}, 400, "a sample of FP32 needs 12288"),
    ("x" * 10, {"Content-Encoding": "gzip"}, 415, "identity"),
    ("x" * 100001, {}, 413, "larger"),
    ("x" * 300000, {}, 413, "larger"),
    (iter([b"x" * 60000] * 2), {}, 413, "larger"),
]
for body, headers, status, message in rows:
    client = http.client.HTTPConnection(host)
    try:
        client.request("POST", "/v2/models/model/infer", body, headers)
    except (BrokenPipeError, ConnectionResetError):
        pass # answered before all was sent
    try:
        reply = client.getresponse()
    except ConnectionResetError:
        assert status == 413 and len(body) > 200000
        continue
    said = json.loads(reply.read())["error"]
    assert reply.status == status and message in said, (status, message, reply.status, said)
client = http.client.HTTPConnection(host)
for method, path, status, allow in [("GET", "/v2/models/model/infer", 405, "POST, OPTIONS"), ("POST", "/v2", 405, "GET, HEAD, OPTIONS"),
                                    ("OPTIONS", "/v2/models/model/infer", 204, "POST, OPTIONS"), ("HEAD", "/v2", 200, None),
                                    ("DELETE", "/v2/models/model", 405, "GET, HEAD, OPTIONS")]:
    client.request(method, path)
    reply = client.getresponse()
    reply.read()
    assert reply.status == status and reply.headers["Allow"] == allow, (method, path, reply.status)
client.request("GET", "/v2", headers={"X": "y" * 70000})
assert client.getresponse().status == 431
PY
    # a client that asks for leave first is told before it sends
    run -0 ask /v2/models/model/infer -H 'Expect: 100-continue' --data-binary @<(head -c 150000 /dev/zero)
    assert_line --index 1 413
    run -0 ask /v2/models/model/infer -H 'Expect: 100-continue' -H 'Inference-Header-Content-Length: 0' --data-binary @joint.png
    assert_line --index 1 200
    [ "$(metric 'coedge_requests_total{model="model",version="1",status="400"}')" -eq 12 ]
    stop
}

@test "what libmicrohttpd refuses by itself has its status, and a page of its own" {
    serve "$MADE/model.coedge"
    /usr/bin/python3 - "$URL" <<'PY'
import socket, sys
host = sys.argv[1].split("//")[1].split(":")
infer = "POST /v2/models/model/infer HTTP/1.1\r\nHost: x\r\n"
for status, request in [(400, infer + "Content-Length: x\r\n\r\n"),
                        (400, infer + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"),
                        (413, infer + "Content-Length: 99999999999999999999999\r\n\r\n"),
                        (414, "GET /" + "a" * 70000 + " HTTP/1.1\r\nHost: x\r\n\r\n"),
                        (431, "GET /v2 HTTP/1.1\r\nHost: x\r\nX: " + "a" * 70000 + "\r\n\r\n"),
                        (505, "GET /v2 HTTP/2.7\r\nHost: x\r\n\r\n")]:
    with socket.create_connection(host) as client:
        client.sendall(request.encode())
        reply = client.makefile("rb").read() # to the end: the connection is closed
    assert reply.startswith(b"HTTP/1.1 %d " % status) and reply.endswith(b"</html>"), (status, reply)
PY
    run -0 ask /v2/health/live
    assert_line --index -1 200
    stop
}

@test "ten thousand malformed requests leave it alive, and no larger" {
    serve "$MADE/model.coedge"
    cat >broken.py <<'PY'
import glob, http.client, random, socket, sys
host = sys.argv[1].split("//")[1]
random.seed(1)
samples = []
for name in sorted(glob.glob(sys.argv[2] + "/oip/*")):
    head, _, body = open(name, "rb").read().partition(b"\n")
    if head.startswith(b"request"):
        samples.append((head.split(b" ")[1].decode(), body))
client = http.client.HTTPConnection(host)
for i in range(int(sys.argv[3])):
    length, body = random.choice(samples)
    if i % 3 == 0 and body:
        at = random.randrange(len(body))
        body = body[:at] + bytes([random.randrange(256)]) + body[at + 1:]
    client.request("POST", "/v2/models/model/infer", body, {} if length == "-" else {"Inference-Header-Content-Length": length})
    reply = client.getresponse()
    reply.read()
    assert reply.status == 400, (reply.status, body)
    if i % 100 == 0: # and what is not even HTTP
        with socket.create_connection(host.split(":")) as other:
            other.sendall(random.randbytes(200))
PY
    resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$SERVER/status"; }
    /usr/bin/python3 broken.py "$URL" "$TESTDATA/hostile" 1000
    before=$(resident)
    /usr/bin/python3 broken.py "$URL" "$TESTDATA/hostile" 9000
    echo "$before kB before, $(resident) kB after"
    [ "$MODE" = asan ] || [ "$(resident)" -lt $((before + 2048)) ] # which keeps what was freed
    run -0 image model
    assert_line --index 1 200
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

@test "clients that drip or break off take nothing from the others, and are closed" {
    serve --timeout 1 "$MADE/model.coedge"
    python <<'PY'
import http.client, select, socket, struct, sys, time
host, port = sys.argv[1].split("//")[1].split(":")
slow = [socket.create_connection((host, int(port))) for _ in range(200)]
for i, one in enumerate(slow):
    one.sendall(b"POST /v2/models/model/infer HTTP/1.1\r\nHost: x\r\n" + (b"Content-Length: 100000\r\n\r\n" if i % 2 else b"X: "))
def good(count):
    client = http.client.HTTPConnection(host, int(port))
    for _ in range(count):
        client.request("POST", "/v2/models/model/infer", bytes(12288), {"Inference-Header-Content-Length": "0"})
        reply = client.getresponse()
        reply.read()
        assert reply.status == 200
closed = set()
while len(closed) < len(slow): # each of them drips, and is closed all the same
    good(5)
    for one in slow:
        if one in closed:
            continue
        try:
            one.send(b"x")
            if select.select([one], [], [], 0)[0] and one.recv(100) in (b"",):
                closed.add(one)
        except (BrokenPipeError, ConnectionResetError):
            closed.add(one)
    time.sleep(0.2)
for _ in range(50): # reset in the middle of a reply, and half open
    one = socket.create_connection((host, int(port)))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.sendall(b"POST /v2/models/model/infer HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: 0\r\nContent-Length: 12288\r\n\r\n" + bytes(12288))
    one.close()
one = socket.create_connection((host, int(port))) # pipelined
one.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
said = b""
while said.count(b'{"live":true}') < 20:
    said += one.recv(65536)
good(5)
PY
    [ "$(metric coedge_overdue_connections_total)" -ge 1 ]
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
