/* version.c - what this program is made of. */
#include <stdio.h>

#include "cmd/commands.h"
#include "kern/kern.h"
#include "json/json.h"

static const struct example examples[] = { { "coedge version", "for a report of something that went wrong" },
                                           { "coedge version --json", "the same for a program" },
                                           { 0 } };

static int print_json(const struct tree *facts, struct error *err)
{
    struct text line = { 0 };
    int rc;

    json_write(&line, facts);
    rc = text_check(&line, err);
    if (rc == 0)
        puts(line.chars);
    text_free(&line);
    return rc;
}

static int run(const struct invocation *inv, struct error *err)
{
    struct tree *facts = tree_map(inv->arena);
    struct text paths = { 0 };
    struct kern kern;
    int rc;

    if (kern_init(&kern, NULL, err) < 0)
        return -1;
    tree_add_text(inv->arena, facts, "version", COEDGE_VERSION);
    tree_add_text(inv->arena, facts, "compiler", COEDGE_COMPILER);
    tree_add_text(inv->arena, facts, "flags", COEDGE_FLAGS);
    tree_add_text(inv->arena, facts, "libraries", COEDGE_LIBRARIES);
    tree_add_text(inv->arena, facts, "kernels", kern.cpu);
    kern_add_paths(&paths);
    rc = text_check(&paths, err);
    if (rc == 0 && (!tree_add_text(inv->arena, facts, "paths", paths.chars) ||
                    !tree_add_int(inv->arena, facts, "cpus", pool_available_cpus())))
        rc = error_memory(err);
    text_free(&paths);
    if (rc < 0)
        return -1;
    if (inv->json)
        return print_json(facts, err);
    printf("coedge %s\n", COEDGE_VERSION);
    for (const struct tree *fact = facts->first->next; fact; fact = fact->next) {
        if (fact->kind == TREE_INT)
            printf("%s: %d\n", fact->key, (int)fact->integer);
        else
            printf("%s: %s\n", fact->key, fact->text);
    }
    return 0;
}

const struct command cmd_version = {
    .name = "version",
    .summary = "say what this program is made of",
    .about = "Prints the version, then the compiler and its flags, the libraries inside,\n"
             "the kernels chosen for this CPU, the paths that COEDGE_CPU may name instead,\n"
             "and how many CPUs this process may use.",
    .examples = examples,
    .bare = true,
    .run = run,
};
