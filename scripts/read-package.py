#!/usr/bin/python3
"""read-package.py FILE: what a package or a shard holds, read with numpy and the standard library alone.

Prints one JSON object: the members, whether `.end` keeps its word, and for a
package its tensors (dtype, shape, sum, alignment in the file), for a shard its
samples. It shares no code with coedge: it shows that others can read the files.
"""
import hashlib
import io
import json
import sys
import tarfile

import numpy

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
          "I8": "|i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1"}


def tensors(data, offset):
    """name -> facts, of the bytes of a safetensors member that begin at offset in the file."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = data[8 + length + begin:8 + length + end]
        array = numpy.frombuffer(raw, DTYPES[entry["dtype"]]).reshape(entry["shape"])
        found[name] = {"dtype": entry["dtype"], "shape": entry["shape"],
                       "sum": float(array.astype("f8").sum()), "aligned": (offset + 8 + length + begin) % array.itemsize == 0}
    return found


def samples(members):
    """key -> extensions, of a shard's members in order."""
    found = {}
    for name, data in members:
        folder, _, last = name.rpartition("/")
        key, _, ext = last.partition(".")
        if key:
            part = list(numpy.load(io.BytesIO(data)).shape) if ext.endswith("npy") else len(data)
            found.setdefault(folder + "/" * bool(folder) + key, {})[ext] = part
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: read-package.py FILE")
    with open(sys.argv[1], "rb") as file:
        whole = file.read()
    tar = tarfile.open(fileobj=io.BytesIO(whole))
    infos = tar.getmembers()
    members = [(info.name, tar.extractfile(info).read()) for info in infos]
    end = json.loads(members.pop()[1]) if infos[-1].name == ".end" else None
    result = {"members": [name for name, _ in members], "end": end}
    if end is not None:
        digest = hashlib.sha256(whole[:infos[-1].offset]).hexdigest()
        result["good"] = end["sha256"] == digest and end["members"] == len(members)
    if members and members[0][0] == "model.yaml":
        result["tensors"] = {}
        for info, (name, data) in zip(infos, members):
            if name.endswith(".safetensors"):
                result["tensors"][name] = tensors(data, info.offset_data)
    else:
        result["samples"] = samples(members)
        if end is not None:
            result["good"] = result["good"] and end["samples"] == len(result["samples"])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
