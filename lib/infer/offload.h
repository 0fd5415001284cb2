/*
 * offload.h - hard samples answered by a larger model elsewhere, within a deadline: the local answer stands when the server is
 * late, wrong, lying or gone.
 *
 * The server speaks the Open Inference Protocol with the classification extension and takes encoded images as BYTES, as
 * `coedge serve` does; or, with a head, it has the tail of that head and takes the features. A server may change its
 * model between two questions: with features, an answer of another tail than the one that was met is none. After FAILURES
 * failures in a row a server is left alone for a while, then asked once more: an answer counts from the beginning, a failure
 * is the next while. Who refuses with Retry-After is left alone for so long at once.
 *
 * Source: the circuit breaker of Nygard, "Release It!", 2007; wire/oip.h for the protocol.
 */
#ifndef INFER_OFFLOAD_H
#define INFER_OFFLOAD_H

#include "infer/infer.h"

enum { OFFLOAD_FAILURES = 5, OFFLOAD_SERVERS = 8, OFFLOAD_ALONE_SECONDS = 30 };

/* A class that the server knows and the model does not has index -1. */
struct offload_class {
    const char *label; /* valid until the next question */
    int class_index;
    float score;
};
struct offload_answer {
    struct offload_class top[ANSWER_TOP]; /* falling */
    int count;
    const char *identity; /* of the model that answered, when it said so */
};

/* The servers are asked what they have; who does not answer may later. Errors: ERROR_USAGE for addresses and heads that are
 * none; ERROR_TRUST for a head that lets pictures through; those of net_open(). */
MUST_CHECK struct offload *offload_new(const struct offload_options *options, const struct model *model,
                                       const struct job *job, struct error *err);
void offload_free(struct offload *offload); /* NULL is fine */
/* The level of the samples that come next: some server may be asked about them. */
bool offload_clear(struct offload *offload, enum privacy level);
/*
 * offload_may - whether another sample may leave: of those seen so far, the share is not used up; and some server is not
 * left alone. Counts the sample as seen, whether or not it is hard.
 */
bool offload_may(struct offload *offload, bool hard);
/* true: answered. What went wrong is in *why (may be NULL). */
bool offload_ask(struct offload *offload, const struct item *item, struct offload_answer *answer, struct error *why);
/* What happened so far, for a note at the end. */
struct offload_counts {
    int64_t asked, answered, alone;
    uint64_t bytes; /* of questions */
};
struct offload_counts offload_counts(const struct offload *offload);

/*
 * offload_parse - a response's classes: "SCORE:INDEX:LABEL" each, falling, adding up to at most 1. Labels are the arena's.
 * Errors: ERROR_INPUT.
 */
MUST_CHECK int offload_parse(struct offload_answer *answer, struct arena *arena, const struct model *model,
                             const void *body, size_t count, int64_t header_length, struct error *err);

#endif
