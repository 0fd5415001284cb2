/*
 * synth_draw.c - a scene into pixels.
 *
 * Shapes are signed distances (negative inside); the solder is a height field
 * whose slope is lit by one lamp over ambient light, as metal: mostly by what it
 * mirrors. Row by row: surface first, then shading from it and its neighbours,
 * then the lens (blur, vignette) and the sensor (noise).
 */
#include <math.h>
#include <string.h>

#include "data/synth.h"

enum { MAX_SIZE = 512 };

#define NEIGHBOURS_DULL 0.1F

/* What one pixel shows, from the side and from above. */
struct surface {
    float height;
    float solder, lead, pad, hole; /* shares 0..1 */
    float dull;                    /* of the solder here */
    float x, y;                    /* where, in the scene */
};

static float clamp01(float v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static float most(float a, float b)
{
    return a > b ? a : b;
}

static float length2(float x, float y)
{
    return sqrtf(x * x + y * y);
}

/* One in a lattice point, 0..1: a finaliser of Murmur's kind over both coordinates. */
static float lattice(uint32_t seed, int x, int y)
{
    uint32_t h = seed ^ (uint32_t)x * 0x8DA6B343u ^ (uint32_t)y * 0xD8163841u;

    h = (h ^ h >> 16) * 0x7FEB352Du;
    h = (h ^ h >> 15) * 0x846CA68Bu;
    return (float)(h >> 8) * 0x1p-24F;
}

float synth_noise(uint32_t seed, float x, float y)
{
    int ix = (int)x - (x < 0), iy = (int)y - (y < 0); /* floor, but for whole negative numbers: no matter */
    float u = x - (float)ix, v = y - (float)iy;
    float top, bottom;

    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    top = lattice(seed, ix, iy) * (1 - u) + lattice(seed, ix + 1, iy) * u;
    bottom = lattice(seed, ix, iy + 1) * (1 - u) + lattice(seed, ix + 1, iy + 1) * u;
    return 2 * (top * (1 - v) + bottom * v) - 1;
}

/* ---- distances ---- */

static float to_box(float x, float y, float half_x, float half_y, float corner)
{
    float dx = fabsf(x) - half_x + corner, dy = fabsf(y) - half_y + corner;
    float inside = dx > dy ? dx : dy;

    if (inside < 0)
        return inside - corner;
    return length2(dx > 0 ? dx : 0, dy > 0 ? dy : 0) - corner;
}

static float to_stroke(float x, float y, struct vec2 from, struct vec2 to)
{
    float dx = to.x - from.x, dy = to.y - from.y;
    float along = clamp01(((x - from.x) * dx + (y - from.y) * dy) / (dx * dx + dy * dy));

    return length2(x - from.x - along * dx, y - from.y - along * dy);
}

/* The lesser of two distances, with a fillet of about k where they meet. */
static float smooth_min(float a, float b, float k)
{
    float h = k - fabsf(a - b);

    return (a < b ? a : b) - (h > 0 ? h * h / (4 * k) : 0);
}

static float to_pad(const struct joint *joint, float x, float y)
{
    return joint->flat ? to_box(x, y, joint->pad.x, joint->pad.y, 2.5F) : length2(x, y) - joint->pad.x;
}

static float to_core(const struct joint *joint, float x, float y)
{
    float far = joint->pad.y + 40; /* a flat lead goes on out of the picture */

    return joint->flat ? to_box(x, y - (joint->core_end - far) / 2, joint->core, (joint->core_end + far) / 2, 1.2F)
                       : length2(x, y) - joint->core;
}

/* ---- surface ---- */

/*
 * Solder climbs to the lead in a hollow curve. Too much of it stands as a dome:
 * t is 0 in the middle and 1 on the edge, of a circle as of a rectangle.
 */
static float solder_height(const struct joint *joint, float x, float y, float to_edge, float core)
{
    float depth = -to_edge, t;

    if (joint->dome) {
        float a = x / (joint->pad.x + joint->grow), b = y / (joint->pad.y + joint->grow);

        t = a * a + b * b - (joint->flat ? a * a * b * b : 0);
        return joint->height * sqrtf(1 - 0.98F * clamp01(t));
    }
    t = core <= 0 ? 0 : core / (core + depth);
    return joint->height * (1 - t) * (1 - t) + 1.2F * clamp01(depth / 2);
}

static void add_joint(struct surface *at, const struct scene *scene, const struct joint *joint, bool main)
{
    float x = at->x - joint->at.x, y = at->y - joint->at.y;
    float pad = to_pad(joint, x, y), core, edge, height, solder, lead;

    if (pad > 16 && !(main && scene->bridged) && !(joint->flat && fabsf(x) < joint->core + 2))
        return;
    core = to_core(joint, x, y);
    edge = pad - joint->grow + joint->rough * synth_noise(scene->texture + 1, at->x / 4.5F, at->y / 4.5F);
    if (joint->bare) {
        float cover = length2(at->x - joint->cover.x, at->y - joint->cover.y) - joint->cover_radius +
                      joint->rough * synth_noise(scene->texture + 2, at->x / 5, at->y / 5);

        edge = edge > cover ? edge : cover;
    }
    if (main && scene->bridged) {
        struct vec2 from = { 0, scene->bridge_to.y };
        float span = to_stroke(at->x, at->y, from, scene->bridge_to) - scene->bridge_width +
                     0.8F * synth_noise(scene->texture + 3, at->x / 5, at->y / 5);

        edge = smooth_min(edge, span, 4);
    }
    height = edge < 0 ? solder_height(joint, x, y, edge, core) : 0;
    solder = clamp01(0.5F - edge);
    lead = clamp01(0.5F - core);
    if (joint->dome) /* buried, where it does not stick out */
        lead = lead < 1 - solder ? lead : 1 - solder;
    at->pad = most(at->pad, clamp01(0.5F - pad));
    at->solder = most(at->solder, solder);
    at->lead = most(at->lead, lead);
    if (lead > 0) {
        float top = joint->height + (joint->flat ? 0.8F : 1.5F - 0.12F * (core + joint->core));

        height += (top - height) * lead;
    }
    at->height = most(at->height, height);
    if (main && edge < 0.5F)
        at->dull = scene->dull;
}

static void make_surface(struct surface *at, const struct scene *scene)
{
    at->height = at->solder = at->lead = at->pad = at->hole = 0;
    at->dull = NEIGHBOURS_DULL;
    for (int i = 0; i < scene->joint_count; i++)
        add_joint(at, scene, &scene->joint[i], i == 0);
    for (int i = 0; i < scene->hole_count; i++) {
        float to = length2(at->x - scene->hole[i].at.x, at->y - scene->hole[i].at.y) - scene->hole[i].radius;

        if (to > 2)
            continue;
        at->hole = most(at->hole, clamp01(0.5F - to));
        at->height -= to < 0 ? 4 : 0;
        at->height += 0.9F * clamp01(1 - fabsf(to - 0.5F) / 1.5F); /* the rim it burst through */
    }
    if (at->dull > 0.5F && at->solder > 0.3F)
        at->height += at->dull * (0.55F * synth_noise(scene->texture + 4, at->x / 1.3F, at->y / 1.3F) +
                                  0.9F * synth_noise(scene->texture + 5, at->x / 3, at->y / 3));
}

static void make_row(struct surface *row, const struct scene *scene, int y, int size)
{
    float unit = 64.0F / (float)size;

    for (int x = -1; x <= size; x++) {
        struct surface *at = &row[x + 1];
        float px = ((float)x + 0.5F) * unit - 32 - scene->shift.x, py = ((float)y + 0.5F) * unit - 32 - scene->shift.y;

        at->x = scene->turn.x * px + scene->turn.y * py;
        at->y = -scene->turn.y * px + scene->turn.x * py;
        make_surface(at, scene);
    }
}

/* ---- light ---- */

static struct colour mix(struct colour a, struct colour b, float share)
{
    return (struct colour){ a.r + (b.r - a.r) * share, a.g + (b.g - a.g) * share, a.b + (b.b - a.b) * share };
}

static struct colour scaled(struct colour a, float by)
{
    return (struct colour){ a.r * by, a.g * by, a.b * by };
}

static struct colour board_colour(const struct scene *scene, const struct surface *at)
{
    float weave = 0.10F * synth_noise(scene->texture + 6, at->x / 3, at->y / 3);
    struct colour colour = scaled(scene->board, 1 + weave), copper = { 0.16F, 0.17F, 0.08F };
    static const struct colour ink = { 0.86F, 0.86F, 0.82F };

    for (int i = scene->stroke_count - 1; i >= 0; i--) {
        const struct stroke *stroke = &scene->stroke[i];
        float share = clamp01(0.5F + stroke->half_width - to_stroke(at->x, at->y, stroke->from, stroke->to));

        if (share <= 0)
            continue;
        if (stroke->silk)
            colour = mix(colour, ink, share * 0.9F);
        else
            colour = mix(colour,
                         (struct colour){ colour.r + copper.r * 0.5F, colour.g + copper.g, colour.b + copper.b },
                         share * 0.7F);
    }
    return colour;
}

/* Tin mirrors the lamp in a spot and the room in a slope; what is dull scatters both. */
static struct colour metal(const struct scene *scene, const float n[3], float polish, struct colour tone)
{
    const float *l = scene->lamp;
    float dot = n[0] * l[0] + n[1] * l[1] + n[2] * l[2];
    float mirror = 2 * n[2] * dot - l[2]; /* cosine between the lamp's mirror image and the camera */
    float diffuse = dot > 0 ? dot : 0, spot = mirror > 0 ? mirror * mirror : 0, sharp;
    float room = 2 * n[2] * n[2] - 1; /* how much of the ceiling is mirrored */

    spot *= spot;               /* 4th power: a sheen */
    sharp = spot * spot * spot; /* 12th: the lamp itself */
    sharp *= sharp;
    return scaled(tone, scene->ambient * (0.55F + 0.35F * room * polish) + 0.45F * diffuse + 0.22F * spot +
                            1.1F * polish * sharp);
}

static struct colour shade(const struct scene *scene, const struct surface *at, float slope_x, float slope_y)
{
    static const struct colour tin = { 0.78F, 0.80F, 0.84F }, gold = { 0.88F, 0.66F, 0.32F };
    static const struct colour steel = { 0.70F, 0.69F, 0.66F }, dark = { 0.06F, 0.05F, 0.05F };
    float length = sqrtf(slope_x * slope_x + slope_y * slope_y + 1);
    float n[3] = { -slope_x / length, -slope_y / length, 1 / length };
    float flat = 0.55F * scene->ambient + 0.75F * scene->lamp[2];
    struct colour colour = { 0 };

    if (at->solder < 1) {
        colour = scaled(board_colour(scene, at), flat);
        if (at->pad > 0)
            colour = mix(colour, scaled(gold, flat), at->pad);
    }
    if (at->solder > 0) {
        float grain = at->dull > 0.5F
                          ? 1 - 0.22F * at->dull * (1 + synth_noise(scene->texture + 8, at->x / 1.7F, at->y / 1.7F))
                          : 1;

        colour = mix(colour, metal(scene, n, 1 - at->dull, scaled(tin, grain)), at->solder);
    }
    if (at->lead > 0)
        colour = mix(colour, metal(scene, n, 0.35F, steel), at->lead * 0.92F);
    return mix(colour, dark, at->hole * 0.9F);
}

static uint8_t to_level(float v)
{
    return (uint8_t)(v <= 0 ? 0 : v >= 1 ? 255 : v * 255 + 0.5F);
}

static void shade_row(uint8_t *out, const struct scene *scene, struct surface *const row[3], int y, int size)
{
    float unit = 64.0F / (float)size, half = 0.5F / unit;

    for (int x = 0; x < size; x++, out += 3) {
        const struct surface *at = &row[1][x + 1];
        float along = (at[1].height - at[-1].height) * half;
        float down = (row[2][x + 1].height - row[0][x + 1].height) * half;
        struct colour colour = shade(scene, at, along, down);
        float px = ((float)x + 0.5F) * unit / 32 - 1, py = ((float)y + 0.5F) * unit / 32 - 1;
        float lens = 1 - scene->vignette * (px * px + py * py) / 2;

        out[0] = to_level(colour.r * scene->light.r * lens);
        out[1] = to_level(colour.g * scene->light.g * lens);
        out[2] = to_level(colour.b * scene->light.b * lens);
    }
}

/* ---- lens and sensor ---- */

/* Each pixel gives `share` of its light to each of its two neighbours along `step`. */
static void blur_line(uint8_t *at, int count, size_t step, int share)
{
    int before = at[0];

    for (int i = 0; i < count; i++, at += step) {
        int here = at[0], after = i + 1 < count ? at[step] : here;

        at[0] = (uint8_t)((here * (256 - 2 * share) + (before + after) * share + 128) >> 8);
        before = here;
    }
}

static void blur(uint8_t *pixels, int size, float amount)
{
    int share = (int)(amount * 256);
    size_t row = 3 * (size_t)size;

    for (size_t i = 0; i < (size_t)size; i++)
        for (size_t c = 0; c < 3; c++) {
            blur_line(pixels + i * row + c, size, 3, share);
        }
    for (size_t i = 0; i < row; i++)
        blur_line(pixels + i, size, row, share);
}

/* Near-normal noise: the sum of two bytes for brightness, one more for each colour. */
static void add_noise(uint8_t *pixels, int size, const struct scene *scene)
{
    struct rng rng = rng_make(scene->texture, rng_stream("sensor", 0, 0));
    int scale = (int)(scene->noise * 2.45F); /* the sum deviates by 104.5: 256 / 104.5 */

    for (size_t i = 0; i < (size_t)size * (size_t)size; i++, pixels += 3) {
        uint32_t dice = rng_u32(&rng);
        int common = (int)(dice & 255) + (int)(dice >> 8 & 255) - 255;
        int tint[3] = { (int)(dice >> 16 & 255) - 128, 0, (int)(dice >> 24) - 128 };

        for (int c = 0; c < 3; c++) {
            int level = pixels[c] + (((common + tint[c] / 2) * scale + 128) >> 8);

            pixels[c] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
        }
    }
}

int synth_draw(const struct synth_options *options, int64_t i, uint8_t *pixels)
{
    struct surface rows[3][MAX_SIZE + 2];
    struct surface *row[3] = { rows[0], rows[1], rows[2] };
    struct scene scene;
    enum synth_class class = synth_scene(&scene, options, i);
    int size = options->size;

    /* the lamp stands still while boards turn: its direction is the picture's, as are the slopes */
    make_row(row[0], &scene, -1, size);
    make_row(row[1], &scene, 0, size);
    for (int y = 0; y < size; y++) {
        struct surface *first = row[0];

        make_row(row[2], &scene, y + 1, size);
        shade_row(pixels + (size_t)y * 3 * (size_t)size, &scene, row, y, size);
        row[0] = row[1];
        row[1] = row[2];
        row[2] = first;
    }
    blur(pixels, size, scene.blur);
    add_noise(pixels, size, &scene);
    return class;
}
