/*
 * op.h - operators: ONNX's, with ONNX's names and attributes. One file each,
 * one row in table.c.
 *
 * shape() alone may fail: it checks inputs and attributes, sets dtype and
 * shape of every output, fills the plan, and says how much scratch it wants.
 * After that forward() and backward() run to the end.
 */
#ifndef OP_OP_H
#define OP_OP_H

#include "base/arena.h"
#include "base/pool.h"
#include "kern/kern.h"
#include "tensor/tensor.h"

/* ---- attributes ---- */
enum attribute_kind { ATTRIBUTE_INT, ATTRIBUTE_FLOAT, ATTRIBUTE_TEXT, ATTRIBUTE_INTS, ATTRIBUTE_FLOATS };

struct attribute {
    const char *name;
    enum attribute_kind kind;
    int64_t i;
    double f;
    const char *s;
    const int64_t *ints;
    const float *floats;
    int count; /* of ints or floats */
};

struct attributes {
    struct attribute *item;
    int count;
};

const struct attribute *attribute_find(const struct attributes *attributes, const char *name);
/* Absent gives the fallback; a wrong kind is ERROR_INPUT naming the attribute. */
MUST_CHECK int attribute_int(const struct attributes *attributes, const char *name, int64_t fallback, int64_t *out,
                             struct error *err);
MUST_CHECK int attribute_float(const struct attributes *attributes, const char *name, double fallback, double *out,
                               struct error *err);
MUST_CHECK int attribute_text(const struct attributes *attributes, const char *name, const char *fallback,
                              const char **out, struct error *err);
/* `count` values; absent fills with `fallback`. A list of another length is ERROR_INPUT. */
MUST_CHECK int attribute_ints(const struct attributes *attributes, const char *name, int count, int64_t fallback,
                              int64_t *out, struct error *err);

/* ---- ways ---- */
/*
 * How a node is asked to compute, by who timed it on this CPU: where that fits the shapes and the kernels, else the
 * operator chooses. Every way of a convolution of reals is within the bounds that its default is held to (block_conv_test.c),
 * and rounds otherwise; on bytes the answers are the same.
 */
enum op_way {
    OP_WAY_ANY,        /* as the operator chooses */
    OP_WAY_DIRECT,     /* no Winograd's products */
    OP_WAY_WINOGRAD_2, /* those of tiles of 2 x 2 */
    OP_WAY_WINOGRAD_4,
    OP_WAY_DEPTHWISE, /* bytes: no words of four pixels */
    OP_WAYS
};
/* "direct", "winograd 2x2", "winograd 4x4", "depthwise": what the names of kernels that go so begin with. "any" for ANY. */
const char *op_way_name(enum op_way way);
/* OP_WAYS when nothing is called so. */
enum op_way op_way_find(const char *name);

/* ---- what an operator is given ---- */

/* Applied to each output element as it is stored, in this order: y = act(y + add). Bits equal the separate nodes'. */
enum activation {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_CLIP,
    ACTIVATION_LEAKY_RELU,
    ACTIVATION_HARD_SWISH,
    ACTIVATION_SWISH,
    ACTIVATION_SIGMOID,
    ACTIVATION_HARD_SIGMOID,
};

struct epilogue {
    const struct tensor *add; /* residual, shape of out[0]; NULL: none */
    enum activation activation;
    float low, high; /* CLIP */
    float alpha;     /* LEAKY_RELU, SWISH, HARD_SIGMOID */
    float beta;      /* HARD_SIGMOID */
};

struct op_io {
    const struct attributes *attributes;
    const struct tensor *const *in; /* an absent optional input is NULL */
    int in_count;
    struct tensor *const *out;
    int out_count;
    void *plan;                      /* op->plan_bytes, zeroed before shape(), read-only afterwards */
    const struct epilogue *epilogue; /* NULL, or for operators flagged OP_EPILOGUE */
    bool training;
    bool again;      /* forward computes what it already did in this step: same bits, and nothing else changes */
    int workers;     /* threads that may call in; known before shape() */
    enum op_way way; /* known before shape() */
    const struct kern *kern; /* what will run; known before shape() of operators on pictures in blocks */
    bool packs;              /* set before shape(): the caller will call op->pack once, for its weights never change */
    /* asked for by shape(), given before forward() */
    size_t work_bytes;   /* scratch during one forward or one backward */
    size_t saved_bytes;  /* kept from forward to backward; 0 unless training */
    size_t packed_bytes; /* weights in the kernels' own order; 0 unless packs */
    size_t streams;      /* bytes of in[1] that are read once, which is all that takes time */
    size_t fetches;      /* bytes that can be brought near for a later node while this one computes */
    void *work, *saved, *packed;
    /*
     * Asked for in training: in[1]'s gradient costs no more in a backward() of its own, with so much scratch, and there it
     * may come so many rows of its first axis at a time; 0: all. Bits are the same.
     */
    bool apart;
    size_t apart_bytes;
    int64_t grad_rows;
    /* Given: rows [grad_first, grad_first + grad_count) of it now, to in[1]->grad on; grad_count 0: all of them. */
    int64_t grad_first, grad_count;
    const void *ahead; /* what a later node streams, ahead_bytes <= fetches; NULL */
    size_t ahead_bytes;
};

/* What varies from run to run. */
struct op_run {
    const struct kern *kern;
    struct pool *pool;   /* NULL: one thread */
    uint64_t seed, step; /* Dropout draws by (seed, step, node) */
    uint64_t node;
};

struct op_cost {
    double macs; /* multiply-adds */
    double read_bytes, write_bytes;
};

enum op_flag {
    OP_ELEMENTWISE = 1,      /* out[0] has in[0]'s shape, element by element */
    OP_IN_PLACE = 2,         /* out[0] may share in[0]'s memory (inference) */
    OP_VIEW = 4,             /* out[0] is in[0]'s bytes under another shape: Reshape, Flatten, Squeeze, Identity */
    OP_EPILOGUE = 8,         /* takes an epilogue */
    OP_INTEGER = 16,         /* also runs on quantized tensors (in[0] U8), integer arithmetic */
    OP_BACKWARD_OUT = 32,    /* backward reads out[0]->data */
    OP_BACKWARD_IN = 64,     /* backward reads in[i]->data of computed inputs */
    OP_TRAINING_ONLY = 128,  /* the identity at inference: Dropout */
    OP_EMPTY = 256,          /* takes inputs without an element; forward() is not called when all it gives is empty */
    OP_OF_SHAPE = 512,       /* what it gives follows from its inputs' shapes alone: Shape, Size */
    OP_GRAD_IN_PLACE = 1024, /* backward may write in[0]->grad over out[0]->grad, of the same shape */
    OP_AGAIN_SAVED = 2048,   /* forward reads what it saved when io->again: it must have been kept */
    OP_EPILOGUE_BACK = 4096, /* takes RELU or CLIP as its epilogue in training; backward goes through it */
};

struct op {
    const char *name;                    /* ONNX's */
    const char *formula;                 /* for `coedge help ops` */
    int min_inputs, max_inputs, outputs; /* max -1: any; outputs -1: any */
    const char *attributes;              /* the names that it knows, a space between two; NULL: none */
    unsigned arguments; /* bit i: shape() reads the values of in[i], which must be there by then (a list of axes) */
    unsigned flags;
    size_t plan_bytes;
    int (*shape)(struct op_io *io, struct error *err);
    void (*forward)(const struct op_io *io, const struct op_run *run);
    /* Fills io->packed from weights (in[1] on), once, after shape() and before the first forward. Only where packed_bytes is not 0. */
    void (*pack)(const struct op_io *io, const struct op_run *run);
    unsigned packs; /* bit i: once packed, in[i] is read no more */
    /*
     * From out[0]->grad to in[i]->grad for each i whose grad is not NULL,
     * overwriting it, or adding where in[i]->grad_add. NULL: not differentiable.
     */
    void (*backward)(const struct op_io *io, const struct op_run *run);
    void (*cost)(const struct op_io *io, struct op_cost *cost); /* NULL: elementwise */
    /* Whether out[0] is the inputs' bytes, one input behind another; NULL: never. After shape(). */
    bool (*joins)(const struct op_io *io);
    const char *(*kernel)(const struct op_io *io); /* what forward() does it with, for profile; NULL: one way only */
};

extern const struct op *const op_table[]; /* by name, ends with NULL */
/* NULL when unknown. */
const struct op *op_find(const char *name);
/* Bytes of all present inputs and outputs, and what op->cost says; shape() must have accepted io. */
void op_cost_of(const struct op *op, const struct op_io *io, struct op_cost *cost);

#endif
