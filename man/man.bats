load ../scripts/bats-helper
load ../scripts/bats-fixture

# Everything that the examples name: made once, copied for each example.
setup_file_more() {
    mkdir ground && cd ground || return 1
    cp ../train.tar ../val.tar ../model.coedge ../new.coedge .
    cp ../model.coedge base.coedge
    cp ../val.tar photos.tar
    cp "$(dirname "$BATS_TEST_FILENAME")/../testdata/solder.labels" .
    mkdir sites round-0001
    for site in a b; do
        cp "$(dirname "$BATS_TEST_FILENAME")/../testdata/keys/$site.pub" sites
        cp "$(dirname "$BATS_TEST_FILENAME")/../testdata/keys/$site.key" .
        coedge train-local base.coedge --data train.tar --steps 2 --update --site $site --round 1 --sign $site.key -o $site.update
        cp $site.update round-0001
    done
    coedge split model.coedge --at pool2 -o head.coedge,tail.coedge
    coedge infer model.coedge val.tar >live.ndjson
    coedge train-local base.coedge --data train.tar --val val.tar --epochs 1 --metrics m.ndjson -o tuned.coedge
    coedge convert model.coedge -o model.onnx
    coedge convert model.coedge -o weights.safetensors
    mkdir photos && tar -xf val.tar -C photos && rm -f photos/.end photos/.dataset.yaml
    cp "$(find photos -name '*.png' | sort | head -n 1)" joint.png
    coedge push model.coedge registry/solder:canary
    coedge push model.coedge registry/solder:stable
    coedge push new.coedge registry/solder:new
    coedge release keygen -o factory
    for tag in new stable; do
        coedge release promote registry/solder:$tag --channel field --key factory.key
    done
}

@test "every example of every command runs as it stands" {
    coedge help --examples >examples
    [ "$(wc -l <examples)" -ge 30 ]
    failed=0
    while IFS= read -r example; do
        rm -rf here && cp -r "$MADE/ground" here
        if ! (cd here && COEDGE_STORE=$PWD/store bash -o pipefail -c "$example" </dev/null >out 2>err); then
            echo "fails: $example"
            cat here/err
            failed=1
        fi
    done <examples
    [ $failed -eq 0 ]
}

@test "the tutorial runs from an empty folder, block by block" {
    /usr/bin/python3 - "$ROOT/man/coedge-tutorial.7" >tutorial.sh <<'PY'
import re, sys
page = open(sys.argv[1]).read()
for block in re.findall(r"\.Bd -literal -offset indent\n(.*?)\.Ed", page, re.S):
    print(block.replace("\\\\", "\\").replace("\\-", "-").replace("\\e", "\\"))
PY
    [ "$(grep -c coedge tutorial.sh)" -ge 20 ]
    run -0 bash -eu tutorial.sh
}

@test "the example of coedge(1) is a pipe that works" {
    cp -r "$MADE/ground/." .
    sed -n '/^\.Bd/,/^\.Ed/p' "$ROOT/man/coedge.1" | grep -v '^\.' >pipe.sh
    run -0 bash -eo pipefail pipe.sh
}

@test "every command has a page, every page a command, and mandoc finds nothing to say" {
    "$ROOT/scripts/install-pages" "$(command -v coedge)" share "$ROOT"/man/*.[157]
    for command in $(coedge help | sed -n '/^commands$/,/^$/s/^  \([a-z-]*\)  *.*/\1/p'); do
        [ -e "share/man/man1/coedge-$command.1" ] || { echo "no page for $command"; false; }
    done
    for page in share/man/man*/*; do
        run -0 mandoc -Tlint -W warning "$page"
        [ -z "$output" ]
    done
}

@test "every page that is referred to is there" {
    for page in $(sed -n 's/^\.It Xr //; s/^\.Xr //; s/^\(coedge[a-z.-]*\) \([157]\).*/\1.\2/p' "$ROOT"/man/*.[157] | sort -u); do
        [ -e "$ROOT/man/$page" ] || { echo "no $page"; false; }
    done
}

@test "the model.yaml keys that coedge-package(5) names are the ones in a package" {
    tar -xOf "$MADE/model.coedge" model.yaml | sed -n 's/^\([a-z]*\):.*/\1/p' | while read -r key; do
        grep -q "Cm.* $key\|Cm $key" "$ROOT/man/coedge-package.5" || { echo "undocumented: $key"; exit 1; }
    done
}
