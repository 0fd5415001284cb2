/* report_test.c - what lines become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "report/internal.h"

static struct report *read_all(const char *text)
{
    struct error err = { 0 };
    struct report *report = report_new("night", 2, &err);

    if (report_read(report, "file", text, strlen(text), &err) < 0)
        fail_msg("%s", err.message);
    return report;
}

static int times(const struct text *page, const char *what)
{
    int count = 0;

    for (const char *at = page->chars; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static void points_go_by_time_and_series(void **state)
{
    struct report *report = read_all("{\"night\":3,\"accuracy\":0.9,\"series\":\"loop\"}\n"
                                     "{\"night\":1,\"accuracy\":0.5,\"series\":\"loop\",\"site\":\"a\"}\n\n"
                                     "{\"night\":2,\"accuracy\":0.7,\"site\":\"a\"}\n"
                                     "{\"night\":2,\"accuracy\":0.6}\n"
                                     "{\"accuracy\":0.4}\n"
                                     "{\"something\":\"else\"}");

    (void)state;
    assert_int_equal(report->series_count, 3);
    assert_string_equal(report->series[0].name, "loop");
    assert_int_equal(report->series[0].count, 2);
    assert_float_equal(report->series[0].point[0].accuracy, 0.5, 0);
    assert_string_equal(report->series[1].name, "a");
    assert_string_equal(report->series[2].name, "file");
    assert_int_equal(report->series[2].count, 1); /* without a time it is no point */
    report_free(report);
}

static void answers_are_counted(void **state)
{
    struct report *report = read_all("{\"key\":\"1\",\"label\":\"a\",\"score\":0.9,\"truth\":\"a\",\"route\":\"edge\","
                                     "\"hard\":false,\"site\":\"x\"}\n"
                                     "{\"key\":\"2\",\"label\":\"a\",\"score\":0.3,\"truth\":\"b\",\"route\":\"cloud\","
                                     "\"hard\":true,\"site\":\"x\"}\n"
                                     "{\"key\":\"3\",\"label\":\"b\",\"score\":0.5,\"site\":\"x\"}\n"
                                     "{\"key\":\"4\",\"label\":\"b\",\"score\":0.4,\"site\":\"y\"}\n");
    const struct report_site *x = &report->site[0];

    (void)state;
    assert_int_equal(report->site_count, 2);
    assert_int_equal(x->samples, 3);
    assert_int_equal(x->with_truth, 2);
    assert_int_equal(x->right, 1);
    assert_int_equal(x->hard, 1);
    assert_int_equal(x->route[0], 2);
    assert_int_equal(x->route[1], 1);
    assert_int_equal(report->hardest_count, 2);
    assert_string_equal(report->hardest[0].key, "2");
    assert_string_equal(report->hardest[1].key, "4");
    report_free(report);
}

/* What comes from outside never becomes part of the page's own language. */
static void text_stays_text(void **state)
{
    struct report *report = read_all(
        "{\"night\":1,\"accuracy\":1,\"series\":\"<script>x</script>\"}\n"
        "{\"night\":1,\"event\":\"\\\"><img src=x onerror=y>\\u0007\"}\n"
        "{\"key\":\"<k>\",\"label\":\"&\",\"score\":0.1,\"site\":\"<s>\",\"route\":\"\\\"r\"}\n");
    struct text page = { 0 };
    struct error err = { 0 };

    (void)state;
    assert_int_equal(report_picture(report, "<k>", "\x89PNG", 4, &err), 0);
    assert_int_equal(report_write(&page, report, "a < b", &err), 0);
    assert_int_equal(times(&page, "<script"), 0);
    assert_int_equal(times(&page, "<img src"), 0);
    assert_int_equal(times(&page, "&lt;script&gt;"), 2);
    assert_int_equal(times(&page, "data:image/png;base64,iVBORw==\""), 1);
    assert_int_equal(times(&page, "\\x07"), 1);
    assert_int_equal(times(&page, "http"), 0);
    text_free(&page);
    report_free(report);
}

static void a_table_has_a_cell_for_each_pair(void **state)
{
    struct report *report = read_all(
        "{\"accuracy\":0.5,\"confusion\":[[9,9],[9,9]],\"per_class\":{\"a\":{},\"b\":{}}}\n"
        "{\"accuracy\":0.5,\"confusion\":[[1,0],[2,3]],\"per_class\":{\"a\":{},\"b\":{}}}\n");
    struct text page = { 0 };

    (void)state;
    assert_int_equal(report_write(&page, report, "t", NULL), 0);
    assert_int_equal(times(&page, "<td style"), 4);
    assert_int_equal(times(&page, "background:rgba(var(--cell),0.60)\">1<"), 1);
    assert_int_equal(times(&page, ">9<"), 0); /* the last one counts */
    text_free(&page);
    report_free(report);
}

static void odd_lines_are_refused(void **state)
{
    static const char *const bad[] = {
        "{",
        "[1]",
        "{\"accuracy\":\"x\"}",
        "{\"night\":\"x\",\"accuracy\":1}",
        "{\"event\":3,\"night\":1}",
        "{\"label\":\"a\",\"score\":\"b\"}",
        "{\"accuracy\":1,\"confusion\":[[1]],\"per_class\":{}}",
        "{\"accuracy\":1,\"confusion\":[[1,2],[1]],\"per_class\":{\"a\":{},\"b\":{}}}",
        "{\"accuracy\":1,\"confusion\":[1],\"per_class\":{\"a\":{}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct error err = { 0 };
        struct report *report = report_new("night", 2, &err);

        if (report_read(report, "f", bad[i], strlen(bad[i]), &err) != -1 || strncmp(err.message, "line 1", 6) != 0)
            fail_msg("%s: %s", bad[i], err.message);
        assert_int_equal(err.kind, ERROR_INPUT);
        report_free(report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_go_by_time_and_series),
        cmocka_unit_test(answers_are_counted),
        cmocka_unit_test(text_stays_text),
        cmocka_unit_test(a_table_has_a_cell_for_each_pair),
        cmocka_unit_test(odd_lines_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
