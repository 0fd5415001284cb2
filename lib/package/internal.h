/*
 * internal.h - what the files of package share.
 */
#ifndef PACKAGE_INTERNAL_H
#define PACKAGE_INTERNAL_H

#include "base/text.h"
#include "package/package.h"

/* ---- safetensors.c: in two steps, for whom the bytes come in order ---- */
enum { SAFETENSORS_LENGTH = 8 }; /* bytes that say how long the header is */

/* From the first bytes: how many bytes lie before the data. ERROR_INPUT when absurd. */
MUST_CHECK int safetensors_length(uint64_t *header, const void *bytes, size_t count, struct error *err);
/* `bytes` holds the `header` bytes, `total` counts header and data. */
MUST_CHECK int safetensors_parse_header(struct safetensors *st, struct arena *arena, const void *bytes, size_t header,
                                        uint64_t total, struct error *err);

#endif
