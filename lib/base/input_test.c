#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"

static char home[4096], folder[64];

static int enter(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/coedge-input-XXXXXX");
    return getcwd(home, sizeof(home)) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return chdir(home) == 0 && system(command) == 0 ? 0 : -1;
}

static void files_are_mapped_and_writes_stay_in_memory(void **state)
{
    struct input in;

    (void)state;
    assert_int_equal(file_write("a", "hello", 5, NULL), 0);
    assert_int_equal(input_open(&in, "a", 5, NULL), 0);
    assert_true(in.mapped);
    assert_int_equal(in.count, 5);
    in.bytes[0] = 'J';
    input_close(&in);
    assert_null(in.bytes);
    assert_int_equal(input_open(&in, "a", 0, NULL), 0);
    assert_memory_equal(in.bytes, "hello", 5);
    input_close(&in);
}

static long pages_in_memory(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long all, resident;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &all, &resident), 2);
    fclose(file);
    return resident;
}

static unsigned read_each_page(const struct input *in)
{
    unsigned sum = 0;

    for (size_t i = 0; i < in->count; i += (size_t)sysconf(_SC_PAGESIZE))
        sum += in->bytes[i];
    return sum;
}

static void fixed_bytes_leave_memory_and_come_back(void **state)
{
    enum { PAGES = 4096 };
    const size_t count = PAGES * (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *bytes = calloc(count, 1);
    struct input in;
    unsigned sum;
    long before;

    (void)state;
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(i * 7 / 4096);
    assert_int_equal(file_write("a", bytes, count, NULL), 0);
    assert_int_equal(input_open(&in, "a", 0, NULL), 0);
    assert_false(in.fixed);
    input_fix(&in);
    assert_true(in.fixed);
    sum = read_each_page(&in);
    before = pages_in_memory();
    input_rest(in.bytes + 1, 100); /* no whole page */
    assert_true(pages_in_memory() > before - PAGES / 2);
    input_rest(in.bytes, in.count);
    assert_true(pages_in_memory() < before - PAGES / 2);
    assert_int_equal(read_each_page(&in), sum);
    assert_memory_equal(in.bytes, bytes, count);
    input_close(&in);
    free(bytes);
}

static void what_is_not_mapped_is_not_fixed(void **state)
{
    struct input in = { .bytes = (unsigned char *)(uintptr_t) "text", .count = 4, .keep = true };

    (void)state;
    input_fix(&in);
    assert_false(in.fixed);
    input_close(&in);
}

static void an_empty_file_is_no_error(void **state)
{
    struct input in;

    (void)state;
    assert_int_equal(file_write("a", "", 0, NULL), 0);
    assert_int_equal(input_open(&in, "a", 0, NULL), 0);
    assert_int_equal(in.count, 0);
    assert_non_null(in.bytes);
    input_close(&in);
}

struct feed {
    size_t bytes;
    int fd;
};

static void *feed_main(void *context)
{
    const struct feed *feed = context;
    char block[1000];

    for (size_t put = 0; put < feed->bytes; put += sizeof(block)) {
        memset(block, (int)(put / sizeof(block) % 100), sizeof(block));
        if (write(feed->fd, block, sizeof(block)) < 0)
            break;
    }
    close(feed->fd);
    return NULL;
}

/* Runs input_open("-") with a pipe of so many bytes as standard input. */
static int open_pipe(struct input *in, size_t bytes, uint64_t max_bytes, struct error *err)
{
    const int before = dup(STDIN_FILENO);
    struct feed feed = { bytes, -1 };
    pthread_t feeder;
    int ends[2], rc;
    char rest[4096];

    assert_int_equal(pipe(ends), 0);
    feed.fd = ends[1];
    assert_int_equal(pthread_create(&feeder, NULL, feed_main, &feed), 0);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    rc = input_open(in, "-", max_bytes, err);
    while (read(STDIN_FILENO, rest, sizeof(rest)) > 0)
        ;
    pthread_join(feeder, NULL);
    dup2(before, STDIN_FILENO);
    close(before);
    return rc;
}

static void pipes_are_read_whole(void **state)
{
    struct input in;

    (void)state;
    assert_int_equal(open_pipe(&in, 1000000, 1000000, NULL), 0);
    assert_false(in.mapped);
    assert_int_equal(in.count, 1000000);
    for (size_t i = 0; i < in.count; i++)
        assert_int_equal(in.bytes[i], i / 1000 % 100);
    input_close(&in);
}

static void limits_hold_for_files_and_pipes(void **state)
{
    struct input in;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(file_write("a", "hello", 5, NULL), 0);
    assert_int_equal(input_open(&in, "a", 4, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_string_equal(err.message, "a: longer than the limit of 4 bytes");
    assert_int_equal(open_pipe(&in, 1000, 999, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_string_equal(err.message, "standard input: longer than the limit of 999 bytes");
    assert_int_equal(input_open(&in, "/dev/zero", 100000, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
}

static void standard_input_from_a_file_is_mapped_unless_begun(void **state)
{
    const int before = dup(STDIN_FILENO);
    struct input in;
    int fd;

    (void)state;
    assert_int_equal(file_write("a", "hello", 5, NULL), 0);
    fd = open("a", O_RDONLY);
    dup2(fd, STDIN_FILENO);
    close(fd);
    assert_int_equal(input_open(&in, "-", 0, NULL), 0);
    assert_true(in.mapped);
    input_close(&in);
    assert_int_equal(lseek(STDIN_FILENO, 2, SEEK_SET), 2);
    assert_int_equal(input_open(&in, "-", 0, NULL), 0);
    assert_int_equal(in.count, 3);
    assert_memory_equal(in.bytes, "llo", 3);
    input_close(&in);
    dup2(before, STDIN_FILENO);
    close(before);
}

static void what_cannot_be_read_is_named(void **state)
{
    struct input in;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(input_open(&in, "absent", 0, &err), -1);
    assert_int_equal(err.kind, ERROR_IO);
    assert_string_equal(err.message, "absent: cannot open: No such file or directory");
    assert_int_equal(input_open(&in, ".", 0, &err), -1);
    assert_int_equal(err.kind, ERROR_IO);
    assert_string_equal(err.message, ".: is a folder, expected a file");
}

static void bytes_of_someone_else_are_kept(void **state)
{
    unsigned char bytes[3] = "ab";
    struct input in = { .bytes = bytes, .count = 2, .keep = true };

    (void)state;
    input_close(&in);
    assert_null(in.bytes);
    assert_string_equal((char *)bytes, "ab");
}

#ifdef COEDGE_FAULTS
static void reading_may_fail_at_any_call(void **state)
{
    struct input in;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(file_write("a", "hello", 5, NULL), 0);
    setenv("COEDGE_FAULT", "mmap:1:ENODEV", 1); /* not an error: read instead */
    assert_int_equal(input_open(&in, "a", 0, NULL), 0);
    assert_false(in.mapped);
    assert_memory_equal(in.bytes, "hello", 5);
    input_close(&in);
    setenv("COEDGE_FAULT", "read:2:EIO", 1);
    assert_int_equal(open_pipe(&in, 200000, 0, &err), -1);
    assert_string_equal(err.message, "standard input: cannot read: Input/output error");
    setenv("COEDGE_FAULT", "read:1:short", 1);
    assert_int_equal(open_pipe(&in, 5000, 0, &err), 0);
    assert_int_equal(in.count, 5000);
    input_close(&in);
    setenv("COEDGE_FAULT", "alloc:2:ENOMEM", 1);
    assert_int_equal(open_pipe(&in, 200000, 0, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
    unsetenv("COEDGE_FAULT");
}
#endif

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(files_are_mapped_and_writes_stay_in_memory),
        IN_FOLDER(fixed_bytes_leave_memory_and_come_back),
        cmocka_unit_test(what_is_not_mapped_is_not_fixed),
        IN_FOLDER(an_empty_file_is_no_error),
        IN_FOLDER(pipes_are_read_whole),
        IN_FOLDER(limits_hold_for_files_and_pipes),
        IN_FOLDER(standard_input_from_a_file_is_mapped_unless_begun),
        IN_FOLDER(what_cannot_be_read_is_named),
        IN_FOLDER(bytes_of_someone_else_are_kept),
#ifdef COEDGE_FAULTS
        IN_FOLDER(reading_may_fail_at_any_call),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
