/*
 * spec.h - a call of an operator written as text, so that test tables are one
 * line a case. Inputs stand side by side: "F32[2,3]" is computed, "I64[2]{0,-1}"
 * a constant, "U8[4]@0.5:128{1,2,3,4}" quantized with scale and zero point, "-"
 * absent. Outputs are "@0.5:128" when quantized. Attributes: "axis=1 alpha=0.5
 * mode=reflect pads=0,1 axes=2, ratios=0.5,"; a text's "+" is a space. For tests
 * of lib/op alone.
 */
#ifndef OP_SPEC_H
#define OP_SPEC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/internal.h"
#include "tensor/element.h"

enum { SPEC_MOST = 9, SPEC_INTS = 16, SPEC_BLOCKS = 64 };

struct spec {
    const struct op *op;
    struct op_io io;
    struct tensor tensor[2][SPEC_MOST]; /* inputs, outputs */
    struct tensor *pointer[2][SPEC_MOST];
    struct quant quant[2][SPEC_MOST];
    float scale[2][SPEC_MOST];
    int32_t zero_point[2][SPEC_MOST];
    struct attribute attribute[SPEC_MOST];
    struct attributes attributes;
    int64_t ints[SPEC_MOST][SPEC_INTS];
    float floats[SPEC_MOST][SPEC_INTS];
    struct arena arena; /* words and lists */
    void *block[SPEC_BLOCKS];
    int blocks;
};

/* Each block its own and no larger than asked for, so that a sanitizer sees who goes beyond; nothing may count on zeros. */
static void *spec_memory(struct spec *s, size_t bytes)
{
    void *memory = NULL;

    if (s->blocks == SPEC_BLOCKS || posix_memalign(&memory, 64, bytes ? bytes : 1) != 0)
        abort();
    memset(memory, 0xa5, bytes);
    s->block[s->blocks++] = memory;
    return memory;
}

static void spec_end(struct spec *s)
{
    for (int i = 0; i < s->blocks; i++)
        free(s->block[i]);
    s->blocks = 0;
    arena_free(&s->arena);
}

static void spec_quant(struct spec *s, int side, int i, const char *at)
{
    char *end;

    s->scale[side][i] = strtof(at + 1, &end);
    s->zero_point[side][i] = (int32_t)strtol(end + 1, NULL, 10);
    s->quant[side][i] = (struct quant){ -1, 1, &s->scale[side][i], &s->zero_point[side][i] };
    s->tensor[side][i].quant = &s->quant[side][i];
}

static void spec_data(struct spec *s, struct tensor *t, char *list)
{
    char *data = spec_memory(s, tensor_bytes(t));
    int64_t i = 0;

    t->data = data;
    for (char *at = list + 1; *at != '}' && i < shape_count(&t->shape); at += *at == ',', i++) {
        if (dtype_is_float(t->dtype))
            element_set_real(t->dtype, data, i, strtod(at, &at));
        else if (t->dtype == DTYPE_U64)
            ((uint64_t *)t->data)[i] = strtoull(at, &at, 10);
        else
            element_set_int(t->dtype, data, i, strtoll(at, &at, 10));
    }
    if (i != shape_count(&t->shape))
        abort();
}

static void spec_tensor(struct spec *s, int side, int i, char *text)
{
    struct tensor *t = &s->tensor[side][i];
    char *at = strchr(text, '@'), *list = strchr(text, '{'), *dims = strchr(text, '[');

    if (strcmp(text, "-") == 0)
        return;
    s->pointer[side][i] = t;
    if (at != NULL)
        spec_quant(s, side, i, at);
    if (dims == NULL)
        return;
    *dims = '\0';
    if (dtype_parse(&t->dtype, text, NULL) < 0)
        abort();
    for (char *d = dims + 1; *d != ']'; d += *d == ',')
        t->shape.dim[t->shape.rank++] = strtoll(d, &d, 10);
    if (list != NULL)
        spec_data(s, t, list);
}

/* A list with a point in it is one of reals. */
static void spec_list(struct spec *s, struct attribute *a, const char *list)
{
    char *end;

    a->kind = strchr(list, '.') != NULL ? ATTRIBUTE_FLOATS : ATTRIBUTE_INTS;
    a->floats = s->floats[s->attributes.count];
    for (const char *at = list; *at != '\0'; at = end + (*end == ',')) {
        if (a->count == SPEC_INTS)
            abort();
        s->floats[s->attributes.count][a->count] = strtof(at, &end);
        s->ints[s->attributes.count][a->count++] = strtoll(at, a->kind == ATTRIBUTE_INTS ? &end : NULL, 10);
    }
}

static void spec_attribute(struct spec *s, char *text)
{
    struct attribute *a = &s->attribute[s->attributes.count];
    char *value = strchr(text, '='), *end;

    *value++ = '\0';
    *a = (struct attribute){ .name = text, .kind = ATTRIBUTE_TEXT, .s = value };
    a->f = strtod(value, &end);
    a->i = (int64_t)a->f;
    a->ints = s->ints[s->attributes.count];
    if (*end == ',') {
        spec_list(s, a, value);
    } else if (*end == '\0') {
        a->kind = strchr(value, '.') != NULL ? ATTRIBUTE_FLOAT : ATTRIBUTE_INT;
    }
    for (char *plus = strchr(value, '+'); a->kind == ATTRIBUTE_TEXT && plus != NULL; plus = strchr(plus, '+'))
        *plus = ' ';
    s->attributes.count++;
}

static char *spec_words(struct spec *s, const char *text)
{
    char *copy = arena_strdup(&s->arena, text);

    if (copy == NULL)
        abort();
    return copy;
}

/* Reads the texts; the rest of the call (workers, training, epilogue) is as in `io`. */
static inline void spec_read(struct spec *s, const struct op_io *io, const char *name, const char *inputs,
                             const char *outputs, const char *attributes)
{
    char *rest, *word;

    *s = (struct spec){ .op = op_find(name), .io = *io };
    for (word = strtok_r(spec_words(s, inputs), " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        spec_tensor(s, 0, s->io.in_count++, word);
    for (word = strtok_r(spec_words(s, outputs), " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        spec_tensor(s, 1, s->io.out_count++, word);
    if (s->io.out_count == 0)
        s->pointer[1][s->io.out_count++] = &s->tensor[1][0];
    for (int i = 0; i < s->io.out_count; i++)
        s->pointer[1][i] = &s->tensor[1][i];
    for (word = strtok_r(spec_words(s, attributes), " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        spec_attribute(s, word);
    if (s->op == NULL)
        abort();
    s->attributes.item = s->attribute;
    s->io.attributes = &s->attributes;
    s->io.in = (const struct tensor *const *)s->pointer[0];
    s->io.out = s->pointer[1];
    s->io.plan = spec_memory(s, s->op->plan_bytes);
    memset(s->io.plan, 0, s->op->plan_bytes);
}

/* Reads the texts and calls shape(). */
static inline int spec_shape_with(struct spec *s, const struct op_io *io, const char *name, const char *inputs,
                                  const char *outputs, const char *attributes, struct error *err)
{
    spec_read(s, io, name, inputs, outputs, attributes);
    return s->op->shape(&s->io, err);
}

static inline int spec_shape(struct spec *s, const char *name, const char *inputs, const char *outputs,
                             const char *attributes, bool training, struct error *err)
{
    return spec_shape_with(s, &(struct op_io){ .workers = 1, .training = training }, name, inputs, outputs, attributes,
                           err);
}

#endif
