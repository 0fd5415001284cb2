/* preprocess_text.c - preprocessing in a line, as --preprocess takes it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "image/internal.h"

enum { MOST_WORD = 200 };

struct draft {
    struct preprocess p;
    int means, stds; /* how many numbers were given; 0: none */
};

static int parse_channels(struct draft *draft, const char *text, struct error *err)
{
    if (strcmp(text, "1") != 0 && strcmp(text, "3") != 0)
        return error_set(err, ERROR_USAGE, "'%s', expected 1 or 3", text);
    draft->p.channels = text[0] - '0';
    return 0;
}

/* "224" or "240x320", height first. */
static int parse_size(struct draft *draft, const char *text, struct error *err)
{
    const char *x = strchr(text, 'x');
    char first[MOST_WORD];
    int64_t height, width;

    snprintf(first, sizeof(first), "%.*s", (int)strcspn(text, "x"), text);
    if (text_to_int(first, &height) < 0 || text_to_int(x != NULL ? x + 1 : text, &width) < 0 || height < 1 ||
        width < 1 || height > PREPROCESS_MAX_SIDE || width > PREPROCESS_MAX_SIDE)
        return error_set(err, ERROR_USAGE, "'%s', expected N or HxW such as 224 or 240x320", text);
    draft->p.height = (int)height;
    draft->p.width = (int)width;
    return 0;
}

static int hint_names(const char *const *names, struct error *err)
{
    char list[128] = "";
    size_t used = 0;

    for (int i = 0; names[i] != NULL && used < sizeof(list); i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "", names[i]);
    return error_hint(err, "known are %s", list);
}

static int parse_name(const char *const *names, const char *text, int *index, struct error *err)
{
    const char *near = text_nearest(text, names);

    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], text) == 0) {
            *index = i;
            return 0;
        }
    error_set(err, ERROR_USAGE, "unknown word '%s'", text);
    return near != NULL ? error_hint(err, "did you mean '%s'?", near) : hint_names(names, err);
}

static int parse_decode(struct draft *draft, const char *text, struct error *err)
{
    int index = 0;

    if (parse_name(preprocess_decodes, text, &index, err) < 0)
        return -1;
    draft->p.decode = (enum decode_how)index;
    return 0;
}

static int parse_resize(struct draft *draft, const char *text, struct error *err)
{
    int index = 0;

    if (parse_name(preprocess_methods, text, &index, err) < 0)
        return -1;
    draft->p.resize = (enum resize_method)index;
    return 0;
}

static int parse_fit(struct draft *draft, const char *text, struct error *err)
{
    int index = 0;

    if (parse_name(preprocess_fits, text, &index, err) < 0)
        return -1;
    draft->p.fit = (enum resize_fit)index;
    return 0;
}

/* "0.5", or "127/255" as networks that take bytes have it. */
static int parse_real(char *text, float *value)
{
    char *slash = strchr(text, '/');
    double above, below = 1;

    if (slash != NULL)
        *slash++ = '\0';
    if (text_to_real(text, &above) < 0 || (slash != NULL && text_to_real(slash, &below) < 0))
        return -1;
    *value = (float)(above / below);
    return isfinite(*value) ? 0 : -1;
}

/* "0.485:0.456:0.406", or one for all. */
static int parse_reals(const char *text, float values[3], int *count, struct error *err)
{
    char copy[MOST_WORD], *rest = copy;

    snprintf(copy, sizeof(copy), "%s", text);
    for (*count = 0; rest != NULL; ++*count) {
        char *word = rest;

        rest = strchr(word, ':');
        if (rest != NULL)
            *rest++ = '\0';
        if (*count == 3 || parse_real(word, &values[*count]) < 0)
            return error_set(err, ERROR_USAGE, "'%s', expected one number or one a channel with colons between", text);
    }
    for (int c = 1; *count == 1 && c < 3; c++)
        values[c] = values[0];
    return 0;
}

static int parse_mean(struct draft *draft, const char *text, struct error *err)
{
    return parse_reals(text, draft->p.mean, &draft->means, err);
}

static int parse_std(struct draft *draft, const char *text, struct error *err)
{
    if (parse_reals(text, draft->p.std, &draft->stds, err) < 0)
        return -1;
    for (int c = 0; c < draft->stds; c++)
        if (!(draft->p.std[c] > 0))
            return error_set(err, ERROR_USAGE, "'%s', expected numbers above 0", text);
    return 0;
}

static const struct {
    const char *name;
    int (*parse)(struct draft *draft, const char *text, struct error *err);
} keys[] = {
    { "channels", parse_channels }, { "size", parse_size }, { "decode", parse_decode }, { "resize", parse_resize },
    { "fit", parse_fit },           { "mean", parse_mean }, { "std", parse_std },
};

static int parse_word(struct draft *draft, char *word, struct error *err)
{
    const char *names[COUNT(keys) + 1] = { 0 }, *near;
    char *value = strchr(word, '=');

    if (value == NULL)
        return error_set(err, ERROR_USAGE, "found '%s', expected KEY=VALUE with commas between", word);
    *value++ = '\0';
    for (size_t i = 0; i < COUNT(keys); i++) {
        names[i] = keys[i].name;
        if (strcmp(word, keys[i].name) == 0)
            return keys[i].parse(draft, value, err) < 0 ? error_in(err, "%s", word) : 0;
    }
    near = text_nearest(word, names);
    error_set(err, ERROR_USAGE, "unknown key '%s'", word);
    return near != NULL ? error_hint(err, "did you mean '%s'?", near)
                        : error_hint(err, "known are channels, size, decode, resize, fit, mean and std");
}

static int check_count(const char *key, int count, int channels, struct error *err)
{
    if (count <= 1 || count == channels || channels == 0)
        return 0;
    return error_set(err, ERROR_USAGE, "%s has %d numbers, the input %d channel%s", key, count, channels,
                     channels == 1 ? "" : "s");
}

int preprocess_parse(struct preprocess *preprocess, const char *text, struct error *err)
{
    struct draft draft = { .p = *preprocess };
    char word[MOST_WORD];

    for (const char *at = text;; at++) {
        const size_t length = strcspn(at, ",");

        if (length == 0 || length >= sizeof(word))
            return error_set(err, ERROR_USAGE, "expected KEY=VALUE with commas between, found '%.64s'", at);
        memcpy(word, at, length);
        word[length] = '\0';
        if (parse_word(&draft, word, err) < 0)
            return -1;
        at += length;
        if (*at == '\0')
            break;
    }
    if (check_count("mean", draft.means, draft.p.channels, err) < 0 ||
        check_count("std", draft.stds, draft.p.channels, err) < 0)
        return -1;
    *preprocess = draft.p;
    return 0;
}
