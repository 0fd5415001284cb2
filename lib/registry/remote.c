/*
 * remote.c - a layout in a folder, or the same tree behind a web server.
 *
 * What comes over the network lies in the store as partial/HEX.part until the work it is for is done: a link that is
 * cut loses nothing, the next pull goes on from there. A part is worth what its digest says and nothing else. One that
 * nobody took up for a month goes with the next pull that succeeds.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/sys.h"
#include "base/text.h"
#include "net/net.h"
#include "registry/internal.h"
#include "json/json.h"

enum { STALE_SECONDS = 30 * 24 * 3600 };

struct part {
    const char *path;
    struct part *next;
};

struct remote {
    const char *folder;
    struct net *net;          /* NULL: a folder here */
    const struct tree *index; /* what was fetched; NULL: nothing yet */
    struct part *parts;
    struct arena arena;
};

/* A file being filled. */
struct part_sink {
    struct net_sink sink;
    const char *path;
    int fd;
};

/* A text being filled. */
struct text_sink {
    struct net_sink sink;
    struct text text;
};

struct remote *remote_open(const char *folder, const struct net_limits *limits, const struct job *job,
                           struct error *err)
{
    static const struct net_limits usual = { .retries = 4, .seconds = 3600 };
    struct arena arena = { 0 };
    struct remote *remote = arena_alloc(&arena, sizeof(*remote));

    if (remote == NULL) {
        error_memory(err);
        return NULL;
    }
    *remote = (struct remote){ .folder = arena_strdup(&arena, folder), .arena = arena };
    if (remote->folder == NULL)
        error_memory(err);
    else if (!net_is_address(folder) || (remote->net = net_open(limits ? limits : &usual, job, err)) != NULL)
        return remote;
    remote_close(remote);
    return NULL;
}

void remote_close(struct remote *remote)
{
    struct arena arena;

    if (remote == NULL)
        return;
    net_close(remote->net);
    arena = remote->arena; /* which has `remote` itself */
    arena_free(&arena);
}

/* What nobody has taken up for so long is of something that nobody wants any more. Whoever is at it has it locked. */
static void sweep_one(const char *path)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;

    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && time(NULL) - st.st_mtime > STALE_SECONDS)
        (void)sys_unlink(path);
    close(fd);
}

/* Nothing depends on it: what cannot be read stays. */
static void sweep_parts(struct arena *arena)
{
    const char *store, *folder, *path;
    size_t count;
    char **names;

    if (store_folder(arena, &store, NULL) < 0 || (folder = arena_printf(arena, "%s/partial", store)) == NULL ||
        folder_list(folder, arena, &names, &count, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (text_matches("*.part", names[i]) && (path = arena_printf(arena, "%s/%s", folder, names[i])) != NULL)
            sweep_one(path);
}

void remote_done(struct remote *remote)
{
    for (const struct part *part = remote->parts; part; part = part->next)
        unlink(part->path);
    if (remote->parts != NULL)
        sweep_parts(&remote->arena);
    remote->parts = NULL;
}

/* ---- index.json ---- */

static int text_write(struct net_sink *sink, const void *bytes, size_t count, struct error *err)
{
    struct text_sink *to = (struct text_sink *)(void *)sink;

    text_add_bytes(&to->text, bytes, count);
    sink->have += count;
    return text_check(&to->text, err);
}

static int text_restart(struct net_sink *sink, struct error *err)
{
    struct text_sink *to = (struct text_sink *)(void *)sink;

    (void)err;
    text_free(&to->text);
    to->text = (struct text){ 0 };
    sink->have = 0;
    return 0;
}

static int fetch_index(struct remote *remote, struct arena *arena, const struct tree **index, struct error *err)
{
    struct text_sink to = { .sink = { .write = text_write, .restart = text_restart } };
    const char *address = arena_printf(arena, "%s/index.json", remote->folder);
    int rc;

    *index = remote->index;
    if (remote->index != NULL)
        return 0;
    if (address == NULL)
        return error_memory(err);
    rc = net_get(remote->net, address, limit_get(LIMIT_JSON_BYTES), false, &to.sink, err);
    if (rc < 0 && err != NULL && err->kind == ERROR_ANSWER)
        error_hint(err, "the address is that of the layout's folder, before /NAME:TAG");
    if (rc == 0 && index_parse(&remote->arena, to.text.chars ? to.text.chars : "", to.text.length, index, err) < 0)
        rc = error_in(err, "%s", address);
    remote->index = rc == 0 ? *index : NULL;
    text_free(&to.text);
    return rc;
}

int remote_index(struct remote *remote, struct arena *arena, const struct tree **index, struct error *err)
{
    if (remote->net != NULL)
        return fetch_index(remote, arena, index, err);
    if (!path_is_folder(remote->folder))
        return error_set(err, ERROR_ANSWER, "%s: no such layout folder", remote->folder);
    return index_read(arena, remote->folder, index, err);
}

/* ---- blobs ---- */

static int part_write(struct net_sink *sink, const void *bytes, size_t count, struct error *err)
{
    struct part_sink *to = (struct part_sink *)(void *)sink;

    for (size_t done = 0; done < count;) {
        const ssize_t put = sys_write(to->fd, (const char *)bytes + done, count - done);

        if (put < 0)
            return error_errno(err, ERROR_IO, "%s: cannot write", to->path);
        done += (size_t)put;
        sink->have += (size_t)put;
    }
    return 0;
}

static int part_restart(struct net_sink *sink, struct error *err)
{
    struct part_sink *to = (struct part_sink *)(void *)sink;

    sink->have = 0;
    if (ftruncate(to->fd, 0) < 0 || lseek(to->fd, 0, SEEK_SET) < 0)
        return error_errno(err, ERROR_IO, "%s: cannot begin it anew", to->path);
    return 0;
}

/* Who has it open has it alone; who waited for it in vain finds it gone, and makes another. */
static int part_lock(const char *path, struct error *err)
{
    for (;;) {
        const int fd = sys_open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        struct stat st;
        int rc;

        if (fd < 0)
            return error_errno(err, ERROR_IO, "%s: cannot open", path);
        while ((rc = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
            continue;
        if (rc == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
            return fd;
        if (rc < 0)
            error_errno(err, ERROR_IO, "%s: lock", path);
        close(fd);
        if (rc < 0)
            return -1;
    }
}

/* Fills the part and checks it. What was there may be of a download that went wrong: it is given one chance. */
static int part_fill(struct remote *remote, const char *address, struct part_sink *to, const struct digest *digest,
                     int64_t size, struct input *in, struct error *err)
{
    const off_t there = lseek(to->fd, 0, SEEK_END);
    bool fresh = there <= 0;

    to->sink.have = there > 0 ? (uint64_t)there : 0;
    if (there < 0 || there > size) {
        fresh = true;
        if (part_restart(&to->sink, err) < 0)
            return -1;
    }
    for (;; fresh = true) {
        struct digest found;

        if (net_get(remote->net, address, (uint64_t)size, true, &to->sink, err) < 0 ||
            input_open(in, to->path, 0, err) < 0)
            return -1;
        found = digest_of(in->bytes, in->count);
        if (digest_equal(&found, digest))
            return 0;
        input_close(in);
        if (part_restart(&to->sink, err) < 0)
            return -1;
        if (fresh)
            return error_set(err, ERROR_TRUST, "%s: its bytes have another digest", address);
    }
}

static int remember_part(struct remote *remote, const char *path, struct error *err)
{
    struct part *part = arena_alloc(&remote->arena, sizeof(*part));

    if (part == NULL || (part->path = arena_strdup(&remote->arena, path)) == NULL)
        return error_memory(err);
    part->next = remote->parts;
    remote->parts = part;
    return 0;
}

static int fetch_blob(struct remote *remote, struct arena *arena, const struct digest *digest, int64_t size,
                      struct input *in, struct error *err)
{
    struct part_sink to = { .sink = { .write = part_write, .restart = part_restart } };
    const char *store, *folder, *address;
    char hex[65];
    int rc;

    if (blob_path(arena, remote->folder, digest, &address, err) < 0 || store_folder(arena, &store, err) < 0)
        return -1;
    folder = arena_printf(arena, "%s/partial", store);
    to.path = arena_printf(arena, "%s/partial/%s.part", store, digest_hex(digest, hex));
    if (folder == NULL || to.path == NULL)
        return error_memory(err);
    if (path_make_folders(folder, err) < 0 || (to.fd = part_lock(to.path, err)) < 0)
        return -1;
    rc = part_fill(remote, address, &to, digest, size, in, err);
    close(to.fd); /* the digest tells what was lost, if anything; and with it goes the lock */
    if (rc < 0 && err != NULL && err->kind == ERROR_ANSWER)
        err->kind = ERROR_NETWORK; /* what a manifest names is there, or on its way */
    if (rc == 0 && remember_part(remote, to.path, err) < 0) {
        input_close(in);
        rc = -1;
    }
    return rc;
}

int remote_blob(struct remote *remote, struct arena *arena, const struct digest *digest, int64_t size, struct input *in,
                struct error *err)
{
    return remote->net ? fetch_blob(remote, arena, digest, size, in, err)
                       : blob_read(arena, remote->folder, digest, size, in, err);
}
