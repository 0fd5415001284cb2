# release alone: it trains for minutes under sanitizers
load ../../scripts/bats-helper
load ../../scripts/bats-fixture

# A model of the five classes that were known before `cold` came up, and the same shards with and without it.
setup_file_more() {
    head -n 5 "$TESTDATA/solder.labels" >five.labels
    classes train.tar old.tar 0 1 2 3 4
    classes train.tar cold.tar 5
    coedge new solder-cnn --input 3x32x32 --width 0.25 --labels five.labels -o five-new.coedge
    coedge dataset synth solder --count 600 --size 32 --seed 3 -o more.tar
    classes more.tar more-old.tar 0 1 2 3 4
    coedge train-local five-new.coedge --data more-old.tar --epochs 12 --lr 0.01 -o five.coedge
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

# recall PACKAGE SHARD: how many of its samples get their class.
recall() {
    coedge infer "$1" "$2" --emit label,truth | /usr/bin/python3 -c 'import json, sys
rows = [json.loads(row) for row in sys.stdin]
print(sum(row["label"] == row["truth"] for row in rows))'
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
    local args=(train-local "$MADE/five.coedge" --grow --teacher self --distill 0.9 --data "$MADE/cold.tar" --epochs 40)
    for threads in 1 3; do
        coedge "${args[@]}" --threads $threads -o $threads.coedge
        cmp 1.coedge $threads.coedge
    done
    coedge "${args[@]}" --checkpoint c -o whole.coedge
    cmp 1.coedge whole.coedge
    coedge "${args[@]}" --checkpoint c -o again.coedge
    cmp 1.coedge again.coedge
    run -2 coedge "${args[@]}" --distill 0.8 --checkpoint c -o x.coedge
    # what it held to be its classes it holds to be more than who was not taught
    coedge train-local "$MADE/five.coedge" --grow --data "$MADE/cold.tar" --epochs 40 -o alone.coedge
    local taught alone
    taught=$(recall 1.coedge "$MADE/old.tar") alone=$(recall alone.coedge "$MADE/old.tar")
    echo "of 120: before $(recall "$MADE/five.coedge" "$MADE/old.tar"), taught $taught, alone $alone"
    [ "$taught" -gt $((alone + 10)) ]
}

# kept PACKAGE: how many samples of each class its replay.tar holds, in the order of the labels.
kept() {
    tar -xOf "$1" replay.tar >kept.tar
    coedge dataset stats --json kept.tar |
        /usr/bin/python3 -c 'import json, sys; print(*json.load(sys.stdin)["classes"].values())'
}

@test "over three nights of a new class, --replay keeps the old ones and their samples" {
    cp "$MADE/five.coedge" with.coedge
    cp "$MADE/five.coedge" without.coedge
    # what was known before the first night is kept when it is learned
    coedge train-local with.coedge --data "$MADE/more-old.tar" --steps 1 --lr 0 --replay 120 -o day.coedge
    [ "$(kept day.coedge)" = "24 24 24 24 24" ]
    mv day.coedge with.coedge
    for night in 1 2 3; do
        coedge dataset synth solder --count 240 --size 32 --seed 4$night -o all.tar
        classes all.tar night.tar 5
        coedge train-local with.coedge --grow --replay 120 --data night.tar --epochs 12 --lr 0.002 --class-weights balanced -o next && mv next with.coedge
        coedge train-local without.coedge --grow --data night.tar --epochs 12 --lr 0.002 --class-weights balanced -o next && mv next without.coedge
        [ "$(kept with.coedge)" = "20 20 20 20 20 20" ]
    done
    classes "$MADE/val.tar" old-val.tar 0 1 2 3 4
    classes "$MADE/val.tar" cold-val.tar 5
    local before kept lost
    before=$(recall "$MADE/five.coedge" old-val.tar) kept=$(recall with.coedge old-val.tar) lost=$(recall without.coedge old-val.tar)
    echo "of 60: before $before, kept $kept, lost $lost; of 12 new ones $(recall with.coedge cold-val.tar)"
    [ "$kept" -ge $((before * 3 / 4)) ]
    [ "$lost" -le $((before / 4)) ]
    [ "$(recall with.coedge cold-val.tar)" -ge 6 ]
}

@test "a package with samples is as private as they are, is data, and does all that another does" {
    coedge dataset synth solder --count 24 --size 32 --seed 5 --privacy user-private -o secret.tar
    coedge train-local "$MADE/model.coedge" --data secret.tar --steps 1 --replay 12 -o x.coedge
    tar -xOf x.coedge replay.tar >kept.tar
    grep -x 'privacy: user-private' <(tar -xOf kept.tar .dataset.yaml)
    run -0 coedge inspect x.coedge --json
    [ "$(json privacy)" = user-private ]
    [ "$(json content)" = data ]
    run -0 coedge verify x.coedge
    coedge infer x.coedge "$MADE/val.tar" >/dev/null
    coedge eval x.coedge --data "$MADE/val.tar" >/dev/null
    # what is made of it has none of them, says so, and is no longer data
    run -0 coedge prune x.coedge -o y.coedge
    assert_line --partial "replay.tar is left out"
    run -0 coedge inspect y.coedge --json
    [ "$(json content)" = parameters ]
    [ "$(json privacy)" = user-private ]
    # training without --replay forgets them, and tells
    run -0 coedge train-local x.coedge --data "$MADE/train.tar" --steps 1 -o z.coedge
    assert_line --partial "replay.tar is left out"
    run -1 grep replay <(tar -tf z.coedge)
    run -2 coedge train-local x.coedge --data "$MADE/train.tar" --replay 3 --update --site a -o a.update
}

@test "what is learned again is of the run: threads do not matter, other samples are another run" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --replay 12 -o x.coedge
    coedge train-local "$MADE/model.coedge" --data "$MADE/val.tar" --steps 1 --lr 0 --replay 12 -o other.coedge
    for threads in 1 3; do
        coedge train-local x.coedge --data "$MADE/cold.tar" --steps 4 --replay 12 --threads $threads -o $threads.coedge
        cmp 1.coedge $threads.coedge
    done
    coedge train-local x.coedge --data "$MADE/cold.tar" --steps 4 -o without.coedge
    run -1 cmp -s <(tar -xOf 1.coedge weights.safetensors) <(tar -xOf without.coedge weights.safetensors)
    # the history names the digest of both sets together
    tar -xOf x.coedge replay.tar >kept.tar
    run -0 coedge dataset stats --json "$MADE/cold.tar" kept.tar
    local digest
    digest=$(json sha256)
    run -0 coedge inspect 1.coedge --script
    assert_line "# data sha256:$digest"
    assert_line "coedge train-local --steps '4' --replay '12'"
    coedge train-local x.coedge --data "$MADE/cold.tar" --steps 4 --replay 12 --checkpoint c -o y.coedge
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --replay 13 -o x.coedge
    run -2 coedge train-local x.coedge --data "$MADE/cold.tar" --steps 4 --replay 12 --checkpoint c -o z.coedge
    assert_output --partial "of another run: its data"
}

@test "push leaves samples behind unless told otherwise" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --replay 12 -o x.coedge
    run -0 coedge push x.coedge registry/solder:1
    assert_line --partial "replay.tar is left out"
    coedge pull registry/solder:1 -o back.coedge
    run -1 grep replay <(tar -tf back.coedge)
    run -0 coedge inspect x.coedge --json
    local identity
    identity=$(json identity)
    run -0 coedge inspect back.coedge --json
    [ "$(json identity)" = "$identity" ]
    [ "$(json content)" = parameters ]
    run -1 grep -r '"io.coedge.content":"data"' registry
    run -0 coedge push --with-replay x.coedge registry/solder:2
    refute_output --partial "left out"
    coedge pull registry/solder:2 | cmp - x.coedge
    grep -rq '"io.coedge.content":"data"' registry
}

@test "samples that are none are refused by who reads them, by name" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --replay 6 -o x.coedge
    make_by_hand x.coedge "$MADE/val.tar" <<'PY'
whole = dict(members(sys.argv[1]))
kept = whole.pop("replay.tar")
def with_replay(name, data):
    write(name + ".coedge", list(whole.items()) + [("replay.tar", data)])
with_replay("noise", bytes(range(256)) * 20)
with_replay("none", b"")
with_replay("cut", kept[:len(kept) - 2560])
with_replay("grown", kept + kept)
foreign = make.member("a.npy", b"x") + make.member("a.cls", b"good") + make.END
with_replay("foreign", foreign)
with_replay("strange", make.member("a.png", b"\x89PNG\r\n") + make.member("a.cls", b"warm") + make.END)
with_replay("huge", make.header("a.png", size=1 << 32) + b"x" * 512)
PY
    for bad in noise none cut grown foreign strange huge; do
        echo "$bad"
        run coedge train-local $bad.coedge --data "$MADE/train.tar" --steps 1 --replay 6 -o y.coedge
        [ "$status" -eq 3 ] || [ "$status" -eq 7 ]
        assert_line --index 0 --partial "$bad.coedge: replay.tar: "
        [ ! -e y.coedge ]
        run -0 coedge infer $bad.coedge "$MADE/val.tar"
        run -0 coedge train-local $bad.coedge --data "$MADE/train.tar" --steps 1 -o z.coedge
    done
    # classes that the model lost
    head -n 5 "$TESTDATA/solder.labels" >five.labels
    run -3 coedge train-local x.coedge --labels five.labels --data "$MADE/old.tar" --steps 1 --replay 6 -o y.coedge
    assert_output --partial "x.coedge: replay.tar: sample"
    assert_output --partial "class 'cold' is not one of the labels"
}
