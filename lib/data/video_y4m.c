/* video_y4m.c - YUV4MPEG2: what its first line says, and its planes as RGB. */
#include "data/video_internal.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"

struct token {
    char chars[64];
    const char *value; /* behind the first letter */
};

/* The next word of a line; false at its end. */
static bool next_token(const char **at, const char *end, struct token *token)
{
    size_t count = 0;

    while (*at < end && **at == ' ')
        ++*at;
    while (*at < end && **at != ' ') {
        if (count + 1 < sizeof(token->chars))
            token->chars[count++] = **at;
        ++*at;
    }
    token->chars[count] = '\0';
    token->value = token->chars + (count > 0);
    return count > 0;
}

static int read_side(int *side, const char *text, struct error *err)
{
    int64_t number;

    if (text_to_int(text, &number) < 0 || number < 1 || number > 65535)
        return error_set(err, ERROR_INPUT, "Y4M of '%.40s' pixels a side, expected 1 to 65535", text);
    *side = (int)number;
    return 0;
}

/* 420 has three spellings, by where chroma lies; the nearest is taken for all. */
static int read_colour(struct y4m *y4m, const char *text, struct error *err)
{
    static const struct {
        const char *name;
        int across, down;
    } known[] = { { "420", 2, 2 }, { "420jpeg", 2, 2 }, { "420mpeg2", 2, 2 }, { "420paldv", 2, 2 },
                  { "422", 2, 1 }, { "444", 1, 1 },     { "mono", 0, 0 } };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(known[i].name, text) == 0) {
            y4m->across = known[i].across;
            y4m->down = known[i].down;
            return 0;
        }
    error_set(err, ERROR_INPUT, "Y4M of colour space '%.40s', expected 420, 422, 444 or mono of 8 bits", text);
    return error_hint(err, "ffmpeg -pix_fmt yuv420p writes one");
}

int y4m_header(struct y4m *y4m, const char *line, size_t count, struct error *err)
{
    const char *at = line + strlen("YUV4MPEG2 "), *end = line + count;
    struct token token;
    int rc = 0;

    *y4m = (struct y4m){ .across = 2, .down = 2 };
    while (rc == 0 && next_token(&at, end, &token)) {
        if (token.chars[0] == 'W')
            rc = read_side(&y4m->width, token.value, err);
        else if (token.chars[0] == 'H')
            rc = read_side(&y4m->height, token.value, err);
        else if (token.chars[0] == 'C')
            rc = read_colour(y4m, token.value, err);
        else if (strcmp(token.chars, "XCOLORRANGE=FULL") == 0)
            y4m->full = true;
    }
    if (rc == 0 && (y4m->width == 0 || y4m->height == 0))
        rc = error_set(err, ERROR_INPUT, "Y4M that does not say its width and height");
    if (rc == 0 && (uint64_t)y4m->width * (uint64_t)y4m->height > limit_get(LIMIT_IMAGE_PIXELS))
        rc = error_set(err, ERROR_LIMIT, "Y4M of %d x %d pixels", y4m->width, y4m->height);
    return rc;
}

static size_t up(int side, int step)
{
    return (size_t)((side + step - 1) / step);
}

size_t y4m_frame_bytes(const struct y4m *y4m)
{
    const size_t luma = (size_t)y4m->width * (size_t)y4m->height;

    return y4m->across == 0 ? luma : luma + 2 * up(y4m->width, y4m->across) * up(y4m->height, y4m->down);
}

static uint8_t level(int scaled)
{
    const int value = (scaled + 32768) >> 16;

    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* ITU-R 601's matrix in 16 bits behind the point. */
static void rgb_of(const struct y4m *y4m, int y, int cb, int cr, uint8_t *rgb)
{
    const int luma = y4m->full ? y << 16 : (y - 16) * 76309; /* 255 / 219 */
    const int b = cb - 128, r = cr - 128;

    if (y4m->full) {
        rgb[0] = level(luma + 91881 * r);
        rgb[1] = level(luma - 22554 * b - 46802 * r);
        rgb[2] = level(luma + 116130 * b);
    } else { /* chroma has 224 levels: by 255 / 224 more */
        rgb[0] = level(luma + 104597 * r);
        rgb[1] = level(luma - 25675 * b - 53279 * r);
        rgb[2] = level(luma + 132201 * b);
    }
}

void y4m_pixels(const struct y4m *y4m, const uint8_t *planes, uint8_t *pixels)
{
    const size_t luma = (size_t)y4m->width * (size_t)y4m->height;
    const uint8_t *cb = planes + luma, *cr;
    size_t row;

    if (y4m->across == 0) {
        for (size_t i = 0; i < luma; i++)
            pixels[i] = y4m->full ? planes[i] : level((planes[i] - 16) * 76309);
        return;
    }
    row = up(y4m->width, y4m->across);
    cr = cb + row * up(y4m->height, y4m->down);
    for (int v = 0; v < y4m->height; v++)
        for (int u = 0; u < y4m->width; u++, planes++, pixels += 3) {
            const size_t chroma = (size_t)(v / y4m->down) * row + (size_t)(u / y4m->across);

            rgb_of(y4m, *planes, cb[chroma], cr[chroma], pixels);
        }
}
