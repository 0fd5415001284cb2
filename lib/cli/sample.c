/* sample.c - coedge.yaml.example: every option and limit with its default, from the rows. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "cli/internal.h"
#include "yaml/yaml.h"

enum { MARGIN = 34 }; /* where remarks begin */

/* "  #name: value    # help", so that taking the first # away sets it. */
static void setting(FILE *out, const char *name, const char *value, const char *help)
{
    int at = fprintf(out, "  #%s:%s%s", name, *value ? " " : "", value);

    fprintf(out, "%*s# %s\n", at < MARGIN ? MARGIN - at : 1, "", help);
}

/* The default as YAML writes it: "-" is no text there until it is quoted. */
static void add_initial(struct text *out, const struct option *row)
{
    struct tree node = { .kind = TREE_TEXT, .text = row->initial };

    if (!row->initial) {
        text_add(out, row->kind == OPTION_FLAG ? "false" : "");
    } else if (row->kind == OPTION_TEXT || row->kind == OPTION_LIST) {
        node.text_length = strlen(row->initial);
        yaml_write(out, &node);
        if (out->length > 0)
            out->chars[--out->length] = 0; /* without the end of the line */
    } else {
        text_add(out, row->initial);
    }
}

static void add_help(struct text *out, const struct option *row)
{
    text_add(out, row->help);
    if (row->kind == OPTION_LIST)
        text_add(out, " (one or a list)");
    if (row->kind != OPTION_CHOICE)
        return;
    text_add(out, " (one of ");
    for (int i = 0; row->choices[i]; i++)
        text_printf(out, "%s%s", i > 0 ? ", " : "", row->choices[i]);
    text_add(out, ")");
}

static void options(FILE *out, const struct option *rows)
{
    for (const struct option *row = rows; row && row->name; row++) {
        struct text initial = { 0 }, help = { 0 };

        if (!strcmp(row->name, "help"))
            continue;
        add_initial(&initial, row);
        add_help(&help, row);
        setting(out, row->name, initial.chars ? initial.chars : "", help.chars ? help.chars : row->help);
        text_free(&initial);
        text_free(&help);
    }
}

void help_config_example(FILE *out, const struct command *const *commands)
{
    fprintf(out, "# coedge.yaml - printed by: coedge help --config-example\n"
                 "#\n"
                 "# Read from ./coedge.yaml, then ~/.config/coedge/coedge.yaml, then\n"
                 "# /etc/coedge/coedge.yaml; the nearest file that says something counts. Flags and\n"
                 "# COEDGE_COMMAND_OPTION or COEDGE_OPTION in the environment come before all files.\n"
                 "# coedge config show --origin tells what is in force, and where it was said.\n"
                 "#\n"
                 "# Every option of every command stands here with its default, behind a #.\n"
                 "\n"
                 "# every command\n"
                 "common:\n");
    options(out, common_options);
    for (int i = 0; commands[i]; i++) {
        if (commands[i]->bare || !commands[i]->options || !commands[i]->options->name)
            continue;
        fprintf(out, "\n# %s\n%s:\n", commands[i]->summary, commands[i]->name);
        options(out, commands[i]->options);
    }
    fprintf(out, "\n# how much untrusted input may ask for\nlimits:\n");
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        char initial[24];

        snprintf(initial, sizeof(initial), "%" PRIu64, limit_rows[i].initial);
        setting(out, limit_rows[i].name, initial, limit_rows[i].help);
    }
}
