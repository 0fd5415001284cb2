/*
 * A model, or a tensor alone, from anywhere. What is loaded has all the bytes of its shape, lies on a multiple of its
 * element's size, and is the same when loaded again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(struct onnx_tensor *tensor, struct arena *arena)
{
    struct error err = { 0 };
    struct tensor first, again;
    unsigned char *copy;

    if (onnx_load(&first, tensor, arena, NULL, &err) < 0)
        return;
    if ((uintptr_t)first.data % dtype_bytes(first.dtype) != 0)
        abort();
    copy = malloc(tensor_bytes(&first) + 1);
    if (copy == NULL)
        return;
    if (tensor_bytes(&first) > 0)
        memcpy(copy, first.data, tensor_bytes(&first));
    if (onnx_load(&again, tensor, arena, NULL, &err) < 0 || memcmp(copy, again.data, tensor_bytes(&first)) != 0)
        abort();
    free(copy);
}

static void load_attributes(const struct onnx_node *node, struct arena *arena)
{
    for (int i = 0; i < node->attribute_count; i++)
        if (node->attribute[i].tensor != NULL)
            load(node->attribute[i].tensor, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *bytes = malloc(size + (size == 0));
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct onnx_tensor tensor;
    struct onnx_model model;

    if (bytes == NULL)
        return 0;
    if (size > 0)
        memcpy(bytes, data, size);
    (void)onnx_sniff(bytes, size);
    if (onnx_parse(&model, &arena, bytes, size, &err) == 0) {
        for (int i = 0; i < model.initializer_count; i++)
            load(&model.initializer[i], &arena);
        for (int i = 0; i < model.node_count; i++)
            load_attributes(&model.node[i], &arena);
    } else if (err.message[0] == '\0') {
        abort();
    }
    if (size > 0)
        memcpy(bytes, data, size); /* loading moves elements */
    if (onnx_parse_tensor(&tensor, &arena, bytes, size, &err) == 0)
        load(&tensor, &arena);
    arena_free(&arena);
    free(bytes);
    return 0;
}
