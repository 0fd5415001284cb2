/* internal.h - the parts of a server: what it serves, who waits, who works. */
#ifndef SERVE_INTERNAL_H
#define SERVE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "infer/infer.h"
#include "serve/serve.h"
#include "wire/oip.h"

/* ---- models ---- */

/* One package in memory, with what it takes to run it. */
struct loaded {
    struct model model;
    char identity[65];      /* "sha256" of model_identity() in hex */
    struct runner **runner; /* [sizes, workers]: of 1, 2, 4 ... samples in one run */
    int sizes, workers, made;
    bool batched;                     /* the first axis of all inputs and outputs counts samples */
    bool images;                      /* encoded images may stand for the input */
    bool quantized_in, quantized_out; /* quantized inputs and outputs are bytes, for the neighbour of a part */
    bool proved;                      /* and its user knows that it does */
    void *user;                       /* of the one who loaded it */
    const struct serve_options *options;
    int64_t answered; /* samples, under the server's lock */
    int users;        /* under the server's lock: requests, and the entry it is current of */
};

enum { LATENCY_BUCKETS = 14 };
extern const double latency_bounds[LATENCY_BUCKETS]; /* seconds, rising */
enum outcome { OUTCOME_OK, OUTCOME_INPUT, OUTCOME_LIMIT, OUTCOME_FULL, OUTCOME_INTERNAL, OUTCOME_COUNT };

/* A name and a version under which models answer. Counters are under the server's lock. */
struct entry {
    const char *name, *version, *what;
    struct loaded *current;
    struct stat seen; /* of the file that was loaded, or refused, last */
    int64_t requests[OUTCOME_COUNT], latency[LATENCY_BUCKETS + 1], samples, swaps, refused_swaps;
    double latency_sum;
    int64_t runs;
};

/* ---- requests on their way ---- */

struct wanted {
    int index; /* of the graph's outputs */
    bool binary;
    int64_t classification;
    struct shape shape; /* of one sample's numbers, as they are sent */
    enum dtype dtype;
    size_t row_bytes;
    char *data; /* [rows, row_bytes]: numbers; probabilities where it is classified */
};

struct given {
    enum dtype dtype; /* as it was sent */
    size_t row_bytes;
    const char *data;            /* [rows, row_bytes]; NULL: images */
    const unsigned char **image; /* [rows] */
    size_t *image_bytes;         /* [rows] */
};

struct task {
    struct task *next; /* in a list */
    struct http_exchange *exchange;
    struct entry *entry;
    struct loaded *loaded;
    double arrived;
    struct arena arena;
    struct oip_request request;
    struct given *given;   /* [inputs of the graph] */
    struct wanted *wanted; /* [wanted_count] */
    int wanted_count;
    int64_t rows;
    /* Under the server's lock: */
    int64_t rows_begun, rows_done;
    struct error err; /* of the first sample that failed */
};

/* Tasks in the order in which they came. */
struct tasks {
    struct task *first, **last;
};

struct serve {
    const struct serve_options *options;
    struct arena arena;
    struct entry *entry;
    int entry_count;
    struct http_server *http;
    pthread_t *worker;
    struct worker *work;
    struct seat *seat; /* [workers, most_batch] */
    int worker_count;
    double began;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t waiting;
    struct tasks unread; /* requests as they came */
    struct tasks read;   /* with samples that wait to run */
    int queued;          /* tasks that wait or run */
    int idle;            /* workers with nothing to do */
    bool over;
};

/* A sample's place in a run. */
struct seat {
    struct task *task;
    int64_t row;
    bool failed; /* or not worth it, for another sample of the request has */
    struct error err;
};

struct worker {
    struct serve *serve;
    int index;
    struct seat *seat; /* [most_batch]: of its next run */
};

/* models.c */
MUST_CHECK int entries_load(struct serve *serve, struct error *err);
void entries_free(struct serve *serve);
void entries_tick(struct serve *serve);
struct entry *entry_find(struct serve *serve, const char *name, const char *version);
/* For runs of 1 << size samples. */
struct runner *loaded_runner(const struct loaded *loaded, int size, int worker);
/* The model that answers now: it stays until loaded_release(). */
struct loaded *entry_acquire(struct serve *serve, struct entry *entry);
void loaded_release(struct serve *serve, struct loaded *loaded);

/* queue.c */
MUST_CHECK int workers_start(struct serve *serve, struct error *err);
void workers_stop(struct serve *serve);
/* false: the queue is full, and the task is still the caller's. */
bool queue_put(struct serve *serve, struct task *task);
void task_free(struct serve *serve, struct task *task);
/* Seconds after which it is worth to ask again. */
int queue_patience(struct serve *serve);

/* answer.c: a request to rows, a row to answers, answers to a reply */
MUST_CHECK int task_prepare(struct task *task, struct error *err);
/* A row into the sample that the runner has selected, and what came of it. */
MUST_CHECK int task_load(struct task *task, struct runner *runner, int64_t row, struct error *err);
MUST_CHECK int task_keep(struct task *task, struct runner *runner, int64_t row, struct error *err);
void task_reply(struct task *task, struct http_reply *reply);
/* A reply of {"error": TEXT} by the kind of error. */
void error_reply(struct http_reply *reply, const struct error *err);
enum outcome outcome_of(const struct error *err);

/* classify.c */
MUST_CHECK int classify_rows(struct oip_tensor *tensor, const struct wanted *wanted, const struct model *model,
                             int64_t rows, struct arena *arena, struct error *err);

/* route.c, describe.c, metrics.c */
void route_request(void *context, struct http_exchange *exchange);
void describe_server(struct text *out);
void describe_model(struct text *out, struct serve *serve, const struct entry *entry, const struct loaded *loaded);
void metrics_write(struct text *out, struct serve *serve);

/* Element type in which the i-th input or output travels: reals for quantized ones. */
enum dtype loaded_input_dtype(const struct loaded *loaded, const struct tensor *tensor);
enum dtype loaded_output_dtype(const struct loaded *loaded, const struct tensor *tensor);

#endif
