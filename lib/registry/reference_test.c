#include "registry/place.h"

static char longest[129], too_long[130];

static const struct {
    const char *text, *folder, *name, *tag;
} good[] = {
    { "registry/solder:stable", "registry", "solder", "stable" },
    { "registry/solder", "registry", "solder", "latest" },
    { "a/b.c/solder-cnn_2:1.2.0+build", "a/b.c", "solder-cnn_2", "1.2.0+build" },
    { "./solder:v1", ".", "solder", "v1" },
    { "../r/solder:v1", "../r", "solder", "v1" },
    { "/srv/with space/solder:v1", "/srv/with space", "solder", "v1" },
    { "/solder:1.2", "/", "solder", "1.2" },
    { "a:b/solder:1", "a:b", "solder", "1" }, /* a colon of the folder */
    { "r//solder:1", "r/", "solder", "1" },
    { "r/0:0", "r", "0", "0" },
};

static void a_reference_is_a_folder_a_name_and_a_tag(void **state)
{
    struct place *place = *state;

    for (size_t i = 0; i < COUNT(good); i++) {
        struct error err = { 0 };
        struct reference r;

        if (reference_parse(&r, &place->arena, good[i].text, NULL, &err) < 0)
            fail_msg("%s", err.message);
        assert_string_equal(r.folder, good[i].folder);
        assert_string_equal(r.name, good[i].name);
        assert_string_equal(r.tag, good[i].tag);
    }
}

static const char *const bad[] = {
    "",
    "solder",
    "solder:v1",
    "/",
    "r/",
    "r/.",
    "r/..",
    "r/.hidden",
    "r/a:.x",
    "r/a:..",
    "r/:v1",
    "r/a:",
    "r/a:b:c",
    "r/a b",
    "r/a\tb",
    "r/a:b\n",
    "r/-a",
    "r/a:-b",
    "r/a:b@c",
    "r/\xc3\xa4",
    "r/a:\x1b[31m",
    "r/a%2f:b",
    "r/a*",
    "r/a;rm:x",
    "http://solder:1",
    "https://solder:1",
    "https://:80/solder:1",
    "https://user:secret@host/solder:1",
    "https://host/a?b/solder:1",
    "ftp://host/solder:1",
    "oci://host/a/solder:1",
    "registry://host/a",
};

static void what_is_none_is_a_usage_error_that_quotes_it(void **state)
{
    struct place *place = *state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err = { 0 };
        struct reference r;

        if (reference_parse(&r, &place->arena, bad[i], NULL, &err) == 0)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_true(err.hint[0] != '\0');
    }
}

static void names_and_tags_have_at_most_128_characters(void **state)
{
    struct place *place = *state;
    struct reference r;

    memset(longest, 'a', 128);
    memset(too_long, 'a', 129);
    assert_int_equal(
        reference_parse(&r, &place->arena, arena_printf(&place->arena, "r/%s:%s", longest, longest), NULL, NULL), 0);
    assert_int_equal(reference_parse(&r, &place->arena, arena_printf(&place->arena, "r/%s:a", too_long), NULL, NULL),
                     -1);
    assert_int_equal(reference_parse(&r, &place->arena, arena_printf(&place->arena, "r/a:%s", too_long), NULL, NULL),
                     -1);
}

static struct tree *remote_to(struct arena *arena, const char *url)
{
    struct tree *remotes = tree_map(arena), *one = tree_add_map(arena, remotes, "site");

    if (url != NULL)
        tree_add_text(arena, one, "url", url);
    return remotes;
}

static void a_remote_stands_for_its_folder(void **state)
{
    static const struct {
        const char *url, *folder;
    } urls[] = { { "/srv/registry", "/srv/registry" },
                 { "oci-layout:/srv/registry", "/srv/registry" },
                 { "https://host:8080/models", "https://host:8080/models" } };
    struct place *place = *state;
    struct error err = { 0 };
    struct reference r;

    for (size_t i = 0; i < COUNT(urls); i++) {
        assert_int_equal(reference_parse(&r, &place->arena, "site/a:b", remote_to(&place->arena, urls[i].url), NULL),
                         0);
        assert_string_equal(r.folder, urls[i].folder);
        assert_string_equal(r.name, "a");
    }
    assert_int_equal(reference_parse(&r, &place->arena, "other/a:b", remote_to(&place->arena, "/x"), NULL), 0);
    assert_string_equal(r.folder, "other");
    assert_int_equal(reference_parse(&r, &place->arena, "site/a", remote_to(&place->arena, "ftp://h"), &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_int_equal(reference_parse(&r, &place->arena, "site/a", remote_to(&place->arena, NULL), &err), -1);
    assert_non_null(strstr(err.message, "remotes: site"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reference_is_a_folder_a_name_and_a_tag, place_begin, place_end),
        cmocka_unit_test_setup_teardown(what_is_none_is_a_usage_error_that_quotes_it, place_begin, place_end),
        cmocka_unit_test_setup_teardown(names_and_tags_have_at_most_128_characters, place_begin, place_end),
        cmocka_unit_test_setup_teardown(a_remote_stands_for_its_folder, place_begin, place_end),
    };

    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
