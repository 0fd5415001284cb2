#!/usr/bin/env python3
"""usage: captured.py CAPTURE SHARD...: does a packet capture hold anything of these shards' images?

Puts the TCP streams of a pcap file together and looks in them for the signatures of JPEG and PNG, and for 64 bytes in a row
of a decoded image of the shards, as it lies in memory: interleaved, and each colour by itself. A row of one value says
nothing (every tar ends in zeros) and does not count. Prints what it looked through. Exit 1: found something."""
import hashlib, multiprocessing, re, struct, sys, tarfile, zlib

RUN = 64
# A run of 64 holds a block of 16 that begins at a multiple of 16 in the image and of 3 in the stream, for 16 and 3 have no
# common divisor, and 16 * 3 + 16 - 1 < 64.
BLOCK, IMAGE_STEP, STREAM_STEP = 16, 16, 3
FILTER_BITS = 1 << 28

# ---- the capture ----

LINK_BYTES = {1: 14, 113: 16, 276: 20}  # Ethernet, Linux cooked v1 and v2: before the IP header


def segments(path):
    """(flow, sequence number, begins, payload) of each TCP packet of IPv4."""
    raw = open(path, "rb").read()
    order = {0xA1B2C3D4: "<", 0xD4C3B2A1: ">", 0xA1B23C4D: "<", 0x4D3CB2A1: ">"}.get(struct.unpack("<I", raw[:4])[0])
    if order is None:
        sys.exit(f"captured.py: {path}: no pcap file")
    link = LINK_BYTES.get(struct.unpack(order + "I", raw[20:24])[0] & 0xFFFF)
    if link is None:
        sys.exit(f"captured.py: {path}: a link type that is not known here")
    at = 24
    while at + 16 <= len(raw):
        kept, whole = struct.unpack(order + "II", raw[at + 8 : at + 16])
        ip = raw[at + 16 + link : at + 16 + kept]
        at += 16 + kept
        if kept < whole:
            sys.exit(f"captured.py: {path}: packets were cut; capture with -s 0")
        if len(ip) < 40 or ip[0] >> 4 != 4 or ip[9] != 6:
            continue
        head = (ip[0] & 15) * 4
        tcp = ip[head : struct.unpack(">H", ip[2:4])[0] or len(ip)]
        ports, sequence, flags = tcp[:4], struct.unpack(">I", tcp[4:8])[0], tcp[13]
        yield ip[12:20] + ports, sequence, flags & 2, tcp[(tcp[12] >> 4) * 4 :]


def streams(path):
    """Each direction of each connection, in order, what was sent twice once; a gap ends a piece."""
    flows, done = {}, []
    for flow, sequence, begins, payload in segments(path):
        if begins and flow in flows:
            done.append(flows.pop(flow))
        first, parts = flows.setdefault(flow, (sequence, []))
        if payload:
            parts.append(((sequence - first) & 0xFFFFFFFF, payload))
    for _, parts in done + list(flows.values()):
        piece, end = bytearray(), None
        for at, payload in sorted(parts):
            if end is not None and at > end:
                yield bytes(piece)
                piece, end = bytearray(), None
            new = payload if end is None else payload[end - at :]
            if new or end is None:
                piece += new
                end = at + len(payload)
        if piece:
            yield bytes(piece)


def bodies(path, seen):
    """The streams cut at the end of HTTP's headers, each once: a model goes to four factories."""
    for stream in streams(path):
        seen["bytes"] += len(stream)
        begin = 0
        while begin < len(stream):
            end = stream.find(b"\r\n\r\n", begin) + 4
            end = end if end >= 4 else len(stream)
            piece = stream[max(0, begin - RUN + 1) : end]  # what lies across a cut is seen
            digest = hashlib.sha256(piece[min(begin, RUN - 1) :]).digest()
            begin = end
            if digest not in seen["digests"]:
                seen["digests"].add(digest)
                yield piece


# ---- the images ----


def decode(png):
    """The bytes of an 8-bit PNG without its filters, and bytes a pixel."""
    at, packed = 8, b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        data = png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data)
        elif kind == b"IDAT":
            packed += data
        at += 12 + size
    if depth != 8 or interlaced or colour not in (0, 2, 4, 6):
        raise ValueError("a PNG of a kind that is not decoded here")
    pixel = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    flat, row, out, up = zlib.decompress(packed), width * pixel, bytearray(), bytes(width * pixel)
    for y in range(height):
        how, line = flat[y * (row + 1)], bytearray(flat[y * (row + 1) + 1 : (y + 1) * (row + 1)])
        if how == 2:
            line = bytearray((a + b) & 255 for a, b in zip(line, up))
        elif how:
            for i in range(row):
                left, corner = (line[i - pixel], up[i - pixel]) if i >= pixel else (0, 0)
                if how == 1:
                    guess = left
                elif how == 3:
                    guess = (left + up[i]) >> 1
                else:
                    p, q, r = abs(up[i] - corner), abs(left - corner), abs(left + up[i] - 2 * corner)
                    guess = left if p <= q and p <= r else up[i] if q <= r else corner
                line[i] = (line[i] + guess) & 255
        out += line
        up = line
    return bytes(out), pixel


def images(shard):
    """(where, bytes) of each image, in each order."""
    found = []
    with tarfile.open(shard) as tar:
        for member in tar:
            if member.name.endswith(".png"):
                pixels, pixel = decode(tar.extractfile(member).read())
                planes = b"".join(pixels[i::pixel] for i in range(pixel))
                found += [(f"{shard}: {member.name}", order) for order in {pixels, planes}]
    return found


# ---- the search ----


def is_jpeg(stream, at):
    """A marker segment follows, and a marker it."""
    size = struct.unpack(">H", stream[at + 4 : at + 6])[0] if at + 6 <= len(stream) else 0
    return size >= 2 and stream[at + 4 + size : at + 5 + size] == b"\xff"


def run_length(a, i, b, j):
    """How many bytes around a[i] and b[j] are the same."""
    back = forth = 0
    while back < min(i, j) and a[i - back - 1] == b[j - back - 1]:
        back += 1
    while i + forth < len(a) and j + forth < len(b) and a[i + forth] == b[j + forth]:
        forth += 1
    return back + forth, i - back


def may_be(bits, block):
    h = hash(block)
    return bits[h >> 3 & (FILTER_BITS >> 3) - 1] >> (h & 7) & 1


def find_runs(pieces, shards):
    with multiprocessing.Pool() as pool:
        found = [one for some in pool.imap(images, shards) for one in some]
    bits = bytearray(FILTER_BITS >> 3)
    for _, pixels in found:
        for i in range(0, len(pixels) - BLOCK + 1, IMAGE_STEP):
            h = hash(pixels[i : i + BLOCK])
            bits[h >> 3 & (FILTER_BITS >> 3) - 1] |= 1 << (h & 7)
    maybe = {}
    for number, piece in enumerate(pieces):
        for i in range(0, len(piece) - BLOCK + 1, STREAM_STEP):
            block = piece[i : i + BLOCK]
            if may_be(bits, block) and block.count(block[0]) < BLOCK:
                maybe.setdefault(block, []).append((number, i))
    for where, pixels in found:
        for i in range(0, len(pixels) - BLOCK + 1, IMAGE_STEP):
            for number, at in maybe.get(pixels[i : i + BLOCK], ()):
                same, begin = run_length(pixels, i, pieces[number], at)
                if same >= RUN and len(set(pixels[begin : begin + same])) > 1:
                    return len(found), f"{same} bytes of {where} in stream {number}"
    return len(found), None


def main(capture, shards):
    seen = {"bytes": 0, "digests": set()}
    pieces = list(bodies(capture, seen))
    wrong = None
    for number, piece in enumerate(pieces):
        if b"\x89PNG\r\n\x1a\n" in piece:
            wrong = f"the signature of a PNG in stream {number}"
        for hit in re.finditer(rb"\xff\xd8\xff[\xc0-\xfe]", piece):
            if is_jpeg(piece, hit.start()):
                wrong = f"the signature of a JPEG in stream {number}"
    count, run = find_runs(pieces, shards)
    wrong = wrong or run
    print(f"{seen['bytes'] / 1e6:.1f} MB in {len(pieces)} different pieces, {count} images (in both orders): {wrong or 'nothing of them'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
