/*
 * streaming.h - what the files of a stream of samples share: the stream, one
 * sample's reply, and the crew that answers many samples at once.
 */
#ifndef INFER_STREAMING_H
#define INFER_STREAMING_H

#include "base/text.h"
#include "infer/infer.h"
#include "infer/offload.h"
#include "infer/seen.h"
#include "stream/stream.h"

struct streaming {
    const struct model *model;
    const struct infer_options *options;
    const struct infer_sink *sink;
    const struct job *job;
    struct infer_counts *counts;
    const struct source *source; /* of the sample at hand */
    const char *place;           /* what to call that source */
    struct camera *camera;       /* that it is from, when it is live; or NULL */
    struct runner *runner;
    struct offload *offload; /* for the source at hand; or NULL. Samples are then answered one by one, too */
    bool stays;              /* what the source at hand has does not leave */
    struct seen *seen;       /* answers there were, or NULL; samples are then answered one by one */
    struct tar_writer *tar;  /* activations out, or NULL */
    struct digest identity;  /* of this part, when it writes activations */
    bool has_level;          /* of the activations: written before the first sample */
    enum privacy level;
};

/* What was found out about one sample. */
struct reply {
    struct text line; /* JSON of an answer */
    bool with_truth, right, hard;
    const char *teacher; /* what somebody else said that it is, until the next sample; or NULL */
    struct error err;    /* kind ERROR_NONE: there is an answer */
};

/* Loads, runs and words one sample; changes nothing of `s`, so that many can be made at once. reply begins as zeros. */
void reply_make(struct reply *reply, const struct streaming *s, struct runner *runner, const struct item *item);
/* Counts it and sends the line out, or that of the failure when the stream goes on. -1: the stream ends here. */
MUST_CHECK int reply_send(struct reply *reply, struct streaming *s, const struct item *item, struct error *err);
void reply_free(struct reply *reply);

/*
 * crew_answer - the rest of a source, each sample on one thread of the job's pool while the next ones are read.
 * Replies leave in order, each as soon as those before it have left. 0 at the end of the source, 1 when the job stops before it.
 */
MUST_CHECK int crew_answer(struct streaming *s, struct source *source, struct error *err);

#endif
