/* terminal.c - what is known about the terminal, and errors and progress on it. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/internal.h"

enum { COLUMNS_UNKNOWN = 80, BAR = 24 };

/* No bar before this, so that short work stays silent; then not more often than this. */
static const double FIRST_SECONDS = 0.5, EVERY_SECONDS = 0.1;

int terminal_columns(void)
{
    const char *said = getenv("COLUMNS");
    struct winsize size;
    int64_t columns;

    if (said && text_to_int(said, &columns) == 0 && columns > 0 && columns < 10000)
        return (int)columns;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
            return size.ws_col;
    return COLUMNS_UNKNOWN;
}

/* A terminal that can move its cursor. */
static bool is_able(int fd)
{
    const char *term = getenv("TERM");

    return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool terminal_color(int fd)
{
    const char *no = getenv("NO_COLOR");

    return !(no && *no) && is_able(fd);
}

/* ---- errors ---- */

static void add_line(struct text *out, const char *before, const char *words)
{
    text_add(out, before);
    text_add_visible(out, words, strlen(words));
    text_add(out, "\n");
}

int error_print(const char *command, const struct error *err)
{
    struct text out = { 0 };

    text_add(&out, "coedge");
    text_add(&out, command && *command ? " " : "");
    if (command)
        text_add_visible(&out, command, strlen(command));
    add_line(&out, ": ", err->message);
    if (*err->hint)
        add_line(&out, "hint: ", err->hint);
    fputs(out.failed || !out.chars ? "coedge: out of memory\n" : out.chars, stderr);
    text_free(&out);
    return err->kind == ERROR_NONE ? ERROR_INTERNAL : (int)err->kind;
}

/* ---- progress ---- */

struct bar {
    struct progress progress; /* first: a progress is cast to its bar */
    const char *command;
    bool quiet, able, shown;
    double began, drawn; /* seconds; 0: not yet */
};

static void wipe(struct bar *bar)
{
    if (bar->shown)
        fputs("\r\033[K", stderr);
    bar->shown = false;
}

static void draw(const struct bar *bar, const char *what, uint64_t done, uint64_t total, double now)
{
    struct text line = { 0 };
    int room = terminal_columns() - 1;

    text_add_visible(&line, what, strlen(what));
    if (total > 0) {
        double share = done < total ? (double)done / (double)total : 1;
        int full = (int)(share * BAR);

        text_printf(&line, " [%.*s%*s] %3d %%", full, "========================", BAR - full, "", (int)(share * 100));
        if (share > 0.01 && share < 1)
            text_printf(&line, ", %.0f s left", (now - bar->began) / share * (1 - share));
    } else {
        text_printf(&line, " %llu", (unsigned long long)done);
    }
    if (line.chars && room > 0)
        fprintf(stderr, "\r%.*s\033[K", room, line.chars);
    fflush(stderr);
    text_free(&line);
}

static void bar_step(struct progress *progress, const char *what, uint64_t done, uint64_t total)
{
    struct bar *bar = (struct bar *)progress;
    double now = clock_seconds();

    if (!bar->able || bar->quiet)
        return;
    if (bar->began == 0)
        bar->began = now;
    if (now - bar->began < FIRST_SECONDS || now - bar->drawn < EVERY_SECONDS)
        return;
    bar->drawn = now;
    bar->shown = true;
    draw(bar, what, done, total, now);
}

static void bar_note(struct progress *progress, const char *words)
{
    struct bar *bar = (struct bar *)progress;
    struct text line = { 0 };

    if (bar->quiet)
        return;
    wipe(bar);
    text_printf(&line, "coedge %s: ", bar->command);
    add_line(&line, "", words);
    if (line.chars && !line.failed)
        fputs(line.chars, stderr);
    text_free(&line);
}

struct progress *progress_terminal(struct arena *arena, const char *command, bool quiet)
{
    struct bar *bar = arena_alloc(arena, sizeof(*bar));

    if (!bar)
        return NULL;
    bar->progress = (struct progress){ .step = bar_step, .note = bar_note };
    bar->command = command;
    bar->quiet = quiet;
    bar->able = is_able(STDERR_FILENO);
    return &bar->progress;
}

void progress_clear(struct progress *progress)
{
    if (progress)
        wipe((struct bar *)progress);
}
