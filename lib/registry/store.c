#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/sys.h"
#include "registry/internal.h"

int store_folder(struct arena *arena, const char **folder, struct error *err)
{
    const char *given = getenv("COEDGE_STORE"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

    if (given && *given)
        *folder = arena_strdup(arena, given);
    else if (data && *data)
        *folder = arena_printf(arena, "%s/coedge", data);
    else if (home && *home)
        *folder = arena_printf(arena, "%s/.local/share/coedge", home);
    else {
        error_set(err, ERROR_USAGE, "no place for the store: HOME is not set");
        return error_hint(err, "set COEDGE_STORE to a folder");
    }
    return *folder ? 0 : error_memory(err);
}

/*
 * A link is made beside and renamed over: it means the old or the new package, never
 * nothing. Signals are held back, so that none ends the process with the link beside
 * still there; what kill -9 leaves the next one takes away. The caller has the lock.
 */
static int link_to(const char *target, const char *link, const char *beside, struct error *err)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = sys_unlink(beside) < 0 && errno != ENOENT ? -1 : symlink(target, beside);
    if (rc == 0)
        rc = sys_rename(beside, link);
    if (rc < 0) {
        error_errno(err, ERROR_IO, "%s: cannot link", link);
        unlink(beside);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static const char *read_link(struct arena *arena, const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof(target) - 1);

    return length < 0 ? NULL : arena_strndup(arena, target, (size_t)length);
}

/* Lets `tag` in the folder mean `target`, and TAG.previous what it meant before. 1: changed, 0: it did already. */
static int move_name(const char *folder, const char *tag, const char *target, struct arena *arena, struct error *err)
{
    const char *link = arena_printf(arena, "%s/%s", folder, tag);
    const char *previous = arena_printf(arena, "%s/%s.previous", folder, tag);
    const char *beside = arena_printf(arena, "%s/.%s.new", folder, tag);
    const char *before;

    if (link == NULL || previous == NULL || beside == NULL)
        return error_memory(err);
    before = read_link(arena, link);
    if (before != NULL && strcmp(before, target) == 0)
        return 0;
    if (before != NULL && link_to(before, previous, beside, err) < 0)
        return -1;
    return link_to(target, link, beside, err) < 0 ? -1 : 1;
}

/* Back to what TAG.previous means, where TAG means the package `target`. 1: changed. */
static int return_name(const char *folder, const char *tag, const char *target, struct arena *arena, struct error *err)
{
    const char *link = arena_printf(arena, "%s/%s", folder, tag);
    const char *previous = arena_printf(arena, "%s/%s.previous", folder, tag);
    const char *beside = arena_printf(arena, "%s/.%s.new", folder, tag);
    const char *now, *before;

    if (link == NULL || previous == NULL || beside == NULL)
        return error_memory(err);
    now = read_link(arena, link);
    before = path_exists(previous) ? read_link(arena, previous) : NULL;
    if (now == NULL || before == NULL || strcmp(now, target) != 0)
        return 0;
    return link_to(before, link, beside, err) < 0 ? -1 : 1;
}

/* What moves a name, one at a time; done when it is on disk. */
static int change_locked(const char *folder, const char *tag, const char *target, struct arena *arena,
                         int (*change)(const char *, const char *, const char *, struct arena *, struct error *),
                         struct error *err)
{
    int fd = sys_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), rc;

    if (fd < 0)
        return error_errno(err, ERROR_IO, "%s", folder);
    while ((rc = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
        continue;
    rc = rc < 0 ? error_errno(err, ERROR_IO, "%s: lock", folder) : change(folder, tag, target, arena, err);
    if (rc == 1 && sys_fsync(fd) < 0 && errno != EINVAL)
        rc = error_errno(err, ERROR_IO, "%s: cannot sync the folder", folder);
    sys_close(fd); /* and with it the lock */
    return rc;
}

int store_install(const struct reference *reference, const void *bytes, size_t count, struct arena *arena,
                  const char **path, struct error *err)
{
    struct digest digest = digest_of(bytes, count);
    const char *folder, *names, *target, *packages;
    char hex[65];

    if (store_folder(arena, &folder, err) < 0)
        return -1;
    digest_hex(&digest, hex);
    packages = arena_printf(arena, "%s/packages", folder);
    names = arena_printf(arena, "%s/installed/%s", folder, reference->name);
    target = arena_printf(arena, "../../packages/%s.coedge", hex);
    *path = arena_printf(arena, "%s/packages/%s.coedge", folder, hex);
    if (packages == NULL || names == NULL || target == NULL || *path == NULL)
        return error_memory(err);
    if (path_make_folders(packages, err) < 0 || path_make_folders(names, err) < 0 ||
        digest_file_write(*path, bytes, count, err) < 0)
        return -1;
    return change_locked(names, reference->tag, target, arena, move_name, err);
}

int store_return(const char *link, const char *package, const char **before, struct arena *arena, struct error *err)
{
    const char *folder = arena_strndup(arena, link, (size_t)(path_name(link) - 1 - link));
    const char *target = arena_printf(arena, "../../packages/%s.coedge", package), *now;
    int rc;

    if (folder == NULL || target == NULL)
        return error_memory(err);
    rc = change_locked(folder, path_name(link), target, arena, return_name, err);
    now = read_link(arena, link);
    *before = now ? path_name(now) : "";
    return rc;
}

int store_means(const struct reference *reference, const struct digest *package, struct arena *arena, bool *means,
                struct error *err)
{
    const char *folder, *link, *target;
    struct digest found;
    struct input in;
    char hex[65];

    *means = false;
    if (store_folder(arena, &folder, err) < 0)
        return -1;
    link = arena_printf(arena, "%s/installed/%s/%s", folder, reference->name, reference->tag);
    if (link == NULL)
        return error_memory(err);
    target = read_link(arena, link);
    if (target == NULL || !path_exists(link) || strncmp(path_name(target), digest_hex(package, hex), 64) != 0)
        return 0;
    if (input_open(&in, link, 0, err) < 0)
        return -1;
    found = digest_of(in.bytes, in.count);
    *means = digest_equal(&found, package);
    input_close(&in);
    return 0;
}

int store_find(struct arena *arena, const char *name, const char **path, struct error *err)
{
    const char *folder, *colon = strchr(name, ':');
    char *plain;

    if (*name == '@')
        name++;
    if (store_folder(arena, &folder, err) < 0)
        return -1;
    plain = arena_strndup(arena, name, colon ? (size_t)(colon - name) : strlen(name));
    if (plain == NULL)
        return error_memory(err);
    if (!component_good(plain) || (colon && !component_good(colon + 1)))
        return error_set(err, ERROR_USAGE, "'@%s' is not a name in the store", name);
    *path = arena_printf(arena, "%s/installed/%s/%s", folder, plain, colon ? colon + 1 : "latest");
    if (*path == NULL)
        return error_memory(err);
    if (!path_exists(*path)) {
        error_set(err, ERROR_INPUT, "nothing is installed as '%s:%s'", plain, colon ? colon + 1 : "latest");
        return error_hint(err, "coedge pull --install DIR/%s:%s puts it into %s", plain, colon ? colon + 1 : "latest",
                          folder);
    }
    return 0;
}
