#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/internal.h"
#include "base/pool.h"

enum { ITEMS = 1000 };

struct tally {
    atomic_int times[ITEMS];
    atomic_int strangers; /* calls with a worker number out of range */
    int threads;
    struct pool *pool;
};

static void count_one(void *context, size_t index, int worker)
{
    struct tally *tally = context;

    atomic_fetch_add(&tally->times[index], 1);
    if (worker < 0 || worker >= tally->threads)
        atomic_fetch_add(&tally->strangers, 1);
}

static void assert_each_once(struct tally *tally, size_t count)
{
    for (size_t i = 0; i < ITEMS; i++)
        assert_int_equal(atomic_exchange(&tally->times[i], 0), i < count);
    assert_int_equal(atomic_load(&tally->strangers), 0);
}

static void every_index_runs_once(void **state)
{
    static const size_t counts[] = { 0, 1, 2, 3, 7, 8, 64, ITEMS };
    static struct tally tally;

    (void)state;
    for (int threads = 0; threads <= 8; threads++) {
        struct pool *pool = threads ? pool_new(threads, NULL) : NULL;

        tally.threads = pool_threads(pool);
        assert_int_equal(tally.threads, threads ? threads : 1);
        for (int again = 0; again < 20; again++)
            for (size_t i = 0; i < COUNT(counts); i++) {
                pool_run(pool, counts[i], count_one, &tally);
                assert_each_once(&tally, counts[i]);
            }
        pool_free(pool);
    }
}

/* What a run wrote is seen by the caller, and by the next run, without locks. */
static void double_one(void *context, size_t index, int worker)
{
    uint64_t *numbers = context;

    (void)worker;
    numbers[index] *= 2;
}

static void runs_see_what_the_last_one_wrote(void **state)
{
    struct pool *pool = pool_new(4, NULL);
    uint64_t numbers[ITEMS];

    (void)state;
    for (size_t i = 0; i < ITEMS; i++)
        numbers[i] = i;
    for (int run = 0; run < 30; run++) {
        pool_run(pool, ITEMS, double_one, numbers);
        assert_true(numbers[3] == 3ull << (run + 1));
    }
    for (size_t i = 0; i < ITEMS; i++)
        assert_true(numbers[i] == (uint64_t)i << 30);
    pool_free(pool);
}

/* Long enough for others to come, and of many lengths. */
static void count_slowly(void *context, size_t index, int worker)
{
    for (volatile size_t i = 0; i < index * 37 % 400; i++)
        ;
    count_one(context, index, worker);
}

/* Where threads are more than CPUs nobody spins: runs put threads to sleep and wake them, and none may sleep on. */
static void no_wake_up_is_lost(void **state)
{
    const int threads = pool_available_cpus() + 1;
    struct pool *pool = pool_new(threads, NULL);
    static struct tally tally;

    (void)state;
    tally.threads = threads;
    for (int run = 0; run < 60000; run++) {
        const size_t count = 2 + (size_t)run % 14;

        pool_run(pool, count, count_slowly, &tally);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(atomic_exchange(&tally.times[i], 0), 1);
    }
    pool_free(pool);
}

static void inner(void *context, size_t index, int worker)
{
    int *place = context;

    (void)index;
    if (*place != worker) /* a nested run stays where it is */
        *place = -1;
}

static void outer(void *context, size_t index, int worker)
{
    struct tally *tally = context;
    int place = worker;

    pool_run(tally->pool, 5, inner, &place);
    if (place == worker)
        atomic_fetch_add(&tally->times[index], 1);
}

static void nested_runs_stay_on_their_thread(void **state)
{
    static struct tally tally;
    struct pool *pool = pool_new(3, NULL);

    (void)state;
    tally.pool = pool;
    tally.threads = 3;
    for (int i = 0; i < 20; i++) {
        pool_run(pool, 100, outer, &tally);
        assert_each_once(&tally, 100);
    }
    pool_free(pool);
}

static void *run_often(void *context)
{
    struct tally *tally = context;

    for (int i = 0; i < 200; i++) {
        pool_run(tally->pool, 50, count_one, tally);
        for (int j = 0; j < 50; j++)
            if (atomic_exchange(&tally->times[j], 0) != 1)
                return NULL;
    }
    return tally;
}

static void two_callers_may_share_a_pool(void **state)
{
    struct pool *pool = pool_new(2, NULL);
    struct tally mine = { .threads = 2, .pool = pool }, theirs = { .threads = 2, .pool = pool };
    pthread_t other;
    void *answer;

    (void)state;
    assert_int_equal(pthread_create(&other, NULL, run_often, &theirs), 0);
    assert_ptr_equal(run_often(&mine), &mine);
    pthread_join(other, &answer);
    assert_ptr_equal(answer, &theirs);
    pool_free(pool);
}

static void too_many_threads_are_refused(void **state)
{
    struct error err = { 0 };

    (void)state;
    assert_null(pool_new(100000, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
}

#ifdef COEDGE_FAULTS
static void no_memory_for_a_pool_is_an_error(void **state)
{
    char spec[32];

    (void)state;
    for (int nth = 1; nth <= 4; nth++) {
        struct error err = { 0 };

        snprintf(spec, sizeof(spec), "alloc:%d:ENOMEM", nth);
        setenv("COEDGE_FAULT", spec, 1);
        assert_null(pool_new(3, &err));
        unsetenv("COEDGE_FAULT");
        assert_int_equal(err.kind, ERROR_LIMIT);
    }
}
#endif

static void available_cpus_are_within_the_machine(void **state)
{
    (void)state;
    assert_in_range(pool_available_cpus(), 1, sysconf(_SC_NPROCESSORS_CONF));
}

static void put(const char *root, const char *name, const char *content)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    for (char *c = path + strlen(root) + 1; *c; c++)
        if (*c == '/') {
            *c = '\0';
            mkdir(path, 0777);
            *c = '/';
        }
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void quotas_of_both_versions_are_read(void **state)
{
    static const struct {
        const char *membership, *file, *value, *period_file, *period;
        int cpus;
    } cases[] = {
        { "0::/\n", "cpu.max", "max 100000\n", NULL, NULL, 0 },
        { "0::/\n", "cpu.max", "150000 100000\n", NULL, NULL, 2 },
        { "0::/a/b\n", "a/cpu.max", "300000 100000\n", NULL, NULL, 3 },
        { "0::/a/b\n", "a/b/cpu.max", "50000 100000\n", NULL, NULL, 1 },
        { "4:cpu,cpuacct:/\n", "cpu/cpu.cfs_quota_us", "-1\n", "cpu/cpu.cfs_period_us", "100000\n", 0 },
        { "9:cpuset:/\n4:cpu,cpuacct:/x\n", "cpu/x/cpu.cfs_quota_us", "200000\n", "cpu/x/cpu.cfs_period_us", "100000\n",
          2 },
        { "9:cpuset:/x\n", "cpu/x/cpu.cfs_quota_us", "200000\n", "cpu/x/cpu.cfs_period_us", "100000\n", 0 },
        { "nonsense\n", "cpu.max", "100000 100000\n", NULL, NULL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char root[] = "/tmp/coedge-cgroup-XXXXXX", membership[64], command[128];

        assert_non_null(mkdtemp(root));
        snprintf(membership, sizeof(membership), "%s/membership", root);
        put(root, "membership", cases[i].membership);
        put(root, cases[i].file, cases[i].value);
        if (cases[i].period_file)
            put(root, cases[i].period_file, cases[i].period);
        assert_int_equal(cgroup_cpus(membership, root), cases[i].cpus);
        snprintf(command, sizeof(command), "rm -r %s", root);
        assert_int_equal(system(command), 0);
    }
    assert_int_equal(cgroup_cpus("/nowhere", "/nowhere"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_runs_once),
        cmocka_unit_test(runs_see_what_the_last_one_wrote),
        cmocka_unit_test(no_wake_up_is_lost),
        cmocka_unit_test(nested_runs_stay_on_their_thread),
        cmocka_unit_test(two_callers_may_share_a_pool),
        cmocka_unit_test(too_many_threads_are_refused),
#ifdef COEDGE_FAULTS
        cmocka_unit_test(no_memory_for_a_pool_is_an_error),
#endif
        cmocka_unit_test(available_cpus_are_within_the_machine),
        cmocka_unit_test(quotas_of_both_versions_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
