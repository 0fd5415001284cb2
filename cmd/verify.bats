load ../scripts/bats-helper
load ../scripts/bats-fixture

# A package with one byte of a member changed, and a right digest again: only its answers can tell.
tamper() { # FROM TO MEMBER OFFSET-FROM-END BYTE
    /usr/bin/python3 - "$@" <<'PY'
import hashlib, json, sys, tarfile
source, target, member, back, byte = sys.argv[1:]
data = bytearray(open(source, "rb").read())
members = {m.name: m for m in tarfile.open(source).getmembers()}
at = members[member].offset_data + members[member].size - int(back)
data[at] ^= int(byte)
end = members[".end"]
mark = json.loads(data[end.offset_data:end.offset_data + end.size])
at = data.index(mark["sha256"].encode(), end.offset_data)
data[at:at + 64] = hashlib.sha256(data[:end.offset]).hexdigest().encode()
open(target, "wb").write(data)
PY
}

@test "a good package verifies, with exactly the stored answers on the same kernels" {
    run -0 coedge verify "$MADE/model.coedge"
    assert_output --partial "worst difference 0"
    run -0 coedge verify "$MADE/model.coedge" --json
    [ "$(json golden_samples)" -ge 1 ]
}

@test "other kernels answer within the tolerance" {
    COEDGE_CPU=portable run -0 coedge verify "$MADE/model.coedge"
}

@test "a flipped bit is damage" {
    cp "$MADE/model.coedge" bad.coedge
    printf '\xff' | dd of=bad.coedge bs=1 seek=20000 conv=notrunc status=none
    run -3 coedge verify bad.coedge
}

@test "weights that answer otherwise than they did are an answer of no" {
    tamper "$MADE/model.coedge" other.coedge golden.safetensors 2 64
    run -1 coedge verify other.coedge
    assert_output --partial "golden"
}

@test "a device does not install a package that answers otherwise" {
    export COEDGE_STORE=$PWD/store
    tamper "$MADE/model.coedge" other.coedge golden.safetensors 2 64
    coedge push "$MADE/model.coedge" registry/solder:stable
    coedge pull registry/solder:stable --install
    coedge push other.coedge registry/solder:stable
    run -1 coedge pull registry/solder:stable --install
    coedge infer @solder:stable "$MADE/val.tar" --emit key,score >now
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,score >before
    cmp now before
    [ -z "$(find store -name 'incoming*')" ]
}

@test "what is installed was verified, so infer looks no more; verify does" {
    export COEDGE_STORE=$PWD/store
    coedge push "$MADE/model.coedge" registry/solder:stable
    coedge pull registry/solder:stable --install
    file=$(readlink -f store/installed/solder/stable)
    coedge infer @solder:stable "$MADE/val.tar" --emit key,score >now
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --emit key,score >before
    cmp now before
    chmod u+w "$file"
    offset=$(/usr/bin/python3 -c 'import sys, tarfile; m = tarfile.open(sys.argv[1]).getmember("weights.safetensors"); print(m.offset_data + m.size - 9)' "$file")
    printf '\x01' | dd of="$file" bs=1 seek="$offset" conv=notrunc status=none
    run -0 coedge infer @solder:stable "$MADE/val.tar"
    run -3 coedge infer "$file" "$MADE/val.tar"
    run -3 coedge verify @solder:stable
}
