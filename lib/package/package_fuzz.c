/*
 * A package from anywhere. Whatever is read without complaint must also run: one
 * forward when its plan is small. The input is model.yaml, a NUL, then the
 * weights' member, so that a fuzzer need not compute sums and digests; an input
 * without NUL is taken as a whole package.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "graph/exec.h"
#include "kern/kern.h"
#include "package/package.h"
#include "stream/stream.h"

enum { SMALL_MACS = 1 << 22, SMALL_BYTES = 1 << 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(struct model *model)
{
    struct error err = { 0 };
    struct op_cost cost;
    struct kern kern;
    struct job job = { .kern = &kern };
    struct exec *exec;

    if (kern_init(&kern, "portable", &err) < 0 || graph_cost(&model->graph, &cost, NULL, &err) < 0 ||
        cost.macs > SMALL_MACS || cost.read_bytes + cost.write_bytes > SMALL_BYTES)
        return;
    exec = exec_new(&model->graph, 1, EXEC_INFER, &job, &err);
    if (exec == NULL)
        return;
    for (int i = 0; i < model->graph.input_count; i++)
        memset(exec_input(exec, i)->data, 0, tensor_bytes(exec_input(exec, i)));
    exec_forward(exec);
    exec_free(exec);
}

static int pack(struct text *out, const uint8_t *data, size_t yaml, size_t size)
{
    struct error err = { 0 };
    struct tar_writer *tar = tar_create_text(out, &err);

    if (tar == NULL)
        return -1;
    if (tar_add(tar, "model.yaml", data, yaml, &err) < 0 ||
        tar_add(tar, "weights.safetensors", data + yaml + 1, size - yaml - 1, &err) < 0) {
        tar_abandon(tar);
        return -1;
    }
    return tar_finish(tar, 0, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = memchr(data, 0, size);
    struct text package = { 0 };
    struct error err = { 0 };
    struct model model;

    if (nul != NULL && (size < 512 || memcmp(data + 257, "ustar", 5) != 0)) {
        if (pack(&package, data, (size_t)(nul - data), size) < 0)
            abort();
        data = (const uint8_t *)package.chars;
        size = package.length;
    }
    if (package_read_memory(&model, data, size, "fuzz", &err) == 0) {
        run(&model);
        (void)!package_take_state(&model, &err);
        (void)!package_settle(&model, &err);
        model_free(&model);
    }
    text_free(&package);
    return 0;
}
