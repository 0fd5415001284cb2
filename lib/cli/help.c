/* help.c - what --help says, from the rows. */
#include <string.h>

#include "cli/internal.h"

enum { WIDEST_LEFT = 26, NARROWEST = 40, WIDEST = 100, EXAMPLES_FIRST = 2 };

/* A page being printed. */
struct page {
    FILE *out;
    int columns;
    bool color;
};

static struct page page_begin(FILE *out, int columns, bool color)
{
    columns = columns < NARROWEST ? NARROWEST : columns > WIDEST ? WIDEST : columns;
    return (struct page){ .out = out, .columns = columns, .color = color };
}

static void heading(const struct page *page, const char *words)
{
    fprintf(page->out, page->color ? "\n\033[1m%s\033[0m\n" : "\n%s\n", words);
}

/* Paragraphs are filled; lines that begin with a space stay as they are. */
static void paragraphs(const struct page *page, const char *text)
{
    struct wrap wrap = { .out = page->out, .columns = page->columns };
    char line[512];

    while (*text) {
        size_t length = strcspn(text, "\n");

        snprintf(line, sizeof(line), "%.*s", (int)length, text);
        if ((*line == ' ' || !*line) && wrap.at > 0) {
            fputc('\n', page->out);
            wrap.at = 0;
        }
        if (*line == ' ' || !*line)
            fprintf(page->out, "%s\n", line);
        else
            wrap_words(&wrap, line);
        text += length + (text[length] == '\n');
    }
    if (wrap.at > 0)
        fputc('\n', page->out);
}

/* `left` in the margin, `right` filled beside it, or below when there is no room. */
static void entry(const struct page *page, const char *left, const char *right, int margin)
{
    struct wrap wrap = { .out = page->out, .indent = margin, .columns = page->columns };

    wrap.at = fprintf(page->out, "  %s", left) - (int)strlen(left) + text_columns(left);
    if (wrap.at + 2 > margin) {
        fputc('\n', page->out);
        wrap.at = 0;
    }
    wrap_words(&wrap, right);
    fputc('\n', page->out);
}

static void option_entry(const struct page *page, const struct option *row, int margin)
{
    struct text left = { 0 }, right = { 0 }, facts = { 0 };

    option_synopsis(&left, row);
    option_facts(&facts, row);
    text_add(&right, row->help);
    if (facts.length > 0)
        text_printf(&right, " (%s)", facts.chars);
    entry(page, left.chars ? left.chars : row->name, right.chars ? right.chars : row->help, margin);
    text_free(&left);
    text_free(&right);
    text_free(&facts);
}

static void option_list(const struct page *page, const struct option *options, const char *title)
{
    int margin = 0;

    if (!options || !options->name)
        return;
    for (const struct option *row = options; row->name; row++) {
        struct text left = { 0 };

        option_synopsis(&left, row);
        if (left.length <= WIDEST_LEFT && (int)left.length + 4 > margin)
            margin = (int)left.length + 4;
        text_free(&left);
    }
    heading(page, title);
    for (const struct option *row = options; row->name; row++)
        option_entry(page, row, margin ? margin : WIDEST_LEFT);
}

static void example(const struct page *page, const struct example *row)
{
    struct wrap wrap = { .out = page->out, .indent = 6, .columns = page->columns };

    fprintf(page->out, page->color ? "  \033[1m%s\033[0m\n" : "  %s\n", row->command);
    wrap_words(&wrap, row->explains);
    fputc('\n', page->out);
}

void help_command(FILE *out, const struct command *command, int columns, bool color)
{
    struct page page = page_begin(out, columns, color);
    const struct example *row = command->examples;

    fprintf(out, "usage: coedge %s [OPTIONS]%s%s\n", command->name, command->operands ? " " : "",
            command->operands ? command->operands : "");
    fprintf(out, "%s\n", command->summary);
    if (row && row->command)
        heading(&page, "examples");
    for (int i = 0; row && row->command && i < EXAMPLES_FIRST; i++, row++)
        example(&page, row);
    heading(&page, "about");
    paragraphs(&page, command->about);
    option_list(&page, command->options, "options");
    option_list(&page, common_options, "options of every command");
    if (row && row->command)
        heading(&page, "more examples");
    for (; row && row->command; row++)
        example(&page, row);
}

void help_overview(FILE *out, const struct command *const *commands, int columns, bool color)
{
    struct page page = page_begin(out, columns, color);
    int margin = 0;

    fprintf(out, "usage: coedge COMMAND [OPTIONS] [OPERANDS]\n"
                 "learning and inference shared between edge devices and a cloud\n");
    for (int i = 0; commands[i]; i++)
        if ((int)strlen(commands[i]->name) + 4 > margin)
            margin = (int)strlen(commands[i]->name) + 4;
    heading(&page, "commands");
    for (int i = 0; commands[i]; i++)
        entry(&page, commands[i]->name, commands[i]->summary, margin);
    fprintf(out, "\ncoedge help COMMAND explains one. An executable coedge-NAME on PATH is a command too.\n");
}
