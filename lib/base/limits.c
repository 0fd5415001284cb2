#include "base/limits.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

const struct limit_row limit_rows[LIMIT_COUNT] = {
    [LIMIT_YAML_BYTES] = { "yaml-bytes", MIB(1), "bytes of one YAML document" },
    [LIMIT_YAML_DEPTH] = { "yaml-depth", 64, "lists and maps inside one another in YAML" },
    [LIMIT_JSON_BYTES] = { "json-bytes", MIB(8), "bytes of one JSON document or safetensors header" },
    [LIMIT_JSON_DEPTH] = { "json-depth", 64, "lists and maps inside one another in JSON" },
    [LIMIT_JSON_VALUES] = { "json-values", MIB(1), "values of one JSON document" },
    [LIMIT_TENSORS] = { "tensors", 65536, "tensors of one safetensors or npz file or ONNX model" },
    [LIMIT_PACKAGE_BYTES] = { "package-bytes", GIB(4), "bytes of a package read from a pipe" },
    [LIMIT_TAR_NAME_BYTES] = { "tar-name-bytes", KIB(4), "bytes of a tar member's name" },
    [LIMIT_TAR_MEMBERS] = { "tar-members", 1000000, "members of one tar stream" },
    [LIMIT_SAMPLE_BYTES] = { "sample-bytes", MIB(64), "bytes of one member of a sample" },
    [LIMIT_IMAGE_PIXELS] = { "image-pixels", MIB(64), "pixels of one image" },
    [LIMIT_IMAGE_SCANS] = { "image-scans", 100, "scans of one progressive JPEG" },
    [LIMIT_DATA_BYTES] = { "data-bytes", GIB(8), "bytes of decoded samples held in memory" },
    [LIMIT_NODES] = { "nodes", 100000, "nodes of one graph" },
    [LIMIT_ACTIVATION_BYTES] = { "activation-bytes", GIB(16), "bytes planned for one run of a graph" },
};

uint64_t limit_get(enum limit limit)
{
    const struct limit_row *row = &limit_rows[limit];
    char name[64];
    const char *value;
    int64_t number;

    snprintf(name, sizeof(name), "COEDGE_LIMIT_%s", row->name);
    for (char *c = name; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    value = getenv(name);
    /* A value that is no number leaves the guard up. */
    return value && text_to_int(value, &number) == 0 && number >= 0 ? (uint64_t)number : row->initial;
}
