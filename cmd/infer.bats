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
    for _ in $(seq 200); do [ -s out ] && break; sleep 0.02; done
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
