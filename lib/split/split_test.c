/* split_test.c - parts in a row give the whole's bits, wherever the cut is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/exec.h"
#include "split/split.h"

static struct kern kern;
static const struct job job = { .kern = &kern };

static void must(int rc, const struct error *err)
{
    if (rc < 0)
        fail_msg("%s", err->message);
}

static int init_kernels(void **state)
{
    (void)state;
    return kern_init(&kern, NULL, NULL);
}

static void make(struct model *model, const char *arch, int side, double width)
{
    const struct arch_options options = {
        .channels = 3, .height = side, .width = side, .classes = 6, .width_factor = width, .seed = 11
    };
    struct error err = { 0 };

    must(model_new(model, arch, &options, &err), &err);
}

static struct exec *compile(const struct graph *graph)
{
    struct error err = { 0 };
    struct exec *exec = exec_new(graph, 1, EXEC_INFER, &job, &err);

    if (exec == NULL)
        fail_msg("%s", err.message);
    return exec;
}

static void fill(struct exec *exec)
{
    struct rng rng = rng_make(3, 1);
    struct tensor *in = exec_input(exec, 0);

    for (int64_t i = 0; i < shape_count(&in->shape); i++)
        ((float *)in->data)[i] = rng_normal(&rng);
}

/* Runs the parts one after the other and compares the last output with `want`. */
static void run_chain(const struct model *part, int parts, const struct tensor *want, const char *where)
{
    struct exec *exec = compile(&part[0].graph);
    struct tensor_difference difference;
    struct error err = { 0 };

    fill(exec);
    exec_forward(exec);
    for (int p = 1; p < parts; p++) {
        struct exec *next = compile(&part[p].graph);

        assert_int_equal(part[p].graph.input_count, part[p - 1].graph.output_count);
        for (int i = 0; i < part[p].graph.input_count; i++) {
            const struct tensor *from = exec_output(exec, i);
            struct tensor *to = exec_input(next, i);

            assert_true(shape_equal(&from->shape, &to->shape) && from->dtype == to->dtype);
            memcpy(to->data, from->data, tensor_bytes(from));
        }
        exec_forward(next);
        exec_free(exec);
        exec = next;
    }
    must(tensor_compare(&difference, exec_output(exec, 0), want, &err), &err);
    if (difference.differing != 0)
        fail_msg("cut after '%s': %d elements differ, at most by %g", where, (int)difference.differing,
                 difference.max_abs);
    exec_free(exec);
}

static void cut_everywhere(const char *arch, int side, double width)
{
    struct error err = { 0 };
    struct model whole, folded;
    struct exec *exec;
    int nodes;

    make(&whole, arch, side, width);
    must(model_copy(&folded, &whole, &err), &err);
    must(graph_fold(&folded.graph, &err), &err);
    nodes = folded.graph.node_count;
    exec = compile(&whole.graph);
    fill(exec);
    exec_forward(exec);
    for (int n = 0; n < nodes - 1; n++) {
        const char *at = folded.graph.node[n].name;
        struct model part[2], copy;

        must(model_copy(&copy, &whole, &err), &err);
        must(split_model(part, &copy, &at, 1, &err), &err);
        run_chain(part, 2, exec_output(exec, 0), at);
        model_free(&part[0]);
        model_free(&part[1]);
        model_free(&copy);
    }
    exec_free(exec);
    model_free(&whole);
    model_free(&folded);
}

static void head_and_tail_give_the_wholes_bits_after_every_node(void **state)
{
    (void)state;
    cut_everywhere("solder-cnn", 64, 1);
    cut_everywhere("mobilenet-v2", 32, 0.5);
    cut_everywhere("resnet18", 32, 0.25);
    cut_everywhere("squeezenet", 48, 0.5);
    cut_everywhere("mobilenet-v3-small", 32, 1);
}

static void three_parts_chain_and_name_each_other(void **state)
{
    static const char *const at[] = { "layer1.0.conv1", "layer3.1.add" };
    struct digest whole_identity, head;
    struct error err = { 0 };
    struct model whole, part[3];
    struct exec *exec;

    (void)state;
    make(&whole, "resnet18", 32, 0.25);
    exec = compile(&whole.graph);
    fill(exec);
    exec_forward(exec);
    must(model_identity(&whole, &whole_identity, &err), &err);
    must(split_model(part, &whole, at, 2, &err), &err);
    run_chain(part, 3, exec_output(exec, 0), "two nodes");
    assert_int_equal(part[0].graph.output_count, 2); /* the residual crosses the cut too */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(part[i].part->index, i);
        assert_int_equal(part[i].part->count, 3);
        assert_true(digest_equal(&part[i].part->whole, &whole_identity));
        if (i > 0) {
            must(model_identity(&part[i - 1], &head, &err), &err);
            assert_true(digest_equal(&part[i].part->head, &head));
        }
    }
    assert_true(digest_equal(&part[0].part->head, &(struct digest){ 0 }));
    assert_true(part[0].has_preprocess && !part[1].has_preprocess && !part[2].has_preprocess);
    assert_true(part[0].label == NULL && part[1].label == NULL);
    assert_int_equal(part[2].label_count, 6);
    assert_true(part[2].softmax && !part[0].softmax);
    exec_free(exec);
    for (int i = 0; i < 3; i++)
        model_free(&part[i]);
    model_free(&whole);
}

/* They tell of the samples, which only the first part sees. */
static void statistics_go_to_the_first_part(void **state)
{
    static const char *const at[] = { "pool2" };
    struct error err = { 0 };
    struct model whole, part[2];

    (void)state;
    make(&whole, "solder-cnn", 64, 0.25);
    whole.statistics = tree_map(&whole.arena);
    tree_add_int(&whole.arena, whole.statistics, "samples", 7);
    must(split_model(part, &whole, at, 1, &err), &err);
    model_free(&whole);
    assert_int_equal(tree_get(part[0].statistics, "samples")->integer, 7);
    assert_null(part[1].statistics);
    model_free(&part[0]);
    model_free(&part[1]);
}

static void a_normalization_folded_away_names_its_convolution(void **state)
{
    static const char *const at[] = { "bn2" };
    struct error err = { 0 };
    struct model whole, part[2];

    (void)state;
    make(&whole, "solder-cnn", 32, 1);
    must(split_model(part, &whole, at, 1, &err), &err);
    assert_string_equal(part[0].graph.node[part[0].graph.node_count - 1].name, "conv2");
    model_free(&part[0]);
    model_free(&part[1]);
    model_free(&whole);
}

static void what_cannot_be_cut_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *at[2];
        const char *says, *hint;
    } rows[] = {
        { { "fc", NULL }, "'fc' is the last node", "the last to cut after is 'flatten'" },
        { { "pol2", NULL }, "no node 'pol2'", "did you mean 'pool2'?" },
        { { "pool3", "pool2" }, "'pool2' does not come after 'pool3'", "" },
        { { "pool2", "pool2" }, "'pool2' does not come after 'pool2'", "" },
        { { "input", NULL }, "no node 'input'", "" },
    };
    struct update update = { .round = 1 };
    struct model whole, part[3];

    (void)state;
    make(&whole, "solder-cnn", 32, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error err = { 0 };

        assert_int_equal(split_model(part, &whole, rows[i].at, rows[i].at[1] != NULL ? 2 : 1, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        if (strstr(err.message, rows[i].says) == NULL || strstr(err.hint, rows[i].hint) == NULL)
            fail_msg("expected '%s' (%s), found '%s' (%s)", rows[i].says, rows[i].hint, err.message, err.hint);
    }
    whole.update = &update;
    assert_int_equal(split_model(part, &whole, rows[0].at, 1, NULL), -1);
    model_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_and_tail_give_the_wholes_bits_after_every_node),
        cmocka_unit_test(three_parts_chain_and_name_each_other),
        cmocka_unit_test(statistics_go_to_the_first_part),
        cmocka_unit_test(a_normalization_folded_away_names_its_convolution),
        cmocka_unit_test(what_cannot_be_cut_is_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, init_kernels, NULL);
}
