load ../scripts/bats-helper
load ../scripts/bats-fixture

setup_file_more() {
    coedge quantize model.coedge --calibrate train.tar -o int8.coedge
}

@test "8 bits answer nearly as reals do, from integers" {
    run -0 coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json
    real=$(json accuracy)
    run -0 coedge eval "$MADE/int8.coedge" --data "$MADE/val.tar" --json
    /usr/bin/python3 -c 'import sys; assert float(sys.argv[1]) >= float(sys.argv[2]) - 0.05' "$(json accuracy)" "$real"
    run -0 coedge inspect "$MADE/int8.coedge" --json
    [ "$(json nodes.0.dtype)" = U8 ]
}

@test "the weights of convolutions are I8 and biases I32" {
    run -0 coedge inspect "$MADE/int8.coedge" --weights
    assert_line --regexp 'conv1\.weight +I8'
    assert_line --regexp 'conv1\.bias +I32'
}

@test "portable and fast kernels give the same bytes" {
    coedge infer "$MADE/int8.coedge" "$MADE/val.tar" --emit key,score,top >fast
    COEDGE_CPU=portable coedge infer "$MADE/int8.coedge" "$MADE/val.tar" --emit key,score,top >portable
    cmp fast portable
}

@test "the same calibration gives the same bytes for any threads" {
    coedge quantize "$MADE/model.coedge" --calibrate "$MADE/train.tar" --threads 1 -o 1.coedge
    coedge quantize "$MADE/model.coedge" --calibrate "$MADE/train.tar" --threads 7 -o 7.coedge
    cmp 1.coedge 7.coedge
}

@test "without calibration data it is a usage error that says what to do" {
    run -2 coedge quantize "$MADE/model.coedge" -o x.coedge
    assert_output --partial "--calibrate DATA"
}

@test "weights only: smaller, and nearly the same answers" {
    coedge quantize "$MADE/model.coedge" --weights-only -o w.coedge
    [ "$(stat -c %s w.coedge)" -lt "$(stat -c %s "$MADE/model.coedge")" ]
    run -0 coedge eval w.coedge --data "$MADE/val.tar" --json
}

@test "a quantized model is neither quantized nor trained again" {
    run -3 coedge quantize "$MADE/int8.coedge" --calibrate "$MADE/train.tar" -o x.coedge
    assert_output --partial "quantized already"
    run -3 coedge train-local "$MADE/int8.coedge" --data "$MADE/train.tar" --steps 1 -o x.coedge
    assert_output --partial "cannot be trained"
}

@test "verify runs the golden samples of an 8-bit package" {
    run -0 coedge verify "$MADE/int8.coedge"
    COEDGE_CPU=portable run -0 coedge verify "$MADE/int8.coedge"
    assert_output --partial "worst difference 0"
}
