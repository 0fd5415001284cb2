load ../scripts/bats-helper

@test "config show lists what is in force, and --origin who said so" {
    mkdir -p "$HOME/.config/coedge"
    printf 'common:\n  threads: 3\n  seed: 9\n' >"$HOME/.config/coedge/coedge.yaml"
    printf '# mine\ncommon:\n  threads: 2\n' >coedge.yaml
    COEDGE_QUIET=true run -0 coedge config show --origin
    assert_line --regexp '^common\.threads +2 +\./coedge\.yaml:3$'
    assert_line --regexp '^common\.seed +9 +.*/home/\.config/coedge/coedge\.yaml:3$'
    assert_line --regexp '^common\.quiet +true +COEDGE_QUIET$'
    assert_line --regexp '^limits\.yaml-depth +64 +default$'
    run -0 coedge config show
    assert_line --regexp '^common\.threads +2$'
}

@test "XDG_CONFIG_HOME says where the user's file is" {
    mkdir -p xdg/coedge
    printf 'common:\n  seed: 4\n' >xdg/coedge/coedge.yaml
    XDG_CONFIG_HOME=$PWD/xdg run -0 coedge config get common.seed
    assert_output 4
}

@test "COEDGE_CONFIG names the only file, and empty names none" {
    printf 'common:\n  seed: 4\n' >coedge.yaml
    printf 'common:\n  seed: 5\n' >other.yaml
    COEDGE_CONFIG=other.yaml run -0 coedge config get common.seed
    assert_output 5
    COEDGE_CONFIG= run -0 coedge config get common.seed
    assert_output 0
    COEDGE_CONFIG=missing.yaml run -2 coedge config get common.seed
    assert_output --partial "missing.yaml"
}

@test "a command's own section beats common within a file, and the nearer file beats both" {
    mkdir -p "$HOME/.config/coedge"
    printf 'config:\n  seed: 1\ncommon:\n  seed: 2\n' >"$HOME/.config/coedge/coedge.yaml"
    run -0 coedge config get config.seed
    assert_output 1
    printf 'common:\n  seed: 3\n' >coedge.yaml
    run -0 coedge config get config.seed
    assert_output 3
}

@test "config get answers 1 for a value that is not set, 2 for a name that is not known" {
    run -0 coedge config get common.threads
    assert_output 0
    run -1 coedge config get common.verbose
    assert_output "coedge config: common.verbose is not set"
    for name in common nonsense.x common.nonsense limits.nonsense config.help.x; do
        run -2 coedge config get $name
    done
}

@test "config show --json is one object a line" {
    coedge config show --json |
        /usr/bin/python3 -c 'import json, sys
rows = [json.loads(line) for line in sys.stdin]
assert {"name": "common.threads", "value": "0", "origin": "default"} in rows'
}

@test "a limit of coedge.yaml is in force, and the environment beats it" {
    printf 'limits:\n  yaml-depth: 3\n' >coedge.yaml
    run -0 coedge config get limits.yaml-depth --origin
    assert_output $'3\t./coedge.yaml:2'
    COEDGE_LIMIT_YAML_DEPTH=5 run -0 coedge config get limits.yaml-depth --origin
    assert_output $'5\tCOEDGE_LIMIT_YAML_DEPTH'
    COEDGE_LIMIT_YAML_DEPTH=1 run -2 coedge config show
    assert_output --partial "2:3: nested deeper"
}

@test "hostile configurations are refused with file, line and column" {
    for file in "$TESTDATA"/hostile/yaml/*.yaml "$TESTDATA"/hostile/config/*.yaml; do
        COEDGE_CONFIG=$file run -2 coedge config show
        assert_line --index 0 --regexp "^coedge config: $file:[0-9]+:[0-9]+: "
    done
}

@test "a value out of range names file, line, option and range" {
    printf 'common:\n  threads: many\n' >coedge.yaml
    run -2 coedge config show
    assert_output "coedge config: ./coedge.yaml:2:3: threads: expected a whole number from 0 to 1024, found 'many'"
    COEDGE_THREADS=-1 COEDGE_CONFIG= run -2 coedge config show
    assert_output "coedge config: COEDGE_THREADS: expected a whole number from 0 to 1024, found '-1'"
}

@test "config asks for show or get" {
    run -2 coedge config
    assert_line --index 0 "coedge config: expected show | get SECTION.NAME, found 0 operands"
    run -2 coedge config set
    run -2 coedge config get
}
