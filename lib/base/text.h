/*
 * text.h - a string that grows, and what is done with untrusted text.
 *
 * A text of zeros ({0}) is ready for use; `chars` is NULL or ends with NUL.
 * When memory runs out `failed` is set and stays set, further appends do
 * nothing: check it once at the end with text_check().
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"

struct text {
    char *chars;
    size_t length, capacity;
    bool failed;
};

void text_add(struct text *text, const char *chars);
void text_add_bytes(struct text *text, const void *bytes, size_t count);
void text_printf(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
MUST_CHECK int text_check(const struct text *text, struct error *err);
void text_free(struct text *text);

/* Appends with control characters, escapes, bidi marks and bad UTF-8 as \xNN: safe for a terminal. */
void text_add_visible(struct text *text, const char *chars, size_t count);

/* The nearest of `names` (NULL-terminated) to `word` by edit distance, or NULL when none is near. */
const char *text_nearest(const char *word, const char *const *names);

/* Whole-string numbers: 0 and *out, or -1. Locale never matters. */
MUST_CHECK int text_to_int(const char *chars, int64_t *out);
MUST_CHECK int text_to_real(const char *chars, double *out);

/* "12.3 kB", "1.4 M" and so on into buf; returns buf. */
const char *text_bytes(char buf[16], double bytes);
const char *text_count(char buf[16], double count);

/* '*' and '?' patterns, as in --freeze 'conv*'. */
bool text_matches(const char *pattern, const char *word);

#endif
