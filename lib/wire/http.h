/*
 * http.h - an HTTP/1.1 server that bounds what its clients may cost: header,
 * body, bodies of all together, connections, and time. Requests reach a handler
 * whole and are answered once, from any thread, now or later.
 *
 * libmicrohttpd does the protocol; it is opened when a server begins, so that no
 * other command needs it.
 *
 * Source: RFC 9110 and 9112; sd_listen_fds(3) for sockets that systemd hands over.
 */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include "base/arena.h"
#include "base/text.h"

/* ---- where to listen ---- */
struct listener {
    int fd;
    const char *name; /* "http://127.0.0.1:8080" or "unix:PATH", with the port that it got */
    const char *path; /* of a Unix socket made here, until it is removed; or NULL */
    bool inherited;   /* another process listens there when this one ends */
};
/*
 * listener_open - "ADDR:PORT" (also "[::1]:8080"), ":PORT" (every address), or "unix:PATH". Port 0: any that is free.
 * A socket that nobody answers any more is replaced. Errors: ERROR_USAGE (no such form), ERROR_IO.
 */
MUST_CHECK int listener_open(struct listener *listener, const char *text, struct arena *arena, struct error *err);
/*
 * listeners_inherited - sockets that LISTEN_FDS and LISTEN_PID say this process was started with; *count 0: none.
 * ERROR_USAGE: one of them does not listen.
 */
MUST_CHECK int listeners_inherited(struct listener **listener, int *count, struct arena *arena, struct error *err);
/* Who connects from now on is refused; what waits to be accepted, too. Nothing is done to inherited ones. */
void listener_shut(struct listener *listener);
void listener_close(struct listener *listener);
/* Tells the service manager (NOTIFY_SOCKET), when there is one: "READY=1", "STOPPING=1". */
void service_notify(const char *state);

/* ---- requests ---- */
struct http_exchange;
struct http_request {
    const char *method, *path;
    const char *header_length; /* Inference-Header-Content-Length, or NULL */
    const char *body;          /* ends with NUL; of `body_bytes`, without it */
    size_t body_bytes;
};
struct http_reply {
    int status;
    const char *type;      /* of the body; NULL: application/json */
    struct text body;      /* taken over */
    int64_t header_length; /* of the body's JSON; negative: no such header */
    int retry_after_s;     /* 0: no such header */
    const char *allow;     /* methods; or NULL */
};

struct http_handler {
    /* Runs on a thread of the server: soon done. The exchange is answered once, here or later. */
    void (*handle)(void *context, struct http_exchange *exchange);
    void *context;
};
const struct http_request *http_request(const struct http_exchange *exchange);
/* Ends the exchange: neither it nor its request is there any more. */
void http_answer(struct http_exchange *exchange, struct http_reply *reply);

/* ---- the server ---- */
struct http_limits {
    size_t header_bytes, body_bytes;
    size_t bodies_bytes; /* of all requests at hand together */
    int connections;     /* for each listener */
    int idle_s;          /* without a byte, and then the connection is closed */
};
struct http_server;

/* The listeners stay the caller's, and must outlive it. ERROR_USAGE when libmicrohttpd is not installed. */
MUST_CHECK struct http_server *http_start(struct listener *listeners, int count, const struct http_limits *limits,
                                          const struct http_handler *handler, struct error *err);
/* To be called about once a second: closes connections of which a request or a reply takes too long. */
void http_tick(struct http_server *server);
/* Since the last request was at hand, or the start; 0 while one is. */
double http_idle_seconds(struct http_server *server);
/* No new connections; what is there is answered, for at most so many seconds, then the server is freed. Every exchange
 * that was handed out must be answered, or this never returns. */
void http_stop(struct http_server *server, int seconds);

enum { HTTP_STATUS_FIRST = 200, HTTP_STATUS_LAST = 599 };
struct http_counts {
    int64_t status[HTTP_STATUS_LAST - HTTP_STATUS_FIRST + 1]; /* replies by status */
    int64_t connections;                                      /* open now */
    int64_t overdue;                                          /* closed by http_tick() */
};
void http_count(struct http_server *server, struct http_counts *counts);

#endif
