# release alone: it trains, which is minutes under sanitizers
# The thirty nights, shortened: that the script runs, says the same twice, and that its checks can fail.
load bats-helper

# capture FILE PAYLOAD-FILE: a pcap of one connection that carries it, in three packets, the last two in the wrong order
capture() {
    python3 -B - "$1" "$2" <<'PY'
import struct, sys

payload = open(sys.argv[2], "rb").read()
third = len(payload) // 3 + 1
parts = [(i, payload[i : i + third]) for i in range(0, len(payload), third)]
out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
for at, part in parts[:1] + parts[:0:-1]:
    tcp = struct.pack(">HHIIBBHHH", 80, 4000, 7 + at, 0, 5 << 4, 16, 0, 0, 0) + part
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, bytes(4), bytes(4)) + tcp
    frame = bytes(14) + ip
    out += struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
open(sys.argv[1], "wb").write(out)
PY
}

@test "a few nights run, their last release is made again from its history, and the same seed gives the same report" {
    run -0 "$ROOT/scripts/thirty-nights" --nights 2 --boards 18 --seed 3 --keep one --rebuild
    assert_line --regexp '^ +2 +[0-9.]+ % +[0-9.]+ % +[0-9.]+ % +[0-9.]+ %'
    assert_line --regexp '^ok +0 of [0-9]+ accepted releases are below their predecessor'
    assert_line --regexp '^ok +the last release made again: .*the same bytes'
    refute_line --regexp '^MISSED +(0 of|the network|the last release)'
    run -0 "$ROOT/scripts/thirty-nights" --nights 2 --boards 18 --seed 3 --keep two
    cmp one/report.html two/report.html
    run -2 "$ROOT/scripts/thirty-nights" --nights 2 --keep two
    assert_output --partial "holds an earlier run"
}

@test "a capture is searched for pictures, as files and as 64 pixels in a row" {
    coedge dataset synth solder --count 4 --seed 2 -o boards.tar --quiet
    PYTHONPATH=$ROOT/scripts/nights python3 -B -c '
import captured
for (where, pixels), name in zip(captured.images("boards.tar")[2:4], ("one", "other")):
    for count in 64, 60:
        open(f"{name}{count}", "wb").write(b"HTTP/1.0 200 OK\r\n\r\nfloat" + pixels[5001 : 5001 + count] + b"end")
'
    tar -xf boards.tar
    cat *.png | head -c 9000 >file
    head -c 20000 "$(command -v coedge)" >neither
    for held in one64 other64 file; do
        capture held.pcap $held
        run -1 "$ROOT/scripts/nights/captured.py" held.pcap boards.tar
    done
    assert_output --partial "the signature of a PNG"
    for held in one60 other60 neither; do
        capture held.pcap $held
        run -0 "$ROOT/scripts/nights/captured.py" held.pcap boards.tar
        assert_output --partial "nothing of them"
    done
}
