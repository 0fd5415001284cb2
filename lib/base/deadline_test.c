#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/deadline.h"

/* date -u -d @1795932000: 2026-11-29 06:00:00; 14:00 in Tokyo is 05:00 there. */
static const double at_six = 1795932000;
static const struct moment now = { .steady = 1000, .wall = 1795928400 };

static int tokyo(void **state)
{
    (void)state;
    setenv("TZ", "JST-9", 1);
    tzset();
    return 0;
}

static struct deadline parsed(const char *text)
{
    struct error err = { 0 };
    struct deadline deadline;

    if (deadline_parse(&deadline, text, &now, &err) < 0)
        fail_msg("%s", err.message);
    return deadline;
}

static void a_duration_is_measured_by_the_steady_clock(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } cases[] = { { "+0s", 0 }, { "+90s", 90 }, { "+30m", 1800 }, { "+8h", 28800 }, { "+2d", 172800 } };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct deadline deadline = parsed(cases[i].text);
        const struct moment later = { .steady = now.steady + 10, .wall = now.wall - 86400 }; /* someone set the clock */

        assert_false(deadline.wall);
        assert_true(deadline_left(&deadline, &now) == cases[i].seconds);
        assert_true(deadline_left(&deadline, &later) == cases[i].seconds - 10);
    }
}

static void a_date_is_the_same_however_it_is_written(void **state)
{
    static const char *const texts[] = { "2026-11-29T06:00Z",
                                         "2026-11-29T06:00:00Z",
                                         "2026-11-29T07:00+01:00",
                                         "2026-11-28T22:30-07:30",
                                         "2026-11-29T15:00",
                                         "15:00",
                                         "15:00:00" };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        const struct deadline deadline = parsed(texts[i]);

        assert_true(deadline.wall);
        if (deadline.at != at_six)
            fail_msg("%s is %f", texts[i], deadline.at);
        assert_true(deadline_left(&deadline, &now) == 3600);
    }
}

static void a_time_that_is_over_today_is_tomorrows(void **state)
{
    (void)state;
    assert_true(parsed("14:00").at == now.wall + 86400);
    assert_true(parsed("13:59").at == now.wall + 86400 - 60);
    assert_true(parsed("14:00:01").at == now.wall + 1);
}

static void a_date_that_is_over_has_passed(void **state)
{
    const struct deadline deadline = parsed("2026-11-29T04:00Z");

    (void)state;
    assert_true(deadline_left(&deadline, &now) == -3600);
}

static void which_clock_counts_is_said(void **state)
{
    const struct deadline duration = parsed("+30m"), date = parsed("2026-11-29T06:00Z");
    char buf[96];

    (void)state;
    assert_string_equal(deadline_text(&duration, &now, buf), "for 1800 s");
    assert_string_equal(deadline_text(&date, &now, buf), "until 2026-11-29 15:00:00 +0900 by this machine's clock");
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const texts[] = { "",
                                         "+",
                                         "+m",
                                         "+1",
                                         "+1w",
                                         "+-1m",
                                         "++1m",
                                         "+1.5h",
                                         "30m",
                                         "+99999999999999999999s",
                                         "+10000000000d",
                                         "6:00",
                                         "24:00",
                                         "06:60",
                                         "06:00x",
                                         "06:00:",
                                         "tomorrow",
                                         "2026-11-29",
                                         "2026-11-31T06:00Z",
                                         "2026-02-29T06:00",
                                         "2026-13-01T06:00Z",
                                         "2026-00-01T06:00Z",
                                         "2026-11-29 06:00",
                                         "2026-11-29T06:00z",
                                         "2026-11-29T06:00+1:00",
                                         "2026-11-29T06:00+01:00x",
                                         "2026-11-29T06:00Zx",
                                         "1969-11-29T06:00Z" };
    struct deadline deadline;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct error err = { 0 };

        if (deadline_parse(&deadline, texts[i], &now, &err) == 0)
            fail_msg("'%s' is taken", texts[i]);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.message, texts[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_duration_is_measured_by_the_steady_clock),
        cmocka_unit_test(a_date_is_the_same_however_it_is_written),
        cmocka_unit_test(a_time_that_is_over_today_is_tomorrows),
        cmocka_unit_test(a_date_that_is_over_has_passed),
        cmocka_unit_test(which_clock_counts_is_said),
        cmocka_unit_test(what_is_no_time_is_refused),
    };

    return cmocka_run_group_tests_name("deadline", tests, tokyo, NULL);
}
