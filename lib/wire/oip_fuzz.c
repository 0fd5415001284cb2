/* oip_fuzz.c - any bytes as a message: refused with a kind, or written and read back the same. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/oip_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int write(const struct oip_sample *sample, struct text *out, int64_t *length, const struct oip_request *request,
                 const struct oip_response *response, struct error *err)
{
    return sample->is_response ? oip_response_write(out, length, response, err)
                               : oip_request_write(out, length, request, err);
}

/* What raw bytes can hold, JSON cannot always say; what was JSON can. */
static void write_twice(const struct oip_sample *sample, const struct oip_request *request,
                        const struct oip_response *response)
{
    struct oip_sample again = *sample;
    struct text once = { 0 }, twice = { 0 };
    struct oip_request request_again;
    struct oip_response response_again;
    struct arena arena = { 0 };
    struct error err = { 0 };
    int64_t length;

    if (write(sample, &once, &length, request, response, &err) < 0)
        abort();
    again.body = once.chars;
    again.count = once.length;
    if (length == OIP_JSON_ONLY)
        memcpy(again.header_length, "-", 2);
    else
        snprintf(again.header_length, sizeof(again.header_length), "%lld", (long long)length);
    if (oip_sample_parse(&again, &request_again, &response_again, &arena, &err) < 0 ||
        write(sample, &twice, &length, &request_again, &response_again, &err) < 0)
        abort();
    if (once.length != twice.length || memcmp(once.chars, twice.chars, once.length) != 0)
        abort();
    text_free(&once);
    text_free(&twice);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oip_request request;
    struct oip_response response;
    struct oip_sample sample;
    struct arena arena = { 0 };
    struct error err = { 0 };

    if (!oip_sample_open(&sample, data, size))
        return 0;
    if (oip_sample_parse(&sample, &request, &response, &arena, &err) < 0) {
        if (err.kind != ERROR_INPUT || err.message[0] == '\0')
            abort();
    } else if (sample.count < 1 << 18) {
        write_twice(&sample, &request, &response);
    }
    (void)oip_error_parse(&arena, sample.body, sample.count);
    arena_free(&arena);
    return 0;
}
