#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "net/internal.h"

static struct answer_head read_lines(const char *const *lines)
{
    struct answer_head head = { 0 };

    for (; *lines; lines++)
        answer_line(&head, *lines, strlen(*lines));
    return head;
}

static void ranges_are_read_and_what_is_none_is_passed_over(void **state)
{
    static const struct {
        const char *line;
        bool has;
        uint64_t first, whole;
    } rows[] = {
        { "Content-Range: bytes 100-199/200\r\n", true, 100, 200 },
        { "content-range:bytes 0-0/1", true, 0, 1 },
        { "CONTENT-RANGE:  BYTES 7-9/*\r\n", true, 7, 0 },
        { "Content-Range: bytes 18446744073709551600-18446744073709551609/18446744073709551610", false, 0, 0 },
        { "Content-Range: bytes 99999999999999999999-1/2", false, 0, 0 },
        { "Content-Range: bytes 5-4/10", false, 0, 0 },
        { "Content-Range: bytes 5-10/10", false, 0, 0 },
        { "Content-Range: bytes */10", false, 0, 0 },
        { "Content-Range: bytes -5/10", false, 0, 0 },
        { "Content-Range: bytes 5-", false, 0, 0 },
        { "Content-Range: bytes 5-9", false, 0, 0 },
        { "Content-Range: bytes 5-9/", false, 0, 0 },
        { "Content-Range: bytes ", false, 0, 0 },
        { "Content-Range: items 5-9/10", false, 0, 0 },
        { "Content-Range:", false, 0, 0 },
        { "Content-Rangeless: bytes 5-9/10", false, 0, 0 },
        { "X-Content-Range: bytes 5-9/10", false, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *const lines[] = { "HTTP/1.1 206 Partial Content\r\n", rows[i].line, NULL };
        const struct answer_head head = read_lines(lines);

        if (head.has_range != rows[i].has)
            fail_msg("'%s'", rows[i].line);
        assert_int_equal(head.status, 206);
        if (rows[i].has) {
            assert_int_equal(head.first, rows[i].first);
            assert_int_equal(head.whole, rows[i].whole);
        }
    }
}

static void a_redirection_is_forgotten_at_the_next_status_line_but_its_bytes_count(void **state)
{
    static const char *const lines[] = { "HTTP/1.1 302 Found\r\n", "Content-Range: bytes 5-9/10\r\n",
                                         "Retry-After: 7\r\n",     "\r\n",
                                         "HTTP/2 200\r\n",         NULL };
    const struct answer_head head = read_lines(lines);
    size_t bytes = 0;

    (void)state;
    for (const char *const *line = lines; *line; line++)
        bytes += strlen(*line);
    assert_int_equal(head.status, 200);
    assert_false(head.has_range);
    assert_true(head.wait_seconds == 0);
    assert_int_equal(head.bytes, bytes);
}

static void of_two_ranges_the_last_counts_be_it_none(void **state)
{
    static const char *const lines[] = { "HTTP/1.1 206 x", "Content-Range: bytes 1-2/3", "Content-Range: bytes 9-2/3",
                                         NULL };

    (void)state;
    assert_false(read_lines(lines).has_range);
}

static void retry_after_is_seconds_an_hour_at_most(void **state)
{
    static const struct {
        const char *line;
        double seconds;
    } rows[] = {
        { "Retry-After: 12\r\n", 12 },
        { "retry-after:0", 0 },
        { "Retry-After: 100000", 300 },
        { "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", 0 },
        { "Retry-After: 99999999999999999999999", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *const lines[] = { "HTTP/1.1 503 Busy", rows[i].line, NULL };

        assert_true(read_lines(lines).wait_seconds == rows[i].seconds);
    }
}

static void status_lines_that_are_none_have_no_status(void **state)
{
    static const char *const odd[] = { "HTTP/", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 x", "HTTP/1.1 99999", "ICY 200 OK" };

    (void)state;
    for (size_t i = 0; i < COUNT(odd); i++) {
        const char *const lines[] = { odd[i], NULL };

        assert_int_equal(read_lines(lines).status, 0);
    }
}

static void an_address_has_a_host_and_nothing_secret(void **state)
{
    static const char *const good[] = { "http://h", "https://h:8080/a/b", "http://[::1]/x", "https://h/a%20b" };
    static const char *const bad[] = { "http://",     "https:///a",   "http://:80",         "ftp://h",
                                       "h/a",         "http://u:p@h", "https://h/a?secret", "https://h/a#secret",
                                       "http://h /a", "http://h\n/",  "http://h/\x7f" };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_int_equal(net_check_address(good[i], NULL), 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err = { 0 };

        if (net_check_address(bad[i], &err) == 0)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_null(strstr(err.message, "secret"));
        assert_null(strstr(err.message, "u:p"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read_and_what_is_none_is_passed_over),
        cmocka_unit_test(a_redirection_is_forgotten_at_the_next_status_line_but_its_bytes_count),
        cmocka_unit_test(of_two_ranges_the_last_counts_be_it_none),
        cmocka_unit_test(retry_after_is_seconds_an_hour_at_most),
        cmocka_unit_test(status_lines_that_are_none_have_no_status),
        cmocka_unit_test(an_address_has_a_host_and_nothing_secret),
    };

    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
