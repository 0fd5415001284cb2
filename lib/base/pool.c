#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

/* Looks at a flag so often before it sleeps: some 50 us, about what a wake-up costs. */
enum { SPIN = 2000, MOST_THREADS = 512, LINE = 128, PATIENCE = 50 };

/* Of a pool's state: how many workers are in the run, whether more may come, and which run it is. */
#define INSIDE 0xffffU
#define OPEN 0x10000U
#define TURN 0x20000U /* one more for each run, and at the end; the word wraps */

struct run {
    pool_task *task;
    void *context;
};

/*
 * Each worker's part of a run, on a cache line of its own: indexes next..end-1, in one word. A worker goes through its
 * own from the front: what it wrote in the last run it mostly reads in this one, and another's cache may be as far as
 * memory. Whoever is done waits a little, then takes from the ends of the others.
 */
struct part {
    _Alignas(LINE) _Atomic uint64_t left; /* next, and end above it */
    size_t first;                         /* added to both */
};

struct pool {
    int threads;
    int spin;
    pthread_t *ids; /* [threads], the caller's place 0 unused; constant once made */
    atomic_bool busy, stop;
    atomic_uint state;
    atomic_int asleep;    /* workers that must be woken */
    atomic_bool waiting;  /* the caller sleeps until nobody is inside */
    struct run run;       /* changes only while nobody is inside, and none may come */
    struct part *parts;   /* [threads], too */
    pthread_mutex_t lock; /* of those who sleep */
    pthread_cond_t wake, done;
};

struct worker {
    struct pool *pool;
    int number;
};

static void breathe(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static unsigned turn_of(unsigned state)
{
    return state & ~(TURN - 1);
}

static bool take(struct part *part, bool last, size_t *index)
{
    uint64_t left = atomic_load_explicit(&part->left, memory_order_relaxed);
    uint32_t next, end;

    do {
        next = (uint32_t)left;
        end = (uint32_t)(left >> 32);
        if (next >= end)
            return false;
    } while (!atomic_compare_exchange_weak(&part->left, &left, last ? left - (UINT64_C(1) << 32) : left + 1));
    *index = part->first + (last ? end - 1 : next);
    return true;
}

static bool any_left(const struct pool *pool)
{
    for (int i = 0; i < pool->threads; i++) {
        uint64_t left = atomic_load_explicit(&pool->parts[i].left, memory_order_relaxed);
        if ((uint32_t)left < (uint32_t)(left >> 32))
            return true;
    }
    return false;
}

static void work(struct pool *pool, const struct run *run, int worker)
{
    size_t index;

    while (take(&pool->parts[worker], false, &index))
        run->task(run->context, index, worker);
    for (int i = 0; i < PATIENCE && any_left(pool); i++)
        breathe();
    for (int i = 1; i < pool->threads; i++)
        while (take(&pool->parts[(worker + i) % pool->threads], true, &index))
            run->task(run->context, index, worker);
}

/* count * i may not fit. */
static size_t part_begin(size_t count, size_t threads, size_t i)
{
    return count / threads * i + count % threads * i / threads;
}

static void share_out(struct pool *pool, size_t count)
{
    const size_t threads = (size_t)pool->threads;

    for (size_t i = 0; i < threads; i++) {
        struct part *part = &pool->parts[i];
        part->first = part_begin(count, threads, i);
        atomic_store_explicit(&part->left, (uint64_t)(part_begin(count, threads, i + 1) - part->first) << 32,
                              memory_order_relaxed);
    }
}

/* Waits for another turn than this one. */
static void await_turn(struct pool *pool, unsigned turn)
{
    for (int i = 0; i < pool->spin; i++) {
        if (turn_of(atomic_load_explicit(&pool->state, memory_order_acquire)) != turn || atomic_load(&pool->stop))
            return;
        breathe();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->asleep, 1);
    while (turn_of(atomic_load(&pool->state)) == turn && !atomic_load(&pool->stop))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->asleep, 1);
    pthread_mutex_unlock(&pool->lock);
}

/* Joins the run if it is still open, and says which it was. */
static bool join_run(struct pool *pool, unsigned *turn)
{
    unsigned state = atomic_load(&pool->state);

    do {
        *turn = turn_of(state);
        if (!(state & OPEN))
            return false;
    } while (!atomic_compare_exchange_weak(&pool->state, &state, state + 1));
    return true;
}

static void leave_run(struct pool *pool)
{
    if ((atomic_fetch_sub(&pool->state, 1) & INSIDE) != 1 || !atomic_load(&pool->waiting))
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *context)
{
    const struct worker worker = *(struct worker *)context;
    struct pool *pool = worker.pool;
    unsigned turn = 0;

    free(context);
    for (;;) {
        await_turn(pool, turn);
        if (atomic_load(&pool->stop))
            return NULL;
        if (!join_run(pool, &turn))
            continue;
        work(pool, &pool->run, worker.number);
        leave_run(pool);
    }
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

static struct part *new_parts(size_t count)
{
    struct part *parts = aligned_alloc(LINE, count * sizeof(*parts));

    for (size_t i = 0; parts && i < count; i++)
        atomic_init(&parts[i].left, 0);
    return parts;
}

static void free_memory(struct pool *pool)
{
    if (pool) {
        free(pool->ids);
        free(pool->parts);
    }
    free(pool);
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
    if (pool) {
        pool->ids = sys_alloc((size_t)wanted * sizeof(*pool->ids));
        pool->parts = new_parts((size_t)wanted);
    }
    if (!pool || !pool->ids || !pool->parts) {
        free_memory(pool);
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

static void wake_all(struct pool *pool)
{
    if (atomic_load(&pool->asleep) == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    atomic_fetch_add(&pool->state, TURN);
    wake_all(pool);
    for (int i = 1; i < pool->threads; i++)
        pthread_join(pool->ids[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    free_memory(pool);
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
    unsigned state = atomic_fetch_and(&pool->state, ~OPEN);

    for (int i = 0; i < pool->spin && (state & INSIDE); i++) {
        breathe();
        state = atomic_load_explicit(&pool->state, memory_order_acquire);
    }
    if (!(state & INSIDE))
        return;
    pthread_mutex_lock(&pool->lock);
    /* The last inside looks at `waiting` after it left: both sides store, then load. An exchange is a barrier even in an
     * emulator that lets loads pass stores. */
    atomic_exchange(&pool->waiting, true);
    while (atomic_load(&pool->state) & INSIDE)
        pthread_cond_wait(&pool->done, &pool->lock);
    atomic_store(&pool->waiting, false);
    pthread_mutex_unlock(&pool->lock);
}

void pool_run(struct pool *pool, size_t count, pool_task *task, void *context)
{
    if (!pool || pool->threads == 1) {
        run_inline(count, task, context, 0);
        return;
    }
    if (count <= 1 || count > UINT32_MAX || atomic_exchange(&pool->busy, true)) { /* nothing to share, or in a task */
        run_inline(count, task, context, worker_here(pool));
        return;
    }
    pool->run = (struct run){ task, context };
    share_out(pool, count);
    atomic_fetch_add(&pool->state, TURN + OPEN);
    wake_all(pool);
    work(pool, &pool->run, 0);
    end_run(pool);
    atomic_store(&pool->busy, false);
}
