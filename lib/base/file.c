/* Files out: whole, or not at all. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/text.h"

enum { MOST_OUTPUTS = 256, MOST_LINKS = 40, NAME_KEPT = 180, DIRECT = -1 };

/*
 * The temporaries of this process, and files that go back to a length, so that
 * a signal handler finds them. This is the one piece of changing process state
 * in the library: a handler is given nothing, so it can reach nothing else.
 */
static struct {
    atomic_int state; /* enum slot */
    pid_t owner;      /* a child of fork() leaves its parent's alone */
    int fd;           /* SLOT_CUT: of the file, and its length */
    off_t length;
    char path[PATH_MAX];
} temporaries[MOST_OUTPUTS];

enum slot { SLOT_FREE, SLOT_FILLING, SLOT_LIVE, SLOT_CUT };

struct output {
    int fd;
    int lock;      /* holds the temporary's lock after fd is closed, until it has its name; or -1 */
    int slot;      /* of temporaries, or DIRECT: no temporary, as for a fifo or a device */
    bool standard; /* standard output: not ours to close */
    char *name;    /* as the user gave it, for messages */
    char *path;    /* where it goes, links resolved */
    char *folder;  /* of path */
};

static int reserve_slot(void)
{
    for (int i = 0; i < MOST_OUTPUTS; i++) {
        int expected = SLOT_FREE;

        if (atomic_compare_exchange_strong(&temporaries[i].state, &expected, SLOT_FILLING))
            return i;
    }
    return -1;
}

static void release_slot(int slot)
{
    atomic_store(&temporaries[slot].state, SLOT_FREE);
}

void output_abort_all(void)
{
    for (int i = 0; i < MOST_OUTPUTS; i++) {
        const int state = atomic_load(&temporaries[i].state);

        if ((state != SLOT_LIVE && state != SLOT_CUT) || temporaries[i].owner != getpid())
            continue;
        if (state == SLOT_LIVE)
            unlink(temporaries[i].path);
        else
            (void)!ftruncate(temporaries[i].fd, temporaries[i].length);
    }
}

int abort_cuts(int fd, off_t length)
{
    const int slot = reserve_slot();

    if (slot < 0)
        return -1;
    temporaries[slot].owner = getpid();
    temporaries[slot].fd = fd;
    temporaries[slot].length = length;
    atomic_store(&temporaries[slot].state, SLOT_CUT);
    return slot;
}

void abort_keeps(int slot)
{
    if (slot >= 0)
        release_slot(slot);
}

static void output_free(struct output *out)
{
    free(out->name);
    free(out->path);
    free(out->folder);
    free(out);
}

/* Drops what is open and half written. */
void output_abort(struct output *out)
{
    if (!out)
        return;
    if (out->fd >= 0 && !out->standard)
        close(out->fd);
    if (out->slot != DIRECT) {
        unlink(temporaries[out->slot].path);
        release_slot(out->slot);
    }
    if (out->lock >= 0)
        close(out->lock);
    output_free(out);
}

/* The folder of a path, or "." ; the caller frees. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct text folder = { 0 };

    if (!slash)
        text_add(&folder, ".");
    else
        text_add_bytes(&folder, path, slash == path ? 1 : (size_t)(slash - path));
    if (folder.failed)
        text_free(&folder);
    return folder.chars;
}

/* Replaces a link by what it points to; 1 when it was one. */
static int follow_link(char **path, struct error *err)
{
    char target[PATH_MAX];
    struct text next = { 0 };
    const ssize_t length = readlink(*path, target, sizeof(target) - 1);

    if (length < 0)
        return 0; /* no link, or nothing there */
    target[length] = '\0';
    if (target[0] != '/')
        text_add_bytes(&next, *path, (size_t)(path_name(*path) - *path));
    text_add(&next, target);
    if (next.failed) {
        text_free(&next);
        return error_memory(err);
    }
    free(*path);
    *path = next.chars;
    return 1;
}

/* Fills path and folder: a link stays, and what it points to is replaced. */
static int resolve(struct output *out, struct error *err)
{
    struct text copy = { 0 };
    int followed = 1;

    text_add(&copy, out->name);
    if (text_check(&copy, err) < 0)
        return -1;
    out->path = copy.chars;
    for (int i = 0; followed == 1 && i < MOST_LINKS; i++)
        followed = follow_link(&out->path, err);
    if (followed < 0)
        return -1;
    if (followed == 1)
        return error_set(err, ERROR_IO, "%s: more than %d symbolic links to follow", out->name, MOST_LINKS);
    out->folder = folder_of(out->path);
    return out->folder ? 0 : error_memory(err);
}

/* ".NAME.coedge-": how the temporaries of a name begin. */
static void temporary_prefix(struct text *text, const char *path)
{
    const char *name = path_name(path);
    const size_t length = strlen(name);

    text_add(text, ".");
    text_add_bytes(text, name, length < NAME_KEPT ? length : NAME_KEPT);
    text_add(text, ".coedge-");
}

/*
 * A temporary is locked as long as its writer lives, whatever became of its
 * process number: what can be locked was left behind by the dead.
 */
static void sweep_one(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlink(path);
    close(fd);
}

static void sweep(const struct output *out, const char *prefix)
{
    DIR *folder = opendir(out->folder);
    const struct dirent *entry;

    if (!folder)
        return;
    while ((entry = readdir(folder))) {
        const size_t length = strlen(entry->d_name);
        struct text path = { 0 };

        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 || length < 4)
            continue;
        if (strcmp(entry->d_name + length - 4, ".tmp") != 0)
            continue;
        text_printf(&path, "%s/%s", out->folder, entry->d_name);
        if (!path.failed)
            sweep_one(path.chars);
        text_free(&path);
    }
    closedir(folder);
}

/* Creates and locks it. 1: the name was taken, or swept by another in between; try the next. */
static int create_temporary(struct output *out, const char *path, struct error *err)
{
    struct stat st;

    out->fd = sys_open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (out->fd < 0)
        return errno == EEXIST ? 1 : error_errno(err, ERROR_IO, "%s: cannot create", out->name);
    /* Where the file system has no locks, nothing can be swept either. */
    if (flock(out->fd, LOCK_EX) == 0 && fstat(out->fd, &st) == 0 && st.st_nlink == 0) {
        close(out->fd);
        out->fd = -1;
        return 1;
    }
    if (stat(out->path, &st) == 0) /* the new file is open to whom the old one was */
        (void)!fchmod(out->fd, st.st_mode & 0777);
    return 0;
}

/* With signals held back, so that no handler runs between the file and its registration. */
static int register_temporary(struct output *out, int slot, const char *path, struct error *err)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = create_temporary(out, path, err);
    if (rc == 0) {
        strncpy(temporaries[slot].path, path, PATH_MAX - 1);
        temporaries[slot].owner = getpid();
        atomic_store(&temporaries[slot].state, SLOT_LIVE);
        out->slot = slot;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static int open_temporary(struct output *out, struct error *err)
{
    const int slot = reserve_slot();
    struct text prefix = { 0 }, path = { 0 };
    int rc = 1;

    if (slot < 0)
        return error_set(err, ERROR_LIMIT, "%s: more than %d files are being written", out->name, MOST_OUTPUTS);
    temporary_prefix(&prefix, out->path);
    if (!prefix.failed)
        sweep(out, prefix.chars);
    for (int n = 0; rc == 1; n++) {
        path.length = 0;
        text_printf(&path, "%s/%s%ld-%d.tmp", out->folder, prefix.chars ? prefix.chars : "", (long)getpid(), n);
        if (prefix.failed || path.failed)
            rc = error_memory(err);
        else if (path.length >= PATH_MAX)
            rc = error_set(err, ERROR_IO, "%s: the path is too long", out->name);
        else
            rc = register_temporary(out, slot, path.chars, err);
    }
    if (rc < 0)
        release_slot(slot);
    text_free(&prefix);
    text_free(&path);
    return rc;
}

/* Devices, fifos and sockets are written where they stand: a rename would replace them. */
static int open_target(struct output *out, struct error *err)
{
    struct stat st;
    const size_t length = strlen(out->name);
    const bool there = stat(out->name, &st) == 0;

    if (!there && errno != ENOENT)
        return error_errno(err, ERROR_IO, "%s: cannot create", out->name);
    if (there && S_ISDIR(st.st_mode))
        return error_set(err, ERROR_IO, "%s: is a folder, expected a file to write", out->name);
    if (length == 0 || out->name[length - 1] == '/')
        return error_set(err, ERROR_IO, "'%s' names no file to write", out->name);
    if (!there || S_ISREG(st.st_mode))
        return resolve(out, err) < 0 ? -1 : open_temporary(out, err);
    out->fd = sys_open(out->name, O_WRONLY | O_CLOEXEC | O_NOCTTY, 0);
    return out->fd < 0 ? error_errno(err, ERROR_IO, "%s: cannot open for writing", out->name) : 0;
}

static int open_standard(struct output *out, struct error *err)
{
    if (isatty(STDOUT_FILENO)) {
        error_set(err, ERROR_USAGE, "standard output is a terminal, and this is not for reading");
        return error_hint(err, "name a file with -o FILE, or send it on with | or >");
    }
    out->fd = STDOUT_FILENO;
    out->standard = true;
    return 0;
}

struct output *output_open(const char *path, struct error *err)
{
    struct output *out = sys_alloc(sizeof(*out));
    const bool standard = strcmp(path, "-") == 0;
    struct text name = { 0 };

    text_add(&name, standard ? "standard output" : path);
    if (!out || name.failed) {
        text_free(&name);
        free(out);
        error_memory(err);
        return NULL;
    }
    *out = (struct output){ .fd = -1, .lock = -1, .slot = DIRECT, .name = name.chars };
    if ((standard ? open_standard(out, err) : open_target(out, err)) < 0) {
        output_abort(out);
        return NULL;
    }
    return out;
}

int output_write(struct output *out, const void *bytes, size_t count, struct error *err)
{
    const char *from = bytes;

    while (count) {
        const ssize_t put = sys_write(out->fd, from, count);

        if (put < 0)
            return error_errno(err, ERROR_IO, "%s: cannot write", out->name);
        from += put;
        count -= (size_t)put;
    }
    return 0;
}

/* Makes the new name itself last. File systems that have no such thing say EINVAL. */
static int sync_folder(const struct output *out, struct error *err)
{
    const int fd = sys_open(out->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int rc;

    if (fd < 0) /* a folder may be open to writing and not to reading */
        return errno == EACCES ? 0 : error_errno(err, ERROR_IO, "%s: cannot open its folder", out->name);
    rc = sys_fsync(fd);
    if (rc < 0 && errno == EINVAL)
        rc = 0;
    if (rc < 0)
        error_errno(err, ERROR_IO, "%s: cannot sync its folder", out->name);
    close(fd);
    return rc;
}

static int close_checked(struct output *out, struct error *err)
{
    const int fd = out->fd;

    out->fd = -1;
    if (!out->standard && sys_close(fd) < 0) /* some file systems tell of a full disk only here */
        return error_errno(err, ERROR_IO, "%s: cannot write", out->name);
    return 0;
}

int output_sync(struct output *out, struct error *err)
{
    if (out->slot == DIRECT || out->fd < 0)
        return 0;
    if (sys_fsync(out->fd) < 0)
        return error_errno(err, ERROR_IO, "%s: cannot write to disk", out->name);
    /* Unlocked before it has its name, another process would sweep it as a dead one's. */
    out->lock = fcntl(out->fd, F_DUPFD_CLOEXEC, 0);
    if (out->lock < 0)
        return error_errno(err, ERROR_IO, "%s: cannot keep its temporary file", out->name);
    return close_checked(out, err);
}

static int commit_temporary(struct output *out, struct error *err)
{
    if (output_sync(out, err) < 0)
        return -1;
    if (sys_rename(temporaries[out->slot].path, out->path) < 0)
        return error_errno(err, ERROR_IO, "%s: cannot rename its temporary file", out->name);
    release_slot(out->slot);
    out->slot = DIRECT; /* from here on there is none to remove */
    return sync_folder(out, err);
}

int output_commit(struct output *out, struct error *err)
{
    const int rc = out->slot == DIRECT ? close_checked(out, err) : commit_temporary(out, err);

    output_abort(out);
    return rc;
}

int output_take(struct output *out, struct input *in, struct error *err)
{
    int rc;

    if (out->slot == DIRECT)
        rc = error_set(err, ERROR_IO, "%s: not a regular file", out->name);
    else
        rc = input_open(in, temporaries[out->slot].path, 0, err);
    output_abort(out);
    return rc;
}

int file_write(const char *path, const void *bytes, size_t count, struct error *err)
{
    struct output *out = output_open(path, err);

    if (!out)
        return -1;
    if (output_write(out, bytes, count, err) < 0) {
        output_abort(out);
        return -1;
    }
    return output_commit(out, err);
}
