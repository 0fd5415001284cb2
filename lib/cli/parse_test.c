/* parse_test.c - a command line, the environment and coedge.yaml become a struct, or one clear refusal. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "cli/cli.h"

struct args {
    double sparsity;
    int64_t steps;
    int method;
    bool fold, dry;
    const char *output;
    struct texts data;
};

static const char *const methods[] = { "magnitude", "batchnorm", NULL };

static const struct option options[] = {
    { "sparsity", 's', OPTION_REAL, FIELD(struct args, sparsity), .initial = "0.5", .max = 0.99, .help = "x" },
    { "steps", 'n', OPTION_INT, FIELD(struct args, steps), .value = "N", .min = 1, .max = 1e18, .help = "x" },
    { "method", 'm', OPTION_CHOICE, FIELD(struct args, method), .choices = methods, .help = "x" },
    { "fold", 0, OPTION_FLAG, FIELD(struct args, fold), .initial = "true", .help = "x" },
    { "dry", 'd', OPTION_FLAG, FIELD(struct args, dry), .help = "x" },
    { "output", 'o', OPTION_TEXT, FIELD(struct args, output), .value = "FILE", .initial = "-", .help = "x" },
    { "data", 0, OPTION_LIST, FIELD(struct args, data), .value = "DATA", .help = "x" },
    { 0 }
};

static const struct command prune = {
    .name = "prune",
    .summary = "x",
    .operands = "[PACKAGE]",
    .max_operands = 2,
    .about = "x",
    .options = options,
    .args_size = sizeof(struct args),
};

static const struct option needed[] = {
    { "data", 0, OPTION_TEXT, FIELD(struct args, output), .value = "DATA", .required = true, .help = "x" }, { 0 }
};

static const struct command train = {
    .name = "train-local", .operands = "FILE", .min_operands = 1, .max_operands = 1, .options = needed
};

static const struct command *const table[] = { &prune, &train, NULL };

/* One parse with all it needs. */
struct run {
    struct arena arena;
    struct args args;
    struct common_args common;
    const char *const *operand;
    int operand_count;
    struct error err;
};

enum { MOST = 16 };

/* Splits the words of a line at blanks; "''" is an empty word. */
static int parse_as(struct run *run, const struct command *command, const char *line)
{
    struct config *config = NULL;
    char *argv[MOST + 1] = { 0 }, *rest;
    int argc = 0;

    *run = (struct run){ 0 };
    for (char *word = strtok_r(arena_strdup(&run->arena, line), " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = strcmp(word, "''") ? word : word + 2;
    if (config_load(&config, table, &run->arena, &run->err) < 0)
        return -1;
    return options_parse(command, argc, argv, config, &run->arena, &run->args, &run->common, &run->operand,
                         &run->operand_count, &run->err);
}

static void parse(struct run *run, const char *line)
{
    if (parse_as(run, &prune, line) < 0)
        fail_msg("'%s': %s", line, run->err.message);
}

static void every_spelling_of_an_option_is_read(void **state)
{
    static const char *const lines[] = {
        "--sparsity=0.25 --steps=7 --method=batchnorm --no-fold --dry --output=x a b",
        "--sparsity 0.25 --steps 7 --method batchnorm --no-fold --dry --output x a b",
        "a -s 0.25 -n 7 -m batchnorm b --no-fold -d -o x",
        "-s0.25 -n7 -mbatchnorm a --no-fold -do x b",
        "a -dqvox -s.25 -n +7 --no-fold --fold --no-fold -mbatchnorm -- b",
    };
    (void)state;

    for (size_t i = 0; i < COUNT(lines); i++) {
        struct run run;

        parse(&run, lines[i]);
        assert_true(run.args.sparsity == 0.25);
        assert_int_equal(run.args.steps, 7);
        assert_int_equal(run.args.method, 1);
        assert_false(run.args.fold);
        assert_true(run.args.dry);
        assert_string_equal(run.args.output, "x");
        assert_int_equal(run.operand_count, 2);
        assert_string_equal(run.operand[0], "a");
        assert_string_equal(run.operand[1], "b");
        arena_free(&run.arena);
    }
}

static void defaults_come_from_the_rows(void **state)
{
    struct run run;
    (void)state;

    parse(&run, "");
    assert_true(run.args.sparsity == 0.5);
    assert_int_equal(run.args.steps, 0);
    assert_int_equal(run.args.method, -1);
    assert_true(run.args.fold);
    assert_false(run.args.dry);
    assert_string_equal(run.args.output, "-");
    assert_int_equal(run.args.data.count, 0);
    assert_int_equal(run.common.threads, 0);
    assert_int_equal(run.operand_count, 0);
    arena_free(&run.arena);
}

static void a_list_collects_every_use(void **state)
{
    struct run run;
    (void)state;

    parse(&run, "--data a --data=b,c --data -");
    assert_int_equal(run.args.data.count, 3);
    assert_string_equal(run.args.data.item[1], "b,c");
    assert_string_equal(run.args.data.item[2], "-");
    arena_free(&run.arena);
}

static void a_dash_and_what_follows_two_are_operands(void **state)
{
    struct run run;
    (void)state;

    parse(&run, "- -- --dry");
    assert_int_equal(run.operand_count, 2);
    assert_string_equal(run.operand[0], "-");
    assert_string_equal(run.operand[1], "--dry");
    assert_false(run.args.dry);
    arena_free(&run.arena);
}

static void after_help_nothing_is_checked(void **state)
{
    struct run run;
    (void)state;

    parse(&run, "a b c --help --nonsense");
    assert_true(run.common.help);
    arena_free(&run.arena);
}

static void a_refusal_says_expected_and_found(void **state)
{
    static const struct {
        const char *line, *message, *hint;
    } rows[] = {
        { "--sparsty 1", "unknown option '--sparsty'", "did you mean --sparsity?" },
        { "--spars 1", "unknown option '--spars'", "did you mean --sparsity? names are written whole" },
        { "--zzzzzz", "unknown option '--zzzzzz'", "coedge help prune lists the options" },
        { "--no-output", "unknown option '--no-output'", "did you mean --output?" },
        { "-x", "unknown option '-x' in '-x'", "coedge help prune lists the options; -- ends them" },
        { "-5", "unknown option '-5' in '-5'", "coedge help prune lists the options; -- ends them" },
        { "-dz", "unknown option '-z' in '-dz'", "coedge help prune lists the options; -- ends them" },
        { "--sparsity 1.5", "--sparsity: expected a number from 0 to 0.99, found '1.5'", "" },
        { "--sparsity nan", "--sparsity: expected a number from 0 to 0.99, found 'nan'", "" },
        { "--sparsity 0,5", "--sparsity: expected a number from 0 to 0.99, found '0,5'", "" },
        { "-s ''", "--sparsity: expected a number from 0 to 0.99, found ''", "" },
        { "--steps 0", "--steps: expected a whole number of at least 1, found '0'", "" },
        { "--steps 3.0", "--steps: expected a whole number of at least 1, found '3.0'", "" },
        { "--steps 99999999999999999999",
          "--steps: expected a whole number of at least 1, found '99999999999999999999'", "" },
        { "--method magnitud", "--method: expected one of magnitude, batchnorm, found 'magnitud'",
          "did you mean 'magnitude'?" },
        { "--dry=yes", "--dry takes no value, found 'yes'", "" },
        { "--no-dry=1", "--no-dry takes no value, found '1'", "" },
        { "--output", "--output: expected FILE, found the end", "" },
        { "-o", "--output: expected FILE, found the end", "" },
        { "--output --dry", "--output: expected FILE, found the option --dry",
          "write --output=--dry when it is meant so" },
        { "-o a -o b", "--output is given twice", "" },
        { "a b c", "expected [PACKAGE], found one operand too many: 'c'", "see coedge help prune" },
        { "--threads -1", "--threads: expected a whole number from 0 to 1024, found '-1'", "" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct run run;

        assert_int_equal(parse_as(&run, &prune, rows[i].line), -1);
        assert_string_equal(run.err.message, rows[i].message);
        assert_string_equal(run.err.hint, rows[i].hint);
        assert_int_equal(run.err.kind, ERROR_USAGE);
        arena_free(&run.arena);
    }
}

static void what_is_required_is_asked_for(void **state)
{
    struct run run;
    (void)state;

    assert_int_equal(parse_as(&run, &train, "x"), -1);
    assert_string_equal(run.err.message, "--data DATA is required");
    arena_free(&run.arena);
    assert_int_equal(parse_as(&run, &train, "--data d"), -1);
    assert_string_equal(run.err.message, "expected FILE, found 0 operands");
    arena_free(&run.arena);
}

/* ---- where values come from ---- */

/* Writes the lines to a file and has COEDGE_CONFIG name it. */
static void with_config(const char *text)
{
    struct error err = { 0 };
    const char *path = getenv("COEDGE_CONFIG");

    assert_int_equal(file_write(path, text, strlen(text), &err), 0);
}

static void a_flag_beats_the_environment_beats_the_file(void **state)
{
    struct run run;
    (void)state;

    with_config("common:\n  threads: 2\n  seed: 5\nprune:\n  steps: 10\n  threads: 3\n  data: [a, b]\n  fold: false\n");
    setenv("COEDGE_OUTPUT", "general", 1);
    parse(&run, "");
    assert_int_equal(run.args.steps, 10);
    assert_int_equal(run.common.threads, 3);
    assert_int_equal(run.common.seed, 5);
    assert_int_equal(run.args.data.count, 2);
    assert_false(run.args.fold);
    assert_string_equal(run.args.output, "general");
    arena_free(&run.arena);

    setenv("COEDGE_PRUNE_STEPS", "20", 1);
    setenv("COEDGE_STEPS", "30", 1);
    setenv("COEDGE_PRUNE_OUTPUT", "special", 1);
    parse(&run, "");
    assert_int_equal(run.args.steps, 20);
    assert_string_equal(run.args.output, "special");
    arena_free(&run.arena);

    parse(&run, "--steps 40 --data c --fold");
    assert_int_equal(run.args.steps, 40);
    assert_int_equal(run.args.data.count, 1);
    assert_true(run.args.fold);
    arena_free(&run.arena);
    unsetenv("COEDGE_PRUNE_STEPS");
    unsetenv("COEDGE_STEPS");
    unsetenv("COEDGE_PRUNE_OUTPUT");
    unsetenv("COEDGE_OUTPUT");
}

static void an_origin_is_told_for_each_value(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct config *config;
    char origin[256];
    (void)state;

    with_config("common:\n  seed: 5\nprune:\n  data: [a, b]\nlimits:\n  nodes: 7\n");
    setenv("COEDGE_THREADS", "6", 1);
    assert_int_equal(config_load(&config, table, &arena, &err), 0);
    snprintf(origin, sizeof(origin), "%s:2", getenv("COEDGE_CONFIG"));
    assert_string_equal(config_get(config, "prune", "seed").text, "5");
    assert_string_equal(config_get(config, "prune", "seed").origin, origin);
    assert_string_equal(config_get(config, "prune", "data").text, "a, b");
    assert_string_equal(config_get(config, "common", "threads").origin, "COEDGE_THREADS");
    assert_string_equal(config_get(config, "prune", "sparsity").text, "0.5");
    assert_string_equal(config_get(config, "prune", "sparsity").origin, "default");
    assert_null(config_get(config, "prune", "steps").text);
    assert_string_equal(config_get(config, "limits", "nodes").text, "7");
    assert_string_equal(config_get(config, "limits", "yaml-depth").text, "64");
    unsetenv("COEDGE_THREADS");
    arena_free(&arena);
}

static void a_wrong_value_names_its_place(void **state)
{
    static const struct {
        const char *text, *message, *hint;
    } rows[] = {
        { "prnue:\n  steps: 1\n", "1:1: unknown section 'prnue'", "did you mean 'prune'?" },
        { "prune:\n  stesp: 1\n", "2:3: unknown option 'stesp'", "did you mean 'steps'?" },
        { "prune:\n  help: true\n", "2:3: unknown option 'help'", "" },
        { "prune:\n  steps: many\n", "2:3: steps: expected a whole number of at least 1, found 'many'", "" },
        { "prune:\n  steps: [1]\n", "2:3: steps: expected a whole number of at least 1, found 'a list'", "" },
        { "prune:\n  data: [[1]]\n", "2:3: data: expected DATA, found 'a list inside a list'", "" },
        { "prune:\n  fold: {}\n", "2:3: fold: expected true or false, found 'a map'", "" },
        { "limits:\n  ndoes: 1\n", "2:3: unknown limit 'ndoes'", "did you mean 'nodes'?" },
        { "limits:\n  nodes: -1\n", "2:3: nodes: expected a whole number of at least 0", "" },
        { "prune: 3\n", "1:1: prune: expected a map", "" },
        { "- prune\n", "1:1: expected a map of sections", "" },
        { "prune:\n  steps: 1\n  steps: 2\n", "3:3: key 'steps' is already given at 2:3", "" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct run run;
        char message[512];

        with_config(rows[i].text);
        snprintf(message, sizeof(message), "%s:%s", getenv("COEDGE_CONFIG"), rows[i].message);
        assert_int_equal(parse_as(&run, &prune, ""), -1);
        assert_string_equal(run.err.message, message);
        assert_string_equal(run.err.hint, rows[i].hint);
        assert_int_equal(run.err.kind, ERROR_USAGE);
        arena_free(&run.arena);
    }
    with_config("");
}

static void a_wrong_variable_names_itself(void **state)
{
    struct run run;
    (void)state;

    setenv("COEDGE_PRUNE_STEPS", "x", 1);
    assert_int_equal(parse_as(&run, &prune, ""), -1);
    assert_string_equal(run.err.message, "COEDGE_PRUNE_STEPS: expected a whole number of at least 1, found 'x'");
    unsetenv("COEDGE_PRUNE_STEPS");
    arena_free(&run.arena);
}

static void an_empty_file_and_empty_sections_say_nothing(void **state)
{
    struct run run;
    (void)state;

    with_config("# nothing\n");
    parse(&run, "");
    arena_free(&run.arena);
    with_config("prune:\n  steps:\ncommon:\nlimits:\nremotes:\n");
    parse(&run, "");
    assert_int_equal(run.args.steps, 0);
    arena_free(&run.arena);
}

static void a_config_that_is_named_must_be_there(void **state)
{
    struct run run;
    char before[256];
    (void)state;

    snprintf(before, sizeof(before), "%s", getenv("COEDGE_CONFIG"));
    setenv("COEDGE_CONFIG", "/nonexistent/coedge.yaml", 1);
    assert_int_equal(parse_as(&run, &prune, ""), -1);
    assert_int_equal(run.err.kind, ERROR_USAGE);
    arena_free(&run.arena);
    setenv("COEDGE_CONFIG", "", 1);
    parse(&run, "");
    arena_free(&run.arena);
    setenv("COEDGE_CONFIG", before, 1);
}

static int make_folder(void **state)
{
    static char folder[] = "/tmp/coedge-parse-XXXXXX";
    char path[64];

    if (!mkdtemp(folder))
        return -1;
    *state = folder;
    snprintf(path, sizeof(path), "%s/coedge.yaml", folder);
    setenv("COEDGE_CONFIG", path, 1);
    with_config("");
    return 0;
}

static int drop_folder(void **state)
{
    return remove(getenv("COEDGE_CONFIG")) || remove(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_of_an_option_is_read),
        cmocka_unit_test(defaults_come_from_the_rows),
        cmocka_unit_test(a_list_collects_every_use),
        cmocka_unit_test(a_dash_and_what_follows_two_are_operands),
        cmocka_unit_test(after_help_nothing_is_checked),
        cmocka_unit_test(a_refusal_says_expected_and_found),
        cmocka_unit_test(what_is_required_is_asked_for),
        cmocka_unit_test(a_flag_beats_the_environment_beats_the_file),
        cmocka_unit_test(an_origin_is_told_for_each_value),
        cmocka_unit_test(a_wrong_value_names_its_place),
        cmocka_unit_test(a_wrong_variable_names_itself),
        cmocka_unit_test(an_empty_file_and_empty_sections_say_nothing),
        cmocka_unit_test(a_config_that_is_named_must_be_there),
    };

    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
