#include "data/test_sets.h"

/* What a model with these labels has after it grew by the set; joined by spaces. */
static const char *grown(void **state, const char *set, const char *const *labels, int count, struct error *err)
{
    const char *path = test_path(state, set);
    static char all[256];
    struct arena arena = { 0 };
    const char **names;
    int n;

    all[0] = '\0';
    if (dataset_grown_labels(&arena, &path, 1, labels, count, &names, &n, err) < 0)
        snprintf(all, sizeof(all), "refused");
    else
        for (int i = 0; i < n; i++)
            snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i > 0 ? " " : "", names[i]);
    arena_free(&arena);
    return all;
}

/* Each row is a shard of up to three samples, what it says of its labels, and the labels before and after. */
static void new_classes_come_behind_the_models_own(void **state)
{
    static const struct {
        const char *header, *class[3], *labels[3], *grown;
    } cases[] = {
        /* a set with names: by name, also those that no sample has */
        { "format: 1\nlabels: [cold, good, void]\n", { "1", "0" }, { "good", "bridge" }, "good bridge cold void" },
        { "format: 1\nlabels: [bridge, good]\n", { "1", "0" }, { "good", "bridge" }, "good bridge" },
        /* without: what the samples say, by name or by the model's number */
        { NULL, { "cold", "good", "1" }, { "good", "bridge" }, "good bridge cold" },
        { NULL, { "0", "3" }, { "good", "bridge" }, "good bridge 2 3" },
        /* labels that nobody chose */
        { NULL, { "0", "3" }, { "0", "1" }, "0 1 2 3" },
        { "format: 1\nlabels: [cold, good, void]\n", { "1", "0" }, { "0", "1" }, "0 1 2" },
        { NULL, { "cold" }, { "0", "1" }, "0 1 cold" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        struct test_member member[7];
        char name[3][2][8];
        int n = 0, samples = 0, labels = 0;

        if (cases[i].header != NULL)
            member[n++] = (struct test_member){ ".dataset.yaml", cases[i].header, 0 };
        for (int k = 0; k < 3 && cases[i].class[k] != NULL; k++, samples++) {
            snprintf(name[k][0], sizeof(name[k][0]), "%d.cls", k);
            snprintf(name[k][1], sizeof(name[k][1]), "%d.png", k);
            member[n++] = (struct test_member){ name[k][0], cases[i].class[k], 0 };
            member[n++] = (struct test_member){ name[k][1], NULL, 10 * k };
        }
        while (labels < 3 && cases[i].labels[labels] != NULL)
            labels++;
        test_write_tar(state, "set.tar", member, n, (uint64_t)samples);
        if (strcmp(grown(state, "set.tar", cases[i].labels, labels, &err), cases[i].grown) != 0)
            fail_msg("case %zu: %s, expected %s (%s)", i, grown(state, "set.tar", cases[i].labels, labels, &err),
                     cases[i].grown, err.message);
    }
}

static void a_class_that_is_no_name_is_refused(void **state)
{
    static const struct test_member members[] = { { "1.cls", "c\x1b[2Jld", 0 }, { "1.png", NULL, 1 } };
    static const char *const labels[] = { "good" };
    struct error err = { 0 };

    test_write_tar(state, "escape.tar", members, COUNT(members), 1);
    assert_string_equal(grown(state, "escape.tar", labels, 1, &err), "refused");
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_non_null(strstr(err.message, "escape.tar: class 'c\\x1b[2Jld'"));
    assert_string_equal(grown(state, "none.tar", labels, 1, &err), "refused");
    assert_int_equal(err.kind, ERROR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(new_classes_come_behind_the_models_own, test_begin, test_end),
        cmocka_unit_test_setup_teardown(a_class_that_is_no_name_is_refused, test_begin, test_end),
    };

    return cmocka_run_group_tests_name("grow", tests, NULL, NULL);
}
