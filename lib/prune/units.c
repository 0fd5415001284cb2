/* units.c - the sets of channels that grow while a graph is followed. */
#include "prune/internal.h"

static void *room(struct coupling *c, void *old, int count, int more, int *capacity, size_t size)
{
    int wanted = *capacity > 0 ? *capacity : 256;
    void *longer;

    if (count + more <= *capacity)
        return old;
    while (wanted < count + more)
        wanted *= 2;
    longer = arena_grow(c->arena, old, (size_t)count, (size_t)wanted, size);
    if (longer != NULL)
        *capacity = wanted;
    else
        error_memory(c->err);
    return longer;
}

/* parent, layer and fixed grow together; capacity is set by the last. */
static bool room_for_units(struct coupling *c, int more)
{
    int capacity[3] = { c->unit_capacity, c->unit_capacity, c->unit_capacity };
    int *parent = room(c, c->parent, c->unit_count, more, &capacity[0], sizeof(*parent));
    int *layer = parent != NULL ? room(c, c->layer, c->unit_count, more, &capacity[1], sizeof(*layer)) : NULL;
    bool *fixed = layer != NULL ? room(c, c->fixed, c->unit_count, more, &capacity[2], sizeof(*fixed)) : NULL;

    if (fixed == NULL)
        return false;
    c->parent = parent;
    c->layer = layer;
    c->fixed = fixed;
    c->unit_capacity = capacity[2];
    return true;
}

static int layer_new(struct coupling *c, const char *name)
{
    int capacity = c->layer_capacity;
    int *parent = room(c, c->layer_parent, c->layer_count, 1, &capacity, sizeof(*parent));
    const char **names;

    if (parent == NULL)
        return -1;
    capacity = c->layer_capacity;
    names = room(c, c->layer_name, c->layer_count, 1, &capacity, sizeof(*names));
    if (names == NULL)
        return -1;
    c->layer_parent = parent;
    c->layer_name = names;
    c->layer_capacity = capacity;
    parent[c->layer_count] = c->layer_count;
    names[c->layer_count] = name;
    return c->layer_count++;
}

int *units_new(struct coupling *c, int64_t count, const char *name, bool fixed)
{
    int layer = layer_new(c, name);
    int *unit;

    if (layer < 0)
        return NULL;
    if (count < 0 || count > INT32_MAX / 4 - c->unit_count) {
        error_set(c->err, ERROR_LIMIT, "too many channels to follow");
        return NULL;
    }
    unit = arena_array(c->arena, (size_t)count + 1, sizeof(*unit));
    if (unit == NULL)
        error_memory(c->err);
    if (unit == NULL || (count > 0 && !room_for_units(c, (int)count)))
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        unit[i] = c->unit_count;
        c->parent[c->unit_count] = c->unit_count;
        c->layer[c->unit_count] = layer;
        c->fixed[c->unit_count] = fixed;
        c->unit_count++;
    }
    return unit;
}

static int find(int *parent, int i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

int couple_unit(const struct coupling *c, int unit)
{
    return find(c->parent, unit);
}

int couple_layer(const struct coupling *c, int layer)
{
    return find(c->layer_parent, layer);
}

/* The earlier stays root: names in messages are those of the first layer. */
void units_join(struct coupling *c, int a, int b)
{
    int first = find(c->parent, a), second = find(c->parent, b), layer[2];

    if (first > second) {
        int kept = first;

        first = second;
        second = kept;
    }
    layer[0] = find(c->layer_parent, c->layer[first]);
    layer[1] = find(c->layer_parent, c->layer[second]);
    c->fixed[first] = c->fixed[first] || c->fixed[second];
    c->parent[second] = first;
    if (layer[0] < layer[1])
        c->layer_parent[layer[1]] = layer[0];
    else
        c->layer_parent[layer[0]] = layer[1];
}

void units_fix(struct coupling *c, const int *unit, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        c->fixed[find(c->parent, unit[i])] = true;
}

/* A weight that two nodes read is cut once, so both must agree on what goes. */
static bool join_shared(struct coupling *c, int value, int axis, const int *unit, int64_t count)
{
    for (int i = 0; i < c->slot_count; i++) {
        struct slot *slot = &c->slot[i];

        if (slot->value != value || slot->axis != axis || slot->count != count)
            continue;
        for (int64_t k = 0; k < count; k++)
            units_join(c, slot->unit[k], unit[k]);
        slot->readers++;
        return true;
    }
    return false;
}

int slot_add(struct coupling *c, int value, int axis, const int *unit, int64_t count, enum slot_role role)
{
    struct slot *slot;

    if (join_shared(c, value, axis, unit, count))
        return 0;
    slot = room(c, c->slot, c->slot_count, 1, &c->slot_capacity, sizeof(*slot));
    if (slot == NULL)
        return -1;
    c->slot = slot;
    slot[c->slot_count++] = (struct slot){ value, axis, unit, count, role, 1 };
    return 0;
}

int depthwise_add(struct coupling *c, int node, const int *unit, int64_t count)
{
    struct depthwise *list = room(c, c->depthwise, c->depthwise_count, 1, &c->depthwise_capacity, sizeof(*list));

    if (list == NULL)
        return -1;
    c->depthwise = list;
    list[c->depthwise_count++] = (struct depthwise){ node, unit, count };
    return 0;
}
