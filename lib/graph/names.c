/*
 * names.c - from a name to its index without looking at all of them.
 *
 * Rewriting passes take values and nodes out and move them about, so the tables
 * are a help and not always the truth: what is found is compared, and what is
 * missing may still be there unless names_are_true(). graph_check() tells for
 * certain whether names are unique.
 */
#include "graph/internal.h"

#include <string.h>

static const char *name_at(const struct graph *graph, const struct graph_names *names, int index)
{
    if (names == &graph->value_names)
        return index < graph->value_count ? graph->value[index].name : "";
    return index < graph->node_count ? graph->node[index].name : "";
}

/* FNV-1a. */
static size_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return (size_t)(hash ^ hash >> 32);
}

int names_find(const struct graph *graph, const struct graph_names *names, const char *name)
{
    size_t first = hash_of(name);

    for (size_t i = 0; i < names->capacity; i++) {
        int slot = names->slot[(first + i) & (names->capacity - 1)];

        if (slot == 0)
            break;
        if (strcmp(name_at(graph, names, slot - 1), name) == 0)
            return slot - 1;
    }
    return -1;
}

bool names_are_true(const struct graph_names *names, int count)
{
    return names->count == count && !names->moved;
}

static void put(struct graph_names *names, const char *name, int index)
{
    size_t first = hash_of(name);

    for (size_t i = 0; i < names->capacity; i++) {
        int *slot = &names->slot[(first + i) & (names->capacity - 1)];

        if (*slot == 0) {
            *slot = index + 1;
            return;
        }
    }
}

int names_cover(struct graph *graph, struct graph_names *names, int count)
{
    size_t capacity = names->capacity > 0 ? names->capacity : 64;

    while (capacity / 2 < (size_t)count + 1)
        capacity *= 2;
    if (names_are_true(names, count) && capacity == names->capacity)
        return 0;
    if (capacity > names->capacity) {
        names->slot = arena_array(graph->arena, capacity, sizeof(*names->slot));
        names->capacity = names->slot != NULL ? capacity : 0;
        if (names->slot == NULL)
            return -1;
    } else {
        memset(names->slot, 0, capacity * sizeof(*names->slot));
    }
    for (int i = 0; i < count; i++)
        put(names, name_at(graph, names, i), i);
    names->moved = false;
    names->count = count;
    return 0;
}

void names_add(struct graph_names *names, const char *name, int index)
{
    put(names, name, index);
    names->count = index + 1;
}
