load ../scripts/bats-helper
load ../scripts/bats-fixture

@test "results, gates and epochs become one page that needs nothing else" {
    coedge infer "$MADE/model.coedge" "$MADE/val.tar" --hard entropy:0.5 >site-a.ndjson
    for night in 1 2 3; do
        coedge eval "$MADE/model.coedge" --data "$MADE/val.tar" --json |
            sed "s/^{/{\"night\":$night,\"series\":\"the loop\",/" >>nights.ndjson
    done
    echo '{"night":2,"event":"a <bad> release"}' >>nights.ndjson
    coedge report nights.ndjson site-a.ndjson --pictures "$MADE/val.tar" --hardest 5 --title 'Night & day' -o page.html
    grep -F '<h1>Night &amp; day</h1>' page.html
    grep -F 'a &lt;bad&gt; release' page.html
    grep -F '<td>site-a</td><td>72</td>' page.html
    [ "$(grep -c '<img alt="" src="data:image/png;base64,' page.html)" -eq 5 ]
    [ "$(grep -o 'polyline class="line c0" points="[^"]*"' page.html | tr ' ' '\n' | grep -c ,)" -eq 3 ]
    run ! grep -E '<script|https?:|@import|url\(' page.html
    coedge report nights.ndjson site-a.ndjson --pictures "$MADE/val.tar" --hardest 5 --title 'Night & day' | cmp - page.html
}

@test "a browser shows the page in light, dark and narrow" {
    browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "no Chromium"
    printf '{"night":%d,"accuracy":0.%d,"series":"loop"}\n' 1 5 2 7 3 9 >nights.ndjson
    coedge report nights.ndjson -o page.html
    for width in 360 1200; do
        "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=$width,900 \
            --screenshot="$PWD/$width.png" "file://$PWD/page.html" >log 2>&1 || { cat log; false; }
        /usr/bin/python3 - "$width.png" <<'PY'
import sys
from PIL import Image
colours = {c for _, c in Image.open(sys.argv[1]).convert("RGB").getcolors(1 << 24)}
assert (0, 0x72, 0xb2) in colours, "the line is not drawn"
PY
    done
}

@test "lines that are none are refused with file and line" {
    printf '{"night":1,"accuracy":0.5}\n{"accuracy":"x"}\n' >bad.ndjson
    run -3 coedge report bad.ndjson -o page.html
    assert_output --partial "bad.ndjson: line 2"
    [ ! -e page.html ]
    : >empty.ndjson
    run -3 coedge report empty.ndjson
    assert_output --partial "no lines"
    run -4 coedge report nowhere.ndjson
}
