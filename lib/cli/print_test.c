/* print_test.c - what people and shells are shown, byte for byte. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "cli/cli.h"

struct args {
    double sparsity;
    int method;
    bool fold;
    const char *output;
    struct texts data;
};

static const char *const methods[] = { "magnitude", "batchnorm", NULL };

static const struct option options[] = {
    { "sparsity", 's', OPTION_REAL, FIELD(struct args, sparsity), .value = "FRACTION", .initial = "0.5", .max = 0.99,
      .help = "share of the channels to remove from each layer" },
    { "method", 'm', OPTION_CHOICE, FIELD(struct args, method), .value = "NAME", .initial = "magnitude",
      .choices = methods, .help = "how to score a channel" },
    { "fold", 0, OPTION_FLAG, FIELD(struct args, fold), .initial = "true", .help = "don't fold [at all]" },
    { "output-with-a-long-name", 'o', OPTION_TEXT, FIELD(struct args, output), .value = "FILE", .required = true,
      .help = "where to write: the package" },
    { "data", 0, OPTION_LIST, FIELD(struct args, data), .value = "DATA", .help = "samples" },
    { 0 }
};

static const struct example examples[] = {
    { "coedge prune a >b", "one" }, { "coedge prune <a >b", "two" }, { "coedge prune -", "three" }, { 0 }
};

static const struct command prune = {
    .name = "prune",
    .summary = "remove the channels a model needs least",
    .operands = "[PACKAGE]",
    .about = "Scores the output channels of every convolution, removes the\nlowest.\n\n  as it stands\n\nThe end.",
    .options = options,
    .examples = examples,
};

static const struct command *const commands[] = { &prune, NULL };

static const char prune_help[] = "usage: coedge prune [OPTIONS] [PACKAGE]\n"
                                 "remove the channels a model needs least\n"
                                 "\n"
                                 "examples\n"
                                 "  coedge prune a >b\n"
                                 "      one\n"
                                 "  coedge prune <a >b\n"
                                 "      two\n"
                                 "\n"
                                 "about\n"
                                 "Scores the output channels of every convolution, removes the\n"
                                 "lowest.\n"
                                 "\n"
                                 "  as it stands\n"
                                 "\n"
                                 "The end.\n"
                                 "\n"
                                 "options\n"
                                 "  -s, --sparsity FRACTION  share of the channels to remove\n"
                                 "                           from each layer (from 0 to 0.99;\n"
                                 "                           default 0.5)\n"
                                 "  -m, --method NAME        how to score a channel (one of\n"
                                 "                           magnitude, batchnorm; default\n"
                                 "                           magnitude)\n"
                                 "      --no-fold            don't fold [at all] (default true)\n"
                                 "  -o, --output-with-a-long-name FILE\n"
                                 "                           where to write: the package\n"
                                 "                           (required)\n"
                                 "      --data DATA          samples (may be repeated)\n"
                                 "\n"
                                 "options of every command\n";

/* What a printer prints; the caller frees. */
#define PRINTED(out, call)                                                                                             \
    char *out = NULL;                                                                                                  \
    do {                                                                                                               \
        size_t out_size;                                                                                               \
        FILE *stream = open_memstream(&out, &out_size);                                                                \
        assert_non_null(stream);                                                                                       \
        call;                                                                                                          \
        fclose(stream);                                                                                                \
    } while (0)

static void help_is_printed_from_the_rows(void **state)
{
    char *tail;
    (void)state;
    PRINTED(out, help_command(stream, &prune, 62, false));

    assert_memory_equal(out, prune_help, strlen(prune_help));
    tail = strstr(out, "\nmore examples\n");
    assert_non_null(tail);
    assert_string_equal(tail, "\nmore examples\n  coedge prune -\n      three\n");
    free(out);
}

static void no_line_of_help_is_longer_than_the_terminal(void **state)
{
    (void)state;

    for (int columns = 40; columns <= 100; columns += 3) {
        PRINTED(out, help_command(stream, &prune, columns, false));

        for (char *rest, *line = strtok_r(out, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
            if (strlen(line) > (size_t)columns && !strstr(line, "--output-with"))
                fail_msg("%d columns: %s", columns, line);
        free(out);
    }
}

static void the_manual_section_escapes_what_roff_would_read(void **state)
{
    (void)state;
    PRINTED(out, help_mdoc(stream, &prune));

    assert_non_null(strstr(out, ".Sh OPTIONS\n.Bl -tag -width Ds\n"
                                ".It Fl s , Fl -sparsity Ar \\&FRACTION\n"
                                "share of the channels to remove from each layer (from 0 to 0.99; default\n"
                                "0.5).\n"
                                ".It Fl m , Fl -method Ar \\&NAME\n"));
    assert_non_null(strstr(out, ".It Fl -no-fold\n"));
    assert_non_null(strstr(out, ".It Fl h , Fl -help\n"));
    free(out);
}

static void completions_quote_for_their_shell(void **state)
{
    static const struct {
        const char *shell, *line;
    } rows[] = {
        { "bash", "--method|-m) values='magnitude batchnorm' value=1 ;;" },
        { "bash", "options='--sparsity --method --fold --output-with-a-long-name --data --threads" },
        { "zsh", "'(-m --method)'{-m,--method=}'[how to score a channel]:NAME:(magnitude batchnorm)'" },
        { "zsh", "--fold'[don'\\''t fold \\[at all\\]]'" },
        { "zsh", "'[where to write\\: the package]:FILE:_files'" },
        { "fish", "-l fold -d 'don\\'t fold [at all]'" },
        { "fish", "-l method -s m -x -a 'magnitude batchnorm' -d 'how to score a channel'" },
    };
    struct error err = { 0 };
    (void)state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        PRINTED(out, assert_int_equal(help_completion(stream, commands, rows[i].shell, &err), 0));

        if (!strstr(out, rows[i].line))
            fail_msg("%s has no %s", rows[i].shell, rows[i].line);
        free(out);
    }
}

static void the_example_configuration_sets_what_loses_its_mark(void **state)
{
    (void)state;
    PRINTED(out, help_config_example(stream, commands));

    assert_non_null(strstr(out, "\nprune:\n"
                                "  #sparsity: 0.5                  # share of the channels to remove from each layer\n"
                                "  #method: magnitude              # how to score a channel (one of magnitude, "
                                "batchnorm)\n"
                                "  #fold: true                     # don't fold [at all]\n"));
    assert_non_null(strstr(out, "\nlimits:\n  #yaml-bytes: 1048576 "));
    free(out);
}

static void a_table_aligns_numbers_right_and_hides_escapes(void **state)
{
    static const char *const headings[] = { "label", "recall", "size" };
    struct arena arena = { 0 };
    struct table *table = table_new(&arena, 3, headings);
    (void)state;

    table_row(table, (const char *const[]){ "bridge", "0.9", "12.3 kB" });
    table_row(table, (const char *const[]){ "k\xc3\xa4lte", "0.875", "1 B" });
    table_row(table, (const char *const[]){ "\033[2J", NULL, "-" });
    PRINTED(out, table_print(table, stream, false));
    assert_string_equal(out, "label    recall     size\n"
                             "bridge      0.9  12.3 kB\n"
                             "k\xc3\xa4lte     0.875      1 B\n"
                             "\\x1b[2J                -\n");
    free(out);
    arena_free(&arena);
}

/* What a call writes to standard error, which is a pipe here. */
static void read_stderr(char *buf, size_t size, void (*call)(void))
{
    int ends[2], before = dup(STDERR_FILENO);
    ssize_t count;

    assert_int_equal(pipe(ends), 0);
    fflush(stderr);
    dup2(ends[1], STDERR_FILENO);
    call();
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(ends[1]);
    close(before);
    count = read(ends[0], buf, size - 1);
    buf[count > 0 ? count : 0] = 0;
    close(ends[0]);
}

static void print_an_error(void)
{
    struct error err = { 0 };

    error_set(&err, ERROR_INPUT, "bad \033]0;x\a name\nof two lines");
    error_hint(&err, "try \x9b again");
    assert_int_equal(error_print("prune", &err), 3);
}

static void an_error_is_two_lines_that_cannot_steer_a_terminal(void **state)
{
    char printed[512];
    (void)state;

    read_stderr(printed, sizeof(printed), print_an_error);
    assert_string_equal(printed, "coedge prune: bad \\x1b]0;x\\x07 name\\x0aof two lines\nhint: try \\x9b again\n");
}

static void make_progress(void)
{
    struct arena arena = { 0 };
    struct progress *progress = progress_terminal(&arena, "prune", false);
    struct progress *silent = progress_terminal(&arena, "prune", true);

    progress->step(progress, "epoch", 1, 2);
    progress->note(progress, "watch \033 out");
    silent->note(silent, "not a word");
    progress_clear(progress);
    arena_free(&arena);
}

static void without_a_terminal_only_remarks_are_written(void **state)
{
    char printed[512];
    (void)state;

    read_stderr(printed, sizeof(printed), make_progress);
    assert_string_equal(printed, "coedge prune: watch \\x1b out\n");
}

/* Runs a call with standard error on a terminal; what the terminal was sent. */
static void read_terminal(char *buf, size_t size, void (*call)(void))
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), before = dup(STDERR_FILENO), slave;
    size_t used = 0;
    ssize_t count = 1;

    assert_int_equal(grantpt(master) + unlockpt(master), 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    fflush(stderr);
    dup2(slave, STDERR_FILENO);
    call();
    fflush(stderr);
    assert_int_equal(write(STDERR_FILENO, "#", 1), 1); /* the end of what there is to read */
    for (; count > 0 && used < size - 1 && (used == 0 || buf[used - 1] != '#'); used += count > 0 ? (size_t)count : 0)
        count = read(master, buf + used, size - 1 - used);
    dup2(before, STDERR_FILENO);
    close(before);
    close(slave);
    close(master);
    buf[used] = 0;
}

static void take_two_steps(void)
{
    struct arena arena = { 0 };
    struct progress *progress = progress_terminal(&arena, "prune", false);

    progress->step(progress, "epoch", 1, 4);
    usleep(600000);
    progress->step(progress, "epoch", 3, 4);
    progress->step(progress, "epoch", 4, 4); /* too soon after the last to be drawn */
    progress_clear(progress);
    arena_free(&arena);
}

static void a_terminal_gets_a_bar_after_half_a_second_which_is_wiped(void **state)
{
    char printed[1024];
    (void)state;

    setenv("TERM", "xterm", 1);
    setenv("COLUMNS", "60", 1);
    read_terminal(printed, sizeof(printed), take_two_steps);
    assert_string_equal(printed, "\repoch [==================      ]  75 %, 0 s left\033[K\r\033[K#");
    setenv("COLUMNS", "21", 1);
    read_terminal(printed, sizeof(printed), take_two_steps);
    assert_string_equal(printed, "\repoch [=============\033[K\r\033[K#");
    unsetenv("COLUMNS");
}

static void a_terminal_that_cannot_move_its_cursor_gets_no_bar(void **state)
{
    char printed[1024];
    (void)state;

    setenv("TERM", "dumb", 1);
    read_terminal(printed, sizeof(printed), take_two_steps);
    assert_string_equal(printed, "#");
}

static void columns_are_taken_from_the_environment(void **state)
{
    (void)state;

    setenv("COLUMNS", "57", 1);
    assert_int_equal(terminal_columns(), 57);
    setenv("COLUMNS", "nonsense", 1);
    assert_true(terminal_columns() > 0);
    unsetenv("COLUMNS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_is_printed_from_the_rows),
        cmocka_unit_test(no_line_of_help_is_longer_than_the_terminal),
        cmocka_unit_test(the_manual_section_escapes_what_roff_would_read),
        cmocka_unit_test(completions_quote_for_their_shell),
        cmocka_unit_test(the_example_configuration_sets_what_loses_its_mark),
        cmocka_unit_test(a_table_aligns_numbers_right_and_hides_escapes),
        cmocka_unit_test(an_error_is_two_lines_that_cannot_steer_a_terminal),
        cmocka_unit_test(without_a_terminal_only_remarks_are_written),
        cmocka_unit_test(a_terminal_gets_a_bar_after_half_a_second_which_is_wiped),
        cmocka_unit_test(a_terminal_that_cannot_move_its_cursor_gets_no_bar),
        cmocka_unit_test(columns_are_taken_from_the_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
