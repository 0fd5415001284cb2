/*
 * net.h - files from web servers: GET over HTTP and HTTPS with limits, time-outs, retries and ranges.
 *
 * libcurl is opened when the first address is asked for, so that a program that asks for none starts without it.
 * An http:// address may lead to https:// by redirection, never the other way round, and neither to anything else.
 * Nothing is decompressed: what is sent is what is counted. Certificates are those of the system, or of the file that
 * SSL_CERT_FILE names.
 *
 * Source: RFC 9110 (HTTP Semantics; section 14: ranges, 10.2.3: Retry-After); libcurl's easy interface.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/job.h"
#include "base/text.h"

/* http://... or https://... */
bool net_is_address(const char *text);
/*
 * net_check_address - a host, and neither a password nor a query, a fragment, a blank or a control character.
 * Errors: ERROR_USAGE.
 */
MUST_CHECK int net_check_address(const char *address, struct error *err);
/* The address without what follows '?': there may be a key in it that no message should repeat. In the arena; NULL. */
const char *net_address_shown(struct arena *arena, const char *address);

enum { NET_LONGEST_TOLD = 300 }; /* seconds: a server may not put its clients off for longer */

struct net_limits {
    int retries;    /* in a row that brought nothing new */
    double seconds; /* for one file, waiting included */
};

struct net; /* one server's connection, kept open from file to file */

/* Errors: ERROR_IO when libcurl is not on this system, with its package's name. */
MUST_CHECK struct net *net_open(const struct net_limits *limits, const struct job *job, struct error *err);
void net_close(struct net *net); /* NULL is fine */

/* Where a file's bytes go. */
struct net_sink {
    uint64_t have; /* bytes that are there: what follows them is asked for */
    /* Adds the bytes; have grows. */
    int (*write)(struct net_sink *sink, const void *bytes, size_t count, struct error *err);
    /* Drops what is there, for it comes again from the beginning; have is 0. */
    int (*restart)(struct net_sink *sink, struct error *err);
};

/*
 * net_get - the file at an address into the sink, from sink->have on.
 *
 *   most   bytes of the whole file; no more than these are taken
 *   exact  and no fewer: a shorter answer is a link that was cut
 *
 * What failed and is worth it is tried again, from where it ended. Whatever the error, what the sink has may be
 * kept for another time.
 * Errors, the address in front: ERROR_NETWORK; ERROR_ANSWER when there is no such file (404, 410); ERROR_TRUST for
 * what is longer than `exact` allows, a certificate that does not hold, or a redirection that is not followed;
 * ERROR_LIMIT for what is longer than `most`; what the sink said.
 */
MUST_CHECK int net_get(struct net *net, const char *address, uint64_t most, bool exact, struct net_sink *sink,
                       struct error *err);

/* ---- a body that may have no end ---- */
struct net_flow;
/*
 * net_flow_open - what a GET of the address brings, to be read as it comes; nothing is asked yet. A camera's address may
 * have a query; a name and password for it are taken from ~/.netrc.
 *   over  when it is set, a read soon ends with an error
 * Errors: ERROR_USAGE, those of net_open().
 */
MUST_CHECK struct net_flow *net_flow_open(const char *address, const atomic_bool *over, struct error *err);
/* What is read must have come by then, on clock_seconds(). */
void net_flow_until(struct net_flow *flow, double until);
/* Up to `count` bytes; 0 at the end; -1. Errors as net_get(), without the address. */
MUST_CHECK int64_t net_flow_read(struct net_flow *flow, void *bytes, size_t count, struct error *err);
enum net_flow_state {
    NET_FLOWS,
    NET_ENDED,    /* whole: the server had said where */
    NET_BROKE,    /* an end that nobody announced, an error that is worth another try */
    NET_HOPELESS, /* an error that is not */
};
enum net_flow_state net_flow_state(const struct net_flow *flow);
/* How long a server that refused wants to be left alone (Retry-After in seconds, at most NET_LONGEST_TOLD); 0: not told. */
double net_flow_wait(const struct net_flow *flow);
void net_flow_close(struct net_flow *flow); /* NULL is fine */

/* ---- one question, one answer ---- */

/* Where a question goes: http(s)://HOST[:PORT]/PATH, or unix:SOCKET followed by the path from "/v2/" on. */
struct net_question {
    const char *address;
    const char *const *header; /* "Name: value", NULL-terminated; or NULL */
    const void *body;          /* NULL: GET, else POST */
    size_t count;
    double seconds;   /* for all of it */
    size_t most;      /* bytes of the answer */
    const char *tell; /* a header of the answer that is wanted; or NULL */
};
struct net_answer {
    int status;
    struct text body;
    char told[64];       /* of the header; "" when it is not there */
    double wait_seconds; /* Retry-After, at most NET_LONGEST_TOLD; 0: not told */
};
/*
 * net_ask - asked once: who has a deadline has no time to try again. Redirections are not followed. What is in
 * answer->body is the caller's, text_free(). Errors, the address in front: ERROR_NETWORK for all that the link or the
 * server may be blamed for, ERROR_TRUST for a certificate that does not hold; a status is no error.
 */
MUST_CHECK int net_ask(struct net *net, const struct net_question *question, struct net_answer *answer,
                       struct error *err);

#endif
