/* camera.c - see camera.h. */
#include "infer/camera.h"

#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "net/net.h"

enum { POLL_MS = 100, PROGRESS_PICTURES = 10 };

static const double first_wait_seconds = 0.25, longest_wait_seconds = 30, usual_progress_seconds = 10;

struct camera {
    struct feed feed;
    struct tap tap;
    struct arena arena;
    struct camera_options options;
    const char *address; /* NULL: standard input */
    const char *shown;
    struct net_flow *flow;
    struct source *source; /* of this connection; or NULL */
    double begun;          /* of this connection */
    int pictures;          /* that it brought */
    int64_t frame;
    char key[32];
    int failures;         /* in a row */
    pthread_mutex_t lock; /* of what follows */
    bool has_remark;
    struct error remark;
};

/* ---- bytes ---- */

static int64_t read_flow(struct tap *tap, void *bytes, size_t count, struct error *err)
{
    struct camera *camera = (struct camera *)((char *)tap - offsetof(struct camera, tap));

    return net_flow_read(camera->flow, bytes, count, err);
}

static int64_t read_stdin(struct tap *tap, void *bytes, size_t count, struct error *err)
{
    struct camera *camera = (struct camera *)((char *)tap - offsetof(struct camera, tap));
    struct pollfd one = { .fd = STDIN_FILENO, .events = POLLIN };
    ssize_t got;

    while (poll(&one, 1, POLL_MS) <= 0)
        if (atomic_load(&camera->feed.over))
            return error_set(err, ERROR_IO, "ended from here");
    got = sys_read(STDIN_FILENO, bytes, count);
    return got < 0 ? error_errno(err, ERROR_IO, "cannot read") : (int64_t)got;
}

/* ---- one connection after the other ---- */

static void disconnect(struct camera *camera)
{
    source_close(camera->source);
    net_flow_close(camera->flow);
    camera->source = NULL;
    camera->flow = NULL;
    camera->pictures = 0;
}

/* The next picture of this connection, which is begun where there is none. */
static int next_here(struct camera *camera, struct item *item, struct error *err)
{
    if (camera->flow == NULL && camera->address != NULL) {
        camera->flow = net_flow_open(camera->address, &camera->feed.over, err);
        if (camera->flow == NULL)
            return -1;
    }
    if (camera->flow != NULL)
        net_flow_until(camera->flow, clock_seconds() + camera->options.stall_seconds);
    if (camera->source == NULL) {
        camera->begun = clock_seconds();
        camera->source = source_open_tap(&camera->tap, err);
    }
    return camera->source != NULL ? source_next(camera->source, item, err) : -1;
}

/* After an end or an error: whether to connect again. */
static bool may_try_again(const struct camera *camera, const struct error *why)
{
    const enum net_flow_state state = camera->flow != NULL ? net_flow_state(camera->flow) : NET_ENDED;

    if (state == NET_ENDED || why->kind == ERROR_TRUST || camera->failures > camera->options.retries)
        return false;
    return camera->frame > 0 || state == NET_BROKE;
}

static void remark(struct camera *camera, const struct error *why)
{
    pthread_mutex_lock(&camera->lock);
    camera->remark = *why;
    camera->has_remark = true;
    pthread_mutex_unlock(&camera->lock);
}

/* Doubled from try to try; longer where the camera says so. */
static void wait_before_try(const struct camera *camera, double told_seconds)
{
    const int doubled = camera->failures < 8 ? camera->failures - 1 : 7;
    const double wait = fmin(first_wait_seconds * (double)(1 << doubled), longest_wait_seconds);
    const double end = clock_seconds() + fmax(wait, told_seconds);
    const struct timespec while_ago = { 0, POLL_MS * 1000000L };

    while (clock_seconds() < end && !atomic_load(&camera->feed.over))
        nanosleep(&while_ago, NULL);
}

static void count_picture(struct camera *camera)
{
    const double told = camera->options.progress_seconds, enough = told > 0 ? told : usual_progress_seconds;

    camera->pictures += camera->pictures < PROGRESS_PICTURES;
    if (camera->pictures == PROGRESS_PICTURES || clock_seconds() - camera->begun >= enough)
        camera->failures = 0;
}

/* What was wrong last, and that it was so before. */
static int give_up(const struct camera *camera, const struct error *why, struct error *err)
{
    if (err == NULL)
        return -1;
    *err = *why;
    if (camera->failures > 1 && camera->failures > camera->options.retries && err->hint[0] == '\0')
        error_hint(err, "%d tries in a row brought fewer than %d pictures; --retries N asks more often",
                   camera->failures, PROGRESS_PICTURES);
    return error_in(err, "%s", camera->shown);
}

static int next(struct feed *feed, struct item *item, struct error *err)
{
    struct camera *camera = (struct camera *)((char *)feed - offsetof(struct camera, feed));
    struct error why = { 0 };
    double told_seconds;
    int rc = 0;

    while (!atomic_load(&feed->over)) {
        rc = next_here(camera, item, &why);
        if (rc == 1) {
            snprintf(camera->key, sizeof(camera->key), "frame-%06" PRId64, camera->frame++);
            item->key = camera->key;
            count_picture(camera);
            return 1;
        }
        if (rc == 0 && (camera->flow == NULL || net_flow_state(camera->flow) != NET_BROKE))
            break;
        if (rc == 0)
            error_set(&why, ERROR_NETWORK, "the connection ended");
        camera->failures++;
        rc = -1;
        if (!may_try_again(camera, &why))
            break;
        told_seconds = camera->flow != NULL ? net_flow_wait(camera->flow) : 0;
        disconnect(camera);
        remark(camera, &why);
        wait_before_try(camera, told_seconds);
    }
    disconnect(camera);
    return rc < 0 ? give_up(camera, &why, err) : 0;
}

/* ---- from outside ---- */

struct camera *camera_open(const char *address, const struct camera_options *options, struct error *err)
{
    struct camera *camera = sys_alloc(sizeof(*camera));

    if (camera == NULL) {
        error_memory(err);
        return NULL;
    }
    pthread_mutex_init(&camera->lock, NULL);
    camera->options = *options;
    camera->feed.next = next;
    camera->tap.read = read_stdin;
    camera->shown = "standard input";
    if (strcmp(address, "-") == 0)
        return camera;
    camera->tap.read = read_flow;
    camera->address = arena_strdup(&camera->arena, address);
    camera->shown = net_address_shown(&camera->arena, address);
    if (camera->address == NULL || camera->shown == NULL)
        error_memory(err);
    else
        camera->flow = net_flow_open(camera->address, &camera->feed.over, err);
    if (camera->flow != NULL)
        return camera;
    camera_close(camera);
    return NULL;
}

void camera_close(struct camera *camera)
{
    if (camera == NULL)
        return;
    disconnect(camera);
    pthread_mutex_destroy(&camera->lock);
    arena_free(&camera->arena);
    free(camera);
}

struct feed *camera_feed(struct camera *camera)
{
    return &camera->feed;
}

const char *camera_shown(const struct camera *camera)
{
    return camera->shown;
}

bool camera_remark(struct camera *camera, struct error *why)
{
    bool has;

    pthread_mutex_lock(&camera->lock);
    has = camera->has_remark;
    *why = camera->remark;
    camera->has_remark = false;
    pthread_mutex_unlock(&camera->lock);
    return has;
}
