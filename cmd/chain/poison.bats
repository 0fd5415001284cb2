# release alone: it trains for minutes under sanitizers
# One site of seven is poisoned, and says that it has four times as much to tell as each of the others. The plain mean goes with
# it; Multi-Krum ends where the six others would have got without it.
load ../../scripts/bats-helper

setup_file() {
    local program site
    program=$(realpath "${COEDGE:-$ROOT/build/${MODE:-release}/coedge}")
    export MADE=$BATS_FILE_TMPDIR COEDGE_CONFIG=
    cd "$MADE" || return 1
    mkdir bin flipped && ln -s "$program" bin/coedge
    PATH=$MADE/bin:$PATH
    coedge dataset synth solder --count 300 --size 32 --seed 100 --privacy public -o val.tar
    for site in 1 2 3 4 5 6; do
        coedge dataset synth solder --count 150 --size 32 --seed $site --privacy public -o $site.tar
    done
    coedge dataset synth solder --count 600 --size 32 --seed 7 --privacy public -o 7.tar
    tar -xf 7.tar -C flipped && rm flipped/.end
    for label in flipped/*.cls; do
        echo $((($(cat "$label") + 3) % 6)) >"$label"
    done
    (cd flipped && tar -cf ../flipped.tar .dataset.yaml $(ls))
    coedge new solder-cnn --input 3x32x32 --width 0.5 --labels "$TESTDATA/solder.labels" -o new.coedge
    federation six.coedge nobody
}

# What a site makes of its data, four times as far and the other way.
turn() {
    /usr/bin/python3 -W ignore - "$ROOT/scripts/make-hostile" "$1" <<'PY'
import importlib.machinery, json, struct, sys, tarfile
sys.dont_write_bytecode = True
make = importlib.machinery.SourceFileLoader("make", sys.argv[1]).load_module()
with tarfile.open(sys.argv[2]) as tar:
    model, weights = [(m.name, tar.extractfile(m).read()) for m in tar][:2]
data = weights[1]
at = 8 + struct.unpack("<Q", data[:8])[0]
numbers = list(struct.unpack("<%df" % ((len(data) - at) // 4), data[at:]))
for name, entry in json.loads(data[8:at]).items():
    if "var" in name or name == "__metadata__":
        continue # a variance below zero would be seen at once
    begin, end = (offset // 4 for offset in entry["data_offsets"])
    numbers[begin:end] = [-4 * x for x in numbers[begin:end]]
open(sys.argv[2], "wb").write(make.package([model, (weights[0], data[:at] + struct.pack("<%df" % len(numbers), *numbers))]))
PY
}

# federation OUT WHO [OPTION...]: four rounds of six honest sites and of who is poisoned: nobody, turned, flipped.
federation() {
    local out=$1 who=$2 round site
    shift 2
    mkdir -p night
    cp "$MADE/new.coedge" "$out"
    for round in 1 2 3 4; do
        rm -f night/*.update
        for site in 1 2 3 4 5 6; do
            learn "$site"
        done
        case $who in
        turned) learn 7 && turn night/7.update ;;
        flipped) learn flipped 2>/dev/null ;; # foreign, without .end
        esac
        coedge aggregate --base "$out" night "${@}" -o next.coedge
        mv next.coedge "$out"
    done
}

learn() {
    coedge train-local "$out" --data "$MADE/$1.tar" --epochs 4 --lr 0.005 --threads 1 --update --site "$1" --round "$round" -o "night/$1.update"
}

# costs MODEL: points of accuracy that it has less than what six sites made.
costs() {
    local model
    for model in "$MADE/six.coedge" "$1"; do
        coedge eval "$model" --data "$MADE/val.tar" --json
    done | /usr/bin/python3 -c 'import json, sys
six, other = [json.loads(line)["accuracy"] for line in sys.stdin]
print(round(100 * (six - other)))'
}

@test "one that turns its update around: fatal to the mean, at most a point for Multi-Krum" {
    federation mean.coedge turned
    federation krum.coedge turned --combine multi-krum:1
    cost=$(costs mean.coedge)
    [ "$cost" -ge 30 ] || { echo "$cost points"; false; }
    cost=$(costs krum.coedge)
    [ "$cost" -le 1 ] || { echo "$cost points"; false; }
}

@test "one that learned wrong labels: bad for the mean, at most a point for Multi-Krum" {
    federation mean.coedge flipped
    federation krum.coedge flipped --combine multi-krum:1
    cost=$(costs mean.coedge)
    [ "$cost" -ge 10 ] || { echo "$cost points"; false; }
    cost=$(costs krum.coedge)
    [ "$cost" -le 1 ] || { echo "$cost points"; false; }
}
