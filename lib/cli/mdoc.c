/* mdoc.c - the OPTIONS, EXIT STATUS and EXAMPLES sections of a manual page, from the rows. */
#include <string.h>

#include "cli/internal.h"

/* What roff reads as a mark is written so that it is read as itself. */
static void add_escaped(struct text *out, const char *words)
{
    for (; *words; words++) {
        if (*words == '\\')
            text_add(out, "\\e");
        else if (*words == '-')
            text_add(out, "\\-");
        else
            text_add_bytes(out, words, 1);
    }
}

/* Filled lines, none of which begins with a dot or a quote. */
static void body(FILE *out, const char *words)
{
    struct text escaped = { 0 };
    struct wrap wrap = { .out = out, .columns = 72 };

    add_escaped(&escaped, words);
    if (escaped.chars && strchr(".'", *escaped.chars))
        wrap.at = fprintf(out, "\\&") - 2;
    if (escaped.chars)
        wrap_words(&wrap, escaped.chars);
    fputc('\n', out);
    text_free(&escaped);
}

static void option(FILE *out, const struct option *row)
{
    bool off = row->kind == OPTION_FLAG && row->initial && !strcmp(row->initial, "true");
    struct text words = { 0 }, facts = { 0 };

    fprintf(out, ".It ");
    if (row->letter)
        fprintf(out, "Fl %c , ", row->letter);
    fprintf(out, "Fl -%s%s", off ? "no-" : "", row->name);
    if (row->kind != OPTION_FLAG)
        fprintf(out, " Ar \\&%s", row->value ? row->value : "VALUE");
    fputc('\n', out);
    option_facts(&facts, row);
    text_add(&words, row->help);
    if (facts.length > 0)
        text_printf(&words, " (%s)", facts.chars);
    text_add(&words, ".");
    body(out, words.chars ? words.chars : row->help);
    text_free(&words);
    text_free(&facts);
}

static void options(FILE *out, const struct option *rows)
{
    fprintf(out, ".Bl -tag -width Ds\n");
    for (const struct option *row = rows; row->name; row++)
        option(out, row);
    fprintf(out, ".El\n");
}

static void examples(FILE *out, const struct example *rows)
{
    fprintf(out, ".Sh EXAMPLES\n");
    for (const struct example *row = rows; row && row->command; row++) {
        struct text command = { 0 }, words = { 0 };

        add_escaped(&command, row->command);
        text_add(&words, row->explains);
        text_add(&words, ":");
        if (words.chars && *words.chars >= 'a' && *words.chars <= 'z')
            *words.chars = (char)(*words.chars - 'a' + 'A');
        if (row != rows)
            fprintf(out, ".Pp\n");
        body(out, words.chars ? words.chars : row->explains);
        fprintf(out, ".Bd -literal -offset indent\n\\&%s\n.Ed\n", command.chars ? command.chars : row->command);
        text_free(&words);
        text_free(&command);
    }
}

void help_mdoc(FILE *out, const struct command *command)
{
    fprintf(out, ".Sh OPTIONS\n");
    if (command->options && command->options->name) {
        options(out, command->options);
        fprintf(out, ".Pp\nOptions of every command:\n");
    }
    options(out, common_options);
    fprintf(out, ".Sh EXIT STATUS\n0 when done; the other codes are those of\n.Xr coedge 1 .\n");
    examples(out, command->examples);
}
