#include <limits.h>

#include "graph/exec_internal.h"
#include "graph/sketch.h"

/* ---- spans alone ---- */

static void draw_spans(struct plan *plan, struct rng *rng, int count)
{
    for (int i = 0; i < count; i++) {
        int first = (int)rng_below(rng, 40), last = first + (int)rng_below(rng, 12);

        plan_add(plan, rng_below(rng, 5000), first, last);
    }
}

static void spans_alive_together_never_share_a_byte(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct arena arena = { 0 };
        struct rng rng = rng_make(seed, 1);
        struct plan plan;
        struct error err;

        assert_int_equal(plan_init(&plan, &arena, 60, &err), 0);
        draw_spans(&plan, &rng, 60);
        plan_layout(&plan);
        for (int i = 0; i < plan.count; i++) {
            const struct span *a = &plan.span[i];

            assert_int_equal(a->offset % PLAN_ALIGNMENT, 0);
            assert_true(a->offset + a->bytes <= plan.bytes);
            for (int j = 0; j < i; j++) {
                const struct span *b = &plan.span[j];
                bool together = a->first <= b->last && b->first <= a->last;

                assert_false(together && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes);
            }
        }
        arena_free(&arena);
    }
}

/* A chain needs two neighbours at once, not all. */
static void chain_needs_its_largest_neighbours_only(void **state)
{
    struct arena arena = { 0 };
    struct plan plan;
    struct error err;

    (void)state;
    assert_int_equal(plan_init(&plan, &arena, 10, &err), 0);
    for (int i = 0; i < 10; i++)
        plan_add(&plan, 6400, i, i + 1);
    plan_layout(&plan);
    assert_int_equal(plan.bytes, 2 * 6400);
    arena_free(&arena);
}

/* By size alone the small one that stays is put where the large one comes later. */
static void small_spans_that_stay_make_way_for_large_ones(void **state)
{
    struct arena arena = { 0 };
    struct plan plan;
    struct error err;

    (void)state;
    assert_int_equal(plan_init(&plan, &arena, 5, &err), 0);
    plan_add(&plan, 2560, 0, 0);
    plan_add(&plan, 1280, 1, 1);
    plan_add(&plan, 640, 1, 3);
    plan_add(&plan, 2560, 2, 2);
    plan_add(&plan, 1920, 0, 1);
    plan_layout(&plan);
    assert_int_equal(plan.bytes, 2560 + 1920);
    arena_free(&arena);
}

/* By area the one that lasts is put first, where it leaves no room for a larger one. */
static void large_spans_are_not_kept_apart_by_those_that_stay(void **state)
{
    struct arena arena = { 0 };
    struct plan plan;
    struct error err;

    (void)state;
    assert_int_equal(plan_init(&plan, &arena, 3, &err), 0);
    plan_add(&plan, 1920, 2, 4);
    plan_add(&plan, 2560, 1, 1);
    plan_add(&plan, 2560, 1, 2);
    plan_layout(&plan);
    assert_int_equal(plan.bytes, 2 * 2560);
    arena_free(&arena);
}

/* The largest sum counts most, how long it lasts counts too, and what lies below it hardly. */
static void strain_is_mostly_the_largest_sum(void **state)
{
    struct arena arena = { 0 };
    int64_t times[12];
    struct plan plan;
    struct error err;
    double once, twice;

    (void)state;
    assert_int_equal(plan_init(&plan, &arena, 3, &err), 0);
    plan_add(&plan, 6400, 5, 5);
    once = plan_strain(&plan, times, 10);
    assert_true(once == 6400);
    plan_add(&plan, 3200, 0, 4);
    assert_true(plan_strain(&plan, times, 10) < 1.001 * once);
    plan_add(&plan, 6400, 8, 8);
    twice = plan_strain(&plan, times, 10);
    assert_true(twice > 1.04 * once && twice < 1.05 * once);
    arena_free(&arena);
}

/* ---- whole graphs: who wrote each line of memory last ---- */

enum { NOBODY = -1, SCRATCH = -2, LINE = PLAN_ALIGNMENT, LINES = 1 << 16, VALUES = 1 << 10 };

struct watch {
    const struct exec *exec;
    struct exec *own; /* the same, to move what it computes again */
    int *writer;      /* by line of the block: 4 * value + what, else NOBODY or SCRATCH */
    int *same;        /* value whose bytes a view shows */
};

enum { DATA, GRADIENT, SAVED };

static int tag(const struct watch *w, int index, int what)
{
    if (what == DATA)
        index = w->same[index];
    return 4 * index + what;
}

static size_t line_of(const struct watch *w, const void *at)
{
    return (size_t)((const unsigned char *)at - w->exec->block) / LINE;
}

static bool in_block(const struct watch *w, const void *at)
{
    const unsigned char *byte = at;

    return byte >= w->exec->block && byte < w->exec->block + w->exec->block_bytes;
}

static void write_lines(struct watch *w, const void *at, size_t bytes, int who)
{
    if (at == NULL || !in_block(w, at) || bytes == 0)
        return;
    for (size_t i = line_of(w, at); i <= line_of(w, (const unsigned char *)at + bytes - 1); i++)
        w->writer[i] = who;
}

static void expect_lines(const struct watch *w, const void *at, size_t bytes, int who)
{
    if (at == NULL || !in_block(w, at) || bytes == 0)
        return;
    for (size_t i = line_of(w, at); i <= line_of(w, (const unsigned char *)at + bytes - 1); i++)
        assert_int_equal(w->writer[i], who);
}

static void expect_bytes_of(const struct watch *w, int value)
{
    if (value >= 0 && w->exec->graph.value[value].kind != VALUE_WEIGHT)
        expect_lines(w, w->exec->tensor[value].data, tensor_bytes(&w->exec->tensor[value]), tag(w, value, DATA));
}

static void *span_at(const struct exec *exec, int span)
{
    return span < 0 ? NULL : exec->block + exec->plan.span[span].offset;
}

static void expect_reads(const struct watch *w, int n)
{
    const struct node *node = &w->exec->graph.node[n];

    for (int i = 0; i < node->in_count; i++)
        expect_bytes_of(w, node->in[i]);
    expect_bytes_of(w, w->exec->step[n].add);
}

static void watch_forward(struct watch *w, int n)
{
    const struct exec *exec = w->exec;
    const struct node *node = &exec->graph.node[n];
    const struct step *step = &exec->step[n];

    if (step->absorbed)
        return;
    expect_reads(w, n);
    if (step->view) {
        w->same[step->result] = w->same[node->in[0]];
        return;
    }
    if (step->joined) { /* whoever still reads a part finds the whole's tag there */
        write_lines(w, exec->tensor[step->result].data, tensor_bytes(&exec->tensor[step->result]),
                    tag(w, step->result, DATA));
        for (int i = 0; i < node->in_count; i++)
            w->same[node->in[i]] = w->same[step->result];
        return;
    }
    write_lines(w, span_at(exec, step->work), step->io.work_bytes, SCRATCH);
    write_lines(w, span_at(exec, step->saved), step->io.saved_bytes, tag(w, n, SAVED));
    expect_reads(w, n);
    for (int i = 0; i < node->out_count; i++) {
        int v = i == 0 ? step->result : node->out[i];

        write_lines(w, exec->tensor[v].data, tensor_bytes(&exec->tensor[v]), tag(w, v, DATA));
    }
    expect_lines(w, span_at(exec, step->saved), step->io.saved_bytes, tag(w, n, SAVED));
}

static size_t grad_bytes(const struct tensor *tensor)
{
    return (size_t)shape_count(&tensor->shape) * sizeof(float);
}

/* Views of gradients have the tag of the value whose gradient was written first: the output's side. */
static void expect_backward_reads(const struct watch *w, int n)
{
    const struct exec *exec = w->exec;
    const struct node *node = &exec->graph.node[n];
    const struct step *step = &exec->step[n];

    for (int i = 0; i < node->in_count && (node->op->flags & OP_BACKWARD_IN); i++)
        expect_bytes_of(w, node->in[i]);
    for (int i = 0; i < node->out_count; i++) {
        const struct tensor *out = &exec->tensor[node->out[i]];

        if (node->op->flags & OP_BACKWARD_OUT)
            expect_bytes_of(w, node->out[i]);
        assert_non_null(out->grad);
        expect_lines(w, out->grad, grad_bytes(out), 4 * exec->grad_span[node->out[i]] + GRADIENT);
    }
    expect_lines(w, step->io.saved, step->io.saved_bytes, tag(w, n, SAVED));
}

/* What is computed again is the same value, elsewhere. */
static void watch_again(struct watch *w, const struct replay *replay)
{
    const struct exec *exec = w->exec;
    const int n = replay->node;
    const struct node *node = &exec->graph.node[n];
    const struct step *step = &exec->step[n];

    place_again(w->own, replay);
    expect_reads(w, n);
    if (step->view)
        return;
    write_lines(w, span_at(exec, replay->work), step->io.work_bytes, SCRATCH);
    if (node->op->flags & OP_AGAIN_SAVED)
        expect_lines(w, step->io.saved, step->io.saved_bytes, tag(w, n, SAVED));
    else
        write_lines(w, step->io.saved, step->io.saved_bytes, tag(w, n, SAVED));
    expect_reads(w, n);
    for (int i = 0; i < node->out_count; i++)
        write_lines(w, exec->tensor[node->out[i]].data, tensor_bytes(&exec->tensor[node->out[i]]),
                    tag(w, node->out[i], DATA));
    expect_lines(w, step->io.saved, step->io.saved_bytes, tag(w, n, SAVED));
}

static void watch_gradients(struct watch *w, int n, bool apart)
{
    const struct exec *exec = w->exec;
    const struct node *node = &exec->graph.node[n];
    const struct step *step = &exec->step[n];

    for (int i = 0; i < node->in_count; i++) {
        const struct tensor *in = node->in[i] < 0 ? NULL : &step->in_grad[i];

        if (in == NULL || in->grad == NULL || (step->apart && i == 1) != apart)
            continue;
        if (in->grad_add)
            expect_lines(w, in->grad, grad_bytes(in), 4 * exec->grad_span[node->in[i]] + GRADIENT);
        write_lines(w, in->grad, grad_bytes(in), 4 * exec->grad_span[node->in[i]] + GRADIENT);
        expect_lines(w, exec->tensor[node->out[0]].grad, grad_bytes(&exec->tensor[node->out[0]]),
                     4 * exec->grad_span[node->out[0]] + GRADIENT);
    }
}

static void watch_backward(struct watch *w, int n)
{
    const struct exec *exec = w->exec;
    const struct node *node = &exec->graph.node[n];
    const struct step *step = &exec->step[n];

    if (!step->trains)
        return;
    for (int i = 0; i < node->out_count; i++)
        if (exec->zeroed[node->out[i]])
            write_lines(w, exec->tensor[node->out[i]].grad, grad_bytes(&exec->tensor[node->out[i]]),
                        4 * exec->grad_span[node->out[i]] + GRADIENT);
    expect_backward_reads(w, n);
    if (step->grad_view)
        return;
    write_lines(w, span_at(exec, step->work_back), step->io.work_bytes, SCRATCH);
    expect_backward_reads(w, n);
    watch_gradients(w, n, false);
    if (!step->apart)
        return;
    expect_backward_reads(w, n);
    write_lines(w, span_at(exec, step->work_apart), step->io.apart_bytes, SCRATCH);
    expect_backward_reads(w, n);
    watch_gradients(w, n, true);
    for (int i = 0; i < node->in_count; i++) /* those that were ready before are taken now */
        if (node->in[i] >= 0 && exec->graph.value[node->in[i]].kind == VALUE_WEIGHT && step->in_grad[i].grad != NULL)
            expect_lines(w, step->in_grad[i].grad, grad_bytes(&step->in_grad[i]),
                         4 * exec->grad_span[node->in[i]] + GRADIENT);
}

static void watch_run(struct exec *exec)
{
    const struct graph *graph = &exec->graph;
    static int writer[LINES], same[VALUES];
    struct watch w = { .exec = exec, .own = exec, .writer = writer, .same = same };

    assert_true(exec->block_bytes / LINE < LINES && graph->value_count <= VALUES);
    assert_true(exec->plan.count <= exec->plan.capacity);
    assert_true(exec->replay_count <= exec->replay_room && exec->replay_outputs <= exec->output_room);
    for (size_t i = 0; i < LINES; i++)
        w.writer[i] = NOBODY;
    for (int v = 0; v < graph->value_count; v++)
        w.same[v] = v;
    for (int i = 0; i < graph->input_count; i++) {
        const struct tensor *x = &exec->tensor[graph->input[i]];

        write_lines(&w, x->data, tensor_bytes(x), tag(&w, graph->input[i], DATA));
    }
    for (int n = 0; n < graph->node_count; n++)
        watch_forward(&w, n);
    for (int i = 0; i < graph->output_count; i++)
        expect_bytes_of(&w, graph->output[i]);
    for (int i = 0; i < graph->output_count && exec->mode == EXEC_TRAIN; i++) {
        const struct tensor *y = &exec->tensor[graph->output[i]];

        write_lines(&w, y->grad, grad_bytes(y), 4 * exec->grad_span[graph->output[i]] + GRADIENT);
        expect_bytes_of(&w, graph->output[i]);
    }
    for (int n = graph->node_count - 1, again = 0; n >= 0 && exec->mode == EXEC_TRAIN; n--) {
        for (; again < exec->replay_count && exec->replay[again].time < exec->step[n].back; again++)
            watch_again(&w, &exec->replay[again]);
        watch_backward(&w, n);
    }
    for (int v = 0; v < graph->value_count && exec->mode == EXEC_TRAIN && !exec->takes; v++)
        if (exec_gradient(exec, v) != NULL && exec->gets[v])
            expect_lines(&w, exec_gradient(exec, v), grad_bytes(&exec->tensor[v]), 4 * exec->grad_span[v] + GRADIENT);
    for (int i = 0; i < graph->input_count; i++)
        expect_bytes_of(&w, graph->input[i]);
}

static void what_is_read_is_what_was_written(void **state)
{
    static const enum exec_mode modes[] = { EXEC_INFER, EXEC_TRACE, EXEC_TRAIN };

    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct sketch s;

        sketch_draw(&s, seed, 24, true);
        for (size_t m = 0; m < COUNT(modes); m++) {
            struct exec *exec = sketch_exec(&s, &s.graph, 2, modes[m], NULL);

            watch_run(exec);
            exec_free(exec);
        }
        sketch_end(&s);
    }
}

/* A random half of the weights keeps still. */
static void freezing_keeps_what_is_read_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sketch s;
        struct exec *exec;
        bool *frozen;

        sketch_draw(&s, seed, 24, true);
        frozen = calloc((size_t)s.graph.value_count, sizeof(bool));
        assert_non_null(frozen);
        for (int v = 0; v < s.graph.value_count; v++)
            frozen[v] = rng_below(&s.rng, 2) == 0 || v < s.graph.value_count / 2;
        exec = sketch_frozen(&s, &s.graph, 2, frozen);
        watch_run(exec);
        exec_free(exec);
        free(frozen);
        sketch_end(&s);
    }
}

/* Under the tightest limit most is computed again, some of it more than once. */
static void what_is_computed_again_is_whole_too(void **state)
{
    int again = 0, once_more = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sketch s;
        struct exec_training how = { .takes = seed % 2 == 0 };
        struct exec *exec;

        sketch_draw(&s, seed, 24, true);
        how.memory_bytes = sketch_least(&s, &s.graph, 2, how.takes);
        exec = sketch_training(&s, &s.graph, 2, &how);
        assert_true(exec->block_bytes <= how.memory_bytes);
        watch_run(exec);
        again += exec->replay_count;
        for (int k = 0; k < exec->replay_count; k++)
            once_more += exec->step[exec->replay[k].node].last_replay != k;
        exec_free(exec);
        sketch_end(&s);
    }
    assert_true(again > 100);
    assert_true(once_more > 20);
}

/* More places than an int counts are refused before any is made. */
static void places_are_counted_without_overflow(void **state)
{
    struct node nodes[2] = { { .out_count = INT_MAX / 7 }, { .out_count = INT_MAX / 5 } };
    struct exec exec = { .mode = EXEC_TRAIN, .graph = { .node = nodes, .node_count = 2 } };
    struct error err;

    (void)state;
    assert_true(again_spans(&exec) == 3 * ((size_t)INT_MAX / 7 + INT_MAX / 5 + 4));
    nodes[0].out_count = INT_MAX / 2;
    assert_int_equal(place_init(&exec, &err), -1);
    assert_int_equal(err.kind, ERROR_LIMIT);
    arena_free(&exec.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_alive_together_never_share_a_byte),
        cmocka_unit_test(chain_needs_its_largest_neighbours_only),
        cmocka_unit_test(small_spans_that_stay_make_way_for_large_ones),
        cmocka_unit_test(large_spans_are_not_kept_apart_by_those_that_stay),
        cmocka_unit_test(strain_is_mostly_the_largest_sum),
        cmocka_unit_test(what_is_read_is_what_was_written),
        cmocka_unit_test(freezing_keeps_what_is_read_whole),
        cmocka_unit_test(what_is_computed_again_is_whole_too),
        cmocka_unit_test(places_are_counted_without_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
