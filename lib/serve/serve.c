/* serve.c - a server from beginning to end. */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "serve/internal.h"

struct serve *serve_new(const struct serve_options *options, struct error *err)
{
    struct serve *serve = calloc(1, sizeof(*serve));
    pthread_condattr_t monotonic;

    if (serve == NULL) {
        error_memory(err);
        return NULL;
    }
    serve->options = options;
    serve->began = clock_seconds();
    serve->unread.last = &serve->unread.first;
    serve->read.last = &serve->read.first;
    pthread_mutex_init(&serve->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&serve->waiting, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (entries_load(serve, err) == 0)
        return serve;
    serve_stop(serve);
    return NULL;
}

int serve_start(struct serve *serve, struct listener *listeners, int count, struct error *err)
{
    const struct http_handler handler = { .handle = route_request, .context = serve };

    if (workers_start(serve, err) < 0)
        return -1;
    serve->http = http_start(listeners, count, &serve->options->limits, &handler, err);
    return serve->http == NULL ? -1 : 0;
}

void serve_tick(struct serve *serve)
{
    http_tick(serve->http);
    entries_tick(serve);
}

double serve_idle_seconds(struct serve *serve)
{
    return http_idle_seconds(serve->http);
}

void serve_stop(struct serve *serve)
{
    if (serve == NULL)
        return;
    if (serve->http != NULL)
        http_stop(serve->http, serve->options->drain_s); /* workers go on until all is answered */
    workers_stop(serve);
    entries_free(serve);
    pthread_cond_destroy(&serve->waiting);
    pthread_mutex_destroy(&serve->lock);
    arena_free(&serve->arena);
    free(serve);
}
