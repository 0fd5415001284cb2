# Small data and a small trained model, made once a file: `load ../scripts/bats-fixture` beside bats-helper.
#
# $MADE holds train.tar, val.tar (6 classes of synthetic solder joints), new.coedge (a narrow
# solder-cnn) and model.coedge (it, after two epochs).

setup_file() {
    local program
    program=$(realpath "${COEDGE:-$ROOT/build/${MODE:-release}/coedge}")
    export MADE=$BATS_FILE_TMPDIR COEDGE_CONFIG=
    cd "$MADE" || return 1
    "$program" dataset synth solder --count 144 --size 32 --seed 1 --privacy public -o train.tar
    "$program" dataset synth solder --count 72 --size 32 --seed 2 --privacy public -o val.tar
    "$program" new solder-cnn --input 3x32x32 --width 0.25 --labels "$TESTDATA/solder.labels" -o new.coedge
    "$program" train-local new.coedge --data train.tar --epochs 2 -o model.coedge
    if declare -F setup_file_more >/dev/null; then # a file's own preparation
        mkdir bin && ln -s "$program" bin/coedge
        PATH=$MADE/bin:$PATH setup_file_more
    fi
}

# The value of a key in the JSON object on the first line of $output.
json() {
    /usr/bin/python3 -c 'import json, sys
value = json.loads(sys.argv[1].splitlines()[0])
for key in sys.argv[2].split("."):
    value = value[int(key)] if isinstance(value, list) else value[key]
print(value)' "$output" "$1"
}
