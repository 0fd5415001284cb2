#include <string.h>

#include "base/text.h"
#include "data/data.h"

enum { MOST_LABELS = 65536, MOST_BYTES = 1 << 20 };

static int check_label(const char *const *labels, int count, const char *label, int line, struct error *err)
{
    struct text visible = { 0 };
    bool plain;

    text_add_visible(&visible, label, strlen(label));
    if (text_check(&visible, err) < 0)
        return -1;
    plain = strcmp(visible.chars, label) == 0;
    text_free(&visible);
    if (!plain)
        return error_set(err, ERROR_INPUT, "line %d: a label with a control character or bad UTF-8", line);
    for (int i = 0; i < count; i++)
        if (strcmp(labels[i], label) == 0)
            return error_set(err, ERROR_INPUT, "line %d: label '%s' twice", line, label);
    if (count == MOST_LABELS)
        return error_set(err, ERROR_INPUT, "more than %d labels", MOST_LABELS);
    return 0;
}

static int parse(struct arena *arena, const struct input *in, const char **labels, int *count, struct error *err)
{
    const char *at = (const char *)in->bytes, *end = at + in->count;

    *count = 0;
    if (in->count >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3; /* the byte order mark that some editors begin a UTF-8 file with */
    for (int line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop ? stop : end) - at);
        const char *label;

        if (length > 0 && at[length - 1] == '\r')
            length--;
        if (memchr(at, '\0', length) != NULL)
            return error_set(err, ERROR_INPUT, "line %d: a NUL byte: this is no text", line);
        label = arena_strndup(arena, at, length);
        if (label == NULL)
            return error_memory(err);
        at = stop ? stop + 1 : end;
        if (*label == '\0')
            continue;
        if (check_label(labels, *count, label, line, err) < 0)
            return -1;
        labels[(*count)++] = label;
    }
    return *count > 0 ? 0 : error_set(err, ERROR_INPUT, "no labels");
}

int labels_read(struct arena *arena, const char *path, const char ***labels, int *count, struct error *err)
{
    struct input in;
    size_t most = 1;
    int rc;

    if (input_open(&in, path, MOST_BYTES, err) < 0)
        return -1;
    for (size_t i = 0; i < in.count; i++)
        most += in.bytes[i] == '\n';
    *labels = arena_array(arena, most, sizeof(**labels));
    rc = *labels ? parse(arena, &in, *labels, count, err) : error_memory(err);
    input_close(&in);
    return rc < 0 ? error_in(err, "%s", path) : 0;
}
