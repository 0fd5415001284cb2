load ../scripts/bats-helper
load ../scripts/bats-fixture

# open.onnx: a convolution of any image and its mean, three classes; height and width have names, no sizes.
make_open() {
    PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -W ignore - "$ROOT/scripts/make-hostile-onnx" <<'PY'
import importlib.machinery, struct, sys
make = importlib.machinery.SourceFileLoader("make", sys.argv[1]).load_module()
def open_value(name, *dims):
    shape = b"".join(make.body(1, make.number(1, d) if isinstance(d, int) else make.body(2, d)) for d in dims)
    return make.body(1, name) + make.body(2, make.body(1, make.number(1, make.FLOAT) + make.body(2, shape)))
w = make.tensor("w", (3, 3, 1, 1), raw=struct.pack("<9f", *(i / 9 for i in range(9))))
nodes = make.node("Conv", ["x", "w"], ["c"]), make.node("GlobalAveragePool", ["c"], ["p"]), make.node("Flatten", ["p"], ["y"])
graph = (b"".join(make.body(1, n) for n in nodes) + make.body(2, "open") + make.body(5, w) +
         make.body(11, open_value("x", "n", 3, "h", "w")) + make.body(12, open_value("y", "n", 3)))
open("open.onnx", "wb").write(make.number(1, 7) + make.body(7, graph) + make.body(8, make.number(2, 13)))
PY
}

@test "a package that went through ONNX answers as before" {
    coedge convert "$MADE/model.coedge" -o model.onnx
    coedge convert model.onnx -o back.coedge
    coedge infer --emit key,label,score "$MADE/model.coedge" "$MADE/val.tar" >before
    coedge infer --emit key,label,score back.coedge "$MADE/val.tar" >after
    [ "$(wc -l <before)" -eq 72 ]
    cmp before after
    tar -xOf back.coedge model.yaml | grep -q '"\?command"\?: convert'
}

@test "convert reads standard input and writes standard output, a package unless --format says otherwise" {
    coedge convert <"$MADE/model.coedge" | coedge inspect - | grep -q conv1
    coedge convert "$MADE/model.coedge" --format onnx | coedge inspect - | grep -q conv1
    coedge convert "$MADE/model.coedge" --format onnx -o strange.name
    coedge inspect strange.name | grep -q conv1
}

@test "an ending that is no format is refused before anything is read" {
    run -2 coedge convert "$MADE/none.coedge" -o model.pt
    assert_line --index 0 "coedge convert: --output 'model.pt': the ending tells no format"
    assert_line --index 1 --partial "hint: end it in .coedge"
    run -2 coedge convert "$MADE/none.coedge" -o .onnx
    [ ! -e model.pt ]
}

@test "size, preprocessing and labels are what the options say, and stored" {
    make_open
    printf 'a\nb\nc\n' >abc
    coedge convert open.onnx -p size=24x32,fit=crop,mean=0.485:0.456:0.406,std=1/255 -l abc -o open.coedge
    tar -xOf open.coedge model.yaml >model.yaml
    grep -q 'shape: \[-1, 3, 24, 32\]' model.yaml
    grep -q 'fit: crop' model.yaml
    grep -q 'mean: \[0.485, 0.456, 0.406\]' model.yaml
    grep -q 'labels: \[a, b, c\]' model.yaml
    coedge verify open.coedge
    coedge infer open.coedge "$MADE/val.tar" | head -n 1 | grep -q '"label"'
    coedge convert open.onnx --input 3x8x8 -o eight.coedge
    tar -xOf eight.coedge model.yaml | grep -q 'shape: \[-1, 3, 8, 8\]'
    run -0 coedge inspect eight.coedge # its size known, it is seen to classify
    assert_line "labels 0, 1, 2"
}

@test "what the model contradicts is refused" {
    make_open
    printf 'a\nb\n' >ab
    run -2 coedge convert open.onnx -p mean=0 -o x.coedge
    assert_line --index 0 "coedge convert: --preprocess: the model leaves the input's size open"
    run -2 coedge convert open.onnx -p channels=1,size=8 -o x.coedge
    assert_output --partial "--preprocess: channels of the input is 3 in the model, found 1"
    run -2 coedge convert "$MADE/model.coedge" --input 3x64x64 -o x.coedge
    assert_output --partial "--input: height of the input is 32 in the model, found 64"
    run -2 coedge convert "$MADE/model.coedge" -p mean=x -o x.coedge
    assert_output --partial "--preprocess: mean: 'x', expected one number"
    run -3 coedge convert "$MADE/model.coedge" -l ab -o x.coedge
    assert_output --partial "--labels: 2 labels, expected 6"
    [ ! -e x.coedge ]
}

@test "gates hold whatever is written" {
    run -1 coedge convert "$MADE/model.coedge" --require 'accuracy>=1.01' --val "$MADE/val.tar" -o x.onnx
    [ ! -e x.onnx ]
    coedge convert "$MADE/model.coedge" --require 'accuracy>=0' --val "$MADE/val.tar" -o x.onnx
    [ -e x.onnx ]
}

# What NumPy, or by hand, reads of a file of weights: name, type, shape and sum of each array.
list_weights() {
    /usr/bin/python3 - "$1" <<'PY'
import json, sys
import numpy as np
types = {"F32": "<f4", "F16": "<f2", "I8": "<i1", "I32": "<i4"}
if sys.argv[1].endswith(".npz"):
    arrays = dict(np.load(sys.argv[1]))
else:
    whole = open(sys.argv[1], "rb").read()
    length = int.from_bytes(whole[:8], "little")
    arrays = {}
    for name, entry in json.loads(whole[8:8 + length]).items():
        begin, end = (8 + length + at for at in entry["data_offsets"])
        arrays[name] = np.frombuffer(whole[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
for name in sorted(arrays):
    array = arrays[name]
    print(name, array.dtype.str, array.shape, repr(float(array.astype("f8").sum())))
PY
}

@test "weights are written as NumPy reads them, the same bytes each time" {
    coedge convert "$MADE/model.coedge" -o w.npz
    coedge convert "$MADE/model.coedge" -o w.safetensors
    list_weights w.npz >npz
    list_weights w.safetensors >safetensors
    cmp npz safetensors
    grep -q '^conv1.weight <f4 (4, 3, 3, 3) ' npz
    [ "$(wc -l <npz)" -eq 27 ]
    sleep 2 # of which a zip's time stamps have two
    TZ=Asia/Tokyo coedge convert "$MADE/model.coedge" -o again.npz
    cmp w.npz again.npz
    coedge convert "$MADE/model.coedge" -f safetensors >piped
    cmp w.safetensors piped
}

@test "a quantized weight is its integers, scales and zero points" {
    coedge quantize "$MADE/model.coedge" --weights-only -o eight.coedge
    coedge convert eight.coedge -o w.npz
    list_weights w.npz >npz
    grep -q '^fc.weight |i1 ' npz
    grep -q '^fc.weight.scale <f4 ' npz
    grep -q '^fc.weight.zero_point <i4 ' npz
}

@test "weights of a known architecture become the package they came from" {
    local as="--arch solder-cnn --input 3x32x32 --width 0.25 --labels $TESTDATA/solder.labels"
    for ending in npz safetensors; do
        coedge convert "$MADE/model.coedge" -o "w.$ending"
        coedge convert "w.$ending" $as -o "$ending.coedge"
        coedge infer --emit key,label,score "$ending.coedge" "$MADE/val.tar" >"$ending"
    done
    coedge infer --emit key,label,score "$MADE/model.coedge" "$MADE/val.tar" >before
    cmp before npz
    cmp before safetensors
    coedge convert $as <w.npz | coedge inspect --json - | grep -q insufficient
    tar -xOf npz.coedge model.yaml | grep -q 'arch: solder-cnn'
}

@test "weights that are not the architecture's are refused by name, shape and number" {
    coedge convert "$MADE/model.coedge" -o w.npz
    run -3 coedge convert w.npz --arch solder-cnn --input 3x32x32 --width 0.25 --classes 7 -o x.coedge
    assert_line --index 0 "coedge convert: w.npz: tensor 'fc.weight' is F32 [6, 64], solder-cnn expects F32 [7, 64] (0 missing, 2 differ, 0 are none of its)"
    assert_line --index 1 "hint: --classes 6 makes a network of so many"
    run -3 coedge convert w.npz --arch lenet5 -o x.coedge
    assert_output --partial "lenet5 expects F32 [20, 1, 5, 5] (6 missing, 2 differ, 25 are none of its)"
    run -2 coedge convert w.npz --arch resnet-18 -o x.coedge
    assert_line --index 0 "coedge convert: --arch: unknown architecture 'resnet-18'"
    run -3 coedge convert w.npz -o x.coedge
    assert_line --index 1 "hint: coedge convert --arch ARCH makes a package of weights"
    run -2 coedge convert "$MADE/model.coedge" --classes 3 -o x.coedge
    assert_line --index 1 "hint: add --arch ARCH"
    [ ! -e x.coedge ]
}

@test "a file of weights does not say that it is private, which is said" {
    coedge dataset synth solder --count 12 --size 32 --privacy user-private -o own.tar
    coedge train-local "$MADE/model.coedge" --data own.tar --steps 1 -o own.coedge
    run -0 coedge convert own.coedge -o own.safetensors
    assert_output --partial "the model is user-private; a file of weights does not say so"
}

@test "torchvision's five networks answer as PyTorch does, and load what is written (needs python3-torchvision)" {
    /usr/bin/python3 -c 'import torch, torchvision' 2>/dev/null || skip "python3-torchvision is not installed"
    local names=""
    [ "${MODE:-release}" = release ] || names="mobilenet_v3_small squeezenet1_1" # the others take minutes there
    run env COEDGE="$(command -v coedge)" "$ROOT/scripts/torchvision-weights" $names
    assert_success
}
