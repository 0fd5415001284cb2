load ../scripts/bats-helper
load ../scripts/bats-fixture
load ../scripts/bats-server

# Three packages that differ, one that answers otherwise than it says, two pairs of keys.
setup_file() {
    local program seed
    program=$(realpath "${COEDGE:-$ROOT/build/${MODE:-release}/coedge}")
    export MADE=$BATS_FILE_TMPDIR COEDGE_CONFIG=
    cd "$MADE" || return 1
    for seed in 1 2 3 4; do
        "$program" new mlp:8 --input 1x8x8 --classes 2 --seed $seed -o $seed.coedge
        "$program" push --quiet $seed.coedge registry/solder:b$seed
    done
    make_by_hand 4.coedge bad.coedge <<'PY'
parts = members(sys.argv[1])
golden = dict(parts)["golden.safetensors"]
at = 8 + int.from_bytes(golden[:8], "little")
golden = golden[:at] + struct.pack("<f", 1000.0) + golden[at + 4:]
write(sys.argv[2], [(name, golden if name == "golden.safetensors" else data) for name, data in parts])
PY
    "$program" push --quiet bad.coedge registry/solder:bad
    "$program" release keygen --quiet -o factory
    "$program" release keygen --quiet -o stranger
}

setup_more() {
    export COEDGE_STORE=$PWD/store COEDGE_CONFIG=
    cp -r "$MADE/registry" .
    KEY=$MADE/factory.key PUB=$MADE/factory.pub
}

promote() { coedge release promote --quiet "registry/solder:$1" --channel stable --key "$KEY" "${@:2}"; }
follow() { coedge pull registry/solder:stable --install --trust "$PUB" "$@"; }
has() { cmp store/installed/solder/stable "$MADE/$1.coedge"; }
nothing_installed() { [ ! -e store/installed ]; }

# The blob that an entry of index.json or a layer of a manifest names: entry NAME; layer MANIFEST N.
entry() { /usr/bin/python3 -c 'import json, sys
for one in json.load(open("registry/index.json"))["manifests"]:
    if one["annotations"]["org.opencontainers.image.ref.name"] == sys.argv[1]:
        print(one["digest"][7:])' "$1"; }
layer() { /usr/bin/python3 -c 'import json, sys
print(json.load(open("registry/blobs/sha256/" + sys.argv[1]))["layers"][int(sys.argv[2])]["digest"][7:])' "$1" "$2"; }

# Lets solder:stable mean document and signature as they are after a change by hand: what a registry in bad hands can do.
# From standard input: Python that changes `document` and `signature` (bytes).
forge() {
    /usr/bin/python3 -c 'import hashlib, json, sys
def blob(digest): return open("registry/blobs/sha256/" + digest[7:], "rb").read()
def put(data):
    digest = hashlib.sha256(data).hexdigest()
    open("registry/blobs/sha256/" + digest, "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}
index = json.load(open("registry/index.json"))
entry = [one for one in index["manifests"] if one["annotations"]["org.opencontainers.image.ref.name"] == "solder:stable"][0]
manifest = json.loads(blob(entry["digest"]))
document, signature = (blob(manifest["layers"][i]["digest"]) for i in (0, 1))
exec(sys.stdin.read())
manifest["layers"][0].update(put(document))
manifest["layers"][1].update(put(signature))
entry.update(put(json.dumps(manifest).encode()))
json.dump(index, open("registry/index.json", "w"))'
}

@test "a device follows a channel: new, newer, nothing newer" {
    promote b1
    run -0 follow
    assert_output --partial "version 1, installed"
    has 1
    run -0 follow
    assert_output --partial "version 1, already installed"
    promote b2
    run -0 follow
    has 2
    cmp store/installed/solder/stable.previous "$MADE/1.coedge"
}

@test "a device that comes back five versions later gets the newest" {
    promote b1
    follow
    for tag in b2 b3 b1 b2 b3; do promote $tag; done
    run -0 follow
    assert_output --partial "version 6, installed"
    has 3
}

@test "the bad release is gone from every device in one cycle, with nobody there" {
    for device in a b c; do
        [ $device = a ] && promote b1
        COEDGE_STORE=$PWD/$device follow
    done
    promote b2
    for device in a b; do COEDGE_STORE=$PWD/$device follow; done
    run -0 coedge release rollback registry/solder:stable --key "$KEY" --message "b2 misses bridges" --json
    [ "$(json version)" -eq 3 ]
    for device in a b c; do
        COEDGE_STORE=$PWD/$device run -0 follow
        cmp $device/installed/solder/stable "$MADE/1.coedge"
    done
}

@test "rollback goes to what all had, past what was taken back, or to a version" {
    promote b1
    run -1 coedge release rollback registry/solder:stable --key "$KEY"
    promote b2
    promote b3 --share 5%
    coedge release rollback registry/solder:stable --key "$KEY"
    follow
    has 2
    coedge release rollback registry/solder:stable --key "$KEY"
    follow
    has 1
    run -1 coedge release rollback registry/solder:stable --key "$KEY"
    coedge release rollback registry/solder:stable --key "$KEY" --to 3
    follow
    has 3
    run -1 coedge release rollback registry/solder:stable --key "$KEY" --to 99
}

@test "who is in the share has the new one, the others what all had, and a share only grows" {
    promote b1
    for device in $(seq 20); do COEDGE_STORE=$PWD/s$device follow --quiet; done
    before=0
    for share in 0 30 70 100; do
        promote b2 --share "$share%"
        in=0
        for device in $(seq 20); do
            was=$(readlink s$device/installed/solder/stable)
            COEDGE_STORE=$PWD/s$device follow --quiet
            if cmp -s s$device/installed/solder/stable "$MADE/2.coedge"; then
                in=$((in + 1))
            else
                cmp s$device/installed/solder/stable "$MADE/1.coedge"
                [ "$was" = "$(readlink s$device/installed/solder/stable)" ]
            fi
        done
        echo "$share %: $in of 20" >&2
        [ "$in" -ge "$before" ]
        before=$in
        [ "$share" -ne 0 ] || [ "$in" -eq 0 ]
    done
    [ "$in" -eq 20 ]
}

@test "the share is the documented one" {
    promote b1
    promote b2 --share 50%
    mkdir store
    for device in 00000000000000000000000000000000 0123456789abcdef0123456789abcdef ffffffffffffffffffffffffffffffff \
        5f3759df5f3759df5f3759df5f3759df c0ffeec0ffeec0ffeec0ffeec0ffee00; do
        rm -rf store/installed store/releases
        echo $device >store/device
        follow --quiet
        expected=$(/usr/bin/python3 -c 'import hashlib, sys
package = hashlib.sha256(open(sys.argv[2], "rb").read()).hexdigest()
digest = hashlib.sha256(f"coedge share\n{sys.argv[1]}\nsolder\n{package}".encode()).digest()
print(2 if int.from_bytes(digest[:8], "big") / 2**64 * 100 < 50 else 1)' $device "$MADE/2.coedge")
        has "$expected"
    done
}

@test "a device outside the share of a first release is told so" {
    promote b1 --share 0
    run -1 follow
    assert_line --index 0 "coedge pull: solder:stable: version 1 is for 0 % of the devices, not for this one"
    nothing_installed
}

@test "no key, another key, a cut or forged signature, another name: 6, and nothing is installed" {
    promote b1
    run -6 coedge pull registry/solder:stable --install
    assert_line --index 0 --partial "no key is trusted here"
    run -6 coedge pull registry/solder:stable -o x --trust "$MADE/stranger.pub"
    assert_line --index 0 --partial "not trusted here"
    run -6 coedge pull registry/solder:b1 --install --trust "$PUB"
    assert_line --index 0 "coedge pull: solder:b1 is no signed release"
    cp -r registry good
    while read -r change; do
        rm -rf registry && cp -r good registry
        forge <<<"$change"
        run -6 follow
        [ "${#lines[@]}" -le 2 ]
    done <<'LIST'
document = document.replace(b'"share": 100', b'"share": 99.')
document = document.replace(b'"version": 1,', b'"version": 2,')
document = document + b"\n"
signature = signature[:len(signature) // 2]
signature = b""
signature = signature.replace(b"version 1", b"version 2")
signature = signature.replace(b"stable", b"canary")
signature = b"untrusted comment: x\n" + b"\n".join(signature.split(b"\n")[1:]).replace(b"A", b"B")
LIST
    coedge release promote --quiet good/solder:b1 --channel canary --key "$KEY"
    rm -rf registry && cp -r good registry
    sed -i 's/"solder:stable"/"solder:old"/; s/"solder:canary"/"solder:stable"/' registry/index.json
    run -6 follow
    assert_line --index 0 --partial "a release of solder:canary, expected one of solder:stable"
    nothing_installed
    [ ! -e x ]
}

@test "an old release shown again is 6, also after its packages are gone, and what is installed stays" {
    promote b1
    follow
    cp -r registry old
    promote b2
    follow
    rm -rf registry && cp -r old registry
    run -6 follow
    assert_line --index 0 "coedge pull: solder:stable: version 1 is older than version 2, which was seen here"
    has 2
    rm -rf store/packages store/installed
    run -6 follow
    run -0 follow --force
    has 1
}

@test "another release of the same version is 6" {
    promote b1
    cp -r registry fork
    promote b2
    follow
    rm -rf registry && mv fork registry
    promote b3
    run -6 follow
    assert_line --index 0 "coedge pull: solder:stable: version 2 is another one than the one that was seen here"
    has 2
}

@test "a release that has expired is 6, and what is installed goes on" {
    promote b1
    follow
    SOURCE_DATE_EPOCH=1700000000 promote b2 --days 30
    run -6 follow
    assert_line --index 0 --regexp "^coedge pull: solder:stable: version 2 expired on 2023-12-14T22:13:20Z, and here it is 20"
    run -6 coedge pull registry/solder:stable -o x --trust "$PUB"
    [ ! -e x ]
    has 1
}

@test "a channel that was followed is not left for a plain tag" {
    promote b1
    follow
    rm -rf registry
    coedge push --quiet "$MADE/2.coedge" registry/solder:stable
    run -6 coedge pull registry/solder:stable --install
    has 1
}

@test "push does not move a channel, and a plain tag becomes one by promote" {
    coedge push --quiet "$MADE/1.coedge" registry/solder:stable
    promote b2
    run -2 coedge push "$MADE/1.coedge" registry/solder:stable
    assert_line --index 0 "coedge push: solder:stable is a channel of signed releases"
    follow
    has 2
}

@test "a package other than the release says is 6" {
    promote b1
    manifest=$(entry solder:b1)
    blob=$(layer "$manifest" 0)
    printf 'x' | dd of="registry/blobs/sha256/$blob" bs=1 seek=3000 conv=notrunc status=none
    run -6 follow
    nothing_installed
    rm "registry/blobs/sha256/$blob"
    run -3 follow
    nothing_installed
}

@test "a package that does not answer here is left aside once and for all; the one before stays" {
    promote b1
    follow
    promote bad
    run -1 follow
    assert_line --index 0 --partial "coedge pull: solder:stable: version 2 is left aside: golden samples differ"
    has 1
    blob=$(layer "$(entry solder:bad)" 0)
    mv "registry/blobs/sha256/$blob" . # what is left aside is not fetched
    run -1 follow
    assert_line --index 0 --partial "coedge pull: solder:stable: version 2: package"
    assert_line --index 0 --partial "was left aside here: golden samples differ"
    has 1
    run -3 follow --force
    mv "$blob" registry/blobs/sha256/
    run -1 follow --force
    promote b2
    run -0 follow
    has 2
}

@test "--require gates on the device's own data, before the name means the package" {
    mkdir -p own/0 own/1
    /usr/bin/python3 -c 'from PIL import Image
for i in range(2): Image.new("L", (8, 8), 255 * i).save(f"own/{i}/a.png")'
    promote b1
    run -1 follow --require 'accuracy>=1.1' --val own
    assert_line --index 0 --partial "left aside: "
    nothing_installed
    run -0 follow --require 'accuracy>=0' --val own --force
    has 1
    run -0 follow
    run -2 follow --require 'accuracy>=0'
    run -2 coedge pull registry/solder:b1 -o x --require 'size<=1'
}

@test "log shows every release, and a history that was changed is 6" {
    promote b1 --message "first"
    promote b2 --share 5% --message "a try"
    promote b2
    run -0 coedge release log registry/solder:stable --trust "$PUB" --json
    [ "$(json 0.version) $(json 1.share) $(json 2.message)" = "3 5.0 first" ]
    [ "$(json 1.rest)" = "$(sha256sum <"$MADE/1.coedge" | cut -d' ' -f1)" ]
    run -0 coedge release log registry/solder:stable --trust "$PUB"
    [ "${#lines[@]}" -eq 4 ]
    run -6 coedge release log registry/solder:stable --trust "$MADE/stranger.pub"
    run -1 coedge release log registry/solder:b1
    second=$(layer "$(entry solder:stable)" 0)
    second=$(/usr/bin/python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["previous"]["manifest"][7:])' "registry/blobs/sha256/$second")
    cp -r registry good
    cp "registry/blobs/sha256/$(entry solder:b1)" "registry/blobs/sha256/$second"
    run -6 coedge release log registry/solder:stable
    rm -rf registry && cp -r good registry
    rm "registry/blobs/sha256/$second"
    run -3 coedge release log registry/solder:stable
    assert_line --index 0 --partial "before version 3"
}

@test "a key is replaced by another, when the old one is trusted" {
    promote b1
    run -6 coedge release promote registry/solder:b2 --channel stable --key "$MADE/stranger.key"
    run -0 coedge release promote registry/solder:b2 --channel stable --key "$MADE/stranger.key" --trust "$PUB"
    run -6 follow
    run -0 coedge pull registry/solder:stable --install --trust "$PUB" --trust "$MADE/stranger.pub"
    has 2
}

@test "a channel is promoted from a channel, and only packages are" {
    promote b1
    coedge release promote --quiet registry/solder:stable --channel line2 --key "$KEY"
    run -0 coedge pull registry/solder:line2 --trust "$PUB" -o x
    cmp x "$MADE/1.coedge"
    coedge dataset synth solder --count 6 --size 16 -o day.tar
    coedge push --quiet day.tar registry/day:1
    run -3 coedge release promote registry/day:1 --channel stable --key "$KEY"
    assert_line --index 0 --partial "expected a package"
    run -1 coedge release promote registry/solder:b9 --channel stable --key "$KEY"
    run -2 coedge release promote registry/solder:b1 --channel ../x --key "$KEY"
    run -2 coedge release promote registry/solder:b1 --channel stable
    run -2 coedge release promote registry/solder:b1 --channel stable --key "$PUB"
    for share in 101 -1 x "" 5%%; do
        run -2 coedge release promote registry/solder:b1 --channel stable --key "$KEY" --share "$share"
    done
}

@test "--any: a channel of whatever it is, signed, with rising versions and a way back; no device installs it" {
    echo "10 9 12" >answer
    echo "11 9 12" >later
    coedge push --any --quiet answer registry/answer:1
    coedge push --any --quiet later registry/answer:2
    run -3 coedge release promote registry/answer:1 --channel night --key "$KEY"
    assert_line --index 1 "hint: --any releases whatever it is"
    coedge release promote --any --quiet registry/answer:1 --channel night --key "$KEY"
    coedge release promote --any --quiet registry/answer:2 --channel night --key "$KEY"
    coedge pull --quiet registry/answer:night --trust "$PUB" -o got
    cmp got later
    run -6 coedge pull registry/answer:night --trust "$MADE/stranger.pub" -o none
    [ ! -e none ]
    run -3 coedge pull registry/answer:night --install --trust "$PUB"
    assert_line --index 0 "coedge pull: answer:night: not a package"
    run -3 coedge release rollback registry/answer:night --key "$KEY"
    coedge release rollback --any --quiet registry/answer:night --key "$KEY"
    coedge pull --quiet registry/answer:night --trust "$PUB" -o got
    cmp got answer
    printf x >>"registry/blobs/sha256/$(sha256sum <later | cut -c1-64)" # every digest is checked for these, too
    run -6 coedge release promote --any registry/answer:2 --channel night --key "$KEY"
}

@test "keygen makes minisign's files, the secret one for its owner alone, and overwrites none" {
    run -0 coedge release keygen -o new
    [ "$(stat -c %a new.key)" = 600 ]
    [ "$(head -c 2 <(sed -n 2p new.pub))" = RW ]
    run -2 coedge release keygen -o new
    assert_line --index 0 "coedge release: new.pub is there already"
    rm new.pub
    run -2 coedge release keygen -o new
    assert_line --index 0 "coedge release: new.key is there already"
    [ ! -e new.pub ]
    run -2 coedge release keygen
    run -2 coedge release keyge
    assert_output --partial "did you mean 'keygen'?"
}

@test "minisign verifies a release with the key of coedge" {
    command -v minisign >/dev/null || skip "needs minisign"
    promote b1
    cp "registry/blobs/sha256/$(layer "$(entry solder:stable)" 0)" release.json
    cp "registry/blobs/sha256/$(layer "$(entry solder:stable)" 1)" release.json.minisig
    run -0 minisign -V -p "$PUB" -m release.json
    assert_output --partial "coedge release solder:stable version 1"
}

@test "a document that the right key signed for something else is 6" {
    command -v minisign >/dev/null || skip "needs minisign"
    promote b1
    cp "registry/blobs/sha256/$(layer "$(entry solder:stable)" 0)" release.json
    minisign -S -s "$KEY" -m release.json -t "coedge release solder:stable version 2" >/dev/null
    forge <<<'signature = open("release.json.minisig", "rb").read()'
    run -6 follow
    assert_line --index 0 --partial "the trusted comment is 'coedge release solder:stable version 2'"
    minisign -S -s "$KEY" -m release.json -t "coedge release solder:stable version 1" >/dev/null
    forge <<<'signature = open("release.json.minisig", "rb").read()'
    run -0 follow
}

@test "coedge.yaml says a remote's keys, and pull needs no option" {
    promote b1
    printf 'remotes:\n  site: {url: "%s", trust: "%s"}\n' "$PWD/registry" "$PUB" >coedge.yaml
    unset COEDGE_CONFIG
    run -0 coedge pull site/solder:stable --install
    has 1
    printf 'remotes:\n  site: {url: "%s", trust: ["%s"]}\n' "$PWD/registry" "$MADE/stranger.pub" >coedge.yaml
    run -6 coedge pull site/solder:stable --install
    for said in '[]' '[1]' 1 '{}'; do
        printf 'remotes:\n  site: {url: "%s", trust: %s}\n' "$PWD/registry" "$said" >coedge.yaml
        run -2 coedge pull site/solder:stable --install
    done
}

@test "a channel is followed over HTTP; night 26: the link is cut, and the store is as it was" {
    promote b1
    serve "$PWD/registry"
    run -0 coedge pull "$URL/solder:stable" --install --trust "$PUB"
    promote b2
    blob=$(layer "$(entry solder:b2)" 0)
    rule 1 cut 5000 "$blob"
    run -5 coedge pull "$URL/solder:stable" --install --trust "$PUB" --retries 0
    has 1
    run -0 coedge pull "$URL/solder:stable" --install --trust "$PUB"
    has 2
    requests | grep -q "$blob bytes=5000- "
    [ -z "$(find store/partial -type f)" ]
    run -0 coedge release log "$URL/solder:stable" --trust "$PUB"
    run -2 coedge release promote "$URL/solder:b1" --channel stable --key "$KEY"
}

@test "eight devices' timers at once in one store install it once" {
    promote b1
    for i in 1 2 3 4 5 6 7 8; do follow 2>said$i & done
    wait
    has 1
    [ "$(cat said* | grep -c "version 1, installed")" -eq 1 ]
    [ "$(cat said* | grep -c "version 1, already installed")" -eq 7 ]
}

@test "two who promote at once do not make the same version twice" {
    for i in 1 2 3 4; do promote b$i 2>/dev/null & done
    wait
    run -0 coedge release log registry/solder:stable --trust "$PUB" --json
    last=$(json 0.version)
    [ "$(grep -o '"version"' <<<"$output" | wc -l)" -eq "$last" ]
}
