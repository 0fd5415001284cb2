/* queue.c - the bounded queue and the workers that empty it. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/sys.h"
#include "serve/internal.h"

void task_free(struct serve *serve, struct task *task)
{
    loaded_release(serve, task->loaded);
    arena_free(&task->arena);
    free(task);
}

bool queue_put(struct serve *serve, struct task *task)
{
    bool room;

    pthread_mutex_lock(&serve->lock);
    room = serve->queued < serve->options->queue && !serve->over;
    if (room) {
        serve->queued++;
        *serve->last = task;
        serve->last = &task->next;
        pthread_cond_signal(&serve->waiting);
    } else {
        task->entry->requests[OUTCOME_FULL]++;
    }
    pthread_mutex_unlock(&serve->lock);
    return room;
}

int queue_patience(struct serve *serve)
{
    double seconds = 0;
    int64_t answered = 0;

    pthread_mutex_lock(&serve->lock);
    for (int i = 0; i < serve->entry_count; i++) {
        seconds += serve->entry[i].latency_sum;
        for (int k = 0; k <= LATENCY_BUCKETS; k++)
            answered += serve->entry[i].latency[k];
    }
    pthread_mutex_unlock(&serve->lock);
    /* Who waits as long as others did finds the queue emptied once. */
    seconds = answered > 0 ? ceil(seconds / (double)answered) : 1;
    return seconds < 1 ? 1 : seconds > 60 ? 60 : (int)seconds;
}

/* ---- what a worker does, all with the lock held but for the work itself ---- */

static void unlink_first(struct serve *serve)
{
    serve->first = serve->first->next;
    if (serve->first == NULL)
        serve->last = &serve->first;
}

static void count_answer(struct task *task)
{
    struct entry *entry = task->entry;
    const double seconds = clock_seconds() - task->arrived;
    int bucket = 0;

    while (bucket < LATENCY_BUCKETS && seconds > latency_bounds[bucket])
        bucket++;
    entry->latency[bucket]++;
    entry->latency_sum += seconds;
    entry->requests[outcome_of(&task->err)]++;
    if (task->err.kind == ERROR_NONE)
        entry->samples += task->rows;
}

/* The last of a request's samples is done: its answer leaves. */
static void finish(struct serve *serve, struct task *task)
{
    struct http_reply reply = { .header_length = OIP_JSON_ONLY };

    pthread_mutex_unlock(&serve->lock);
    task_reply(task, &reply);
    pthread_mutex_lock(&serve->lock);
    count_answer(task);
    serve->queued--;
    pthread_mutex_unlock(&serve->lock);
    http_answer(task->exchange, &reply);
    task_free(serve, task);
    pthread_mutex_lock(&serve->lock);
}

/* Off the queue to be read; back at its head when there are samples for others too. */
static void prepare(struct serve *serve, struct task *task)
{
    struct error err = { 0 };

    unlink_first(serve);
    pthread_mutex_unlock(&serve->lock);
    if (task_prepare(task, &err) < 0)
        task->rows = 0;
    pthread_mutex_lock(&serve->lock);
    task->err = err;
    task->prepared = true;
    if (task->rows == 0) {
        finish(serve, task);
        return;
    }
    task->next = serve->first;
    if (serve->first == NULL)
        serve->last = &task->next;
    serve->first = task;
    if (task->rows > 1)
        pthread_cond_broadcast(&serve->waiting);
}

static void run_row(struct serve *serve, struct task *task, int worker)
{
    const int64_t row = task->rows_begun++;
    struct error err = { 0 };
    bool skip = task->err.kind != ERROR_NONE; /* one sample failed, and so did the request */
    int rc = 0;

    if (task->rows_begun == task->rows)
        unlink_first(serve);
    pthread_mutex_unlock(&serve->lock);
    if (!skip)
        rc = task_row(task, task->loaded->runner[worker], row, &err);
    pthread_mutex_lock(&serve->lock);
    if (rc < 0 && task->err.kind == ERROR_NONE)
        task->err = err;
    if (++task->rows_done == task->rows)
        finish(serve, task);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct serve *serve = worker->serve;

    pthread_mutex_lock(&serve->lock);
    while (serve->first != NULL || !serve->over) {
        if (serve->first == NULL)
            pthread_cond_wait(&serve->waiting, &serve->lock);
        else if (!serve->first->prepared)
            prepare(serve, serve->first);
        else
            run_row(serve, serve->first, worker->index);
    }
    pthread_mutex_unlock(&serve->lock);
    return NULL;
}

int workers_start(struct serve *serve, struct error *err)
{
    const size_t count = (size_t)serve->options->workers;

    serve->worker = sys_alloc(count * sizeof(*serve->worker));
    serve->work = sys_alloc(count * sizeof(*serve->work));
    if (serve->worker == NULL || serve->work == NULL)
        return error_memory(err);
    for (; serve->worker_count < (int)count; serve->worker_count++) {
        struct worker *one = &serve->work[serve->worker_count];

        *one = (struct worker){ serve, serve->worker_count };
        if (pthread_create(&serve->worker[serve->worker_count], NULL, work, one) != 0)
            return error_set(err, ERROR_LIMIT, "cannot start thread %d", serve->worker_count);
    }
    return 0;
}

void workers_stop(struct serve *serve)
{
    pthread_mutex_lock(&serve->lock);
    serve->over = true;
    pthread_cond_broadcast(&serve->waiting);
    pthread_mutex_unlock(&serve->lock);
    for (int i = 0; i < serve->worker_count; i++)
        pthread_join(serve->worker[i], NULL);
    free(serve->worker);
    free(serve->work);
}
