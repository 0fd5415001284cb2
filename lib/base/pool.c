#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

/* Looks at a flag so often before it sleeps: some 20 us, less than a wake-up costs. */
enum { SPIN = 20000, MOST_THREADS = 512 };

struct run {
    pool_task *task;
    void *context;
    size_t count;
};

struct pool {
    int threads;
    int spin;
    pthread_t *ids; /* [threads], the caller's place 0 unused; constant once made */
    atomic_bool busy;
    atomic_size_t next;
    atomic_uint turn;  /* one more for each run, and at the end */
    atomic_int inside; /* workers at work in this run */
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    /* under lock: */
    struct run run;
    bool open; /* workers may still join the run */
    bool stop;
};

struct worker {
    struct pool *pool;
    int number;
};

static void work(struct pool *pool, const struct run *run, int worker)
{
    for (;;) {
        const size_t index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);

        if (index >= run->count)
            return;
        run->task(run->context, index, worker);
    }
}

/* Waits for another turn; joins the run if it is still open. False: the end. */
static bool join_run(struct pool *pool, unsigned *seen, struct run *run, bool *joined)
{
    bool stop;

    for (int i = 0; i < pool->spin && atomic_load(&pool->turn) == *seen; i++)
        ;
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->turn) == *seen)
        pthread_cond_wait(&pool->wake, &pool->lock);
    *seen = atomic_load(&pool->turn);
    *joined = pool->open;
    if (*joined) {
        atomic_fetch_add(&pool->inside, 1);
        *run = pool->run;
    }
    stop = pool->stop;
    pthread_mutex_unlock(&pool->lock);
    return !stop;
}

static void *worker_main(void *context)
{
    const struct worker worker = *(struct worker *)context;
    struct pool *pool = worker.pool;
    unsigned seen = 0;
    struct run run;
    bool joined;

    free(context);
    while (join_run(pool, &seen, &run, &joined)) {
        if (!joined)
            continue;
        work(pool, &run, worker.number);
        pthread_mutex_lock(&pool->lock);
        if (atomic_fetch_sub(&pool->inside, 1) == 1)
            pthread_cond_signal(&pool->done);
        pthread_mutex_unlock(&pool->lock);
    }
    return NULL;
}

static int start_worker(struct pool *pool, int number)
{
    struct worker *worker = sys_alloc(sizeof(*worker));

    if (!worker)
        return -1;
    *worker = (struct worker){ pool, number };
    if (pthread_create(&pool->ids[number], NULL, worker_main, worker) != 0) {
        free(worker);
        return -1;
    }
    return 0;
}

struct pool *pool_new(int threads, struct error *err)
{
    const int cpus = pool_available_cpus();
    const int wanted = threads <= 0 ? cpus : threads;
    struct pool *pool;
    sigset_t all, before;

    if (wanted > MOST_THREADS) {
        error_set(err, ERROR_LIMIT, "%d threads are wanted, at most %d are possible", wanted, MOST_THREADS);
        return NULL;
    }
    pool = sys_alloc(sizeof(*pool));
    if (pool)
        pool->ids = sys_alloc((size_t)wanted * sizeof(*pool->ids));
    if (!pool || !pool->ids) {
        free(pool);
        error_memory(err);
        return NULL;
    }
    pool->spin = wanted <= cpus ? SPIN : 0; /* where CPUs are short, waiting must not take one */
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    sigfillset(&all); /* signals are the first thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (pool->threads = 1; pool->threads < wanted; pool->threads++)
        if (start_worker(pool, pool->threads) < 0)
            break;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pool->threads < wanted) {
        error_set(err, ERROR_LIMIT, "cannot start thread %d of %d", pool->threads + 1, wanted);
        pool_free(pool);
        return NULL;
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pool->open = false;
    atomic_fetch_add(&pool->turn, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->threads; i++)
        pthread_join(pool->ids[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    free(pool->ids);
    free(pool);
}

int pool_threads(const struct pool *pool)
{
    return pool ? pool->threads : 1;
}

/* The number tasks know this thread by: a worker's own, 0 for all others. */
static int worker_here(const struct pool *pool)
{
    const pthread_t self = pthread_self();

    for (int i = 1; i < pool->threads; i++)
        if (pthread_equal(pool->ids[i], self))
            return i;
    return 0;
}

static void run_inline(size_t count, pool_task *task, void *context, int worker)
{
    for (size_t i = 0; i < count; i++)
        task(context, i, worker);
}

/* Closes the run to late comers and waits for those inside. */
static void end_run(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->open = false;
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->spin && atomic_load(&pool->inside); i++)
        ;
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->inside))
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void pool_run(struct pool *pool, size_t count, pool_task *task, void *context)
{
    const struct run run = { task, context, count };

    if (!pool || pool->threads == 1) {
        run_inline(count, task, context, 0);
        return;
    }
    if (count <= 1 || atomic_exchange(&pool->busy, true)) { /* nothing to share, or inside a task */
        run_inline(count, task, context, worker_here(pool));
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->run = run;
    pool->open = true;
    atomic_store(&pool->next, 0);
    atomic_fetch_add(&pool->turn, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    work(pool, &run, 0);
    end_run(pool);
    atomic_store(&pool->busy, false);
}
