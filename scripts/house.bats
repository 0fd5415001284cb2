# release alone: scripts are tried, not memory. The checks themselves: each rule has been seen to refuse.

bats_require_minimum_version 1.5.0
load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

setup() {
    cd "$BATS_TEST_TMPDIR"
    cp -r "$BATS_TEST_DIRNAME" scripts
    mkdir -p lib/base lib/model cmd tap
    printf 'base: base <zlib.h>\nmodel: base model\ncmd: base model cmd\n' >lib/LAYERS
    export COEDGE_TAP=$PWD/tap
}

@test "layers: what LAYERS grants passes" {
    echo '#include "base/base.h"' >lib/model/model.c
    printf '#include "base/internal.h"\n#include <zlib.h>\n#include <stdio.h>\n' >lib/base/base.c
    printf '#include "model/model.h"\n#include "cmd/commands.h"\n' >cmd/new.c
    run -0 scripts/check-layers
    assert_output ""
}

@test "layers: a room may not include one above it" {
    printf '\n  #  include "model/model.h" /* why not */\n' >lib/base/base.c
    run -1 scripts/check-layers
    assert_output 'lib/base/base.c:2: "model/model.h" is above or beside base'
}

@test "layers: internal.h is for its own room, an outside header for those that name it" {
    printf '#include "base/internal.h"\n#include <zlib.h>\n#include "model.h"\n' >lib/model/model.c
    run -1 scripts/check-layers
    assert_line 'lib/model/model.c:1: "base/internal.h" is for base alone'
    assert_line 'lib/model/model.c:2: <zlib.h> is not for model'
    assert_line 'lib/model/model.c:3: "model.h" has no room in front'
}

@test "layers: a folder that LAYERS does not know is refused" {
    mkdir lib/extra
    echo '#include <stdio.h>' >lib/extra/extra.c
    run -1 scripts/check-layers
    assert_output --partial "is in a room that lib/LAYERS does not have"
}

function_of() { # LINES, from brace to brace
    printf 'static int busy(int x)\n{\n'
    for ((i = 0; i < $1 - 2; i++)); do echo "    x++;"; done
    echo "}"
}

@test "functions: 60 lines pass, 61 do not, and the list of the longer may only shrink" {
    function_of 60 >lib/base/a.c
    run -0 scripts/check-functions lib/base/a.c
    assert_output ""
    function_of 61 >lib/base/a.c
    run -0 scripts/check-functions lib/base/a.c
    assert_output "lib/base/a.c:2: busy has 61 lines, at most 60"
    echo "lib/base/a.c busy 61" >>scripts/long-functions
    run -0 scripts/check-functions lib/base/a.c
    assert_output ""
    function_of 62 >lib/base/a.c
    run -0 scripts/check-functions lib/base/a.c
    assert_output --partial "grew to 62 lines from 61"
    function_of 20 >lib/base/a.c
    run -0 scripts/check-functions lib/base/a.c
    assert_output --partial "take it out of scripts/long-functions"
    : >lib/base/a.c
    run -0 scripts/check-functions lib/base/a.c
    assert_output "scripts/long-functions: no function lib/base/a.c busy"
}

@test "house: banned calls, printing, globals, marks and blanks are found" {
    cat >lib/base/bad.c <<'END'
static int counter;
static const int fine = 1;
void f(char *to)
{
    strcpy(to, "x");
    printf("x");
    /* T@DO */
}
END
    sed -i 's/T@DO/TO''DO/; s/^}/}  /' lib/base/bad.c
    run scripts/check-house
    assert_line --regexp '^not ok [0-9]+ - no banned call'
    assert_line --partial 'lib/base/bad.c:5:    strcpy(to, "x");'
    assert_line --regexp '^not ok [0-9]+ - library neither prints nor exits'
    assert_line --regexp '^not ok [0-9]+ - library has no changing globals'
    assert_line --partial 'lib/base/bad.c:1:static int counter;'
    refute_line --partial 'static const int fine'
    assert_line --regexp '^not ok [0-9]+ - nothing is left unfinished'
    assert_line --regexp '^not ok [0-9]+ - lines end clean'
}

program() { # NAME BODY
    printf '#!/bin/sh\n%s\n' "$2" >"$1"
    chmod +x "$1"
}

@test "tap: a program that dies or stops early fails, and the tally says so" {
    program good 'printf "1..2\nok 1 - a\nok 2 - b # skip no root\n"'
    run -0 scripts/tap good
    program dies 'printf "1..2\nok 1 - a\n"; exit 99'
    run -99 scripts/tap dies
    assert_line "not ok 2 - ended with status 99 - dies"
    program stops 'printf "1..3\nok 1 - a\n"'
    run -1 scripts/tap stops
    assert_line "not ok 2 - 1 of 3 tests ran - stops"
    program says 'printf "1..2\nnot ok 1 - x\n# file.c:7\n# 1 != 2\nok 2 - y\n# of y\n"'
    run -0 scripts/tap says
    run -1 scripts/tally tap
    assert_line -n -1 "4 passed, 3 failed, 1 skipped"
    assert_line --regexp '^tap/dies.*: not ok 2 - ended with status 99'
    assert_output --partial $'not ok 1 - x\n    # file.c:7\n    # 1 != 2\n'
    refute_output --partial "of y"
}

@test "tally: all good is success, nothing at all is not" {
    run -1 scripts/tally tap
    assert_output "0 passed, 0 failed, 0 skipped"
    program good 'printf "1..1\nok 1 - a\n"'
    scripts/tap good
    run -0 scripts/tally tap
    assert_output "1 passed, 0 failed, 0 skipped"
}
