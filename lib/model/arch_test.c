/*
 * arch_test.c - the built-in architectures against the literature.
 *
 * testdata/arch/NAME.txt is what PyTorch says of the same networks
 * (scripts/make-arch-vectors): parameters, multiply-adds of convolutions and
 * fully connected layers, and name and shape of every tensor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/exec.h"
#include "model/model.h"

static void must(int rc, const struct error *err)
{
    if (rc < 0)
        fail_msg("%s", err->message);
}

static void make(struct model *model, const char *name, struct arch_options options)
{
    struct error err = { 0 };

    must(model_new(model, name, &options, &err), &err);
}

static double product_macs(struct model *model)
{
    struct op_cost total, *per_node = calloc((size_t)model->graph.node_count, sizeof(*per_node));
    struct error err = { 0 };
    double macs = 0;

    assert_non_null(per_node);
    must(graph_infer_shapes(&model->graph, 1, &err), &err);
    must(graph_cost(&model->graph, &total, per_node, &err), &err);
    for (int i = 0; i < model->graph.node_count; i++) {
        const char *op = model->graph.node[i].op->name;

        if (strcmp(op, "Conv") == 0 || strcmp(op, "Gemm") == 0)
            macs += per_node[i].macs;
    }
    free(per_node);
    return macs;
}

static int count_tensors(const struct graph *graph)
{
    int count = 0;

    for (int i = 0; i < graph->value_count; i++)
        count += graph->value[i].kind == VALUE_WEIGHT && graph->value[i].tensor.shape.rank > 0;
    return count;
}

/* The shape of the named weight, or "absent". */
static const char *shape_of_weight(const struct graph *graph, const char *name, char buf[160])
{
    int value = graph_find_value(graph, name);

    return value < 0 ? "absent" : shape_text(&graph->value[value].tensor.shape, buf);
}

static void agrees_with_pytorch(const char *file, const char *arch, struct arch_options options)
{
    char path[128], name[128], shape[160], found[160];
    long long parameters, macs;
    struct model model;
    int count = 0;
    FILE *in;

    make(&model, arch, options);
    snprintf(path, sizeof(path), "testdata/arch/%s.txt", file);
    in = fopen(path, "r");
    assert_non_null(in);
    assert_int_equal(fscanf(in, "%lld %lld", &parameters, &macs), 2);
    assert_int_equal(graph_parameters(&model.graph), parameters);
    assert_int_equal((long long)product_macs(&model), macs);
    while (fscanf(in, "%127s %159[^\n]", name, shape) == 2) {
        const char *ours = shape_of_weight(&model.graph, name, found);

        if (strcmp(ours, shape) != 0)
            fail_msg("%s: %s is %s, PyTorch has %s", file, name, ours, shape);
        count++;
    }
    fclose(in);
    assert_int_equal(count_tensors(&model.graph), count);
    model_free(&model);
}

static void every_network_has_pytorchs_parameters_shapes_and_macs(void **state)
{
    static const struct {
        const char *file, *arch;
        struct arch_options options;
    } rows[] = {
        { "mlp", "mlp", { 0 } },
        { "mlp", "mlp:300-100", { 0 } },
        { "lenet5", "lenet5", { 0 } },
        { "cnn-mcmahan", "cnn-mcmahan", { 0 } },
        { "alexnet-cifar", "alexnet-cifar", { 0 } },
        { "resnet20", "resnet20", { 0 } },
        { "resnet18", "resnet18", { 0 } },
        { "resnet18-32", "resnet18", { .height = 32, .width = 32, .classes = 10 } },
        { "resnet50", "resnet50", { 0 } },
        { "squeezenet", "squeezenet", { 0 } },
        { "mobilenet-v2", "mobilenet-v2", { 0 } },
        { "mobilenet-v2-half", "mobilenet-v2", { .width_factor = 0.5 } },
        { "mobilenet-v3-small", "mobilenet-v3-small", { 0 } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        agrees_with_pytorch(rows[i].file, rows[i].arch, rows[i].options);
}

/* McMahan et al. 2017: 199,210 parameters in the 2NN. */
static void mlp_200_200_is_mcmahans_2nn(void **state)
{
    struct model model;

    (void)state;
    make(&model, "mlp:200-200", (struct arch_options){ 0 });
    assert_int_equal(graph_parameters(&model.graph), 199210);
    model_free(&model);
}

static void solder_cnn_has_at_most_100_000_parameters(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        struct model model;

        make(&model, "solder-cnn", (struct arch_options){ .channels = channels, .classes = 7 });
        assert_in_range(graph_parameters(&model.graph), 10000, 100000);
        model_free(&model);
    }
}

/* Below 32 pixels pooling five times would leave nothing. */
static void solder_cnn_takes_inputs_of_any_size(void **state)
{
    static const int sides[] = { 1, 3, 8, 28, 32, 96, 200 };

    (void)state;
    for (size_t i = 0; i < COUNT(sides); i++) {
        struct model model;

        make(&model, "solder-cnn", (struct arch_options){ .height = sides[i], .width = sides[i] });
        model_free(&model);
    }
}

static void every_network_is_a_classifier_ready_to_run(void **state)
{
    (void)state;
    for (int i = 0; arch_table[i] != NULL; i++) {
        struct model model;
        struct error err = { 0 };
        const struct tensor *out;

        make(&model, arch_table[i]->name, (struct arch_options){ .classes = 5 });
        must(graph_check(&model.graph, &err), &err);
        must(model_check_finite(&model, &err), &err);
        assert_string_equal(model.name, arch_table[i]->name);
        assert_string_equal(model.task, "classify");
        assert_true(model.softmax);
        assert_int_equal(model.label_count, 5);
        assert_string_equal(model.label[4], "4");
        assert_int_equal(model.graph.output_count, 1);
        out = &model.graph.value[model.graph.output[0]].tensor;
        assert_int_equal(out->shape.rank, 2);
        assert_int_equal(out->shape.dim[1], 5);
        assert_true(model_head(&model) >= 0);
        model_free(&model);
    }
}

static void every_network_runs_to_finite_numbers_that_differ_by_class(void **state)
{
    struct kern kern;
    const struct job job = { .kern = &kern };

    (void)state;
    assert_int_equal(kern_init(&kern, NULL, NULL), 0);
    for (int i = 0; arch_table[i] != NULL; i++) {
        const struct arch_options options = { 3, 32, 32, 5, 0.25, NULL, 1 };
        struct error err = { 0 };
        struct model model;
        struct exec *exec;
        const float *y;

        make(&model, arch_table[i]->name, options);
        exec = exec_new(&model.graph, 1, EXEC_INFER, &job, &err);
        if (exec == NULL)
            fail_msg("%s: %s", arch_table[i]->name, err.message);
        for (int64_t k = 0; k < shape_count(&exec_input(exec, 0)->shape); k++)
            ((float *)exec_input(exec, 0)->data)[k] = (float)(k * 37 % 201 - 100) / 100;
        exec_forward(exec);
        assert_true(tensor_finite(exec_output(exec, 0)));
        y = exec_output(exec, 0)->data;
        if (y[0] == y[1] && y[1] == y[2])
            fail_msg("%s: all classes score %g", arch_table[i]->name, (double)y[0]);
        exec_free(exec);
        model_free(&model);
    }
}

static const float *weight(const struct model *model, const char *name)
{
    int value = graph_find_value(&model->graph, name);

    assert_true(value >= 0);
    return model->graph.value[value].tensor.data;
}

static void the_seed_alone_decides_the_weights(void **state)
{
    struct model a, b, c, wide;

    (void)state;
    make(&a, "solder-cnn", (struct arch_options){ .seed = 1 });
    make(&b, "solder-cnn", (struct arch_options){ .seed = 1 });
    make(&c, "solder-cnn", (struct arch_options){ .seed = 2 });
    make(&wide, "solder-cnn", (struct arch_options){ .seed = 1, .classes = 9 });
    assert_memory_equal(weight(&a, "conv2.weight"), weight(&b, "conv2.weight"), 100 * sizeof(float));
    assert_memory_equal(weight(&a, "conv2.weight"), weight(&wide, "conv2.weight"), 100 * sizeof(float));
    assert_memory_not_equal(weight(&a, "conv2.weight"), weight(&c, "conv2.weight"), 100 * sizeof(float));
    assert_memory_not_equal(weight(&a, "conv1.weight"), weight(&a, "conv2.weight"), 100 * sizeof(float));
    model_free(&a);
    model_free(&b);
    model_free(&c);
    model_free(&wide);
}

/* He et al. 2015: variance 2 / (out * 3 * 3); 73,728 draws put the estimate within 3 %. */
static void convolutions_are_drawn_as_he_et_al_say(void **state)
{
    struct model model;
    const float *w;
    double sum = 0, squares = 0;
    const int count = 128 * 64 * 9;

    (void)state;
    make(&model, "resnet18", (struct arch_options){ .seed = 3 });
    w = weight(&model, "layer2.0.conv1.weight");
    for (int i = 0; i < count; i++) {
        sum += (double)w[i];
        squares += (double)w[i] * (double)w[i];
    }
    assert_true(squares / count * (128 * 9) / 2 > 0.97 && squares / count * (128 * 9) / 2 < 1.03);
    assert_true(sum / count > -0.001 && sum / count < 0.001);
    assert_true(weight(&model, "bn1.weight")[63] == 1);
    assert_true(weight(&model, "bn1.bias")[63] == 0);
    model_free(&model);
}

static void what_cannot_be_built_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *arch;
        struct arch_options options;
        const char *says;
    } rows[] = {
        { "resnet19", { 0 }, "unknown architecture 'resnet19'" },
        { "zzzzzzzzzz", { 0 }, "unknown architecture" },
        { "", { 0 }, "unknown architecture ''" },
        { "resnet18:3", { 0 }, "takes nothing after a colon" },
        { "mlp:", { 0 }, "found ''" },
        { "mlp:300-", { 0 }, "found '300-'" },
        { "mlp:-3", { 0 }, "found '-3'" },
        { "mlp:30x", { 0 }, "found '30x'" },
        { "mlp:0", { 0 }, "found '0'" },
        { "lenet5", { .height = 8, .width = 8 }, "too small: conv2 sees 2x2" },
        { "lenet5", { .classes = -1 }, "-1 classes" },
        { "lenet5", { .channels = -1 }, "input -1x28x28" },
        { "lenet5", { .height = 100000 }, "sides of 1 to 8192" },
        { "resnet18", { .width_factor = -1 }, "width -1" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error err = { 0 };
        struct model model;

        assert_int_equal(model_new(&model, rows[i].arch, &rows[i].options, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        if (strstr(err.message, rows[i].says) == NULL)
            fail_msg("'%s': expected '%s', found '%s'", rows[i].arch, rows[i].says, err.message);
    }
}

static void the_nearest_name_is_the_hint(void **state)
{
    struct error err = { 0 };
    struct model model;

    (void)state;
    assert_int_equal(model_new(&model, "mobilenet-v1", &(struct arch_options){ 0 }, &err), -1);
    assert_string_equal(err.hint, "did you mean 'mobilenet-v2'?");
}

static void torchvisions_names_are_understood(void **state)
{
    static const char *const rows[][2] = { { "squeezenet1_1", "squeezenet" },
                                           { "mobilenet_v2", "mobilenet-v2" },
                                           { "mobilenet_v3_small", "mobilenet-v3-small" },
                                           { "resnet50", "resnet50" } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct model model;

        make(&model, rows[i][0], (struct arch_options){ .height = 32, .width = 32, .width_factor = 0.25 });
        assert_string_equal(model.name, rows[i][1]);
        model_free(&model);
    }
}

static void width_scales_channels_but_not_classes(void **state)
{
    struct model model;
    char shape[160];

    (void)state;
    make(&model, "resnet20", (struct arch_options){ .width_factor = 0.5 });
    assert_string_equal(shape_of_weight(&model.graph, "conv1.weight", shape), "[8, 3, 3, 3]");
    assert_string_equal(shape_of_weight(&model.graph, "fc.weight", shape), "[10, 32]");
    model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_network_has_pytorchs_parameters_shapes_and_macs),
        cmocka_unit_test(mlp_200_200_is_mcmahans_2nn),
        cmocka_unit_test(solder_cnn_has_at_most_100_000_parameters),
        cmocka_unit_test(solder_cnn_takes_inputs_of_any_size),
        cmocka_unit_test(every_network_is_a_classifier_ready_to_run),
        cmocka_unit_test(every_network_runs_to_finite_numbers_that_differ_by_class),
        cmocka_unit_test(the_seed_alone_decides_the_weights),
        cmocka_unit_test(convolutions_are_drawn_as_he_et_al_say),
        cmocka_unit_test(what_cannot_be_built_is_refused_with_a_reason),
        cmocka_unit_test(the_nearest_name_is_the_hint),
        cmocka_unit_test(torchvisions_names_are_understood),
        cmocka_unit_test(width_scales_channels_but_not_classes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
