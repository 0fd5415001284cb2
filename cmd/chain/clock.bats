# A night of factories and cloud when a clock is wrong: by years at a factory, or set back at the cloud.
load ../../scripts/bats-helper
load ../../scripts/bats-fixture

setup_file() {
    local program
    program=$(realpath "${COEDGE:-$ROOT/build/${MODE:-release}/coedge}")
    export MADE=$BATS_FILE_TMPDIR COEDGE_CONFIG=
    cd "$MADE" || return 1
    "$program" dataset synth solder --count 24 --size 32 --seed 1 --privacy public -o days.tar
    "$program" new mlp:8 --input 3x32x32 --labels "$TESTDATA/solder.labels" --seed 1 -o 1.coedge
    "$program" release keygen --quiet -o factory
}

setup_more() {
    local site
    command -v faketime >/dev/null || skip "needs faketime (Debian: faketime)"
    # what it does to durations is not what a clock that is set does: those are measured by another
    export ROOT FAKETIME_DONT_FAKE_MONOTONIC=1 ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}
    at 2001-01-01 coedge version >/dev/null || skip "this build does not start under faketime"
    mkdir sites
    for site in a b; do cp "$ROOT/testdata/keys/$site.pub" sites; done
    coedge push --quiet "$MADE/1.coedge" registry/solder:b1
}

# at DATE COMMAND...: as if it were that day.
at() { faketime -f "@$1 12:00:00" "${@:2}"; }
promote() { coedge release promote --quiet "registry/solder:$1" --channel stable --key "$MADE/factory.key"; }
follow() { COEDGE_STORE=$PWD/$1 coedge pull --quiet registry/solder:stable --install --trust "$MADE/factory.pub"; }
has() { [ "$(sed -n 's/.*"version":\([0-9]*\).*/\1/p' "$1/releases/solder/stable.json")" = "$2" ]; }
dates() { coedge release log registry/solder:stable --trust "$MADE/factory.pub" --json | grep -o '"date":"[0-9]*' | cut -d'"' -f4 | xargs; }
update() { # SITE ROUND
    COEDGE_STORE=$PWD/$1 coedge train-local @solder:stable --data "$MADE/days.tar" --steps 2 --update --site "$1" \
        --round "$2" --sign "$ROOT/testdata/keys/$1.key" -o "$1.update"
}
# The functions above under a clock, for faketime starts programs.
export -f promote follow update
in_year() { at "$1-06-15" bash -ec "${*:2}"; }

@test "an update and its signature are the same bytes in any year" {
    promote b1
    follow a
    update a 1
    mv a.update now.update
    for year in 1971 2019 2037; do
        in_year $year update a 1
        cmp a.update now.update
    done
}

@test "a night with a factory in 1971 and a cloud whose clock is set back: all follow the next version" {
    in_year 2026 promote b1
    in_year 1971 follow a
    in_year 2026 follow b
    in_year 1971 update a 1
    in_year 2026 update b 1
    mkdir round-0001
    mv a.update b.update round-0001
    COEDGE_STORE=$PWD/b coedge pull registry/solder:b1 -o base.coedge --quiet
    in_year 2019 "coedge aggregate --base base.coedge --keys sites --min-updates 2 --until +9s round-0001 -o b2.coedge"
    coedge aggregate --base base.coedge --keys sites round-0001 -o same.coedge
    cmp b2.coedge same.coedge
    in_year 2019 "coedge push --quiet b2.coedge registry/solder:b2"
    run -0 in_year 2019 "coedge release promote registry/solder:b2 --channel stable --key $MADE/factory.key"
    assert_line --index 0 "coedge release: version 1 is of 2026-06-15T12:00:00Z, before which this machine's clock is: version 2 has that date, too (SOURCE_DATE_EPOCH says another)"
    [ "$(dates)" = "2026 2026" ]
    in_year 1971 follow a
    in_year 2026 follow b
    has a 2 && has b 2
}

@test "a cloud that was years ahead for one release is followed again when its clock is right" {
    in_year 2026 promote b1
    in_year 2026 follow a
    in_year 2062 promote b1
    in_year 2026 follow a
    in_year 2026 "SOURCE_DATE_EPOCH=\$(date +%s) promote b1"
    [ "$(dates)" = "2026 2062 2026" ]
    in_year 2026 follow a
    has a 3
    in_year 2026 promote b1
    [ "$(dates)" = "2026 2026 2062 2026" ]
    in_year 2026 follow a
    has a 4
}

@test "a factory that is years ahead says so, works with what it has, and follows when its clock is right" {
    in_year 2026 promote b1
    in_year 2026 follow a
    in_year 2026 promote b1
    run -6 in_year 2037 follow a
    assert_line --index 0 "coedge pull: solder:stable: version 2 expired on 2027-06-15T12:00:00Z, and here it is 2037-06-15T12:00:00Z"
    assert_line --index 1 --partial "this clock may be wrong"
    has a 1
    in_year 2037 update a 1
    in_year 2026 follow a
    has a 2
}

# wait_through UNTIL SET: a round that waits for b, under a clock that is at noon of 2026-06-15 and then set to another year.
wait_through() {
    echo "@2026-06-15 12:00:00" >clock
    LD_PRELOAD=$PRELOAD FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE=$PWD/clock coedge aggregate \
        --base "$MADE/1.coedge" --keys sites --until "$1" round-0001 -o next.coedge 2>said 3>&- &
    for _ in $(seq 500); do grep -q waits said && break; sleep 0.02; done
    echo "@$2-06-15 12:00:00" >clock.new
    mv clock.new clock
    wait $!
}

@test "a clock that is set while a round is waited for moves a date, and no duration" {
    PRELOAD=$(faketime -f +0 sh -c 'echo $LD_PRELOAD')
    promote b1
    follow a
    update a 1
    mkdir round-0001
    mv a.update round-0001
    local begun=${EPOCHREALTIME/./}
    wait_through +2s 1999
    [ $((${EPOCHREALTIME/./} - begun)) -ge 2000000 ]
    wait_through 2026-06-15T23:00Z 2027 # else it would take eleven hours
    [ -e next.coedge ]
}
