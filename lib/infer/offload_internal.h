/* offload_internal.h - what asks others, and how it words a question. */
#ifndef INFER_OFFLOAD_INTERNAL_H
#define INFER_OFFLOAD_INTERNAL_H

#include "base/text.h"
#include "infer/offload.h"
#include "net/net.h"
#include "wire/oip.h"

enum { OFFLOAD_INPUTS = 64 };

struct server {
    const char *address; /* http://HOST/v2/models/NAME */
    struct net *net;
    struct arena arena;                         /* of what it said of itself the last time it was met */
    const char *input[OFFLOAD_INPUTS], *output; /* as its metadata name them */
    int input_count;                            /* 0: not asked yet */
    const char *identity;                       /* of its model; NULL: not told */
    int failures;                               /* in a row */
    double told_seconds;                        /* when it refused last: to leave it alone for so long; 0: not told */
    double again;                               /* when it may be asked again; 0: now */
    bool cleared;                               /* for the samples at hand */
};

struct offload {
    struct arena arena, answer; /* of the whole run; of the last answer */
    const struct model *model;
    const struct offload_options *options;
    struct runner *head; /* whose outputs leave; or NULL */
    struct digest head_identity;
    struct server server[OFFLOAD_SERVERS];
    int64_t seen;
    struct offload_counts counts;
};

/* The head is one, and what leaves it is computed. */
MUST_CHECK int head_begin(struct offload *offload, const struct job *job, struct error *err);
/* Names of inputs and output, where they are not known yet. ERROR_INPUT: not the tail of the head, or one without a head. */
MUST_CHECK int offload_meet(struct offload *offload, struct server *server, double seconds, struct error *err);
/* Another status than 200. ERROR_NETWORK; the server says for how long it wants to be left alone. */
int offload_refused(struct server *server, const struct net_answer *answer, struct error *err);
/* A request's body. */
MUST_CHECK int write_image(struct text *body, int64_t *header_length, const struct offload *offload,
                           const struct server *server, const struct item *encoded, struct error *err);
MUST_CHECK int write_features(struct text *body, int64_t *header_length, const struct offload *offload,
                              const struct server *server, struct error *err);

#endif
