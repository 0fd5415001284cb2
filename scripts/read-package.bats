#!/usr/bin/env bats
# What coedge writes, others read: numpy and Python's standard library.
load bats-helper

# field FILE EXPRESSION: of what the script prints, as `o`
field() {
    "$ROOT/scripts/read-package.py" "$1" | /usr/bin/python3 -c "import json, sys; o = json.load(sys.stdin); print($2)"
}

@test "numpy reads a package, its end mark is true, its tensors are aligned" {
    coedge new lenet5 -o lenet5.coedge
    assert_equal "$(field lenet5.coedge "o['good'], o['members'][:2]")" "True ['model.yaml', 'weights.safetensors']"
    assert_equal "$(field lenet5.coedge "all(t['aligned'] for t in o['tensors']['weights.safetensors'].values())")" True
    assert_equal "$(field lenet5.coedge "sum(__import__('math').prod(t['shape']) for t in o['tensors']['weights.safetensors'].values())")" 431080
}

@test "numpy reads the golden samples: four of each output" {
    coedge new lenet5 -o lenet5.coedge
    assert_equal "$(field lenet5.coedge "[t['shape'] for t in o['tensors']['golden.safetensors'].values()]")" "[[4, 10]]"
}

@test "tar lists a package and unpacks it" {
    coedge new lenet5 -o lenet5.coedge
    run -0 tar tf lenet5.coedge
    assert_line --index 0 model.yaml
    assert_line --index 1 weights.safetensors
    tar xf lenet5.coedge
    run -0 head -n 1 model.yaml
    assert_output "format: 1"
}

@test "numpy and tarfile read a shard: its samples, header and end mark" {
    coedge dataset synth solder --count 12 -o joints.tar
    assert_equal "$(field joints.tar "o['good'], o['members'][0], len(o['samples'])")" "True .dataset.yaml 12"
    assert_equal "$(field joints.tar "sorted({tuple(sorted(s)) for s in o['samples'].values()})")" "[('cls', 'png')]"
}

@test "a hostile package is refused with exit 3 and in one line" {
    for file in "$TESTDATA"/hostile/package/*.coedge; do
        run -3 --separate-stderr coedge inspect "$file"
        assert_equal "$output" ""
        refute_regex "${stderr_lines[0]}" $'[^ -~]'
    done
}
