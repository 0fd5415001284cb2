#!/usr/bin/env python3
"""usage: rebuild.py MODEL FOLDER: makes a package again from nothing but its history, and compares the bytes.

FOLDER holds what the history names by digest: updates (*.update) and shards (*.tar). Every command of the history is run on
them, from coedge new on; the updates of the last round are made again from their own history, too, from the package that
is there by then. Sets of several shards are given in the order of their names' numbers. Exit 1: other bytes."""
import hashlib, json, os, re, subprocess, sys, tarfile, tempfile
from itertools import permutations


def sha256(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()


def history(path):
    """One record a command: what was read, what is to be run, as `inspect --script` prints it."""
    text = subprocess.run(["coedge", "inspect", path, "--script"], check=True, capture_output=True, text=True).stdout
    record = {"package": [], "data": [], "before": ""}
    for line in text.splitlines():
        named = re.fullmatch(r"# (package|data) sha256:([0-9a-f]{64})", line)
        if named:
            record[named[1]].append(named[2])
        elif line.startswith("printf "):
            record["before"] = line
        elif line.startswith("coedge "):
            yield record | {"command": line}
            record = {"package": [], "data": [], "before": ""}


def end_digest(path):
    """What a shard's closing .end says of all before it: the shard's digest, as sets are made of."""
    tail = open(path, "rb").read()[-2048:]
    found = re.search(rb'"sha256":"([0-9a-f]{64})"', tail)
    return bytes.fromhex(found[1].decode()) if found else b""


def numbered(path):
    return [int(n) if n.isdigit() else n for n in re.split(r"(\d+)", path)]


class Archive:
    def __init__(self, folder):
        paths = sorted((os.path.join(d, f) for d, _, files in os.walk(folder) for f in files), key=numbered)
        self.update = {sha256(p): p for p in paths if p.endswith(".update")}
        self.by_folder = {}
        for path in paths:
            if path.endswith(".tar"):
                self.by_folder.setdefault(re.sub(r"\d+\.tar$", "", path), []).append(path)
        self.sets, self.ends = {}, {}
        for alike in self.by_folder.values():  # a set is of shards in a row, day-1.tar to day-5.tar,
            learnt = [re.sub(r"day-(\d+\.tar)$", r"learn-\1", p) for p in alike]
            for i in range(len(alike)):
                for j in range(i + 1, min(i + 8, len(alike)) + 1):
                    for k in range(i, j + 1):  # the last of them without what was held back
                        self.add(alike[i:k] + learnt[k:j])

    def add(self, paths):
        if all(os.path.exists(p) for p in paths):
            digests = sorted(self.end(p) for p in paths)
            self.sets.setdefault(hashlib.sha256(b"".join(digests)).hexdigest(), paths)

    def end(self, path):
        if path not in self.ends:
            self.ends[path] = end_digest(path)
        return self.ends[path]


def run(record, base, archive, out, extra=""):
    """One command of a history; of two sets one was --val, and which is not said: both ways are given, in turn."""
    command = record["command"]
    for sets in permutations(record["data"]) if command.startswith("coedge train-local") else [record["data"]]:
        words = command
        if command.startswith("coedge train-local"):
            words = command.replace("coedge train-local", f"coedge train-local {base}")
            words += "".join(f" --data {p}" for p in archive.sets[sets[0]])
            words += "".join(f" --val {p}" for s in sets[1:] for p in archive.sets[s])
        elif command.startswith("coedge aggregate"):
            words += f" --base {base}" + "".join(f" {archive.update[d]}" for d in record["package"] if d in archive.update)
        subprocess.run(f"{record['before']}\n{words} {extra} -o {out} --quiet", shell=True, check=True)
        yield out


def remake(records, archive, work, wanted=None):
    """Follows a history from its first record; yields the packages on the way."""
    base = None
    for number, record in enumerate(records):
        out = os.path.join(work, f"{number}.coedge")
        for made in run(record, base, archive, out):
            if wanted is None or wanted(number, made):
                break
        base = made
        yield base


def main(model, folder):
    model, folder = os.path.abspath(model), os.path.abspath(folder)
    archive = Archive(folder)
    records = list(history(model))
    # which of two sets was --val shows in the next command: its parent is what came out
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)

        def fits(number, made):
            rest = records[number + 1 :]
            parents = rest[0]["package"] if rest else []
            if not parents:
                return True
            facts = json.loads(subprocess.run(["coedge", "inspect", made, "--json"], check=True, capture_output=True).stdout)
            return facts["identity"] in parents

        packages = list(remake(records, archive, work, fits))
        same = sha256(packages[-1]) == sha256(model)
        print(f"{len(records)} commands from the history: {'the same bytes' if same else 'OTHER BYTES'}, {sha256(packages[-1])[:16]}")

        updates = [archive.update[d] for d in records[-1]["package"] if d in archive.update]
        for update in updates:
            *_, last = history(update)
            site = re.search(r"--site '([^']*)'", last["command"])[1]
            key = os.path.join(folder, site, site + ".key")
            out = os.path.join(work, "again.update")
            for made in run(last, packages[-2], archive, out, f"--sign {key}"):
                pass
            if sha256(made) != sha256(update):
                same = False
        print(f"{len(updates)} updates of its last round, from the boards: {'the same bytes' if same else 'OTHER BYTES'}")
    return 0 if same else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
