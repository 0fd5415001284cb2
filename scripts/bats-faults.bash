# Strikes a command at each of its system calls: `load ../../scripts/bats-faults` beside bats-helper.
#
# A test sets `act` (the command, as an array), lets `place/` hold what is there before, and calls `learn`:
# old/ and new/ are then place/ before and after, and `trace` is the list of the command's calls. Further
# versions that a file may rightly have in between are folders named in `versions`.
#
# TORTURE_EVERY=K strikes only every K-th call, for slow builds. Scenarios run beside each other, one for each CPU.

: "${TORTURE_EVERY:=$([ "${MODE:-release}" = release ] && echo 1 || echo 7)}"
STRUCK=openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat
STRUCK+=,mkdir,mkdirat,ftruncate,fchmod,flock,close

need_strace() {
    export ASAN_OPTIONS=detect_leaks=0:exitcode=99 # the leak checker cannot run below a tracer
    command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null || skip "needs strace that may trace"
}

learn() {
    cp -a place old
    strace -f -qq -o trace -e trace="$STRUCK,read,mmap,fcntl" "${act[@]}" >/dev/null 2>message </dev/null || {
        cat message >&2
        return 1
    }
    mv place new
    versions=(old new)
    points=0 olds=0 news=0
}

# calls NAMES: "CALL N MUST" for each of the program's own calls of that name (a regex). MUST is 1 where a failure
# cannot be passed over: what makes, writes, syncs and names, and the close after a write. What finds out the number
# of CPUs is left out.
calls() {
    awk -v want="^($1)\$" '
        NR == 1 { main = $1 }
        $1 != main || !match($0, /[a-z0-9_]+\(/) { next }
        { name = substr($0, RSTART, RLENGTH - 1); line = substr($0, RSTART); count[name]++ }
        line ~ /^fcntl\(0, F_GETFD/ { own = 1 }
        !own || line ~ /"\/(sys|proc|dev)\// { next }
        { must = line ~ /^(write|fsync|fdatasync|rename|symlink|link)\(/ || line ~ /^mkdir.*= 0/ || line ~ /O_CREAT/ }
        line ~ /^write\([012],/ { must = 0 }
        line ~ /O_CREAT/ { making = 1 }
        line ~ /^write\(/ { wrote = substr(line, 7) + 0 }
        line ~ /^close\(/ && wrote == substr(line, 7) + 0 { must = 1 }
        line ~ /^(close|openat)\(/ { wrote = -1 }
        line ~ /^(close|flock|fchmod)\(/ && !making { next }
        name ~ want { print name, count[name], must + 0 }' trace
}

# strike CALL N EFFECT: place/ as before, then the act with its N-th CALL struck. Sets code; stderr is in message.
strike() {
    rm -rf place
    cp -a old place
    code=0
    strace -f -qq -o /dev/null -e trace="$1" -e inject="$1:$3:when=$2" "${act[@]}" \
        >/dev/null 2>message </dev/null || code=$?
    points=$((points + 1))
    where="${act[1]}: $1 $2 $3: code $code"
}

same_file() {
    if [ -L "$1" ]; then [ "$(readlink "$1")" = "$(readlink "$2")" ]; else [ ! -L "$2" ] && cmp -s "$1" "$2"; fi
}

is_version() { diff -rq --no-dereference -x '.*.tmp' -x '.*.new' "$1" place >/dev/null; }

# Every file of place/ is as it was in one of the versions; none of the old ones is gone.
whole_files() {
    local file version
    if is_version old; then olds=$((olds + 1)) && return; fi
    if is_version new; then news=$((news + 1)) && return; fi
    while read -r file; do
        for version in "${versions[@]}"; do
            same_file "$version/$file" "place/$file" && continue 2
        done
        fail "$where: $file is neither the old nor the new one"
    done < <(cd place && find . ! -type d ! -name '.*.tmp' ! -name '.*.new')
    while read -r file; do
        [ -L "place/$file" ] || [ -e "place/$file" ] || fail "$where: $file is gone"
    done < <(cd old && find . ! -type d)
}

no_temporaries() {
    [ -z "$(find . -name '.*.tmp' -o -name '.*.new')" ] || fail "$where: left $(find . -name '.*.tmp' -o -name '.*.new')"
}

# One line, and at most a hint; it names a file, or says that memory was short.
one_line_naming_a_file() {
    [ "$(grep -vc '^hint: ' message)" -eq 1 ] && [ "$(wc -l <message)" -le 2 ] || fail "$where: $(cat message)"
    grep -qE "^coedge ${act[1]}: .*(place|$MADE|standard|out of memory|cannot start thread)" message || fail "$where: $(cat message)"
}

# Of writes in a row, which are one loop, the first two and the last.
thin() {
    awk 'function flush(i) { for (i = 1; i <= n; i++) if (i <= 2 || i == n) print run[i]; n = 0 }
        $1 == "write" { run[++n] = $0; next }
        { flush(); print }
        END { flush() }'
}

sample() { # sample EVERY: every so many-th line, from another one in each run
    local every=$(($1 * TORTURE_EVERY))
    awk -v every="$every" -v from="$((RANDOM % every))" 'NR % every == from'
}

each() { calls "$1" | thin | sample "${2:-1}"; } # each NAMES [EVERY]

# Calls that change what is there. Between two of them all is as it was after the first, so that to be killed at any
# other call is to be killed at the next of these.
changes() { calls "${STRUCK//,/|}" | awk '$1 != "close" && ($3 || $1 ~ /^(unlink|ftruncate)/)' | thin | sample 1; }

# Killed there; then the same command again, which succeeds and clears away.
kill_at_each_change() {
    local call n must
    while read -r call n must; do
        strike "$call" "$n" signal=KILL
        [ "$code" -eq 137 ] || fail "$where, expected 137"
        whole_files
        if declare -F whole_place >/dev/null; then whole_place || fail "$where: not whole"; fi
        "${act[@]}" >/dev/null 2>message </dev/null || fail "$where: a second run says $(cat message)"
        diff -rq --no-dereference new place || fail "$where: a second run made something else"
    done < <(changes)
}

# Ended by a signal that can be caught: its code, and temporaries gone at once.
signal_at_each_change() {
    local call n must
    while read -r call n must; do
        strike "$call" "$n" "signal=$1"
        [ "$code" -eq "$2" ] || fail "$where, expected $2"
        whole_files
        no_temporaries
    done < <(changes)
}

# Failed there: 4 and a line that names the file, or (where nothing was lost) the whole result. A call that
# was only interrupted is made again.
fail_each_call() { # fail_each_call NAMES EVERY ERROR...: every so many-th call; the errors in turn
    local call n must error turn=0
    while read -r call n must; do
        error=${*:3 + turn++ % ($# - 2):1}
        strike "$call" "$n" "error=$error"
        if [ "$error" = EINTR ] || [ "$code" -eq 0 ]; then
            [ "$must" -eq 0 ] || [ "$error" = EINTR ] || fail "$where: a failure that nobody noticed"
            [ "$code" -eq 0 ] || fail "$where: $(cat message)"
            is_version new || fail "$where: made something else"
            [[ $call == unlink* ]] || no_temporaries
            continue
        fi
        [ "$code" -eq 4 ] || { [ "$error" = ENOMEM ] && [ "$code" -eq 7 ]; } || fail "$where: $(cat message)"
        one_line_naming_a_file
        whole_files
        [[ $call == unlink* ]] || no_temporaries
    done < <(each "$1" "$2")
}

in_scenario() { # SCENARIO COMMAND...: in a folder of its own; there are counts in it when all went well
    mkdir "$1" && cd "$1"
    {
        $1
        "${@:2}"
        echo "$points $olds $news" >counts
    } >said 2>&1
}

# in_each_scenario WHAT LEAST COMMAND...: the command in a folder for each of $SCENARIOS, after its function. Together
# they strike at LEAST points, and see old places and new ones: a test that does nothing fails.
in_each_scenario() {
    local scenario all=0 all_olds=0 all_news=0 running=0
    for scenario in $SCENARIOS; do
        [ "$((running += 1))" -le "$(nproc)" ] || wait -n
        in_scenario "$scenario" "${@:3}" 3>&- &
    done
    wait
    for scenario in $SCENARIOS; do
        [ -e "$scenario/counts" ] || fail "$scenario: $(cat "$scenario/said")"
        read -r points olds news <"$scenario/counts"
        all=$((all + points)) all_olds=$((all_olds + olds)) all_news=$((all_news + news))
        rm -r "$scenario"
    done
    echo "# $1 at $all points: $all_olds old, $all_news new" >&3
    # a sample of the points may by chance see only one side
    if [ "$TORTURE_EVERY" -gt 1 ]; then
        [ $(((all + 1) * TORTURE_EVERY)) -ge "$2" ] && [ $((all_olds + all_news)) -gt 0 ]
    else
        [ "$all" -ge "$2" ] && [ "$all_olds" -gt 0 ] && [ "$all_news" -gt 0 ]
    fi
}
