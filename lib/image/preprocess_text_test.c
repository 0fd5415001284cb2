#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/image.h"

static void what_is_named_changes_and_the_rest_stays(void **state)
{
    struct preprocess p, want;
    struct error err = { 0 };

    (void)state;
    preprocess_init(&p, 3, 32, 32);
    p.resize = RESIZE_NEAREST;
    want = p;
    want.fit = FIT_CROP;
    want.height = 240;
    want.width = 320;
    memcpy(want.mean, (float[]){ 0.485F, 0.456F, 0.406F }, sizeof(want.mean));
    memcpy(want.std, (float[]){ 1 / 255.0F, 1 / 255.0F, 1 / 255.0F }, sizeof(want.std));
    assert_int_equal(preprocess_parse(&p, "fit=crop,size=240x320,mean=0.485:0.456:0.406,std=1/255", &err), 0);
    assert_true(preprocess_equal(&p, &want));
    assert_int_equal(preprocess_parse(&p, "channels=1,size=8,resize=bilinear,mean=0,std=1", &err), 0);
    preprocess_init(&want, 1, 8, 8);
    want.mean[0] = 0;
    want.std[0] = 1;
    want.resize = RESIZE_BILINEAR;
    want.fit = FIT_CROP;
    p.mean[1] = p.mean[2] = want.mean[1];
    p.std[1] = p.std[2] = want.std[1];
    assert_true(preprocess_equal(&p, &want));
}

static void mistakes_are_usage_errors_that_change_nothing(void **state)
{
    static const char *const rows[][2] = {
        { "", "found ''" },
        { "mean=0.5,", "found ''" },
        { ",mean=0.5", "found ',mean" },
        { "mean", "found 'mean'" },
        { "menu=1", "unknown key 'menu'" },
        { "channels=2", "channels: '2', expected 1 or 3" },
        { "size=0", "size: '0'" },
        { "size=-8", "size: '-8'" },
        { "size=65536", "size: '65536'" },
        { "size=8x", "size: '8x'" },
        { "size=8x8x8", "size: '8x8x8'" },
        { "decode=fast", "decode: unknown word 'fast'" },
        { "resize=bicubic", "resize: unknown word 'bicubic'" },
        { "fit=", "fit: unknown word ''" },
        { "mean=x", "mean: 'x'" },
        { "mean=1:2", "mean has 2 numbers, the input 3 channels" },
        { "mean=1:2:3:4", "mean: '1:2:3:4'" },
        { "mean=1::3", "mean: '1::3'" },
        { "mean=1/0", "mean: '1/0'" },
        { "mean=nan", "mean: 'nan'" },
        { "std=0", "std: '0', expected numbers above 0" },
        { "std=1:1:-1", "std: '1:1:-1'" },
        { "std=1e-60", "std: '1e-60'" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct preprocess before, p;
        struct error err = { 0 };

        preprocess_init(&before, 3, 32, 32);
        p = before;
        assert_int_equal(preprocess_parse(&p, rows[i][0], &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        if (strstr(err.message, rows[i][1]) == NULL)
            fail_msg("'%s' says: %s", rows[i][0], err.message);
        assert_true(preprocess_equal(&p, &before));
    }
}

static void a_word_like_no_other_gets_the_list(void **state)
{
    struct preprocess p;
    struct error err = { 0 };

    (void)state;
    preprocess_init(&p, 3, 32, 32);
    assert_int_equal(preprocess_parse(&p, "resize=lanczos", &err), -1);
    assert_string_equal(err.hint, "known are antialias, bilinear, nearest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_named_changes_and_the_rest_stays),
        cmocka_unit_test(mistakes_are_usage_errors_that_change_nothing),
        cmocka_unit_test(a_word_like_no_other_gets_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
