/*
 * seen.c - what the store knows of channels: the newest release it has seen of each, which packages did not do here,
 * and the number that places this device in shares.
 *
 *   device                       32 hex digits
 *   releases/NAME/CHANNEL.json   {version, document, date}
 *   quarantine/HEX.json          {name, channel, version, why}
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/sys.h"
#include "registry/channel.h"
#include "json/json.h"

enum { SEEN_BYTES = 64 * 1024, DEVICE_BYTES = 16 };

struct seen {
    int64_t version, date;
    struct digest document;
};

int store_lock(const char *name, struct arena *arena, int *lock, struct error *err)
{
    const char *store, *folder;
    int rc;

    if (store_folder(arena, &store, err) < 0)
        return -1;
    folder = arena_printf(arena, "%s/releases/%s", store, name);
    if (folder == NULL)
        return error_memory(err);
    if (path_make_folders(folder, err) < 0)
        return -1;
    *lock = sys_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (*lock < 0)
        return error_errno(err, ERROR_IO, "%s", folder);
    while ((rc = flock(*lock, LOCK_EX)) < 0 && errno == EINTR)
        continue;
    if (rc == 0)
        return 0;
    error_errno(err, ERROR_IO, "%s: lock", folder);
    sys_close(*lock);
    return -1;
}

void store_unlock(int lock)
{
    sys_close(lock); /* and with it the lock */
}

/* A small file of the store as a tree; NULL when there is none. */
static int read_small(const char *path, struct arena *arena, const struct tree **tree, struct error *err)
{
    struct input in;
    int rc;

    *tree = NULL;
    if (!path_exists(path))
        return 0;
    if (input_open(&in, path, SEEN_BYTES, err) < 0)
        return -1;
    rc = json_parse(arena, (const char *)in.bytes, in.count, tree, err);
    input_close(&in);
    return rc < 0 ? error_in(err, "%s", path) : 0;
}

static int write_small(const char *path, const struct tree *tree, struct error *err)
{
    struct text text = { 0 };
    int rc;

    json_write(&text, tree);
    text_add(&text, "\n");
    rc = tree ? text_check(&text, err) : error_memory(err);
    if (rc == 0)
        rc = file_write(path, text.chars, text.length, err);
    text_free(&text);
    return rc;
}

/* ---- the device ---- */

static int make_device(const char *path, struct arena *arena, struct error *err)
{
    unsigned char bytes[DEVICE_BYTES];
    char hex[2 * DEVICE_BYTES + 2];
    const char *beside = arena_printf(arena, "%s.%ld", path, (long)getpid());
    int rc;

    if (beside == NULL)
        return error_memory(err);
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return error_errno(err, ERROR_IO, "no random numbers to be had");
    for (int i = 0; i < DEVICE_BYTES; i++)
        snprintf(hex + 2 * (size_t)i, 4, "%02x\n", bytes[i]);
    if (file_write(beside, hex, sizeof(hex) - 1, err) < 0)
        return -1;
    rc = sys_link(beside, path); /* who came first is this device */
    if (rc < 0 && errno != EEXIST)
        error_errno(err, ERROR_IO, "%s: cannot make it", path);
    else
        rc = 0;
    unlink(beside);
    return rc;
}

int store_device(struct arena *arena, const char **device, struct error *err)
{
    const char *store, *path;
    struct input in;

    if (store_folder(arena, &store, err) < 0)
        return -1;
    path = arena_printf(arena, "%s/device", store);
    if (path == NULL)
        return error_memory(err);
    if (!path_exists(path) && (path_make_folders(store, err) < 0 || make_device(path, arena, err) < 0))
        return -1;
    if (input_open(&in, path, SEEN_BYTES, err) < 0)
        return -1;
    *device = arena_strndup(arena, (const char *)in.bytes, 2 * DEVICE_BYTES < in.count ? 2 * DEVICE_BYTES : in.count);
    input_close(&in);
    if (*device == NULL)
        return error_memory(err);
    if (strspn(*device, "0123456789abcdef") == 2 * DEVICE_BYTES)
        return 0;
    error_set(err, ERROR_INPUT, "%s: expected %d hex digits", path, 2 * DEVICE_BYTES);
    return error_hint(err, "remove it, and a new number is drawn");
}

/* ---- the newest release of a channel ---- */

static int seen_path(struct arena *arena, const char *name, const char *channel, const char **path, struct error *err)
{
    const char *store;

    if (store_folder(arena, &store, err) < 0)
        return -1;
    *path = arena_printf(arena, "%s/releases/%s/%s.json", store, name, channel);
    return *path ? 0 : error_memory(err);
}

/* Zeros when nothing was seen. */
static int read_seen(const char *path, struct arena *arena, struct seen *seen, struct error *err)
{
    const struct tree *tree;
    const char *document, *date;

    *seen = (struct seen){ 0 };
    if (read_small(path, arena, &tree, err) < 0)
        return -1;
    if (tree == NULL)
        return 0;
    if (tree_need_int(tree, "version", 1, INT64_MAX, &seen->version, err) < 0 ||
        tree_need_text(tree, "document", &document, err) < 0 || digest_parse(&seen->document, document, err) < 0 ||
        tree_need_text(tree, "date", &date, err) < 0 || date_parse(date, &seen->date, err) < 0)
        return error_in(err, "%s", path);
    return 0;
}

static int write_seen(const char *path, const struct release *release, struct arena *arena, struct error *err)
{
    struct tree *map = tree_map(arena);
    char hex[65], date[DATE_TEXT];

    tree_add_int(arena, map, "version", release->version);
    tree_add_text(arena, map, "document", digest_hex(&release->document, hex));
    if (tree_add_text(arena, map, "date", date_text(date, release->date)) == NULL)
        return error_memory(err);
    return write_small(path, map, err);
}

static int check_version(const struct release *release, const struct seen *seen, bool force, struct error *err)
{
    if (force || release->version > seen->version)
        return 0;
    if (release->version < seen->version) {
        error_set(err, ERROR_TRUST, "version %" PRId64 " is older than version %" PRId64 ", which was seen here",
                  release->version, seen->version);
        return error_hint(err, "coedge release rollback makes a new version of an old package");
    }
    if (digest_equal(&release->document, &seen->document))
        return 0;
    return error_set(err, ERROR_TRUST, "version %" PRId64 " is another one than the one that was seen here",
                     release->version);
}

int store_accept(const struct release *release, int64_t now, bool force, struct arena *arena, struct error *err)
{
    const char *path;
    struct seen seen;

    if (seen_path(arena, release->name, release->channel, &path, err) < 0 || read_seen(path, arena, &seen, err) < 0)
        return -1;
    if (release->version <= seen.version && now < seen.date)
        now = seen.date;
    if (check_version(release, &seen, force, err) < 0 || release_check_date(release, now, err) < 0)
        return error_in(err, "%s:%s", release->name, release->channel);
    if (release->version == seen.version && digest_equal(&release->document, &seen.document))
        return 0;
    return write_seen(path, release, arena, err);
}

int store_has_channel(const struct reference *reference, struct arena *arena, bool *has, struct error *err)
{
    const char *path;

    if (seen_path(arena, reference->name, reference->tag, &path, err) < 0)
        return -1;
    *has = path_exists(path);
    return 0;
}

/* ---- packages that did not do ---- */

static int quarantine_path(struct arena *arena, const struct digest *package, const char **path, struct error *err)
{
    const char *store;
    char hex[65];

    if (store_folder(arena, &store, err) < 0)
        return -1;
    *path = arena_printf(arena, "%s/quarantine/%s.json", store, digest_hex(package, hex));
    return *path ? 0 : error_memory(err);
}

int store_quarantine(const struct release *release, const struct digest *package, const char *why, struct arena *arena,
                     struct error *err)
{
    struct tree *map = tree_map(arena);
    const char *path, *folder;

    if (quarantine_path(arena, package, &path, err) < 0)
        return -1;
    folder = arena_strndup(arena, path, (size_t)(path_name(path) - path));
    if (folder == NULL)
        return error_memory(err);
    if (path_make_folders(folder, err) < 0)
        return -1;
    tree_add_text(arena, map, "name", release->name);
    tree_add_text(arena, map, "channel", release->channel);
    tree_add_int(arena, map, "version", release->version);
    if (tree_add_text(arena, map, "why", why) == NULL)
        return error_memory(err);
    return write_small(path, map, err);
}

int store_quarantined(const struct digest *package, struct arena *arena, struct error *err)
{
    const struct tree *tree;
    const char *path, *why = "not told";
    int64_t version = 0;
    char hex[65];

    if (quarantine_path(arena, package, &path, err) < 0 || read_small(path, arena, &tree, err) < 0)
        return -1;
    if (tree == NULL)
        return 0;
    if (tree_take_text(tree, "why", &why, err) < 0 || tree_take_int(tree, "version", 0, INT64_MAX, &version, err) < 0)
        return error_in(err, "%s", path);
    error_set(err, ERROR_ANSWER, "package %.12s was left aside here: %s", digest_hex(package, hex), why);
    return error_hint(err, "--force tries it again");
}

int store_pardon(const struct digest *package, struct arena *arena, struct error *err)
{
    const char *path;

    if (quarantine_path(arena, package, &path, err) < 0)
        return -1;
    if (sys_unlink(path) < 0 && errno != ENOENT)
        return error_errno(err, ERROR_IO, "%s", path);
    return 0;
}
