# release alone: scripts are tried, not memory. What install puts in place, and that uninstall takes all of it away.

bats_require_minimum_version 1.5.0
load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

setup() {
    cd "$BATS_TEST_DIRNAME/.."
    place=$BATS_TEST_TMPDIR/place
}

@test "install puts a program that runs from its place, by its links too" {
    run -0 make -s install MODE="${MODE:-release}" DESTDIR="$place" PREFIX=/usr LINKS=all
    run -0 "$place/usr/bin/coedge" version
    assert_line --index 0 --regexp '^coedge [0-9]+\.[0-9]+\.[0-9]+$'
    run -0 "$place/usr/bin/coedge-version"
    assert_line --index 0 --regexp '^coedge [0-9]'
    [ -s "$place/usr/share/bash-completion/completions/coedge" ]
    bash -n "$place/usr/share/bash-completion/completions/coedge"
    for page in man/*.[1-8]; do
        [ ! -e "$page" ] || [ -s "$place/usr/share/man/man${page##*.}/${page##*/}" ]
    done
}

@test "without LINKS=all there is one program and no link" {
    run -0 make -s install MODE="${MODE:-release}" DESTDIR="$place"
    run -0 ls "$place/usr/local/bin"
    assert_output "coedge"
}

@test "uninstall leaves nothing behind, and what is not ours alone" {
    make -s install MODE="${MODE:-release}" DESTDIR="$place" LINKS=all
    echo mine >"$place/usr/local/bin/coedge-mine"
    run -0 make -s uninstall MODE="${MODE:-release}" DESTDIR="$place"
    run -0 find "$place" ! -type d
    assert_output "$place/usr/local/bin/coedge-mine"
}

@test "release: nothing but the C library is asked for at run time" {
    [ "${MODE:-release}" = release ] || skip "of the release build only"
    run -0 ldd build/release/coedge
    refute_line --regexp '(archive|yaml|jansson|jpeg|png|crypto|libz|blas|gfortran|stdc)'
}

@test "a page's line for options becomes what the program prints" {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\necho ".It $*"\n' >"$BATS_TEST_TMPDIR/bin/fake"
    chmod +x "$BATS_TEST_TMPDIR/bin/fake"
    printf '.Sh OPTIONS\n.\\" options of prune\n.Sh FILES' >"$BATS_TEST_TMPDIR/coedge-prune.1"
    run -0 scripts/install-pages "$BATS_TEST_TMPDIR/bin/fake" "$place" "$BATS_TEST_TMPDIR/coedge-prune.1"
    run -0 cat "$place/man/man1/coedge-prune.1"
    assert_output "$(printf '.Sh OPTIONS\n.It help --man prune\n.Sh FILES')"
}
