/* profile_input.c - the inputs of a profiled run: sizes as asked for, numbers at random. */
#include <inttypes.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "infer/profile_input.h"

/* ---- sizes ---- */

/* "3x224x224" into dim; the count, or -1 when it is no such. */
static int read_sizes(const char *text, int64_t dim[SHAPE_MAX_RANK])
{
    char number[24];

    for (int count = 0; count < SHAPE_MAX_RANK; count++) {
        const size_t length = strcspn(text, "x");

        if (length == 0 || length >= sizeof(number))
            return -1;
        memcpy(number, text, length);
        number[length] = '\0';
        if (text_to_int(number, &dim[count]) < 0 || dim[count] < 1)
            return -1;
        if (text[length] == '\0')
            return count + 1;
        text += length + 1;
    }
    return -1;
}

static struct value *find_input(struct graph *graph, const char *name, size_t length, struct error *err)
{
    if (name == NULL && graph->input_count == 1)
        return &graph->value[graph->input[0]];
    for (int i = 0; i < graph->input_count && name != NULL; i++) {
        struct value *input = &graph->value[graph->input[i]];

        if (strlen(input->name) == length && memcmp(input->name, name, length) == 0)
            return input;
    }
    if (name == NULL)
        error_set(err, ERROR_USAGE, "the model has %d inputs, expected NAME=SIZES", graph->input_count);
    else
        error_set(err, ERROR_USAGE, "the model has no input '%.*s'", (int)length, name);
    if (graph->input_count > 0)
        error_hint(err, "such as '%s'", graph->value[graph->input[0]].name);
    return NULL;
}

static int give_size(struct graph *graph, const char *text, struct error *err)
{
    const char *sign = strrchr(text, '='); /* a name may hold one */
    struct value *input = find_input(graph, sign ? text : NULL, sign ? (size_t)(sign - text) : 0, err);
    struct shape *shape = input ? &input->tensor.shape : NULL;
    int64_t dim[SHAPE_MAX_RANK];
    int count, skip;
    char buf[160];

    if (shape == NULL)
        return -1;
    count = read_sizes(sign ? sign + 1 : text, dim);
    skip = shape->rank > 0 && shape->dim[0] == -1;
    if (count < 0)
        return error_set(err, ERROR_USAGE, "'%s', expected sizes such as 3x224x224", text);
    for (int i = 0; count == shape->rank - skip && i < count; i++) {
        if (shape->dim[i + skip] != -1 && shape->dim[i + skip] != dim[i])
            count = -1;
        else
            shape->dim[i + skip] = dim[i];
    }
    if (count == shape->rank - skip)
        return 0;
    return error_set(err, ERROR_USAGE, "'%s' does not fit input '%s' of shape %s%s", text, input->name,
                     shape_text(shape, buf), skip ? ", whose batch is --batch" : "");
}

/* Nothing is open any more but the batch, and that where one is asked for. */
static int check_input(const struct value *input, int64_t batch, struct error *err)
{
    const struct shape *shape = &input->tensor.shape;
    char buf[160];

    for (int i = 1; i < shape->rank; i++) {
        if (shape->dim[i] != -1)
            continue;
        error_set(err, ERROR_USAGE, "input '%s' has shape %s: a size is open", input->name, shape_text(shape, buf));
        return error_hint(err, "--input '%s=3x224x224' says such sizes", input->name);
    }
    if (batch != 1 && (shape->rank < 1 || shape->dim[0] != -1))
        return error_set(err, ERROR_USAGE, "--batch %" PRId64 ": input '%s' has shape %s, its batch is not open", batch,
                         input->name, shape_text(shape, buf));
    return 0;
}

int profile_bind(struct graph *graph, const struct profile_options *options, struct error *err)
{
    for (int i = 0; i < options->size_count; i++)
        if (give_size(graph, options->sizes[i], err) < 0)
            return error_in(err, "--input");
    for (int i = 0; i < graph->input_count; i++)
        if (check_input(&graph->value[graph->input[i]], options->batch, err) < 0)
            return -1;
    return 0;
}

/* ---- numbers ---- */

void profile_fill(const struct graph *graph, struct exec *exec, uint64_t seed)
{
    for (int i = 0; i < graph->input_count; i++) {
        struct tensor *in = exec_input(exec, i);
        struct rng rng = rng_make(seed, rng_stream("profile", (uint64_t)i, 0));
        const int64_t count = shape_count(&in->shape);

        if (in->dtype == DTYPE_F32)
            for (int64_t k = 0; k < count; k++)
                ((float *)in->data)[k] = 4 * rng_uniform(&rng) - 2;
        else if (in->dtype == DTYPE_U8)
            for (int64_t k = 0; k < count; k++)
                ((uint8_t *)in->data)[k] = (uint8_t)rng_u32(&rng);
        else if (count > 0)
            memset(in->data, 0, tensor_bytes(in));
    }
}
