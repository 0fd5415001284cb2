#include "merge/round.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/sys.h"
#include "base/text.h"

int64_t round_of_folder(const char *folder)
{
    static const char prefix[] = "round-";
    size_t length = strlen(folder), from;
    char number[24];
    int64_t round;

    while (length > 1 && folder[length - 1] == '/')
        length--;
    from = length;
    while (from > 0 && folder[from - 1] != '/')
        from--;
    if (length - from < sizeof(prefix) || length - from - strlen(prefix) >= sizeof(number) ||
        strncmp(folder + from, prefix, strlen(prefix)) != 0)
        return -1;
    from += strlen(prefix);
    memcpy(number, folder + from, length - from);
    number[length - from] = '\0';
    if (strspn(number, "0123456789") != length - from || text_to_int(number, &round) < 0)
        return -1;
    return round;
}

int round_files(const char *folder, struct arena *arena, const char ***paths, int *count, struct error *err)
{
    size_t length = strlen(folder), names_count;
    char **names;

    *count = 0;
    if (folder_list(folder, arena, &names, &names_count, err) < 0)
        return -1;
    *paths = arena_array(arena, names_count + 1, sizeof(**paths));
    if (*paths == NULL)
        return error_memory(err);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    for (size_t i = 0; i < names_count; i++) {
        if (!text_matches("*.update", names[i]))
            continue;
        (*paths)[*count] = arena_printf(arena, "%.*s/%s", (int)length, folder, names[i]);
        if ((*paths)[(*count)++] == NULL)
            return error_memory(err);
    }
    return 0;
}

int round_lock(const char *folder, int *lock, struct error *err)
{
    int rc;

    *lock = sys_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (*lock < 0)
        return error_errno(err, ERROR_IO, "%s", folder);
    while ((rc = flock(*lock, LOCK_EX | LOCK_NB)) < 0 && errno == EINTR)
        continue;
    if (rc == 0)
        return 0;
    if (errno == EWOULDBLOCK) {
        error_set(err, ERROR_IO, "%s: another run is at this round", folder);
        error_hint(err, "it ends at its --until at the latest");
    } else {
        error_errno(err, ERROR_IO, "%s: lock", folder);
    }
    sys_close(*lock);
    return -1;
}

void round_unlock(int lock)
{
    sys_close(lock);
}

/* What of the folder can be seen without reading updates: another one when a file came, grew or was replaced. */
static int look_outside(const char *const *paths, int count, struct digest *seen, struct error *err)
{
    struct text text = { 0 };
    int rc;

    for (int i = 0; i < count; i++) {
        struct stat st = { 0 };

        if (stat(paths[i], &st) == 0)
            text_printf(&text, "%s %lld %lld %lld.%09ld\n", paths[i], (long long)st.st_ino, (long long)st.st_size,
                        (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    }
    rc = text_check(&text, err);
    if (rc == 0)
        *seen = digest_of(text.chars, text.length);
    text_free(&text);
    return rc;
}

static int note_missing(const struct round_status *status, const struct job *job, struct error *err)
{
    struct text text = { 0 };
    int rc;

    for (int i = 0; i < status->count; i++)
        if (status->row[i].state != ROUND_HERE && status->row[i].site != NULL)
            text_printf(&text, "%s%s%s", text.length > 0 ? ", " : "", status->row[i].site,
                        status->row[i].state == ROUND_REFUSED ? " (refused)" : "");
    rc = text_check(&text, err);
    if (rc == 0 && text.length > 0)
        job_note(job, "the time is over without %s", text.chars);
    text_free(&text);
    return rc;
}

static void rest(double seconds)
{
    const double pause = fmin(seconds, 1);
    const struct timespec time = { .tv_sec = (time_t)pause, .tv_nsec = (long)((pause - floor(pause)) * 1e9) };

    nanosleep(&time, NULL); /* ended early by a signal, it is looked once more */
}

/* 1: all that are enrolled are there and good; 0: not yet. */
static int is_complete(struct model *base, const char *folder, const struct merge_options *options, bool over,
                       struct digest *seen, const struct job *job, struct error *err)
{
    struct arena arena = { 0 };
    struct round_status status = { 0 };
    struct digest before = *seen;
    const char **paths;
    int count, rc = round_files(folder, &arena, &paths, &count, err);

    if (rc == 0)
        rc = look_outside(paths, count, seen, err);
    if (rc == 0)
        job_step(job, "updates", (uint64_t)count, (uint64_t)options->keys->count);
    if (rc == 0 && (over || (count >= options->keys->count && !digest_equal(seen, &before)))) {
        rc = round_look(base, paths, count, options, job, &arena, &status, err);
        if (rc == 0 && over)
            rc = note_missing(&status, job, err);
        if (rc == 0)
            rc = status.missing == 0 && status.here == options->keys->count;
    }
    arena_free(&arena);
    return rc;
}

int round_wait(struct model *base, const char *folder, const struct merge_options *options,
               const struct deadline *until, const struct job *job, struct error *err)
{
    struct merge_options cheap = *options;
    struct digest seen = { { 0 } };
    bool told = false;

    cheap.judge = NULL;
    for (;;) {
        const struct moment now = moment_now();
        const double left = deadline_left(until, &now);
        const int rc = is_complete(base, folder, &cheap, left <= 0, &seen, job, err);
        char text[96];

        if (rc != 0 || left <= 0)
            return rc < 0 ? -1 : 0;
        if (!told)
            job_note(job, "waits for %d sites %s", options->keys->count, deadline_text(until, &now, text));
        told = true;
        rest(left);
    }
}
