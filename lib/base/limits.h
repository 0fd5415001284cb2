/*
 * limits.h - how much untrusted input may ask for. The defaults are printed by
 * `coedge help limits`; COEDGE_LIMIT_NAME=VALUE and coedge.yaml `limits:` change them.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stdint.h>

enum limit {
    LIMIT_YAML_BYTES,       /* 1 MiB */
    LIMIT_YAML_DEPTH,       /* 64 */
    LIMIT_JSON_BYTES,       /* 8 MiB: safetensors header, OCI manifests */
    LIMIT_JSON_DEPTH,       /* 64 */
    LIMIT_JSON_VALUES,      /* 1 Mi values of one document */
    LIMIT_TENSORS,          /* 65536 a safetensors or npz file or an ONNX model */
    LIMIT_PACKAGE_BYTES,    /* 4 GiB read from a pipe */
    LIMIT_TAR_NAME_BYTES,   /* 4 KiB */
    LIMIT_TAR_MEMBERS,      /* 1 M */
    LIMIT_SAMPLE_BYTES,     /* 64 MiB one member of a sample */
    LIMIT_IMAGE_PIXELS,     /* 64 Mi */
    LIMIT_IMAGE_SCANS,      /* 100 progressive scans */
    LIMIT_DATA_BYTES,       /* 8 GiB of decoded samples held in memory */
    LIMIT_NODES,            /* 100 000 nodes of a graph */
    LIMIT_ACTIVATION_BYTES, /* 16 GiB planned for one run */
    LIMIT_COUNT,
};

struct limit_row {
    const char *name; /* "yaml-depth" */
    uint64_t initial;
    const char *help;
};

extern const struct limit_row limit_rows[LIMIT_COUNT];

/* The value in force: the default, or what COEDGE_LIMIT_<NAME> in the environment says. */
uint64_t limit_get(enum limit limit);

#endif
