/*
 * oip.h - the Open Inference Protocol's messages as bytes, both ways: what a
 * server reads and writes, and what a client does. No socket is touched here.
 *
 * A body is a JSON object, followed by the raw bytes of those tensors that are
 * not in it; then the header Inference-Header-Content-Length tells where the
 * object ends. Parsed tensors lie in the body where they were raw, else in the
 * arena: both must outlive the message.
 *
 * Source: KServe, Open Inference Protocol (REST), version 2; NVIDIA Triton,
 * "Binary Tensor Data Extension" and "Classification Extension"; MLServer's
 * content type "base64" of a tensor's parameters.
 */
#ifndef WIRE_OIP_H
#define WIRE_OIP_H

#include "base/arena.h"
#include "base/text.h"
#include "tensor/tensor.h"

/* Tensors of one message, at most. */
enum { OIP_MOST_TENSORS = 1024 };

/* The header, and what stands for it where there is none: the body is JSON to its end. */
#define OIP_HEADER_LENGTH "Inference-Header-Content-Length"
enum { OIP_JSON_ONLY = -1 };

struct oip_tensor {
    const char *name;
    /*
     * BYTES: each element is its length (4 bytes, little endian) and so many bytes, as on the wire. Otherwise elements
     * of dtype, little endian and row-major, perhaps unaligned.
     */
    bool is_bytes;
    enum dtype dtype;
    struct shape shape;
    const void *data;
    size_t data_bytes;
    bool binary; /* raw, behind the JSON object; true for what was read as base64, too */
};

/* An output that is asked for. */
struct oip_output {
    const char *name;
    bool binary;
    int64_t classification; /* so many of the largest classes instead of numbers; 0: numbers */
};

struct oip_request {
    const char *id; /* or NULL */
    struct oip_tensor *input;
    int input_count;
    struct oip_output *output; /* none: all of the model's, as JSON or, with binary_output, raw */
    int output_count;
    bool binary_output;
};

struct oip_response {
    const char *model, *version, *id; /* id may be NULL */
    const char *identity;             /* digest of the model that answered, as parameter "identity"; or NULL */
    struct oip_tensor *output;
    int output_count;
};

/* ---- names of element types: "FP32", "UINT8", ...; "BYTES" is none of enum dtype ---- */
const char *oip_datatype(const struct oip_tensor *tensor);
const char *oip_datatype_of(enum dtype dtype);

/*
 * Parsing. header_length: the header's value, or OIP_JSON_ONLY.
 * Errors: ERROR_INPUT that names the tensor. Numbers must fit their type; FP16 and BF16 have no form in JSON.
 */
MUST_CHECK int oip_request_parse(struct oip_request *request, struct arena *arena, const void *body, size_t count,
                                 int64_t header_length, struct error *err);
MUST_CHECK int oip_response_parse(struct oip_response *response, struct arena *arena, const void *body, size_t count,
                                  int64_t header_length, struct error *err);
/* The text of {"error": TEXT}; NULL when the body is no such object. */
const char *oip_error_parse(struct arena *arena, const void *body, size_t count);

/*
 * Writing: appends a whole body. *header_length becomes the header's value, OIP_JSON_ONLY when no tensor is raw.
 * Errors: ERROR_INPUT for what JSON cannot say (FP16, BF16, a real that is not finite); ERROR_LIMIT out of memory.
 */
MUST_CHECK int oip_request_write(struct text *out, int64_t *header_length, const struct oip_request *request,
                                 struct error *err);
MUST_CHECK int oip_response_write(struct text *out, int64_t *header_length, const struct oip_response *response,
                                  struct error *err);
void oip_error_write(struct text *out, const char *message);

/* ---- elements of BYTES, one after the other ---- */
struct oip_bytes {
    const unsigned char *at;
    size_t left;
};
struct oip_bytes oip_bytes_of(const struct oip_tensor *tensor);
/* 1: *bytes and *count are the next element; 0: there is none; -1: a length reaches beyond the end. */
int oip_bytes_next(struct oip_bytes *bytes, const unsigned char **element, size_t *count);
/* Appends an element. */
void oip_bytes_add(struct text *out, const void *element, size_t count);

/* A header's value to a length: digits alone. ERROR_INPUT. */
MUST_CHECK int oip_header_length_parse(int64_t *length, const char *value, struct error *err);

#endif
