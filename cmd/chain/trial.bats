# A package that a channel brought and that ends whoever runs it is not run for ever.
load ../../scripts/bats-helper

setup_file() {
    local program
    program=$(realpath "${COEDGE:-$ROOT/build/${MODE:-release}/coedge}")
    export MADE=$BATS_FILE_TMPDIR COEDGE_CONFIG=
    cd "$MADE" || return 1
    "$program" dataset synth solder --count 40 --size 32 --seed 2 -o val.tar
    "$program" new mlp:8 --input 3x32x32 --labels "$TESTDATA/solder.labels" --seed 1 -o model.coedge
    "$program" new mlp:8 --input 3x32x32 --labels "$TESTDATA/solder.labels" --seed 2 -o new.coedge
    "$program" push --quiet model.coedge registry/solder:a
    "$program" push --quiet new.coedge registry/solder:b
    "$program" release keygen --quiet -o factory
}

setup_more() {
    export COEDGE_STORE=$PWD/store
    cp -r "$MADE/registry" .
    mkfifo nothing # to read from: no answer ever comes
    exec 9<>nothing
    promote a
    follow
    promote b
    follow
    has new
    [ "$(wc -l <store/installed/solder/.stable.trial)" -eq 1 ]
}

teardown() {
    if [ -n "${SERVER:-}" ]; then kill -KILL "$SERVER" 2>/dev/null || true; fi
}

promote() { coedge release promote --quiet "registry/solder:$1" --channel stable --key "$MADE/factory.key"; }
follow() { coedge pull registry/solder:stable --quiet --install --trust "$MADE/factory.pub" "$@"; }
has() { cmp store/installed/solder/stable "$MADE/$1.coedge"; }
starts() { tail -n +2 store/installed/solder/.stable.trial | tr -d '\n'; }
on_trial() { [ -e store/installed/solder/.stable.trial ]; }
answer() { coedge infer @solder:stable "$MADE/val.tar" --emit key "$@"; }

# Starts it, waits until the start is counted, and kills it.
crash() {
    local before
    before=$(starts)
    "$@" <nothing >out 2>notes 3>&- 9>&- &
    SERVER=$!
    until [ "$(starts)" = "$before." ]; do kill -0 "$SERVER"; sleep 0.02; done
    kill -KILL "$SERVER"
    wait "$SERVER" || true
}

@test "three crashes before an answer: the fourth start goes back, answers, and the package is left aside" {
    for _ in 1 2 3; do crash coedge infer @solder:stable -; done
    run -0 --separate-stderr answer
    [[ "$stderr" =~ ^"coedge infer: solder:stable: version 2 ("[0-9a-f]{12}") is left aside: began 3 times here and never came to answer; back to "[0-9a-f]{12}$ ]]
    [ "${#lines[@]}" -eq 40 ]
    has model
    run ! on_trial
    run -1 follow
    assert_line --index 0 --partial "was left aside here: began 3 times here and never came to answer"
    has model
    run -0 follow --force # somebody who knows better; it is on trial again
    has new
    crash coedge infer @solder:stable -
}

@test "a good answer ends the trial, whatever came before and comes then" {
    for _ in 1 2 3; do crash coedge infer @solder:stable -; done
    printf '%s\n..' "$(head -n 1 store/installed/solder/.stable.trial)" >mark && cp mark store/installed/solder/.stable.trial
    run -0 answer
    run ! on_trial
    has new
    echo "no mark" >store/installed/solder/.stable.trial
    run -0 --separate-stderr answer
    [ -z "$stderr" ]
    on_trial
}

@test "nobody has tuned for a new package: it answers the usual way, and its trial ends" {
    run -0 --separate-stderr answer --tuned
    [ "$stderr" = "coedge infer: @solder:stable: not tuned for this CPU, goes with the usual kernels; run coedge profile MODEL --tune" ]
    [ "${#lines[@]}" -eq 40 ]
    run ! on_trial
    has new
}

@test "what a reader, a person or the machine ends does not count" {
    for signal in INT TERM HUP; do
        env --default-signal=INT coedge infer @solder:stable - <nothing >out 3>&- 9>&- &
        SERVER=$!
        until [ "$(starts)" = . ]; do kill -0 "$SERVER"; sleep 0.02; done
        kill "-$signal" "$SERVER"
        wait "$SERVER" || true
        [ -z "$(starts)" ]
    done
    # descriptor 3 is the mark's; there is none for the package
    run -4 bash -c 'exec 3>&-; ulimit -n 4; exec coedge infer @solder:stable "$MADE/val.tar"'
    assert_output --partial "Too many open files"
    refute_output --partial "not counted"
    [ -z "$(starts)" ]
    answer | head -n 1 >first # the pipe breaks before all is answered, or all was: that is a proof
    ! on_trial || [ -z "$(starts)" ]
    has new
}

@test "an end in good order does not count, nor does a start beside another one" {
    for _ in 1 2 3 4; do run -4 coedge infer @solder:stable nowhere.png; done
    run -2 coedge infer @solder:stable "$MADE/val.tar" --offload nowhere
    [ -z "$(starts)" ]
    coedge infer @solder:stable - <nothing >out 3>&- 9>&- &
    SERVER=$!
    until [ "$(starts)" = . ]; do sleep 0.02; done
    coedge infer @solder:stable - <nothing >out2 3>&- 9>&- &
    until ls -l /proc/$!/fd | grep -q stable.trial; do sleep 0.02; done
    sleep 0.2
    kill -KILL $!
    wait $! || true
    [ "$(starts)" = . ]
    has new
}

@test "a server counts its starts, too, and a rollback is not on trial" {
    wait_for() { until "$@"; do kill -0 "$SERVER"; sleep 0.02; done; }
    begin() { coedge serve @solder:stable --listen unix:sock >places 2>notes 3>&- 9>&- & SERVER=$!; }
    for _ in 1 2 3; do crash coedge serve @solder:stable --listen unix:sock; done
    begin
    wait_for grep -q unix places
    grep -q "^coedge serve: solder:stable: version 2 .* is left aside: " notes
    has model
    run ! on_trial
    kill -TERM "$SERVER"
    wait "$SERVER"
    follow --force
    begin
    wait_for grep -q unix places
    [ "$(starts)" = . ]
    printf '%12288s' '' >x.raw
    for _ in 1 2; do
        curl -sf --unix-socket sock http://here/v2/models/solder/infer --data-binary @x.raw -H 'Inference-Header-Content-Length: 0' >out
    done
    on_trial # two answers are no proof yet, but a good end with some is
    kill -TERM "$SERVER"
    wait "$SERVER"
    run ! on_trial
    has new
    coedge release rollback --quiet registry/solder:stable --key "$MADE/factory.key"
    follow
    has model
    run ! on_trial
}

@test "in a store that may only be read it answers all the same, and says that nothing is counted" {
    if [ "$(id -u)" -eq 0 ]; then
        unshare -m true 2>/dev/null || skip "needs a mount namespace"
        run -0 --separate-stderr unshare -m sh -c 'mount --bind store store && mount -o remount,bind,ro store && exec "$@"' sh \
            coedge infer @solder:stable "$MADE/val.tar"
    else
        chmod a-w store/installed/solder store/installed/solder/.stable.trial
        run -0 --separate-stderr coedge infer @solder:stable "$MADE/val.tar"
    fi
    [[ "$stderr" == *".stable.trial: starts are not counted: "* ]]
}
