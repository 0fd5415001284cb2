/*
 * trial.c - a package that a channel brought is on trial until it has given answers here: one that ends whoever runs
 * it is not run for ever.
 *
 *   installed/NAME/.TAG.trial   "PACKAGE VERSION\n" and a dot for each start
 *
 * Who runs the package has the file locked, shared, so that a start counts only when nobody else is at it: those
 * before have ended, and not in good order, for then they would have taken their dot back or the file away.
 *
 * Source: RAUC and Mender, which count the boots of a system that was not yet found good.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/text.h"
#include "registry/channel.h"

enum { STARTS = 3, TRIAL_BYTES = 256 };

struct mark {
    char package[65];
    struct digest digest;
    int64_t version;
    int starts;
};

static const char *mark_path(struct arena *arena, const char *link)
{
    const int folder = (int)(path_name(link) - link);

    return arena_printf(arena, "%.*s.%s.trial", folder, link, link + folder);
}

int store_try(const struct reference *reference, const struct digest *package, int64_t version, struct arena *arena,
              struct error *err)
{
    const char *folder, *link, *path, *text;
    char hex[65];

    if (store_folder(arena, &folder, err) < 0)
        return -1;
    link = arena_printf(arena, "%s/installed/%s/%s", folder, reference->name, reference->tag);
    path = link ? mark_path(arena, link) : NULL;
    text = arena_printf(arena, "%s %" PRId64 "\n", digest_hex(package, hex), version);
    if (path == NULL || text == NULL)
        return error_memory(err);
    return path_exists(link) ? file_write(path, text, strlen(text), err) : 0; /* with nothing to go back to, none */
}

/* False for what is no mark: somebody else's file is as good as none. */
static bool read_mark(int fd, struct mark *mark)
{
    char text[TRIAL_BYTES + 1], *space, *end;
    const ssize_t length = pread(fd, text, TRIAL_BYTES, 0);

    if (length < 0)
        return false;
    text[length] = '\0';
    space = strchr(text, ' ');
    end = strchr(text, '\n');
    if (space == NULL || end == NULL || space > end || space - text != 64)
        return false;
    *space = *end = '\0';
    memcpy(mark->package, text, sizeof(mark->package));
    mark->starts = (int)strspn(end + 1, ".");
    return digest_parse(&mark->digest, text, NULL) == 0 && text_to_int(space + 1, &mark->version) == 0;
}

static bool means(const char *link, const char *package)
{
    char target[TRIAL_BYTES + 1];
    const ssize_t length = readlink(link, target, TRIAL_BYTES);

    if (length < 0)
        return false;
    target[length] = '\0';
    return strncmp(path_name(target), package, 64) == 0;
}

/* As it stands. */
static void leave(struct trial *trial)
{
    abort_keeps(trial->cut);
    trial->cut = -1;
    if (trial->fd >= 0)
        sys_close(trial->fd); /* and with it the lock */
    trial->fd = -1;
}

/* Left aside first: who is ended between the two comes here again. */
static int go_back(const char *name, const char *link, const struct mark *mark, struct arena *arena,
                   const struct job *job, struct error *err)
{
    static const char why[] = "began 3 times here and never came to answer";
    struct release release = { .version = mark->version, .channel = path_name(link) };
    const char *before = "";
    int rc;

    release.name = arena_strndup(arena, name, strcspn(name, ":"));
    if (release.name == NULL)
        return error_memory(err);
    rc = store_quarantine(&release, &mark->digest, why, arena, err);
    if (rc == 0)
        rc = store_return(link, mark->package, &before, arena, err);
    if (rc == 1)
        job_note(job, "%s:%s: version %" PRId64 " (%.12s) is left aside: %s; back to %.12s", release.name,
                 release.channel, mark->version, mark->package, why, before);
    return rc < 0 ? -1 : 0;
}

/* The start counts, unless the package has had enough. Nobody else is at it. */
static int begin_alone(struct trial *trial, const char *name, const char *link, const struct mark *mark,
                       struct arena *arena, const struct job *job, struct error *err)
{
    if (mark->starts < STARTS) {
        struct stat st;

        if (fstat(trial->fd, &st) < 0 || sys_write(trial->fd, ".", 1) != 1)
            return error_errno(err, ERROR_IO, "cannot write");
        trial->counted = true;
        trial->cut = abort_cuts(trial->fd, st.st_size);
        return sys_fsync(trial->fd) < 0 ? error_errno(err, ERROR_IO, "cannot sync") : 0;
    }
    if (go_back(name, link, mark, arena, job, err) < 0)
        return -1;
    trial_proved(trial); /* there is no more to find out */
    return 0;
}

/* Whatever cannot be done here, such as in a store that may only be read, is no reason not to answer. */
static void begin(struct trial *trial, const char *name, const char *link, struct arena *arena, const struct job *job)
{
    struct error err = { 0 };
    struct mark mark;
    bool alone;

    trial->fd = sys_open(trial->path, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0);
    if (trial->fd < 0) {
        if (errno != ENOENT)
            job_note(job, "%s: starts are not counted: %s", trial->path, strerror(errno));
        return;
    }
    alone = flock(trial->fd, LOCK_EX | LOCK_NB) == 0;
    if (!read_mark(trial->fd, &mark) || !means(link, mark.package)) {
        leave(trial); /* of a package that is on its way, perhaps */
        return;
    }
    if (alone && begin_alone(trial, name, link, &mark, arena, job, &err) < 0)
        job_note(job, "%s: starts are not counted: %s", trial->path, err.message);
    if (trial->fd >= 0)
        (void)flock(trial->fd, LOCK_SH);
}

int trial_begin(struct trial *trial, const char *name, struct arena *arena, const struct job *job, struct error *err)
{
    const char *link;

    *trial = (struct trial){ .fd = -1, .cut = -1 };
    if (*name != '@')
        return 0;
    if (store_find(arena, name, &link, err) < 0)
        return -1;
    trial->path = mark_path(arena, link);
    if (trial->path == NULL)
        return error_memory(err);
    begin(trial, name + 1, link, arena, job);
    return 0;
}

void trial_proved(struct trial *trial)
{
    struct stat own, there;

    if (trial->fd < 0)
        return;
    /* not that of a package which came meanwhile */
    if (fstat(trial->fd, &own) == 0 && stat(trial->path, &there) == 0 && own.st_ino == there.st_ino)
        (void)sys_unlink(trial->path);
    leave(trial);
}

void trial_end(struct trial *trial)
{
    struct stat st;

    if (trial->fd >= 0 && trial->counted && fstat(trial->fd, &st) == 0)
        (void)!ftruncate(trial->fd, st.st_size - 1);
    leave(trial);
}

void trial_refused(struct trial *trial, const struct error *why)
{
    if (why->kind == ERROR_INPUT || why->kind == ERROR_TRUST || why->kind == ERROR_ANSWER)
        leave(trial);
    else
        trial_end(trial);
}
