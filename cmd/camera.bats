load ../scripts/bats-helper

setup_file() {
    local program
    program=$(realpath "${COEDGE:-$ROOT/build/${MODE:-release}/coedge}")
    export MADE=$BATS_FILE_TMPDIR COEDGE_CONFIG=
    "$program" dataset synth solder --count 6 --size 32 -o "$MADE/val.tar"
    "$program" new solder-cnn --input 3x32x32 --width 0.25 --classes 6 -o "$MADE/model.coedge"
}

setup_more() {
    "$ROOT/scripts/camera-badly" port asked 3>&- & CAMERA=$!
    for _ in $(seq 500); do [ -e port ] && break; sleep 0.02; done
    URL=http://127.0.0.1:$(cat port)
    export no_proxy=127.0.0.1
}

teardown() { kill "$CAMERA" 2>/dev/null || true; }

watch() { coedge infer "$MADE/model.coedge" "$URL/$1" --emit key,dropped "${@:2}"; }

# Lines of results that account for all of N frames: each was answered or counted, and the last was answered.
account() { # N
    /usr/bin/python3 -c 'import json, sys
lines = [json.loads(line) for line in sys.stdin]
assert sum(1 + line.get("dropped", 0) for line in lines) == int(sys.argv[1]), lines
assert lines[-1]["key"] == f"frame-{int(sys.argv[1]) - 1:06d}", lines' "$1"
}

@test "a camera's frames are answered or counted, to its end" {
    for path in "parts?5" "jpegs?4" "burst?200" "query?key=3"; do
        watch "$path" >lines
        account "${path##*[?=]}" <lines
    done
    # the same answers as of a file
    /usr/bin/python3 -c 'import sys, urllib.request
open("cam.mjpeg", "wb").write(urllib.request.urlopen(sys.argv[1]).read())' "$URL/parts?1"
    coedge infer "$MADE/model.coedge" cam.mjpeg --emit label,score >file
    coedge infer "$MADE/model.coedge" "$URL/parts?1" --emit label,score | cmp - file
    run -0 --separate-stderr watch "burst?400"
    [[ $stderr == *" of 400 frames came too fast and were dropped" ]] || [ "${#lines[@]}" -eq 400 ]
}

@test "a camera that breaks off is asked again, and its frames are counted on" {
    for path in broken within cutpart; do
        watch "$path?5" >lines 2>notes
        account "$([ $path = cutpart ] && echo 4 || echo 5)" <lines
        grep -q "/$path: .*: connects again$" notes
    done
    [ "$(grep -c broken asked)" -eq 3 ]
    watch "busy?2" | account 2
    [ "$(grep -c busy asked)" -eq 3 ]
    run -5 watch down --retries 0
}

@test "what is no camera is said at once, with what it is" {
    local path rc words
    while read -r path rc words; do
        run -"$rc" --separate-stderr watch "$path"
        [ -z "$output" ]
        [[ $stderr == *"coedge infer: $URL/$path: $words"* ]] || { echo "$stderr"; false; }
        [ "$(grep -c "/$path" asked)" -eq "$([ "$path" = loop ] && echo 6 || echo 1)" ]
    done <<'LIST'
html 3 no video: begins with bytes 3c 21
gone 5 the server answers 404
secret 5 the server answers 401
loop 5 Maximum (5) redirects followed
elsewhere 6 leads elsewhere:
head 7 more than 65536 bytes of headers
LIST
    export COEDGE_LIMIT_SAMPLE_BYTES=100000
    run -7 watch picture
    assert_output --partial "frame 0: a picture of more than 100000 bytes"
    run -0 watch giant
    assert_line '{"key":"frame-000000"}'
    run -5 watch forever --retries 0 --stall 0.3
    assert_line '{"key":"frame-000000"}'
    assert_output --partial "/forever: frame 1: nothing whole came in time"
    run -5 watch drip --retries 1 --stall 0.3
    [ "$(grep -c drip asked)" -eq 2 ]
    run -5 coedge infer "$MADE/model.coedge" http://127.0.0.1:9/ --retries 1
    assert_output --partial "http://127.0.0.1:9/: Failed to connect"
    assert_output --partial "hint: 2 tries in a row brought fewer than 10 pictures; --retries N asks more often"
}

@test "what comes behind a frame without a boundary ends the connection, not the run" {
    coedge infer "$MADE/model.coedge" "$URL/endless" --emit key >lines 2>notes 3>&- & run=$!
    wait_for_line() { for _ in $(seq 500); do [ "$(wc -l <lines)" -ge "$1" ] && return; sleep 0.02; done; false; }
    wait_for_line 2
    kill $run
    wait $run || true
    grep -q "frame 1: expected a JPEG picture, found bytes 00 00: connects again" notes
}

@test "a camera that sends a picture and then rubbish, over and over, is asked ever more rarely, then no more" {
    local begun=${EPOCHREALTIME/./}
    run -3 --separate-stderr watch "relapse?1" --retries 2
    [ "$(grep -c relapse asked)" -eq 3 ]
    [ $((${EPOCHREALTIME/./} - begun)) -ge 750000 ] # a quarter of a second, then half of one
    account 3 <<<"$output"
    [[ $stderr == *"coedge infer: $URL/relapse: frame 1: expected a JPEG picture, found bytes 72 75"* ]]
    [[ $stderr == *"hint: 3 tries in a row brought fewer than 10 pictures; --retries N asks more often" ]]
}

@test "ten pictures are progress: the camera is asked again as if for the first time" {
    watch "relapse?10" --retries 1 | account 40
    [ "$(grep -c relapse asked)" -eq 4 ]
}

@test "a camera that says when it is worth to ask again is left alone until then" {
    local begun=${EPOCHREALTIME/./}
    watch "later?2" | account 2
    [ $((${EPOCHREALTIME/./} - begun)) -ge 1000000 ]
    [ "$(grep -c later asked)" -eq 2 ]
}

@test "a name and a password come from ~/.netrc, and what an address asks for is not repeated" {
    run -2 coedge infer "$MADE/model.coedge" "http://camera:secret@127.0.0.1/x"
    refute_output --partial secret@
    assert_output --partial "~/.netrc"
    echo "machine 127.0.0.1 login camera password secret" >"$HOME/.netrc"
    watch "secret?3" | account 3
    run -5 watch "gone?key=12345"
    refute_output --partial 12345
}

@test "standard input waits, or with --latest does not" {
    /usr/bin/python3 -c 'from PIL import Image
with open("cam.mjpeg", "wb") as out:
    for i in range(40):
        Image.new("RGB", (64, 64), (6 * i, 90, 120)).save(out, "JPEG")'
    coedge infer "$MADE/model.coedge" --emit key,dropped <cam.mjpeg >all
    [ "$(wc -l <all)" -eq 40 ]
    coedge infer "$MADE/model.coedge" --latest --emit key,dropped <cam.mjpeg >lines
    account 40 <lines
    run -3 coedge infer "$MADE/model.coedge" --latest <"$MADE/val.tar"
    assert_output --partial "standard input: no video"
    run -3 coedge infer "$MADE/model.coedge" --latest </dev/null
    assert_output --partial "standard input: no byte came"
    # an error elsewhere does not wait for more of it
    mkfifo in
    coedge infer "$MADE/model.coedge" - --latest <in >/dev/full 3>&- & run=$!
    exec 7>in
    cat cam.mjpeg >&7
    status=0
    wait $run || status=$?
    exec 7>&-
    [ $status -eq 4 ]
}
