/* tune.c - see tune.h. */
#include "cmd/tune.h"

#include <stdio.h>

#include "cmd/share.h"
#include "infer/tuned.h"

static const char *chosen_of(const struct tune_node *node)
{
    return node->way == OP_WAY_ANY ? "-" : op_way_name(node->way);
}

static struct tree *to_tree(const struct invocation *inv, const struct tune *tune, const struct tuned_key *key,
                            const char *path)
{
    struct arena *arena = inv->arena;
    struct tree *map = tree_map(arena), *list;

    tree_add_text(arena, map, "file", path);
    tree_add_text(arena, map, "cpu", key->cpu);
    tree_add_int(arena, map, "chosen", tune->chosen);
    tree_add_real(arena, map, "ratio", tune->ratio);
    list = tree_add_list(arena, map, "nodes");
    for (int n = 0; n < tune->count; n++) {
        const struct tune_node *node = &tune->node[n];
        struct tree *one = tree_add_map(arena, list, NULL), *ratios;

        tree_add_text(arena, one, "name", node->name);
        tree_add_text(arena, one, "usual", node->usual);
        tree_add_real(arena, one, "ms", node->ms);
        ratios = tree_add_map(arena, one, "ratios");
        for (int way = 0; way < OP_WAYS; way++)
            if (node->ratio[way] > 0)
                tree_add_real(arena, ratios, op_way_name((enum op_way)way), node->ratio[way]);
        if (node->way != OP_WAY_ANY)
            tree_add_text(arena, one, "chosen", op_way_name(node->way));
    }
    return map;
}

/* A column for each way there is. */
static void print_nodes(const struct invocation *inv, const struct tune *tune)
{
    enum { AROUND = 4, COLUMNS = AROUND + OP_WAYS - 1 };
    const char *cells[COLUMNS] = { "node", "usual", "ms" };
    struct table *table;

    for (int way = 1; way < OP_WAYS; way++)
        cells[AROUND - 2 + way] = op_way_name((enum op_way)way);
    cells[COLUMNS - 1] = "chosen";
    table = table_new(inv->arena, COLUMNS, cells);
    for (int n = 0; n < tune->count; n++) {
        const struct tune_node *node = &tune->node[n];

        cells[0] = node->name;
        cells[1] = node->usual;
        cells[2] = arena_printf(inv->arena, "%.4f", node->ms);
        for (int way = 1; way < OP_WAYS; way++)
            cells[AROUND - 2 + way] = node->ratio[way] > 0 ? arena_printf(inv->arena, "%.3f", node->ratio[way]) : "-";
        cells[COLUMNS - 1] = chosen_of(node);
        if (inv->arena->failed)
            return;
        table_row(table, cells);
    }
    table_print(table, stdout, inv->color);
    printf("\n");
}

static void print_tune(const struct invocation *inv, const struct model *model, const struct tune *tune,
                       const char *path)
{
    if (tune->count > 0)
        print_nodes(inv, tune);
    if (tune->chosen > 0)
        printf("%s: %d of %d nodes go another way than usual: %.3f of the time as a whole\n", model->name, tune->chosen,
               tune->count, tune->ratio);
    else
        printf("%s: no other way is faster here\n", model->name);
    printf("kept in %s\n", path);
}

int tune_and_keep(const struct invocation *inv, const struct model *model, const struct profile_options *o,
                  struct error *err)
{
    struct tuned_key key;
    const char *path;
    struct output *out;
    struct tune tune;

    if (tuned_place(inv, model, &key, &path, err) < 0 || (out = tuned_create(path, inv->arena, err)) == NULL)
        return -1;
    if (tune_model(model, o, inv->job, inv->arena, &tune, err) < 0) {
        output_abort(out);
        return -1;
    }
    if (tuned_write(out, &key, &tune, o->batch, inv->arena, err) < 0)
        return -1;
    if (inv->json)
        return print_json(to_tree(inv, &tune, &key, path), err);
    print_tune(inv, model, &tune, path);
    return 0;
}
