/*
 * block_short.h - products of few channels. Making bytes of sums takes as long as they do, and a CPU does both at once
 * only where both come in turn: while a strip's first segment is multiplied, the sums of the strip before become bytes.
 * For block_integer.h, whose names it uses, where there are 32 registers and bytes that saturate (ROUND).
 */
enum { SHORT_BLOCKS = 3 };

/* What all strips of a call have in common. */
struct short_run {
    const struct kern_block_bytes *c;
    size_t strips;
    const int32_t *w, *bias;
    const float *scale;
};

/* clang-format off */
/* The i-th thing to do for the strip before: its sums are rounded one by one, then go out four pixels at a time. */
#define BEFORE(I, Q, B)                                                                                         \
    if ((I) < 4 * (Q) * (B)) {                                                                                  \
        const int sum = (I) % (4 * (Q) * (B));                                                                  \
        before[sum] = ROUND(before[sum], LOAD_FLOATS(scale + sum / (4 * (Q)) * LANES));                         \
    } else if ((I) < 5 * (Q) * (B)) {                                                                           \
        const int four = (I) % ((Q) * (B));                                                                     \
        PUT_FOUR(to + (size_t)(four / (Q)) * y_block + four % (Q) * 4 * LANES, before[4 * four],                \
                 before[4 * four + 1], before[4 * four + 2], before[4 * four + 3], zero_point);                 \
    }

/* Strips of 4 * Q pixels. The first has none before it, and writes where the second will. */
#define SHORT_RUN(Q, B)                                                                                         \
    static void short_strip_##Q##x##B(const struct short_run *run, const char *x, uint8_t *y)                   \
    {                                                                                                           \
        const struct kern_block_bytes copy = *run->c, *c = &copy;                                               \
        const int32_t zero_point = c->zero_point, *bias = run->bias, *start = run->w;                           \
        const float *scale = run->scale;                                                                        \
        const size_t y_block = c->y_block, count = run->strips;                                                 \
        WORDS before[4 * (Q) * (B)];                                                                            \
        uint8_t *to = y;                                                                                        \
        _Pragma("GCC unroll 16") for (int i = 0; i < 4 * (Q) * (B); i++)                                        \
            before[i] = SPLAT(0);                                                                               \
        for (size_t i = 0; i < count; i++, x += (Q) * 4 * BLOCK_PIXEL, to = y, y += (Q) * 4 * LANES) {          \
            const int32_t *w = start;                                                                           \
            const char *near = x + c->offset[0];                                                                \
            STRIP_START(4 * (Q), B)                                                                             \
            _Pragma("GCC unroll 8") for (int k = 0; k < BLOCK_WORDS; k++, w += (B) * LANES) {                   \
                WORDS v[B];                                                                                     \
                EACH_BLOCK(B)                                                                                   \
                    v[b] = LOAD(w + b * LANES);                                                                 \
                EACH_PIXEL(4 * (Q)) {                                                                           \
                    WORDS one = WORD_AT(near + k * 4 + p * BLOCK_PIXEL);                                        \
                    EACH_BLOCK(B)                                                                               \
                        acc[p][b] = DOT(acc[p][b], one, v[b]);                                                  \
                    BEFORE(k * 4 * (Q) + p, Q, B)                                                               \
                }                                                                                               \
            }                                                                                                   \
            size_t s = 1;                                                                                       \
            WHOLE_SEGMENTS(4 * (Q), B, BLOCK_PIXEL, BLOCK_WORDS, FETCH_NOTHING)                                 \
            for (; s < c->segments; s++) {                                                                      \
                const char *from = x + c->offset[s];                                                            \
                for (size_t k = 0; k < c->rest; k++)                                                            \
                    STRIP_STEP(4 * (Q), B, from + k * 4, BLOCK_PIXEL)                                           \
            }                                                                                                   \
            EACH_BLOCK(B)                                                                                       \
                EACH_PIXEL(4 * (Q))                                                                             \
                    before[b * 4 * (Q) + p] = acc[p][b];                                                        \
        }                                                                                                       \
        _Pragma("GCC unroll 16") for (int i = 0; i < 5 * (Q) * (B); i++)                                        \
            BEFORE(i, Q, B)                                                                                     \
    }
SHORT_RUN(3, 1)
SHORT_RUN(1, 2)
SHORT_RUN(1, 3)
/* clang-format on */

/* How many pixels are done so: whole strips, or none. */
static size_t block_short_u8(const struct kern_block_bytes *c, size_t n, size_t blocks, const char *x, const int32_t *w,
                             const int32_t *bias, const float *scale, uint8_t *y)
{
    static void (*const runs[])(const struct short_run *run, const char *x,
                                uint8_t *y) = { NULL, short_strip_3x1, short_strip_1x2, short_strip_1x3 };
    const size_t pixels = blocks == 1 ? 12 : 4;
    const struct short_run run = { c, n / pixels, w, bias, scale };

    if (blocks >= COUNT(runs) || run.strips < 2 || !scale || !c->saturates || c->next_bytes > 0 || c->whole == 0 ||
        c->segments > KERN_SHORT || (blocks == 2 && c->segments == KERN_SHORT))
        return 0;
    runs[blocks](&run, x, y);
    return run.strips * pixels;
}
