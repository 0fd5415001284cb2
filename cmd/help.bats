load ../scripts/bats-helper

commands() {
    coedge help | sed -n '/^commands$/,/^$/s/^  \([a-z-]*\)  *.*/\1/p'
}

@test "coedge alone shows the commands on standard error and is a usage error" {
    run -2 --separate-stderr coedge
    [ -z "$output" ]
    [[ "$stderr" == *"usage: coedge COMMAND"* ]]
}

@test "help lists every command with its summary" {
    run -0 coedge help
    assert_line --regexp '^  config +show which value'
    assert_line --regexp '^  help +explain a command'
    run -0 coedge --help
    assert_line --index 0 "usage: coedge COMMAND [OPTIONS] [OPERANDS]"
}

@test "help COMMAND and COMMAND --help say the same, for every command" {
    for command in $(commands); do
        diff <(coedge help "$command") <(coedge "$command" --help)
    done
}

@test "help puts two examples before the options" {
    run -0 coedge help config
    assert_line --index 0 "usage: coedge config [OPTIONS] show | get SECTION.NAME"
    assert_line --index 2 "examples"
    assert_line --index 3 "  coedge config show --origin"
}

@test "help fits the terminal" {
    COLUMNS=50 run -0 coedge help config
    for line in "${lines[@]}"; do
        [ "${#line}" -le 50 ] || [[ "$line" == "  coedge "* ]] || [[ "$line" == usage:* ]]
    done
}

@test "help on a terminal is bold, and plain with NO_COLOR, a dumb terminal, or a pipe" {
    bold=$'\033[1m'
    run -0 env TERM=xterm script -qec "coedge help version" /dev/null
    assert_output --partial "$bold"
    run -0 env TERM=xterm NO_COLOR=1 script -qec "coedge help version" /dev/null
    refute_output --partial "$bold"
    run -0 env TERM=dumb script -qec "coedge help version" /dev/null
    refute_output --partial "$bold"
    run -0 coedge help version
    refute_output --partial "$bold"
}

@test "an unknown command is a usage error that names the nearest" {
    run -2 coedge vresion
    assert_line --index 0 "coedge: unknown command 'vresion'"
    assert_line --index 1 "hint: did you mean 'coedge version'?"
    run -2 coedge help vresion
    assert_line --index 0 "coedge help: no help on 'vresion'"
    assert_line --index 1 "hint: did you mean 'version'?"
}

@test "an unknown option is a usage error that names the nearest" {
    run -2 coedge help --exit-code
    assert_line --index 0 "coedge help: unknown option '--exit-code'"
    assert_line --index 1 "hint: did you mean --exit-codes?"
}

@test "a message cannot steer the terminal" {
    run -2 coedge $'\033[2J'
    assert_line --index 0 "coedge: unknown command '\\x1b[2J'"
}

@test "help limits says what is in force" {
    COEDGE_LIMIT_YAML_DEPTH=7 run -0 coedge help limits
    assert_line --regexp '^yaml-depth +7 +64 +lists and maps'
    diff <(coedge help limits) <(coedge help --limits)
}

@test "help exit-codes names every code" {
    run -0 coedge help exit-codes
    for code in 0 1 2 3 4 5 6 7 8 70 129 130 141 143; do
        assert_line --regexp "^ *$code  [a-z]"
    done
    diff <(coedge help exit-codes) <(coedge help --exit-codes)
}

@test "help ops has a row for every operator, with its formula" {
    run -0 coedge help ops
    assert_line --regexp '^Relu +1 +yes +y = max\(x, 0\)$'
    assert_line --regexp '^QuantizeLinear +2 to 3 +no '
    [ "${#lines[@]}" -eq $(($(grep -c '&op_' "$ROOT/lib/op/table.c") + 1)) ]
    diff <(coedge help ops) <(coedge help --ops)
}

@test "help --man is sound mdoc, for every command" {
    for command in $(commands); do
        {
            printf '.Dd January 1, 2026\n.Dt COEDGE-COMMAND 1\n.Os\n.Sh NAME\n.Nm coedge-command\n.Nd test\n'
            coedge help --man "$command"
        } >"$command.1"
        # the only thing to say: the page referred to is not installed here
        run mandoc -Tlint -Wstyle "$command.1"
        [ -z "$(grep -v 'referenced manual not found: Xr coedge 1' <<<"$output" || true)" ]
    done
}

@test "help --completion is sound for each shell that is here" {
    for shell in bash zsh fish; do
        coedge help --completion $shell >completion
        [ -s completion ]
        if command -v $shell >/dev/null; then
            $shell -n completion
        fi
    done
    run -2 coedge help --completion tcsh
    assert_output --partial "expected one of bash, zsh, fish, found 'tcsh'"
}

@test "bash completes commands, options and choices" {
    coedge help --completion bash >completion
    cat >ask <<'ASK'
source ./completion
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_coedge
echo "${COMPREPLY[@]}"
ASK
    run -0 bash ask coedge vers
    assert_output version
    run -0 bash ask coedge help --comp
    assert_output -- --completion
    run -0 bash ask coedge help --completion ''
    assert_output "bash zsh fish"
    run -0 bash ask coedge help --completion = z
    assert_output "zsh"
}

@test "coedge.yaml.example is what the program prints" {
    # When this fails: coedge help --config-example >coedge.yaml.example
    coedge help --config-example | diff "$ROOT/coedge.yaml.example" -
}

@test "the example configuration is accepted, as it is and with every mark taken away" {
    coedge help --config-example >coedge.yaml
    run -0 coedge config show
    sed -i 's/^  #/  /' coedge.yaml
    run -0 coedge config show
}

@test "a link named coedge-COMMAND is that command" {
    ln -s "$(command -v coedge)" coedge-version
    run -0 ./coedge-version
    assert_line --index 0 --partial "coedge "
    ln -s "$(command -v coedge)" coedge-nonsense
    run -2 ./coedge-nonsense
    assert_line --index 0 "coedge: unknown command 'nonsense'"
}

@test "an executable coedge-NAME on PATH is a command" {
    printf '#!/bin/sh\necho "$0: $#: $2"\nexit 9\n' >"$BATS_TEST_TMPDIR/bin/coedge-hello"
    chmod +x "$BATS_TEST_TMPDIR/bin/coedge-hello"
    run -9 coedge hello --flag "two words"
    assert_output --partial "coedge-hello: 2: two words"
    run -2 coedge ../hello
}

@test "a plug-in that is no program is an I/O error" {
    echo nonsense >"$BATS_TEST_TMPDIR/bin/coedge-hello"
    run -4 coedge hello
    assert_output --partial "coedge-hello: Permission denied"
}
