/* completion.c - scripts that complete commands, options and choices in a shell, from the rows. */
#include <string.h>

#include "cli/internal.h"

/* Both tables of a command, one after the other. */
static const struct option *option_at(const struct command *command, size_t at)
{
    size_t own = 0;

    while (command->options && command->options[own].name)
        own++;
    if (at < own)
        return &command->options[at];
    return common_options[at - own].name ? &common_options[at - own] : NULL;
}

/* Between single quotes of any of the shells. */
static void put_quoted(FILE *out, const char *words, const char *marked, const char *quote)
{
    for (; *words; words++) {
        if (*words == '\'')
            fputs(quote, out);
        else if (strchr(marked, *words))
            fprintf(out, "\\%c", *words);
        else
            fputc(*words, out);
    }
}

static void put_choices(FILE *out, const struct option *row)
{
    for (int i = 0; row->choices[i]; i++)
        fprintf(out, "%s%s", i > 0 ? " " : "", row->choices[i]);
}

/* ---- bash ---- */

static void bash_command(FILE *out, const struct command *command)
{
    const struct option *row;

    fprintf(out, "    %s)\n        options='", command->name);
    for (size_t i = 0; (row = option_at(command, i)); i++)
        fprintf(out, "%s--%s", i > 0 ? " " : "", row->name);
    fprintf(out, "'\n        case $previous in\n");
    for (size_t i = 0; (row = option_at(command, i)); i++) {
        if (row->kind == OPTION_FLAG)
            continue;
        fprintf(out, "        --%s", row->name);
        if (row->letter)
            fprintf(out, "|-%c", row->letter);
        fprintf(out, ") values='");
        if (row->kind == OPTION_CHOICE)
            put_choices(out, row);
        fprintf(out, "' value=1 ;;\n");
    }
    fprintf(out, "        esac ;;\n");
}

static void bash(FILE *out, const struct command *const *commands)
{
    fprintf(out, "# bash completion for coedge, printed by: coedge help --completion bash\n"
                 "_coedge() {\n"
                 "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
                 "    local command=${COMP_WORDS[1]} options='' values='' value=''\n"
                 "    COMPREPLY=()\n"
                 "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                 "        COMPREPLY=($(compgen -W '");
    for (int i = 0; commands[i]; i++)
        fprintf(out, "%s%s", i > 0 ? " " : "", commands[i]->name);
    fprintf(out, "' -- \"$current\"))\n"
                 "        return\n"
                 "    fi\n"
                 "    # --name=value arrives as three words\n"
                 "    if [ \"$current\" = = ]; then\n"
                 "        current=''\n"
                 "    elif [ \"$previous\" = = ]; then\n"
                 "        previous=${COMP_WORDS[COMP_CWORD-2]}\n"
                 "    fi\n"
                 "    case $command in\n");
    for (int i = 0; commands[i]; i++)
        bash_command(out, commands[i]);
    fprintf(out, "    esac\n"
                 "    if [ -n \"$value\" ]; then\n"
                 "        COMPREPLY=($(compgen -W \"$values\" -- \"$current\"))\n"
                 "    elif [ \"${current#-}\" != \"$current\" ]; then\n"
                 "        COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
                 "    fi\n"
                 "}\n"
                 "complete -o bashdefault -o default -F _coedge coedge\n");
}

/* ---- zsh ---- */

static void zsh_option(FILE *out, const struct option *row)
{
    const char *equals = row->kind == OPTION_FLAG ? "" : "=";

    fprintf(out, " \\\n            ");
    if (row->letter && row->kind == OPTION_LIST)
        fprintf(out, "'*'{-%c,--%s%s}", row->letter, row->name, equals);
    else if (row->letter)
        fprintf(out, "'(-%c --%s)'{-%c,--%s%s}", row->letter, row->name, row->letter, row->name, equals);
    else
        fprintf(out, "%s--%s%s", row->kind == OPTION_LIST ? "\\*" : "", row->name, equals);
    fprintf(out, "'[");
    put_quoted(out, row->help, "[]\\:", "'\\''");
    fprintf(out, "]");
    if (row->kind != OPTION_FLAG) {
        fprintf(out, ":");
        put_quoted(out, row->value ? row->value : "VALUE", "[]\\:", "'\\''");
        fprintf(out, ":");
        if (row->kind == OPTION_CHOICE) {
            fprintf(out, "(");
            put_choices(out, row);
            fprintf(out, ")");
        } else if (row->kind == OPTION_TEXT || row->kind == OPTION_LIST) {
            fprintf(out, "_files");
        }
    }
    fprintf(out, "'");
}

static void zsh(FILE *out, const struct command *const *commands)
{
    const struct option *row;

    fprintf(out, "#compdef coedge\n"
                 "# zsh completion for coedge, printed by: coedge help --completion zsh\n"
                 "_coedge() {\n"
                 "    local -a commands\n"
                 "    commands=(\n");
    for (int i = 0; commands[i]; i++) {
        fprintf(out, "        '%s:", commands[i]->name);
        put_quoted(out, commands[i]->summary, "\\:", "'\\''");
        fprintf(out, "'\n");
    }
    fprintf(out, "    )\n"
                 "    if (( CURRENT == 2 )); then\n"
                 "        _describe command commands\n"
                 "        return\n"
                 "    fi\n"
                 "    local command=$words[2]\n"
                 "    shift words\n"
                 "    (( CURRENT-- ))\n"
                 "    case $command in\n");
    for (int i = 0; commands[i]; i++) {
        fprintf(out, "    %s)\n        _arguments -s", commands[i]->name);
        for (size_t j = 0; (row = option_at(commands[i], j)); j++)
            zsh_option(out, row);
        fprintf(out, " \\\n            '*:operand:_files' ;;\n");
    }
    fprintf(out, "    *) _files ;;\n"
                 "    esac\n"
                 "}\n"
                 "_coedge \"$@\"\n");
}

/* ---- fish ---- */

static void fish(FILE *out, const struct command *const *commands)
{
    const struct option *row;

    fprintf(out, "# fish completion for coedge, printed by: coedge help --completion fish\n");
    for (int i = 0; commands[i]; i++) {
        fprintf(out, "complete -c coedge -n __fish_use_subcommand -f -a %s -d '", commands[i]->name);
        put_quoted(out, commands[i]->summary, "\\", "\\'");
        fprintf(out, "'\n");
        for (size_t j = 0; (row = option_at(commands[i], j)); j++) {
            fprintf(out, "complete -c coedge -n '__fish_seen_subcommand_from %s' -l %s", commands[i]->name, row->name);
            if (row->letter)
                fprintf(out, " -s %c", row->letter);
            if (row->kind == OPTION_CHOICE) {
                fprintf(out, " -x -a '");
                put_choices(out, row);
                fprintf(out, "'");
            } else if (row->kind != OPTION_FLAG) {
                fprintf(out, row->kind == OPTION_INT || row->kind == OPTION_REAL ? " -x" : " -r");
            }
            fprintf(out, " -d '");
            put_quoted(out, row->help, "\\", "\\'");
            fprintf(out, "'\n");
        }
    }
}

int help_completion(FILE *out, const struct command *const *commands, const char *shell, struct error *err)
{
    if (!strcmp(shell, "bash"))
        bash(out, commands);
    else if (!strcmp(shell, "zsh"))
        zsh(out, commands);
    else if (!strcmp(shell, "fish"))
        fish(out, commands);
    else
        return error_set(err, ERROR_USAGE, "no completion for shell '%s', expected bash, zsh or fish", shell);
    return 0;
}
