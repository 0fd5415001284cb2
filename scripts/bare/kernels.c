/*
 * kernels.c - a program without an operating system, for scripts/bare-avx512: block_integer.h's kernels of each
 * x86 path against sums in plain C, byte for byte. It says on a serial port what it found.
 */
#include "kern/internal.h"

enum { SERIAL = 0x3f8, MOST_PIXELS = 14, SEGMENTS = 3, INPUT = 8192, OUTPUT = 16384, LANES_ALL = 64 };

static uint8_t bytes[INPUT], got[OUTPUT], want[OUTPUT];
static int8_t weights[INPUT];
static int16_t pairs[INPUT], pair_weights[INPUT];
static int32_t bias[LANES_ALL];
static float scale[LANES_ALL];

/* ---- what an operating system would do ---- */

void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile char *)to)[i] = (char)byte;
    return to;
}

static void port(unsigned at, uint8_t byte)
{
    __asm__ volatile("outb %0, %1" : : "a"(byte), "d"((uint16_t)at));
}

static void say(const char *text)
{
    for (uint8_t ready; *text; text++) {
        do
            __asm__ volatile("inb %1, %0" : "=a"(ready) : "d"((uint16_t)(SERIAL + 5)));
        while (!(ready & 0x20));
        port(SERIAL, (uint8_t)*text);
    }
}

static void say_number(unsigned n)
{
    char digits[12] = { 0 }, *at = digits + 11;

    do
        *--at = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    say(at);
}

static uint32_t draw(void)
{
    static uint32_t seed = 1;

    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

/* ---- the claims ---- */

/* Numbers of a kind: 0 any, 1 the least and the largest, 2 those whose products are the largest. */
static void draw_all(unsigned kind)
{
    for (size_t i = 0; i < INPUT; i++) {
        uint32_t any = draw();
        bytes[i] = (uint8_t)(kind == 2 ? 255 : kind == 1 ? (any & 1) * 255 : any);
        weights[i] = (int8_t)(kind == 2 ? -128 : kind == 1 ? (any & 2 ? 127 : -128) : (int)(any >> 8));
        pairs[i] = (int16_t)((int)bytes[i] - 77);
        pair_weights[i] = weights[i];
    }
    for (size_t i = 0; i < LANES_ALL; i++) {
        bias[i] = (int32_t)draw() >> 12;
        scale[i] = (float)(draw() % 1000 + 1) * (kind ? 0.00001F : 0.00005F);
    }
    memset(got, 0xaa, OUTPUT);
    memset(want, 0xaa, OUTPUT);
}

static uint8_t requantized(int32_t sum, float by, const struct kern_block_bytes *c)
{
    float v = (float)sum * by, low = (float)(c->low - c->zero_point), high = (float)(c->high - c->zero_point);

    return (uint8_t)(__builtin_lrintf(v < low ? low : v > high ? high : v) + c->zero_point);
}

static bool same(void)
{
    for (size_t i = 0; i < OUTPUT; i++)
        if (got[i] != want[i])
            return false;
    return true;
}

/* Word i of a pixel's run times word `at` of the weights: four bytes, or two numbers of 16 bits. */
static uint32_t product(size_t depth, size_t place, size_t at)
{
    uint32_t sum = 0;

    for (size_t e = 0; e < depth; e++)
        sum += depth == 4 ? (uint32_t)(bytes[place + e] * weights[at * 4 + e])
                          : (uint32_t)(pairs[place / 2 + e] * pair_weights[at * 2 + e]);
    return sum;
}

static bool conv_agrees(const struct kern *k, size_t lanes, size_t n, size_t blocks, bool near, size_t rest,
                        bool scaled)
{
    static const int32_t offset[SEGMENTS] = { 0, 40, 80 };
    size_t pixel = lanes * 4 / k->word_depth;
    const struct kern_block_bytes c = { .segments = SEGMENTS,
                                        .whole = rest ? SEGMENTS - 1 : SEGMENTS,
                                        .words = near ? lanes / k->word_depth : 3,
                                        .rest = rest,
                                        .pixel = near ? pixel : 2 * pixel + 4,
                                        .offset = offset,
                                        .y_block = n * lanes * (scaled ? 1 : 4),
                                        .zero_point = (int32_t)(draw() % 256),
                                        .low = 3,
                                        .high = 250 };

    for (size_t i = 0; i < blocks * n * lanes; i++) {
        size_t b = i / (n * lanes), j = i / lanes % n, l = i % lanes, at = 0;
        uint32_t sum = (uint32_t)bias[b * lanes + l];
        for (size_t s = 0; s < SEGMENTS; s++)
            for (size_t w = 0; w < (s < c.whole ? c.words : c.rest); w++, at++)
                sum += product(k->word_depth, (size_t)offset[s] + j * c.pixel + w * 4, (at * blocks + b) * lanes + l);
        if (scaled)
            want[i] = requantized((int32_t)sum, scale[b * lanes + l], &c);
        else
            memcpy(want + i * 4, &sum, 4);
    }
    k->block_conv_u8(&c, n, blocks, k->word_depth == 4 ? (const void *)bytes : pairs,
                     k->word_depth == 4 ? (const void *)weights : pair_weights, bias, scaled ? scale : NULL, got);
    return same();
}

static bool depthwise_agrees(const struct kern *k, size_t lanes, size_t n, size_t stride)
{
    static const int32_t offset[SEGMENTS] = { 0, 64, 192 };
    const struct kern_block_bytes c = {
        .segments = SEGMENTS, .pixel = lanes * 4 * stride, .offset = offset, .zero_point = 9, .high = 255
    };

    for (size_t i = 0; i < n * lanes; i++) {
        uint32_t sum = (uint32_t)bias[i % lanes];
        for (size_t s = 0; s < SEGMENTS; s++)
            sum += product(2, (size_t)offset[s] + i / lanes * c.pixel + i % lanes * 4, s * lanes + i % lanes);
        want[i] = requantized((int32_t)sum, scale[i % lanes], &c);
    }
    k->block_depthwise_u8(&c, n, pairs, (const void *)pair_weights, bias, scale, got);
    return same();
}

static void check(const char *name, void (*use)(struct kern *kern), size_t lanes, size_t most_blocks)
{
    static struct kern kern;
    unsigned cases = 0, wrong = 0;

    use(&kern);
    for (size_t n = 1; n <= MOST_PIXELS; n++) {
        for (size_t how = 0; how < 8 * most_blocks; how++, cases++) {
            draw_all(cases % 3);
            wrong += !conv_agrees(&kern, lanes, n, how / 8 + 1, how & 1, how & 2 ? 2 : 0, (how & 4) != 0);
        }
        for (size_t stride = 1; stride <= 3; stride++, cases++) {
            draw_all(cases % 3);
            wrong += !depthwise_agrees(&kern, lanes, n, stride);
        }
    }
    say(wrong ? "not ok - " : "ok - ");
    say(name);
    say(": ");
    say_number(cases - wrong);
    say(" of ");
    say_number(cases);
    say(" cases agree\r\n");
}

void kernels(void)
{
    port(SERIAL + 3, 0x80); /* as fast as it goes, 8 bits */
    port(SERIAL, 1);
    port(SERIAL + 1, 0);
    port(SERIAL + 3, 3);
    __builtin_cpu_init();
    check("portable", kern_use_block_integer, 4, 3);
    if (__builtin_cpu_supports("avx2"))
        check("x86-avx2", kern_use_avx2_block_integer, 8, 3);
    if (__builtin_cpu_supports("avx512bw"))
        check("x86-avx512", kern_use_avx512_block_integer, 16, 4);
    if (__builtin_cpu_supports("avx512vnni"))
        check("x86-vnni", kern_use_vnni_block_integer, 16, 4);
    say("# end\r\n");
}
