load ../scripts/bats-helper
load ../scripts/bats-fixture

@test "eval prints the measures that scripts rely on" {
    run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json
    [ "$(json samples)" = 72 ]
    for key in accuracy balanced_accuracy loss confusion per_class.bridge.recall per_class.bridge.precision per_class.bridge.samples size macs parameters; do
        run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json
        json "$key"
    done
}

@test "accuracy is the trace of the confusion table over the samples" {
    run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json
    /usr/bin/python3 - "$output" <<'PY'
import json, sys
m = json.loads(sys.argv[1])
c = m["confusion"]
assert sum(map(sum, c)) == m["samples"] == 72
assert abs(sum(c[i][i] for i in range(6)) / 72 - m["accuracy"]) < 1e-9
assert abs(sum(c[i][i] / sum(c[i]) for i in range(6)) / 6 - m["balanced_accuracy"]) < 1e-9
PY
}

@test "eval and infer agree on every sample" {
    run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json
    accuracy=$(json accuracy)
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" >answers
    /usr/bin/python3 - "$accuracy" <<'PY'
import json, sys
rows = [json.loads(line) for line in open("answers")]
assert len(rows) == 72
assert abs(sum(r["label"] == r["truth"] for r in rows) / 72 - float(sys.argv[1])) < 1e-9
PY
}

@test "a sweep goes from all escapes to all false calls" {
    run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --sweep --json
    /usr/bin/python3 - "$output" <<'PY'
import json, sys
points = json.loads(sys.argv[1])["sweep"]["points"]
assert points[0]["escapes"] == 1 and points[0]["false_calls"] == 0
assert points[-1]["escapes"] == 0 and points[-1]["false_calls"] == 1
assert all(a["threshold"] < b["threshold"] and a["escapes"] >= b["escapes"] for a, b in zip(points, points[1:]))
PY
}

@test "a gate that fails exits 1 after the measures were printed" {
    run -1 --separate-stderr coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json --require 'recall[void]>=1.5'
    [ "$(json samples)" = 72 ]
    [[ $stderr == *"recall[void] is"*"wanted >= 1.5"* ]]
}

@test "a gate may be relative to another package" {
    run -0 coedge eval "$MADE/model.coedge" --against "$MADE/model.coedge" --data "$MADE/val.tar" --json --require 'accuracy>=1x, size<=1x'
    run -1 coedge eval "$MADE/model.coedge" --against "$MADE/model.coedge" --data "$MADE/val.tar" --json --require 'size<=0.5x'
    run -2 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --require 'size<=0.5x'
    assert_output --partial "--against"
}

@test "measures and labels that are not there are named with the nearest" {
    run -2 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --require 'acuracy>=0.5'
    assert_output --partial "did you mean 'accuracy'"
    run -2 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json --require 'recall[brigde]>=0.5'
    assert_output --partial "no label 'brigde'"
}

@test "package and data cannot both come from standard input" {
    run -2 coedge eval - --data - <"$MADE/model.coedge"
    assert_output --partial "standard input"
}

@test "standard input serves one of everything that is read" {
    run -2 coedge eval "$MADE/model.coedge" --data - --data - <"$MADE/val.tar"
    assert_output --partial "standard input can serve one"
    run -2 coedge eval "$MADE/model.coedge" --data - --against "$MADE/new.coedge" <"$MADE/val.tar"
    assert_output --partial "read once"
    run -2 coedge infer "$MADE/model.coedge" - - <"$MADE/val.tar"
    run -2 coedge infer - <"$MADE/val.tar"
    run -2 coedge quantize --calibrate - -o out.coedge <"$MADE/model.coedge"
    run -2 coedge prune "$MADE/model.coedge" --val - --require 'accuracy>=0.5x' -o out.coedge <"$MADE/val.tar"
    run -2 coedge aggregate --base - -o out.coedge <"$MADE/model.coedge"
    run -2 coedge train-local "$MADE/model.coedge" --data - --val - -o out.coedge <"$MADE/val.tar"
    run -2 coedge train-local "$MADE/model.coedge" --data "$MADE/val.tar" --val - --require 'accuracy>=0' -o out.coedge <"$MADE/val.tar"
    [ ! -e out.coedge ]
}

@test "a gate that cannot be read is refused before anything is measured" {
    run -2 --separate-stderr coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --require 'accuracy'
    [ -z "$output" ]
    run -2 coedge prune "$MADE/model.coedge" --val "$MADE/val.tar" --require 'escapes<=0.01' -o out.coedge
    assert_output --partial "eval --sweep"
}

@test "a package of the local store is named wherever one is read" {
    export COEDGE_STORE=$PWD/store
    coedge push "$MADE/model.coedge" registry/solder:1
    coedge pull registry/solder:1 --install
    run -0 --separate-stderr coedge eval "$MADE/new.coedge" --data "$MADE/val.tar" --against @solder:1 --json
    coedge train-local @solder:1 --data "$MADE/val.tar" --steps 1 --update --site a -o a.update
    run -0 coedge aggregate --base @solder:1 a.update -o next.coedge
}

@test "the threshold that a sweep chose can be a gate's" {
    run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json --sweep --escapes 0.1
    json chosen.threshold
    [ "$(/usr/bin/python3 -c 'import sys; print(float(sys.argv[1]) <= 0.1)' "$(json chosen.escapes)")" = True ]
    run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json --sweep --escapes 0.1 --require 'escapes<=0.1, false_calls<=1'
    run -1 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json --sweep --escapes 0.1 --require 'false_calls<0'
    run -2 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json --require 'escapes<=0.1'
}

@test "eval --sweep -o writes a package that answers by the chosen threshold" {
    run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json --sweep --escapes 0.05 -o strict.coedge
    chosen=$output
    coedge infer strict.coedge "$MADE/val.tar" >answers
    run -0 coedge eval strict.coedge --data "$MADE/val.tar" --json
    /usr/bin/python3 - "$chosen" "$output" <<'PY'
import json, sys
chosen, measures = json.loads(sys.argv[1])["chosen"], json.loads(sys.argv[2])
rows = [json.loads(line) for line in open("answers")]
defects = [r for r in rows if r["truth"] != "good"]
goods = [r for r in rows if r["truth"] == "good"]
share = lambda some, of: sum(some) / len(of)
assert abs(share((r["label"] == "good" for r in defects), defects) - chosen["escapes"]) < 1e-9
assert abs(share((r["label"] != "good" for r in goods), goods) - chosen["false_calls"]) < 1e-9
assert abs(measures["accuracy"] - chosen["accuracy"]) < 1e-9
assert abs(share((r["label"] == r["truth"] for r in rows), rows) - measures["accuracy"]) < 1e-9
PY
    tar -xOf strict.coedge model.yaml | grep -q '^thresholds: \['
}

@test "what eval -o writes tells what chose the threshold, and no path, gate or time" {
    coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --sweep --escapes 0.05 -o plain.coedge >/dev/null
    cp "$MADE/val.tar" elsewhere.tar
    coedge eval "$MADE/model.coedge" --data elsewhere.tar --sweep --escapes 0.05 --against "$MADE/new.coedge" \
        --require 'escapes<=1' --runs 2 --points 5 -o asked.coedge >/dev/null
    cmp plain.coedge asked.coedge
    run -0 coedge inspect plain.coedge --script
    [ "${lines[-1]}" = "coedge eval --sweep --escapes '0.05'" ]
    [[ ${lines[-2]} == "# data sha256:"* ]]
}

@test "who chooses a threshold by private data has a private package" {
    coedge dataset pack "$MADE/val.tar" --privacy edge-private -o private.tar
    coedge eval "$MADE/model.coedge" --data private.tar --sweep -o strict.coedge >/dev/null
    tar -xOf strict.coedge model.yaml | grep -qx 'privacy: edge-private'
    tar -xOf "$MADE/model.coedge" model.yaml | grep -qx 'privacy: public'
}

@test "a chosen threshold survives 8 bits, and not new weights, which says so" {
    coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --sweep -o strict.coedge >measures
    coedge quantize strict.coedge --calibrate "$MADE/train.tar" -o int8.coedge
    tar -xOf int8.coedge model.yaml | grep -q '^thresholds:'
    run -0 --separate-stderr coedge train-local strict.coedge --data "$MADE/val.tar" --steps 1 -o next.coedge
    [[ $stderr == *"thresholds are left out"* ]]
    run -1 grep -q '^thresholds:' <(tar -xOf next.coedge model.yaml)
    coedge train-local strict.coedge --data "$MADE/val.tar" --steps 1 --update --site a -o a.update
    run -0 --separate-stderr coedge aggregate --base strict.coedge a.update -o next.coedge
    [[ $stderr == *"thresholds are left out"* ]]
    run -0 --separate-stderr coedge prune strict.coedge -o half.coedge
    [[ $stderr == *"thresholds are left out"* ]]
    run -0 --separate-stderr coedge prune "$MADE/model.coedge" -o half.coedge
    [ -z "$stderr" ]
}

@test "gates of eval -o judge the package that is written, by its new threshold" {
    run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json --sweep --escapes 0 -o strict.coedge
    [ "$(json accuracy)" = "$(json chosen.accuracy)" ]
    [ "$(json size)" = "$(stat -c %s strict.coedge)" ]
    now=$(json accuracy)
    run -0 coedge eval strict.coedge --data "$MADE/val.tar" --json
    [ "$(json accuracy)" = "$now" ]
    run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json --sweep --escapes 0
    [ "$(json accuracy)" != "$now" ]
    run -1 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json --sweep --escapes 0 --require "accuracy>$now" -o no.coedge
    [ ! -e no.coedge ]
}

@test "eval -o is refused without a sweep, onto standard output, and when a gate fails" {
    run -2 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" -o out.coedge
    assert_output --partial "add --sweep"
    run -2 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --sweep -o -
    run -1 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --sweep --require 'false_calls<0' -o out.coedge
    [ ! -e out.coedge ]
}

@test "a label that a gate misspells is refused before the work" {
    for command in "train-local --data $MADE/val.tar --epochs 1000000" "prune --sparsity 0.5" "quantize --calibrate $MADE/val.tar"; do
        run -2 timeout 20 coedge ${command%% *} "$MADE/model.coedge" ${command#* } --val "$MADE/val.tar" --require 'recall[brigde]>=0.5' -o out.coedge
        assert_output --partial "did you mean 'bridge'"
    done
    [ ! -e out.coedge ]
}

@test "results of a model at work are judged without labels" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --val "$MADE/val.tar" --epochs 1 -o m.coedge
    tar -xOf m.coedge statistics.yaml | grep -x 'said:'
    coedge infer m.coedge "$MADE/val.tar" --hard entropy:0.5 >same.ndjson
    run -0 coedge eval m.coedge --results same.ndjson
    [ "$(json drift)" = 0.0 ]
    [ "$(json samples)" = "$(wc -l <same.ndjson)" ]
    [ "$(json hard)" = "$(/usr/bin/python3 -c "import json; r = [json.loads(l)['hard'] for l in open('same.ndjson')]; print(sum(r) / len(r))")" ]
    coedge dataset synth solder --count 60 --size 32 --seed 5 --site dark --drift 1 -o dark.tar
    coedge infer m.coedge dark.tar >dark.ndjson
    run -1 coedge eval m.coedge --results dark.ndjson --require 'drift<0.05'
    assert_output --partial "gate failed: drift is 0."
    run -0 coedge eval m.coedge --results same.ndjson --results same.ndjson --require 'drift<0.05, hard<=1'
    [ "$(json samples)" = "$((2 * $(wc -l <same.ndjson)))" ]
}

@test "results that are none are refused with their line" {
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" >live.ndjson
    refused() {
        run -3 coedge eval "$MADE/model.coedge" --results bad.ndjson
        assert_output --partial "$1"
    }
    : >bad.ndjson && refused "no results"
    (head -n 2 live.ndjson && echo '{"key":') >bad.ndjson && refused "line 3:1:7: "
    (head -n 1 live.ndjson && echo '{"label":"cat","score":1}') >bad.ndjson && refused "line 2: label 'cat' is not the model's"
    echo '{"label":"good","score":7}' >bad.ndjson && refused "line 1: a score and a level are from 0 to 1"
    echo '{"label":"good"}' >bad.ndjson && refused "line 1: 'score'"
    run -2 coedge eval "$MADE/model.coedge"
    assert_output --partial "expected --data or --results, found neither"
    run -2 coedge eval "$MADE/model.coedge" --results live.ndjson --sweep
}
