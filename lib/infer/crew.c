/*
 * crew.c - many samples at once: one sample a thread, which needs no waiting for
 * one another inside a network. Every thread has a runner of its own, all of them
 * the same weights; the first task of a group reads the next group.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/sys.h"
#include "data/gather.h"
#include "infer/streaming.h"

/* Samples of a group: the end of one, where threads wait for the last, is 2 % of it; more would be memory. */
enum { EACH = 24 };

struct crew {
    struct streaming *s;
    struct source *source;
    struct runner **runner;  /* [threads]; the caller's is the stream's, the others its twins */
    struct gather gather[2]; /* this group, and the next */
    int most;                /* samples of one */
    int at;                  /* which is this group */
    int next;                /* what gather_next() said of the other */
    struct error next_error; /* when it failed */
    atomic_bool over;        /* an error has to leave, or the job stops: no more samples are begun */
    struct reply *reply;     /* [GATHER_SAMPLES] of this group */
    atomic_bool ready[GATHER_SAMPLES];
    atomic_bool sending; /* by whoever has it; nobody waits for it */
    atomic_int sent;     /* so many have left, in order */
    int rc;              /* of whoever sends */
    struct error *err;
};

/* Of this group, in order; never more than there are. */
static bool head_ready(struct crew *crew)
{
    const int sent = crew->sent;

    return sent < crew->gather[crew->at].item_count && crew->ready[sent];
}

/*
 * Those at the head of the queue that are ready leave it. A thread that finds another one sending leaves its sample to
 * that, which looks once more when it is done.
 */
static void send_ready(struct crew *crew)
{
    while (head_ready(crew) && !atomic_exchange(&crew->sending, true)) {
        while (crew->rc == 0 && head_ready(crew)) {
            const int at = crew->sent;

            if (reply_send(&crew->reply[at], crew->s, &crew->gather[crew->at].item[at], crew->err) < 0)
                crew->rc = error_in(crew->err, "%s", crew->s->place);
            crew->sent = at + 1;
        }
        if (crew->rc < 0) {
            crew->over = true; /* and nobody sends any more */
            return;
        }
        crew->sending = false;
    }
}

static void answer(struct crew *crew, int index, int worker)
{
    struct reply *reply = &crew->reply[index];

    if (job_stopped(crew->s->job))
        atomic_store(&crew->over, true);
    if (atomic_load(&crew->over))
        return;
    reply_make(reply, crew->s, crew->runner[worker], &crew->gather[crew->at].item[index]);
    crew->ready[index] = true;
    send_ready(crew);
}

/* An error that ended this group comes before the next one. */
static void read_next(struct crew *crew)
{
    const struct gather *group = &crew->gather[crew->at];

    if (group->failed) {
        crew->next = -1;
        crew->next_error = group->error;
    } else {
        crew->next = gather_next(&crew->gather[!crew->at], crew->source, crew->most, &crew->next_error);
    }
}

static void task(void *context, size_t index, int worker)
{
    struct crew *crew = context;

    if (index == 0)
        read_next(crew);
    else
        answer(crew, (int)index - 1, worker);
}

/* The group at hand, while the next is read. */
static int answer_group(struct crew *crew)
{
    const int count = crew->gather[crew->at].item_count;

    for (int i = 0; i < count; i++)
        crew->ready[i] = false;
    crew->sent = 0;
    pool_run(crew->s->job->pool, (size_t)count + 1, task, crew);
    for (int i = 0; i < count; i++)
        reply_free(&crew->reply[i]);
    job_step(crew->s->job, "infer", (uint64_t)crew->s->counts->samples, 0);
    return crew->rc;
}

/* Once there is something to answer. */
static int make_runners(struct crew *crew, int threads, struct error *err)
{
    crew->runner[0] = crew->s->runner;
    for (int i = 1; i < threads; i++) {
        crew->runner[i] = runner_twin(crew->s->runner, err);
        if (crew->runner[i] == NULL)
            return -1;
    }
    return 0;
}

static int answer_all(struct crew *crew, struct error *err)
{
    const int threads = pool_threads(crew->s->job->pool);

    crew->most = threads * EACH;
    crew->next = gather_next(&crew->gather[!crew->at], crew->source, 2 * threads, err); /* answers begin soon */
    if (crew->next < 0 || (crew->next > 0 && make_runners(crew, threads, err) < 0))
        return -1;
    while (crew->next > 0 && !atomic_load(&crew->over)) {
        crew->at = !crew->at;
        if (answer_group(crew) < 0)
            return -1;
    }
    if (atomic_load(&crew->over))
        return 1;
    if (crew->next == 0)
        return 0;
    *err = crew->next_error;
    return -1;
}

int crew_answer(struct streaming *s, struct source *source, struct error *err)
{
    const size_t threads = (size_t)pool_threads(s->job->pool);
    struct crew *crew = sys_alloc(sizeof(*crew));
    int rc = -1;

    if (crew == NULL)
        return error_memory(err);
    crew->s = s;
    crew->source = source;
    crew->err = err;
    crew->runner = sys_alloc(threads * sizeof(struct runner *));
    crew->reply = sys_alloc(GATHER_SAMPLES * sizeof(*crew->reply));
    if (crew->runner == NULL || crew->reply == NULL)
        (void)error_memory(err);
    else
        rc = answer_all(crew, err);
    for (size_t i = 1; crew->runner != NULL && i < threads; i++)
        runner_free(crew->runner[i]);
    for (int i = 0; i < 2; i++)
        gather_free(&crew->gather[i]);
    free(crew->runner);
    free(crew->reply);
    free(crew);
    return rc;
}
