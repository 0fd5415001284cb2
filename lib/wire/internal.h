/* internal.h - what the readers and writers of both messages share. */
#ifndef WIRE_INTERNAL_H
#define WIRE_INTERNAL_H

#include "base/tree.h"
#include "wire/oip.h"

/* A body taken apart. */
struct oip_body {
    const struct tree *root;
    const unsigned char *raw; /* behind the object */
    size_t raw_left;
};
MUST_CHECK int oip_body_open(struct oip_body *body, struct arena *arena, const void *bytes, size_t count,
                             int64_t header_length, struct error *err);
/* What no tensor claimed is an error. */
MUST_CHECK int oip_body_close(const struct oip_body *body, struct error *err);

/* root's `key`, a list of tensors, in the order in which raw bytes follow. `what` is "input" or "output". */
MUST_CHECK int oip_tensors_read(struct oip_tensor **tensors, int *tensor_count, struct oip_body *body,
                                struct arena *arena, const char *key, const char *what, struct error *err);
/* Optional text, and a flag of `parameters`. */
MUST_CHECK int oip_flag_read(bool *flag, const struct tree *map, const char *key, struct error *err);

/* The list as JSON's member `key`, then the raw bytes with oip_raw_write(), in the same order. */
MUST_CHECK int oip_tensors_write(struct text *out, const char *key, const struct oip_tensor *tensors, int count,
                                 const char *what, struct error *err);
void oip_raw_write(struct text *out, int64_t *header_length, const struct oip_tensor *tensors, int count);

/* Values as JSON has them to little-endian bytes of the arena; see oip_values.c. */
MUST_CHECK int oip_values_read(struct oip_tensor *tensor, struct arena *arena, const struct tree *data, bool base64,
                               struct error *err);
MUST_CHECK int oip_values_write(struct text *out, const struct oip_tensor *tensor, struct error *err);

/* Appends what base64 (RFC 4648, section 4) says; false when it is none. */
bool oip_base64_read(struct text *out, const char *chars, size_t count);

#endif
