/* Order and padding, so that a reader may use every tensor where it lies. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "package/internal.h"
#include "json/json.h"

enum { DATA_ALIGN = 64 };

struct sorted {
    const char *name;
    size_t bytes;
    size_t align; /* the largest power of two, at most 64, that divides the bytes */
    int index;
};

/* After a tensor whose size is a multiple of 64, all are; so the alignments fall and every tensor fits its own. */
static int by_align(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;

    if (x->align != y->align)
        return x->align > y->align ? -1 : 1;
    return strcmp(x->name, y->name);
}

static struct sorted *sort(struct arena *arena, const struct tensor *const *tensors, const char *const *names,
                           int count)
{
    struct sorted *sorted = arena_array(arena, (size_t)count + 1, sizeof(*sorted));

    for (int i = 0; sorted != NULL && i < count; i++) {
        size_t bytes = tensor_bytes(tensors[i]), align = bytes & (~bytes + 1);

        if (align == 0 || align > DATA_ALIGN)
            align = DATA_ALIGN;
        sorted[i] = (struct sorted){ names[i], bytes, align, i };
    }
    if (sorted != NULL)
        qsort(sorted, (size_t)count, sizeof(*sorted), by_align);
    return sorted;
}

static struct tree *describe(struct arena *arena, const struct tensor *const *tensors, const struct sorted *sorted,
                             int count)
{
    struct tree *root = tree_map(arena);
    size_t at = 0;

    for (int i = 0; i < count; i++) {
        const struct tensor *tensor = tensors[sorted[i].index];
        struct tree *map = tree_add_map(arena, root, sorted[i].name);
        struct tree *list;

        tree_add_text(arena, map, "dtype", dtype_name(tensor->dtype));
        list = tree_add_list(arena, map, "shape");
        for (int axis = 0; axis < tensor->shape.rank; axis++)
            tree_add_int(arena, list, NULL, tensor->shape.dim[axis]);
        list = tree_add_list(arena, map, "data_offsets");
        tree_add_int(arena, list, NULL, (int64_t)at);
        at += sorted[i].bytes;
        tree_add_int(arena, list, NULL, (int64_t)at);
    }
    return arena->failed ? NULL : root;
}

int safetensors_header(struct text *out, struct arena *arena, const struct tensor *const *tensors,
                       const char *const *names, int count, int **order, struct error *err)
{
    struct sorted *sorted = sort(arena, tensors, names, count);
    struct tree *root = sorted != NULL ? describe(arena, tensors, sorted, count) : NULL;
    size_t start = out->length, length;
    unsigned char prefix[SAFETENSORS_LENGTH] = { 0 };

    *order = arena_array(arena, (size_t)count + 1, sizeof(**order));
    if (root == NULL || *order == NULL)
        return error_memory(err);
    for (int i = 0; i < count; i++)
        (*order)[i] = sorted[i].index;
    text_add_bytes(out, prefix, sizeof(prefix));
    json_write(out, root);
    while ((out->length - start) % DATA_ALIGN != 0 && !out->failed)
        text_add_bytes(out, " ", 1);
    if (text_check(out, err) < 0)
        return -1;
    length = out->length - start - SAFETENSORS_LENGTH;
    for (int i = 0; i < SAFETENSORS_LENGTH; i++)
        out->chars[start + (size_t)i] = (char)(length >> (8 * i));
    return 0;
}
