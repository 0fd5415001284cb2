load ../scripts/bats-helper
load ../scripts/bats-fixture

setup_file_more() {
    coedge convert model.coedge -o model.onnx
    coedge quantize model.coedge --calibrate train.tar -o int8.coedge
}

@test "profile --json has the keys that scripts rely on, and times in order" {
    run -0 coedge profile "$MADE/model.coedge" --json --runs 20 --threads 2
    for key in median_ms p95_ms p99_ms min_ms mean_ms macs peak_memory_bytes threads runs batch cpu; do json "$key"; done
    [ "$(json runs)" -eq 20 ]
    [ "$(json threads)" -eq 2 ]
    [ "$(json batch)" -eq 1 ]
    /usr/bin/python3 - "$output" <<'PY'
import json, sys
p = json.loads(sys.argv[1])
assert 0 < p["min_ms"] <= p["median_ms"] <= p["p95_ms"] <= p["p99_ms"], p
assert p["min_ms"] <= p["mean_ms"] and p["peak_memory_bytes"] > 1 << 20 and "nodes" not in p, p
PY
}

@test "multiply-adds are those that inspect counts, as often as the batch says" {
    run -0 coedge inspect "$MADE/model.coedge" --json
    macs=$(json macs)
    run -0 coedge profile "$MADE/model.coedge" --json --runs 1
    [ "$(json macs)" -eq "$macs" ]
    run -0 coedge profile "$MADE/model.onnx" --json --runs 1 --batch 3
    [ "$(json macs)" -eq $((3 * macs)) ]
    [ "$(json batch)" -eq 3 ]
}

@test "nodes are those that run: their shares make one, their multiply-adds the whole" {
    for model in model.coedge int8.coedge; do
        run -0 coedge profile "$MADE/$model" --json --runs 5 --nodes --threads 1
        /usr/bin/python3 - "$output" <<'PY'
import json, sys
p = json.loads(sys.argv[1])
keys = {"name", "op", "kernel", "layout", "macs", "ms", "share", "does"}
assert p["nodes"] and all(keys <= set(n) for n in p["nodes"]), p
assert abs(sum(n["share"] for n in p["nodes"]) - 1) < 1e-6
assert sum(n["macs"] for n in p["nodes"]) == p["macs"] > 0
assert p["peak_macs_per_s"] > 1e7
PY
    done
}

@test "a real convolution has a share of the peak, one on bytes has none" {
    run -0 coedge profile "$MADE/model.coedge" --json --runs 5 --nodes
    /usr/bin/python3 -c 'import json, sys
nodes = [n for n in json.loads(sys.argv[1])["nodes"] if n["macs"] > 0]
assert nodes and all(n["share_of_peak"] > 0 for n in nodes), nodes' "$output"
    run -0 coedge profile "$MADE/int8.coedge" --json --runs 5 --nodes
    /usr/bin/python3 -c 'import json, sys
nodes = json.loads(sys.argv[1])["nodes"]
assert not any("share_of_peak" in n for n in nodes if n["op"].endswith("Conv")), nodes' "$output"
}

@test "the table names the nodes; --explain also the kernels and what a node does besides" {
    run -0 coedge profile "$MADE/model.coedge" --runs 3 --nodes
    assert_line --index 0 --regexp '^solder-cnn: median [0-9.]+ ms, p95 '
    assert_line --regexp '^conv1 +[A-Za-z]*Conv +[0-9.]+ +[0-9.]+ %$'
    refute_output --partial "of peak"
    run -0 coedge profile "$MADE/model.coedge" --runs 3 --explain
    assert_line --regexp '^node +operator +ms +share +of peak +MACs +kernel +layout$'
    assert_line --regexp '^conv1 +[A-Za-z]*Conv .* [0-9.]+ %.* [a-z]+[a-z0-9 ]* +(plain|c4|c8|c16)$'
    assert_line --regexp '^\+ relu1 *$'
    assert_line --regexp '^[0-9.]+ ms in [0-9]+ nodes; peak [0-9.]+ [kMGT] MACs a second$'
}

@test "without --runs there are as many as --seconds take, at least ten" {
    run -0 coedge profile "$MADE/model.coedge" --json --seconds 0 --warmup 0
    [ "$(json runs)" -eq 10 ]
    run -0 coedge profile "$MADE/model.coedge" --json --seconds 0.2
    [ "$(json runs)" -gt 10 ]
}

@test "the path of kernels is the one that COEDGE_CPU names" {
    COEDGE_CPU=portable run -0 coedge profile "$MADE/model.coedge" --json --runs 1
    [ "$(json cpu)" = portable ]
}

@test "profile reads standard input" {
    run -0 sh -c "coedge profile --runs 1 <'$MADE/model.coedge'"
}

@test "sizes and batches that do not fit are usage errors" {
    run -2 coedge profile "$MADE/model.coedge" --input 3x64x64
    assert_line --index 0 --partial "coedge profile: --input: '3x64x64' does not fit input '"
    run -2 coedge profile "$MADE/model.coedge" --batch 0
    assert_line --index 0 --partial "--batch"
    run -0 coedge profile "$MADE/model.coedge" --input 3x32x32 --runs 1
}

@test "an update computes nothing and is refused" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --update --site a --round 1 -o a.update
    run -3 coedge profile a.update
    assert_line --index 0 "coedge profile: a.update: an update, expected a model"
}
