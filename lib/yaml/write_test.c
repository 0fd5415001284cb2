/* write_test.c - what is written, and that it reads back as what it was. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "yaml/yaml.h"

static const struct tree *parse(struct arena *arena, const char *text)
{
    struct error err = { 0 };
    const struct tree *root = NULL;

    if (yaml_parse(arena, text, strlen(text), &root, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return root;
}

static void assert_same(const struct tree *a, const struct tree *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->boolean, b->boolean);
    assert_int_equal(a->integer, b->integer);
    if (a->kind == TREE_REAL)
        assert_memory_equal(&a->real, &b->real, sizeof(double));
    if (a->kind == TREE_TEXT) {
        assert_int_equal(a->text_length, b->text_length);
        assert_memory_equal(a->text, b->text, a->text_length);
    }
    for (a = a->first, b = b->first; a; a = a->next, b = b->next) {
        assert_non_null(b);
        assert_int_equal(a->key != NULL, b->key != NULL);
        if (a->key)
            assert_string_equal(a->key, b->key);
        assert_same(a, b);
    }
    assert_null(b);
}

/* parse(write(tree)) is the tree, and writing that again gives the same bytes. */
static void assert_round_trip(const struct tree *tree)
{
    struct arena arena = { 0 };
    struct text once = { 0 }, twice = { 0 };
    const struct tree *back;

    yaml_write(&once, tree);
    assert_false(once.failed);
    back = parse(&arena, once.chars);
    assert_same(tree, back);
    yaml_write(&twice, back);
    assert_string_equal(once.chars, twice.chars);
    text_free(&once);
    text_free(&twice);
    arena_free(&arena);
}

static void a_package_header_is_written_plainly(void **state)
{
    struct arena arena = { 0 };
    struct text out = { 0 };
    struct tree *root = tree_map(&arena), *list, *map;
    (void)state;

    tree_add_text(&arena, root, "name", "solder-cnn");
    tree_add_text(&arena, root, "digest", "0e12");
    tree_add_text(&arena, root, "answer", "no");
    tree_add_text(&arena, root, "note", "a: b # c");
    tree_add_text(&arena, root, "empty", "");
    tree_add_real(&arena, root, "rate", 0.1);
    tree_add_real(&arena, root, "nan", NAN);
    tree_add_list(&arena, root, "none");
    list = tree_add_list(&arena, root, "inputs");
    map = tree_add_map(&arena, list, NULL);
    tree_add_text(&arena, map, "url", "https://x/y:1");
    list = tree_add_list(&arena, map, "shape");
    list->flow = true;
    tree_add_int(&arena, list, NULL, 1);
    tree_add_bool(&arena, list, NULL, true);
    list = tree_add_list(&arena, tree_add_list(&arena, root, "nested"), NULL);
    tree_add_int(&arena, list, NULL, -1);
    yaml_write(&out, root);
    assert_string_equal(out.chars, "name: solder-cnn\n"
                                   "digest: \"0e12\"\n"
                                   "answer: \"no\"\n"
                                   "note: \"a: b # c\"\n"
                                   "empty: \"\"\n"
                                   "rate: 0.1\n"
                                   "nan: null\n"
                                   "none: []\n"
                                   "inputs:\n"
                                   "  - url: https://x/y:1\n"
                                   "    shape: [1, true]\n"
                                   "nested:\n"
                                   "  - - -1\n");
    text_free(&out);
    arena_free(&arena);
}

static const char *random_text(struct rng *rng, struct arena *arena)
{
    static const char *const bits[] = { "a",
                                        "Z",
                                        "_",
                                        " ",
                                        ":",
                                        "#",
                                        "-",
                                        "\n",
                                        "\t",
                                        "\"",
                                        "'",
                                        "\\",
                                        "\x1b",
                                        "é",
                                        "ẞ",
                                        "日",
                                        "\xf0\x9f\x98\x80",
                                        "[",
                                        "}",
                                        ",",
                                        "&",
                                        "*",
                                        "!",
                                        "|",
                                        ">",
                                        "%",
                                        "@",
                                        "`",
                                        "?",
                                        "true",
                                        "null",
                                        "1",
                                        ".",
                                        "e",
                                        "<<",
                                        "---",
                                        "0x",
                                        "\xe2\x80\xa8",
                                        "\xef\xbb\xbf",
                                        "\x7f",
                                        "\xc2\x85",
                                        "yes" };
    struct text out = { 0 };
    uint32_t count = rng_below(rng, 40) == 0 ? 1500 : rng_below(rng, 6);
    const char *copy;

    for (uint32_t i = 0; i < count; i++)
        text_add(&out, bits[rng_below(rng, COUNT(bits))]);
    copy = arena_strndup(arena, out.chars ? out.chars : "", out.length);
    text_free(&out);
    return copy;
}

static double random_real(struct rng *rng)
{
    uint64_t bits = (uint64_t)rng_u32(rng) << 32 | rng_u32(rng);
    double value;

    if (rng_below(rng, 2))
        return (double)rng_uniform(rng);
    memcpy(&value, &bits, sizeof(value));
    return isfinite(value) ? value : 0.5;
}

static struct tree *random_tree(struct rng *rng, struct arena *arena, int depth)
{
    uint32_t kind = rng_below(rng, depth > 0 ? 7 : 5);
    struct tree *node = kind == TREE_MAP ? tree_map(arena) : tree_list(arena);
    uint32_t count = kind >= TREE_LIST ? rng_below(rng, 5) : 0;

    assert_non_null(node);
    node->kind = (enum tree_kind)kind;
    node->flow = rng_below(rng, 3) == 0;
    if (kind == TREE_BOOL)
        node->boolean = rng_below(rng, 2);
    if (kind == TREE_INT)
        node->integer = (int64_t)((uint64_t)rng_u32(rng) << 32 | rng_u32(rng));
    if (kind == TREE_REAL)
        node->real = random_real(rng);
    if (kind == TREE_TEXT) {
        node->text = random_text(rng, arena);
        node->text_length = strlen(node->text);
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *key = random_text(rng, arena);
        struct tree *child;

        if (kind == TREE_MAP && tree_get(node, key))
            continue;
        child = random_tree(rng, arena, depth - 1);
        tree_add(arena, node, kind == TREE_MAP ? key : NULL, child);
    }
    return node;
}

static void whatever_is_written_reads_back_the_same(void **state)
{
    (void)state;

    for (uint64_t i = 0; i < 3000; i++) {
        struct arena arena = { 0 };
        struct rng rng = rng_make(1, i);

        assert_round_trip(random_tree(&rng, &arena, 5));
        arena_free(&arena);
    }
}

static void reals_are_written_alike_in_every_locale(void **state)
{
    static const char *const locales[] = { "C", "de_DE.UTF-8", "tr_TR.UTF-8" };
    (void)state;

    for (size_t i = 0; i < COUNT(locales); i++) {
        struct arena arena = { 0 };
        struct text out = { 0 };

        setlocale(LC_ALL, locales[i]); /* stays as it was where it is not installed */
        yaml_write(&out, parse(&arena, "{a: 0.25, I: 1234567.5, NO: 1.5e-7}"));
        assert_string_equal(out.chars, "{a: 0.25, I: 1234567.5, \"NO\": 1.5e-7}\n");
        text_free(&out);
        arena_free(&arena);
    }
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_header_is_written_plainly),
        cmocka_unit_test(whatever_is_written_reads_back_the_same),
        cmocka_unit_test(reals_are_written_alike_in_every_locale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
