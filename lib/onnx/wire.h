/*
 * wire.h - protobuf's wire format, in and out: fields of a number and a type,
 * one after the other, messages inside one another as bytes with a length.
 *
 * A message is read by pulling its known fields, those of its rules; unknown ones are stepped
 * over. Nothing is read outside the bytes given. Whatever is refused is ERROR_INPUT
 * with the byte's offset in the file and the name of the field.
 *
 * Source: protobuf's encoding guide. Groups, its types 3 and 4, are refused.
 */
#ifndef ONNX_WIRE_H
#define ONNX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5,
    /* Of rules alone: such numbers many times, maybe packed as bytes. */
    WIRE_MANY = 8,
    WIRE_VARINTS = WIRE_MANY | WIRE_VARINT,
    WIRE_FIXED64S = WIRE_MANY | WIRE_FIXED64,
    WIRE_FIXED32S = WIRE_MANY | WIRE_FIXED32,
};

/* A field that a message may have. An array of these ends with number 0. */
struct wire_rule {
    uint32_t number;
    enum wire_type type;
    const char *name;
};

/* What is left of a message. */
struct wire {
    unsigned char *file; /* offsets count from here */
    unsigned char *at, *end;
    const struct wire_rule *rules;
};

struct wire_field {
    const struct wire_rule *rule;
    enum wire_type type; /* as it came: WIRE_BYTES where numbers are packed */
    uint64_t value;      /* of a VARINT; the bits of a FIXED32 or FIXED64 */
    struct wire body;    /* of BYTES: what they hold, without rules */
};

/* ---- in ---- */
/* The next field that has a rule: 1, 0 at the end, -1. */
MUST_CHECK int wire_next(struct wire *wire, struct wire_field *field, struct error *err);
/* The rule of the field that begins here, when its tag is whole and as the rule says; else NULL. */
const struct wire_rule *wire_peek(struct wire wire);
MUST_CHECK int wire_varint(struct wire *wire, const char *name, uint64_t *value, struct error *err);
/* A text of its own, ended by a NUL. UTF-8 without NUL, or ERROR_INPUT. */
MUST_CHECK int wire_text(const struct wire_field *field, struct arena *arena, const char **text, struct error *err);
float wire_real(const struct wire_field *field);

/* ---- lists: all fields of one number; the message has been read to its end before ---- */
MUST_CHECK int wire_texts(struct wire wire, uint32_t number, struct arena *arena, const char ***list, int *count,
                          struct error *err);
/* Packed or not, or some of each. */
MUST_CHECK int wire_ints(struct wire wire, uint32_t number, struct arena *arena, const int64_t **list, int *count,
                         struct error *err);
MUST_CHECK int wire_reals(struct wire wire, uint32_t number, struct arena *arena, const float **list, int *count,
                          struct error *err);
/* How many varints lie in the bytes. */
size_t wire_varints(const unsigned char *bytes, size_t count);

/* Messages of one kind, each made a struct that begins with its name, a `const char *`. */
struct wire_items {
    uint32_t number;
    const char *name; /* "node" */
    const struct wire_rule *rules;
    size_t size;      /* of the struct */
    enum limit limit; /* how many at most; LIMIT_COUNT: no limit of its own */
    int (*parse)(struct wire wire, void *item, struct arena *arena, struct error *err);
};
/* The array, or NULL. */
MUST_CHECK void *wire_items(struct wire wire, const struct wire_items *items, struct arena *arena, int *count,
                            struct error *err);

/* ---- out: into a text, whose `failed` tells of memory that ran out ---- */
size_t wire_varint_bytes(uint64_t value);
void wire_put_varint(struct text *out, uint64_t value);
void wire_put_int(struct text *out, uint32_t number, int64_t value);
void wire_put_real(struct text *out, uint32_t number, float value);
void wire_put_bytes(struct text *out, uint32_t number, const void *bytes, size_t count);
void wire_put_text(struct text *out, uint32_t number, const char *text);
/* A message: what is put between the two is its body. `begin` is what wire_open() returned. */
MUST_CHECK size_t wire_open(struct text *out, uint32_t number);
void wire_close(struct text *out, size_t begin);

#endif
