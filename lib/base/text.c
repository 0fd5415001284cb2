#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

/* Room for `more` bytes and NUL. */
static bool reserve(struct text *text, size_t more)
{
    size_t capacity = text->capacity ? text->capacity : 64;
    char *chars;

    if (text->failed)
        return false;
    if (more > SIZE_MAX / 4 - text->length) {
        text->failed = true;
        return false;
    }
    if (text->length + more + 1 <= text->capacity)
        return true;
    while (capacity < text->length + more + 1)
        capacity *= 2;
    chars = sys_realloc(text->chars, capacity);
    if (!chars) {
        text->failed = true;
        return false;
    }
    text->chars = chars;
    text->capacity = capacity;
    return true;
}

void text_add_bytes(struct text *text, const void *bytes, size_t count)
{
    if (!reserve(text, count))
        return;
    if (count)
        memcpy(text->chars + text->length, bytes, count);
    text->length += count;
    text->chars[text->length] = '\0';
}

void text_add(struct text *text, const char *chars)
{
    text_add_bytes(text, chars, strlen(chars));
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args, again;
    int length;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    if (length < 0)
        text->failed = true;
    else if (reserve(text, (size_t)length)) {
        vsnprintf(text->chars + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

int text_check(const struct text *text, struct error *err)
{
    return text->failed ? error_memory(err) : 0;
}

void text_free(struct text *text)
{
    free(text->chars);
    *text = (struct text){ 0 };
}

int text_to_int(const char *chars, int64_t *out)
{
    const char *digits = chars + (*chars == '-' || *chars == '+');
    long long value;
    char *end;

    if (*digits < '0' || *digits > '9') /* strtoll would skip blanks */
        return -1;
    errno = 0;
    value = strtoll(chars, &end, 10);
    if (*end || errno)
        return -1;
    *out = value;
    return 0;
}

int text_to_real(const char *chars, double *out)
{
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t users;
    double value;
    char *end;

    if (plain == (locale_t)0)
        return -1;
    users = uselocale(plain);
    value = strtod(chars, &end);
    uselocale(users);
    freelocale(plain);
    /* strtod also takes blanks, hexadecimal, "inf" and "nan"; a number here is decimal and finite. */
    if (end == chars || *end || chars[strspn(chars, "+-.0123456789eE")] || !isfinite(value))
        return -1;
    *out = value;
    return 0;
}

static const char *scaled(char buf[16], double value, const char *unit)
{
    static const char *const prefixes[] = { "", "k", "M", "G", "T", "P", "E" };
    size_t i = 0;

    while (fabs(value) >= (i ? 999.95 : 999.5) && i + 1 < COUNT(prefixes)) {
        value /= 1000;
        i++;
    }
    if (i || *unit)
        snprintf(buf, 16, i ? "%.1f %s%s" : "%.0f %s%s", value, prefixes[i], unit);
    else
        snprintf(buf, 16, "%.0f", value);
    return buf;
}

const char *text_bytes(char buf[16], double bytes)
{
    return scaled(buf, bytes, "B");
}

const char *text_count(char buf[16], double count)
{
    return scaled(buf, count, "");
}

bool text_matches(const char *pattern, const char *word)
{
    const char *star = NULL, *resume = NULL;

    while (*word) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = word;
        } else if (*pattern == '?' || *pattern == *word) {
            pattern++;
            word++;
        } else if (star) { /* let the last star take one character more */
            pattern = star;
            word = ++resume;
        } else
            return false;
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

enum { LONGEST_WORD = 63 };

/* Edit distance with neighbours swapped counted as one edit (optimal string alignment). */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[3][LONGEST_WORD + 1];
    size_t *before = row[0], *last = row[1], *now = row[2];

    for (size_t j = 0; j <= b_length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *spare = before;

        now[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t replace = last[j - 1] + (a[i - 1] != b[j - 1]);
            size_t best = last[j] < now[j - 1] ? last[j] + 1 : now[j - 1] + 1;

            best = replace < best ? replace : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        before = last;
        last = now;
        now = spare;
    }
    return last[b_length];
}

const char *text_nearest(const char *word, const char *const *names)
{
    const size_t length = strlen(word);
    size_t nearest = length < 6 ? 2 : length / 3 + 1; /* as far as this is not near */
    const char *found = NULL;

    if (length < 2 || length > LONGEST_WORD)
        return NULL;
    for (; *names; names++) {
        const size_t name_length = strlen(*names);
        const size_t edits = name_length <= LONGEST_WORD ? distance(word, length, *names, name_length) : nearest;

        if (edits < nearest) {
            nearest = edits;
            found = *names;
        }
    }
    return found;
}
