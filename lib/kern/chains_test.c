#include <math.h>
#include <stddef.h>

#include "kern/each_path.h"

static struct kern k; /* of the path under test */

static int start(void **state)
{
    return kern_init(&k, *state, NULL);
}

/* Powers of two: exact whether the product is rounded or not. */
static void every_chain_takes_every_round_and_no_other_is_touched(void **state)
{
    static const size_t rounds[] = { 0, 1, 2, 7 };

    (void)state;
    for (size_t c = 0; c < COUNT(rounds); c++) {
        float sum[KERN_CHAINS + 1];

        for (int i = 0; i <= KERN_CHAINS; i++)
            sum[i] = (float)i;
        k.multiply_add_f32(sum, 0.5F, 4.0F, rounds[c]);
        for (int i = 0; i < KERN_CHAINS; i++)
            assert_true(sum[i] == (float)(8 + (i - 8) * pow(0.5, (double)rounds[c])));
        assert_true(sum[KERN_CHAINS] == KERN_CHAINS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_chain_takes_every_round_and_no_other_is_touched) };

    return EACH_PATH_RUN(tests, start);
}
