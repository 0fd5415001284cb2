# A federation's round: signed updates, who is refused and why, waiting for who is late, and a site that is poisoned.
load ../../scripts/bats-helper
load ../../scripts/bats-fixture

# testdata/keys has sites a, b, c and d; d is not enrolled.
setup_file_more() {
    local site
    mkdir sites night round-0001
    cp "$ROOT"/testdata/keys/{a,b,c}.pub sites
    for site in a b c d; do
        coedge train-local model.coedge --data train.tar --steps 2 --seed "$(printf '%d' "'$site")" --update --site $site \
            --round 1 --sign "$ROOT/testdata/keys/$site.key" -o night/$site.update
    done
    cp night/{a,b,c}.update round-0001
    coedge train-local model.coedge --data train.tar --steps 2 --update --site a --round 1 -o unsigned.update
    coedge train-local model.coedge --data train.tar --steps 2 --update --site a --round 1 --sign "$ROOT/testdata/keys/b.key" -o wrong.update
    coedge train-local model.coedge --data train.tar --steps 2 --update --site a --round 1 --sign "$ROOT/testdata/keys/d.key" -o stranger.update
    coedge train-local model.coedge --data train.tar --steps 2 --update --site a --round 2 --sign "$ROOT/testdata/keys/a.key" -o late.update
}

setup_more() {
    cp -r "$MADE/sites" "$MADE/night" "$MADE/round-0001" .
    base=$MADE/model.coedge
}

# refused CODE SENTENCE FILE...: with keys, by name, and no file; left out by --keep-going.
refused() {
    local code=$1 sentence=$2
    shift 2
    run "-$code" coedge aggregate --base "$base" --keys sites --round 1 "$@" -o x.coedge
    assert_line --index 0 --partial "coedge aggregate: $sentence"
    [ ! -e x.coedge ]
    run -8 coedge aggregate --base "$base" --keys sites --round 1 --keep-going night/b.update "$@" -o x.coedge
    assert_line --partial "left out: $sentence"
    coedge aggregate --base "$base" --keys sites night/b.update -o b.coedge
    cmp x.coedge b.coedge
    rm -f x.coedge
}

@test "signed updates of enrolled sites make what unsigned ones make" {
    coedge aggregate --base "$base" --keys sites night/{a,b,c}.update -o signed.coedge
    coedge aggregate --base "$base" night/{c,b,a}.update -o anyone.coedge
    cmp signed.coedge anyone.coedge
    coedge verify signed.coedge
}

@test "inspect says whether an update is signed, and with which key" {
    run -0 coedge inspect night/a.update
    assert_line --index 0 --partial "update of site 'a', round 1, 64 examples, signed with key $(sed -n '1s/.* //p' sites/a.pub)"
    run -0 coedge inspect "$MADE/wrong.update" --json
    [ "$(json update.site) $(json update.key)" = "a $(sed -n '1s/.* //p' sites/b.pub)" ]
    run -0 coedge inspect "$MADE/unsigned.update"
    assert_line --index 0 --partial "64 examples, not signed"
    run -0 coedge inspect "$MADE/unsigned.update" --json
    refute_output --partial '"key"'
}

@test "minisign verifies a site's signature" {
    command -v minisign >/dev/null || skip "no minisign here"
    tar -xf night/a.update signature.minisig
    offset=$(/usr/bin/python3 -c 'import tarfile; print(tarfile.open("night/a.update").getmember("signature.minisig").offset)')
    head -c "$offset" night/a.update | sha256sum | cut -c -64 | tr -d '\n' >digest
    run -0 minisign -V -m digest -x signature.minisig -p sites/a.pub
    assert_line --regexp '^Trusted comment: coedge update of round 1 to base [0-9a-f]{64} by site a$'
}

@test "an unsigned update is refused" {
    refused 6 "$MADE/unsigned.update: not signed, expected the signature of site 'a'" "$MADE/unsigned.update"
}

@test "a site that is not enrolled is refused" {
    refused 6 "night/d.update: site 'd' is not enrolled: there is no d.pub among the keys" night/d.update
}

@test "a site that signs for another is refused" {
    refused 6 "$MADE/wrong.update: says it is of site 'a', but site 'b' signed it" "$MADE/wrong.update"
}

@test "a key that nobody knows is refused" {
    refused 6 "$MADE/stranger.update: signature.minisig: signed by key" "$MADE/stranger.update"
}

@test "an update that was changed since, however well, is refused" {
    make_by_hand night/a.update <<'PY'
update = members(sys.argv[1])
write("same.update", update)
write("round.update", say(update, "^  round: 1$", "  round: 3"))
write("more.update", say(update, "^  examples: [0-9]+$", "  examples: 1000000"))
name, weights = update[1]
write("weights.update", [update[0], (name, weights[:-4] + b"\0\0\0\1"), update[2]])
swapped = members("night/b.update")
write("swapped.update", update[:2] + swapped[2:])
PY
    coedge aggregate --base "$base" --keys sites same.update -o same.coedge # the changes below are all there is
    for file in round more weights; do
        run -6 coedge aggregate --base "$base" --keys sites $file.update -o x.coedge
        assert_line --partial "$file.update: signature.minisig: not what key"
    done
    refused 6 "more.update: signature.minisig: not what key" more.update
    refused 6 "swapped.update: signature.minisig: not what key" swapped.update
    coedge aggregate --base "$base" more.update -o unseen.coedge # without keys nobody can tell
}

@test "the same update again, under another name or for another site, is refused" {
    cp night/a.update night/z.update
    run -3 coedge aggregate --base "$base" --keys sites night/a.update night/z.update -o x.coedge
    assert_line --index 0 "coedge aggregate: night/z.update: is night/a.update again, under another name"
}

@test "an update of another round is refused" {
    refused 3 "$MADE/late.update: of round 2, wanted is round 1" "$MADE/late.update"
}

@test "what is no signature is refused, with keys and without" {
    make_by_hand night/a.update <<'PY'
update = members(sys.argv[1])
write("bad.update", update[:2] + [("signature.minisig", b"yes, it is me\n")])
write("behind.update", update + [("statistics.yaml", b"a: 1\n")])
PY
    refused 3 "bad.update: signature.minisig: no signature: expected four lines" bad.update
    run -3 coedge aggregate --base "$base" bad.update -o x.coedge
    assert_output --partial "bad.update: signature.minisig: no signature"
    refused 3 "behind.update: member 'statistics.yaml' stands behind the signature, which is the last" behind.update
}

@test "a cut or damaged update is refused by name" {
    head -c 9000 night/a.update >cut.update
    refused 3 "cut.update: " cut.update
    : >empty.update
    refused 3 "empty.update: empty, expected a package" empty.update
}

@test "keys: none, a secret one, one for two sites, no folder" {
    mkdir none
    run -3 coedge aggregate --base "$base" --keys none night/a.update -o x.coedge
    assert_line --index 0 "coedge aggregate: --keys: none: no key of a site: expected files named SITE.pub"
    cp "$ROOT/testdata/keys/d.key" sites/d.pub
    run -6 coedge aggregate --base "$base" --keys sites night/a.update -o x.coedge
    assert_line --index 0 --partial "sites/d.pub: a secret key, expected a public one"
    cp sites/a.pub sites/d.pub
    run -3 coedge aggregate --base "$base" --keys sites night/a.update -o x.coedge
    assert_line --index 0 --partial "sites/d.pub: the key of site 'a', too"
    run -4 coedge aggregate --base "$base" --keys nowhere night/a.update -o x.coedge
}

@test "--sign is checked before the training" {
    local args=(train-local "$base" --data "$MADE/train.tar" --steps 1)
    run -2 coedge "${args[@]}" --sign "$ROOT/testdata/keys/a.key" -o x.coedge
    run -2 coedge "${args[@]}" --update --site a --sign sites/a.pub -o x.update
    assert_line --index 0 "coedge train-local: --sign: sites/a.pub: a public key, expected the secret one of the site"
    run -4 coedge "${args[@]}" --update --site a --sign nowhere -o x.update
    run -3 coedge "${args[@]}" --update --site a --sign "$base" -o x.update
    [ ! -e x.update ]
}

@test "--status says who is there, who is missing, and who is refused and why" {
    rm round-0001/b.update
    cp "$MADE/unsigned.update" round-0001/c.update
    cp night/d.update round-0001
    run -1 --separate-stderr coedge aggregate --base "$base" --keys sites --min-updates 2 round-0001 --status
    [[ "$stderr" == "coedge aggregate: 1 good updates of 3, wanted at least 2" ]]
    assert_line --index 1 --regexp '^a +here +64 +round-0001/a.update *$'
    assert_line --index 2 --regexp '^b +missing *$'
    assert_line --index 3 --regexp "^c +refused +round-0001/c.update +not signed, expected the signature of site 'a'\$"
    assert_line --index 4 --regexp "^ +refused +round-0001/d.update +site 'd' is not enrolled: there is no d.pub among the keys\$"
    run -0 coedge aggregate --base "$base" --keys sites round-0001 --status --json
    [ "$(json enough) $(json round) $(json here) $(json missing) $(json refused)" = "True 1 1 1 2" ]
    [ "$(json updates.1.site) $(json updates.1.state)" = "b missing" ]
    run -1 coedge aggregate --base "$base" --keys sites --combine trimmed:1 round-0001 --status
    assert_line "coedge aggregate: 1 good updates, trimmed:1 needs at least 2 F + 1 = 3"
    mkdir round-0002
    run -1 coedge aggregate --base "$base" --keys sites round-0002 --status --json
    [ "$(json round) $(json here) $(json missing)" = "2 0 3" ]
    run -1 coedge aggregate --base "$base" round-0002 --status # without keys nobody is expected
}

@test "a folder's name says the round" {
    mkdir round-0002
    mv round-0001/* round-0002
    run -3 coedge aggregate --base "$base" round-0002 -o x.coedge
    assert_output --partial "a.update: of round 1, wanted is round 2"
    run -3 coedge aggregate --base "$base" round-0002/ -o x.coedge
    coedge aggregate --base "$base" --round 1 round-0002 -o x.coedge
}

@test "--until does not wait when all sites are there" {
    run -0 timeout 60 coedge aggregate --base "$base" --keys sites --min-updates 3 --until +1d round-0001 -o x.coedge
    [ -z "$output" ]
    coedge aggregate --base "$base" night/{a,b,c}.update -o y.coedge
    cmp x.coedge y.coedge
}

@test "--until takes who comes late, and a good update in place of a bad one" {
    mv round-0001/c.update late.update
    cp "$MADE/unsigned.update" round-0001/b.update
    coedge aggregate --base "$base" --keys sites --min-updates 3 --until +60s round-0001 -o x.coedge 2>notes &
    until grep -q "waits for 3 sites for 60 s" notes 2>/dev/null; do sleep 0.1; done
    head -c 5000 late.update >round-0001/c.update # still being copied
    sleep 1.2
    [ ! -e x.coedge ]
    cp late.update round-0001/c.update
    cp night/b.update round-0001/b.update
    wait $!
    coedge aggregate --base "$base" night/{a,b,c}.update -o y.coedge
    cmp x.coedge y.coedge
}

@test "at the deadline as many as --min-updates are enough, fewer are exit 1, whoever asks again gets the same" {
    rm round-0001/b.update
    for past in +0s 2020-01-01T00:00Z +1s; do
        run -0 coedge aggregate --base "$base" --keys sites --min-updates 2 --until "$past" round-0001 -o "$past.coedge"
        assert_output --partial "coedge aggregate: the time is over without b"
    done
    cmp +0s.coedge +1s.coedge
    run -1 coedge aggregate --base "$base" --keys sites --min-updates 3 --until +0s round-0001 -o x.coedge
    assert_output --partial "2 good updates of 2, wanted at least 3"
    [ ! -e x.coedge ]
    cp "$MADE/unsigned.update" round-0001/b.update
    run -6 coedge aggregate --base "$base" --keys sites --until +0s round-0001 -o x.coedge
    run -8 coedge aggregate --base "$base" --keys sites --min-updates 2 --until +0s --keep-going round-0001 -o x.coedge
    assert_output --partial "without b (refused)"
    cmp x.coedge +0s.coedge
}

@test "two runs at one round: the second says so at once, and takes over when the first is gone" {
    rm round-0001/b.update
    coedge aggregate --base "$base" --keys sites --until +60s round-0001 -o x.coedge 2>notes &
    until grep -q "waits for" notes 2>/dev/null; do sleep 0.1; done
    run -4 coedge aggregate --base "$base" --keys sites --until +0s round-0001 -o y.coedge
    assert_line --index 0 "coedge aggregate: round-0001: another run is at this round"
    run -0 coedge aggregate --base "$base" --keys sites round-0001 --status # looking is free
    kill -KILL $!
    wait $! || true
    [ ! -e x.coedge ]
    [ "$(ls -A round-0001)" = "$(printf 'a.update\nc.update')" ]
    coedge aggregate --base "$base" --keys sites --until +0s round-0001 -o y.coedge
}

@test "what --until cannot mean is a usage error" {
    for wrong in "--keys sites --until soon round-0001" "--until +1s round-0001" "--keys sites --until +1s night/a.update" \
        "--keys sites --until +1s round-0001 night" "--keys sites --until +1s --status round-0001" \
        "--keys sites --min-updates 4 round-0001"; do
        run -2 coedge aggregate --base "$base" $wrong -o x.coedge
        [ ! -e x.coedge ]
    done
}
