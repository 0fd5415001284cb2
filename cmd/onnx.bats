#!/usr/bin/env bats
# ONNX models in: read by content, made plain, refused by name.

load ../scripts/bats-helper

cases="$BATS_TEST_DIRNAME/../testdata/onnx/cases.tar"

# Python on standard input, with the words of scripts/make-hostile-onnx: models written field by field.
make_models() {
    { echo "import importlib.machinery, struct, sys"
      echo "make = importlib.machinery.SourceFileLoader('make', sys.argv[1]).load_module()"
      echo "globals().update(vars(make))"
      cat; } >models.py
    PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -W ignore models.py "$ROOT/scripts/make-hostile-onnx"
}

@test "graphs as exporters write them give the answers of numpy and PyTorch" {
    run "$BATS_TEST_DIRNAME/../scripts/onnx-conformance" --rtol 1e-4 --atol 1e-5 "$cases"
    assert_success
    assert_output --regexp '^[0-9]+ passed, 0 failed, 0 skipped$'
}

@test "TensorFlow's pairs of Transposes and Pads are gone" {
    tar xf "$cases" -C "$BATS_TEST_TMPDIR"
    for name in tf_plain tf_pad tf_branches; do
        run coedge inspect "$BATS_TEST_TMPDIR/$name/model.onnx" --json
        assert_success
        [ "$(grep -o '"op":"Transpose"' <<<"$output" | wc -l)" -eq 1 ]
        refute_output --partial '"op":"Pad"'
    done
}

@test "a model is known by its content, also on standard input" {
    tar xf "$cases" -C "$BATS_TEST_TMPDIR" tf_plain
    cp "$BATS_TEST_TMPDIR/tf_plain/model.onnx" "$BATS_TEST_TMPDIR/odd.name"
    run coedge inspect "$BATS_TEST_TMPDIR/odd.name"
    assert_success
    run bash -c "coedge inspect - <'$BATS_TEST_TMPDIR/odd.name'"
    assert_success
    assert_output --partial 'Gemm'
}

@test "what leaves as ONNX answers as what came in" {
    tar xf "$cases"
    for folder in */; do
        coedge convert "$folder/model.onnx" -o "$folder/again.onnx"
        mv "$folder/again.onnx" "$folder/model.onnx"
    done
    run "$ROOT/scripts/onnx-conformance" --rtol 1e-4 --atol 1e-5 .
    assert_success
    assert_output --regexp '^[0-9]+ passed, 0 failed, 0 skipped$'
}

@test "a package of an imported model answers as the model, with its bits" {
    tar xf "$cases"
    for name in tf_branches any_size quantized_pairs qlinear_net nonzero_tail; do
        coedge convert "$name/model.onnx" -o "$name.coedge"
        coedge verify "$name.coedge"
        coedge infer "$name/model.onnx" "$name"/test_data_set_0/input_*.pb --tensors one
        coedge infer "$name.coedge" "$name"/test_data_set_0/input_*.pb --tensors two
        cmp one/output_0.npy two/output_0.npy
    done
}

@test "an imported model is pruned, quantized, split and tuned" {
    tar xf "$cases" softmax_at_the_end
    coedge dataset synth solder --size 16 --count 60 -o set.tar
    coedge new solder-cnn --input 3x16x16 --classes 6 -o new.coedge
    coedge convert new.coedge -o theirs.onnx
    coedge prune theirs.onnx --sparsity 0.5 -o pruned.coedge
    coedge quantize theirs.onnx --calibrate set.tar -o int8.coedge
    coedge split theirs.onnx --at pool2 -o head.coedge,tail.coedge
    coedge infer head.coedge set.tar | coedge infer tail.coedge - >parts.ndjson
    coedge infer theirs.onnx set.tar --emit key,label,score >whole.ndjson
    [ "$(wc -l <parts.ndjson)" -eq 60 ]
    cmp <(sed 's/,"top.*//' parts.ndjson | cut -d, -f1,2) <(cut -d, -f1,2 whole.ndjson)
    coedge train-local theirs.onnx --data set.tar --epochs 1 -o tuned.coedge
    run -0 coedge eval tuned.coedge --data set.tar --against theirs.onnx --require 'loss<1x'
}

@test "a closing Softmax leaves when the model learns, and answers stay probabilities" {
    coedge dataset synth solder --size 16 --count 30 -o set.tar
    coedge new solder-cnn --input 3x16x16 --classes 6 -o new.coedge
    coedge convert new.coedge -o plain.onnx
    /usr/bin/python3 - <<'PY'
# a Softmax behind the last node, by hand: field 7 is the graph, 1 a node, 12 an output
import re
data = open("plain.onnx", "rb").read()

def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])

def fields(data):
    at = 0
    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        tag = read()
        if tag & 7 == 0:
            yield tag >> 3, read()
        else:
            size = read()
            yield tag >> 3, data[at : at + size]
            at += size

def message(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body

whole, graph = b"", b""
for number, value in fields(data):
    if number != 7 and not (number == 14 and b"softmax" in value):
        whole += message(number, value) if isinstance(value, bytes) else varint(number << 3) + varint(value)
    elif number == 7:
        graph = value
node = message(1, b"fc") + message(2, b"prob") + message(3, b"prob") + message(4, b"Softmax")
body = b""
for number, value in fields(graph):
    if number == 12:
        body += message(1, node) + message(12, value.replace(b"\n\x02fc", b"\n\x04prob"))
    else:
        body += message(number, value)
open("softmax.onnx", "wb").write(whole + message(7, body))
PY
    coedge train-local softmax.onnx --data set.tar --epochs 1 --seed 3 -o a.coedge
    coedge train-local plain.onnx --data set.tar --epochs 1 --seed 3 -o b.coedge
    cmp <(coedge infer a.coedge set.tar --emit key,label,score) <(coedge infer b.coedge set.tar --emit key,label,score)
}

@test "control flow, another domain and a misspelt attribute are refused by name" {
    local hostile="$TESTDATA/hostile/onnx"
    for pair in "if-body:If:control flow is not run here" "loop-body:Loop:control flow is not run here" \
        "other-domain:Relu:domain '" "unknown-attribute:Relu:has no attribute '" \
        "unknown-operator:Rellu:not known here"; do
        IFS=: read -r file op reason <<<"$pair"
        run -3 coedge inspect --check "$hostile/$file.onnx"
        assert_output --partial "$op"
        assert_output --partial "$reason"
        run -3 coedge inspect "$hostile/$file.onnx"
        assert_output --partial "$reason"
    done
    tar xf "$cases" tf_plain
    run -0 coedge inspect --check tf_plain/model.onnx
    assert_output "all 13 nodes run here (opset 13)"
}

@test "--check lists all that cannot run, not the first alone" {
    /usr/bin/python3 - <<'PY'
def message(number, body):
    return bytes([number << 3 | 2, len(body)]) + body

def node(op, to):
    return message(1, message(1, b"x") + message(2, to) + message(3, b"n" + to) + message(4, op))

shape = message(1, bytes([8, 1]) + message(2, message(1, b"\x08\x02")))
graph = node(b"Loop", b"a") + node(b"Relu", b"b") + node(b"Teleport", b"c") + message(2, b"g")
graph += message(11, message(1, b"x") + message(2, shape)) + message(12, message(1, b"b") + message(2, shape))
open("two.onnx", "wb").write(b"\x08\x08" + message(8, message(1, b"") + b"\x10\x0d") + message(7, graph))
PY
    run -3 --separate-stderr coedge inspect --check two.onnx --json
    assert_output '{"opset":13,"nodes":3,"problems":[{"node":"na","op":"Loop","opset":13,"reason":"control flow is not run here"},{"node":"nc","op":"Teleport","opset":13,"reason":"not known here"}]}'
    [[ $stderr == *"2 of 3 nodes cannot run here"* ]]
}

@test "tensors of another type, shape or number are told" {
    tar xf "$cases" reshape_by_input tf_plain
    run -3 coedge infer reshape_by_input/model.onnx reshape_by_input/test_data_set_0/input_0.pb --tensors out
    assert_output --partial "1 tensors, the model has 2 inputs"
    in=reshape_by_input/test_data_set_0
    run -3 coedge infer reshape_by_input/model.onnx $in/input_1.pb $in/input_0.pb --tensors out
    assert_output --partial "input 'x' is I64, expected F32"
    run -3 coedge infer tf_plain/model.onnx $in/input_0.pb --tensors out
    assert_output --partial "input 'x' has shape [2, 6], expected [-1, 8, 8, 3]"
}

@test "bytes that a model takes and dequantizes itself stay what they are" {
    make_models <<'PY'
def number_of(name, kind, raw):
    return tensor(name, (), kind, raw)
half, zero = number_of("s", FLOAT, struct.pack("<f", 0.5)), number_of("z", 2, bytes([2]))
fine, none = number_of("t", FLOAT, struct.pack("<f", 0.25)), number_of("n", 2, bytes([0]))
one = tensor("i", (1, 1, 1, 1), 3, bytes([1])), number_of("k", FLOAT, struct.pack("<f", 1)), number_of("m", 3, bytes(1))
for name, clamp in ("clamped", [node("Relu", ["r"], ["c"])]), ("plain", []):
    nodes = ([node("DequantizeLinear", ["x", "s", "z"], ["r"])] + clamp +
             [node("QuantizeLinear", ["c" if clamp else "r", "t", "n"], ["q"]),
              node("DequantizeLinear", ["q", "t", "n"], ["d"]), node("DequantizeLinear", ["i", "k", "m"], ["w"]),
              node("Conv", ["d", "w"], ["y"])])
    open(name + ".onnx", "wb").write(model(graph(nodes, (half, zero, fine, none) + one,
         [value("x", (1, 1, 2, 2), 2)], [value("y", (1, 1, 2, 2))])))
open("x.pb", "wb").write(tensor("x", (1, 1, 2, 2), 2, bytes([0, 2, 5, 100])))
PY
    for name in clamped plain; do
        coedge infer $name.onnx x.pb --tensors out
        # (5 - 2) / 2, (100 - 2) / 2; below zero is cut off
        run /usr/bin/python3 -c 'import struct; print(*struct.unpack("<4f", open("out/output_0.npy", "rb").read()[-16:]))'
        assert_output "0.0 0.0 1.5 49.0"
    done
}

@test "names with control characters are made visible and can be packed" {
    make_models <<'PY'
nodes = node("Relu", ["x"], ["a\nb"], "one\x1b[31m"), node("Neg", ["a\nb"], ["y"], "two\t")
open("names.onnx", "wb").write(model(graph(nodes)))
PY
    coedge convert names.onnx -o names.coedge
    run -0 coedge inspect names.coedge
    assert_output --partial 'one\x1b[31m'
    coedge split names.coedge --at 'one\x1b[31m' -o head.coedge,tail.coedge
    mv names.onnx $'two\nlines.onnx' # a model is called as its file is
    coedge convert $'two\nlines.onnx' -o named.coedge
    coedge inspect named.coedge | grep -F 'two\x0alines:'
}

@test "--check finds an output that no node makes" {
    make_models <<'PY'
open("none.onnx", "wb").write(model(graph([RELU], outputs=[value("nowhere")])))
PY
    run -3 coedge inspect --check none.onnx
    assert_output --regexp "nowhere +\\(output\\) +13 +no node makes this output"
}

@test "tensors that are too few or too many are told all that is wanted" {
    tar xf "$cases" reshape_by_input
    run -3 coedge infer reshape_by_input/model.onnx reshape_by_input/test_data_set_0/input_0.pb
    assert_line --index 1 --regexp "^hint: in this order: 'x' F32 \\[.*\\], '[a-z]+' I64 \\[[0-9]+\\]$"
}

@test "an image is refused with what to do by a model without preprocessing" {
    tar xf "$cases" tf_plain
    coedge dataset synth solder --size 16 --count 6 -o set.tar
    for command in "infer tf_plain/model.onnx" "eval tf_plain/model.onnx --data"; do
        run -3 coedge $command set.tar
        assert_line --index 0 --partial "an image, but the model takes tensors"
        assert_line --index 1 --partial "hint: coedge convert --preprocess"
    done
}

@test "a model that answers in integers runs on tensors, and it is said how" {
    make_models <<'PY'
open("most.onnx", "wb").write(model(graph([node("ArgMax", ["x"], ["y"])], outputs=[value("y", (1, 2), INT64)])))
header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }".ljust(117) + b"\n"
open("x.npy", "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<4f", 1, 2, 3, 0))
PY
    run -3 coedge infer most.onnx x.npy
    assert_line --index 0 --partial "the model's output is I64, expected F32"
    assert_line --index 1 --partial "hint: coedge infer MODEL INPUT.npy --tensors DIR"
    run -0 coedge infer most.onnx x.npy --tensors out
}

@test "an input of bytes takes tensors: preprocessing for it is refused" {
    make_models <<'PY'
real = attribute("to", 2, number(3, FLOAT))
open("bytes.onnx", "wb").write(model(graph([node("Cast", ["x"], ["y"], attributes=[real])], inputs=[value("x", (1, 3, 8, 8), 2)])))
PY
    run -2 coedge convert bytes.onnx --preprocess mean=0,std=1/255 -o bytes.coedge
    assert_output --partial "--preprocess: the input 'x' is U8, expected F32"
    [ ! -e bytes.coedge ]
}

# odd NAME [INPUT] OUTPUT NODE...: a model by hand; W is a constant [1, 6], a node is OP,IN,OUT
odd() {
    /usr/bin/python3 - "$@" <<'PY'
import sys

def put(field, data):
    head = bytes([field << 3 | (0 if isinstance(data, int) else 2)])
    return head + (bytes([data]) if isinstance(data, int) else varint(len(data)) + data)

def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

def info(name, dims):
    shape = b"".join(put(1, put(1, d)) for d in dims)
    return put(1, name.encode()) + put(2, put(1, put(1, 1) + put(2, shape)))

name, inputs, outputs, *nodes = sys.argv[1:]
graph = b""
for one in nodes:
    op, read, made = one.split(",")
    graph += put(1, put(1, read.encode()) + put(2, made.encode()) + put(4, op.encode()))
graph += put(2, b"g") + put(5, put(1, 1) + put(1, 6) + put(2, 1) + put(8, b"W") + put(9, bytes(24)))
for one in inputs.split():
    graph += put(11, info(one, (1, 3, 16, 16)))
for one in outputs.split():
    graph += put(12, info(one, ()))
open(name, "wb").write(put(1, 8) + put(7, graph) + put(8, put(2, 17)))
PY
}

@test "models of constants, without inputs, nodes or outputs are run or refused in a line" {
    coedge dataset synth solder --size 16 --count 6 -o set.tar
    odd constant.onnx x W Neg,x,y
    odd no_inputs.onnx '' y Neg,W,y
    odd no_nodes.onnx x x
    odd no_outputs.onnx x '' Neg,x,y
    for name in constant no_nodes; do
        coedge convert "$name.onnx" --preprocess mean=0.5,std=0.5 -o "$name.coedge"
        coedge verify "$name.coedge"
        coedge convert "$name.coedge" -o again.onnx
        run -0 coedge infer "$name.coedge" set.tar
        run -3 coedge quantize "$name.coedge" --calibrate set.tar -o q.coedge
        run -3 coedge train-local "$name.coedge" --data set.tar --epochs 1 -o q.coedge
        run -2 coedge split "$name.coedge" --at y -o a.coedge,b.coedge
        run -0 coedge prune "$name.coedge" --sparsity 0.5 --structure channel -o q.coedge
    done
    run -0 coedge eval constant.coedge --data set.tar
    run -0 coedge infer no_inputs.onnx --tensors out
    [ -s out/output_0.npy ]
    run -3 coedge convert no_inputs.onnx -o q2.coedge
    assert_output --partial 'the model has no input'
    [ ! -e q2.coedge ]
    for command in 'inspect --check' inspect verify; do
        run -3 coedge $command no_outputs.onnx
        assert_output --partial 'the graph has no output'
    done
}
