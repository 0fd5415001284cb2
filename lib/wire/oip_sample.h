/* oip_sample.h - messages in files, for tests and the fuzzer: "request N" or "response N", a newline, the body. N is the
 * header's value, "-" stands for none. */
#ifndef WIRE_OIP_SAMPLE_H
#define WIRE_OIP_SAMPLE_H

#include <stdio.h>
#include <string.h>

#include "wire/oip.h"

struct oip_sample {
    bool is_response;
    char header_length[24];
    const char *body;
    size_t count;
};

/* false: it does not begin so. */
static inline bool oip_sample_open(struct oip_sample *sample, const void *bytes, size_t count)
{
    const char *chars = bytes, *newline = count > 0 ? memchr(chars, '\n', count) : NULL;
    size_t skip, length;

    if (newline == NULL)
        return false;
    sample->is_response = count > 9 && memcmp(chars, "response ", 9) == 0;
    skip = sample->is_response ? 9 : 8;
    if (!sample->is_response && (count <= 8 || memcmp(chars, "request ", 8) != 0))
        return false;
    if (chars + skip > newline)
        return false;
    length = (size_t)(newline - chars) - skip;
    if (length >= sizeof(sample->header_length))
        return false;
    memcpy(sample->header_length, chars + skip, length);
    sample->header_length[length] = '\0';
    sample->body = newline + 1;
    sample->count = count - (size_t)(newline + 1 - chars);
    return true;
}

/* Parses it as its first line says. */
static inline int oip_sample_parse(const struct oip_sample *sample, struct oip_request *request,
                                   struct oip_response *response, struct arena *arena, struct error *err)
{
    int64_t length = OIP_JSON_ONLY;

    if (strcmp(sample->header_length, "-") != 0 && oip_header_length_parse(&length, sample->header_length, err) < 0)
        return -1;
    return sample->is_response ? oip_response_parse(response, arena, sample->body, sample->count, length, err)
                               : oip_request_parse(request, arena, sample->body, sample->count, length, err);
}

#endif
