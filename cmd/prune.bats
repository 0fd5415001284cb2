load ../scripts/bats-helper
load ../scripts/bats-fixture

@test "half of the channels is less than four tenths of the work" {
    coedge prune "$MADE/model.coedge" --sparsity 0.5 -o half.coedge
    run -0 coedge inspect --json "$MADE/model.coedge"
    before=$(json macs)
    run -0 coedge inspect --json half.coedge
    /usr/bin/python3 -c 'import sys; assert float(sys.argv[1]) <= 0.4 * float(sys.argv[2])' "$(json macs)" "$before"
    run -0 coedge eval half.coedge --data "$MADE/val.tar" --json
    run -0 coedge verify half.coedge
}

@test "prune of nothing changes no answer" {
    coedge prune "$MADE/model.coedge" --sparsity 0 -o same.coedge
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,score,top >before
    coedge infer same.coedge "$MADE/val.tar" --emit key,score,top >after
    cmp before after
}

@test "a pruned model trains on" {
    coedge prune "$MADE/model.coedge" | coedge train-local - --data "$MADE/train.tar" --epochs 1 -o tuned.coedge
    run -0 coedge inspect --script tuned.coedge
    assert_line --regexp 'coedge prune'
}

@test "without structure nine of ten weights become zero and shapes stay" {
    coedge prune "$MADE/model.coedge" --structure none --sparsity 0.9 -o sparse.coedge
    run -0 coedge inspect --json "$MADE/model.coedge"
    before=$(json parameters)
    run -0 coedge inspect --json sparse.coedge
    [ "$(json parameters)" = "$before" ]
    gzip -k sparse.coedge
    [ "$(stat -c %s sparse.coedge.gz)" -lt $(($(stat -c %s sparse.coedge) / 2)) ]
}

@test "prune refuses a share that would leave a layer without channels" {
    coedge new lenet5 --width 0.4 -o lenet.coedge
    run -3 coedge prune --structure channel --sparsity 0.99 lenet.coedge -o pruned.coedge
    assert_line --index 0 --partial "conv1: 0 of 8 channels would remain"
    [ ! -e pruned.coedge ]
}

@test "prune refuses a quantized model and says what comes first" {
    coedge quantize "$MADE/model.coedge" --weights-only -o w.coedge
    run -3 coedge prune w.coedge -o pruned.coedge
    assert_output --partial "prune first, then quantize"
}

@test "a gate that fails leaves no file and exits 1" {
    run -1 coedge prune "$MADE/model.coedge" --require 'size<=0.01x' -o pruned.coedge
    [ ! -e pruned.coedge ]
}

@test "the same bytes with any number of threads" {
    coedge prune "$MADE/model.coedge" --threads 1 -o 1.coedge
    coedge prune "$MADE/model.coedge" --threads 7 -o 7.coedge
    cmp 1.coedge 7.coedge
}
