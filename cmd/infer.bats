load ../scripts/bats-helper
load ../scripts/bats-fixture

@test "one image gives one line of JSON with the stable keys" {
    tar -xf "$MADE/val.tar"
    image=$(ls ./*.png | head -n 1)
    run -0 --separate-stderr coedge infer "$MADE/model.coedge" "$image"
    [ "${#lines[@]}" -eq 1 ]
    for key in key label class score top.0.label top.0.score route ms; do json "$key"; done
    [ "$(json route)" = edge ]
}

@test "a folder, a shard, a gzipped shard and a pipe give the same answers" {
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,label,score >shard
    gzip -c "$MADE/val.tar" >val.tar.gz
    coedge infer "$MADE/model.coedge" val.tar.gz --emit key,label,score >gz
    coedge infer "$MADE/model.coedge" - --emit key,label,score <"$MADE/val.tar" >pipe
    cat "$MADE/val.tar" | coedge infer "$MADE/model.coedge" --emit key,label,score >bare
    cmp shard gz
    cmp shard pipe
    cmp shard bare
}

@test "answers do not depend on threads" {
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,score,top --threads 1 >one
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,score,top --threads 7 >seven
    cmp one seven
}

@test "a pipe's samples are answered as they come" {
    mkfifo in
    coedge infer "$MADE/model.coedge" - --emit key <in >out & child=$!
    exec 7>in
    head -c 20480 "$MADE/val.tar" >&7
    for _ in $(seq 1500); do [ -s out ] && break; sleep 0.02; done
    [ -s out ]
    kill $child
    exec 7>&-
    wait $child || true
}

@test "a damaged image ends the run with 3 and names file and key" {
    mkdir d && cp "$TESTDATA/solder.labels" d/a.png
    run -3 coedge infer "$MADE/model.coedge" d/a.png
    assert_output --partial "a.png"
}

@test "--keep-going reports the damaged one, answers the rest, and exits 8" {
    mkdir d && tar -xf "$MADE/val.tar" -C d
    rm -f d/*.cls d/.dataset.yaml d/.end
    first=$(ls d | head -n 1)
    head -c 100 "d/$first" >cut && mv cut "d/$first"
    run -8 --separate-stderr coedge infer "$MADE/model.coedge" d --keep-going
    [ "${#lines[@]}" -eq 72 ]
    [ "$(grep -c '"error"' <<<"$output")" -eq 1 ]
    [[ $stderr == *"1 of 72 samples could not be read"* ]]
}

@test "a tar without .end is noticed: a warning, or 3 with --require-end" {
    size=$(/usr/bin/python3 -c 'import sys, tarfile; print(tarfile.open(sys.argv[1]).getmembers()[11].offset)' "$MADE/val.tar")
    (head -c "$size" "$MADE/val.tar"; head -c 1024 /dev/zero) >cut.tar
    run -0 --separate-stderr coedge infer "$MADE/model.coedge" cut.tar
    [[ $stderr == *"may have been cut"* ]]
    run -3 coedge infer "$MADE/model.coedge" cut.tar --require-end
}

@test "a tar that was cut inside a member is an error" {
    head -c 10000 "$MADE/val.tar" >cut.tar
    run -3 coedge infer "$MADE/model.coedge" cut.tar
}

@test "an unknown field is named with the nearest" {
    run -2 coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,lable
    assert_output --partial "did you mean 'label'"
}

@test "no result leaves before the package's digest is known to be right" {
    cp "$MADE/model.coedge" bad.coedge
    size=$(stat -c %s bad.coedge)
    # one bit of a weight, far from any structure
    offset=$(/usr/bin/python3 -c 'import sys, tarfile; m = tarfile.open(sys.argv[1]).getmember("weights.safetensors"); print(m.offset_data + m.size - 9)' bad.coedge)
    printf '\x01' | dd of=bad.coedge bs=1 seek="$offset" conv=notrunc status=none
    run -3 --separate-stderr coedge infer bad.coedge "$MADE/val.tar"
    [ -z "$output" ]
}

@test "a result that cannot be written is an I/O error" {
    run -4 sh -c "coedge infer '$MADE/model.coedge' '$MADE/val.tar' >/dev/full"
}

# make_shard FILE HEADER [SHAPE]: two samples of class 0: of $MADE/val.tar's first image, or arrays of zeros of a shape.
make_shard() {
    /usr/bin/python3 - "$MADE/val.tar" "$@" <<'PY'
import io, sys, tarfile
source, target, header, *shape = sys.argv[1:]
image = next(tarfile.open(source).extractfile(m).read() for m in tarfile.open(source) if m.name.endswith(".png"))
if shape:
    import numpy
    out = io.BytesIO()
    numpy.save(out, numpy.zeros([int(axis) for axis in shape[0].split("x")], "<f4"))
    ext, content = "npy", out.getvalue()
else:
    ext, content = "png", image
with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar:
    for name, data in [(".dataset.yaml", header.encode())] + [
            (f"{key}.{end}", data) for key in "ab" for end, data in ((ext, content), ("cls", b"0"))]:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
PY
}

@test "truth is what the set calls its numbers, through both parts of a model too" {
    make_shard other.tar $'format: 1\nlabels: [cold, void, bridge, excess, insufficient, good]\n'
    run -0 --separate-stderr coedge infer "$MADE/model.coedge" other.tar --emit truth
    [ "${lines[0]}" = '{"truth":"cold"}' ]
    coedge split "$MADE/model.coedge" --at pool2 -o head.coedge,tail.coedge
    coedge infer head.coedge other.tar >activations.tar
    run -0 --separate-stderr coedge infer tail.coedge activations.tar --emit truth
    [ "${lines[0]}" = '{"truth":"cold"}' ]
}

@test "an array is taken in the model's order of axes alone, by models of reals and of integers" {
    header=$'format: 1\nprivacy: public\n'
    coedge quantize "$MADE/model.coedge" --calibrate "$MADE/val.tar" -o int8.coedge
    make_shard good.tar "$header" 3x32x32
    make_shard flat.tar "$header" 3072
    make_shard turned.tar "$header" 32x32x3
    make_shard large.tar "$header" 100000
    for model in "$MADE/model.coedge" int8.coedge; do
        for data in good flat; do
            run -0 --separate-stderr coedge infer "$model" "$data.tar"
            run -0 --separate-stderr coedge eval "$model" --data "$data.tar"
        done
        for data in turned large; do
            run -3 coedge infer "$model" "$data.tar"
            assert_output --partial "expected [1, 3, 32, 32]"
            run -3 coedge eval "$model" --data "$data.tar"
        done
    done
}

@test "arrays too large for a part of a model are refused before they are copied" {
    make_shard large.tar $'format: 1\n' 100000
    coedge split "$MADE/model.coedge" --at pool2 -o head.coedge,tail.coedge
    run -3 coedge eval tail.coedge --data large.tar
    assert_output --partial "part 2 of 2"
    run -3 coedge quantize tail.coedge --calibrate large.tar -o out.coedge
    run -3 coedge train-local tail.coedge --data large.tar -o out.coedge
    [ ! -e out.coedge ]
}

@test "labels that the graph does not answer are refused by whatever reads the package" {
    make_by_hand "$MADE/model.coedge" <<'PY'
whole = members(sys.argv[1])
bare = say(whole[:2], "^golden:\n(  .*\n)*|^golden:.*\n", "") # no golden samples to differ
write("labels.coedge", say(bare, r"labels: \[good", "labels: [a, b, c, good"))
write("thresholds.coedge", say(bare, "^graph:", "thresholds: [0.5, 0.5]\ngraph:"))
write("extractor.coedge", say(bare, "^labels:.*\n", ""))
PY
    local data=$MADE/val.tar asked
    while read -r asked; do
        run -3 coedge $asked
        assert_line --regexp "^coedge ${asked%% *}: labels.coedge: (package: )?model.yaml:[0-9]+:1: 9 labels, expected 6: the output 'fc' is \[1, 6\]$"
        assert_line "hint: labels name the output's numbers in order, one each"
    done <<LIST
inspect labels.coedge
verify labels.coedge
prune labels.coedge
quantize labels.coedge --weights-only
split labels.coedge --at pool2 -o head.coedge,tail.coedge
train-local labels.coedge --data $data
infer labels.coedge $data
eval labels.coedge --data $data
aggregate --base labels.coedge x.update
push labels.coedge registry/x:y
LIST
    [ ! -e head.coedge ] && [ ! -e registry ]
    run -3 coedge verify thresholds.coedge
    assert_output --partial "2 thresholds for 6 labels"
    coedge verify extractor.coedge
    coedge prune extractor.coedge -o narrow.coedge
}

@test "an answer that is not a number is an error of its sample, not a class" {
    make_by_hand "$MADE/model.coedge" <<'PY'
whole = members(sys.argv[1])
weights = bytearray(whole[1][1])
begin = 8 + struct.unpack("<Q", weights[:8])[0]
for at in range(begin, len(weights), 4):
    weights[at:at + 4] = struct.pack("<f", 3e38) # finite, and every sum of two is not
write("wild.coedge", [whole[0], ("weights.safetensors", bytes(weights))] + whole[2:])
write("bare.coedge", say([whole[0], ("weights.safetensors", bytes(weights))], "^golden:\n(  .*\n)*|^golden:.*\n", ""))
PY
    run -3 coedge infer bare.coedge "$MADE/val.tar"
    assert_line --index 0 --regexp '^coedge infer: .*/val.tar: [^ ]*: the model.s answer is not finite$'
    run -8 --separate-stderr coedge infer bare.coedge "$MADE/val.tar" --keep-going
    assert_line --index 0 --partial '"error":'
    refute_output --partial '"label"'
    run -3 coedge eval bare.coedge --data "$MADE/val.tar"
    assert_line --index 0 --partial "the model's answer is not finite"
    run -3 coedge verify wild.coedge
    assert_line --index 0 "coedge verify: wild.coedge: golden samples give NaN at output 'fc'"
    run -3 coedge prune bare.coedge -o x.coedge
    assert_line --index 0 "coedge prune: golden samples give NaN at output 'fc'"
    [ ! -e x.coedge ]
}

@test "without any sample there is nothing to answer: 3" {
    mkdir none && tar -cf none.tar -T /dev/null
    coedge split "$MADE/model.coedge" --at pool2 -o head.coedge,tail.coedge
    for package in "$MADE/model.coedge" head.coedge; do
        for data in none none.tar; do
            run -3 --separate-stderr coedge infer $package $data
            [ "${stderr_lines[-1]}" = "coedge infer: $data: no samples" ]
        done
    done
    coedge infer "$MADE/model.coedge" none "$MADE/val.tar" >/dev/null
}

@test "a class that the model was never told of is still the truth" {
    coedge dataset synth solder --count 2 --size 32 -o two.tar
    mkdir d && tar -xf two.tar -C d
    echo whisker >d/public-000001.cls
    tar -cf strange.tar -C d public-000000.png public-000000.cls public-000001.png public-000001.cls
    run -0 --separate-stderr coedge infer "$MADE/model.coedge" strange.tar --emit truth
    [ "${lines[0]}" = '{"truth":"good"}' ]
    [ "${lines[1]}" = '{"truth":"whisker"}' ]
}

@test "an input that is not there is named once" {
    run -4 coedge infer "$MADE/model.coedge" nowhere.png
    assert_output "coedge infer: nowhere.png: No such file or directory"
}

@test "a sample without an image is told as such" {
    echo note >a.txt && tar --format=ustar -cf notes.tar a.txt
    run -3 coedge infer "$MADE/model.coedge" notes.tar
    assert_output --partial "no image or array among its members"
    run -8 --separate-stderr coedge infer "$MADE/model.coedge" notes.tar --keep-going
    assert_output --partial '"key":"a","error":'
}

@test "activations are as private as the samples and the model they are of" {
    coedge dataset synth solder --count 12 --size 32 --seed 9 --privacy user-private -o secret.tar
    coedge split "$MADE/model.coedge" --at pool1 -o head.coedge,tail.coedge
    coedge infer head.coedge secret.tar >secret.activations
    tar -xOf secret.activations .dataset.yaml | grep -x 'privacy: user-private'
    coedge infer head.coedge "$MADE/val.tar" >public.activations
    run -1 grep user-private <(tar -xOf public.activations .dataset.yaml)
    coedge infer tail.coedge secret.activations --emit key,score >parts
    coedge infer "$MADE/model.coedge" secret.tar --emit key,score >whole
    cmp parts whole
    run -2 coedge infer head.coedge "$MADE/val.tar" secret.tar
    run -0 coedge infer head.coedge secret.tar "$MADE/val.tar"
}

@test "infer without INPUT on a terminal says so instead of waiting" {
    run -2 timeout 5 script -qec "coedge infer '$MADE/model.coedge'" /dev/null
    assert_output --partial "standard input is a terminal"
    coedge infer "$MADE/model.coedge" <"$MADE/val.tar" >answers
}

# ---- hard samples ----

@test "hard samples are said, counted and kept as a shard that trains" {
    run -0 --separate-stderr coedge infer "$MADE/model.coedge" "$MADE/val.tar" --hard confidence:1 --hard-out hard.tar
    [ "$(grep -c '"hard":true' <<<"$output")" -eq "${#lines[@]}" ]
    [[ $stderr == "${#lines[@]} of ${#lines[@]} samples are hard" ]]
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,score >all
    coedge infer "$MADE/model.coedge" hard.tar --emit key,score >again
    cmp all again
    tar -xOf hard.tar .dataset.yaml | grep -x 'privacy: public'
    key=$(tar -tf hard.tar | sed -n 's/\.json$//p' | head -n 1)
    tar -xOf hard.tar "$key.json" | grep -F "\"key\":\"$key\""
    tar -xOf hard.tar "$key.cls" | grep -xE 'good|insufficient|excess|bridge|void|cold'
    coedge train-local "$MADE/model.coedge" --data hard.tar --epochs 1 -o next.coedge
}

@test "the same samples are hard for any number of threads, and fewer by a stricter rule" {
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit score | tr -dc '0-9.\n' | sort -n >scores
    middle=$(sed -n "$(($(wc -l <scores) / 2))p" scores)
    for threads in 1 5; do
        coedge infer "$MADE/model.coedge" "$MADE/val.tar" --hard "confidence:$middle" --hard-out "hard$threads.tar" \
            --emit key,hard --threads $threads >"said$threads"
    done
    cmp said1 said5
    [ "$(tar -tf hard1.tar)" = "$(tar -tf hard5.tar)" ]
    [ "$(grep -c true said1)" -eq "$(awk -v t="$middle" '$1 < t' scores | wc -l)" ]
    [ "$(grep -c true said1)" -gt 0 ]
    [ "$(tar -tf hard5.tar | grep -c '\.cls$')" -eq "$(grep -c true said1)" ]
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --hard random:0.3 --seed 1 --emit key,hard >drawn
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --hard random:0.3 --seed 2 --emit key,hard >other
    run ! cmp -s drawn other
}

@test "no hard sample gives an empty shard, a run that fails none" {
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --hard confidence:0 --hard-out none.tar >/dev/null
    [ "$(tar -tf none.tar | tr '\n' ' ')" = ".dataset.yaml .end " ]
    head -c 30000 "$MADE/val.tar" >cut.tar
    run -3 coedge infer "$MADE/model.coedge" cut.tar --hard confidence:1 --hard-out kept.tar
    [ ! -e kept.tar ]
    run -2 coedge infer "$MADE/model.coedge" "$MADE/val.tar" --hard-out kept.tar
    assert_output --partial "--hard-out without --hard"
    run -2 coedge infer "$MADE/model.coedge" "$MADE/val.tar" --hard entrop:0.5
    assert_output --partial "did you mean 'entropy:0.5'?"
    run -4 coedge infer "$MADE/model.coedge" "$MADE/val.tar" --hard margin:0.5 --hard-out nowhere/kept.tar
    refute_output --partial '"key"' # before the first answer
}

@test "a class that the model was never told of stays with its sample" {
    mkdir -p set/pin-hole && tar -xf "$MADE/val.tar" && cp "$(ls ./*.png | head -n 1)" set/pin-hole/a.png
    coedge infer "$MADE/model.coedge" set --hard confidence:1 --hard-out hard.tar >/dev/null
    [ "$(tar -xOf hard.tar pin-hole/a.cls)" = pin-hole ]
    run -3 coedge train-local "$MADE/model.coedge" --data hard.tar --epochs 1 -o next.coedge
    assert_output --partial "class 'pin-hole' is not one of the labels"
}

# ---- video ----

@test "frames of MJPEG and Y4M are answered from a file and from a pipe" {
    /usr/bin/python3 - <<'PY'
from PIL import Image
import io
with open("cam.mjpeg", "wb") as mjpeg, open("cam.y4m", "wb") as y4m:
    y4m.write(b"YUV4MPEG2 W64 H64 F30:1 Ip A1:1 C444 XCOLORRANGE=FULL\n")
    for i in range(3):
        image = Image.new("RGB", (64, 64), (40 + 60 * i, 90, 200 - 50 * i))
        image.save(mjpeg, "JPEG", quality=100, subsampling=0)
        y4m.write(b"FRAME\n" + b"".join(c.tobytes() for c in image.convert("YCbCr").split()))
PY
    coedge infer "$MADE/model.coedge" cam.mjpeg --emit key,label >mjpeg
    [ "$(cut -d'"' -f4 mjpeg | tr '\n' ' ')" = "cam-000000 cam-000001 cam-000002 " ]
    coedge infer "$MADE/model.coedge" - --emit key,label <cam.mjpeg >pipe
    sed 's/cam/frame/' mjpeg | cmp - pipe
    coedge infer "$MADE/model.coedge" cam.y4m --emit key,label | cmp - mjpeg
    cat cam.y4m | coedge infer "$MADE/model.coedge" --emit key,label | cmp - pipe
    head -c $(($(wc -c <cam.mjpeg) - 1)) cam.mjpeg >cut.mjpeg
    run -3 coedge infer "$MADE/model.coedge" cut.mjpeg --emit key
    assert_output --partial '"cut-000001"'
    assert_output --partial "cut.mjpeg: frame 2: cut: the stream ends within it"
}

@test "a frame is answered before the next one comes" {
    mkfifo in
    /usr/bin/python3 -c 'from PIL import Image; Image.new("RGB", (64, 64)).save("one.jpg")'
    coedge infer "$MADE/model.coedge" - --emit key <in >out & child=$!
    exec 7>in
    cat one.jpg >&7
    for _ in $(seq 1500); do [ -s out ] && break; sleep 0.02; done
    [ "$(cat out)" = '{"key":"frame-000000"}' ]
    exec 7>&-
    wait $child
}

@test "pictures that do not change are not run again" {
    /usr/bin/python3 - <<'PY'
from PIL import Image
with open("cam.mjpeg", "wb") as out:
    for level in (60, 61, 60, 200, 60, 61):
        Image.new("RGB", (64, 64), (level, level, level)).save(out, "JPEG")
PY
    routes() { coedge infer "$MADE/model.coedge" cam.mjpeg --emit route "$@" | cut -d'"' -f4 | tr '\n' ' '; }
    [ "$(routes)" = "edge edge edge edge edge edge " ]
    [ "$(routes --filter difference:0.02)" = "edge filter filter edge edge filter " ]
    [ "$(routes --cache 4:0.02)" = "edge cache cache edge cache cache " ]
    [ "$(routes --cache 4:0.02 --filter difference:0.02)" = "edge filter filter edge cache cache " ]
    [ "$(routes --cache 1:0.02)" = "edge cache cache edge edge cache " ]
    coedge infer "$MADE/model.coedge" cam.mjpeg --emit key,label >each
    coedge infer "$MADE/model.coedge" cam.mjpeg --emit key,label --cache 4:0.02 | cmp - each
    run -2 coedge infer "$MADE/model.coedge" cam.mjpeg --filter 0.02
    assert_output --partial "--filter: found '0.02', expected difference:T"
}
