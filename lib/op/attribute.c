#include <inttypes.h>
#include <string.h>

#include "op/op.h"

static const char *const kinds[] = {
    [ATTRIBUTE_INT] = "an integer",          [ATTRIBUTE_FLOAT] = "a number",           [ATTRIBUTE_TEXT] = "a text",
    [ATTRIBUTE_INTS] = "a list of integers", [ATTRIBUTE_FLOATS] = "a list of numbers",
};

const struct attribute *attribute_find(const struct attributes *attributes, const char *name)
{
    for (int i = 0; attributes && i < attributes->count; i++) {
        if (strcmp(attributes->item[i].name, name) == 0)
            return &attributes->item[i];
    }
    return NULL;
}

static int wrong_kind(const struct attribute *found, enum attribute_kind expected, struct error *err)
{
    return error_set(err, ERROR_INPUT, "attribute '%s' is %s, expected %s", found->name, kinds[found->kind],
                     kinds[expected]);
}

int attribute_int(const struct attributes *attributes, const char *name, int64_t fallback, int64_t *out,
                  struct error *err)
{
    const struct attribute *found = attribute_find(attributes, name);

    if (found && found->kind != ATTRIBUTE_INT)
        return wrong_kind(found, ATTRIBUTE_INT, err);
    *out = found ? found->i : fallback;
    return 0;
}

int attribute_float(const struct attributes *attributes, const char *name, double fallback, double *out,
                    struct error *err)
{
    const struct attribute *found = attribute_find(attributes, name);

    /* YAML writes 1.0 as 1: a whole number is a number too. */
    if (found && found->kind != ATTRIBUTE_FLOAT && found->kind != ATTRIBUTE_INT)
        return wrong_kind(found, ATTRIBUTE_FLOAT, err);
    *out = !found ? fallback : found->kind == ATTRIBUTE_INT ? (double)found->i : found->f;
    return 0;
}

int attribute_text(const struct attributes *attributes, const char *name, const char *fallback, const char **out,
                   struct error *err)
{
    const struct attribute *found = attribute_find(attributes, name);

    if (found && found->kind != ATTRIBUTE_TEXT)
        return wrong_kind(found, ATTRIBUTE_TEXT, err);
    *out = found ? found->s : fallback;
    return 0;
}

int attribute_ints(const struct attributes *attributes, const char *name, int count, int64_t fallback, int64_t *out,
                   struct error *err)
{
    const struct attribute *found = attribute_find(attributes, name);

    if (found && found->kind != ATTRIBUTE_INTS)
        return wrong_kind(found, ATTRIBUTE_INTS, err);
    if (found && found->count != count)
        return error_set(err, ERROR_INPUT, "attribute '%s' has %d numbers, expected %d", name, found->count, count);
    for (int i = 0; i < count; i++)
        out[i] = found ? found->ints[i] : fallback;
    return 0;
}
