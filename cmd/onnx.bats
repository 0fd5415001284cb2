#!/usr/bin/env bats
# ONNX models in: read by content, made plain, refused by name.

load ../scripts/bats-helper

cases="$BATS_TEST_DIRNAME/../testdata/onnx/cases.tar"

@test "graphs as exporters write them give the answers of numpy and PyTorch" {
    run "$BATS_TEST_DIRNAME/../scripts/onnx-conformance" --rtol 1e-4 --atol 1e-5 "$cases"
    assert_success
    assert_output --regexp '^[0-9]+ passed, 0 failed, 0 skipped$'
}

@test "TensorFlow's pairs of Transposes and Pads are gone" {
    tar xf "$cases" -C "$BATS_TEST_TMPDIR"
    for name in tf_plain tf_pad tf_branches; do
        run coedge inspect "$BATS_TEST_TMPDIR/$name/model.onnx" --json
        assert_success
        [ "$(grep -o '"op":"Transpose"' <<<"$output" | wc -l)" -eq 1 ]
        refute_output --partial '"op":"Pad"'
    done
}

@test "a model is known by its content, also on standard input" {
    tar xf "$cases" -C "$BATS_TEST_TMPDIR" tf_plain
    cp "$BATS_TEST_TMPDIR/tf_plain/model.onnx" "$BATS_TEST_TMPDIR/odd.name"
    run coedge inspect "$BATS_TEST_TMPDIR/odd.name"
    assert_success
    run bash -c "coedge inspect - <'$BATS_TEST_TMPDIR/odd.name'"
    assert_success
    assert_output --partial 'Gemm'
}
