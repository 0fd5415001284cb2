load ../scripts/bats-helper

@test "version says the version first, then what the program is made of" {
    run -0 --separate-stderr coedge version
    assert_line --index 0 --regexp '^coedge [0-9]+\.[0-9]+\.[0-9]+$'
    assert_line --regexp '^compiler: .+'
    assert_line --regexp '^flags: .*-O'
    assert_line --regexp '^libraries: .*yaml.*jansson'
    assert_line --regexp '^kernels: .+'
    assert_line --regexp '^paths: portable(, [a-z0-9-]+)*$'
    assert_line --regexp '^cpus: [1-9]'
    [ -z "$stderr" ]
}

@test "version --json is one object on one line" {
    run -0 coedge version --json
    [ "${#lines[@]}" -eq 1 ]
    /usr/bin/python3 -c 'import json, sys; assert json.loads(sys.argv[1])["cpus"] >= 1' "$output"
}

@test "--version is version" {
    run -0 coedge --version
    assert_line --index 0 --partial "coedge "
}

@test "version works beside a broken coedge.yaml and an unknown COEDGE_CPU" {
    echo 'a: [' >coedge.yaml
    COEDGE_CPU=abacus run -0 coedge version
}

@test "the kernels are the last of the paths, and each path can be chosen" {
    local kernels path paths
    kernels=$(coedge version | sed -n 's/^kernels: //p')
    paths=$(coedge version | sed -n 's/^paths: //p')
    [ "${paths##*, }" = "$kernels" ]
    for path in auto ${paths//,/}; do
        COEDGE_CPU=$path coedge new mlp:3 -o "$path.coedge"
    done
    COEDGE_CPU=abacus run -2 coedge new mlp:3 -o x.coedge
    assert_line "coedge new: COEDGE_CPU: unknown processor path 'abacus'"
    assert_line "hint: known here are auto, $paths"
}

@test "version starts no thread and opens no configuration" {
    command -v strace >/dev/null || skip "needs strace"
    # leak detection cannot run under strace
    ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=clone,clone3,openat -o trace coedge version >/dev/null
    run -1 grep -E 'clone|coedge\.yaml' trace
}

@test "a full disk behind standard output is an I/O error" {
    run -4 sh -c 'coedge version >/dev/full'
    assert_output "coedge version: standard output: No space left on device"
}

@test "a closed standard output is an I/O error" {
    run -4 sh -c 'coedge version >&-'
    assert_output --partial "standard output: Bad file descriptor"
}

@test "a reader that goes away ends the program by SIGPIPE, with 141" {
    run -0 bash -c '(trap "" PIPE; sleep 0.2; coedge version; echo $? >code) | true; cat code'
    assert_output 141
}
