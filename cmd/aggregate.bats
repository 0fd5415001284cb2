load ../scripts/bats-helper
load ../scripts/bats-fixture

setup_file_more() {
    for site in a b c; do
        coedge train-local model.coedge --data train.tar --steps $((3 + ${#site})) --seed "$(printf '%d' "'$site")" \
            --update --site $site --round 1 -o $site.update
    done
}

@test "the order of updates never matters, bit for bit" {
    coedge aggregate --base "$MADE/model.coedge" "$MADE"/a.update "$MADE"/b.update "$MADE"/c.update -o 1.coedge
    coedge aggregate --base "$MADE/model.coedge" "$MADE"/c.update "$MADE"/a.update "$MADE"/b.update --threads 1 -o 2.coedge
    cp "$MADE"/b.update z.update; cp "$MADE"/a.update y.update; cp "$MADE"/c.update x.update
    ls ./*.update | coedge aggregate --base "$MADE/model.coedge" -o 3.coedge
    mkdir f && mv ./*.update f
    coedge aggregate --base "$MADE/model.coedge" f -o 4.coedge
    cmp 1.coedge 2.coedge
    cmp 1.coedge 3.coedge
    cmp 1.coedge 4.coedge
}

@test "one update alone gives what its site trained" {
    seed=$(printf '%d' "'a")
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 4 --seed "$seed" -o site.coedge
    coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" -o merged.coedge
    /usr/bin/python3 - site.coedge merged.coedge <<'PY'
import array, json, struct, sys, tarfile
def weights(path):
    data = tarfile.open(path).extractfile("weights.safetensors").read()
    n = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + n])
    return {k: array.array("f", data[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]]) for k, v in head.items() if k != "__metadata__"}
a, b = weights(sys.argv[1]), weights(sys.argv[2])
assert a.keys() == b.keys()
for name in a:
    for x, y in zip(a[name], b[name]):
        assert abs(x - y) <= 1e-6 * max(1, abs(x)), (name, x, y)
PY
}

@test "an update of another base is refused with both digests" {
    run -3 coedge aggregate --base "$MADE/new.coedge" "$MADE/a.update" -o x.coedge
    assert_output --partial "a.update: made from base"
    [ ! -e x.coedge ]
}

@test "a site twice is refused" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --update --site a --round 1 -o again.update
    run -3 coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" again.update -o x.coedge
    assert_output --partial "site 'a' has sent"
    cp "$MADE/a.update" again.update
    run -3 coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" again.update -o x.coedge
    assert_output --partial "again.update: is $MADE/a.update again, under another name"
}

@test "another round is refused" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --update --site d --round 2 -o d.update
    run -3 coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" d.update -o x.coedge
    assert_output --partial "of round"
}

@test "a model is not an update" {
    run -3 coedge aggregate --base "$MADE/model.coedge" "$MADE/model.coedge" -o x.coedge
}

@test "--keep-going leaves the bad one out, says which, and exits 8" {
    head -c 2000 "$MADE/b.update" >b.update
    run -3 coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" b.update -o x.coedge
    [ ! -e x.coedge ]
    run -8 coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" b.update --keep-going -o x.coedge
    assert_output --partial "b.update"
    [ -e x.coedge ]
}

# What a site may send by mistake or by intent: file, and what is said of it (reliability.md P1).
poison() {
    cat <<LIST
nan tensor 'fc.bias' holds a value that is not finite
inf tensor 'fc.bias' holds a value that is not finite
shape tensor 'conv1.weight' is [3, 4, 3, 3], the base's [4, 3, 3, 3]
base made from base 000000000000, this base is
twice site 'b' has sent
copy is $MADE/b.update again, under another name
replayed of round 0, wanted is round 1
none 0 examples, expected 1 to 2^40
negative 'examples' is -4, expected 0 to
many 1000000000000000000 examples, expected 1 to 2^40
LIST
}

@test "each bad update is refused with its reason, and the good ones are aggregated as if it had not been sent" {
    local file said
    cp "$MADE/b.update" copy.update
    make_by_hand "$MADE/a.update" <<'PY'
update = members(sys.argv[1])
def weights(name, change):
    data = bytearray(update[1][1])
    change(data)
    write(name + ".update", [update[0], ("weights.safetensors", bytes(data))])
def last(value):
    def change(data): data[-4:] = struct.pack("<f", value)
    return change
def turn(data):
    at = data.index(b"[4,3,3,3]")
    data[at:at + 9] = b"[3,4,3,3]"
weights("nan", last(float("nan")))
weights("inf", last(float("-inf")))
weights("shape", turn)
for name, key, value in (("base", "base", '"%s"' % (64 * "0")), ("twice", "site", "b"), ("replayed", "round", "0"),
                         ("none", "examples", "0"), ("negative", "examples", "-4"), ("many", "examples", "%d" % 10 ** 18)):
    write(name + ".update", say(update, "^(  %s:) .*$" % key, r"\1 " + value))
PY
    coedge aggregate --base "$MADE/model.coedge" --round 1 "$MADE"/{b,c}.update -o good.coedge
    while read -r file said; do
        run -3 coedge aggregate --base "$MADE/model.coedge" --round 1 "$MADE"/{b,c}.update $file.update -o x.coedge
        assert_line --index 0 --partial "coedge aggregate: $file.update: "
        assert_line --index 0 --partial "$said"
        run -8 coedge aggregate --base "$MADE/model.coedge" --round 1 "$MADE"/{b,c}.update $file.update --keep-going -o x.coedge
        assert_line --index 0 --partial "left out: $file.update: "
        assert_line --index 0 --partial "$said"
        cmp x.coedge good.coedge
        rm x.coedge
    done < <(poison)
    run -8 coedge aggregate --base "$MADE/model.coedge" --round 1 "$MADE"/{b,c}.update $(poison | sed 's/ .*/.update/') --keep-going -o x.coedge
    [ "$(grep -c "left out: " <<<"$output")" -eq 10 ]
    cmp x.coedge good.coedge
}

@test "too few updates is an answer of no" {
    run -1 coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" --min-updates 2 -o x.coedge
    assert_output --partial "1 good updates of 1, wanted at least 2"
    mkdir none
    run -1 coedge aggregate --base "$MADE/model.coedge" none -o x.coedge
}

@test "an update with a value that is not finite is refused, naming the tensor" {
    /usr/bin/python3 - "$MADE/a.update" bad.update <<'PY'
import hashlib, json, struct, sys, tarfile
data = bytearray(open(sys.argv[1], "rb").read())
members = {m.name: m for m in tarfile.open(sys.argv[1]).getmembers()}
weights, end = members["weights.safetensors"], members[".end"]
last = weights.offset_data + weights.size - 4
data[last:last + 4] = struct.pack("<f", float("nan"))
mark = json.loads(data[end.offset_data:end.offset_data + end.size])
at = data.index(mark["sha256"].encode(), end.offset_data)
data[at:at + 64] = hashlib.sha256(data[:end.offset]).hexdigest().encode()
open(sys.argv[2], "wb").write(data)
PY
    run -3 coedge aggregate --base "$MADE/model.coedge" bad.update -o x.coedge
    assert_output --partial "not finite"
}

@test "a difference too large to add up is left out by --keep-going, as if it had not been sent" {
    make_by_hand "$MADE/a.update" <<'PY'
update = members(sys.argv[1])
weights = bytearray(update[1][1])
weights[-4:] = struct.pack("<f", 1e30)
write("a.update", [update[0], ("weights.safetensors", bytes(weights))])
PY
    run -3 coedge aggregate --base "$MADE/model.coedge" a.update "$MADE/b.update" -o x.coedge
    assert_output --regexp "^coedge aggregate: a.update: tensor '.*' holds a difference of 1e\+30, expected less than"
    [ ! -e x.coedge ]
    run -8 coedge aggregate --base "$MADE/model.coedge" a.update "$MADE/b.update" --keep-going -o x.coedge
    assert_line --partial "left out: a.update: tensor"
    coedge aggregate --base "$MADE/model.coedge" "$MADE/b.update" -o alone.coedge
    cmp x.coedge alone.coedge
}

@test "the round that is wanted decides, not the file whose name comes first" {
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --update --site z --round 9 -o 0-first.update
    run -8 coedge aggregate --base "$MADE/model.coedge" --keep-going --round 1 0-first.update "$MADE/a.update" "$MADE/b.update" -o next.coedge
    assert_output --partial "0-first.update: of round 9, wanted is round 1"
    coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" "$MADE/b.update" -o two.coedge
    cmp next.coedge two.coedge
    run -3 coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" --round 2 -o none.coedge
    [ ! -e none.coedge ]
}

@test "too few updates for what --combine withstands: exit 1, the numbers, and no file" {
    run -1 coedge aggregate --base "$MADE/model.coedge" "$MADE"/{a,b,c}.update --combine krum:1 -o x.coedge
    assert_line --index 0 "coedge aggregate: 3 good updates, krum:1 needs at least 2 F + 3 = 5"
    [ ! -e x.coedge ]
}

@test "a server optimizer keeps its moments in the package and goes on from them" {
    coedge aggregate --base "$MADE/model.coedge" "$MADE"/{a,b}.update --server-optimizer yogi -o 1.coedge
    tar -tf 1.coedge | grep -qx state.safetensors
    run -0 --separate-stderr coedge train-local 1.coedge --data "$MADE/train.tar" --steps 1 --update --site a --round 2 -o 2.update
    [[ "$stderr" == *"state.safetensors is left out"* ]]
    run -0 coedge aggregate --base 1.coedge 2.update --server-optimizer yogi -o 2.coedge
    [ -z "$output" ]
    make_by_hand 1.coedge <<'PY'
write("anew.coedge", [m for m in members(sys.argv[1]) if m[0] != "state.safetensors"])
PY
    coedge aggregate --base anew.coedge 2.update --server-optimizer yogi -o anew2.coedge
    run ! cmp 2.coedge anew2.coedge
    run -0 coedge aggregate --base 1.coedge 2.update --server-optimizer adam -o 3.coedge
    assert_output "coedge aggregate: state.safetensors is left out: it is not of adam, which begins anew"
    run -0 coedge aggregate --base 1.coedge 2.update -o 4.coedge
    assert_output --partial "state.safetensors is left out"
    run ! grep -q state.safetensors <(tar -tf 4.coedge)
    coedge verify 2.coedge
}

@test "options that would change nothing are refused" {
    for wrong in "--combine median --weight steps" "--server-momentum 0.5" "--server-optimizer momentum --server-tau 1" \
        "--combine krum" "--clip 0" "--server-optimizer adam --server-lr 0"; do
        run -2 coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" $wrong -o x.coedge
        [ ! -e x.coedge ]
    done
}

@test "--partial makes one update of several, which count above as if each had come itself" {
    coedge aggregate --base "$MADE/model.coedge" "$MADE"/{a,b}.update --partial --site plant -o plant.update
    coedge aggregate --base "$MADE/model.coedge" plant.update "$MADE/c.update" -o staged.coedge
    coedge aggregate --base "$MADE/model.coedge" "$MADE"/{a,b,c}.update -o flat.coedge
    make_by_hand staged.coedge flat.coedge <<'PY'
import array, json
def weights(path):
    data = dict(members(path))["weights.safetensors"]
    n = struct.unpack("<Q", data[:8])[0]
    return {k: array.array("f", data[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]])
            for k, v in json.loads(data[8:8 + n]).items() if k != "__metadata__"}
staged, flat = weights(sys.argv[1]), weights(sys.argv[2])
assert staged.keys() == flat.keys()
for name in flat:
    for x, y in zip(staged[name], flat[name]):
        assert abs(x - y) <= 1.2e-7 * max(1, abs(y)), (name, x, y)
PY
    local sum=0
    for site in a b; do
        run -0 coedge inspect "$MADE/$site.update" --json
        sum=$((sum + $(json update.examples)))
    done
    run -0 coedge inspect plant.update --json
    [ "$(json update.site) $(json update.round) $(json update.examples)" = "plant 1 $sum" ]
    # the order never matters, bit for bit
    coedge aggregate --base "$MADE/model.coedge" "$MADE"/{b,a}.update --partial --site plant --threads 1 -o again.update
    cmp plant.update again.update
}

@test "--partial --sign makes an update that --keys above hears, and its sites' own no more" {
    coedge release keygen -o plant
    mkdir keys
    mv plant.pub keys
    coedge aggregate --base "$MADE/model.coedge" "$MADE"/{a,b}.update --partial --site plant --sign plant.key -o plant.update
    coedge aggregate --base "$MADE/model.coedge" plant.update --keys keys -o next.coedge
    run -6 coedge aggregate --base "$MADE/model.coedge" plant.update "$MADE/a.update" --keys keys -o x.coedge
    assert_output --partial "a.update: site 'a' is not enrolled"
    run -2 coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" --partial --site plant --sign keys/plant.pub -o x.update
    assert_output --partial "--sign: keys/plant.pub: a public key, expected the secret one of the site"
}

@test "--partial of other rounds, another base or with a server's steps is refused, and no file is there" {
    local rc words
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --update --site d --round 2 -o d.update
    try() { run -"$1" coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" "${@:3}" -o x.update
        assert_output --partial "$2"
        [ ! -e x.update ]; }
    try 3 "of round" d.update --partial --site plant
    run -3 coedge aggregate --base "$MADE/new.coedge" "$MADE/a.update" --partial --site plant -o x.update
    assert_output --partial "a.update: made from base"
    try 2 "--partial needs --site NAME: who sends the update" --partial
    try 2 "--site '' is empty or has control characters" --partial --site ''
    try 2 "--site 'a\\x0ab' is empty or has control characters" --partial --site $'a\nb'
    for more in "--server-optimizer adam" "--server-lr 0.5"; do
        try 2 "--partial moves no base: --server-optimizer and --server-lr do not go with it" --partial --site plant $more
    done
    try 2 "--require and --val judge packages, not updates" --partial --site plant --require 'accuracy>=0'
    try 2 "--require and --val judge packages, not updates" --partial --site plant --val "$MADE/train.tar"
    try 2 "--site and --sign go with --partial" --site plant
    coedge aggregate --base "$MADE/model.coedge" "$MADE/a.update" --partial --site plant -o plant.update
    run -3 coedge aggregate --base plant.update "$MADE/a.update" -o x.coedge
}
