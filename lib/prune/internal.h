/*
 * internal.h - which channels go together.
 *
 * A channel is an index of axis 1 of a value. Channels made by a layer are new
 * units; operators that keep channels apart hand their units on; operators that
 * need two channels to stay or go together join their units. When all nodes
 * have been seen, a joined set of units is what can be removed as one.
 */
#ifndef PRUNE_INTERNAL_H
#define PRUNE_INTERNAL_H

#include "prune/prune.h"

enum slot_role { SLOT_MAKES, SLOT_READS, SLOT_SCALES, SLOT_FOLLOWS }; /* follows: biases, statistics: not scored */

/* One axis of one weight: index i belongs to unit[i]. */
struct slot {
    int value, axis;
    const int *unit;
    int64_t count;
    enum slot_role role;
    int readers; /* nodes that agreed to the cut */
};

/* A Conv whose `group` is the number of its input channels. */
struct depthwise {
    int node;
    const int *unit;
    int64_t count;
};

struct coupling {
    struct arena *arena;
    struct graph *graph;
    const struct job *job;
    struct error *err;

    int *parent; /* unit: union-find */
    int *layer;  /* unit: the layer that made it */
    bool *fixed; /* root unit: must stay */
    int unit_count, unit_capacity;

    int *layer_parent; /* layer: union-find; layers whose units are joined share their share */
    const char **layer_name;
    int layer_count, layer_capacity;

    struct slot *slot;
    int slot_count, slot_capacity;
    struct depthwise *depthwise;
    int depthwise_count, depthwise_capacity;

    const int **channel; /* value: its units, or NULL when it has no channels */
};

/* ---- couple.c ---- */
/* Follows all channels of a graph whose shapes have been inferred for batch 1. */
MUST_CHECK int couple_graph(struct coupling *c, struct arena *arena, struct graph *graph, const struct job *job,
                            struct error *err);
int couple_unit(const struct coupling *c, int unit);   /* root of the joined set */
int couple_layer(const struct coupling *c, int layer); /* root layer */

/* ---- units.c: what couple.c builds with ---- */
int *units_new(struct coupling *c, int64_t count, const char *layer, bool fixed);
void units_join(struct coupling *c, int a, int b);
void units_fix(struct coupling *c, const int *unit, int64_t count);
MUST_CHECK int slot_add(struct coupling *c, int value, int axis, const int *unit, int64_t count, enum slot_role role);
MUST_CHECK int depthwise_add(struct coupling *c, int node, const int *unit, int64_t count);

/* ---- score.c ---- */
/* score (a root unit each, unit_count entries): the higher, the more it is needed. */
MUST_CHECK int score_units(const struct coupling *c, enum prune_method method, double *score);

/* ---- select.c ---- */
/* remove (a root unit each): true for those to go. ERROR_INPUT when a layer would keep none. */
MUST_CHECK int select_units(const struct coupling *c, const struct prune_options *options, const double *score,
                            bool *remove, struct prune_report *report);

/* ---- compact.c ---- */
/* New weights in the graph's arena without the removed indices; `group` attributes follow. */
MUST_CHECK int compact_graph(const struct coupling *c, const bool *remove);

/* ---- prune.c ---- */
/* ERROR_INPUT for what must not be pruned: quantized models, updates, parts. */
MUST_CHECK int prune_refuse_unfit(const struct model *model, struct error *err);
MUST_CHECK int prune_measure(struct graph *graph, int64_t *parameters, double *macs, struct error *err);

#endif
