/* Elements a nanosecond of each elementwise row, in the first-level cache: TSV of path, row and rate. */
#include <stdio.h>

#include "base/clock.h"
#include "kern/kern.h"

enum { ELEMENTS = 2048, RUNS = 20000 };

static float x[ELEMENTS], y[ELEMENTS], z[ELEMENTS];
static uint8_t a[ELEMENTS], b[ELEMENTS], c[ELEMENTS], table[256];
static const struct kern_add_u8 sum = { .factor_a = 300000, .factor_b = 170000, .shift = 19 };
static const struct kern_mul_u8 product = { .high = 8192, .shift = 22 };

static void call(const struct kern *k, int row)
{
    switch (row) {
    case 0: k->relu_f32(y, x, ELEMENTS); break;
    case 1: k->clip_f32(y, x, 0, 6, ELEMENTS); break;
    case 2: k->hard_swish_f32(y, x, ELEMENTS); break;
    case 3: k->exp_f32(y, x, ELEMENTS); break;
    case 4: k->sigmoid_f32(y, x, ELEMENTS); break;
    case 5: k->add_f32(y, x, 1, z, 1, ELEMENTS); break;
    case 6: k->mul_f32(y, x, 1, z, 0, ELEMENTS); break;
    case 7: y[0] = (float)k->sum_f32(x, ELEMENTS); break;
    case 8: k->map_u8(c, a, table, ELEMENTS); break;
    case 9: k->clamp_u8(c, a, 10, 200, ELEMENTS); break;
    case 10: k->add_u8(c, a, 1, b, 1, &sum, ELEMENTS); break;
    case 11: k->mul_u8(c, a, 1, b, 1, &product, ELEMENTS); break;
    case 12: k->quantize_u8_f32(c, x, 0.1F, 128, ELEMENTS); break;
    default: k->dequantize_f32_u8(y, a, 0.1F, 128, ELEMENTS); break;
    }
}

int main(void)
{
    static const char *const names[] = {
        "relu", "clip",   "hard_swish", "exp",    "sigmoid", "add",         "mul by one",
        "sum",  "map_u8", "clamp_u8",   "add_u8", "mul_u8",  "quantize_u8", "dequantize_u8",
    };
    static const char *const cpus[] = { "portable", "auto" };

    printf("path\trow\telements_per_ns\n");
    for (size_t i = 0; i < COUNT(cpus); i++) {
        struct kern k;

        if (kern_init(&k, cpus[i], NULL) < 0)
            return 1;
        for (size_t row = 0; row < COUNT(names); row++) {
            double began = clock_seconds();

            for (int run = 0; run < RUNS; run++)
                call(&k, (int)row);
            printf("%s\t%s\t%.2f\n", k.cpu, names[row], (double)ELEMENTS * RUNS / (clock_seconds() - began) / 1e9);
        }
    }
    return 0;
}
