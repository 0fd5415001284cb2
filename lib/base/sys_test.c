#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/sys.h"

static void calls_do_what_they_are_named_after(void **state)
{
    char folder[] = "/tmp/coedge-sys-XXXXXX", a[64], b[64], buf[8] = "";
    void *map;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(a, sizeof(a), "%s/a", folder);
    snprintf(b, sizeof(b), "%s/b", folder);
    fd = sys_open(a, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(sys_write(fd, "hello", 5), 5);
    assert_int_equal(sys_fsync(fd), 0);
    map = sys_mmap(5, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_true(map != MAP_FAILED);
    assert_memory_equal(map, "hello", 5);
    munmap(map, 5);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(sys_read(fd, buf, sizeof(buf)), 5);
    assert_int_equal(sys_close(fd), 0);
    assert_int_equal(sys_link(a, b), 0);
    assert_int_equal(sys_rename(b, a), 0);
    assert_int_equal(sys_unlink(b), 0); /* rename between two names of one file leaves both */
    assert_int_equal(sys_unlink(a), 0);
    assert_int_equal(sys_mkdir(a, 0700), 0);
    assert_int_equal(rmdir(a), 0);
    assert_int_equal(sys_open(a, O_RDONLY, 0), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(rmdir(folder), 0);
}

static void allocations_are_zero_and_grow(void **state)
{
    unsigned char *bytes = sys_alloc(100);
    unsigned char *more;

    (void)state;
    assert_non_null(bytes);
    for (int i = 0; i < 100; i++)
        assert_int_equal(bytes[i], 0);
    bytes[99] = 7;
    more = sys_realloc(bytes, 1000);
    assert_non_null(more);
    assert_int_equal(more[99], 7);
    free(more);
    more = sys_alloc(0);
    assert_non_null(more);
    free(more);
}

static void large_memory_is_zero_wherever_it_comes_from(void **state)
{
    static const size_t sizes[] = { (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (6 << 20) - 16, (6 << 20) - 15, 9 << 20 };

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(sizes); i++) { /* the second time from what was freed */
        const size_t bytes = sizes[i % COUNT(sizes)];
        unsigned char *memory = sys_alloc(bytes);
        unsigned any = 0;

        assert_non_null(memory);
        for (size_t j = 0; j < bytes; j++)
            any |= memory[j];
        assert_int_equal(any, 0);
        memset(memory, 0xa5, bytes);
        free(memory);
    }
}

#ifdef COEDGE_FAULTS
static void the_nth_call_fails_and_no_other(void **state)
{
    int fd = open("/dev/null", O_WRONLY);

    (void)state;
    for (int again = 0; again < 2; again++) {
        setenv("COEDGE_FAULT", "write:3:ENOSPC", 1);
        assert_int_equal(sys_write(fd, "12", 2), 2);
        assert_int_equal(sys_fsync(fd) && errno == EIO, 0); /* another call counts for itself */
        assert_int_equal(sys_write(fd, "12", 2), 2);
        errno = 0;
        assert_int_equal(sys_write(fd, "12", 2), -1);
        assert_int_equal(errno, ENOSPC);
        assert_int_equal(sys_write(fd, "12", 2), 2);
        unsetenv("COEDGE_FAULT");
        assert_int_equal(sys_write(fd, "12", 2), 2);
    }
    close(fd);
}

static void short_writes_are_half(void **state)
{
    int fd = open("/dev/null", O_WRONLY);

    (void)state;
    setenv("COEDGE_FAULT", "write:1:short", 1);
    assert_int_equal(sys_write(fd, "1234", 4), 2);
    assert_int_equal(sys_write(fd, "1234", 4), 4);
    unsetenv("COEDGE_FAULT");
    close(fd);
}

static void every_call_can_fail(void **state)
{
    static const char *const calls[] = { "open",   "openat", "read", "write", "fsync", "close",
                                         "rename", "unlink", "link", "mkdir", "mmap",  "alloc" };
    char spec[32], byte = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++) {
        int fd = open("/dev/zero", O_RDWR), failed = 0, other, another;
        void *memory[2] = { NULL, NULL };

        snprintf(spec, sizeof(spec), "%s:1:EDQUOT", calls[i]);
        setenv("COEDGE_FAULT", spec, 1);
        errno = 0;
        other = sys_open("/dev/null", O_PATH, 0);
        failed += other < 0 && errno == EDQUOT;
        errno = 0;
        another = sys_openat(AT_FDCWD, "/dev/null", O_PATH);
        failed += another < 0 && errno == EDQUOT;
        failed += sys_read(fd, &byte, 1) < 0 && errno == EDQUOT;
        failed += sys_write(fd, &byte, 1) < 0 && errno == EDQUOT;
        errno = 0;
        failed += sys_fsync(fd) < 0 && errno == EDQUOT;
        failed += sys_rename("/nowhere/a", "/nowhere/b") < 0 && errno == EDQUOT;
        failed += sys_unlink("/nowhere/a") < 0 && errno == EDQUOT;
        failed += sys_link("/nowhere/a", "/nowhere/b") < 0 && errno == EDQUOT;
        failed += sys_mkdir("/nowhere/a", 0700) < 0 && errno == EDQUOT;
        failed += sys_mmap(0, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EDQUOT;
        memory[0] = sys_alloc(1);
        memory[1] = sys_realloc(NULL, 1);
        failed += !memory[0] || !memory[1];
        failed += sys_close(fd) < 0 && errno == EDQUOT;
        unsetenv("COEDGE_FAULT");
        if (other >= 0)
            close(other);
        if (another >= 0)
            close(another);
        free(memory[0]);
        free(memory[1]);
        assert_int_equal(failed, 1);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_do_what_they_are_named_after),
        cmocka_unit_test(allocations_are_zero_and_grow),
        cmocka_unit_test(large_memory_is_zero_wherever_it_comes_from),
#ifdef COEDGE_FAULTS
        cmocka_unit_test(the_nth_call_fails_and_no_other),
        cmocka_unit_test(short_writes_are_half),
        cmocka_unit_test(every_call_can_fail),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
