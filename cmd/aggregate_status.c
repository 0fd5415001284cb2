#include <inttypes.h>
#include <stdio.h>

#include "cmd/aggregate_status.h"
#include "cmd/share.h"

static int print_status(const struct invocation *inv, const struct round_status *status, int min_updates,
                        struct error *err)
{
    struct tree *map = tree_map(inv->arena), *list;

    if (status->round >= 0)
        tree_add_int(inv->arena, map, "round", status->round);
    tree_add_bool(inv->arena, map, "enough", status->lacking.kind == ERROR_NONE);
    tree_add_int(inv->arena, map, "wanted", min_updates);
    tree_add_int(inv->arena, map, "here", status->here);
    tree_add_int(inv->arena, map, "missing", status->missing);
    tree_add_int(inv->arena, map, "refused", status->refused);
    list = tree_add_list(inv->arena, map, "updates");
    for (int i = 0; i < status->count; i++) {
        const struct round_row *row = &status->row[i];
        struct tree *one = tree_add_map(inv->arena, list, NULL);

        if (row->site != NULL)
            tree_add_text(inv->arena, one, "site", row->site);
        tree_add_text(inv->arena, one, "state", round_state_name(row->state));
        if (row->path != NULL)
            tree_add_text(inv->arena, one, "file", row->path);
        if (row->state == ROUND_HERE)
            tree_add_int(inv->arena, one, "examples", row->examples);
        if (row->why != NULL)
            tree_add_text(inv->arena, one, "why", row->why);
    }
    return inv->arena->failed ? error_memory(err) : print_json(map, err);
}

static int print_table(const struct invocation *inv, const struct round_status *status, struct error *err)
{
    static const char *const headings[] = { "site", "state", "examples", "file", "why" };
    struct table *table = table_new(inv->arena, 5, headings);

    for (int i = 0; i < status->count; i++) {
        const struct round_row *row = &status->row[i];
        const char *examples = row->state == ROUND_HERE ? arena_printf(inv->arena, "%" PRId64, row->examples) : "";
        const char *cells[] = { row->site ? row->site : "", round_state_name(row->state), examples,
                                row->path ? row->path : "", row->why ? row->why : "" };

        if (examples != NULL)
            table_row(table, cells);
    }
    if (inv->arena->failed)
        return error_memory(err);
    table_print(table, stdout, inv->color);
    return 0;
}

int aggregate_status(const struct invocation *inv, const struct round_status *status, int min_updates,
                     struct error *err)
{
    const int rc = inv->json ? print_status(inv, status, min_updates, err) : print_table(inv, status, err);

    if (rc < 0 || status->lacking.kind == ERROR_NONE)
        return rc;
    error_set(err, ERROR_ANSWER, "%s", status->lacking.message);
    return error_hint(err, "%s", status->lacking.hint);
}
