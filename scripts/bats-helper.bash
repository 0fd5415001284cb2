# Loaded by every .bats file beside a command: `load ../scripts/bats-helper`.
#
# coedge is the program under test: $COEDGE, or build/$MODE/coedge (release).
# Each test begins in an empty folder of its own, sees no coedge.yaml but those
# it writes, and finds the tree at $ROOT and test inputs at $TESTDATA.

bats_require_minimum_version 1.5.0
load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TESTDATA=$ROOT/testdata

setup() {
    local program=${COEDGE:-$ROOT/build/${MODE:-release}/coedge} name

    if [ ! -x "$program" ]; then
        echo "no program at $program: run make" >&2
        return 1
    fi
    program=$(realpath "$program")
    for name in $(compgen -e COEDGE_); do
        unset "$name"
    done
    mkdir -p "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/home" "$BATS_TEST_TMPDIR/work"
    ln -sf "$program" "$BATS_TEST_TMPDIR/bin/coedge"
    export PATH=$BATS_TEST_TMPDIR/bin:$PATH HOME=$BATS_TEST_TMPDIR/home LC_ALL=C.UTF-8
    unset XDG_CONFIG_HOME COLUMNS NO_COLOR
    cd "$BATS_TEST_TMPDIR/work" || return 1
    if declare -F setup_more >/dev/null; then # a file's own preparation
        setup_more
    fi
}
