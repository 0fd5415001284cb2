load ../../scripts/bats-helper
load ../../scripts/bats-fixture

# A large model in two: head.coedge stays here, the tail is served; small.coedge is what answers here alone.
setup_file_more() {
    coedge split model.coedge --at pool2 -o head.coedge,tail.coedge
    coedge split model.coedge --at pool1 -o head1.coedge,tail1.coedge
    coedge train-local model.coedge --data train.tar --steps 1 --lr 0.5 --optimizer sgd -o small.coedge
    coedge split small.coedge --at pool2 -o other-head.coedge,other-tail.coedge
    coedge dataset synth solder --count 6 --size 32 --privacy edge-private --seed 3 -o site.tar
}

# Serves tail=FILE; its address, through a proxy that keeps all bytes that go to it in `sniffed`, in $tail.
begin_tail() {
    cp "$1" served.coedge
    coedge serve tail=served.coedge --listen unix:sock >where 2>log 3>&- & server=$!
    for _ in $(seq 500); do [ -S sock ] && break; sleep 0.02; done
    cat >proxy.py <<'PY'
import socket, threading
def pump(source, target, log):
    while data := source.recv(65536):
        if log:
            with open("sniffed", "ab") as out:
                out.write(data)
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)
listener = socket.create_server(("127.0.0.1", 0))
open("port", "w").write(str(listener.getsockname()[1]))
while True:
    client = listener.accept()[0]
    server = socket.socket(socket.AF_UNIX)
    server.connect("sock")
    threading.Thread(target=pump, args=(client, server, True), daemon=True).start()
    threading.Thread(target=pump, args=(server, client, False), daemon=True).start()
PY
    /usr/bin/python3 proxy.py 2>proxy.log 3>&- & proxy=$!
    for _ in $(seq 500); do [ -s port ] && break; sleep 0.02; done
    tail=http://127.0.0.1:$(cat port)/v2/models/tail
}

end_tail() {
    kill ${server:-} ${proxy:-} 2>/dev/null || true
    wait ${server:-} ${proxy:-} || true
    rm -f sock port sniffed
}
teardown() { end_tail; }

# How often `sniffed` has something of a shard's pictures: a signature, 16 bytes of a file, 64 of pixels as bytes or reals.
sniff() {
    /usr/bin/python3 - "$1" <<'PY'
import io, numpy, sys, tarfile
from PIL import Image
wire = open("sniffed", "rb").read()
assert len(wire) > 1000 and b"POST /v2/models/tail/infer" in wire
found = sum(s in wire for s in (b"\x89PNG", b"\xff\xd8\xff", b"IDAT", b"JFIF"))
with tarfile.open(sys.argv[1]) as tar:
    files = [tar.extractfile(m).read() for m in tar if m.name.endswith(".png")]
for body in files:
    pixels = numpy.asarray(Image.open(io.BytesIO(body)).convert("RGB"))
    forms = [(body, 16)]
    for array in (pixels, pixels.transpose(2, 0, 1)):
        real = array.astype("<f4")
        forms += [(v.tobytes(), 64) for v in (array, real, real / 255, ((real / 255 - 0.5) / 0.5).astype("<f4"))]
    for data, run in forms:
        pieces = {data[at:at + run] for at in range(0, len(data) - run, 8)}
        found += sum(piece in wire for piece in pieces if len(set(piece)) > 4)
print(found)
PY
}

@test "features go to the tail instead of pictures, and its answers are the whole model's" {
    begin_tail "$MADE/tail.coedge"
    coedge infer "$MADE/model.coedge" "$MADE/site.tar" --emit key,label,score >whole
    printf 'remotes:\n  plant: {url: "%s", clearance: {data: public, features: edge-private}}\n' "$tail" >my.yaml
    export COEDGE_CONFIG=$PWD/my.yaml
    coedge infer "$MADE/small.coedge" "$MADE/site.tar" --hard confidence:1 --offload plant --head "$MADE/head.coedge" \
        --emit key,label,score,route,sent >said
    [ "$(grep -c '"route":"cloud","sent":' said)" -eq 6 ]
    sed 's/,"route".*/}/' said | cmp - whole
    [ "$(sniff "$MADE/site.tar")" -eq 0 ]
    # the sniffer finds pictures where they are sent
    end_tail
    begin_tail "$MADE/model.coedge"
    coedge infer "$MADE/small.coedge" "$MADE/site.tar" --hard confidence:1 --offload "$tail" --clearance edge-private >/dev/null
    [ "$(sniff "$MADE/site.tar")" -gt 6 ]
}

@test "features of 8 bits go to an 8-bit tail" {
    coedge quantize "$MADE/model.coedge" --calibrate "$MADE/val.tar" -o int8.coedge
    coedge split int8.coedge --at pool2 -o head8.coedge,tail8.coedge
    begin_tail tail8.coedge
    coedge infer int8.coedge "$MADE/val.tar" --emit key,label,score >whole
    coedge infer "$MADE/small.coedge" "$MADE/val.tar" --hard confidence:1 --offload "$tail" --head head8.coedge \
        --emit key,label,score | cmp - whole
}

@test "a tail of another head is not asked, be it exchanged under way, and no picture goes to a tail" {
    begin_tail "$MADE/tail.coedge"
    ask() { coedge infer "$MADE/small.coedge" "$MADE/val.tar" --hard confidence:1 --offload "$tail" --emit route "$@"; }
    ask --head "$MADE/head1.coedge" >routes
    run ! grep cloud routes
    ask >routes
    run ! grep cloud routes
    run ! grep -a POST sniffed
    # of two frames the first is asked about before the exchange, the second behind it
    /usr/bin/python3 -c 'from PIL import Image
for i in range(2):
    Image.new("RGB", (64, 64), (90 * i, 90, 120)).save(f"{i}.jpg")'
    mkfifo in
    coedge infer "$MADE/small.coedge" --hard confidence:1 --offload "$tail" --clearance edge-private \
        --head "$MADE/head.coedge" --emit route <in >routes 3>&- & run=$!
    exec 7>in
    cat 0.jpg >&7
    for _ in $(seq 500); do [ -s routes ] && break; sleep 0.02; done
    kill "$server"
    wait "$server" || true
    coedge serve "tail=$MADE/other-tail.coedge" --listen unix:sock >where 2>log 3>&- 7>&- & server=$!
    for _ in $(seq 500); do [ -S sock ] && break; sleep 0.02; done
    cat 1.jpg >&7
    exec 7>&-
    wait $run
    [ "$(cut -d'"' -f4 routes | tr '\n' ' ')" = "cloud edge-fallback " ]
    curl -s --unix-socket sock http://x/metrics | grep -x 'coedge_samples_total{model="tail",version="1"} 1' # it had answered
}

@test "features are as private as the head that made them" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/site.tar" --steps 1 -o private.coedge
    coedge split private.coedge --at pool2 -o head.coedge,tail.coedge
    local ask=(coedge infer "$MADE/small.coedge" "$MADE/val.tar" --hard confidence:1 --offload http://127.0.0.1:9/v2/models/m)
    run -6 "${ask[@]}" --head head.coedge
    assert_line --index 0 --partial "the head is edge-private, --offload is cleared for features of public"
    run -0 --separate-stderr "${ask[@]}" --head head.coedge --keep-private --emit route
    [[ "$stderr" == *"features are edge-private and stay here"* ]]
    [ "$(sort -u <<<"$output")" = '{"route":"edge"}' ]
}

@test "what is no head is refused before a sample is read, and what would let pictures through" {
    local ask=(coedge infer "$MADE/small.coedge" "$MADE/val.tar" --hard confidence:1 --offload http://127.0.0.1:9/v2/models/m)
    for package in "$MADE/model.coedge" "$MADE/tail.coedge"; do
        run -2 "${ask[@]}" --head "$package"
        assert_line --index 0 "coedge infer: --head: expected the first part of a model that was split"
    done
    run -2 coedge infer "$MADE/small.coedge" "$MADE/val.tar" --head "$MADE/head.coedge"
    assert_output --partial "--head without --offload"
    cat >residual.yaml <<'YAML'
name: residual
graph:
  inputs:
    - {name: image, shape: [-1, 3, 32, 32]}
  weights:
    - {name: conv.weight, shape: [3, 3, 3, 3]}
    - {name: fc.weight, shape: [6, 3]}
  nodes:
    - {name: conv, op: Conv, inputs: [image, conv.weight], attributes: {pads: [1, 1, 1, 1]}}
    - {name: pool, op: AveragePool, inputs: [image], attributes: {kernel_shape: [3, 3], pads: [1, 1, 1, 1]}}
    - {name: sum, op: Add, inputs: [conv, image]}
    - {name: both, op: Add, inputs: [sum, pool]}
    - {name: mean, op: GlobalAveragePool, inputs: [both]}
    - {name: flat, op: Flatten, inputs: [mean]}
    - {name: fc, op: Gemm, inputs: [flat, fc.weight], attributes: {transB: 1}}
  outputs: [fc]
YAML
    coedge new residual.yaml --labels "$TESTDATA/solder.labels" -o residual.coedge
    coedge split residual.coedge --at conv -o raw.coedge,rest.coedge
    run -6 "${ask[@]}" --head raw.coedge
    assert_line --index 0 "coedge infer: --head: what it sends has the picture in it: cut at another node"
    run -6 coedge split residual.coedge --at conv -o no.coedge,never.coedge --keep-input
    assert_line --index 0 "coedge split: no.coedge: the input itself crosses the cut"
    [ ! -e no.coedge ] && [ ! -e never.coedge ]
    run -6 coedge split residual.coedge --at both -o no.coedge,never.coedge --keep-input # conv(image) + image
}
