#include "registry/place.h"
#include "registry/release.h"

#include "base/text.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PACKAGE "{\"package\":\"sha256:" HEX_A "\",\"size\":7,\"manifest\":\"sha256:" HEX_B "\",\"manifest_size\":9}"

/* A whole document, and where each key's value begins and ends. */
static const struct {
    const char *key, *value;
} good[] = {
    { "release", "1" },
    { "name", "\"solder\"" },
    { "channel", "\"stable\"" },
    { "version", "7" },
    { "share", "5" },
    { "package", PACKAGE },
    { "rest", PACKAGE },
    { "withdraws", "\"sha256:" HEX_B "\"" },
    { "date", "\"2026-11-29T07:30:00Z\"" },
    { "expires", "\"2027-11-29T07:30:00Z\"" },
    { "message", "\"why\"" },
    { "previous", "{\"manifest\":\"sha256:" HEX_A "\",\"manifest_size\":11}" },
};

/* The document with another value for a key; value NULL: without the key. */
static void write_with(struct text *text, const char *key, const char *value)
{
    text_add(text, "{");
    for (size_t i = 0; i < COUNT(good); i++) {
        const char *one = key && strcmp(key, good[i].key) == 0 ? value : good[i].value;

        if (one != NULL)
            text_printf(text, "%s\"%s\":%s", text->length > 1 ? "," : "", good[i].key, one);
    }
    text_add(text, "}");
}

static int parse_with(struct place *place, const char *key, const char *value, struct release *release,
                      struct error *err)
{
    struct text text = { 0 };
    int rc;

    write_with(&text, key, value);
    rc = release_parse(release, &place->arena, text.chars, text.length, err);
    text_free(&text);
    return rc;
}

static void a_document_says_what_it_says(void **state)
{
    struct place *place = *state;
    struct release release;
    char hex[65];

    assert_int_equal(parse_with(place, NULL, NULL, &release, NULL), 0);
    assert_string_equal(release.name, "solder");
    assert_string_equal(release.channel, "stable");
    assert_int_equal(release.version, 7);
    assert_true(release.share == 5);
    assert_string_equal(digest_hex(&release.package.package, hex), HEX_A);
    assert_string_equal(digest_hex(&release.package.manifest, hex), HEX_B);
    assert_int_equal(release.package.size, 7);
    assert_int_equal(release.package.manifest_size, 9);
    assert_true(release.has_rest && release.has_withdrawn && release.has_previous);
    assert_int_equal(release.date, 1795937400); /* date -u -d 2026-11-29T07:30:00Z +%s */
    assert_int_equal(release.expires - release.date, 365 * 24 * 3600);
    assert_string_equal(release.message, "why");
    assert_int_equal(release.previous_size, 11);
    assert_null(release.key);
}

static void what_is_written_is_read_back(void **state)
{
    struct place *place = *state;
    struct text once = { 0 }, twice = { 0 };
    struct release release, again;

    assert_int_equal(parse_with(place, NULL, NULL, &release, NULL), 0);
    release_write(&once, &place->arena, &release);
    assert_int_equal(release_parse(&again, &place->arena, once.chars, once.length, NULL), 0);
    release_write(&twice, &place->arena, &again);
    assert_string_equal(once.chars, twice.chars);
    text_free(&once);
    text_free(&twice);
}

static void what_may_be_missing_may_and_unknown_keys_are_passed_over(void **state)
{
    static const char *const may[] = { "rest", "withdraws", "message", "previous" };
    struct place *place = *state;
    struct release release;

    for (size_t i = 0; i < COUNT(may); i++)
        assert_int_equal(parse_with(place, may[i], NULL, &release, NULL), 0);
    assert_int_equal(parse_with(place, "message", "\"x\",\"delta\":{\"from\":1}", &release, NULL), 0);
}

static const struct {
    const char *key, *value, *part;
} bad[] = {
    { "release", NULL, "'release'" },
    { "release", "2", "format 2" },
    { "release", "0", "'release'" },
    { "name", NULL, "'name'" },
    { "name", "7", "'name'" },
    { "name", "\"../x\"", "'name' is '../x'" },
    { "name", "\"\"", "'name'" },
    { "channel", "\"a/b\"", "'channel'" },
    { "channel", "\"a\\u0000b\"", "" },
    { "version", NULL, "'version'" },
    { "version", "0", "'version'" },
    { "version", "-1", "'version'" },
    { "version", "1.5", "'version'" },
    { "version", "\"7\"", "'version'" },
    { "version", "9007199254740992", "'version'" },
    { "version", "9223372036854775807", "'version'" },
    { "version", "9223372036854775808", "" },
    { "version", "1e99", "'version'" },
    { "version", "7,\"version\":8", "" },
    { "share", NULL, "'share'" },
    { "share", "-0.1", "'share' is -0.1" },
    { "share", "100.1", "'share' is 100.1" },
    { "share", "1e999", "" },
    { "share", "\"5%\"", "'share'" },
    { "package", NULL, "'package'" },
    { "package", "null", "'package'" },
    { "package", "[]", "'package'" },
    { "package", "{}", "'package'" },
    { "package", "{\"package\":\"sha256:" HEX_A "\",\"size\":-1,\"manifest\":\"sha256:" HEX_B "\",\"manifest_size\":9}",
      "'size'" },
    { "package",
      "{\"package\":\"sha256:" HEX_A "\",\"size\":1,\"manifest\":\"sha256:" HEX_B "\",\"manifest_size\":99999999999}",
      "'manifest_size'" },
    { "package", "{\"package\":\"md5:" HEX_A "\",\"size\":1,\"manifest\":\"sha256:" HEX_B "\",\"manifest_size\":9}",
      "expected sha256:HEX" },
    { "package", "{\"package\":\"sha256:abc\",\"size\":1,\"manifest\":\"sha256:" HEX_B "\",\"manifest_size\":9}",
      "'package'" },
    { "rest", "null", "'rest'" },
    { "withdraws", "7", "'withdraws'" },
    { "date", "\"2026-02-30T00:00:00Z\"", "'date'" },
    { "date", "\"2026-11-29T25:00:00Z\"", "'date'" },
    { "date", "\"2026-11-29 07:30:00Z\"", "'date'" },
    { "date", "\"2026-11-29T07:30:00+01\"", "'date'" },
    { "date", "\"1969-12-31T23:59:59Z\"", "'date'" },
    { "date", "1795937400", "'date'" },
    { "expires", NULL, "'expires'" },
    { "expires", "\"\"", "'expires'" },
    { "message", "[]", "'message'" },
    { "previous", "{}", "'previous'" },
    { "previous", "{\"manifest\":\"sha256:" HEX_A "\",\"manifest_size\":-1}", "'previous'" },
};

static void what_is_no_document_is_told_with_the_key(void **state)
{
    struct place *place = *state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err = { 0 };
        struct release release;

        if (parse_with(place, bad[i].key, bad[i].value, &release, &err) == 0)
            fail_msg("'%s': %s was taken", bad[i].key, bad[i].value ? bad[i].value : "nothing");
        assert_int_equal(err.kind, ERROR_INPUT);
        if (strstr(err.message, bad[i].part) == NULL)
            fail_msg("'%s' does not say '%s'", err.message, bad[i].part);
    }
}

static void every_hostile_document_is_refused(void **state)
{
    static const char folder[] = "testdata/hostile/release";
    struct place *place = *state;
    char **names;
    size_t count, read = 0;

    assert_int_equal(folder_list(folder, &place->arena, &names, &count, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        struct error err = { 0 };
        struct release release;
        struct input in;

        if (strstr(names[i], ".json") == NULL)
            continue;
        assert_int_equal(input_open(&in, arena_printf(&place->arena, "%s/%s", folder, names[i]), 0, NULL), 0);
        if (release_parse(&release, &place->arena, (const char *)in.bytes, in.count, &err) == 0)
            fail_msg("%s was taken", names[i]);
        assert_int_equal(err.kind, ERROR_INPUT);
        input_close(&in);
        read++;
    }
    assert_true(read >= 23);
}

static void a_message_has_a_thousand_bytes_at_most(void **state)
{
    struct place *place = *state;
    struct release release;
    char value[1004];

    memset(value, 'a', sizeof(value));
    value[0] = value[1001] = '"';
    value[1002] = '\0';
    assert_int_equal(parse_with(place, "message", value, &release, NULL), 0);
    value[1001] = 'a';
    value[1002] = '"';
    value[1003] = '\0';
    assert_int_equal(parse_with(place, "message", value, &release, NULL), -1);
}

static void dates_go_to_text_and_back(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = { { 0, "1970-01-01T00:00:00Z" },          { 951782399, "2000-02-28T23:59:59Z" },
                 { 951782400, "2000-02-29T00:00:00Z" },  { 2147483648, "2038-01-19T03:14:08Z" },
                 { 4107542400, "2100-03-01T00:00:00Z" }, { 253402300799, "9999-12-31T23:59:59Z" } };
    char text[DATE_TEXT];
    int64_t seconds;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_string_equal(date_text(text, rows[i].seconds), rows[i].text);
        assert_int_equal(date_parse(rows[i].text, &seconds, NULL), 0);
        assert_int_equal(seconds, rows[i].seconds);
    }
}

static const char *device_of(char device[40], int number)
{
    const struct digest digest = digest_of(&number, sizeof(number));
    char hex[65];

    snprintf(device, 40, "%.32s", digest_hex(&digest, hex));
    return device;
}

enum { DEVICES = 1000 };

/* Within three standard deviations of the binomial distribution, and who is in stays in. */
static void shares_have_their_size_and_are_nested(void **state)
{
    static const double shares[] = { 0, 1, 10, 50, 100 };
    struct place *place = *state;
    struct release release;
    char device[40];

    assert_int_equal(parse_with(place, NULL, NULL, &release, NULL), 0);
    for (size_t i = 0; i < COUNT(shares); i++) {
        const double p = shares[i] / 100, expected = DEVICES * p;
        int in = 0;

        for (int k = 0; k < DEVICES; k++) {
            bool before = false;

            release.share = i > 0 ? shares[i - 1] : 0;
            before = release_includes(&release, device_of(device, k));
            release.share = shares[i];
            assert_true(!before || release_includes(&release, device));
            in += release_includes(&release, device);
        }
        assert_true((in - expected) * (in - expected) <= 9 * DEVICES * p * (1 - p));
    }
}

static void another_package_begins_with_other_devices(void **state)
{
    struct place *place = *state;
    struct release release;
    char device[40];
    int both = 0, first = 0;

    assert_int_equal(parse_with(place, "share", "10", &release, NULL), 0);
    for (int k = 0; k < DEVICES; k++) {
        bool in = release_includes(&release, device_of(device, k));

        first += in;
        release.package.package.bytes[0] ^= 1;
        both += in && release_includes(&release, device);
        release.package.package.bytes[0] ^= 1;
    }
    assert_true(first > 50);
    assert_true(both < first / 2); /* a tenth of a tenth are in both by chance */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_document_says_what_it_says, place_begin, place_end),
        cmocka_unit_test_setup_teardown(what_is_written_is_read_back, place_begin, place_end),
        cmocka_unit_test_setup_teardown(what_may_be_missing_may_and_unknown_keys_are_passed_over, place_begin,
                                        place_end),
        cmocka_unit_test_setup_teardown(what_is_no_document_is_told_with_the_key, place_begin, place_end),
        cmocka_unit_test_setup_teardown(every_hostile_document_is_refused, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_message_has_a_thousand_bytes_at_most, place_begin, place_end),
        cmocka_unit_test_setup_teardown(dates_go_to_text_and_back, place_begin, place_end),
        cmocka_unit_test_setup_teardown(shares_have_their_size_and_are_nested, place_begin, place_end),
        cmocka_unit_test_setup_teardown(another_package_begins_with_other_devices, place_begin, place_end),
    };

    return cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
