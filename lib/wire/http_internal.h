/* http_internal.h - what a server keeps of itself, its connections and its exchanges. */
#ifndef WIRE_HTTP_INTERNAL_H
#define WIRE_HTTP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "wire/http.h"
#include "wire/microhttpd.h"

enum http_phase { HTTP_WAITING, HTTP_BODY, HTTP_HANDLED, HTTP_REPLYING };

/* In the server's list from its first byte to its last; all but `bytes` under the server's lock. */
struct http_connection {
    struct http_server *server;
    struct http_connection *next, **back;
    int fd;
    enum http_phase phase;
    double since;        /* when that began */
    atomic_size_t bytes; /* of the body so far, or of the reply */
};

struct http_exchange {
    struct http_server *server;
    struct MHD_Connection *mhd;
    struct http_connection *connection; /* NULL when there was no memory for it */
    struct http_request request;
    struct text body;
    size_t received, counted; /* bytes of the body; so many are in the server's sum */
    int refused;              /* status; 0: not */
    const char *why;
    bool answered;
    struct http_reply reply;
};

struct http_server {
    struct microhttpd mhd;
    struct http_limits limits;
    struct http_handler handler;
    struct listener *listener;
    struct MHD_Daemon **daemon; /* one a listener */
    int daemon_count;
    atomic_size_t bodies_bytes;
    atomic_bool draining;
    _Atomic int64_t status[HTTP_STATUS_LAST - HTTP_STATUS_FIRST + 1];
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool closing;
    struct http_connection *connections;
    int connection_count;
    int active;    /* exchanges between their header and the last byte of their reply */
    int suspended; /* of these, with the handler */
    double last;   /* when `active` became 0 */
    int64_t overdue;
};

/* ---- http_connection.c and http_reply.c ---- */

/* What libmicrohttpd tells of connections: the server's list follows. */
void http_on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                        enum MHD_ConnectionNotificationCode code);
/* From now on it does that, with so many bytes done or to do. NULL is fine. */
void http_phase_set(struct http_connection *connection, enum http_phase phase, size_t bytes);

/* The body is the response's then. */
enum MHD_Result http_send(struct http_server *server, struct MHD_Connection *connection, struct http_reply *reply);
enum MHD_Result http_send_refusal(struct http_exchange *exchange);

#endif
