load ../../scripts/bats-helper
load ../../scripts/bats-fixture

# A model of the five classes that were known before `cold` came up, and the same shards with and without it.
setup_file_more() {
    head -n 5 "$TESTDATA/solder.labels" >five.labels
    classes train.tar old.tar 0 1 2 3 4
    classes train.tar cold.tar 5
    coedge new solder-cnn --input 3x32x32 --width 0.25 --labels five.labels -o five-new.coedge
    coedge train-local five-new.coedge --data old.tar --epochs 2 -o five.coedge
}

# classes SHARD OUT CLASS...: the samples of these classes, which then stand by name and without a header, as a site writes them.
classes() {
    /usr/bin/python3 - "$TESTDATA/solder.labels" "$@" <<'PY'
import io, sys, tarfile
names = open(sys.argv[1]).read().split()
kept = [names[int(c)] for c in sys.argv[4:]]
with tarfile.open(sys.argv[2]) as tar:
    members = {m.name: tar.extractfile(m).read() for m in tar}
with tarfile.open(sys.argv[3], "w", format=tarfile.USTAR_FORMAT) as out:
    for name in sorted(members):
        key, dot, ext = name.rpartition(".")
        if ext != "cls" or names[int(members[name])] not in kept:
            continue
        for name, data in ((key + ".png", members[key + ".png"]), (name, names[int(members[name])].encode())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
PY
}

# The rows of the last layer's weight and bias, by class, as hexadecimal.
head_rows() {
    /usr/bin/python3 - "$1" <<'PY'
import json, struct, sys, tarfile
data = tarfile.open(sys.argv[1]).extractfile("weights.safetensors").read()
n = struct.unpack("<Q", data[:8])[0]
head = json.loads(data[8:8 + n])
for name in ("fc.weight", "fc.bias"):
    at, end = head[name]["data_offsets"]
    rows = head[name]["shape"][0]
    for row in range(rows):
        width = (end - at) // rows
        print(name, row, data[8 + n + at + row * width:8 + n + at + (row + 1) * width].hex())
PY
}

@test "--grow adds the data's new classes behind the old ones, whose rows stay as they were" {
    run -0 --separate-stderr coedge train-local "$MADE/five.coedge" --grow --data "$MADE/old.tar" --data "$MADE/cold.tar" --steps 1 --lr 0 -o six.coedge
    # shellcheck disable=SC2154
    grep -x "coedge train-local: the head grows from 5 to 6 classes: cold" <<<"$stderr"
    head_rows "$MADE/five.coedge" >before
    head_rows six.coedge >after
    [ "$(grep -c weight before)" -eq 5 ]
    [ "$(grep -c weight after)" -eq 6 ]
    [ "$(grep -cxFf before after)" -eq 10 ]
    run -0 coedge inspect six.coedge --json
    [ "$(json labels.5)" = cold ]
    # it is in the history, and by it the same can be made again
    run -0 coedge inspect six.coedge --script
    [[ "$(tail -n 1 <<<"$output")" == "coedge train-local --steps '1' --lr '0' --grow" ]]
    coedge train-local "$MADE/five.coedge" --grow --data "$MADE/old.tar" --data "$MADE/cold.tar" --steps 1 --lr 0 -o again.coedge
    cmp six.coedge again.coedge
    # and it is an option: without it the class is refused as ever
    run -3 coedge train-local "$MADE/five.coedge" --data "$MADE/cold.tar" --steps 1 -o x.coedge
    assert_output --partial "class 'cold' is not one of the labels"
}

@test "--grow says nothing and changes nothing where the model has all classes" {
    run -0 --separate-stderr coedge train-local "$MADE/model.coedge" --grow --data "$MADE/cold.tar" --steps 1 -o a.coedge
    run -1 grep grows <<<"$stderr"
    coedge train-local "$MADE/model.coedge" --data "$MADE/cold.tar" --steps 1 -o b.coedge
    cmp <(tar -xOf a.coedge weights.safetensors) <(tar -xOf b.coedge weights.safetensors)
}

@test "a grown head is trained alone where all else is frozen" {
    coedge train-local "$MADE/five.coedge" --grow --freeze 'conv*' --freeze 'bn*' --data "$MADE/cold.tar" --epochs 1 -o six.coedge
    /usr/bin/python3 - "$MADE/five.coedge" six.coedge <<'PY'
import json, struct, sys, tarfile
def weights(path):
    data = tarfile.open(path).extractfile("weights.safetensors").read()
    n = struct.unpack("<Q", data[:8])[0]
    return {k: data[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]] for k, v in json.loads(data[8:8 + n]).items() if k != "__metadata__"}
a, b = weights(sys.argv[1]), weights(sys.argv[2])
assert a.keys() == b.keys()
moved = sorted(name for name in a if a[name] != b[name])
assert moved == ["fc.bias", "fc.weight"], moved
PY
}

@test "--grow goes with neither --labels, --update nor data that can be read once only" {
    run -2 coedge train-local "$MADE/five.coedge" --grow --labels "$MADE/five.labels" --data "$MADE/cold.tar" -o x
    run -2 coedge train-local "$MADE/five.coedge" --grow --update --site a --data "$MADE/cold.tar" -o x
    assert_output --partial "fits no base"
    run -2 coedge train-local "$MADE/five.coedge" --grow --data - -o x <"$MADE/cold.tar"
    assert_output --partial "can be read once"
    # a gate may name the class that is new, and no other
    run -2 coedge train-local "$MADE/five.coedge" --grow --data "$MADE/cold.tar" --val "$MADE/val.tar" --require 'recall[warm]>=0' -o x
    coedge train-local "$MADE/five.coedge" --grow --data "$MADE/cold.tar" --steps 1 --val "$MADE/val.tar" --require 'recall[cold]>=0' -o y
    [ ! -e x ]
}

@test "--teacher self is the package as it was, and stands in the history" {
    local args=(train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 3)
    coedge "${args[@]}" --teacher self -o self.coedge
    coedge "${args[@]}" --teacher "$MADE/model.coedge" -o named.coedge
    coedge "${args[@]}" -o alone.coedge
    cmp <(tar -xOf self.coedge weights.safetensors) <(tar -xOf named.coedge weights.safetensors)
    run -1 cmp -s <(tar -xOf self.coedge weights.safetensors) <(tar -xOf alone.coedge weights.safetensors)
    run -0 coedge inspect self.coedge --script
    [[ "$(tail -n 1 <<<"$output")" == "coedge train-local --steps '3' --teacher 'self'" ]]
    run -0 coedge inspect named.coedge --script
    [[ "$(tail -n 1 <<<"$output")" == "coedge train-local --steps '3'" ]]
    # a file of that name is one with a folder in front
    run -4 coedge "${args[@]}" --teacher ./self -o x.coedge
    # an update of a model that was taught by itself is of that model
    coedge "${args[@]}" --teacher self --update --site a -o a.update
    run -0 coedge inspect "$MADE/model.coedge" --json
    local identity
    identity=$(json identity)
    run -0 coedge inspect a.update --json
    [ "$(json update.base)" = "$identity" ]
    coedge aggregate --base "$MADE/model.coedge" a.update -o b.coedge
}

@test "the former self teaches the classes it knew, for any number of threads and after a stop" {
    local args=(train-local "$MADE/five.coedge" --grow --teacher self --data "$MADE/cold.tar" --epochs 4)
    for threads in 1 3; do
        coedge "${args[@]}" --threads $threads -o $threads.coedge
        cmp 1.coedge $threads.coedge
    done
    coedge "${args[@]}" --checkpoint c -o whole.coedge
    cmp 1.coedge whole.coedge
    coedge "${args[@]}" --checkpoint c -o again.coedge
    cmp 1.coedge again.coedge
    run -2 coedge "${args[@]}" --distill 0.9 --checkpoint c -o x.coedge
    # what it held to be its classes it holds to be more than who was not taught
    coedge train-local "$MADE/five.coedge" --grow --data "$MADE/cold.tar" --epochs 4 -o alone.coedge
    right() { coedge infer "$1" "$MADE/old.tar" --emit label,truth | /usr/bin/python3 -c 'import json, sys
rows = [json.loads(row) for row in sys.stdin]
print(sum(row["label"] == row["truth"] for row in rows))'; }
    echo "five $(right "$MADE/five.coedge") taught $(right 1.coedge) alone $(right alone.coedge)"
    [ "$(right 1.coedge)" -gt "$(right alone.coedge)" ]
}
