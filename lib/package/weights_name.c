#include "package/weights_name.h"

#include <string.h>

#include "base/text.h"
#include "graph/graph.h"

/* '*' stands for anything. */
static const char *const only_ours[] = {
    "relu6.min", /* bounds of a Clip; in PyTorch they are code */
    "relu6.max",
};
static const char *const only_theirs[] = {
    "num_batches_tracked", /* BatchNormalization counts what it was trained on */
    "*.num_batches_tracked",
};
static const char *const in_front[] = {
    "module.",    /* DataParallel */
    "model.",     /* a network inside of another module */
    "_orig_mod.", /* torch.compile() */
};

static bool listed(const char *const *patterns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (text_matches(patterns[i], name))
            return true;
    return false;
}

bool weights_only_ours(const struct value *value)
{
    return !value->trainable && value->tensor.shape.rank == 0 && listed(only_ours, COUNT(only_ours), value->name);
}

bool weights_only_theirs(const char *name)
{
    return listed(only_theirs, COUNT(only_theirs), name);
}

/* Characters that stand in front of all names, or 0. */
static size_t common_front(const struct tensor_list *list)
{
    for (size_t k = 0; k < COUNT(in_front); k++) {
        const size_t length = strlen(in_front[k]);
        int i = 0;

        while (i < list->count && strncmp(list->name[i], in_front[k], length) == 0)
            i++;
        if (i == list->count && i > 0)
            return length;
    }
    return 0;
}

void weights_strip(struct tensor_list *list, bool (*has)(const void *context, const char *name), const void *context)
{
    size_t length = common_front(list);

    while (length > 0) {
        for (int i = 0; i < list->count; i++)
            if (has(context, list->name[i]))
                return;
        for (int i = 0; i < list->count; i++)
            list->name[i] += length;
        length = common_front(list);
    }
}
