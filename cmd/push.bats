load ../scripts/bats-helper
load ../scripts/bats-fixture

@test "what is pulled is what was pushed, byte for byte" {
    run -0 coedge push "$MADE/model.coedge" registry/solder:stable
    coedge pull registry/solder:stable -o back.coedge
    cmp "$MADE/model.coedge" back.coedge
    coedge pull registry/solder:stable | cmp - "$MADE/model.coedge"
}

@test "a shard and an update travel too" {
    coedge push "$MADE/train.tar" registry/day:1
    coedge pull registry/day:1 | cmp - "$MADE/train.tar"
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --update --site a -o a.update
    coedge push a.update registry/a:1
    coedge pull registry/a:1 | cmp - a.update
}

@test "a channel alone is exported for a web server, and follows the channel" {
    export COEDGE_STORE=$PWD/store
    coedge release keygen --quiet -o key
    for made in new model; do
        coedge push --quiet "$MADE/$made.coedge" registry/solder:$made
        coedge push --quiet "$MADE/$made.coedge" registry/other:$made
    done
    coedge push --quiet --any "$MADE/train.tar" registry/secret:day
    coedge release promote --quiet registry/solder:new --channel stable --key key.key
    run -0 coedge push --export public registry/solder:stable
    assert_output --regexp "^solder:stable is in public: [0-9]+ bytes, [0-9]+ of [0-9]+ blobs new\$"
    run -0 coedge push --export public registry/solder:stable
    assert_output --partial " 0 of "
    run -0 coedge pull --list public --json
    [ "$(/usr/bin/python3 -c 'import json, sys; print(*[one["name"] for one in json.loads(sys.argv[1])])' "$output")" = solder:stable ]
    blob() { echo "$1/blobs/sha256/$(sha256sum <"$MADE/$2" | cut -d' ' -f1)"; } # of a file of one layer
    [ -e "$(blob registry train.tar)" ] && [ ! -e "$(blob public train.tar)" ]
    [ -e "$(blob public new.coedge)" ] && [ ! -e "$(blob public model.coedge)" ]
    coedge release promote --quiet registry/solder:model --channel stable --share 50% --key key.key
    coedge push --quiet --export public registry/solder:stable
    mv registry away # a device needs nothing else, in the share or not
    [ -e "$(blob public model.coedge)" ]
    coedge pull --quiet public/solder:stable --install --trust key.pub
    mv away registry
    coedge push --quiet "$MADE/model.coedge" plain/solder:stable
    run -2 coedge push --export public plain/solder:stable # what is signed is not taken away by what is not
    assert_line --index 0 "coedge push: solder:stable is a channel of signed releases"
    run -0 coedge push --export plain registry/solder:stable
    run -2 coedge push --export public model.coedge registry/solder:stable
    run -1 coedge push --export public registry/solder:nothing
}

@test "a damaged package is not published" {
    head -c 5000 "$MADE/model.coedge" >cut.coedge
    run -3 coedge push cut.coedge registry/solder:stable
    [ ! -e registry ]
}

@test "a tar without .end is not published unless asked" {
    tar -cf plain.tar -C "$MADE" train.tar
    run -3 coedge push plain.tar registry/day:1
    assert_output --partial "--any"
    run -0 coedge push --any plain.tar registry/day:1
}

@test "pull --list shows names, and an unknown one is an answer of no" {
    coedge push "$MADE/model.coedge" registry/solder:stable
    coedge push "$MADE/model.coedge" registry/solder:canary
    run -0 coedge pull --list registry
    assert_line --partial "solder:stable"
    assert_line --partial "solder:canary"
    run -1 coedge pull registry/solder:nightly -o x
    [ ! -e x ]
}

@test "an installed package is used by its name, and what it was before is kept" {
    export COEDGE_STORE=$PWD/store
    coedge push "$MADE/new.coedge" registry/solder:stable
    run -0 coedge pull registry/solder:stable --install
    coedge push "$MADE/model.coedge" registry/solder:stable
    run -0 coedge pull registry/solder:stable --install
    coedge infer @solder:stable "$MADE/val.tar" --emit key,score >a
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,score >b
    coedge infer @solder:stable.previous "$MADE/val.tar" --emit key,score >c
    coedge infer "$MADE/new.coedge" "$MADE/val.tar" --emit key,score >d
    cmp a b
    cmp c d
    run -3 coedge infer @other "$MADE/val.tar"
    assert_output --partial "coedge pull --install"
}

@test "what was installed before is pushed back by its name" {
    export COEDGE_STORE=$PWD/store
    for made in new model; do
        coedge push "$MADE/$made.coedge" registry/solder:stable
        coedge pull registry/solder:stable --install
    done
    run -0 coedge push @solder:stable.previous registry/solder:stable
    coedge pull registry/solder:stable | cmp - "$MADE/new.coedge"
    run -3 coedge push @other registry/solder:stable
    assert_line --partial "nothing is installed as 'other:latest'"
}

@test "an update is not installed, and what no package is is named by its reference" {
    export COEDGE_STORE=$PWD/store
    coedge train-local "$MADE/model.coedge" --data "$MADE/train.tar" --steps 1 --update --site a -o a.update
    coedge push a.update registry/solder:stable
    run -3 coedge pull registry/solder:stable --install
    assert_line --index 0 "coedge pull: solder:stable: an update, expected a model"
    coedge push "$MADE/train.tar" registry/day:1
    run -3 coedge pull registry/day:1 --install
    assert_line --index 0 --partial "coedge pull: day:1: not a package"
    [ ! -e store/installed ]
}

@test "a blob that was changed is a matter of trust" {
    coedge push "$MADE/model.coedge" registry/solder:stable
    blob=$(ls -S registry/blobs/sha256 | head -n 1)
    printf 'x' | dd of="registry/blobs/sha256/$blob" bs=1 seek=5000 conv=notrunc status=none
    run -6 coedge pull registry/solder:stable -o x
    [ ! -e x ]
}

@test "skopeo copies an artifact out of the layout and back with the same digest" {
    command -v skopeo >/dev/null || skip "needs skopeo"
    coedge push "$MADE/model.coedge" registry/solder:stable
    skopeo copy --insecure-policy oci:registry:solder:stable oci:other:solder:stable
    skopeo copy --insecure-policy oci:other:solder:stable oci:third:solder:stable
    coedge pull third/solder:stable | cmp - "$MADE/model.coedge"
    digest() { /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1] + "/index.json"))["manifests"][0]["digest"])' "$1"; }
    [ "$(digest registry)" = "$(digest third)" ]
}

@test "eight pushes at once leave eight names" {
    for i in 1 2 3 4 5 6 7 8; do coedge push --quiet "$MADE/model.coedge" "registry/solder:v$i" & done
    wait
    run -0 coedge pull --list registry
    [ "$(grep -c solder:v <<<"$output")" -eq 8 ]
}

@test "the level and kind of what is pushed stand in its manifest" {
    coedge dataset synth solder --count 6 --size 32 --privacy user-private -o private.tar
    coedge push private.tar registry/private:1
    coedge split "$MADE/model.coedge" --at pool2 -o head.coedge,tail.coedge
    coedge infer head.coedge private.tar | coedge push registry/activations:1
    cat registry/blobs/sha256/* >all
    grep -aq '"io.coedge.privacy":"user-private","io.coedge.content":"data"' all
    grep -aq '"io.coedge.content":"features"' all
}

@test "a package damaged in the store is made whole by installing it again" {
    export COEDGE_STORE=$PWD/store
    coedge push "$MADE/model.coedge" registry/solder:1
    coedge pull registry/solder:1 --install
    printf 'x' | dd of="$(echo store/packages/*.coedge)" bs=1 seek=9000 conv=notrunc status=none
    coedge pull registry/solder:1 --install
    run -0 coedge verify @solder:1
}

@test "an ONNX model is not a package, and it is said how it becomes one" {
    coedge convert "$MADE/model.coedge" -o model.onnx
    run -3 coedge push model.onnx registry/solder:stable
    assert_line --index 0 "coedge push: model.onnx: an ONNX model, expected a package"
    assert_line --index 1 --partial "coedge convert"
    [ ! -e registry ]
}
