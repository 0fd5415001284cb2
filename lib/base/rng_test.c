#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/attr.h"
#include "base/rng.h"

/* Random123 1.14, tests/kat_vectors, the lines of philox4x32 with 10 rounds. */
static void philox_gives_the_known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } cases[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t got[4];

        rng_philox(cases[i].counter, cases[i].key, got);
        assert_memory_equal(got, cases[i].want, sizeof(got));
    }
}

static void a_number_depends_on_its_index_alone(void **state)
{
    struct rng all = rng_make(7, 9);
    uint32_t numbers[23];

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++)
        numbers[i] = rng_u32(&all);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct rng one = rng_make(7, 9);

        one.index = i;
        assert_int_equal(rng_u32(&one), numbers[i]);
        assert_int_equal(one.index, i + 1);
    }
}

static void seeds_and_streams_differ(void **state)
{
    const uint64_t streams[] = {
        rng_stream("order", 0, 0), rng_stream("order", 1, 0), rng_stream("order", 0, 1),
        rng_stream("flip", 0, 0),  rng_stream("", 0, 0),
    };
    struct rng a = rng_make(1, 5), b = rng_make(2, 5), c = rng_make(1, 6);
    const uint32_t first = rng_u32(&a);

    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++)
        for (size_t j = 0; j < i; j++)
            assert_true(streams[i] != streams[j]);
    assert_true(first != rng_u32(&b));
    assert_true(first != rng_u32(&c));
}

static void below_is_even_and_in_range(void **state)
{
    struct rng rng = rng_make(3, 1);
    int seen[7] = { 0 };

    (void)state;
    for (int i = 0; i < 70000; i++) {
        const uint32_t n = rng_below(&rng, 7);

        assert_true(n < 7);
        seen[n]++;
    }
    for (size_t i = 0; i < COUNT(seen); i++) /* five standard deviations of 92 */
        assert_in_range(seen[i], 10000 - 460, 10000 + 460);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rng_below(&rng, 1), 0);
}

static void uniform_and_normal_have_their_moments(void **state)
{
    enum { N = 100000 };
    struct rng rng = rng_make(3, 2);
    double sum = 0, normal = 0, square = 0;

    (void)state;
    for (int i = 0; i < N; i++) {
        const float u = rng_uniform(&rng);
        const float z = rng_normal(&rng);

        assert_true(u >= 0 && u < 1);
        assert_true(isfinite(z));
        sum += u;
        normal += z;
        square += (double)z * z;
    }
    assert_true(fabs(sum / N - 0.5) < 0.005);
    assert_true(fabs(normal / N) < 0.016);
    assert_true(fabs(square / N - 1) < 0.025);
}

static void shuffle_keeps_every_item_once(void **state)
{
    struct rng rng = rng_make(11, 4);
    uint32_t items[100];
    int seen[100] = { 0 }, moved = 0;

    (void)state;
    for (uint32_t i = 0; i < COUNT(items); i++)
        items[i] = i;
    rng_shuffle(&rng, items, COUNT(items));
    for (uint32_t i = 0; i < COUNT(items); i++) {
        assert_true(items[i] < COUNT(items));
        seen[items[i]]++;
        moved += items[i] != i;
    }
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
    rng_shuffle(&rng, items, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_known_answers),
        cmocka_unit_test(a_number_depends_on_its_index_alone),
        cmocka_unit_test(seeds_and_streams_differ),
        cmocka_unit_test(below_is_even_and_in_range),
        cmocka_unit_test(uniform_and_normal_have_their_moments),
        cmocka_unit_test(shuffle_keeps_every_item_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
