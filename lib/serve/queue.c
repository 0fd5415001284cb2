/* queue.c - the bounded queue and the workers that empty it. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/sys.h"
#include "serve/internal.h"

static void append(struct tasks *list, struct task *task)
{
    task->next = NULL;
    *list->last = task;
    list->last = &task->next;
}

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
        append(&serve->unread, task);
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

/* Takes out the one that `at` points to. */
static void unlink_at(struct tasks *list, struct task **at)
{
    struct task *task = *at;

    *at = task->next;
    if (list->last == &task->next)
        list->last = at;
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
    if (task->err.kind != ERROR_NONE)
        return;
    entry->samples += task->rows;
    task->loaded->answered += task->rows;
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

static void read_first(struct serve *serve)
{
    struct task *task = serve->unread.first;
    struct error err = { 0 };

    unlink_at(&serve->unread, &serve->unread.first);
    pthread_mutex_unlock(&serve->lock);
    if (task_prepare(task, &err) < 0)
        task->rows = 0;
    pthread_mutex_lock(&serve->lock);
    task->err = err;
    if (task->rows == 0) {
        finish(serve, task);
        return;
    }
    append(&serve->read, task);
    if (task->rows > 1)
        pthread_cond_broadcast(&serve->waiting);
}

/* Samples that may share a run with those of the first request, at most `most`. */
static int64_t count_rows(const struct serve *serve, int64_t most)
{
    const struct loaded *loaded = serve->read.first->loaded;
    int64_t rows = 0;

    for (const struct task *task = serve->read.first; task != NULL && rows < most; task = task->next)
        if (task->loaded == loaded)
            rows += task->rows - task->rows_begun;
    return rows < most ? rows : most;
}

/* As many samples as a run can have wait. */
static bool is_full(const struct serve *serve)
{
    const int most = 1 << (serve->read.first->loaded->sizes - 1);

    return count_rows(serve, most) == most;
}

/* Seconds that the first request still waits for others to share its run. */
static double seconds_left(const struct serve *serve)
{
    return serve->over ? 0 : serve->read.first->arrived + serve->options->delay_ms / 1000 - clock_seconds();
}

/* The next 1 << size samples; workers that are free take their share. */
static int take_seats(struct serve *serve, struct worker *worker)
{
    struct task **at = &serve->read.first;
    const struct loaded *loaded = (*at)->loaded;
    const int64_t sharers = 1 + serve->idle;
    const int64_t rows = (count_rows(serve, sharers << (loaded->sizes - 1)) + sharers - 1) / sharers;
    int size = 0, count = 0;

    while (size + 1 < loaded->sizes && (int64_t)2 << size <= rows)
        size++;
    while (count < 1 << size) {
        struct task *task = *at;

        while (task->loaded == loaded && task->rows_begun < task->rows && count < 1 << size) {
            struct seat *seat = &worker->seat[count++];

            seat->task = task;
            seat->row = task->rows_begun++;
            seat->failed = task->err.kind != ERROR_NONE; /* one sample failed, and so did the request */
            seat->err.kind = ERROR_NONE;
        }
        if (task->rows_begun == task->rows)
            unlink_at(&serve->read, at);
        else
            at = &task->next;
    }
    return size;
}

/* A sample that cannot be read leaves its place to what was there before: the others do not see it. */
static void run_seats(struct seat *seat, int count, struct runner *runner)
{
    int good = 0;

    for (int i = 0; i < count; i++) {
        runner_select(runner, i);
        seat[i].failed = seat[i].failed || task_load(seat[i].task, runner, seat[i].row, &seat[i].err) < 0;
        good += !seat[i].failed;
    }
    if (good > 0)
        runner_run(runner);
    for (int i = 0; i < count; i++) {
        runner_select(runner, i);
        if (!seat[i].failed)
            seat[i].failed = task_keep(seat[i].task, runner, seat[i].row, &seat[i].err) < 0;
    }
}

static void run_batch(struct serve *serve, struct worker *worker)
{
    const int size = take_seats(serve, worker), count = 1 << size;
    struct seat *seat = worker->seat;
    struct runner *runner = loaded_runner(seat->task->loaded, size, worker->index);

    seat->task->entry->runs++;
    pthread_mutex_unlock(&serve->lock);
    run_seats(seat, count, runner);
    pthread_mutex_lock(&serve->lock);
    for (int i = 0; i < count; i++) {
        struct task *task = seat[i].task;

        if (seat[i].err.kind != ERROR_NONE && task->err.kind == ERROR_NONE)
            task->err = seat[i].err;
        if (++task->rows_done == task->rows)
            finish(serve, task);
    }
}

/* Until something changes, or for that many seconds. */
static void wait_idle(struct serve *serve, double seconds)
{
    const double until = clock_seconds() + seconds;
    struct timespec when = { .tv_sec = (time_t)until };

    when.tv_nsec = (long)((until - (double)when.tv_sec) * 1e9);
    serve->idle++;
    if (seconds > 0)
        (void)pthread_cond_timedwait(&serve->waiting, &serve->lock, &when);
    else
        (void)pthread_cond_wait(&serve->waiting, &serve->lock);
    serve->idle--;
}

/* What is worth doing next: a full run, a request to read, which may fill it, a run that is not full, nothing. */
static void work_once(struct serve *serve, struct worker *worker)
{
    const bool some = serve->read.first != NULL, full = some && is_full(serve);
    const double left = some && !full ? seconds_left(serve) : 0;

    if (!full && serve->unread.first != NULL)
        read_first(serve);
    else if (some && left <= 0)
        run_batch(serve, worker);
    else
        wait_idle(serve, left);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct serve *serve = worker->serve;

    pthread_mutex_lock(&serve->lock);
    while (serve->unread.first != NULL || serve->read.first != NULL || !serve->over)
        work_once(serve, worker);
    pthread_mutex_unlock(&serve->lock);
    return NULL;
}

int workers_start(struct serve *serve, struct error *err)
{
    const size_t count = (size_t)serve->options->workers, seats = (size_t)serve->options->most_batch;

    serve->worker = sys_alloc(count * sizeof(*serve->worker));
    serve->work = sys_alloc(count * sizeof(*serve->work));
    serve->seat = sys_alloc(count * seats * sizeof(*serve->seat));
    if (serve->worker == NULL || serve->work == NULL || serve->seat == NULL)
        return error_memory(err);
    for (; serve->worker_count < (int)count; serve->worker_count++) {
        struct worker *one = &serve->work[serve->worker_count];

        *one = (struct worker){ serve, serve->worker_count, serve->seat + (size_t)serve->worker_count * seats };
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
    free(serve->seat);
}
