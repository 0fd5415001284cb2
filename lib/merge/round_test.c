#include "merge/round.h"
#include "merge/round_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* Keys of three sites; x is of nobody who is enrolled. */
struct night {
    struct round *round;
    struct sign_key key[4];
    struct merge_keys keys;
    struct merge_options options;
};

static const char *const names[] = { "a", "b", "c", "x" };

static int night_begin(void **state)
{
    struct night *night = calloc(1, sizeof(*night));
    void *round;

    if (round_begin(&round) < 0)
        return -1;
    night->round = round;
    for (int s = 0; s < SITES; s++)
        assert_int_equal(unlink(night->round->path[s]), 0);
    for (int k = 0; k < 4; k++)
        assert_int_equal(sign_key_make(&night->key[k], NULL), 0);
    night->keys = (struct merge_keys){ (const char **)(uintptr_t)names, night->key, 3 };
    night->options = (struct merge_options){ .round = 7, .keys = &night->keys, .min_updates = 2 };
    *state = night;
    return 0;
}

static int night_end(void **state)
{
    struct night *night = *state;
    void *round = night->round;

    free(night);
    return round_end(&round);
}

/* What site `name` sends, signed with a key (-1: unsigned), as a file. */
static const char *write_signed(struct night *night, const char *file, const char *name, int key, int64_t round)
{
    struct update update = { .site = name, .round = round, .examples = 5, .steps = 1 };
    const char *path = arena_printf(&night->round->arena, "%s/%s", night->round->folder, file);
    struct error err = { 0 };
    struct model model;

    assert_int_equal(model_identity(&night->round->base, &update.base, NULL), 0);
    assert_int_equal(model_copy(&model, &night->round->base, NULL), 0);
    fill(&model, sent, name[0]);
    model.update = &update;
    if ((key < 0 ? package_write(&model, path, NULL, NULL, &err)
                 : package_write_signed(&model, path, &night->key[key], &err)) < 0)
        fail_msg("%s", err.message);
    model_free(&model);
    return path;
}

static struct round_status look(struct night *night)
{
    struct round *r = night->round;
    struct round_status status;
    struct error err = { 0 };
    const char **paths;
    int count;

    assert_int_equal(round_files(r->folder, &r->arena, &paths, &count, &err), 0);
    if (round_look(&r->base, paths, count, &night->options, &r->job, &r->arena, &status, &err) < 0)
        fail_msg("%s", err.message);
    return status;
}

static void says(const struct round_row *row, enum round_state state, const char *site, const char *why)
{
    assert_int_equal(row->state, state);
    if (site == NULL)
        assert_null(row->site);
    else
        assert_string_equal(row->site, site);
    if (why != NULL && (row->why == NULL || strstr(row->why, why) == NULL))
        fail_msg("'%s' does not say '%s'", row->why ? row->why : "", why);
}

static void each_site_has_one_row(void **state)
{
    struct night *night = *state;
    struct round_status status = look(night);

    assert_int_equal(status.count, 3);
    assert_int_equal(status.missing, 3);
    assert_int_equal(status.lacking.kind, ERROR_ANSWER);
    write_signed(night, "a.update", "a", 0, 7);
    write_signed(night, "b.update", "b", 1, 6);
    write_signed(night, "x.update", "x", 3, 7);
    status = look(night);
    assert_int_equal(status.count, 4);
    says(&status.row[0], ROUND_HERE, "a", NULL);
    says(&status.row[1], ROUND_REFUSED, "b", "of round 6, wanted is round 7");
    says(&status.row[2], ROUND_MISSING, "c", NULL);
    says(&status.row[3], ROUND_REFUSED, NULL, "site 'x' is not enrolled");
    assert_string_equal(status.lacking.message, "1 good updates of 3, wanted at least 2");
    write_signed(night, "b.update", "b", 1, 7);
    assert_int_equal(look(night).lacking.kind, ERROR_NONE);
}

/* Each of these is refused, and none for the reason of another. */
static void whoever_may_not_take_part_is_told_why(void **state)
{
    static const struct {
        const char *name;
        int key;
        const char *why;
    } cases[] = {
        { "a", -1, "not signed, expected the signature of site 'a'" },
        { "a", 1, "says it is of site 'a', but site 'b' signed it" },
        { "a", 3, "signature.minisig: signed by key" },
        { "x", 3, "site 'x' is not enrolled: there is no x.pub among the keys" },
        { "x", 0, "site 'x' is not enrolled: there is no x.pub among the keys" },
    };
    struct night *night = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct round_status status;

        write_signed(night, "a.update", cases[i].name, cases[i].key, 7);
        status = look(night);
        says(&status.row[0], ROUND_REFUSED, "a", cases[i].why);
    }
}

/* Whatever bit is turned before the signature, and .end made right again, it is not what the site signed. (What of the
 * signature's own lines may change is lib/base/sign_test.c's.) */
static void no_byte_can_be_changed(void **state)
{
    struct night *night = *state;
    const char *path = write_signed(night, "a.update", "a", 0, 7);
    struct input in;
    unsigned char *bytes;
    size_t count, end, of;

    assert_int_equal(input_open(&in, path, 0, NULL), 0);
    count = in.count;
    bytes = malloc(count);
    memcpy(bytes, in.bytes, count);
    input_close(&in);
    end = count - 512;
    while (memcmp(bytes + end, ".end", 5) != 0)
        end -= 512;
    of = end;
    while (strcmp((const char *)bytes + of, "signature.minisig") != 0)
        of -= 512;
    for (size_t at = 3; at < of; at += 97) {
        struct round_status status;
        struct digest digest;
        char hex[65], *mark;

        bytes[at] ^= 4;
        digest = digest_of(bytes, end);
        mark = strstr((char *)bytes + end + 512, "\"sha256\":\"");
        assert_non_null(mark);
        memcpy(mark + strlen("\"sha256\":\""), digest_hex(&digest, hex), 64);
        assert_int_equal(file_write(path, bytes, count, NULL), 0);
        status = look(night);
        if (status.here > 0)
            fail_msg("byte %zu was changed", at);
        bytes[at] ^= 4;
    }
    free(bytes);
}

static void a_difference_too_large_to_add_is_told_beforehand(void **state)
{
    struct night *night = *state;
    struct update update = { .site = "a", .round = 7, .examples = 1, .steps = 1 };
    const char *path = arena_printf(&night->round->arena, "%s/a.update", night->round->folder);
    struct round_status status;
    struct model model;

    assert_int_equal(model_identity(&night->round->base, &update.base, NULL), 0);
    assert_int_equal(model_copy(&model, &night->round->base, NULL), 0);
    for (int v = 0; v < model.graph.value_count; v++)
        if (is_merged(&model.graph.value[v]))
            ((float *)model.graph.value[v].tensor.data)[0] = 1e30f;
    model.update = &update;
    assert_int_equal(package_write_signed(&model, path, &night->key[0], NULL), 0);
    model_free(&model);
    write_signed(night, "b.update", "b", 1, 7);
    status = look(night);
    says(&status.row[0], ROUND_REFUSED, "a", "holds a difference of 1e+30");
    says(&status.row[1], ROUND_HERE, "b", NULL);
    night->options.combine.how = MERGE_MEDIAN;
    assert_int_equal(look(night).here, 2);
}

static void waiting_ends_when_all_are_there_or_the_time_is_over(void **state)
{
    struct night *night = *state;
    const struct moment now = moment_now();
    const struct deadline over = { .at = now.steady - 1 }, late = { .wall = true, .at = now.wall + 1e6 };
    struct round *r = night->round;

    assert_int_equal(round_wait(&r->base, r->folder, &night->options, &over, &r->job, NULL), 0);
    for (int k = 0; k < 3; k++)
        write_signed(night, arena_printf(&r->arena, "%s.update", names[k]), names[k], k, 7);
    assert_int_equal(round_wait(&r->base, r->folder, &night->options, &late, &r->job, NULL), 0);
    assert_int_equal(round_wait(&r->base, "/nonexistent", &night->options, &late, &r->job, NULL), -1);
}

static void one_run_at_a_time(void **state)
{
    struct night *night = *state;
    struct error err = { 0 };
    int first, second;

    assert_int_equal(round_lock(night->round->folder, &first, &err), 0);
    assert_int_equal(round_lock(night->round->folder, &second, &err), -1);
    assert_int_equal(err.kind, ERROR_IO);
    round_unlock(first);
    assert_int_equal(round_lock(night->round->folder, &second, &err), 0);
    round_unlock(second);
    assert_int_equal(round_lock("/nonexistent", &first, &err), -1);
}

static void a_folders_name_says_the_round(void **state)
{
    static const struct {
        const char *folder;
        int64_t round;
    } cases[] = {
        { "round-7", 7 },    { "round-0007", 7 }, { "a/b/round-12/", 12 },
        { "/round-0//", 0 }, { "round-", -1 },    { "round-7a", -1 },
        { "round--7", -1 },  { "around-7", -1 },  { "round-7/x", -1 },
        { "rounds", -1 },    { "", -1 },          { "/", -1 },
        { "round- 7", -1 },  { "round-+7", -1 },  { "round-99999999999999999999", -1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (round_of_folder(cases[i].folder) != cases[i].round)
            fail_msg("%s is of round %lld", cases[i].folder, (long long)round_of_folder(cases[i].folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_site_has_one_row, night_begin, night_end),
        cmocka_unit_test_setup_teardown(whoever_may_not_take_part_is_told_why, night_begin, night_end),
        cmocka_unit_test_setup_teardown(no_byte_can_be_changed, night_begin, night_end),
        cmocka_unit_test_setup_teardown(a_difference_too_large_to_add_is_told_beforehand, night_begin, night_end),
        cmocka_unit_test_setup_teardown(waiting_ends_when_all_are_there_or_the_time_is_over, night_begin, night_end),
        cmocka_unit_test_setup_teardown(one_run_at_a_time, night_begin, night_end),
        cmocka_unit_test(a_folders_name_says_the_round),
    };

    return cmocka_run_group_tests_name("round", tests, NULL, NULL);
}
