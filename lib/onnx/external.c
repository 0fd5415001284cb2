/*
 * Elements in a file of their own. The name comes from the model, so it is walked part by part
 * from the model's folder: no part leads up, and none is a link.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "onnx/parse.h"

static int refuse(const char *location, const char *why, struct error *err)
{
    error_set(err, ERROR_INPUT, "external file '%.200s' %s", location, why);
    return error_hint(err, "external files lie in the model's own folder or below it, and are no links");
}

static int cannot_open(const char *location, struct error *err)
{
    if (errno == ELOOP || errno == ENOTDIR)
        return refuse(location, "is a link or lies beyond one", err);
    return error_errno(err, ERROR_IO, "external file '%.200s': cannot open", location);
}

/* Takes the descriptor of a folder and gives that of what `part` names in it, or -1. */
static int step(int folder, const char *part, bool last, const char *location, struct error *err)
{
    const int flags = O_CLOEXEC | O_NOFOLLOW | (last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY);
    const int fd = sys_openat(folder, part, flags);

    if (fd < 0)
        cannot_open(location, err);
    close(folder);
    return fd;
}

/* Parts between slashes, each a name that a folder may have. */
static int check_name(const char *location, struct error *err)
{
    if (*location == '/')
        return refuse(location, "has an absolute path", err);
    for (const char *part = location;; part++) {
        const size_t length = strcspn(part, "/");

        if (length == 2 && memcmp(part, "..", 2) == 0)
            return refuse(location, "leads out of the folder", err);
        if (length == 0 || length > NAME_MAX)
            return refuse(location, "has a part without a name, or with too long a one", err);
        part += length;
        if (*part == '\0')
            return 0;
    }
}

/* A descriptor, or -1. */
static int open_below(const char *folder, const char *location, struct error *err)
{
    int fd;

    if (check_name(location, err) < 0)
        return -1;
    fd = sys_open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(err, ERROR_IO, "%s: cannot open", folder);
    for (const char *at = location; fd >= 0; at++) {
        const size_t length = strcspn(at, "/");
        char part[NAME_MAX + 1] = { 0 };

        memcpy(part, at, length);
        at += length;
        fd = step(fd, part, *at == '\0', location, err);
        if (*at == '\0')
            break;
    }
    return fd;
}

/* The part of the file that the tensor names must be there, and be as long as the elements. */
static int check_range(const struct onnx_tensor *tensor, int fd, size_t bytes, struct error *err)
{
    struct stat st;
    int64_t length;

    if (fstat(fd, &st) < 0)
        return error_errno(err, ERROR_IO, "external file '%.200s': cannot read", tensor->location);
    if (!S_ISREG(st.st_mode))
        return refuse(tensor->location, "is not a regular file", err);
    length = tensor->length >= 0 ? tensor->length : st.st_size - tensor->offset;
    if (length < 0 || (uint64_t)length != bytes)
        return error_set(err, ERROR_INPUT, "external file '%.200s' gives %" PRId64 " bytes, expected %zu",
                         tensor->location, length < 0 ? 0 : length, bytes);
    if (length > st.st_size || tensor->offset > st.st_size - length)
        return error_set(err, ERROR_INPUT,
                         "external file '%.200s' has %" PRId64 " bytes, expected %zu from byte %" PRId64,
                         tensor->location, (int64_t)st.st_size, bytes, tensor->offset);
    return 0;
}

static int read_range(const struct onnx_tensor *tensor, int fd, unsigned char *to, size_t bytes, struct error *err)
{
    ssize_t got = 1;

    if (lseek(fd, tensor->offset, SEEK_SET) < 0)
        got = -1;
    while (got > 0 && bytes > 0) {
        got = sys_read(fd, to, bytes);
        to += got > 0 ? got : 0;
        bytes -= got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        return error_errno(err, ERROR_IO, "external file '%.200s': cannot read", tensor->location);
    if (bytes > 0)
        return error_set(err, ERROR_IO, "external file '%.200s': shrank while it was read", tensor->location);
    return 0;
}

int external_read(struct tensor *to, const struct onnx_tensor *tensor, struct arena *arena, const char *folder,
                  struct error *err)
{
    const size_t bytes = tensor_bytes(to);
    int fd, rc;

    if (folder == NULL || *folder == '\0')
        return error_set(err, ERROR_INPUT, "external file '%.200s' cannot be found, the model has no folder",
                         tensor->location);
    fd = open_below(folder, tensor->location, err);
    if (fd < 0)
        return -1;
    rc = check_range(tensor, fd, bytes, err);
    if (rc == 0)
        to->data = room_for(arena, bytes, err);
    if (rc == 0)
        rc = to->data != NULL ? read_range(tensor, fd, to->data, bytes, err) : -1;
    close(fd); /* nothing was written: nothing can be lost here */
    return rc;
}
