# No input crashes the program, hangs it or takes its memory: every stored hostile file, and damaged good ones, given
# to the commands that read such files. TORTURE_EVERY=K tries every K-th damage only, EACH_EVERY=K every K-th file.
load ../../scripts/bats-helper
load ../../scripts/bats-fixture

setup_file_more() {
    coedge dataset synth solder --count 12 --size 32 --seed 3 --privacy public -o few.tar
    coedge train-local model.coedge --data few.tar --steps 1 --update --site a -o a.update
    coedge new mlp:8 --input 1x1x2 --classes 2 -o pair.coedge # its samples are arrays of two reals
    coedge push --quiet model.coedge registry/solder:stable
    gzip -9nc few.tar >few.tar.gz
}

setup_more() {
    HOSTILE=$TESTDATA/hostile
    export ASAN_OPTIONS=exitcode=99:allocator_may_return_null=1:${ASAN_OPTIONS:-}
    if [ "${MODE:-release}" != release ]; then
        export SLOWER=20 TORTURE_EVERY=${TORTURE_EVERY:-10} EACH_EVERY=${EACH_EVERY:-5} # parsers have tests of their own
    fi
    runs=0
}

# tries ARGUMENTS...: of bad-input; counts the runs.
tries() {
    local count
    count=$("$ROOT/scripts/bad-input" "$@") || return 1
    runs=$((runs + count))
}

# at_least N: so many runs there were, of all files: a test that tries nothing fails.
at_least() {
    echo "# $runs runs" >&3
    [ "$runs" -ge $(($1 / ${EACH_EVERY:-1})) ]
}

@test "hostile packages and safetensors: 3 and one line from every command that takes a package" {
    local files="$HOSTILE/package/*.coedge $HOSTILE/safetensors/*.safetensors"
    tries each 3 coedge inspect {} -- $files
    tries each 3 coedge inspect {} --graph x.svg -- $files
    tries each 3 coedge verify {} -- $files
    tries each 3 coedge infer {} "$MADE/few.tar" -- $files
    tries each 3 coedge eval {} --data "$MADE/few.tar" -- $files
    tries each 3 coedge prune {} -o x.coedge -- $files
    tries each 3 coedge quantize {} --weights-only -o x.coedge -- $files
    tries each 3 coedge split {} --at fc -o x.coedge,y.coedge -- $files
    tries each 3 coedge train-local {} --data "$MADE/few.tar" --steps 1 -o x.coedge -- $files
    tries each 3 coedge aggregate --base "$MADE/model.coedge" {} -o x.coedge -- $files
    tries each 3 coedge push {} registry/x:y -- $files
    [ -z "$(find . -name '*.coedge' -o -name '*.svg' -o -name registry -o -name '.*.tmp')" ]
    at_least 1000
}

@test "hostile weights and model.yaml inside of packages whose digest is right" {
    make_by_hand "$HOSTILE" <<'PY'
import glob, os, sys
for name in glob.glob(sys.argv[1] + "/safetensors/*.safetensors") + glob.glob(sys.argv[1] + "/yaml/*.yaml"):
    content = open(name, "rb").read() or b"\n"
    pair = make.pair(weights=content) if name.endswith("safetensors") else make.pair(model=content)
    open(os.path.basename(name) + ".coedge", "wb").write(make.package(pair))
open("good.coedge", "wb").write(make.package(make.pair()))
PY
    coedge inspect good.coedge # what is refused is refused for the member, not for how it was put together
    rm good.coedge
    tries each 3 coedge inspect {} -- *.coedge
    tries each 3 coedge infer {} "$HOSTILE/npy/twice.npy" -- *.coedge
    tries each 3 coedge push {} registry/x:y -- *.coedge
    at_least 200
}

@test "hostile ONNX models: 3 and one line from every command that takes a model" {
    local files="$HOSTILE/onnx/*.onnx"
    tries each 3 coedge inspect {} -- $files
    tries each 3 coedge infer {} "$MADE/few.tar" -- $files
    tries each 3 coedge prune {} -o x.coedge -- $files
    tries each 3 coedge quantize {} --weights-only -o x.coedge -- $files
    tries each 3 coedge train-local {} --data "$MADE/few.tar" --steps 1 -o x.coedge -- $files
    /usr/bin/python3 -c 'open("many.onnx", "wb").write(b"\x08\x08\x3a\x80\x92\xf4\x01" + b"\x0a\0" * 2000000)'
    tries each 3 coedge inspect {} -- many.onnx
    run -3 coedge inspect many.onnx
    assert_output --partial "many.onnx: node 0: has no op_type"
    [ ! -e x.coedge ]
    at_least 300
}

@test "hostile weights, packages and models: 3 and one line from convert, and nothing written" {
    tries each 3 coedge convert {} --arch mlp -o x.coedge -- "$HOSTILE"/npz/*.npz "$HOSTILE"/safetensors/*.safetensors
    tries each 3 coedge convert {} -o x.onnx -- "$HOSTILE"/package/*.coedge "$HOSTILE"/onnx/*.onnx "$HOSTILE"/npz/*.npz
    tries each 3 coedge convert {} -o x.npz -- "$HOSTILE"/package/*.coedge
    coedge convert "$MADE/pair.coedge" -o pair.npz
    coedge convert "$MADE/pair.coedge" -o pair.safetensors
    tries cut 3 coedge convert {} --arch mlp:8 --input 1x1x2 --classes 2 -o x.coedge -- pair.npz 200
    tries cut 3 coedge convert {} --arch mlp:8 --input 1x1x2 --classes 2 -o x.coedge -- pair.safetensors 100
    tries flip 0,3 coedge convert {} --arch mlp:8 --input 1x1x2 --classes 2 -o y.coedge -- pair.npz 400
    [ ! -e x.coedge ] && [ ! -e x.onnx ] && [ ! -e x.npz ]
    at_least 350
}

@test "hostile tars as data: 3, and nothing written outside" {
    mkdir -p a/b && cd a/b
    for model in model pair; do
        STREAMS=1 tries each 3 coedge infer "$MADE/$model.coedge" {} -- "$HOSTILE"/tar/*.tar
        tries each 3 coedge train-local "$MADE/$model.coedge" --data {} --steps 1 -o x.coedge -- "$HOSTILE"/tar/*.tar
    done
    tries each 3 coedge eval "$MADE/model.coedge" --data {} -- "$HOSTILE"/tar/*.tar
    tries each 3 coedge dataset stats {} -- "$HOSTILE"/tar/*.tar
    tries each 3 coedge dataset pack {} -o x.tar -- "$HOSTILE"/tar/*.tar
    tries each 3 coedge push {} registry/x:y -- "$HOSTILE"/tar/*.tar
    tries each 3 coedge inspect {} -- "$HOSTILE"/tar/*.tar
    tries each 3 coedge train-local "$MADE/model.coedge" --data "$MADE/few.tar" --steps 1 --checkpoint {} -o x.coedge \
        -- "$HOSTILE"/tar/*.tar
    cd ../..
    assert_equal "$(find . -type f | sort)" "$(printf '%s\n' ./a/b/.err ./a/b/.out)"
    at_least 400
}

@test "hostile arrays, alone and in a shard" {
    local file
    tries each 3 coedge infer "$MADE/pair.coedge" {} -- "$HOSTILE"/npy/*.npy
    for file in "$HOSTILE"/npy/*.npy; do
        cp "$file" 1.npy && echo 0 >1.cls
        tar -cf "$(basename "$file").tar" 1.npy 1.cls
    done
    STREAMS=1 tries each 3 coedge infer "$MADE/pair.coedge" {} -- *.tar
    tries each 3 coedge train-local "$MADE/pair.coedge" --data {} --steps 1 -o x.coedge -- *.tar
    at_least 70
}

@test "hostile pictures: 3 or a limit's 7, alone, in a shard and in a folder; odd but sound ones are answered" {
    local sound='/(90-scans|arithmetic|exif-loop|iccp-bomb|many-chunks|no-tables|ztxt-bomb)[.]' file name
    local good=($(ls -d "$HOSTILE"/image/* | grep -E "$sound" | grep -v exif-loop.jpg)) bad=()
    bad=($(ls -d "$HOSTILE"/image/*.* "${good[@]}" | sort | uniq -u))
    tries each 0 coedge infer "$MADE/model.coedge" {} -- "${good[@]}"
    tries each 3,7 coedge infer "$MADE/model.coedge" {} -- "${bad[@]}"
    for file in "${bad[@]}"; do
        name=$(basename "$file")
        mkdir -p "set-$name/good" && cp "$file" "set-$name/good/1.${name##*.}"
        tar -cf "$name.tar" -C "set-$name/good" "1.${name##*.}"
    done
    STREAMS=1 tries each 3,7 coedge infer "$MADE/model.coedge" {} -- *.tar
    tries each 3,7 coedge train-local "$MADE/model.coedge" --data {} --steps 1 -o x.coedge -- set-*
    at_least 80
}

@test "hostile idx pairs" {
    local file
    for file in "$HOSTILE"/idx/*.idx; do
        tries each 3 coedge dataset stats {},{} -- "$file"
        tries each 3 coedge infer "$MADE/pair.coedge" {},{} -- "$file"
        tries each 3 coedge train-local "$MADE/pair.coedge" --data {},{} --steps 1 -o x.coedge -- "$file"
    done
    at_least 40
}

@test "hostile YAML: 2 as coedge.yaml, 3 as a graph or a shard's header" {
    local file
    for file in "$HOSTILE"/config/*.yaml "$HOSTILE"/yaml/*.yaml; do
        cp "$file" coedge.yaml
        tries each 2 coedge config show -- "$file"
        rm coedge.yaml
    done
    tries each 3 coedge new {} -o x.coedge -- "$HOSTILE"/yaml/*.yaml
    for file in "$HOSTILE"/yaml/*.yaml; do
        cp "$file" .dataset.yaml && tar -xf "$MADE/few.tar" --wildcards '00000.*' 2>/dev/null || true
        tar -cf "$(basename "$file").tar" .dataset.yaml $(ls | grep -E '\.(png|cls)$' | head -2)
    done
    tries each 3 coedge dataset stats {} -- *.tar
    tries each 3 coedge train-local "$MADE/model.coedge" --data {} --steps 1 -o x.coedge -- *.tar
    at_least 90
}

@test "hostile JSON as a layout's index" {
    local file
    cp -r "$MADE/registry" layout
    for file in "$HOSTILE"/json/*.json; do
        cp "$file" layout/index.json
        tries each 3 coedge pull layout/solder:stable -o x.coedge -- "$file"
        tries each 3 coedge pull --list layout -- "$file"
        tries each 3 coedge push "$MADE/model.coedge" layout/solder:stable -- "$file"
        cmp "$file" layout/index.json
    done
    at_least 40
}

@test "cut at every tar block and between: never taken for whole" {
    tries cut 3 coedge verify {} -- "$MADE/model.coedge" 200
    tries cut 3 coedge infer {} "$MADE/few.tar" -- "$MADE/model.coedge" 200
    tries cut 3 coedge push {} registry/x:y -- "$MADE/model.coedge" 200
    tries cut 3 coedge aggregate --base "$MADE/model.coedge" {} -o x.coedge -- "$MADE/a.update" 200
    STREAMS=1 tries cut 3 coedge infer "$MADE/model.coedge" {} -- "$MADE/few.tar" 200
    tries cut 3 coedge train-local "$MADE/model.coedge" --data {} --steps 1 -o x.coedge -- "$MADE/few.tar" 200
    tries cut 3 coedge dataset stats {} -- "$MADE/few.tar.gz" 200
    tries cut 3 coedge push {} registry/x:y -- "$MADE/few.tar" 200
    [ ! -e x.coedge ] && [ ! -e registry ]
    at_least $((1600 / ${TORTURE_EVERY:-1}))
}

@test "one bit turned, anywhere: verify never says good, no command goes on" {
    tries flip 1,3 coedge verify {} -- "$MADE/model.coedge" 300
    tries flip 3 coedge infer {} "$MADE/few.tar" -- "$MADE/model.coedge" 200
    tries flip 3 coedge prune {} -o x.coedge -- "$MADE/model.coedge" 100
    tries flip 3 coedge aggregate --base "$MADE/model.coedge" {} -o x.coedge -- "$MADE/a.update" 200
    tries flip 3 coedge train-local "$MADE/model.coedge" --data {} --steps 1 -o x.coedge -- "$MADE/few.tar" 200
    [ ! -e x.coedge ]
    at_least $((1000 / ${TORTURE_EVERY:-1}))
}

# shard NAME FILE...: a tar without .end, as others make them.
shard() { tar -cf "$1.tar" "${@:2}"; }

# judged_and_refused PACKAGE DATA: by every command that learns from labelled data, or is measured on them.
judged_and_refused() {
    STREAMS=1 tries each 3 coedge train-local "$1" --data {} --steps 1 -o x.coedge -- "$2"
    STREAMS=1 tries each 3 coedge train-local "$1" --data {} --val {} --steps 1 -o x.coedge -- "$2"
    STREAMS=1 tries each 3 coedge eval "$1" --data {} -- "$2"
    STREAMS=1 tries each 3 coedge quantize "$1" --calibrate {} -o x.coedge -- "$2"
    STREAMS=1 tries each 3 coedge prune "$1" --val {} --require 'accuracy>=0' -o x.coedge -- "$2"
}

@test "what is well formed but does not belong is refused by name" {
    /usr/bin/python3 - <<'PY'
import numpy
numpy.save("three.npy", numpy.zeros(3, "float32"))
numpy.save("two.npy", numpy.zeros(2, "float32"))
numpy.save("nan.npy", numpy.array([1, numpy.nan], "float32"))
numpy.save("whole.npy", numpy.zeros(2, "int64"))
PY
    for name in three nan whole; do
        tries each 3 coedge infer "$MADE/pair.coedge" {} -- $name.npy
        echo 0 >$name.cls && shard $name $name.npy $name.cls
        judged_and_refused "$MADE/pair.coedge" $name.tar
        STREAMS=1 tries each 3 coedge infer "$MADE/pair.coedge" {} -- $name.tar
    done
    tries each 3 coedge infer "$MADE/model.coedge" {} -- two.npy # an array where pictures are taken

    cp two.npy 1.npy && echo solder-ball >1.cls && shard stranger 1.npy 1.cls
    judged_and_refused "$MADE/pair.coedge" stranger.tar
    echo 7 >1.cls && shard number 1.npy 1.cls
    judged_and_refused "$MADE/pair.coedge" number.tar
    echo 0 >1.cls && echo '{}' >1.json && shard blind 1.cls 1.json
    judged_and_refused "$MADE/pair.coedge" blind.tar
    STREAMS=1 tries each 3 coedge infer "$MADE/pair.coedge" {} -- blind.tar
    tries each 3 coedge dataset pack {} -o x.coedge -- blind.tar
    tries each 3 coedge dataset stats {} -- blind.tar
    tries each 3 coedge dataset split {} --shares 0.5,0.5 -o x.coedge,y.coedge -- blind.tar
    printf 'good\nbridge\n' >two.labels
    coedge new solder-cnn --input 3x32x32 --width 0.25 --labels two.labels -o two.coedge
    tries each 3 coedge train-local {} --data "$MADE/few.tar" --steps 1 -o x.coedge -- two.coedge

    shard nothing -T /dev/null
    rm -rf none && mkdir none
    for data in nothing.tar none; do
        judged_and_refused "$MADE/model.coedge" $data
        STREAMS=1 tries each 3 coedge infer "$MADE/model.coedge" {} -- $data
        STREAMS=1 tries each 3 coedge dataset pack {} -o x.coedge -- $data
    done
    [ ! -e x.coedge ] && [ ! -e y.coedge ]
    at_least 40
}

# Of an update: key, value, and what is said of it; - when nothing is.
numbers() {
    cat <<'LIST'
examples 12 -
examples 0 0 examples, expected 1 to 2^40
examples -4 'examples' is -4, expected 0 to
examples 1000000000000000000 1000000000000000000 examples, expected 1 to 2^40
examples 99999999999999999999 number is out of range
examples 1.5 'examples' is a number, expected a whole number
steps 0 -
steps -1 'steps' is -1, expected 0 to
steps 1000000000000000000 1000000000000000000 steps, expected at most 2^40
round -1 'round' is -1, expected 0 to
round 99999999999999999999 number is out of range
site '' 'site' is empty
LIST
}

@test "an update's absurd numbers are refused by name" {
    local key value said
    numbers >list
    make_by_hand "$MADE/a.update" list <<'PY'
update = members(sys.argv[1])
for line in open(sys.argv[2]):
    key, value = line.split()[:2]
    write("%s_%s.update" % (key, value), say(update, "^(  %s:) .*$" % key, r"\1 " + value))
PY
    while read -r key value said; do
        if [ "$said" = - ]; then
            coedge aggregate --base "$MADE/model.coedge" "${key}_$value.update" -o good.coedge
            continue
        fi
        tries each 3 coedge aggregate --base "$MADE/model.coedge" {} -o x.coedge -- "./${key}_$value.update"
        run -3 coedge aggregate --base "$MADE/model.coedge" "${key}_$value.update" -o x.coedge
        assert_output --partial "${key}_$value.update: "
        assert_output --partial "$said"
    done <list
    [ ! -e x.coedge ]
    at_least 10
}
