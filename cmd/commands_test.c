/* commands_test.c - what must hold for every command, read off the table. */
#include "cmd/commands.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void commands_are_sorted_and_complete(void **state)
{
    (void)state;

    for (int i = 0; commands[i]; i++) {
        const struct command *c = commands[i];

        if (i > 0 && strcmp(commands[i - 1]->name, c->name) >= 0)
            fail_msg("%s comes after %s", c->name, commands[i - 1]->name);
        if (!c->summary || !c->about || !c->run || !c->examples || !c->examples->command)
            fail_msg("%s lacks summary, about, run or an example", c->name);
        if ((c->max_operands != 0) != (c->operands != NULL))
            fail_msg("%s: operands and max_operands disagree", c->name);
        if (c->max_operands >= 0 && c->min_operands > c->max_operands)
            fail_msg("%s: min_operands above max_operands", c->name);
        if (c->reads_stdin && c->min_operands > 0)
            fail_msg("%s: reads standard input for an operand that is required", c->name);
    }
}

/* A clause: lower case first unless it is a name (two capitals), no full stop, no line of its own, and nothing that
 * the row says already. */
static void assert_clause(const char *where, const char *clause)
{
    size_t length = strlen(clause);

    if (length < 3 || length > 160)
        fail_msg("%s: '%s' is too short or too long", where, clause);
    if (isupper((unsigned char)clause[0]) && !isupper((unsigned char)clause[1]))
        fail_msg("%s: '%s' begins with a capital", where, clause);
    if (clause[length - 1] == '.' || clause[length - 1] == ' ' || strchr(clause, '\n'))
        fail_msg("%s: '%s' ends as a clause does not", where, clause);
    if (strstr(clause, "repeated") || strstr(clause, "default 0"))
        fail_msg("%s: '%s' is said by the row already", where, clause);
}

static void help_is_written_in_clauses(void **state)
{
    (void)state;

    for (int i = 0; commands[i]; i++) {
        assert_clause(commands[i]->name, commands[i]->summary);
        for (const struct option *row = commands[i]->options; row && row->name; row++) {
            if (!row->help)
                fail_msg("%s --%s has no help", commands[i]->name, row->name);
            else
                assert_clause(row->name, row->help);
        }
        for (const struct example *row = commands[i]->examples; row->command; row++) {
            if (!strstr(row->command, "coedge "))
                fail_msg("%s: example '%s' does not run coedge", commands[i]->name, row->command);
            assert_clause(row->command, row->explains);
        }
    }
}

/* The row, or the common one behind the last, by number; NULL at the end. */
static const struct option *row_at(const struct command *command, size_t at)
{
    size_t own = 0;

    while (command->options && command->options[own].name)
        own++;
    if (at < own)
        return &command->options[at];
    return common_options[at - own].name ? &common_options[at - own] : NULL;
}

static void no_name_or_letter_means_two_things(void **state)
{
    const struct option *a, *b;
    (void)state;

    for (int i = 0; commands[i]; i++)
        for (size_t j = 0; (a = row_at(commands[i], j)); j++)
            for (size_t k = 0; k < j && (b = row_at(commands[i], k)); k++)
                if (!strcmp(a->name, b->name) || (a->letter && a->letter == b->letter))
                    fail_msg("%s: --%s and --%s share a name or a letter", commands[i]->name, a->name, b->name);
}

/* COEDGE_CONFIG and the like mean something else already. */
static void no_option_takes_the_name_of_a_variable(void **state)
{
    static const char *const taken[] = { "config", "cpu", "fault", "version" };
    const struct option *row;
    (void)state;

    for (int i = 0; commands[i]; i++) {
        for (size_t j = 0; (row = row_at(commands[i], j)); j++) {
            for (size_t k = 0; k < COUNT(taken); k++)
                if (!strcmp(row->name, taken[k]))
                    fail_msg("%s --%s: the variable has another meaning", commands[i]->name, row->name);
            if (!strncmp(row->name, "no-", 3) || !strncmp(row->name, "limit-", 6))
                fail_msg("%s --%s: the beginning has another meaning", commands[i]->name, row->name);
        }
    }
}

static void fields_fit_their_kinds(void **state)
{
    static const size_t size[] = {
        [OPTION_FLAG] = sizeof(bool),         [OPTION_INT] = sizeof(int64_t), [OPTION_REAL] = sizeof(double),
        [OPTION_TEXT] = sizeof(const char *), [OPTION_CHOICE] = sizeof(int),  [OPTION_LIST] = sizeof(struct texts),
    };
    (void)state;

    for (int i = 0; commands[i]; i++) {
        for (const struct option *row = commands[i]->options; row && row->name; row++) {
            if (row->size != size[row->kind] || row->offset + row->size > commands[i]->args_size)
                fail_msg("%s --%s: field and kind disagree", commands[i]->name, row->name);
            if ((row->kind == OPTION_CHOICE) != (row->choices != NULL))
                fail_msg("%s --%s: choices and kind disagree", commands[i]->name, row->name);
            if ((row->kind == OPTION_FLAG) != (row->value == NULL))
                fail_msg("%s --%s: value and kind disagree", commands[i]->name, row->name);
            if (row->required && row->initial)
                fail_msg("%s --%s: required, yet with a default", commands[i]->name, row->name);
        }
    }
}

static void defaults_are_values(void **state)
{
    (void)state;

    for (int i = 0; commands[i]; i++) {
        for (const struct option *row = commands[i]->options; row && row->name; row++) {
            struct option one[2] = { *row, { 0 } };
            struct command alone = { .name = "test", .options = one };
            struct arena arena = { 0 };
            struct error err = { 0 };
            struct common_args common = { 0 };
            struct config *config;
            const char *const *operand;
            int operand_count;
            void *args = arena_alloc(&arena, commands[i]->args_size);

            one[0].required = false;
            assert_int_equal(config_load(&config, NULL, &arena, &err), 0);
            if (options_parse(&alone, 0, NULL, config, &arena, args, &common, &operand, &operand_count, &err) < 0)
                fail_msg("%s %s", commands[i]->name, err.message);
            arena_free(&arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_sorted_and_complete),
        cmocka_unit_test(help_is_written_in_clauses),
        cmocka_unit_test(no_name_or_letter_means_two_things),
        cmocka_unit_test(no_option_takes_the_name_of_a_variable),
        cmocka_unit_test(fields_fit_their_kinds),
        cmocka_unit_test(defaults_are_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
