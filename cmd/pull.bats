load ../scripts/bats-helper
load ../scripts/bats-fixture
load ../scripts/bats-server

# A package of a megabyte, so that there is something to cut.
setup_file() {
    local program
    program=$(realpath "${COEDGE:-$ROOT/build/${MODE:-release}/coedge}")
    export MADE=$BATS_FILE_TMPDIR COEDGE_CONFIG=
    cd "$MADE" || return 1
    "$program" new mlp:300-100 --input 3x28x28 --classes 10 --seed 1 -o model.coedge
    "$program" new mlp:8 --input 1x8x8 --classes 2 --seed 1 -o small.coedge
    "$program" push --quiet model.coedge registry/solder:stable
    "$program" push --quiet small.coedge registry/small:stable
}

setup_more() {
    export COEDGE_STORE=$PWD/store COEDGE_CONFIG=
    cp -r "$MADE/registry" .
    serve "$PWD/registry"
    LAYER=$(ls -S registry/blobs/sha256 | head -n 1)
    SIZE=$(stat -c %s "registry/blobs/sha256/$LAYER")
}

# Bytes of the large layer that were sent.
sent() { requests | awk -v part="$LAYER" 'index($1, part) { sum += $3 } END { print sum + 0 }'; }

nothing_installed() { [ ! -e store/installed ] && [ ! -e x ]; }

@test "what a web server serves is pulled byte for byte, and nothing is left of it" {
    run -0 coedge pull "$URL/solder:stable" -o x
    cmp x "$MADE/model.coedge"
    coedge pull "$URL/solder:stable" | cmp - "$MADE/model.coedge"
    run -0 coedge pull --list "$URL"
    assert_line --partial "small:stable"
    run -0 coedge pull "$URL/solder:stable" --install
    cmp "$(echo store/packages/*.coedge)" "$MADE/model.coedge"
    [ -z "$(ls store/partial)" ]
}

@test "a remote of coedge.yaml is an address, too" {
    printf 'remotes:\n  site: {url: "%s"}\n' "$URL" >coedge.yaml
    unset COEDGE_CONFIG
    coedge pull site/solder:stable | cmp - "$MADE/model.coedge"
}

@test "night 26: the link is cut, nothing changes, and the next night goes on from there" {
    rule 1 cut 300000 "$LAYER"
    run -5 coedge pull "$URL/solder:stable" --install --retries 0
    assert_line --index 0 --partial "blobs/sha256/$LAYER: "
    nothing_installed
    [ "$(stat -c %s "store/partial/$LAYER.part")" -eq 300000 ]
    run -0 coedge pull "$URL/solder:stable" --install
    cmp "$(echo store/packages/*.coedge)" "$MADE/model.coedge"
    [ "$(sent)" -eq "$SIZE" ]
    requests | grep -q "$LAYER bytes=300000- "
}

@test "a link that is cut again and again brings it all in one go, without a byte twice" {
    rule 1000 cut 65536 "$LAYER"
    run -0 coedge pull "$URL/solder:stable" -o x
    cmp x "$MADE/model.coedge"
    [ "$(sent)" -eq "$SIZE" ]
    [ "$(requests | grep -c "$LAYER")" -eq $(((SIZE + 65535) / 65536)) ]
}

@test "a server that fails twice is asked a third time, one that fails for good is 5" {
    rule 2 status 500 index.json
    rule 1 status 503 "$LAYER"
    run -0 coedge pull "$URL/solder:stable" -o x
    cmp x "$MADE/model.coedge"
    rm x
    rule 1000 status 502 index.json
    run -5 coedge pull "$URL/solder:stable" -o x --retries 1
    assert_line --index 0 "coedge pull: $URL/index.json: the server answers 502"
    [ "$(requests | grep -c index.json)" -eq 5 ]
    nothing_installed
}

@test "what asking again does not mend is asked for once" {
    rule 1 status 403 index.json
    run -5 coedge pull "$URL/solder:stable" -o x
    [ "$(requests | wc -l)" -eq 1 ]
    run -1 coedge pull "$URL/nowhere/solder:stable" -o x
    assert_line --index 0 "coedge pull: $URL/nowhere/index.json: no such file there (404)"
    [ "$(requests | wc -l)" -eq 2 ]
}

@test "a blob that is not there yet is worth a retry" {
    rm "registry/blobs/sha256/$LAYER"
    run -5 coedge pull "$URL/solder:stable" -o x
    assert_line --index 0 --partial "no such file there (404)"
    nothing_installed
}

@test "nobody there is 5" {
    stop_serving
    run -5 coedge pull "$URL/solder:stable" -o x --retries 0
    [ "${#lines[@]}" -eq 1 ]
    run -5 coedge pull http://name.invalid/solder:stable -o x --retries 0
    nothing_installed
}

@test "other bytes of the same length are 6, and are not kept" {
    rule 1 other - "$LAYER"
    run -6 coedge pull "$URL/solder:stable" --install
    assert_line --index 0 --partial "its bytes have another digest"
    nothing_installed
    [ "$(stat -c %s "store/partial/$LAYER.part")" -eq 0 ]
    run -0 coedge pull "$URL/solder:stable" --install
}

@test "what was cut a month ago and never taken up goes with the next pull that succeeds, and nothing else" {
    mkdir -p store/partial
    touch -d '40 days ago' store/partial/{old,held}.part store/partial/note
    touch store/partial/new.part
    exec 8<>store/partial/held.part
    flock -s 8
    run -0 coedge pull "$URL/small:stable" -o x
    [ "$(cd store/partial && echo *)" = "held.part new.part note" ]
}

@test "a part that lies is thrown away, and the file fetched from its beginning" {
    mkdir -p store/partial
    head -c 400000 /dev/zero >"store/partial/$LAYER.part"
    run -0 coedge pull "$URL/solder:stable" -o x
    cmp x "$MADE/model.coedge"
    requests | grep -q "$LAYER bytes=400000- "
    requests | grep -q "$LAYER - "
}

@test "a part that is too long is thrown away before anything is asked for" {
    mkdir -p store/partial
    head -c $((SIZE + 1)) /dev/zero >"store/partial/$LAYER.part"
    run -0 coedge pull "$URL/solder:stable" -o x
    cmp x "$MADE/model.coedge"
    [ "$(requests | grep -c "$LAYER")" -eq 1 ]
}

@test "a whole part is not asked for again" {
    mkdir -p store/partial
    cp "registry/blobs/sha256/$LAYER" "store/partial/$LAYER.part"
    run -0 coedge pull "$URL/solder:stable" -o x
    cmp x "$MADE/model.coedge"
    [ "$(requests | grep -c "$LAYER")" -eq 0 ]
}

@test "a server without ranges is taken from the beginning" {
    rule 1 cut 300000 "$LAYER"
    rule 1 norange - "$LAYER"
    run -0 coedge pull "$URL/solder:stable" -o x
    cmp x "$MADE/model.coedge"
    [ "$(sent)" -eq $((300000 + SIZE)) ]
}

@test "a range other than asked for is not put behind what is there" {
    rule 1 cut 300000 "$LAYER"
    rule 1 wrongrange 7 "$LAYER"
    run -0 coedge pull "$URL/solder:stable" -o x
    cmp x "$MADE/model.coedge"
    [ "$(requests | grep "$LAYER" | cut -d' ' -f2 | xargs)" = "- bytes=300000- -" ]
}

@test "more than the manifest says is 6, and no more than that is taken" {
    rule 1000 longer 50000000 "$LAYER"
    run -6 coedge pull "$URL/solder:stable" -o x
    assert_line --index 0 --partial "sends more than the $SIZE bytes it should have"
    [ "$(stat -c %s "store/partial/$LAYER.part")" -le "$SIZE" ]
    nothing_installed
}

@test "a length that lies is a link that was cut" {
    rule 1 shorter 1000 "$LAYER"
    run -5 coedge pull "$URL/solder:stable" -o x --retries 0
    assert_line --index 0 --partial "ended after $((SIZE - 1000)) of $SIZE bytes"
    run -0 coedge pull "$URL/solder:stable" -o x
    cmp x "$MADE/model.coedge"
}

@test "an index longer than the limit is 7" {
    rule 1 longer 9000000 index.json
    run -7 coedge pull "$URL/solder:stable" -o x
    assert_line --index 0 --partial "longer than the limit of 8388608 bytes"
}

@test "a server that falls silent is left after --timeout" {
    rule 1000 hold 10 "$LAYER"
    run -5 coedge pull "$URL/solder:stable" -o x --timeout 1 --retries 0
    nothing_installed
}

@test "a redirection is followed to http, and to nothing else" {
    rule 1 redirect "$URL/blobs/sha256/$LAYER" "$LAYER"
    run -0 coedge pull "$URL/solder:stable" -o x
    cmp x "$MADE/model.coedge"
    for place in "file://$PWD/registry/index.json" ftp://127.0.0.1/index.json gopher://127.0.0.1/; do
        rm -f x
        rule 1 redirect "$place" index.json
        run -6 coedge pull "$URL/solder:stable" -o x
        assert_line --index 0 --partial "leads elsewhere"
        nothing_installed
    done
    rule 1000 redirect "$URL/index.json" index.json
    run -5 coedge pull "$URL/solder:stable" -o x --retries 0
}

@test "addresses that are none, or that hold a password, are usage errors that do not repeat it" {
    for address in http://solder:stable https:///solder:stable http://user:secret@127.0.0.1/solder:stable \
        "http://127.0.0.1/a?token=secret/solder:stable" ftp://127.0.0.1/solder:stable; do
        run -2 coedge pull "$address" -o x
        refute_output --partial "secret"
    done
    run -2 coedge push "$MADE/small.coedge" "$URL/small:new"
    assert_line --index 0 "coedge push: $URL: nothing is written over a network"
    [ -z "$(requests)" ]
}

@test "two pulls of one package at once fetch it once" {
    coedge pull --quiet "$URL/solder:stable" --install &
    first=$!
    coedge pull --quiet "$URL/solder:stable" -o x &
    second=$!
    wait $first
    wait $second
    cmp x "$MADE/model.coedge"
    cmp "$(echo store/packages/*.coedge)" "$MADE/model.coedge"
    [ -z "$(ls store/partial)" ]
}

@test "a pull that is killed leaves a part that the next one uses" {
    rule 1 hold 500000 "$LAYER"
    coedge pull --quiet "$URL/solder:stable" --install 3>&- &
    pull=$!
    until [ "$(stat -c %s "store/partial/$LAYER.part" 2>/dev/null || echo 0)" -eq 500000 ]; do sleep 0.02; done
    kill -KILL $pull
    wait $pull || true
    [ ! -e store/installed ]
    run -0 coedge pull "$URL/solder:stable" --install
    requests | grep -q "$LAYER bytes=500000- "
    [ -z "$(find store -name '*.tmp' -o -name '*.part')" ]
}

@test "an index that is no index is told with its address" {
    echo '{"schemaVersion": 2}' >registry/index.json
    run -3 coedge pull "$URL/solder:stable" -o x
    assert_line --index 0 "coedge pull: $URL/index.json: no list of manifests"
    : >registry/index.json
    run -3 coedge pull "$URL/solder:stable" -o x
}
