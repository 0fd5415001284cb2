/*
 * blocks.h - the pass that lays pictures in blocks of channels (op/block.h), as
 * its files share it: blocks.c keeps what lies how, blocks_take.c knows which
 * operators run on blocks, blocks_channels.c those that only move channels. For graph/blocks*.c alone.
 */
#ifndef GRAPH_BLOCKS_H
#define GRAPH_BLOCKS_H

#include "graph/exec_internal.h"
#include "op/block_integer.h"

/* One channel of a picture: where it lies. */
struct place {
    int value; /* in blocks */
    int channel;
};

struct blocks {
    struct graph *graph;
    struct arena *scratch;
    struct uses uses;
    int64_t lanes;
    struct node *old;
    int old_count, value_count;  /* before the pass */
    const struct tensor *tensor; /* by old value: shapes */
    /* by old value: */
    int *twin;            /* the same in blocks; -1 */
    struct place **where; /* its channels are picked from these places; NULL */
    bool *plain;          /* it is there as it was */
    bool *done;           /* by old node: taken with an earlier one */
    int64_t places;       /* listed so far, in all */
    int *number;          /* of gather(): by value now, 0 outside it */
};

static inline const struct node *blocks_node(const struct blocks *b, int n)
{
    return &b->old[n];
}

static inline const struct shape *blocks_shape(const struct blocks *b, int value)
{
    return &b->tensor[value].shape;
}

/* A picture [N, C, H, W] of floats or quantized bytes that is, or may come, in blocks. */
bool blocks_is_picture(const struct blocks *b, int value);
/* It lies in blocks, or is picked from some. */
bool blocks_has(const struct blocks *b, int value);
/* Its twin, made now if need be; -1 on failure. */
MUST_CHECK int blocks_twin(struct blocks *b, int value, struct error *err);
/* Where its channels lie; NULL on failure. */
struct place *blocks_where(struct blocks *b, int value, struct error *err);
/* A node on blocks in the place of `node`: in[0..count) are values as they are now. Its output is out[0]'s twin. */
MUST_CHECK int blocks_push(struct blocks *b, const struct node *node, const struct op *op, const int *in, int count,
                           struct error *err);
/* Elements of both stand for the same numbers: floats, or bytes of one scale. */
bool blocks_alike(const struct blocks *b, int value, int other);
MUST_CHECK int blocks_take_concat(struct blocks *b, int n, struct error *err);
MUST_CHECK int blocks_take_split(struct blocks *b, int n, struct error *err);
MUST_CHECK int blocks_take_slice(struct blocks *b, int n, struct error *err);
MUST_CHECK int blocks_take_shuffle(struct blocks *b, int n, struct error *err);
/* Takes the node if its operator runs on blocks here: 1 when it did, 0 when it stays as it is, -1 on failure. */
MUST_CHECK int blocks_take(struct blocks *b, int n, struct error *err);

#endif
