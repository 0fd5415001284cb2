# The judges: what people do today, how many boards each model knows, and at the end what was promised.

right() { # MODEL SHARD: how many it knows; a class that a model was never told of counts as wrong
    coedge infer "$1" "$2" --emit label,truth --threads 1 --quiet | grep -Ec '^\{"label":("[^"]*"),"truth":\1\}$' || true
}
count_of() { tar -tf "$1" | grep -c '\.cls$'; }
percent() { LC_ALL=C awk -v a="$1" -v b="$2" 'BEGIN { printf "%5.1f %%", 100 * a / b }'; }
points() { LC_ALL=C awk -v a="$1" -v b="$2" -v n="$3" 'BEGIN { printf "%.1f", 100 * (a - b) / n }'; }
at_least() { LC_ALL=C awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'; }

# ---- what people do today: each factory alone, and pooled retraining, for which all data leave ----

today=("${learn[@]}" --last --grow --quiet)
train_alone() {
    local n boards=()
    for n in $(last_week); do boards+=(--data "$1/day-$n.tar"); done
    coedge train-local "$1/alone.coedge" "${boards[@]}" "${today[@]}" --threads 1 --seed "$night" -o "$1/alone.next" 2>/dev/null
    mv "$1/alone.next" "$1/alone.coedge"
}
train_pooled() {
    local n f boards=()
    for f in $factories; do
        for n in $(last_week); do boards+=(--data "$f/day-$n.tar"); done
    done
    coedge train-local pooled.coedge "${boards[@]}" "${today[@]}" --seed "$night" -o pooled.next 2>/dev/null
    mv pooled.next pooled.coedge
}

# ---- the numbers of a night: the model that each factory runs now, on its boards of tomorrow ----

judge_factory() { # FACTORY: "loop frozen alone pooled boards"
    echo "$(COEDGE_STORE=$PWD/$1/store right @solder:stable "$1/test.tar")" "$(right frozen.coedge "$1/test.tar")" \
        "$(right "$1/alone.coedge" "$1/test.tar")" "$(right pooled.coedge "$1/test.tar")" "$(count_of "$1/test.tar")" >"$1/judged"
}
judge_all() { # leaves loop, frozen, alone, pooled and boards
    in_all judge_factory
    read -r loop frozen alone pooled boards < <(awk '{ for (i = 1; i <= 5; i++) s[i] += $i } END { print s[1], s[2], s[3], s[4], s[5] }' \
        $(printf '%s/judged ' $factories))
}
# known MODEL: how many of tomorrow's boards of all factories it knows
known() {
    local f n=0
    for f in $factories; do n=$((n + $(right "$1" "$f/test.tar"))); done
    echo $n
}

# keep_old: the last boards without the new class, and how many of them the fleet knows before it comes
keep_old() {
    local f
    for f in $factories; do cp "$f/test.tar" "$f/old.tar"; done
    echo "$loop $boards" >old
}
known_old() {
    local f n=0
    for f in $factories; do n=$((n + $(COEDGE_STORE=$PWD/$f/store right @solder:stable "$f/old.tar"))); done
    echo $n
}

# ---- nights 18 and 19 again: as if d had been honest, and with the mean of all and no gate ----

what_if() {
    [ "$night" -ne 18 ] || cp cloud/start.coedge cloud/honest.coedge
    cp cloud/start.coedge cloud/mean.coedge # each night anew: after the first there is little left to spoil
    together honest none "${admitted[@]}"
    together mean "$1"
    printf '%d %d %d %d %d\n' "$night" "$(known cloud/current.coedge)" "$(known cloud/honest.coedge)" "$(known cloud/mean.coedge)" \
        "$boards" >>whatif
}

# ---- at the end ----

missed=0
promise() { # yes|no TEXT
    local mark=ok
    [ "$1" = yes ] || { mark=MISSED missed=$((missed + 1)); }
    printf '%-7s %s\n' "$mark" "$2"
}
yes_if() { if "$@"; then echo yes; else echo no; fi; }

promises() {
    local n l h m b gap=1.0
    [ -z "$data" ] || gap=1.5
    for f in $factories; do last_boards "$f"; done
    judge_all
    echo
    echo "after night $night, on $boards boards: loop$(percent $loop $boards), frozen$(percent $frozen $boards), alone$(percent $alone \
        $boards), pooled$(percent $pooled $boards)"
    promise "$(yes_if at_least $gap "$(points $pooled $loop $boards)")" \
        "the loop is $(points $pooled $loop $boards) points below pooled retraining; wanted: at most $gap"
    promise "$(yes_if at_least "$(points $loop $frozen $boards)" 10)" \
        "the loop is $(points $loop $frozen $boards) points above the frozen model; wanted: 10"
    if [ -s old ]; then
        read -r l b <old
        n=$(known_old)
        promise "$(yes_if at_least 1.5 "$(points "$l" "$n" "$b")")" \
            "the old classes lost $(points "$l" "$n" "$b") points since night 13 ($l, now $n of $b boards); wanted: at most 1.5"
    fi
    if [ -s gate.ndjson ]; then
        b=$(grep -c '"released":true' gate.ndjson || true)
        n=$(sed -n 's/.*"candidate":\([0-9]*\),"predecessor":\([0-9]*\),.*"released":true.*/\1 \2/p' gate.ndjson | awk '$1 < $2' | wc -l)
        promise "$(yes_if [ "$n" -eq 0 ])" "$n of $b accepted releases are below their predecessor on the gate set of their night"
    fi
    if [ -s whatif ]; then
        read -r n l h m b < <(tail -n 1 whatif)
        promise "$(yes_if at_least 1.0 "$(points "$h" "$l" "$b")")" \
            "the poisoned site costs $(points "$h" "$l" "$b") points (night $n:$(percent "$l" "$b"); honest:$(percent "$h" "$b")); wanted: at most 1.0"
        m=$(sort -n -k 4 whatif | head -n 1 | cut -d ' ' -f 4)
        promise "$(yes_if at_least "$(points "$h" "$m" "$b")" 10)" \
            "the mean of all, without a gate, falls to$(percent "$m" "$b") on the same nights"
    fi
    if [ "$night" -ge 23 ]; then
        promise "$(yes_if [ -e rolled-back ])" "the bad release of night 22 is gone from every device one night later: $(cat rolled-back 2>/dev/null || echo no)"
    fi
    if [ "$night" -ge 28 ]; then
        promise "$(yes_if cmp -s a/installed d/installed)" "after the cut d runs what a runs"
    fi
    if [ -s network.pcap ]; then
        rm -f found
        python3 -B "$parts/captured.py" network.pcap $(printf '%s/day-*.tar ' $factories) >found 2>&1 || mv found found.wrong
        promise "$(yes_if [ -e found ])" "the network carried $(cat found*)"
    fi
    if [ -n "$rebuild" ]; then
        python3 -B "$parts/rebuild.py" cloud/current.coedge . >again 2>&1 || mv again again.wrong
        promise "$(yes_if [ -e again ])" "the last release made again: $(paste -sd ';' again*)"
    fi
}
