load ../scripts/bats-helper

# The value of a key in what `coedge inspect --json` says of a package.
fact() {
    coedge inspect --json "$2" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

@test "new writes a package with the parameters that the manual states" {
    coedge new lenet5 -o fresh.coedge
    [ "$(fact name fresh.coedge)" = lenet5 ]
    [ "$(fact parameters fresh.coedge)" = 431080 ]
}

@test "new writes to a pipe and refuses a terminal" {
    coedge new mlp:8 | coedge inspect --json - | grep -q '"name": *"mlp:8"'
    run -2 script -qec "coedge new mlp:8" /dev/null
    assert_output --partial "terminal"
}

@test "the same seed gives the same bytes with any number of threads, another seed others" {
    coedge new solder-cnn --seed 7 --threads 1 -o a.coedge
    coedge new solder-cnn --seed 7 --threads 7 -o b.coedge
    coedge new solder-cnn --seed 8 -o c.coedge
    cmp a.coedge b.coedge
    ! cmp -s a.coedge c.coedge
}

@test "new takes the names of classes from a file" {
    printf 'good\nbridge\nvoid\n' >classes.txt
    coedge new solder-cnn --input 1x32x32 --labels classes.txt -o fresh.coedge
    tar -xOf fresh.coedge model.yaml | grep -q bridge
    run -2 coedge new solder-cnn --labels classes.txt --classes 4 -o other.coedge
    assert_output --partial "leave --classes out"
    [ ! -e other.coedge ]
}

@test "new narrows every layer with --width" {
    coedge new mobilenet-v2 --width 0.5 --input 3x32x32 --classes 10 -o half.coedge
    [ "$(fact parameters half.coedge)" = 700490 ]
}

@test "new refuses an unknown architecture and names the nearest" {
    run -2 coedge new resnet19 -o x.coedge
    assert_line --index 0 "coedge new: unknown architecture 'resnet19'"
    assert_line --index 1 --regexp "did you mean 'resnet[0-9]+'"
    [ ! -e x.coedge ]
}

@test "new refuses an input that is no size or too small" {
    run -2 coedge new lenet5 --input 28x28 -o x.coedge
    assert_output --partial "--input: expected CxHxW such as 3x64x64, found '28x28'"
    run -2 coedge new lenet5 --input 1x8x8 -o x.coedge
    assert_output --partial "too small: conv2 sees 2x2 under a window of 5"
    [ ! -e x.coedge ]
}

# A convolution, the mean, three classes.
write_net() {
    cat >net.yaml <<'YAML'
name: mine
graph:
  inputs: [{name: image, shape: [-1, 1, 8, 8]}]
  weights:
    - {name: conv.weight, shape: [4, 1, 3, 3]}
    - {name: fc.weight, shape: [4, 3]}
  nodes:
    - {name: conv, op: Conv, inputs: [image, conv.weight], attributes: {pads: [1, 1, 1, 1]}}
    - {name: mean, op: GlobalAveragePool, inputs: [conv]}
    - {name: flatten, op: Flatten, inputs: [mean]}
    - {name: fc, op: Gemm, inputs: [flatten, fc.weight]}
  outputs: [fc]
YAML
}

@test "new builds a graph written in YAML" {
    write_net
    coedge new net.yaml -o mine.coedge
    [ "$(fact name mine.coedge)" = mine ]
    [ "$(fact parameters mine.coedge)" = 48 ]
}

@test "new says file and line of a mistake in a graph" {
    write_net
    sed -i 's/GlobalAveragePool/GlobalAveragePol/' net.yaml
    run -3 coedge new net.yaml -o mine.coedge
    assert_line --index 0 --regexp "^coedge new: net.yaml:9:[0-9]+: .*unknown operator 'GlobalAveragePol'"
    assert_line --index 1 --partial "GlobalAveragePool"
    [ ! -e mine.coedge ]
}

@test "new leaves no file behind when the disk is full" {
    run -4 coedge new mlp:8 -o /dev/full/x.coedge
    run -4 bash -c 'coedge new mlp:8 >/dev/full'
}

@test "the history holds what would make it again, and no path" {
    printf 'good\nbridge\n' >secret-place.txt
    coedge new mlp:16 --input 1x8x8 --labels secret-place.txt --seed 5 -o fresh.coedge
    run -0 coedge inspect --script fresh.coedge
    assert_line "printf '%s\\n' 'good' 'bridge' >labels"
    assert_line "coedge new 'mlp:16' --input '1x8x8' --labels labels --seed 5"
    ! grep -q secret-place fresh.coedge
}

@test "the graph in the manual page is made, trained, pruned through its sum and run" {
    sed -n '/^\.Bd/,/^\.Ed/p' "$ROOT/man/coedge-new.1" | sed '1d;$d' >small.yaml
    run -0 coedge new small.yaml --labels "$TESTDATA/solder.labels" -o small.coedge
    coedge dataset synth solder --count 48 --size 32 -o few.tar
    coedge train-local small.coedge --data few.tar --epochs 1 -o trained.coedge
    coedge prune trained.coedge -o pruned.coedge
    run -0 coedge infer pruned.coedge few.tar
    [ "${#lines[@]}" -eq 48 ]
    sed 's/op: Relu/op: Rellu/' small.yaml >bad.yaml
    run -3 coedge new bad.yaml -o bad.coedge
    assert_line --index 0 --partial "bad.yaml:14:7: "
    assert_line --index 0 --partial "'Rellu'"
    [ ! -e bad.coedge ]
}

@test "a name that no package could be read back with is refused" {
    for name in "" $'\e[31mred' $'two\nlines' $'L\xf6t'; do
        run -2 coedge new mlp:4 --input 1x8x8 --name "$name" -o x
        assert_line --index 0 --partial "--name: expected printable UTF-8"
        [ ! -e x ]
    done
}

@test "a label file may begin with a byte order mark, and is UTF-8" {
    printf '\xef\xbb\xbfgood\r\nL\xc3\xb6tbr\xc3\xbccke\r\n' >labels
    coedge new mlp:4 --input 1x8x8 --labels labels -o fresh.coedge
    run -0 coedge inspect fresh.coedge
    assert_line "labels good, Lötbrücke"
    printf 'good\nL\xf6t\n' >labels
    run -3 coedge new mlp:4 --input 1x8x8 --labels labels -o x
    assert_output --partial "labels: line 2: a label with a control character or bad UTF-8"
}
