/* From a 640x640 JPEG to a model's 224x224 reals, one thread: images a second, step by step. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "image/internal.h"

enum { SIDE = 640, INPUT = 224 };

/* Slopes with noise on them, about as hard for the entropy coder as a photograph. */
static void draw(uint8_t *pixels)
{
    struct rng rng = rng_make(1, 1);

    for (int i = 0; i < SIDE * SIDE * 3; i++)
        pixels[i] = (uint8_t)((i / 3 % SIDE + i / 3 / SIDE * (i % 3)) / 8 % 200 + (int)rng_below(&rng, 24));
}

/* Of the processor: other work on the machine does not count. */
static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void report(const char *what, int runs, double seconds)
{
    printf("%s\t%.0f\n", what, runs / seconds);
}

int main(void)
{
    static uint8_t pixels[SIDE * SIDE * 3], small[INPUT * INPUT * 3];
    static float reals[INPUT * INPUT * 3];
    struct image drawn = { SIDE, SIDE, 3, pixels }, decoded = { 0 }, fitted = { INPUT, INPUT, 3, small };
    struct preprocess preprocess;
    struct error err = { 0 };
    uint8_t *jpeg;
    size_t count;
    double begin;

    preprocess_init(&preprocess, 3, INPUT, INPUT);
    draw(pixels);
    if (image_encode_jpeg(&drawn, 90, &jpeg, &count, &err) < 0)
        return 1;
    printf("step\timages_per_s\n");
    begin = cpu_seconds();
    for (int i = 0; i < 100; i++) {
        image_free(&decoded);
        if (image_decode(&decoded, jpeg, count, 3, &err) < 0)
            return 1;
    }
    report("decode", 100, cpu_seconds() - begin);
    for (int method = RESIZE_ANTIALIAS; method <= RESIZE_NEAREST; method++) {
        static const char *const names[] = { "antialias", "bilinear", "nearest" };

        preprocess.resize = (enum resize_method)method;
        begin = cpu_seconds();
        for (int i = 0; i < 200; i++)
            if (image_fit(&fitted, &decoded, &preprocess, &err) < 0)
                return 1;
        report(names[method], 200, cpu_seconds() - begin);
    }
    begin = cpu_seconds();
    for (int i = 0; i < 1000; i++)
        image_normalize(reals, small, &preprocess);
    report("normalize", 1000, cpu_seconds() - begin);
    image_free(&decoded);
    free(jpeg);
    return 0;
}
