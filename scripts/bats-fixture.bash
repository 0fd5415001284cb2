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

# make_by_hand ARGUMENT...: Python from standard input, with scripts/make-hostile as `make`: packages whose .end is right.
# members(path) reads one's members, write(path, members) makes one of them, say(members, pattern, by) changes model.yaml.
make_by_hand() {
    PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -W ignore -c "$(printf 'import importlib.machinery, re, struct, sys, tarfile
make = importlib.machinery.SourceFileLoader("make", "%s").load_module()
def members(path):
    with tarfile.open(path) as tar:
        return [(m.name, tar.extractfile(m).read()) for m in tar][:-1]
def write(path, members):
    open(path, "wb").write(make.package(members))
def say(members, pattern, by):
    said, count = re.subn(pattern, by, members[0][1].decode(), flags=re.M)
    assert count == 1, (pattern, count)
    return [("model.yaml", said.encode())] + members[1:]
' "$ROOT/scripts/make-hostile"; cat)" "$@"
}
