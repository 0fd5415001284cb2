/* head_fuzz.c - any lines in front of an answer: a status below 1000, and a range that lies within the whole. */
#include <stdlib.h>
#include <string.h>

#include "net/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer_head head = { 0 };
    const char *at = (const char *)data, *end = at + size;

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const size_t count = stop ? (size_t)(stop - at) + 1 : (size_t)(end - at);
        char *line = malloc(count); /* of its own, so that a byte too far is seen */

        if (line == NULL)
            abort();
        memcpy(line, at, count);
        answer_line(&head, line, count);
        free(line);
        at += count;
    }
    if (head.bytes != size || head.status < 0 || head.status > 999)
        abort();
    if (head.has_range && head.whole > 0 && head.first >= head.whole)
        abort();
    if (!(head.wait_seconds >= 0 && head.wait_seconds <= NET_LONGEST_TOLD))
        abort();
    return 0;
}
