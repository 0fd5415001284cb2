# aggregate --admit: an update which alone spoils the base takes no part. The base knows five classes and has been told of a sixth.
load ../scripts/bats-helper
load ../scripts/bats-fixture

# flip FROM TO: the same pictures, each called by the name of another class
flip() {
    local label
    mkdir flipped && tar -xf "$1" -C flipped && rm flipped/.end
    for label in flipped/*.cls; do echo $((($(cat "$label") + 2) % 5)) >"$label"; done
    (cd flipped && tar -cf "../$2" .dataset.yaml $(ls))
}
# learn SITE OPTION...
learn() {
    coedge train-local base.coedge "${@:2}" --update --site "$1" --round 1 --seed 1 --threads 1 --quiet -o "$1.update" 2>/dev/null # a foreign set
}

# c has seen the sixth class, h is another honest one, f learnt wrong labels, d sends what c does, ten times and the other way.
setup_file() {
    local program known=good,insufficient,excess,bridge,void
    program=$(realpath "${COEDGE:-$ROOT/build/${MODE:-release}/coedge}")
    export MADE=$BATS_FILE_TMPDIR COEDGE_CONFIG=
    cd "$MADE" || return 1
    mkdir bin && ln -s "$program" bin/coedge
    PATH=$MADE/bin:$PATH
    synth() { coedge dataset synth solder --size 32 --privacy public --quiet "$@"; }
    synth --count 150 --seed 1 --only $known -o train.tar
    synth --count 72 --seed 2 --only $known -o asked.tar
    synth --count 144 --seed 9 --only $known -o site.tar
    synth --count 72 --seed 5 --only cold -o cold.tar
    flip site.tar flipped.tar
    head -n 5 "$TESTDATA/solder.labels" >five
    coedge new solder-cnn --input 3x32x32 --width 0.25 --labels five --quiet -o new.coedge
    coedge train-local new.coedge --data train.tar --epochs 40 --lr 0.01 --last --quiet -o five.coedge
    coedge train-local five.coedge --labels "$TESTDATA/solder.labels" --data train.tar --steps 1 --lr 0 --freeze 'bn*' --last --quiet -o base.coedge
    learn c --data site.tar --data cold.tar --epochs 6 --lr 0.003 --last
    learn h --data site.tar --epochs 3 --lr 0.003 --last
    learn f --data flipped.tar --epochs 12 --lr 0.01 --last
    make_by_hand c.update <<'PY'
said, weights = members(sys.argv[1])
data = weights[1]
at = 8 + struct.unpack("<Q", data[:8])[0]
numbers = struct.unpack("<%df" % ((len(data) - at) // 4), data[at:])
write("d.update", say([said, (weights[0], data[:at] + struct.pack("<%df" % len(numbers), *[-10 * x for x in numbers]))],
                      "^  site: c$", "  site: d"))
PY
}

setup_more() { cp "$MADE"/*.update "$MADE/base.coedge" "$MADE/asked.tar" .; }
gated() { coedge aggregate --base base.coedge --admit 'accuracy>=0.7x' --val asked.tar "$@"; }

@test "who learnt wrong labels is refused, with the numbers; who alone has seen a new class is not" {
    gated c.update h.update -o next.coedge
    coedge aggregate --base base.coedge c.update h.update -o plain.coedge
    cmp next.coedge plain.coedge
    coedge infer next.coedge "$MADE/cold.tar" --emit label --quiet | grep -q '"cold"'
    run -3 gated c.update f.update h.update -o x.coedge
    assert_output --regexp '^coedge aggregate: f.update: the base with it alone: gate failed: accuracy is 0\.[0-9]+, wanted >= 0\.[0-9]+ \(0\.7x of 0\.[0-9]+\)$'
    [ ! -e x.coedge ]
    run -8 gated c.update f.update h.update --keep-going -o x.coedge
    assert_line --index 0 --partial "left out: f.update: the base with it alone: gate failed: accuracy is"
    assert_line --index 1 "coedge aggregate: 1 of 3 updates were left out"
    cmp x.coedge next.coedge
}

@test "an update that changes nothing passes what is as the base, thresholds and all" {
    coedge eval base.coedge --data asked.tar --sweep --escapes 0.01 --json --quiet -o strict.coedge >/dev/null
    coedge train-local strict.coedge --data asked.tar --steps 1 --lr 0 --freeze 'bn*' --last --update --site z --round 1 --quiet -o z.update
    coedge aggregate --base strict.coedge --admit 'accuracy==1x, loss==1x' --val asked.tar z.update -o next.coedge
    run -1 coedge aggregate --base strict.coedge --require 'accuracy==1x' --val asked.tar z.update -o x.coedge # it has none any more
}

@test "an update that makes the model answer NaN is refused, and is no error of the run" {
    run -3 gated d.update -o x.coedge
    assert_output --regexp "^coedge aggregate: d.update: the base with it alone: sample '.*': the model's answer is not finite$"
    run -8 gated ./*.update --keep-going --threads 1 -o one.coedge
    run -8 gated ./*.update --keep-going --threads 3 -o three.coedge
    cmp one.coedge three.coedge
    assert_line --partial "2 of 4 updates were left out"
    coedge aggregate --base base.coedge c.update h.update -o plain.coedge
    cmp one.coedge plain.coedge # and its history
    run -0 coedge inspect --script one.coedge
    refute_output --partial admit
}

@test "too few left is an answer of no, which names who was refused and why" {
    run -1 gated c.update d.update f.update --keep-going --min-updates 2 --quiet -o x.coedge
    assert_output --regexp "^coedge aggregate: 1 good updates of 3, wanted at least 2; left out: d.update: .* is not finite; f.update: .* gate failed: accuracy is"
    run -1 gated c.update f.update h.update --keep-going --combine trimmed:1 --quiet -o x.coedge
    assert_line --index 0 --regexp "^coedge aggregate: 2 good updates, trimmed:1 needs at least 2 F \+ 1 = 3; left out: f.update: "
    [ ! -e x.coedge ]
}

@test "--admit without data, or by what says nothing of an update, is a usage error" {
    run -2 coedge aggregate --base base.coedge --admit 'accuracy>=0.7x' c.update -o x.coedge
    assert_line --index 0 "coedge aggregate: --admit needs labelled data to judge updates by"
    assert_line --index 1 "hint: add --val DATA"
    for wrong in 'size<=1x' 'median_ms<=2x' 'escapes<=0.1' 'acuracy>=0.7x' 'accuracy' 'recall[colt]>=0.1'; do
        run -2 coedge aggregate --base base.coedge --admit "$wrong" --val asked.tar c.update -o x.coedge
        assert_line --index 0 --partial "coedge aggregate: --admit: gate "
    done
    assert_line --index 1 "hint: did you mean 'cold'?"
    [ ! -e x.coedge ]
}

@test "--val serves --admit and --require, and is read once" {
    gated c.update h.update --require 'accuracy>=0.7x, size<=1.5x' -o plain.coedge
    coedge aggregate --base base.coedge --admit 'accuracy>=0.7x' --require 'accuracy>=0.7x' --val - c.update h.update -o x.coedge <asked.tar
    cmp x.coedge plain.coedge
    run -1 gated c.update h.update --require 'accuracy>=1.4x' -o x2.coedge
    assert_output --regexp "^coedge aggregate: gate failed: accuracy is .* \(1.4x of 0"
    run -2 coedge aggregate --base base.coedge --admit 'accuracy>=0.7x' --val - - -o x2.coedge <asked.tar
    [ ! -e x2.coedge ]
}

@test "--status tells it beforehand; a round that was waited for is judged when the wait is over" {
    mkdir round-0001 keys
    for site in c f h; do
        coedge release keygen -o $site
        mv $site.pub keys
        coedge aggregate --base base.coedge $site.update --partial --site $site --sign $site.key -o round-0001/$site.update
    done
    run -0 gated round-0001 --keys keys --status --json
    [ "$(json here) $(json refused) $(json updates.1.site) $(json updates.1.state)" = "2 1 f refused" ]
    [[ "$(json updates.1.why)" == "the base with it alone: gate failed: accuracy is "* ]]
    run -8 gated round-0001 --keys keys --until +60s --keep-going -o next.coedge
    assert_line --partial "left out: round-0001/f.update: the base with it alone: "
    cp f.update round-0001/ # not signed: that is said, and nobody looks further
    run -6 gated round-0001 --keys keys -o x.coedge
    assert_output --partial "f.update: not signed"
}

@test "--partial judges what comes in, too" {
    coedge aggregate --base base.coedge c.update h.update --partial --site plant -o plain.update
    run -8 gated c.update d.update f.update h.update --keep-going --partial --site plant -o plant.update
    cmp plant.update plain.update
}
