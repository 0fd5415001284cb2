# What holds on the best kernels holds on every path that this build and CPU have.
load ../../scripts/bats-helper
load ../../scripts/bats-fixture

setup_file_more() {
    coedge new mlp:48-20 --input 3x32x32 --labels "$TESTDATA/solder.labels" -o mlp.coedge
    coedge quantize model.coedge --calibrate train.tar -o int8.coedge
}

on_each_path() {
    local paths
    paths=$(coedge version | sed -n 's/^paths: //p')
    for COEDGE_CPU in ${paths//,/}; do
        export COEDGE_CPU
        echo "on $COEDGE_CPU"
        "$@"
    done
}

train_with_threads() {
    local threads model
    for model in new mlp; do
        for threads in 1 2 7; do
            coedge train-local "$MADE/$model.coedge" --data "$MADE/train.tar" --epochs 1 --threads $threads -o $threads.coedge
            cmp 1.coedge $threads.coedge
        done
    done
}

@test "the same seed gives the same bytes with 1, 2 and 7 threads on every path" {
    on_each_path train_with_threads
}

split_at() {
    local threads
    coedge split "$MADE/$1.coedge" --at "$2" -o head.coedge,tail.coedge
    coedge infer "$MADE/$1.coedge" "$MADE/val.tar" --emit key,label,score,top >whole
    for threads in 1 2 7; do
        coedge infer head.coedge "$MADE/val.tar" --threads $threads |
            coedge infer tail.coedge - --emit key,label,score,top --threads $threads >parts
        cmp whole parts
    done
}

@test "head and tail give the answers of the whole, with any threads, on every path" {
    on_each_path split_at model relu1
    on_each_path split_at model pool2
    on_each_path split_at mlp relu1
}

verify_and_answer() {
    coedge verify "$MADE/model.coedge"
    coedge verify "$MADE/int8.coedge"
    coedge infer "$MADE/int8.coedge" "$MADE/val.tar" --emit key,score,top >"$COEDGE_CPU"
    cmp portable "$COEDGE_CPU"
}

@test "golden samples hold and integers answer with the same bytes on every path" {
    on_each_path verify_and_answer
}
