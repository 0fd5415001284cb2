/*
 * classify.c - classes instead of numbers: for each sample "PROBABILITY:INDEX:LABEL" of the largest, falling.
 * A package with thresholds has its answer first.
 *
 * Source: NVIDIA Triton, "Classification Extension".
 */
#include <stdlib.h>
#include <string.h>

#include "base/real.h"
#include "serve/internal.h"

struct ranked {
    float probability;
    int index;
};

/* Falling; of equals the first class first. */
static int compare(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->probability != y->probability)
        return x->probability > y->probability ? -1 : 1;
    return x->index - y->index;
}

/* Where thresholds make another class the answer than the most probable one, it comes first, as infer says. */
static void put_answer_first(struct ranked *ranked, const struct model *model, const float *probability)
{
    const int answer = model->threshold != NULL ? answer_of(model, probability).class_index : -1;
    int at = 0;

    if (answer < 0)
        return;
    while (ranked[at].index != answer)
        at++;
    memmove(&ranked[1], &ranked[0], (size_t)at * sizeof(*ranked));
    ranked[0] = (struct ranked){ probability[answer], answer };
}

static void add_class(struct text *bytes, const struct model *model, const struct ranked *one)
{
    struct text text = { 0 };

    text_add_real(&text, real_of_float(one->probability));
    text_printf(&text, ":%d", one->index);
    if (one->index < model->label_count)
        text_printf(&text, ":%s", model->label[one->index]);
    bytes->failed |= text.failed;
    oip_bytes_add(bytes, text.chars, text.length);
    text_free(&text);
}

int classify_rows(struct oip_tensor *tensor, const struct wanted *wanted, const struct model *model, int64_t rows,
                  struct arena *arena, struct error *err)
{
    const int64_t classes = (int64_t)(wanted->row_bytes / sizeof(float));
    const int64_t most = wanted->classification < classes ? wanted->classification : classes;
    struct ranked *ranked = arena_array(arena, (size_t)classes + 1, sizeof(*ranked));
    struct text bytes = { 0 };
    void *kept = NULL;

    if (ranked == NULL)
        return error_memory(err);
    for (int64_t row = 0; row < rows; row++) {
        const float *probability = (const float *)(const void *)(wanted->data + (size_t)row * wanted->row_bytes);

        for (int64_t i = 0; i < classes; i++)
            ranked[i] = (struct ranked){ probability[i], (int)i };
        qsort(ranked, (size_t)classes, sizeof(*ranked), compare);
        put_answer_first(ranked, model, probability);
        for (int64_t i = 0; i < most; i++)
            add_class(&bytes, model, &ranked[i]);
    }
    if (!bytes.failed)
        kept = arena_strndup(arena, bytes.chars ? bytes.chars : "", bytes.length);
    tensor->is_bytes = true;
    tensor->shape = shape_of(2, rows, most);
    tensor->data = kept;
    tensor->data_bytes = bytes.length;
    text_free(&bytes);
    return kept == NULL ? error_memory(err) : 0;
}
