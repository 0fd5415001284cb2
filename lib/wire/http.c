/*
 * http.c - requests from libmicrohttpd to a handler, and replies back.
 *
 * While a handler has a request its connection is suspended: no thread waits for
 * it, and it has no time-out. All else has one: libmicrohttpd's for connections
 * without a byte, http_tick()'s for those that drip.
 */
#include "wire/http.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "wire/http_internal.h"
#include "wire/microhttpd.h"
#include "wire/oip.h"

/* ---- requests ---- */

static void refuse(struct http_exchange *exchange, int status, const char *why)
{
    exchange->refused = status;
    exchange->why = why;
}

static const char *header(const struct http_exchange *exchange, const char *name)
{
    return exchange->server->mhd.lookup(exchange->mhd, MHD_HEADER_KIND, name);
}

static void drop_body(struct http_exchange *exchange)
{
    atomic_fetch_sub(&exchange->server->bodies_bytes, exchange->counted);
    exchange->counted = 0;
    text_free(&exchange->body);
    exchange->body = (struct text){ 0 };
}

/*
 * The header is there. What is refused now is read to its end and thrown away before the answer, for a client that
 * still sends might not see it; unless it waits for leave to send, or has far too much.
 */
static enum MHD_Result begin(struct http_exchange *exchange)
{
    const size_t most = exchange->server->limits.body_bytes;
    const char *length = header(exchange, "Content-Length"), *coding = header(exchange, "Content-Encoding");
    int64_t bytes = 0;

    if (length != NULL && (text_to_int(length, &bytes) < 0 || (uint64_t)bytes > most)) {
        refuse(exchange, 413, "the body is larger than this server takes");
        if (header(exchange, "Expect") != NULL || (uint64_t)bytes > 2 * most)
            return http_send_refusal(exchange);
    } else if (coding != NULL && strcasecmp(coding, "identity") != 0) {
        refuse(exchange, 415, "Content-Encoding: expected identity");
    }
    http_phase_set(exchange->connection, HTTP_BODY, 0);
    return MHD_YES;
}

static enum MHD_Result more(struct http_exchange *exchange, const char *data, size_t count)
{
    struct http_server *server = exchange->server;

    exchange->received += count;
    if (exchange->received > 2 * server->limits.body_bytes)
        return MHD_NO; /* without an end in sight */
    if (exchange->connection != NULL)
        atomic_store_explicit(&exchange->connection->bytes, exchange->received, memory_order_relaxed);
    if (exchange->refused == 0 && exchange->received > server->limits.body_bytes)
        refuse(exchange, 413, "the body is larger than this server takes");
    if (exchange->refused == 0) {
        exchange->counted += count;
        if (atomic_fetch_add(&server->bodies_bytes, count) + count > server->limits.bodies_bytes)
            refuse(exchange, 503, "too many large requests at a time");
        text_add_bytes(&exchange->body, data, count);
        if (exchange->body.failed)
            refuse(exchange, 503, "out of memory");
    }
    if (exchange->refused != 0)
        drop_body(exchange);
    return MHD_YES;
}

/* A connection that sleeps has to be woken before the server ends: none goes to sleep after that began. */
static bool may_suspend(struct http_server *server)
{
    bool may;

    pthread_mutex_lock(&server->lock);
    may = !server->closing;
    server->suspended += may;
    pthread_mutex_unlock(&server->lock);
    return may;
}

/* Whole: to the handler, while the connection sleeps. */
static enum MHD_Result hand_over(struct http_exchange *exchange)
{
    struct http_server *server = exchange->server;

    if (exchange->refused == 0 && !may_suspend(server))
        refuse(exchange, 503, "the server is going away");
    if (exchange->refused != 0) {
        http_phase_set(exchange->connection, HTTP_REPLYING, 0);
        return http_send_refusal(exchange);
    }
    exchange->request.header_length = header(exchange, OIP_HEADER_LENGTH);
    exchange->request.body = exchange->body.chars ? exchange->body.chars : "";
    exchange->request.body_bytes = exchange->body.length;
    http_phase_set(exchange->connection, HTTP_HANDLED, 0);
    server->mhd.suspend(exchange->mhd);
    server->handler.handle(server->handler.context, exchange);
    return MHD_YES;
}

static struct http_exchange *exchange_new(struct http_server *server, struct MHD_Connection *mhd, const char *path,
                                          const char *method)
{
    struct http_exchange *exchange = calloc(1, sizeof(*exchange));

    if (exchange == NULL)
        return NULL;
    exchange->server = server;
    exchange->mhd = mhd;
    exchange->connection = server->mhd.info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    exchange->request.method = method; /* both live as long as the request */
    exchange->request.path = path;
    pthread_mutex_lock(&server->lock);
    server->active++;
    pthread_mutex_unlock(&server->lock);
    return exchange;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *mhd, const char *path, const char *method,
                                  const char *version, const char *data, size_t *data_bytes, void **request)
{
    struct http_exchange *exchange = *request;
    size_t count = *data_bytes;

    (void)version;
    if (exchange == NULL) {
        *request = exchange = exchange_new(context, mhd, path, method);
        return exchange == NULL ? MHD_NO : begin(exchange);
    }
    if (exchange->answered) {
        http_phase_set(exchange->connection, HTTP_REPLYING, exchange->reply.body.length);
        return http_send(exchange->server, mhd, &exchange->reply);
    }
    if (count == 0)
        return hand_over(exchange);
    *data_bytes = 0;
    return more(exchange, data, count);
}

static void on_end(void *context, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode code)
{
    struct http_server *server = context;
    struct http_exchange *exchange = *request;

    (void)mhd;
    (void)code;
    if (exchange == NULL)
        return;
    drop_body(exchange);
    text_free(&exchange->reply.body); /* of a client that did not wait for it */
    http_phase_set(exchange->connection, HTTP_WAITING, 0);
    free(exchange);
    *request = NULL;
    pthread_mutex_lock(&server->lock);
    server->active--;
    server->last = clock_seconds();
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

const struct http_request *http_request(const struct http_exchange *exchange)
{
    return &exchange->request;
}

void http_answer(struct http_exchange *exchange, struct http_reply *reply)
{
    struct http_server *server = exchange->server;

    drop_body(exchange);
    exchange->reply = *reply;
    exchange->answered = true;
    *reply = (struct http_reply){ 0 };
    server->mhd.resume(exchange->mhd); /* from here on it may be gone */
    pthread_mutex_lock(&server->lock);
    server->suspended--;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

/* ---- beginning and end ---- */

static void server_free(struct http_server *server)
{
    for (int i = 0; server->daemon != NULL && i < server->daemon_count; i++)
        server->mhd.stop(server->daemon[i]);
    microhttpd_close(&server->mhd);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server->daemon);
    free(server);
}

static int start_one(struct http_server *server, const struct listener *listener, struct error *err)
{
    const struct http_limits *limits = &server->limits;
    struct MHD_Daemon *daemon;

    daemon = server->mhd.start(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request,
                               server, MHD_OPTION_LISTEN_SOCKET, listener->fd, MHD_OPTION_CONNECTION_LIMIT,
                               (unsigned)limits->connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)limits->idle_s,
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits->header_bytes, MHD_OPTION_NOTIFY_COMPLETED,
                               on_end, server, MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, server,
                               MHD_OPTION_END);
    if (daemon == NULL)
        return error_errno(err, ERROR_IO, "%s: cannot listen", listener->name);
    server->daemon[server->daemon_count++] = daemon;
    return 0;
}

struct http_server *http_start(struct listener *listeners, int count, const struct http_limits *limits,
                               const struct http_handler *handler, struct error *err)
{
    struct http_server *server = calloc(1, sizeof(*server));
    pthread_condattr_t monotonic;

    if (server == NULL) {
        error_memory(err);
        return NULL;
    }
    server->limits = *limits;
    server->last = clock_seconds();
    server->handler = *handler;
    server->listener = listeners;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    server->daemon = calloc((size_t)count + 1, sizeof(*server->daemon));
    if (server->daemon == NULL)
        error_memory(err);
    else if (microhttpd_open(&server->mhd, err) == 0) {
        for (int i = 0; i < count; i++) {
            if (start_one(server, &listeners[i], err) == 0)
                continue;
            http_stop(server, 0);
            return NULL;
        }
        return server;
    }
    server_free(server);
    return NULL;
}

double http_idle_seconds(struct http_server *server)
{
    double seconds;

    pthread_mutex_lock(&server->lock);
    seconds = server->active > 0 ? 0 : clock_seconds() - server->last;
    pthread_mutex_unlock(&server->lock);
    return seconds;
}

static void wait_until(struct http_server *server, const int *zero, const struct timespec *until)
{
    pthread_mutex_lock(&server->lock);
    while (*zero > 0) {
        if (until == NULL)
            pthread_cond_wait(&server->changed, &server->lock);
        else if (pthread_cond_timedwait(&server->changed, &server->lock, until) == ETIMEDOUT)
            break;
    }
    pthread_mutex_unlock(&server->lock);
}

void http_stop(struct http_server *server, int seconds)
{
    struct timespec until;

    atomic_store(&server->draining, true);
    for (int i = 0; i < server->daemon_count; i++) {
        (void)server->mhd.quiesce(server->daemon[i]);
        listener_shut(&server->listener[i]);
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    wait_until(server, &server->active, &until);
    pthread_mutex_lock(&server->lock);
    server->closing = true; /* what comes in on a connection that is kept is refused */
    pthread_mutex_unlock(&server->lock);
    wait_until(server, &server->suspended, NULL);
    server_free(server);
}

void http_count(struct http_server *server, struct http_counts *counts)
{
    for (size_t i = 0; i < COUNT(counts->status); i++)
        counts->status[i] = atomic_load_explicit(&server->status[i], memory_order_relaxed);
    pthread_mutex_lock(&server->lock);
    counts->connections = server->connection_count;
    counts->overdue = server->overdue;
    pthread_mutex_unlock(&server->lock);
}
