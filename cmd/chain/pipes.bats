load ../../scripts/bats-helper
load ../../scripts/bats-fixture

setup_file_more() {
    coedge push model.coedge registry/solder:stable
}

@test "one line from registry to registry leaves no temporary file" {
    set -o pipefail
    mkdir tmp
    TMPDIR=$PWD/tmp coedge pull "$MADE/registry/solder:stable" | TMPDIR=$PWD/tmp coedge prune - --structure channel --sparsity 0.5 |
        TMPDIR=$PWD/tmp coedge quantize - --calibrate "$MADE/train.tar" | TMPDIR=$PWD/tmp coedge push registry/solder:small
    coedge pull registry/solder:small -o small.coedge
    coedge verify small.coedge
    [ -z "$(ls -A tmp)" ]
    [ -z "$(find . -name '*.tmp*' -o -name '.*coedge*')" ]
}

@test "a stage that dies leaves nothing under a final name" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 | head -c 4000 >cut
    run -3 coedge quantize - --calibrate "$MADE/train.tar" -o x.coedge <cut
    [ ! -e x.coedge ]
    run -3 sh -c "coedge quantize '$MADE/nothing.coedge' --calibrate '$MADE/train.tar' 2>/dev/null | coedge push registry/solder:broken"
    [ ! -e registry ]
}

@test "every stage can be killed: the end is non-zero and the name is not there" {
    for victim in 1 2 3; do
        cat >pipe.sh <<SH
set -o pipefail
stage() { if [ "\$1" = $victim ]; then ( "\${@:2}" & pid=\$!; sleep 0.01; kill -9 \$pid; wait \$pid ) else "\${@:2}"; fi; }
stage 1 sh -c "sleep 0.2; coedge pull '$MADE/registry/solder:stable'" |
    stage 2 sh -c "sleep 0.1; exec coedge prune - --sparsity 0.3" |
    stage 3 sh -c "sleep 0.1; exec coedge push registry/solder:killed"
SH
        run bash pipe.sh
        [ "$status" -ne 0 ]
        run coedge pull registry/solder:killed -o x
        [ "$status" -ne 0 ]
        [ ! -e x ]
    done
}

@test "head and tail of a split model answer as the whole" {
    node=$(coedge inspect "$MADE/model.coedge" --json | /usr/bin/python3 -c 'import json, sys; print([n["name"] for n in json.load(sys.stdin)["nodes"] if n["op"] == "MaxPool"][1])')
    coedge split "$MADE/model.coedge" --at "$node" -o head.coedge,tail.coedge
    coedge infer head.coedge "$MADE/val.tar" | coedge infer tail.coedge - --emit key,label,score,top,truth >parts
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,label,score,top,truth >whole
    cmp parts whole
}

@test "a tail refuses the activations of another head" {
    coedge split "$MADE/model.coedge" --at pool2 -o head.coedge,tail.coedge
    coedge split "$MADE/new.coedge" --at pool2 -o other.coedge,rest.coedge
    coedge infer other.coedge "$MADE/val.tar" >activations.tar
    run -3 coedge infer tail.coedge activations.tar
    assert_output --partial "activations of head"
}
