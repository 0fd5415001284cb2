/* Files in: mapped where that is possible, read where it is not. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/sys.h"

enum { FIRST_READ = 64 * 1024, LEAST_MAPPED = 128 * 1024 };

static int too_long(const char *name, uint64_t max_bytes, struct error *err)
{
    return error_set(err, ERROR_LIMIT, "%s: longer than the limit of %" PRIu64 " bytes", name, max_bytes);
}

/* Room for at least one byte more than is used. */
static int make_room(struct input *in, size_t *room, struct error *err)
{
    const size_t wanted = *room ? *room * 2 : FIRST_READ;
    unsigned char *bytes;

    if (in->count < *room)
        return 0;
    bytes = wanted > *room ? sys_realloc(in->bytes, wanted) : NULL;
    if (!bytes)
        return error_memory(err);
    in->bytes = bytes;
    *room = wanted;
    return 0;
}

static int read_all(struct input *in, int fd, const char *name, uint64_t max_bytes, struct error *err)
{
    size_t room = 0;

    for (;;) {
        ssize_t got;

        if (make_room(in, &room, err) < 0)
            return -1;
        got = sys_read(fd, in->bytes + in->count, room - in->count);
        if (got < 0)
            return error_errno(err, ERROR_IO, "%s: cannot read", name);
        if (got == 0)
            return 0;
        in->count += (size_t)got;
        if (max_bytes && in->count > max_bytes)
            return too_long(name, max_bytes, err);
    }
}

/* Whole regular files only; a standard input that was begun elsewhere is read on. */
static bool map_all(struct input *in, int fd, const struct stat *st)
{
    void *bytes;

    if (!S_ISREG(st->st_mode) || st->st_size <= 0 || (uint64_t)st->st_size > SIZE_MAX)
        return false;
    if (lseek(fd, 0, SEEK_CUR) != 0)
        return false;
    bytes = sys_mmap((size_t)st->st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (bytes == MAP_FAILED) /* some file systems cannot */
        return false;
    *in = (struct input){ .bytes = bytes, .count = (size_t)st->st_size, .mapped = true };
    return true;
}

/* Files of less than `least` bytes are read. */
static int take(struct input *in, int fd, const char *name, off_t least, uint64_t max_bytes, struct error *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return error_errno(err, ERROR_IO, "%s: cannot read", name);
    if (S_ISDIR(st.st_mode))
        return error_set(err, ERROR_IO, "%s: is a folder, expected a file", name);
    if (S_ISREG(st.st_mode) && max_bytes && (uint64_t)st.st_size > max_bytes)
        return too_long(name, max_bytes, err);
    if (st.st_size >= least && map_all(in, fd, &st))
        return 0;
    if (!S_ISREG(st.st_mode) && max_bytes == 0) /* /dev/zero has no end */
        max_bytes = limit_get(LIMIT_PACKAGE_BYTES);
    return read_all(in, fd, name, max_bytes, err);
}

static int open_from(struct input *in, const char *path, off_t least, uint64_t max_bytes, struct error *err)
{
    const bool standard = strcmp(path, "-") == 0;
    const char *name = standard ? "standard input" : path;
    const int fd = standard ? STDIN_FILENO : sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    int rc;

    *in = (struct input){ 0 };
    if (fd < 0)
        return error_errno(err, ERROR_IO, "%s: cannot open", path);
    rc = take(in, fd, name, least, max_bytes, err);
    if (!standard)
        close(fd); /* nothing was written: nothing can be lost here */
    if (rc < 0)
        input_close(in);
    return rc;
}

int input_open(struct input *in, const char *path, uint64_t max_bytes, struct error *err)
{
    return open_from(in, path, 0, max_bytes, err);
}

int input_read(struct input *in, const char *path, uint64_t max_bytes, struct error *err)
{
    return open_from(in, path, LEAST_MAPPED, max_bytes, err);
}

void input_fix(struct input *in)
{
    in->fixed = in->mapped && mprotect(in->bytes, in->count, PROT_READ) == 0;
}

void input_rest(const void *bytes, size_t count)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = ((uintptr_t)bytes + page - 1) / page * page, end = ((uintptr_t)bytes + count) / page * page;

    if (end > begin)
        (void)!madvise((void *)begin, end - begin, MADV_DONTNEED);
}

void input_close(struct input *in)
{
    if (in->mapped)
        munmap(in->bytes, in->count);
    else if (!in->keep)
        free(in->bytes);
    *in = (struct input){ 0 };
}
