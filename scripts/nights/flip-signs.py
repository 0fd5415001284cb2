#!/usr/bin/env python3
"""usage: flip-signs.py UPDATE KEY FACTOR: what a poisoned site does.

Multiplies the differences of a signed update by -FACTOR and signs it again with the site's own key (minisign format,
Ed25519 as in RFC 8032, section 6), so that nothing but its numbers is wrong with it."""
import base64, hashlib, json, struct, sys, tarfile

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(s, p):
    q = (0, 1, 1, 0)
    while s > 0:
        if s & 1:
            q = add(q, p)
        p, s = add(p, p), s >> 1
    return q


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def pack(p):
    z = pow(p[2], P - 2, P)
    return (p[1] * z % P | (p[0] * z % P & 1) << 255).to_bytes(32, "little")


def hash_int(data):
    return int.from_bytes(hashlib.sha512(data).digest(), "little")


def sign(seed, message):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254
    r = hash_int(h[32:] + message) % L
    point = pack(times(r, BASE))
    k = hash_int(point + pack(times(a, BASE)) + message) % L
    return point + ((r + k * a) % L).to_bytes(32, "little")


def main(path, key_path, factor):
    tar = tarfile.open(path)
    part = {m.name: (m.offset_data, tar.extractfile(m).read()) for m in tar.getmembers()}
    file = bytearray(open(path, "rb").read())

    def put(name, data):  # as long as what was there: headers stay
        assert len(data) == len(part[name][1])
        file[part[name][0] : part[name][0] + len(data)] = data

    weights = part["weights.safetensors"][1]
    begin = 8 + struct.unpack("<Q", weights[:8])[0]
    count = (len(weights) - begin) // 4
    values = struct.unpack(f"<{count}f", weights[begin : begin + 4 * count])
    put("weights.safetensors", weights[:begin] + struct.pack(f"<{count}f", *(-factor * v for v in values)))

    key = base64.b64decode(open(key_path).read().splitlines()[1])
    number, seed = key[54:62], key[62:94]
    at, text = part["signature.minisig"]
    lines = text.decode().splitlines()
    body = hashlib.sha256(file[: at - 512]).hexdigest()
    one = sign(seed, hashlib.blake2b(body.encode()).digest())
    comment = lines[2][len("trusted comment: ") :].encode()
    lines[1] = base64.b64encode(b"ED" + number + one).decode()
    lines[3] = base64.b64encode(sign(seed, one + comment)).decode()
    put("signature.minisig", ("\n".join(lines) + "\n").encode())

    at, text = part[".end"]
    end = json.loads(text)
    put(".end", text.replace(end["sha256"].encode(), hashlib.sha256(file[: at - 512]).hexdigest().encode()))
    open(path, "wb").write(file)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
