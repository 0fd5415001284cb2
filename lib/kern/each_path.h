/*
 * each_path.h - runs unit tests once on every path of kernels that this build
 * and CPU have, or on the one that EACH_PATH in the environment names. A test
 * finds the path's name in *state; its own name ends with it. For tests alone.
 */
#ifndef KERN_EACH_PATH_H
#define KERN_EACH_PATH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kern/kern.h"

/* `setup` runs before each test, or is NULL. */
static inline int each_path_run(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup)
{
    enum { MOST = 256, LONG = 128 };
    static struct CMUnitTest all[MOST];
    static char names[MOST][LONG];
    const char *path, *only = getenv("EACH_PATH");
    size_t n = 0;

    for (size_t p = 0; (path = kern_path(p)) != NULL; p++) {
        if (only && strcmp(path, only) != 0)
            continue;
        if (n + count > MOST) {
            print_error("more than %d tests: room for more is made in %s\n", MOST, __FILE__);
            return 1;
        }
        for (size_t t = 0; t < count; t++, n++) {
            snprintf(names[n], LONG, "%s on %s", tests[t].name, path);
            all[n] = tests[t];
            all[n].name = names[n];
            all[n].setup_func = setup;
            all[n].initial_state = (void *)(uintptr_t)path;
        }
    }
    if (n == 0) {
        print_error("no path '%s' here\n", only ? only : "");
        return 1;
    }
    return _cmocka_run_group_tests("each path", all, n, NULL, NULL);
}

#define EACH_PATH_RUN(tests, setup) each_path_run(tests, COUNT(tests), setup)

#endif
