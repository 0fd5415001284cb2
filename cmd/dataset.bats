load ../scripts/bats-helper

# A folder of `count` images a class: joints of three classes, drawn and taken out of their shard.
make_folder() {
    coedge dataset synth solder --count $((6 * $1)) --size 16 --seed 4 -o drawn.tar
    mkdir -p drawn photos/good photos/void photos/cold
    tar -xf drawn.tar -C drawn
    for png in drawn/*.png; do
        case $(cat "${png%.png}.cls") in
        0) mv "$png" photos/good ;;
        4) mv "$png" photos/void ;;
        5) mv "$png" photos/cold ;;
        esac
    done
    rm -r drawn
}

# The value of a key (a.b.c) of the JSON object in $output.
json() {
    /usr/bin/python3 -c 'import json, sys
value = json.loads(sys.argv[1])
for key in sys.argv[2].split("."):
    value = value[int(key)] if isinstance(value, list) else value[key]
print(value)' "$output" "$1"
}

@test "synth draws a shard that tar and a YAML reader can open" {
    coedge dataset synth solder --count 12 --seed 1 -o s.tar
    run -0 tar -tf s.tar
    assert_line --index 0 .dataset.yaml
    assert_line --index 1 public-s1-000000.png
    assert_line --index 2 public-s1-000000.cls
    assert_line --index 25 .end
    tar -xf s.tar
    grep -qx "privacy: public" .dataset.yaml
    [ "$(cat public-s1-000010.cls)" = 4 ]
    [ "$(/usr/bin/python3 -c 'from PIL import Image; i = Image.open("public-s1-000000.png"); print(i.mode, *i.size)')" = "RGB 64 64" ]
}

@test "the same seed draws the same bytes with 1, 2 and 7 threads, another seed others" {
    for threads in 1 2 7; do
        coedge dataset synth solder --count 150 --size 16 --seed 3 --threads $threads -o $threads.tar
    done
    cmp 1.tar 2.tar
    cmp 1.tar 7.tar
    coedge dataset synth solder --count 150 --size 16 --seed 4 -o other.tar
    run -1 cmp -s 1.tar other.tar
}

@test "a site's pictures are edge-private and have a light of their own" {
    coedge dataset synth solder --count 60 --size 32 -o public.tar
    coedge dataset synth solder --count 60 --size 32 --site factory-b --drift 1 -o b.tar
    run -0 coedge dataset stats --json public.tar
    [ "$(json privacy)" = public ]
    mean=$(json mean.2)
    run -0 coedge dataset stats --json b.tar
    [ "$(json privacy)" = edge-private ]
    /usr/bin/python3 -c "assert abs($mean - $(json mean.2)) > 0.1"
}

@test "synth refuses what it cannot draw, and leaves no file" {
    run -2 coedge dataset synth faces -o no.tar
    run -2 coedge dataset synth solder --site a/b -o no.tar
    run -2 coedge dataset synth solder --size 8 -o no.tar
    run -2 coedge dataset synth solder --count 0 -o no.tar
    [ ! -e no.tar ]
}

@test "pack makes a folder a shard: labels from subfolders, images byte for byte" {
    make_folder 2
    coedge dataset pack photos -o photos.tar
    run -0 coedge dataset stats --json photos.tar
    [ "$(json samples)" = 6 ]
    [ "$(json classes.cold)" = 2 ]
    [ "$(json privacy)" = edge-private ]
    mkdir out && tar -xf photos.tar -C out
    diff -r -x '*.cls' -x '.*' photos out
    [ "$(cat out/void/*04.cls)" = 2 ] # cold, good, void
}

@test "pack writes to a pipe and reads from one" {
    make_folder 2
    coedge dataset pack photos | coedge dataset pack - >piped.tar
    coedge dataset pack photos -o direct.tar
    cmp piped.tar direct.tar
}

@test "pack takes labels, level and version from options" {
    make_folder 1
    printf 'void\ngood\ncold\n' >labels
    coedge dataset pack photos --labels labels --privacy user-private --set-version 7 -o p.tar
    tar -xOf p.tar .dataset.yaml >header
    /usr/bin/python3 - <<'PY'
lines = open("header").read().split("\n")
assert [l.strip(" -") for l in lines[2:5]] == ["void", "good", "cold"], lines
assert "privacy: user-private" in lines and any("version" in l and "7" in l for l in lines), lines
PY
    run -3 coedge dataset pack photos --labels "$TESTDATA/README.md" -o no.tar
    printf 'void\ngood\n' >labels
    run -3 coedge dataset pack photos --labels labels -o no.tar
    assert_line --partial "class 'cold' is not one of the labels void, good"
    [ ! -e no.tar ]
}

@test "packing sets with the same keys is refused" {
    coedge dataset synth solder --count 6 --size 16 -o a.tar
    run -3 coedge dataset pack a.tar a.tar -o no.tar
    assert_line --partial "sample 'public-000000'"
    [ ! -e no.tar ]
}

@test "split gives each part its share of each class, and the same for the same seed" {
    coedge dataset synth solder --count 240 --size 16 --seed 2 -o all.tar
    coedge dataset split all.tar --shares 0.7,0.2,0.1 -o a.tar,b.tar,c.tar --seed 5
    for part in a:28 b:8 c:4; do
        run -0 coedge dataset stats --json ${part%:*}.tar
        for class in good insufficient excess bridge void cold; do
            [ "$(json classes.$class)" = "${part#*:}" ]
        done
    done
    [ "$(for f in a b c; do tar -tf $f.tar; done | grep -c png)" = 240 ]
    [ "$(for f in a b c; do tar -tf $f.tar; done | grep png | sort -u | wc -l)" = 240 ]
    coedge dataset split all.tar --shares 0.7,0.2,0.1 -o d.tar,e.tar,f.tar --seed 5 --threads 7
    cmp a.tar d.tar
    cmp c.tar f.tar
}

@test "split by group keeps each group on one side" {
    for site in a b c d; do
        coedge dataset synth solder --count 30 --size 16 --site $site -o $site.tar
    done
    coedge dataset split a.tar b.tar c.tar d.tar --by-group --shares 0.5,0.5 -o one.tar,two.tar
    for site in a b c d; do
        [ "$(tar -tf one.tar | grep -c "^$site-.*png")" = 0 ] || [ "$(tar -tf two.tar | grep -c "^$site-.*png")" = 0 ]
    done
    [ "$(tar -tf one.tar | grep -c png)" = 60 ]
}

@test "split refuses shares that make no whole, and standard input" {
    coedge dataset synth solder --count 6 --size 16 -o all.tar
    run -2 coedge dataset split all.tar --shares 0.5,0.6 -o a.tar,b.tar
    run -2 coedge dataset split all.tar --shares 0.5,0.5 -o a.tar
    run -2 coedge dataset split all.tar --shares 0.5,0.5 -o a.tar,a.tar
    assert_output --partial "--output names 'a.tar' twice"
    run -2 coedge dataset split - --shares 0.5,0.5 -o a.tar,b.tar <all.tar
    [ ! -e a.tar ] && [ ! -e b.tar ]
}

@test "stats agree with numpy" {
    make_folder 2
    run -0 coedge dataset stats --json photos
    /usr/bin/python3 - "$output" <<'PY'
import glob, json, sys
import numpy
from PIL import Image
found = json.loads(sys.argv[1])
pixels = numpy.concatenate([numpy.asarray(Image.open(f)).reshape(-1, 3) for f in glob.glob("photos/*/*.png")]) / 255
assert found["samples"] == 6 and found["classes"] == {"cold": 2, "good": 2, "void": 2}, found
assert numpy.allclose(found["mean"], pixels.mean(0), atol=2e-6), found
assert numpy.allclose(found["std"], pixels.std(0), atol=2e-6), found
assert found["height"] == {"min": 16, "max": 16}
PY
}

@test "the digest in stats is that of the shard's end mark" {
    coedge dataset synth solder --count 6 --size 16 -o a.tar
    run -0 coedge dataset stats --json a.tar
    tar -xOf a.tar .end >end
    grep -q "$(json sha256)" end
}

@test "idx files are read, and damaged ones refused with their name" {
    /usr/bin/python3 - <<'PY'
import gzip, struct
images = struct.pack(">IIII", 0x803, 3, 4, 5) + bytes(range(60))
open("i", "wb").write(images)
gzip.open("i.gz", "wb").write(images)
open("l", "wb").write(struct.pack(">II", 0x801, 3) + bytes([7, 0, 7]))
PY
    for images in i i.gz; do
        run -0 coedge dataset stats --json $images,l
        [ "$(json samples)" = 3 ]
        [ "$(json classes.7)" = 2 ]
        [ "$(json width.max)" = 5 ]
        assert_output --partial '"classes":{"0":1,"7":2}' # by number
    done
    coedge dataset pack i.gz,l -o digits.tar
    [ "$(tar -xOf digits.tar 00000002.cls)" = 7 ]
    for hostile in "$TESTDATA"/hostile/idx/*; do
        run -3 coedge dataset stats "$hostile,l"
        assert_line --partial "$(basename "$hostile")"
    done
}

@test "sets that are not there, empty or damaged are refused in one line" {
    run -4 coedge dataset stats none.tar
    mkdir empty
    run -3 coedge dataset stats empty
    assert_output --partial "empty: no samples"
    run -3 coedge dataset pack empty -o no.tar
    assert_output --partial "empty: no samples"
    coedge dataset synth solder --count 6 --size 16 -o a.tar
    head -c 3000 a.tar >cut.tar
    run -3 coedge dataset pack cut.tar -o no.tar
    [ ! -e no.tar ]
    mkdir -p bad/good
    printf 'no image' >bad/good/$'x\e[31m.png'
    run -3 coedge dataset stats bad
    assert_output --partial 'bad: sample '
    refute_output --partial $'\e'
}

@test "a sample without an image is refused with its name and what it needs" {
    coedge dataset synth solder --count 2 --size 16 -o two.tar
    mkdir d && tar -xf two.tar -C d
    echo '{"line": 4}' >d/public-000001.json
    tar -cf blind.tar -C d public-000000.png public-000000.cls public-000001.cls public-000001.json
    for asked in "pack blind.tar -o no.tar" "stats blind.tar" "split blind.tar --shares 0.5,0.5 -o no.tar,no2.tar"; do
        run -3 coedge dataset $asked
        assert_line "coedge dataset: blind.tar: sample 'public-000001': no image or array among its members"
        assert_line "hint: a sample needs a .png, .jpg, .jpeg or .npy member"
    done
    [ ! -e no.tar ] && [ ! -e no2.tar ]
}

@test "a full disk leaves no shard" {
    run -4 coedge dataset synth solder --count 6 -o /dev/full
    run -4 bash -c 'coedge dataset synth solder --count 60 >/dev/full'
}

@test "an unknown subcommand names the nearest" {
    run -2 coedge dataset statz x
    assert_line --partial "did you mean 'stats'?"
    run -2 coedge dataset
    run -2 coedge dataset pack
}

@test "synth draws the classes that are asked for, with their labels alone" {
    coedge dataset synth solder --count 9 --size 16 --only bridge,good -o some.tar
    [ "$(tar -xOf some.tar .dataset.yaml | sed -n '/labels/,/privacy/p' | tr -d '\n')" = "labels:  - bridge  - goodprivacy: public" ] ||
        { tar -xOf some.tar .dataset.yaml; false; }
    run -0 coedge dataset stats some.tar --json
    assert_output --partial '"classes":{"bridge":5,"good":4}'
    run -2 coedge dataset synth solder --only cat -o x.tar
    assert_output --partial "'cat' is no class of solder joints"
    run -2 coedge dataset synth solder --only good,good -o x.tar
}
