/* Every picture of testdata/hostile/image (scripts/make-hostile-images), within a second and 96 MB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "image/image.h"

#define FOLDER "testdata/hostile/image"

/* Sanitizers multiply time and memory; the bar is for the program that is shipped. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const double most_seconds = 20, most_bytes = 4e9;
#else
static const double most_seconds = 1, most_bytes = 96e6;
#endif

/* What may be decoded: hostile only in what it would cost a careless reader. All else must be refused. */
static const char *const fine[] = { "arithmetic.jpg",  "90-scans.jpg",  "exif-loop.png", "iccp-bomb.png",
                                    "many-chunks.png", "no-tables.jpg", "ztxt-bomb.png" };

static bool is_fine(const char *name)
{
    for (size_t i = 0; i < COUNT(fine); i++) {
        if (strcmp(fine[i], name) == 0)
            return true;
    }
    return false;
}

/* Of the CPU: what else the machine does is not the decoder's fault. */
static double cpu_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

static void try_one(const char *name)
{
    struct error err = { 0 };
    struct input in;
    struct image image;
    char path[512];
    double begin = cpu_seconds();
    int rc;

    snprintf(path, sizeof(path), FOLDER "/%s", name);
    assert_int_equal(input_open(&in, path, 0, &err), 0);
    rc = image_decode(&image, in.bytes, in.count, 3, &err);
    if (rc == 0)
        image_free(&image);
    input_close(&in);
    if ((rc == 0) != is_fine(name))
        fail_msg("%s: %s", name, rc == 0 ? "decodes" : err.message);
    if (rc < 0 && err.kind != ERROR_INPUT && err.kind != ERROR_LIMIT)
        fail_msg("%s: error kind %d", name, err.kind);
    if (cpu_seconds() - begin > most_seconds)
        fail_msg("%s: %.1f s", name, cpu_seconds() - begin);
    if ((double)clock_peak_memory_bytes() > most_bytes)
        fail_msg("%s: %ld bytes of memory", name, clock_peak_memory_bytes());
}

static void hostile_images_cost_little(void **state)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    char **names;
    size_t count;

    (void)state;
    assert_int_equal(folder_list(FOLDER, &arena, &names, &count, &err), 0);
    assert_true(count > 30);
    for (size_t i = 0; i < count; i++)
        try_one(names[i]);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(hostile_images_cost_little) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
