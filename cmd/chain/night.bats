# The nightly jobs of scripts/service, and what goes wrong with them.
load ../../scripts/bats-helper
load ../../scripts/bats-fixture

setup_file() {
    local program
    program=$(realpath "${COEDGE:-$ROOT/build/${MODE:-release}/coedge}")
    export MADE=$BATS_FILE_TMPDIR COEDGE_CONFIG=
    cd "$MADE" || return 1
    "$program" dataset synth solder --count 24 --size 32 --seed 1 --privacy public -o days.tar
    "$program" new mlp:8 --input 3x32x32 --labels "$TESTDATA/solder.labels" --seed 1 -o 1.coedge
    "$program" push --quiet 1.coedge registry/solder:b1
    "$program" release keygen --quiet -o factory
    "$program" release promote --quiet registry/solder:b1 --channel stable --key factory.key
}

setup_more() {
    local site
    cp -r "$MADE/registry" .
    mkdir sites
    for site in a b; do
        cp "$ROOT/testdata/keys/$site.pub" sites
        cat >$site.night <<LIST
SITE=$site KEY=$ROOT/testdata/keys/$site.key CHANNEL=\${CHANNEL:-$PWD/registry/solder:stable} TRUST=$MADE/factory.pub
DATA=$MADE/days.tar INBOX=\${INBOX:-$PWD/rounds} TRAIN="\${TRAIN:---steps 2 --threads 1}" COEDGE_STORE=\${COEDGE_STORE:-$PWD/$site}
LIST
    done
    cat >cloud.night <<LIST
CHANNEL=$PWD/registry/solder:stable KEY=$MADE/factory.key TRUST=$MADE/factory.pub SITES=$PWD/sites INBOX=$PWD/rounds
UNTIL=+0s MIN=\${MIN:-2} GATE=\${GATE:-$MADE/days.tar} REQUIRE="\${REQUIRE:-accuracy>=0.5x}" ADMIT=\${ADMIT:-}
LIST
}

# The job and what it runs.
end_job() { kill -KILL "$WAITING" $(cat "/proc/$WAITING/task/$WAITING/children"); }
teardown() { [ -z "${WAITING:-}" ] || end_job 2>/dev/null || true; }

edge() { "$ROOT/scripts/service/edge-night" "$PWD/$1.night"; }
cloud() { "$ROOT/scripts/service/cloud-night" "$PWD/cloud.night"; }
newest() { coedge release log registry/solder:stable --trust "$MADE/factory.pub" --json | sed -n 's/^[^}]*"version":\([0-9]*\).*/\1/p'; }

@test "a night: two sites train, the cloud makes one model and releases it, the next night begins with that" {
    edge a
    edge b
    run -0 cloud
    assert_output --partial "solder:stable version 2 "
    edge a
    [ "$(cd rounds && echo round-*/*)" = "round-0001/a.update round-0001/b.update round-0002/a.update" ]
    [ -z "$(find a -name '*.checkpoint')" ]
    REQUIRE='accuracy>=1.5' MIN=1 run -1 cloud # the gate holds it back, and it is not tried again
    [ "$(newest)" = 2 ] && [ ! -e rounds/round-0002 ] && [ -e rounds/held-back-*/round-0002/a.update ]
    MIN=1 run -1 cloud
    assert_line --partial "coedge aggregate: no updates"
}

@test "a site's first night without a link: 5, and what that means" {
    CHANNEL=http://127.0.0.1:9/solder:stable run -5 edge a
    assert_line "edge-night: nothing is installed yet as solder:stable, so there is nothing to train"
    [ ! -e rounds ] && [ ! -e a/a.update ]
    edge a
}

@test "a gate that cannot be asked: its exit code, and the updates are still there for the next night" {
    edge a
    GATE=$PWD/gone.tar MIN=1 run -4 cloud
    assert_output --partial "gone.tar: "
    [ "$(newest)" = 1 ] && [ -e rounds/round-0001/a.update ]
    MIN=1 run -0 cloud
}

@test "a candidate without an answer is held back, a gate that is damaged is not its fault" {
    edge a
    mkdir bin # eval of the candidate as it ends when answers are not finite
    printf '%s\n' '#!/bin/sh' "case \"\$*\" in *--against*) exit 3 ;; esac" "exec \"$(command -v coedge)\" \"\$@\"" >bin/coedge
    chmod +x bin/coedge
    head -c 2000 "$MADE/days.tar" >cut.tar
    PATH=$PWD/bin:$PATH GATE=$PWD/cut.tar MIN=1 run -3 cloud
    [ -e rounds/round-0001/a.update ]
    PATH=$PWD/bin:$PATH MIN=1 run -1 cloud
    [ "$(newest)" = 1 ] && [ -e rounds/held-back-*/round-0001/a.update ]
}

@test "every night's candidate is a point of the report, and what became of it a mark" {
    export REPORT=$PWD/shown MIN=1
    mkdir shown
    edge a
    cloud
    edge a
    REQUIRE='accuracy>=1.5' run -1 cloud
    [ "$(grep -o '"event":"[a-z ]*"' shown/nights.ndjson | xargs)" = "event:released event:held back" ]
    [ "$(grep -c '^{"night":[12],"release":[12],"series":"candidate",.*"accuracy":' shown/nights.ndjson)" = 2 ]
    grep -q "held back" shown/report.html
    edge a
    REPORT=$PWD/none run -0 cloud # it is released all the same
    assert_line "cloud-night: $PWD/none: this night is not in the report"
    [ "$(newest)" = 3 ]
}

@test "an update with which alone the model fails is left out, and says why" {
    edge a
    edge b
    ADMIT='loss<=0.01x, accuracy>=0' MIN=1 run -1 cloud
    assert_line --regexp "left out: .*round-0001/a.update: the base with it alone: gate failed: loss is .* \(0.01x of "
    assert_line --regexp "^coedge aggregate: 0 good updates of 2, wanted at least 1; left out: .*round-0001/b.update"
    [ "$(newest)" = 1 ]
    ADMIT='loss<=100x' run -0 cloud
    refute_output --partial "left out"
}

@test "two nights that overlap: the second says so, with 4, and changes nothing" {
    mkdir a rounds
    for job in a cloud; do
        exec 8>$([ $job = a ] && echo a || echo rounds)/night.lock
        flock 8
        run -4 "$ROOT/scripts/service/$([ $job = a ] && echo edge || echo cloud)-night" "$PWD/$job.night" 8>&-
        [ "${#lines[@]}" -eq 1 ]
        assert_output --partial "night.lock is locked"
        exec 8>&-
    done
    [ "$(find a rounds -type f | sort | xargs)" = "a/night.lock rounds/night.lock" ]
    edge a
}

@test "a site that comes back five versions late: its update is refused by name, it pulls, and the next night it counts" {
    edge a
    edge b
    MIN=2 cloud
    for version in 3 4 5 6; do coedge release promote --quiet registry/solder:candidate --channel stable --key "$MADE/factory.key"; done
    CHANNEL=http://127.0.0.1:9/solder:stable edge a # the link is cut: it trains what it has, for its own round
    [ "$(newest)" = 6 ] && [ ! -e rounds/round-0006 ]
    mkdir rounds/round-0006 && cp rounds/round-0001/a.update rounds/round-0006 # carried to where the cloud looks now
    edge b
    MIN=1 run -0 cloud
    assert_line --regexp "left out: .*round-0006/a.update: (made from base|of round 1, wanted is round 6)"
    [ "$(newest)" = 7 ]
    edge a
    edge b
    MIN=2 run -0 cloud
    refute_output --partial "left out"
    [ "$(newest)" = 8 ]
}

@test "a training that is killed leaves nothing half there, and the next night makes what one that was not killed makes" {
    export TRAIN="--epochs 3 --threads 1"
    edge b
    cp rounds/round-0001/b.update whole.update
    rm -r rounds b/b.update
    TRAIN="--epochs 100000 --threads 1" "$ROOT/scripts/service/edge-night" "$PWD/b.night" 2>/dev/null 3>&- &
    WAITING=$!
    until [ -e b/night-1.checkpoint ]; do sleep 0.02; done
    end_job
    wait "$WAITING" || true
    flock -w 20 b/night.lock true # held until the last of what it ran has ended
    [ ! -e rounds ] && [ ! -e b/b.update ] && [ -e b/night-1.checkpoint ]
    edge b # other options than the night that was ended: from the beginning
    cmp rounds/round-0001/b.update whole.update
    [ -z "$(find b rounds -name '*.tmp' -o -name '*.new' -o -name '*.checkpoint')" ]
}

@test "a full disk at a site: 4, what is installed stays, and with room the next night works" {
    unshare -m mount -t tmpfs none /mnt 2>/dev/null || skip "needs root: mounts a small tmpfs"
    edge a
    cp -r a before
    mkdir small
    unshare -m bash -c '
        mount -t tmpfs -o size=1m none small && cp -a before/. small && rm small/a.update
        cat /dev/zero >small/fill 2>/dev/null
        export COEDGE_STORE=$PWD/small INBOX=$PWD/small/rounds
        "$1" "$PWD/a.night" >said 2>&1; echo $? >codes
        mkdir seen && cp -a small/packages seen
        rm small/fill
        "$1" "$PWD/a.night" >>said 2>&1; echo $? >>codes
        ls small/rounds/round-0001 >there' bash "$ROOT/scripts/service/edge-night"
    [ "$(xargs <codes)" = "4 0" ]
    grep -q "No space left on device" said
    diff -r seen/packages before/packages
    [ "$(cat there)" = a.update ]
}
