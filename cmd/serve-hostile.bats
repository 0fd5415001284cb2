# Clients of coedge serve that send what is wrong, too much or too slowly.
load ../scripts/bats-helper
load ../scripts/bats-fixture
load ../scripts/bats-serving

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
