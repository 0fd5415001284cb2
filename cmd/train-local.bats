load ../scripts/bats-helper
load ../scripts/bats-fixture

@test "training lowers the loss from epoch to epoch and says so in JSON lines" {
    run -0 coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --val "$MADE/val.tar" --epochs 4 --metrics m -o out.coedge
    [ "$(wc -l <m)" -eq 4 ]
    /usr/bin/python3 - <<'PY'
import json
rows = [json.loads(line) for line in open("m")]
assert [r["epoch"] for r in rows] == [1, 2, 3, 4], rows
assert rows[3]["loss"] < rows[0]["loss"], rows
assert all(0 <= r["val_accuracy"] <= 1 and r["samples_per_s"] > 0 for r in rows), rows
PY
}

@test "the same seed gives the same bytes with 1, 2 and 7 threads" {
    for threads in 1 2 7; do
        coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --epochs 1.5 --augment flip,noise:4 --seed 3 --threads $threads -o "$threads.coedge"
    done
    cmp 1.coedge 2.coedge
    cmp 1.coedge 7.coedge
}

@test "a limit on memory costs time, and no bit" {
    local args=(train-local "$MADE/new.coedge" --data "$MADE/train.tar" --epochs 1.5 --seed 3 --batch 16)
    coedge "${args[@]}" -o 1.coedge
    run -7 coedge "${args[@]}" --memory-limit 1000 -o 2.coedge
    [[ "$output" =~ "a step of training needs "([0-9]+)" bytes at least, the limit is 1000" ]]
    local least=${BASH_REMATCH[1]}
    [ ! -e 2.coedge ]
    run -7 coedge "${args[@]}" --memory-limit $((least - 1)) -o 2.coedge
    coedge "${args[@]}" --memory-limit "$least" -o 2.coedge
    cmp 1.coedge 2.coedge
}

@test "another seed gives other bytes" {
    coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --epochs 1 --seed 1 -o 1.coedge
    coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --epochs 1 --seed 2 -o 2.coedge
    run -1 cmp -s 1.coedge 2.coedge
}

@test "a run that goes on from its checkpoint ends with the bytes of one that was never stopped" {
    local args=(train-local "$MADE/new.coedge" --data "$MADE/train.tar" --val "$MADE/val.tar" --epochs 4 --batch 7)
    coedge "${args[@]}" -o whole.coedge
    # killed in the middle: after the second epoch's line appears
    coedge "${args[@]}" --checkpoint c --metrics m -o half.coedge & child=$!
    for _ in $(seq 600); do [ "$(wc -l <m 2>/dev/null || echo 0)" -ge 2 ] && break; sleep 0.02; done
    kill -9 $child 2>/dev/null || true
    wait $child || true
    if [ -e half.coedge ]; then mv half.coedge ended-before-the-kill; fi
    run -0 coedge "${args[@]}" --checkpoint c -o resumed.coedge
    cmp whole.coedge resumed.coedge
}

@test "a checkpoint of another run is refused" {
    coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --epochs 1 --checkpoint c -o 1.coedge
    run -2 coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --epochs 1 --lr 0.5 --checkpoint c -o 2.coedge
    assert_output --partial "of another run: its lr"
    [ ! -e 2.coedge ]
}

@test "a damaged checkpoint is malformed input" {
    head -c 3000 /dev/urandom >c
    run -3 coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --epochs 1 --checkpoint c -o 2.coedge
    assert_output --partial "checkpoint c"
}

@test "frozen weights keep their bits and the others move" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --epochs 1 --freeze 'conv*' --freeze 'bn*' -o frozen.coedge
    /usr/bin/python3 - "$MADE/model.coedge" frozen.coedge <<'PY'
import json, struct, sys, tarfile
def weights(path):
    data = tarfile.open(path).extractfile("weights.safetensors").read()
    n = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + n])
    return {k: data[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]] for k, v in head.items() if k != "__metadata__"}
a, b = weights(sys.argv[1]), weights(sys.argv[2])
assert a.keys() == b.keys()
for name in a:
    frozen = name.startswith(("conv", "bn"))
    assert (a[name] == b[name]) == frozen, name
PY
}

@test "a pattern that freezes nothing is a usage error" {
    run -2 coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --freeze 'konv*' -o x.coedge
    assert_output --partial "'konv*' matches no weight"
}

@test "a new head keeps what old labels knew and has room for the new one" {
    (cat "$TESTDATA/solder.labels"; echo lifted) >seven.labels
    coedge train-local "$MADE/model.coedge" --labels seven.labels --data "$MADE/train.tar" --steps 1 --lr 0 -o seven.coedge
    run -0 coedge inspect seven.coedge --json
    [ "$(json outputs.0.shape.1)" = 7 ]
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,label >before
    coedge infer seven.coedge "$MADE/val.tar" --emit key,label >after
    [ "$(diff before after | grep -c '^>' || true)" -lt 60 ]
}

@test "a new head with fewer labels than the data is refused" {
    printf 'good\nbridge\n' >few.labels
    run -3 coedge train-local "$MADE/model.coedge" --labels few.labels --data "$MADE/train.tar" --steps 1 -o x.coedge
}

@test "data with a class that the model does not have is refused by name" {
    printf 'good\ninsufficient\n' >two.labels
    coedge new solder-cnn --input 3x32x32 --width 0.25 --labels two.labels -o two.coedge
    run -3 coedge train-local two.coedge --data "$MADE/train.tar" --epochs 1 -o x.coedge
    assert_output --partial "excess"
    [ ! -e x.coedge ]
}

@test "an empty shard is refused" {
    tar -cf empty.tar -T /dev/null
    run -3 coedge train-local "$MADE/model.coedge" --data empty.tar -o x.coedge
    assert_output --partial "empty.tar"
}

@test "a learning rate that makes the loss explode is refused with the step and a way out" {
    run -3 coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --optimizer sgd --lr 1000 --epochs 3 -o x.coedge
    assert_output --partial "not finite at step"
    assert_output --partial "hint: try a tenth of --lr"
    [ ! -e x.coedge ]
}

@test "a gate that fails leaves no file and says what was wanted" {
    run -1 coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --epochs 1 --val "$MADE/val.tar" --require 'accuracy>=1.01' -o x.coedge
    assert_output --partial "wanted >= 1.01"
    [ ! -e x.coedge ]
}

@test "--update writes a difference, level and kind with it" {
    run -0 coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --epochs 1 --update --site a --round 4 -o a.update
    run -0 coedge inspect a.update --json
    [ "$(json update.site)" = a ]
    [ "$(json update.round)" = 4 ]
    [ "$(json update.examples)" -ge 144 ]
    [ "$(json content)" = parameters ]
}

@test "--update without --site is a usage error" {
    run -2 coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --update -o a.update
    assert_output --partial "--site NAME"
}

@test "a private shard makes the model as private" {
    coedge dataset synth solder --count 24 --size 32 --seed 5 --privacy user-private -o secret.tar
    coedge train-local "$MADE/model.coedge" --data secret.tar --steps 1 -o x.coedge
    run -0 coedge inspect x.coedge --json
    [ "$(json privacy)" = user-private ]
}

@test "a full disk leaves the old file as it was" {
    cp "$MADE/model.coedge" old.coedge
    run -4 coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 -o /dev/full
    cmp old.coedge "$MADE/model.coedge"
}

@test "a run without an end is refused" {
    run -2 coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --epochs 0 -o out.coedge
    assert_output --partial "would never end"
}

@test "a checkpoint is of another run when any option that changes the result is another" {
    local args=(train-local "$MADE/new.coedge" --data "$MADE/train.tar" --steps 2 --checkpoint c)
    coedge "${args[@]}" --augment brightness:0.2 -o out.coedge
    coedge "${args[@]}" --augment brightness:0.2 -o again.coedge
    cmp out.coedge again.coedge
    for option in '--augment=flip' '--freeze=conv1*' '--smoothing=0.1' '--weight-decay=0.2' '--class-weights=sqrt' "--val=$MADE/val.tar"; do
        run -2 coedge "${args[@]}" "$option" -o other.coedge
        assert_output --partial "of another run"
    done
}

@test "data that choose the best epoch are in the history, and pass their level on" {
    mkdir v && tar -xf "$MADE/val.tar" -C v && rm v/.dataset.yaml v/.end
    (cd v && tar -cf ../plain.tar -- *)
    coedge dataset pack plain.tar --privacy user-private --labels "$TESTDATA/solder.labels" -o private.tar
    coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --val private.tar --steps 1 -o best.coedge
    coedge train-local "$MADE/new.coedge" --data "$MADE/train.tar" --val private.tar --steps 1 --last -o last.coedge
    tar -xOf best.coedge model.yaml >best.yaml
    grep -x 'privacy: user-private' best.yaml
    run -0 coedge inspect best.coedge --script
    [ "$(grep -c '^# data sha256:' <<<"$output")" -eq 2 ]
    run -0 coedge inspect last.coedge --script
    [ "$(grep -c '^# data sha256:' <<<"$output")" -eq 1 ]
    run -1 grep user-private <(tar -xOf last.coedge model.yaml)
}

@test "a teacher is a parent, its level is inherited, and threads do not matter" {
    coedge prune "$MADE/model.coedge" -o half.coedge
    coedge dataset pack "$MADE/val.tar" --privacy edge-private -o private.tar
    coedge train-local "$MADE/model.coedge" --data private.tar --steps 1 -o teacher.coedge
    for threads in 1 2 7; do
        coedge train-local half.coedge --teacher teacher.coedge --data "$MADE/train.tar" --epochs 1 --threads $threads -o $threads.coedge
        cmp 1.coedge $threads.coedge
    done
    coedge train-local half.coedge --data "$MADE/train.tar" --epochs 1 -o alone.coedge
    run -1 cmp -s alone.coedge 1.coedge
    run -0 coedge inspect 1.coedge
    assert_output --partial "edge-private"
    coedge train-local half.coedge --teacher teacher.coedge --data "$MADE/train.tar" --epochs 1 --update --site a -o a.update
    for made in 1.coedge a.update; do
        run -0 coedge inspect $made --json
        [ "$(json privacy)" = edge-private ]
        parents=$(json history.-1.parents)
        for parent in half teacher; do
            run -0 coedge inspect $parent.coedge --json
            [[ $parents == *"$(json identity)"* ]]
        done
        run -0 coedge inspect $made --script
        [ "$(tail -n 4 <<<"$output" | grep -c '^# package sha256:[0-9a-f]\{64\}$')" -eq 2 ]
    done
}

@test "a package that cannot teach is refused before the work, with the reason" {
    coedge quantize "$MADE/model.coedge" --calibrate "$MADE/train.tar" -o int8.coedge
    run -3 coedge train-local "$MADE/new.coedge" --teacher int8.coedge --data "$MADE/train.tar" -o out.coedge
    assert_output --partial "a quantized package cannot teach"
    coedge new solder-cnn --input 3x32x32 --classes 6 -o other.coedge
    run -3 coedge train-local "$MADE/new.coedge" --teacher other.coedge --data "$MADE/train.tar" -o out.coedge
    assert_output --partial "its labels are not the model's"
    run -4 coedge train-local "$MADE/new.coedge" --teacher none.coedge --data "$MADE/train.tar" -o out.coedge
    run -2 coedge train-local - --teacher - --data "$MADE/train.tar" -o out.coedge <"$MADE/new.coedge"
    [ ! -e out.coedge ]
}

@test "probabilities are not trained, and what a teacher needs is not said without one" {
    sed -n '/^\.Bd/,/^\.Ed/p' "$ROOT/man/coedge-new.1" | sed '1d;$d' >small.yaml
    sed 's/  outputs: \[fc\]/    - {name: soft, op: Softmax, inputs: [fc], attributes: {axis: 0}}\n  outputs: [soft]/' \
        small.yaml >soft.yaml
    coedge new soft.yaml --labels "$TESTDATA/solder.labels" -o soft.coedge
    run -3 coedge train-local soft.coedge --data "$MADE/train.tar" -o out.coedge
    assert_output --partial "training needs logits"
    run -2 coedge train-local "$MADE/new.coedge" --distill 0.9 --data "$MADE/train.tar" -o out.coedge
    assert_output --partial "go with --teacher"
}

@test "an update is no model to begin with, to learn from or to judge" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --update --site a -o a.update
    for command in "train-local a.update --data $MADE/train.tar -o x" \
        "train-local $MADE/model.coedge --teacher a.update --data $MADE/train.tar -o x" \
        "infer a.update $MADE/val.tar" "eval a.update --data $MADE/val.tar" "prune a.update -o x" \
        "quantize a.update --calibrate $MADE/train.tar -o x" "split a.update --at pool2 -o x,y" \
        "aggregate --base a.update a.update -o x"; do
        # shellcheck disable=SC2086
        run -3 coedge $command
        assert_line --index 0 --partial "a.update: an update, expected a model"
        [ ! -e x ]
    done
    run -0 coedge inspect a.update
    run -0 coedge verify a.update
}

@test "a part of a split model is not trained" {
    coedge split "$MADE/model.coedge" --at pool2 -o head.coedge,tail.coedge
    run -3 coedge train-local head.coedge --data "$MADE/train.tar" -o x
    assert_line --index 0 --partial "part 1 of 2 of a split model"
}
