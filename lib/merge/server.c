#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "merge/internal.h"

/* One number of the combined update becomes a step; m and v are its moments. */
struct server {
    const char *name;
    int moments; /* m, then v */
    double lr;   /* when nothing else is asked for */
    double (*step)(const struct merge_server *o, double delta, float *m, float *v);
};

static double step_none(const struct merge_server *o, double delta, float *m, float *v)
{
    (void)o, (void)m, (void)v;
    return delta;
}

static double step_momentum(const struct merge_server *o, double delta, float *m, float *v)
{
    (void)v;
    *m = (float)(o->momentum * *m + delta);
    return *m;
}

/* Moments are rounded before they are used: a round that reads them from a file goes on as one that kept them. */
static double step_adaptive(const struct merge_server *o, double delta, float *m, double v)
{
    *m = (float)(o->momentum * *m + (1 - o->momentum) * delta);
    return *m / (sqrt(v) + o->tau);
}

static double step_adam(const struct merge_server *o, double delta, float *m, float *v)
{
    *v = (float)(o->beta2 * *v + (1 - o->beta2) * delta * delta);
    return step_adaptive(o, delta, m, *v);
}

static double step_yogi(const struct merge_server *o, double delta, float *m, float *v)
{
    const double square = delta * delta, sign = (*v > square) - (*v < square);

    *v = (float)(*v - (1 - o->beta2) * square * sign);
    return step_adaptive(o, delta, m, *v);
}

static const struct server servers[] = {
    [MERGE_SERVER_NONE] = { "none", 0, 1, step_none },
    [MERGE_SERVER_MOMENTUM] = { "momentum", 1, 1, step_momentum },
    [MERGE_SERVER_ADAM] = { "adam", 2, 0.01, step_adam },
    [MERGE_SERVER_YOGI] = { "yogi", 2, 0.01, step_yogi },
};

static const char moment_names[] = { 'm', 'v' };

static const struct tensor *find(const struct model_state *state, const char *name)
{
    for (int i = 0; state != NULL && i < state->count; i++)
        if (strcmp(state->name[i], name) == 0)
            return &state->tensor[i];
    return NULL;
}

/* Moments of one weight from the state before, or as they are at the beginning. */
static int begin_moment(const struct merge *merge, struct model_state *state, const struct model_state *before,
                        const struct value *value, int moment, struct error *err)
{
    const struct merge_server *o = &merge->options->server;
    const int64_t count = shape_count(&value->tensor.shape);
    float *data = arena_array(&merge->base->arena, (size_t)count, sizeof(*data));
    const char *name = arena_printf(&merge->base->arena, "%s.%c/%s", servers[o->kind].name, moment_names[moment],
                                    value->name);
    const struct tensor *had;

    if (name == NULL || data == NULL)
        return error_memory(err);
    had = find(before, name);
    if (before != NULL && had == NULL)
        return error_set(err, ERROR_INPUT, "state.safetensors: there is no '%s'", name);
    if (had != NULL && (had->dtype != DTYPE_F32 || !shape_equal(&had->shape, &value->tensor.shape)))
        return error_set(err, ERROR_INPUT, "state.safetensors: '%s' is not as its weight in F32", name);
    for (int64_t i = 0; i < count; i++) {
        data[i] = had ? ((const float *)had->data)[i] : moment == 0 ? 0 : (float)(o->tau * o->tau);
        if (!isfinite(data[i]) || (moment == 1 && data[i] < 0))
            return error_set(err, ERROR_INPUT, "state.safetensors: '%s' holds %g, which is no moment", name,
                             (double)data[i]);
    }
    state->name[state->count] = name;
    state->tensor[state->count++] = (struct tensor){ .dtype = DTYPE_F32, .shape = value->tensor.shape, .data = data };
    return 0;
}

/* The state that is of this optimizer; NULL when there is none, and what is of another is left out. */
static const struct model_state *state_before(const struct merge *merge)
{
    const struct model_state *state = merge->base->state;
    const char *name = servers[merge->options->server.kind].name;
    const size_t length = strlen(name);

    for (int i = 0; state != NULL && i < state->count; i++)
        if (strncmp(state->name[i], name, length) == 0 && state->name[i][length] == '.')
            return state;
    if (state != NULL)
        job_note(merge->job, "state.safetensors is left out: it is not of %s, which begins anew", name);
    return NULL;
}

int server_begin(struct merge *merge, struct error *err)
{
    const struct graph *graph = &merge->base->graph;
    const int moments = servers[merge->options->server.kind].moments;
    const struct model_state *before = moments > 0 ? state_before(merge) : NULL;
    const size_t most = (size_t)graph->value_count * COUNT(moment_names) + 1;
    struct model_state *state;

    merge->base->state = NULL;
    if (moments == 0)
        return 0;
    state = arena_alloc(&merge->base->arena, sizeof(*state));
    if (state == NULL)
        return error_memory(err);
    state->tensor = arena_array(&merge->base->arena, most, sizeof(*state->tensor));
    state->name = arena_array(&merge->base->arena, most, sizeof(*state->name));
    merge->moment = arena_array(merge->arena, most, sizeof(*merge->moment));
    if (state->tensor == NULL || state->name == NULL || merge->moment == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->value_count; i++) {
        if (!is_merged(&graph->value[i]) || !graph->value[i].trainable)
            continue;
        for (int k = 0; k < moments; k++) {
            if (begin_moment(merge, state, before, &graph->value[i], k, err) < 0)
                return -1;
            merge->moment[i * (int)COUNT(moment_names) + k] = state->tensor[state->count - 1].data;
        }
    }
    merge->base->state = state;
    return 0;
}

void server_step(const struct merge *merge, int value, int64_t from, int count, double *delta)
{
    const struct merge_server *o = &merge->options->server;
    const struct server *server = &servers[o->kind];
    const double lr = o->lr > 0 ? o->lr : server->lr;
    float none = 0;

    if (!merge->base->graph.value[value].trainable)
        return; /* statistics are averaged: they are measured, not learned */
    for (int i = 0; i < count; i++) {
        float *const *moment = merge->moment ? merge->moment + value * (int)COUNT(moment_names) : NULL;
        float *m = moment && moment[0] ? moment[0] + from + i : &none;
        float *v = moment && moment[1] ? moment[1] + from + i : &none;

        delta[i] = lr * server->step(o, delta[i], m, v);
    }
}
