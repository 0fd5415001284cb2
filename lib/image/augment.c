/*
 * augment.c - small changes that a label survives.
 *
 * They are applied in the order of struct augment's fields. Each draws its
 * numbers only when asked for, in that order, from the sample's own stream.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "image/internal.h"

/* ---- the list of --augment ---- */

enum { MAX_PIXELS = 4096 };

enum value_kind { VALUE_NONE, VALUE_PIXELS, VALUE_SHARE, VALUE_LEVELS };

static const struct {
    const char *name;
    enum value_kind value;
} rows[] = {
    { "flip", VALUE_NONE },      { "hflip", VALUE_NONE },   { "vflip", VALUE_NONE },
    { "rotate90", VALUE_NONE },  { "shift", VALUE_PIXELS }, { "brightness", VALUE_SHARE },
    { "contrast", VALUE_SHARE }, { "noise", VALUE_LEVELS }, { "cutout", VALUE_PIXELS },
};

static void set_field(struct augment *augment, const char *name, double value)
{
    if (strcmp(name, "flip") == 0)
        augment->flip = augment->flip_vertical = true;
    else if (strcmp(name, "hflip") == 0)
        augment->flip = true;
    else if (strcmp(name, "vflip") == 0)
        augment->flip_vertical = true;
    else if (strcmp(name, "rotate90") == 0)
        augment->rotate90 = true;
    else if (strcmp(name, "shift") == 0)
        augment->shift = (int)value;
    else if (strcmp(name, "brightness") == 0)
        augment->brightness = (float)value;
    else if (strcmp(name, "contrast") == 0)
        augment->contrast = (float)value;
    else if (strcmp(name, "noise") == 0)
        augment->noise = (float)value;
    else
        augment->cutout = (int)value;
}

static int bad_value(struct error *err, const char *name, const char *expected)
{
    return error_set(err, ERROR_USAGE, "augmentation '%s' expects %s after a colon", name, expected);
}

/* One word: NAME or NAME:VALUE. */
static int parse_word(struct augment *augment, char *word, struct error *err)
{
    char *text = strchr(word, ':');
    double value = 0;
    size_t i = 0;

    if (text != NULL)
        *text++ = '\0';
    while (i < COUNT(rows) && strcmp(rows[i].name, word) != 0)
        i++;
    if (i == COUNT(rows)) {
        error_set(err, ERROR_USAGE, "unknown augmentation '%s'", word);
        return error_hint(err, "known are flip, hflip, vflip, rotate90, shift:N, brightness:F, contrast:F, noise:S, "
                               "cutout:N");
    }
    if (rows[i].value == VALUE_NONE && text != NULL)
        return error_set(err, ERROR_USAGE, "augmentation '%s' takes no value", word);
    if (rows[i].value != VALUE_NONE && (text == NULL || text_to_real(text, &value) < 0))
        return bad_value(err, word, "a number");
    if (rows[i].value == VALUE_PIXELS && !(value >= 1 && value <= MAX_PIXELS && value == floor(value)))
        return bad_value(err, word, "a whole number of pixels, 1 to 4096,");
    if (rows[i].value == VALUE_SHARE && !(value >= 0 && value <= 1))
        return bad_value(err, word, "a share from 0 to 1");
    if (rows[i].value == VALUE_LEVELS && !(value >= 0 && value <= 255))
        return bad_value(err, word, "gray levels from 0 to 255");
    set_field(augment, word, value);
    return 0;
}

int augment_parse(struct augment *augment, const char *list, struct error *err)
{
    struct augment parsed = { 0 };
    char word[64];

    while (*list != '\0') {
        size_t length = strcspn(list, ",");

        if (length == 0 || length >= sizeof(word))
            return error_set(err, ERROR_USAGE, "augmentations are words with commas between, found '%.64s'", list);
        memcpy(word, list, length);
        word[length] = '\0';
        if (parse_word(&parsed, word, err) < 0)
            return -1;
        list += length;
        if (*list == ',' && *++list == '\0')
            return error_set(err, ERROR_USAGE, "augmentations end with a comma");
    }
    *augment = parsed;
    return 0;
}

/* ---- what each does ---- */

struct picture {
    uint8_t *pixels, *scratch;
    int height, width;
    size_t channels;
};

static uint8_t *pixel(uint8_t *pixels, const struct picture *picture, int y, int x)
{
    return pixels + ((size_t)y * (size_t)picture->width + (size_t)x) * picture->channels;
}

static size_t byte_count(const struct picture *picture)
{
    return (size_t)picture->height * (size_t)picture->width * picture->channels;
}

static void swap_pixels(uint8_t *a, uint8_t *b, size_t channels)
{
    for (size_t c = 0; c < channels; c++) {
        uint8_t kept = a[c];

        a[c] = b[c];
        b[c] = kept;
    }
}

static void mirror(const struct picture *picture, bool rows_too, bool columns)
{
    int height = picture->height, width = picture->width;

    if (columns) {
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width / 2; x++)
                swap_pixels(pixel(picture->pixels, picture, y, x), pixel(picture->pixels, picture, y, width - 1 - x),
                            picture->channels);
    }
    if (rows_too) {
        for (int y = 0; y < height / 2; y++)
            for (int x = 0; x < width; x++)
                swap_pixels(pixel(picture->pixels, picture, y, x), pixel(picture->pixels, picture, height - 1 - y, x),
                            picture->channels);
    }
}

/* Quarters clockwise. What is not square can only be turned by halves. */
static void rotate(const struct picture *picture, uint32_t quarters)
{
    int side = picture->height;

    if (quarters >= 2)
        mirror(picture, true, true);
    if (quarters % 2 == 0 || picture->height != picture->width)
        return;
    memcpy(picture->scratch, picture->pixels, byte_count(picture));
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            memcpy(pixel(picture->pixels, picture, x, side - 1 - y), pixel(picture->scratch, picture, y, x),
                   picture->channels);
}

static int clamp(int value, int most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static void shift(const struct picture *picture, int down, int right)
{
    memcpy(picture->scratch, picture->pixels, byte_count(picture));
    for (int y = 0; y < picture->height; y++)
        for (int x = 0; x < picture->width; x++)
            memcpy(pixel(picture->pixels, picture, y, x),
                   pixel(picture->scratch, picture, clamp(y - down, picture->height - 1),
                         clamp(x - right, picture->width - 1)),
                   picture->channels);
}

static uint8_t to_level(float value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5F);
}

static void scale_about(const struct picture *picture, float about, float factor)
{
    uint8_t table[256];

    for (int v = 0; v < 256; v++)
        table[v] = to_level(about + ((float)v - about) * factor);
    for (size_t i = 0, count = byte_count(picture); i < count; i++)
        picture->pixels[i] = table[picture->pixels[i]];
}

/* Mean level of every `step`-th value from `first` on. */
static float mean_level(const struct picture *picture, size_t first, size_t step)
{
    uint64_t sum = 0, n = 0;

    for (size_t i = first, count = byte_count(picture); i < count; i += step, n++)
        sum += picture->pixels[i];
    return (float)((double)sum / (double)n);
}

static void cut_out(const struct picture *picture, int centre_y, int centre_x, int side)
{
    uint8_t mean[3];

    for (size_t c = 0; c < picture->channels; c++)
        mean[c] = to_level(mean_level(picture, c, picture->channels));
    for (int y = centre_y - side / 2; y < centre_y - side / 2 + side; y++)
        for (int x = centre_x - side / 2; x < centre_x - side / 2 + side; x++)
            if (y >= 0 && y < picture->height && x >= 0 && x < picture->width)
                memcpy(pixel(picture->pixels, picture, y, x), mean, picture->channels);
}

/* Uniform in -most..most. */
static float draw_share(struct rng *rng, float most)
{
    return (2 * rng_uniform(rng) - 1) * most;
}

static int draw_pixels(struct rng *rng, int most)
{
    return (int)rng_below(rng, 2 * (uint32_t)most + 1) - most;
}

void augment_apply(const struct augment *augment, struct rng *rng, uint8_t *pixels, uint8_t *scratch, int height,
                   int width, int channels)
{
    struct picture picture = { pixels, scratch, height, width, (size_t)channels };

    if (augment->flip && rng_below(rng, 2) == 1)
        mirror(&picture, false, true);
    if (augment->flip_vertical && rng_below(rng, 2) == 1)
        mirror(&picture, true, false);
    if (augment->rotate90)
        rotate(&picture, rng_below(rng, 4));
    if (augment->shift > 0) {
        int down = draw_pixels(rng, augment->shift);

        shift(&picture, down, draw_pixels(rng, augment->shift));
    }
    if (augment->brightness > 0)
        scale_about(&picture, 0, 1 + draw_share(rng, augment->brightness));
    if (augment->contrast > 0)
        scale_about(&picture, mean_level(&picture, 0, 1), 1 + draw_share(rng, augment->contrast));
    if (augment->noise > 0) {
        for (size_t i = 0, count = byte_count(&picture); i < count; i++)
            pixels[i] = to_level((float)pixels[i] + augment->noise * rng_normal(rng));
    }
    if (augment->cutout > 0) {
        int y = (int)rng_below(rng, (uint32_t)height);

        cut_out(&picture, y, (int)rng_below(rng, (uint32_t)width), augment->cutout);
    }
}
