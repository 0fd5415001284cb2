load ../scripts/bats-helper
load ../scripts/bats-fixture

@test "inspect --json has the keys that scripts rely on" {
    run -0 coedge inspect "$MADE/model.coedge" --json
    for key in name parameters macs size_bytes inputs.0.name outputs.0.shape nodes.0.name nodes.0.op identity labels privacy history; do json "$key"; done
    [ "$(json size_bytes)" = "$(stat -c %s "$MADE/model.coedge")" ]
}

@test "parameters are the weights that are trained and the statistics, counted in the file itself" {
    run -0 coedge inspect "$MADE/model.coedge" --json
    /usr/bin/python3 - "$(json parameters)" "$MADE/model.coedge" <<'PY'
import json, math, struct, sys, tarfile
data = tarfile.open(sys.argv[2]).extractfile("weights.safetensors").read()
n = struct.unpack("<Q", data[:8])[0]
head = {k: v for k, v in json.loads(data[8:8 + n]).items() if k != "__metadata__"}
trained = sum(math.prod(v["shape"]) for k, v in head.items() if "running" not in k)
every = sum(math.prod(v["shape"]) for v in head.values())
assert int(sys.argv[1]) in (trained, every), (sys.argv[1], trained, every)
PY
}

@test "the picture of the graph is XML with a box a node" {
    coedge inspect "$MADE/model.coedge" --graph g.svg
    run -0 coedge inspect "$MADE/model.coedge" --json
    /usr/bin/python3 - "$output" <<'PY'
import json, sys, xml.etree.ElementTree as tree
boxes = [e for e in tree.parse("g.svg").iter() if e.tag.endswith("rect")]
assert len(boxes) == len(json.loads(sys.argv[1])["nodes"]), len(boxes)
PY
    coedge inspect "$MADE/model.coedge" --graph g.dot
    head -n 1 g.dot | grep -q digraph
}

@test "the script names the commands that made the package, and no path" {
    coedge prune "$MADE/model.coedge" --sparsity 0.25 -o p.coedge
    run -0 coedge inspect p.coedge --script
    assert_line --partial "coedge new"
    assert_line --partial "coedge train-local --epochs '2'"
    assert_line --partial "coedge prune --sparsity '0.25'"
    refute_output --partial "/"$(whoami)
    refute_output --partial "$MADE"
}

@test "the script of a fresh package makes it again, with classes that a file named" {
    printf 'good\nit'"'"'s cold\n' >names
    coedge new mlp:8 --input 1x4x4 --labels names --seed 3 -o n.coedge
    coedge inspect n.coedge --script >again
    sh again >again.coedge
    cmp n.coedge again.coedge
}

@test "the script runs nothing but coedge, whatever a stranger wrote into the history" {
    make_by_hand "$MADE/model.coedge" <<'PY'
whole = members(sys.argv[1])
for pattern, by in (("^      epochs: .*$", """      epochs: "2'; touch owned; '"\n      "lr; touch owned;": "1\\\\ntouch owned\""""),
                    ("^  - command: train-local$", """  - command: "x; touch owned; #\""""),
                    ("^    data:\n      - .*$", """    data:\n      - "0\\\\ntouch owned"\n      - 7""")):
    whole = say(whole, pattern, by)
write("strange.coedge", whole)
PY
    run -0 coedge inspect strange.coedge --script
    assert_output --partial "touch owned"
    mkdir stub && printf '#!/bin/sh\nprintf "<%%s>" "$@" >>ran\n' >stub/coedge && chmod +x stub/coedge
    PATH=$PWD/stub:$PATH sh -c "$output"
    [ ! -e owned ]
    grep -qF "<x; touch owned; #><--epochs><2'; touch owned; '><--lr; touch owned;>" ran
}

@test "inspect reads standard input" {
    run -0 sh -c "coedge inspect - --json <'$MADE/model.coedge'"
}

@test "a picture is written to a file of that kind only, never over the package" {
    cp "$MADE/model.coedge" model.coedge
    run -2 coedge inspect --graph model.coedge <"$MADE/model.coedge"
    assert_line --index 0 --partial "expected FILE.svg, FILE.dot or -, found 'model.coedge'"
    cmp "$MADE/model.coedge" model.coedge
}
