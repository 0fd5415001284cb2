# What else a package holds, when another is made of it: told and left out where it would no longer be true.
load ../../scripts/bats-helper
load ../../scripts/bats-fixture

setup_file_more() {
    coedge train-local model.coedge --data train.tar --steps 1 --update --site a -o a.update
    make_by_hand model.coedge <<'PY'
whole = [(name, data) for name, data in members(sys.argv[1]) if name != "statistics.yaml"]
further = [("state.safetensors", b"x"), ("replay.tar", bytes(3000)), ("profile.yaml", b"a: 1\n"),
           ("statistics.yaml", b"samples: 7\n")]
write("full.coedge", whole + further)
write("strange.coedge", whole + [("notes.txt", b"x")])
PY
}

# left_out NAME...: what standard error of the last run tells, a line each, and nothing more.
left_out() {
    local name
    for name in "$@"; do
        assert_line --regexp "^coedge [a-z-]+: $name is left out: "
    done
    [ "${#lines[@]}" -eq $# ] || fail "$output"
}

# holds FILE NAME...: the members between the weights and the end, but for golden samples.
holds() {
    assert_equal "$(tar -tf "$1" | grep -vxE 'model.yaml|(weights|golden).safetensors|.end' | xargs)" "${*:2}"
}

@test "prune, quantize, eval and split leave out what belongs to the weights before, and keep statistics of the data" {
    local asked
    for asked in prune "quantize --weights-only" "quantize --calibrate $MADE/val.tar"; do
        run -0 coedge $asked "$MADE/full.coedge" -o x.coedge
        left_out state.safetensors replay.tar profile.yaml
        holds x.coedge statistics.yaml
        tar -xOf x.coedge statistics.yaml | grep -qx "samples: 7"
    done
    run -0 --separate-stderr coedge eval "$MADE/full.coedge" --data "$MADE/val.tar" --sweep -o x.coedge
    holds x.coedge statistics.yaml
    [ "$(grep -c 'is left out: ' <<<"$stderr")" -eq 3 ]
    run -0 coedge split "$MADE/full.coedge" --at pool2 -o head.coedge,tail.coedge
    left_out state.safetensors replay.tar profile.yaml
    holds head.coedge statistics.yaml # of the samples, which only the head sees
    holds tail.coedge
}

@test "train-local writes statistics anew, and aggregate, which sees no data, none" {
    run -0 coedge train-local "$MADE/full.coedge" --data "$MADE/val.tar" --steps 1 -o x.coedge
    left_out state.safetensors replay.tar profile.yaml
    holds x.coedge statistics.yaml
    tar -xOf x.coedge statistics.yaml | grep -qx "samples: 72"
    run -0 coedge train-local "$MADE/full.coedge" --data "$MADE/val.tar" --steps 1 --update --site a -o x.coedge
    left_out state.safetensors replay.tar profile.yaml
    holds x.coedge
    run -0 coedge aggregate --base "$MADE/full.coedge" "$MADE/a.update" -o x.coedge
    left_out state.safetensors replay.tar profile.yaml
    holds x.coedge
}

@test "--quiet says nothing, and where nothing is left out nothing is said" {
    run -0 coedge prune --quiet "$MADE/full.coedge" -o a.coedge
    assert_output ""
    run -0 coedge prune "$MADE/model.coedge" -o b.coedge
    assert_output ""
    run -0 --separate-stderr coedge eval "$MADE/full.coedge" --data "$MADE/val.tar" # makes none
    [ -z "$stderr" ]
}

@test "push, pull and the store keep every byte" {
    coedge push --quiet --with-replay "$MADE/full.coedge" registry/x:y
    coedge pull --quiet registry/x:y -o back.coedge
    cmp "$MADE/full.coedge" back.coedge
    COEDGE_STORE=$PWD/store coedge pull --quiet registry/x:y --install
    cmp "$MADE/full.coedge" store/installed/x/y
    coedge verify back.coedge
}

@test "a member of another name is refused" {
    run -3 coedge verify "$MADE/strange.coedge"
    assert_line --partial "strange.coedge: member 'notes.txt' does not belong into a package there"
    assert_line "hint: coedge-package(5) tells which members there are, and in what order"
}

@test "a large member is passed over where it lies, never copied" {
    make_by_hand "$MADE/model.coedge" <<'PY'
write("large.coedge", members(sys.argv[1]) + [("replay.tar", bytes(300 << 20))])
PY
    /usr/bin/python3 - <<'PY' # the file's own pages, which the system can take back, do not count
import re, subprocess, time
process, most = subprocess.Popen(["coedge", "prune", "--quiet", "large.coedge", "-o", "x.coedge"]), 0
while process.poll() is None:
    try:
        found = re.search(r"RssAnon:\s+(\d+)", open(f"/proc/{process.pid}/status").read())
        most = max(most, int(found.group(1)) if found else 0)
    except OSError:
        pass
    time.sleep(0.001)
assert process.returncode == 0 and 0 < most < 100000, (process.returncode, most)
PY
    [ "$(stat -c %s x.coedge)" -lt 1000000 ]
}
