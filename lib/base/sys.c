#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"

/*
 * fault - what COEDGE_FAULT asks of this call: 0 nothing, an errno to fail
 * with, or SHORT. Compiled to nothing where faults are not built in.
 */
enum { SHORT = -1 };

#ifdef COEDGE_FAULTS
#include <pthread.h>
#include <signal.h>

static const struct {
    const char *name;
    int number;
} fault_names[] = {
    { "short", SHORT },   { "ENOSPC", ENOSPC }, { "EIO", EIO },       { "EDQUOT", EDQUOT }, { "EMFILE", EMFILE },
    { "EROFS", EROFS },   { "EACCES", EACCES }, { "ENOMEM", ENOMEM }, { "EPERM", EPERM },   { "ENODEV", ENODEV },
    { "EINVAL", EINVAL }, { "ENOENT", ENOENT }, { "EXDEV", EXDEV },
};

static int fault_number(const char *name)
{
    for (size_t i = 0; i < COUNT(fault_names); i++)
        if (strcmp(name, fault_names[i].name) == 0)
            return fault_names[i].number;
    return EIO;
}

/* Counting needs state of the process; only test builds have it. Another value
 * of COEDGE_FAULT starts the count anew. */
static int fault(const char *call)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char armed[64];
    static long count;
    const char *spec = getenv("COEDGE_FAULT");
    char name[16], what[16];
    long nth;
    int answer = 0;

    pthread_mutex_lock(&lock);
    if (strcmp(armed, spec ? spec : "") != 0) {
        snprintf(armed, sizeof(armed), "%s", spec ? spec : "");
        count = 0;
    }
    if (spec && sscanf(spec, "%15[^:]:%ld:%15s", name, &nth, what) == 3 && strcmp(name, call) == 0 && ++count == nth) {
        if (strcmp(what, "kill") == 0)
            raise(SIGKILL);
        answer = fault_number(what);
    }
    pthread_mutex_unlock(&lock);
    return answer;
}
#else
static int fault(const char *call)
{
    (void)call;
    return 0;
}
#endif

/* True when the call is to fail; errno says how. */
static int fails(const char *call)
{
    const int number = fault(call);

    if (number > 0)
        errno = number;
    return number > 0;
}

int sys_open(const char *path, int flags, mode_t mode)
{
    int fd;

    if (fails("open"))
        return -1;
    do
        fd = open(path, flags, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int sys_openat(int folder, const char *name, int flags)
{
    int fd;

    if (fails("openat"))
        return -1;
    do
        fd = openat(folder, name, flags);
    while (fd < 0 && errno == EINTR);
    return fd;
}

ssize_t sys_read(int fd, void *buf, size_t count)
{
    const int number = fault("read");
    ssize_t got;

    if (number > 0) {
        errno = number;
        return -1;
    }
    if (number == SHORT && count > 1)
        count /= 2;
    do
        got = read(fd, buf, count);
    while (got < 0 && errno == EINTR);
    return got;
}

ssize_t sys_write(int fd, const void *buf, size_t count)
{
    const int number = fault("write");
    ssize_t put;

    if (number > 0) {
        errno = number;
        return -1;
    }
    if (number == SHORT && count > 1)
        count /= 2;
    do
        put = write(fd, buf, count);
    while (put < 0 && errno == EINTR);
    return put;
}

int sys_fsync(int fd)
{
    int rc;

    if (fails("fsync"))
        return -1;
    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    return rc;
}

/* Linux has closed the descriptor even when it says EINTR; a second close could hit another file. */
int sys_close(int fd)
{
    const int number = fault("close");
    const int rc = close(fd);

    if (number > 0) {
        errno = number;
        return -1;
    }
    return rc < 0 && errno == EINTR ? 0 : rc;
}

int sys_rename(const char *from, const char *to)
{
    return fails("rename") ? -1 : rename(from, to);
}

int sys_unlink(const char *path)
{
    return fails("unlink") ? -1 : unlink(path);
}

int sys_link(const char *from, const char *to)
{
    return fails("link") ? -1 : link(from, to);
}

int sys_mkdir(const char *path, mode_t mode)
{
    return fails("mkdir") ? -1 : mkdir(path, mode);
}

void *sys_mmap(size_t length, int protection, int flags, int fd, off_t offset)
{
    return fails("mmap") ? MAP_FAILED : mmap(NULL, length, protection, flags, fd, offset);
}

/*
 * What is large is touched for the first time page by page, each for a microsecond or two: with pages of 4 KiB that is
 * most of what a model's first run costs. So pages of 2 MiB are asked for, the last when more than half of it is wanted.
 * A mapping of whole such pages is put on their boundary by the kernel. malloc maps a header of its own in front, and
 * more behind unless that much is left of what it is asked for. It has written the header by then, to a small page,
 * which is made a large one together with those behind it.
 */
enum { HUGE_PAGE = 2 << 20, MALLOC_HEADER = 16, MALLOC_ROUNDING = 16 };

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* since Linux 6.1; before that refused */
#endif

static void *alloc_large(size_t bytes)
{
    const size_t around = MALLOC_HEADER + MALLOC_ROUNDING;
    const size_t whole = (bytes + around + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    unsigned char *memory = calloc(1, whole - around);
    const uintptr_t at = (uintptr_t)memory - MALLOC_HEADER;
    const uintptr_t begin = (at + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t last = (at + whole) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t most = ((uintptr_t)memory + bytes + HUGE_PAGE / 2) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t end = most < last ? most : last;

    if (memory != NULL && begin < end) /* where it is refused, pages are small */
        (void)!madvise((void *)begin, end - begin, MADV_HUGEPAGE);
    if (memory != NULL && begin == at && begin < end)
        (void)!madvise((void *)begin, HUGE_PAGE, MADV_COLLAPSE);
    return memory;
}

void *sys_alloc(size_t bytes)
{
    if (fails("alloc"))
        return NULL;
    if (bytes < (size_t)HUGE_PAGE || bytes > SIZE_MAX / 2)
        return calloc(1, bytes ? bytes : 1);
    return alloc_large(bytes);
}

void *sys_realloc(void *old, size_t bytes)
{
    return fails("alloc") ? NULL : realloc(old, bytes ? bytes : 1);
}
