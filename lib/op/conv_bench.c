/* Convolutions of known networks, forward and the two gradients, GFLOP/s of CPU time, one thread; TSV. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "op/internal.h"

static const struct {
    const char *name;
    int64_t batch, groups, channels, filters, pixels, kernel, stride; /* channels and filters of all groups */
} layers[] = {
    { "solder-cnn conv1", 32, 1, 3, 16, 64, 3, 1 },
    { "solder-cnn conv2", 32, 1, 16, 32, 32, 3, 1 },
    { "solder-cnn conv3", 32, 1, 32, 64, 16, 3, 1 },
    { "lenet5 conv2", 64, 1, 20, 50, 12, 5, 1 },
    { "resnet18 stem", 1, 1, 3, 64, 224, 7, 2 },
    { "resnet18 64 at 56", 1, 1, 64, 64, 56, 3, 1 },
    { "resnet18 512 at 7", 1, 1, 512, 512, 7, 3, 1 },
    { "resnet18 64 to 128", 1, 1, 64, 128, 56, 3, 2 },
    { "mobilenet 1 x 1", 1, 1, 96, 24, 56, 1, 1 },
    { "mobilenet depthwise", 1, 144, 144, 144, 56, 3, 1 },
    { "mobilenet depthwise", 1, 144, 144, 144, 56, 3, 2 },
    { "mobilenet training, wider", 32, 1, 16, 96, 48, 1, 1 },
    { "mobilenet training, narrower", 32, 1, 144, 24, 24, 1, 1 },
    { "mobilenet training, wider", 32, 1, 32, 192, 12, 1, 1 },
};

struct layer {
    struct tensor in[2], out;
    const struct tensor *in_list[2];
    struct tensor *out_list[1];
    int64_t strides[2], pads[4];
    struct attribute attribute[3];
    struct attributes attributes;
    struct op_io io;
};

static float *floats(const struct tensor *x)
{
    float *data = calloc(tensor_bytes(x), 1);

    if (!data)
        exit(1);
    return data;
}

static void set_up(struct layer *l, size_t i)
{
    int64_t pad = layers[i].kernel / 2, stride = layers[i].stride;
    struct error err;

    *l = (struct layer){ .strides = { stride, stride }, .pads = { pad, pad, pad, pad } };
    l->attribute[0] = (struct attribute){ .name = "strides", .kind = ATTRIBUTE_INTS, .ints = l->strides, .count = 2 };
    l->attribute[1] = (struct attribute){ .name = "pads", .kind = ATTRIBUTE_INTS, .ints = l->pads, .count = 4 };
    l->attribute[2] = (struct attribute){ .name = "group", .kind = ATTRIBUTE_INT, .i = layers[i].groups };
    l->attributes = (struct attributes){ l->attribute, 3 };
    l->in[0].shape = shape_of(4, layers[i].batch, layers[i].channels, layers[i].pixels, layers[i].pixels);
    l->in[1].shape = shape_of(4, layers[i].filters, layers[i].channels / layers[i].groups, layers[i].kernel,
                              layers[i].kernel);
    l->in_list[0] = &l->in[0];
    l->in_list[1] = &l->in[1];
    l->out_list[0] = &l->out;
    l->io = (struct op_io){ .attributes = &l->attributes,
                            .in = l->in_list,
                            .in_count = 2,
                            .out = l->out_list,
                            .out_count = 1,
                            .training = true,
                            .workers = 1,
                            .plan = calloc(op_conv.plan_bytes, 1) };
    if (!l->io.plan || op_conv.shape(&l->io, &err) < 0)
        exit(1);
    l->out.data = floats(&l->out);
    l->out.grad = floats(&l->out);
    l->in[0].data = floats(&l->in[0]);
    l->in[1].data = floats(&l->in[1]);
    l->io.work = malloc(l->io.work_bytes);
}

static double measure(struct layer *l, const struct op_run *run,
                      void (*pass)(const struct op_io *, const struct op_run *))
{
    double best = 1e9;

    for (int round = 0; round < 12; round++) {
        clock_t start = clock();
        pass(&l->io, run);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        best = seconds < best ? seconds : best;
    }
    return best;
}

int main(void)
{
    struct kern kern;
    const struct op_run run = { .kern = &kern };

    if (kern_init(&kern, getenv("COEDGE_CPU"), NULL) < 0)
        return 1;
    printf("layer\tbatch\tstride\tforward\tinput gradient\tweight gradient\tscratch KiB\n");
    for (size_t i = 0; i < COUNT(layers); i++) {
        struct layer l;
        struct op_cost cost;
        double seconds[3];
        set_up(&l, i);
        op_cost_of(&op_conv, &l.io, &cost);
        seconds[0] = measure(&l, &run, op_conv.forward);
        l.in[0].grad = floats(&l.in[0]);
        seconds[1] = measure(&l, &run, op_conv.backward);
        free(l.in[0].grad);
        l.in[0].grad = NULL;
        l.in[1].grad = floats(&l.in[1]);
        seconds[2] = measure(&l, &run, op_conv.backward);
        printf("%s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%zu\n", layers[i].name, (int)layers[i].batch, (int)layers[i].stride,
               2e-9 * cost.macs / seconds[0], 2e-9 * cost.macs / seconds[1], 2e-9 * cost.macs / seconds[2],
               l.io.work_bytes / 1024);
        free(l.in[1].grad);
        free(l.in[0].data);
        free(l.in[1].data);
        free(l.out.data);
        free(l.out.grad);
        free(l.io.plan);
        free(l.io.work);
    }
    return 0;
}
