/* Names of files and what lies under them. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/sys.h"

bool path_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool path_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

int path_make_folders(const char *path, struct error *err)
{
    struct arena arena = { 0 };
    char *upto = arena_strdup(&arena, path);
    int rc = 0;

    if (!upto)
        return error_memory(err);
    for (char *end = upto; rc == 0 && *end;) {
        char cut;

        end += strspn(end, "/");
        end += strcspn(end, "/");
        cut = *end;
        *end = '\0';
        if (sys_mkdir(upto, 0777) < 0) {
            const int why = errno; /* asking whether it is there makes another */

            if (!path_is_folder(upto)) {
                errno = why;
                rc = error_errno(err, ERROR_IO, "%s: cannot make the folder", upto);
            }
        }
        *end = cut;
    }
    arena_free(&arena);
    return rc;
}

const char *path_name(const char *path)
{
    const char *name = path;

    for (const char *c = path; *c; c++)
        if (*c == '/' && c[1] && c[1] != '/')
            name = c + 1;
    return name;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The next name that is not hidden: 1, 0 at the end, -1. */
static int next_name(DIR *folder, struct arena *arena, char **name, const char *path, struct error *err)
{
    const struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(folder);
    } while (entry && entry->d_name[0] == '.');
    if (!entry)
        return errno ? error_errno(err, ERROR_IO, "%s: cannot list the folder", path) : 0;
    *name = arena_strdup(arena, entry->d_name);
    return *name ? 1 : error_memory(err);
}

int folder_list(const char *path, struct arena *arena, char ***names, size_t *count, struct error *err)
{
    DIR *folder = opendir(path);
    size_t room = 0, used = 0;
    char **list = NULL;
    int rc = 1;

    if (!folder)
        return error_errno(err, ERROR_IO, "%s: cannot list the folder", path);
    while (rc == 1) {
        if (used + 1 >= room) { /* one more for the NULL at the end */
            room = room ? room * 2 : 32;
            list = arena_grow(arena, list, used, room, sizeof(*list));
            if (!list) {
                rc = error_memory(err);
                break;
            }
        }
        rc = next_name(folder, arena, &list[used], path, err);
        used += rc == 1;
    }
    closedir(folder);
    if (rc < 0)
        return -1;
    list[used] = NULL;
    qsort(list, used, sizeof(*list), compare_names);
    *names = list;
    *count = used;
    return 0;
}
