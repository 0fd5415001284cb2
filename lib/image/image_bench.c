/*
 * From a 640x640 JPEG to a model's 224x224 reals, one thread: images a second, step by step, and beside a plain loop of
 * libjpeg-turbo, two-tap resizing and normalising in floats. Steps take turns, so that their ratios come from one run.
 */
#include <stdio.h> /* jpeglib.h wants FILE */
#include <stdlib.h>
#include <time.h>

#include <jpeglib.h>

#include "image/internal.h"

enum { SIDE = 640, INPUT = 224, ROUNDS = 15, EACH = 10, MOST_STEPS = 16 };

struct bench {
    uint8_t *jpeg;
    size_t count;
    struct image decoded;
    uint8_t plain[SIDE * SIDE * 3], small[INPUT * INPUT * 3];
    float reals[INPUT * INPUT * 3];
};

static void must(int rc)
{
    if (rc < 0)
        exit(1);
}

/* Random pixels, `cells` a side, blown up: what is blurred in a photograph. */
static struct image blur(struct rng *rng, int cells)
{
    static uint8_t cell[160 * 160 * 3];
    struct image from = { cells, cells, 3, cell }, to = { 0 };
    struct preprocess preprocess;
    struct error err = { 0 };

    for (int i = 0; i < cells * cells * 3; i++)
        cell[i] = (uint8_t)rng_below(rng, 256);
    preprocess_init(&preprocess, 3, SIDE, SIDE);
    must(image_fit(&to, &from, &preprocess, &err));
    return to;
}

/* Large blurred patches, small ones, and noise: some 110 kB at quality 90, as a photograph of that size has. */
static void draw(uint8_t *pixels)
{
    struct rng rng = rng_make(1, 1);
    struct image large = blur(&rng, 20), little = blur(&rng, 160);

    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        const int noise = (int)rng_below(&rng, 7) + (int)rng_below(&rng, 7) - 6;
        const int level = (4 * large.pixels[i] + little.pixels[i]) / 5 + noise;

        pixels[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
    }
    image_free(&large);
    image_free(&little);
}

/* ---- the plain loop ---- */

static void plain_decode(struct bench *b, unsigned divisor)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, b->jpeg, b->count);
    (void)jpeg_read_header(&jpeg, TRUE);
    jpeg.scale_denom = divisor;
    jpeg.out_color_space = JCS_RGB;
    (void)jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = b->plain + (size_t)jpeg.output_scanline * jpeg.output_width * 3;

        (void)jpeg_read_scanlines(&jpeg, &row, 1);
    }
    (void)jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
}

/* Where output i lies among `side` inputs: the left of two, and how far to the right one. */
static float place(int i, int side, int *left)
{
    const float at = ((float)i + 0.5F) * (float)side / INPUT - 0.5F, from = at < 0 ? 0 : at;

    *left = (int)from > side - 2 ? side - 2 : (int)from;
    return from - (float)*left;
}

static void plain_resize(struct bench *b, int side)
{
    static const float mean[3] = { 123.675F, 116.28F, 103.53F }, std[3] = { 58.395F, 57.12F, 57.375F };
    int left[INPUT];
    float right[INPUT];

    for (int x = 0; x < INPUT; x++)
        right[x] = place(x, side, &left[x]);
    for (int y = 0; y < INPUT; y++) {
        int above;
        const float below = place(y, side, &above);
        const uint8_t *upper = b->plain + (size_t)above * (size_t)side * 3, *lower = upper + (size_t)side * 3;

        for (int c = 0; c < 3; c++) {
            float *to = b->reals + ((size_t)c * INPUT + (size_t)y) * INPUT;

            for (int x = 0; x < INPUT; x++) {
                const int at = 3 * left[x] + c;
                const float up = (float)upper[at] + (float)(upper[at + 3] - upper[at]) * right[x];
                const float low = (float)lower[at] + (float)(lower[at + 3] - lower[at]) * right[x];

                to[x] = (up + (low - up) * below - mean[c]) * (1 / std[c]);
            }
        }
    }
}

/* ---- steps ---- */

static void step_plain(struct bench *b, int divisor)
{
    plain_decode(b, (unsigned)divisor);
}

static void step_plain_all(struct bench *b, int divisor)
{
    plain_decode(b, (unsigned)divisor);
    plain_resize(b, SIDE / divisor);
}

static void step_decode(struct bench *b, int unused)
{
    struct error err = { 0 };

    (void)unused;
    image_free(&b->decoded);
    must(image_decode(&b->decoded, b->jpeg, b->count, 3, &err));
}

static void step_resize(struct bench *b, int method)
{
    struct image fitted = { INPUT, INPUT, 3, b->small };
    struct preprocess preprocess;
    struct error err = { 0 };

    preprocess_init(&preprocess, 3, INPUT, INPUT);
    preprocess.resize = (enum resize_method)method;
    must(image_fit(&fitted, &b->decoded, &preprocess, &err));
}

static void step_normalize(struct bench *b, int unused)
{
    struct preprocess preprocess;

    (void)unused;
    preprocess_init(&preprocess, 3, INPUT, INPUT);
    image_normalize(b->reals, b->small, &preprocess);
}

static void all(struct bench *b, enum decode_how decode, int method)
{
    struct preprocess preprocess;
    struct error err = { 0 };

    preprocess_init(&preprocess, 3, INPUT, INPUT);
    preprocess.decode = decode;
    preprocess.resize = (enum resize_method)method;
    must(image_load(b->small, b->jpeg, b->count, &preprocess, &err));
    image_normalize(b->reals, b->small, &preprocess);
}

static void step_exact(struct bench *b, int method)
{
    all(b, DECODE_EXACT, method);
}

static void step_scaled(struct bench *b, int method)
{
    all(b, DECODE_SCALED, method);
}

static const struct {
    const char *name;
    void (*run)(struct bench *b, int with);
    int with;
} steps[] = {
    { "plain decode", step_plain, 1 },
    { "plain decode 1/2", step_plain, 2 },
    { "plain decode, two taps, normalize", step_plain_all, 1 },
    { "plain decode 1/2, two taps, normalize", step_plain_all, 2 },
    { "decode", step_decode, 0 },
    { "antialias", step_resize, RESIZE_ANTIALIAS },
    { "bilinear", step_resize, RESIZE_BILINEAR },
    { "nearest", step_resize, RESIZE_NEAREST },
    { "normalize", step_normalize, 0 },
    { "exact, antialias, normalize", step_exact, RESIZE_ANTIALIAS },
    { "exact, bilinear, normalize", step_exact, RESIZE_BILINEAR },
    { "scaled, antialias, normalize", step_scaled, RESIZE_ANTIALIAS },
    { "scaled, bilinear, normalize", step_scaled, RESIZE_BILINEAR },
};
enum { PLAIN_ALL = 2 };

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of the processor: other work on the machine does not count. */
static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

int main(void)
{
    static struct bench b;
    static double seconds[MOST_STEPS][ROUNDS];
    struct image drawn = { SIDE, SIDE, 3, b.plain };
    struct error err = { 0 };
    double plain;

    draw(b.plain);
    must(image_encode_jpeg(&drawn, 90, &b.jpeg, &b.count, &err));
    step_decode(&b, 0);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < COUNT(steps); i++) {
            const double begin = cpu_seconds();

            for (int n = 0; n < EACH; n++)
                steps[i].run(&b, steps[i].with);
            seconds[i][round] = (cpu_seconds() - begin) / EACH;
        }
    for (size_t i = 0; i < COUNT(steps); i++)
        qsort(seconds[i], ROUNDS, sizeof(double), compare);
    plain = seconds[PLAIN_ALL][ROUNDS / 2];
    printf("step\timages_per_s\tof_plain\n");
    for (size_t i = 0; i < COUNT(steps); i++)
        printf("%s\t%.0f\t%.2f\n", steps[i].name, 1 / seconds[i][ROUNDS / 2], plain / seconds[i][ROUNDS / 2]);
    fprintf(stderr, "JPEG of %zu bytes\n", b.count);
    image_free(&b.decoded);
    free(b.jpeg);
    return 0;
}
