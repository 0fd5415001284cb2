load ../scripts/bats-helper

setup_more() {
    mkfifo never.yaml
    # Waits for a configuration that never comes, is sent a signal; prints how it ended.
    cat >send.py <<'PY'
import os, signal, subprocess, sys, time
number = getattr(signal, sys.argv[1])
ignored = len(sys.argv) > 2
child = subprocess.Popen(["coedge", "config", "show"], env={**os.environ, "COEDGE_CONFIG": "never.yaml"},
                         preexec_fn=lambda: signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL))
while True: # until it reads, its handlers in place: however long that takes
    try:
        writer = os.open("never.yaml", os.O_WRONLY | os.O_NONBLOCK)
        break
    except OSError:
        assert child.poll() is None
        time.sleep(0.01)
child.send_signal(number)
try:
    print(child.wait(0.2 if ignored else 10))
except subprocess.TimeoutExpired:
    child.kill()
    print("still there")
PY
}

@test "HUP, INT and TERM end it at once with 128 and the signal's number" {
    run -0 /usr/bin/python3 send.py SIGHUP
    assert_output 129
    run -0 /usr/bin/python3 send.py SIGINT
    assert_output 130
    run -0 /usr/bin/python3 send.py SIGTERM
    assert_output 143
}

@test "what the caller ignores stays ignored" {
    run -0 /usr/bin/python3 send.py SIGHUP ignored
    assert_output "still there"
}

# Whatever the allocation that fails: the whole output, or 7.
fail_each_allocation() {
    local n code last=0

    coedge "$@" >whole
    for n in $(seq 1 250); do
        code=0
        COEDGE_FAULT=alloc:$n:ENOMEM coedge "$@" >part 2>message || code=$?
        if [ "$code" -eq 0 ]; then
            cmp whole part
        else
            [ "$code" -eq 7 ]
            [[ "$(cat message)" == "coedge $1: "*"out of memory" ]]
            last=$n
        fi
    done
    [ "$last" -gt 20 ] && [ "$last" -lt 250 ]
}

@test "an allocation that fails, wherever it is, is told with 7 or changes nothing" {
    run -0 coedge version
    [[ "$output" == *COEDGE_FAULTS* ]] || skip "needs a build with COEDGE_FAULTS: make MODE=asan"
    printf 'common:\n  threads: 2\nconfig:\n  origin: true\n' >coedge.yaml
    fail_each_allocation config get common.threads
    fail_each_allocation help limits
}

@test "a command that would wait for a package from a terminal says so instead" {
    for command in $(coedge help | sed -n '/^commands$/,/^$/s/^  \([a-z-]*\)  *.*/\1/p'); do
        grep -q "^    .reads_stdin = true" "$ROOT/cmd/${command//-/_}.c" || continue
        required=$(coedge help --man "$command" |
            awk '/^\.It/ { name = $0; sub(/.*Fl -/, "", name); sub(/ .*/, "", name) } /[(; ]required[;)]/ { printf "--%s x ", name }')
        run -2 timeout 5 script -qec "coedge $command $required" /dev/null
        assert_output --partial "standard input is a terminal"
    done
}
