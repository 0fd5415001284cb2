#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "registry/registry.h"

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

/* A link is made beside and renamed over: it means the old or the new package, never nothing. */
static int link_to(const char *target, const char *link, struct arena *arena, struct error *err)
{
    const char *fresh = arena_printf(arena, "%s.new-%ld", link, (long)getpid());

    if (fresh == NULL)
        return error_memory(err);
    if (sys_unlink(fresh) < 0 && errno != ENOENT)
        return error_errno(err, ERROR_IO, "%s", fresh);
    if (symlink(target, fresh) < 0)
        return error_errno(err, ERROR_IO, "%s", fresh);
    if (sys_rename(fresh, link) < 0) {
        error_errno(err, ERROR_IO, "%s", link);
        sys_unlink(fresh);
        return -1;
    }
    return 0;
}

static const char *read_link(struct arena *arena, const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof(target) - 1);

    return length < 0 ? NULL : arena_strndup(arena, target, (size_t)length);
}

int store_install(const struct reference *reference, const void *bytes, size_t count, struct arena *arena,
                  const char **path, struct error *err)
{
    struct digest digest = digest_of(bytes, count);
    const char *folder, *names, *link, *target, *before, *packages;
    char hex[65];

    if (store_folder(arena, &folder, err) < 0)
        return -1;
    digest_hex(&digest, hex);
    packages = arena_printf(arena, "%s/packages", folder);
    names = arena_printf(arena, "%s/installed/%s", folder, reference->name);
    link = arena_printf(arena, "%s/installed/%s/%s", folder, reference->name, reference->tag);
    target = arena_printf(arena, "../../packages/%s.coedge", hex);
    *path = arena_printf(arena, "%s/packages/%s.coedge", folder, hex);
    if (packages == NULL || names == NULL || link == NULL || target == NULL || *path == NULL)
        return error_memory(err);
    if (path_make_folders(packages, err) < 0 || path_make_folders(names, err) < 0)
        return -1;
    if (!path_exists(*path) && file_write(*path, bytes, count, err) < 0)
        return -1;
    before = read_link(arena, link);
    if (before != NULL && strcmp(before, target) == 0)
        return 0;
    if (before != NULL) {
        const char *previous = arena_printf(arena, "%s.previous", link);

        if (previous == NULL || link_to(before, previous, arena, err) < 0)
            return previous ? -1 : error_memory(err);
    }
    return link_to(target, link, arena, err) < 0 ? -1 : 1;
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
    if (*plain == '\0' || strchr(plain, '/') != NULL || *plain == '.' || (colon && strchr(colon, '/')))
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
