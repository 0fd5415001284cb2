load ../scripts/bats-helper
load ../scripts/bats-fixture

setup_file_more() {
    coedge new solder-cnn --input 3x32x32 --labels "$TESTDATA/solder.labels" -o wide.coedge
}

# tune MODEL: chosen once, quickly; $kept is where.
tune() {
    run -0 coedge profile "$1" --tune --json --seconds 0
    kept=$(json file)
}

# keep JSON: instead of what was chosen for the nodes.
keep() {
    /usr/bin/python3 -c 'import json, sys
kept = json.load(open(sys.argv[1]))
kept["nodes"] = json.loads(sys.argv[2])
json.dump(kept, open(sys.argv[1], "w"))' "$kept" "$1"
}

# The models that a note on standard error says that of, and nothing else is there.
not_tuned() {
    [ -z "$(sed '/: not tuned for this CPU, goes with the usual kernels; run coedge profile MODEL --tune$/d' <<<"$stderr")" ]
    sed 's/^coedge [a-z]*: //; s/: not tuned for .*//' <<<"$stderr"
}

@test "--tune tells what each way took, and keeps what it chose under processor and model" {
    tune "$MADE/wide.coedge"
    [ -f "$kept" ]
    [[ $kept == "$HOME/.local/share/coedge/tuned/"*"/"*.json ]]
    /usr/bin/python3 - "$output" "$kept" <<'PY'
import json, sys
told, kept = json.loads(sys.argv[1]), json.load(open(sys.argv[2]))
assert kept["format"] == 1 and kept["batch"] == 1 and kept["cpu"] == told["cpu"], kept
assert sys.argv[2].endswith(kept["model"] + ".json"), kept
assert kept["nodes"] == {n["name"]: n["chosen"] for n in told["nodes"] if "chosen" in n}
assert told["chosen"] == len(kept["nodes"]) and 0 < told["ratio"] <= 1, told
for node in told["nodes"]:
    assert node["ms"] > 0 and node["ratios"] and all(r > 0 for r in node["ratios"].values()), node
    assert "chosen" not in node or node["ratios"][node["chosen"]] < 1, node
PY
    rm -r "$HOME/.local/share/coedge/tuned"
    run -0 coedge profile "$MADE/wide.coedge" --tune --seconds 0
    assert_line --regexp '^(wide|solder-cnn): '
    assert_line --regexp "^kept in $HOME/.local/share/coedge/tuned/[a-z0-9-]+/[0-9a-f]{64}.json$"
}

@test "--tuned goes as chosen, and --explain shows it" {
    tune "$MADE/wide.coedge"
    keep '{"conv2": "direct", "conv3": "winograd 4x4", "conv4": "winograd 2x2", "conv5": "winograd 4x4", "gone": "direct"}'
    run -0 coedge profile "$MADE/wide.coedge" --tuned --explain --json --runs 2
    /usr/bin/python3 - "$output" <<'PY'
import json, sys
nodes = {n["name"]: n for n in json.loads(sys.argv[1])["nodes"]}
assert all(not n["tuned"] for name, n in nodes.items() if name not in ("conv2", "conv3")), nodes
if nodes["conv2"]["layout"] != "plain":
    assert nodes["conv2"]["tuned"] and nodes["conv2"]["kernel"] == "direct", nodes
    assert nodes["conv3"]["tuned"] and nodes["conv3"]["kernel"] == "winograd 4x4", nodes
    assert nodes["conv4"]["kernel"] == "winograd 2x2", nodes # as usual
    assert nodes["conv5"]["kernel"] == "direct", nodes # too few pixels for tiles
PY
    run -0 coedge profile "$MADE/wide.coedge" --tuned --explain --runs 2
    assert_line --regexp '^conv2 .* direct(, tuned  *c[0-9]+|  *plain)$'
    run -0 coedge profile "$MADE/wide.coedge" --explain --runs 2
    refute_output --partial tuned
}

@test "answers are the same for any number of threads, and near those of the usual kernels" {
    tune "$MADE/wide.coedge"
    keep '{"conv2": "direct", "conv3": "winograd 2x2"}'
    coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --emit key,label,top >usual
    coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --emit key,label,top --tuned --threads 1 >one
    coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --emit key,label,top --tuned --threads 2 >two
    cmp one two
    COEDGE_TUNED=1 coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --emit key,label,top >one
    cmp one two
    /usr/bin/python3 - <<'PY'
import json
usual, tuned = ([json.loads(line) for line in open(name)] for name in ("usual", "two"))
assert len(usual) == len(tuned) > 50
for a, b in zip(usual, tuned):
    scores = {t["label"]: t["score"] for t in a["top"]}
    assert a["key"] == b["key"] and all(abs(scores.get(t["label"], t["score"]) - t["score"]) < 1e-4 for t in b["top"])
PY
}

@test "eval judges with the chosen kernels too, and what it writes does not tell" {
    tune "$MADE/wide.coedge"
    keep '{"conv2": "direct"}'
    run -0 coedge eval "$MADE/wide.coedge" --data "$MADE/val.tar" --json
    usual=$(json accuracy)
    run -0 coedge eval "$MADE/wide.coedge" --data "$MADE/val.tar" --json --tuned
    [ "$(json accuracy)" = "$usual" ]
    run -0 --separate-stderr coedge eval "$MADE/wide.coedge" --data "$MADE/val.tar" --json --tuned --against "$MADE/model.coedge"
    [ "$(not_tuned)" = "$MADE/model.coedge" ]
    run -0 --separate-stderr coedge eval --data "$MADE/val.tar" --json --tuned <"$MADE/model.coedge"
    [ "$(not_tuned)" = "standard input" ]
}

@test "without a choice --tuned answers as usual and says how to make one; another model and another path have their own" {
    coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --emit key,top >usual
    run -0 --separate-stderr coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --emit key,top --tuned
    [ "$(not_tuned)" = "$MADE/wide.coedge" ]
    cmp usual - <<<"$output"
    run -3 coedge profile "$MADE/wide.coedge" --tuned --runs 1
    assert_line --index 0 --regexp "^coedge profile: not tuned for this CPU: $HOME/.*/tuned/.*\.json is not there$"
    assert_line --index 1 "hint: coedge profile MODEL --tune makes it"
    tune "$MADE/wide.coedge"
    run -0 --separate-stderr coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --tuned
    [ -z "$stderr" ]
    run -0 --separate-stderr coedge infer "$MADE/model.coedge" "$MADE/val.tar" --tuned
    [ "$(not_tuned)" = "$MADE/model.coedge" ]
    COEDGE_CPU=portable run -0 --separate-stderr coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --tuned
    [ "$(not_tuned)" = "$MADE/wide.coedge" ]
}

@test "--tuned is also for the head whose features leave" {
    coedge split "$MADE/wide.coedge" --at pool2 -o head.coedge,tail.coedge
    run -0 --separate-stderr coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --tuned --hard confidence:1 \
        --head head.coedge --offload http://127.0.0.1:9/v2/models/tail
    stderr=$(sed '/samples are hard/d' <<<"$stderr")
    [ "$(not_tuned)" = "$MADE/wide.coedge"$'\n'head.coedge ]
    tune head.coedge
    echo "[]" >"$kept"
    run -3 coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --tuned --hard confidence:1 \
        --head head.coedge --offload http://127.0.0.1:9/v2/models/tail
    assert_output --partial "coedge infer: head.coedge: $kept: not an object"
}

@test "a kept file that is none is one line with the place and what to do" {
    tune "$MADE/wide.coedge"
    cp "$kept" good
    for wrong in truncated list empty unknown-way way-number other-cpu; do
        cp "$TESTDATA/hostile/tuned/$wrong" "$kept"
        run -3 coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --tuned
        assert_line --index 0 --partial "coedge infer: $kept:"
        assert_line --index 1 "hint: coedge profile MODEL --tune writes it anew"
        [ "${#lines[@]}" -eq 2 ]
    done
    rm "$kept"
    mkfifo "$kept"
    run -4 coedge infer "$MADE/wide.coedge" "$MADE/val.tar" --tuned
    assert_line --index 0 "coedge infer: $kept: not a regular file"
    rm "$kept"
    head -c 2000000 /dev/zero >"$kept"
    run -7 coedge profile "$MADE/wide.coedge" --tuned --runs 1
    assert_line --index 0 --partial "$kept"
    cp good "$kept"
    keep '{"conv2": "winograd 9x9"}'
    run -3 coedge profile "$MADE/wide.coedge" --tuned --runs 1
    assert_line --index 0 "coedge profile: $kept: nodes: 'conv2' has no such way as 'winograd 9x9', expected 'direct', 'winograd 2x2', 'winograd 4x4' or 'depthwise'"
    coedge profile "$MADE/wide.coedge" --tune --seconds 0
    run -0 coedge profile "$MADE/wide.coedge" --tuned --runs 1
}

@test "a store that cannot be written to is told before anything is timed" {
    mkdir store
    touch store/tuned
    COEDGE_STORE=store run -4 timeout 60 coedge profile "$MADE/wide.coedge" --tune --seconds 3600
    assert_line --index 0 --partial "store/tuned"
    rm store/tuned
    COEDGE_STORE=store run -2 coedge profile "$MADE/wide.coedge" --tune --input 3x9x9
    [ -z "$(find store -type f)" ]
}

@test "--tune is for itself, and begins with the usual kernels also where --tuned is for all commands" {
    for other in --nodes --explain; do
        run -2 coedge profile "$MADE/wide.coedge" --tune $other
        assert_line --index 0 "coedge profile: --tune goes without --nodes and --explain"
    done
    tune "$MADE/wide.coedge"
    keep '{"conv1": "direct", "conv2": "direct", "conv3": "direct", "conv4": "direct"}'
    COEDGE_TUNED=1 tune "$MADE/wide.coedge"
    refute_output --partial '"usual":"direct"'
}

@test "serve answers with the usual kernels, with a note, where nothing was chosen" {
    run -0 coedge serve "$MADE/wide.coedge" --tuned --listen unix:s.sock --exit-idle 1
    assert_output --partial "$MADE/wide.coedge: not tuned for this CPU, goes with the usual kernels; run coedge profile MODEL --tune"
    tune "$MADE/wide.coedge"
    run -0 coedge serve "$MADE/wide.coedge" --tuned --listen unix:s.sock --exit-idle 1
    refute_output --partial "usual kernels"
    cp "$TESTDATA/hostile/tuned/other-cpu" "$kept"
    run -0 coedge serve "$MADE/wide.coedge" --tuned --listen unix:s.sock --exit-idle 1
    assert_output --partial "$MADE/wide.coedge goes with the usual kernels: $kept: cpu is "
    assert_output --partial "; coedge profile MODEL --tune writes it anew"
}

@test "bytes give the same bytes by every way" {
    coedge quantize "$MADE/wide.coedge" --calibrate "$MADE/train.tar" -o int8.coedge
    for path in x86-avx2 x86-avx512 x86-vnni x86-vbmi; do
        coedge version | grep -q "$path" || continue
        export COEDGE_CPU=$path
        coedge infer int8.coedge "$MADE/val.tar" --emit key,label,top >usual
        tune int8.coedge
        for way in direct "winograd 2x2" "winograd 4x4"; do
            keep "{\"conv2\": \"$way\", \"conv3\": \"$way\", \"conv4\": \"$way\"}"
            coedge infer int8.coedge "$MADE/val.tar" --emit key,label,top --tuned >other
            cmp usual other
        done
    done
}
