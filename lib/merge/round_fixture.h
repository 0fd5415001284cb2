/*
 * round_fixture.h - a base of 23 numbers, all zero, and what seven sites send: numbers that scripts/make-merge-vectors
 * makes, too. Site 2 turns the sign, site 5 says the same 64 times as loud.
 */
#ifndef MERGE_ROUND_FIXTURE_H
#define MERGE_ROUND_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "merge/internal.h"

enum { SITES = 7, NUMBERS = 23, TURNS = 2, SHOUTS = 5 };

struct round {
    char folder[64];
    struct arena arena;
    struct model base;
    struct kern kern;
    struct job job;
    const char *path[SITES];
};

static inline double numbers(int seed, int k)
{
    const uint32_t bits = (uint32_t)k * 2654435761U + (uint32_t)seed * 2246822519U;

    return ((int)((bits >> 16) % 2001) - 1000) / 1024.0;
}

static inline double sent(int site, int k)
{
    if (site == TURNS)
        return -8 * numbers(99, k);
    return (numbers(99, k) + numbers(site, k) / 8) * (site == SHOUTS ? 64 : 1);
}

/* number(context, k) into the k-th of all of the model's floats. */
static inline void fill(struct model *model, double (*number)(int, int), int seed)
{
    int k = 0;

    for (int v = 0; v < model->graph.value_count; v++) {
        float *data = model->graph.value[v].tensor.data;

        for (int64_t i = 0; is_merged(&model->graph.value[v]) && i < shape_count(&model->graph.value[v].tensor.shape);
             i++)
            data[i] = (float)number(seed, k++);
    }
    assert_int_equal(k, NUMBERS);
}

static inline double zero(int seed, int k)
{
    (void)seed, (void)k;
    return 0;
}

/* An update of these differences, as they are. */
static inline const char *write_numbers(struct round *r, const char *name, double (*number)(int, int), int seed,
                                        int64_t examples)
{
    struct update update = { .site = name, .round = 7, .examples = examples, .steps = 1 };
    const char *path = arena_printf(&r->arena, "%s/%s.update", r->folder, name);
    struct model model;

    assert_int_equal(model_identity(&r->base, &update.base, NULL), 0);
    assert_int_equal(model_copy(&model, &r->base, NULL), 0);
    fill(&model, number, seed);
    model.update = &update;
    assert_int_equal(package_write(&model, path, &r->job, NULL, NULL), 0);
    model_free(&model);
    return path;
}

static inline int round_begin(void **state)
{
    static const int64_t examples[SITES] = { 100, 7, 893, 20, 20, 350, 61 };
    static const char *const names[SITES] = { "a", "b", "c", "d", "e", "f", "g" };
    const struct arch_options options = { .channels = 1, .height = 2, .width = 2, .classes = 2, .width_factor = 1 };
    struct round *r = calloc(1, sizeof(*r));

    snprintf(r->folder, sizeof(r->folder), "/tmp/coedge-merge-XXXXXX");
    if (mkdtemp(r->folder) == NULL || kern_init(&r->kern, NULL, NULL) < 0)
        return -1;
    r->job.kern = &r->kern;
    model_init(&r->base);
    if (model_new(&r->base, "mlp:3", &options, NULL) < 0)
        return -1;
    fill(&r->base, zero, 0);
    for (int s = 0; s < SITES; s++)
        r->path[s] = write_numbers(r, names[s], sent, s, examples[s]);
    *state = r;
    return 0;
}

static inline int round_end(void **state)
{
    struct round *r = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", r->folder);
    model_free(&r->base);
    arena_free(&r->arena);
    free(r);
    return system(command);
}

static inline int combine(struct round *r, struct model *into, const char *const *paths, int count,
                          const struct merge_options *options, struct error *err)
{
    struct merge_report report;

    assert_int_equal(model_copy(into, &r->base, NULL), 0);
    return merge_updates(into, paths, count, options, &r->job, &r->arena, &report, err);
}

/* The k-th of all of the model's floats. */
static inline double number_of(const struct model *model, int k)
{
    for (int v = 0; v < model->graph.value_count; v++) {
        const struct value *value = &model->graph.value[v];

        if (!is_merged(value))
            continue;
        if (k < shape_count(&value->tensor.shape))
            return (double)((const float *)value->tensor.data)[k];
        k -= (int)shape_count(&value->tensor.shape);
    }
    return 0;
}

#endif
