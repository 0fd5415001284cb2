/* class.c - which of a model's labels a sample's class is. */
#include <stdio.h>
#include <string.h>

#include "data/internal.h"

int class_number(const char *text)
{
    int64_t number;

    return text_to_int(text, &number) == 0 && number >= 0 && number <= INT32_MAX ? (int)number : -1;
}

static int find_name(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

bool labels_are_numbers(const char *const *labels, int count)
{
    char number[16];

    for (int i = 0; labels != NULL && i < count; i++) {
        snprintf(number, sizeof(number), "%d", i);
        if (strcmp(labels[i], number) != 0)
            return false;
    }
    return true;
}

/* "good, bridge, void and 4 more" */
static void list_labels(struct text *out, const char *const *labels, int count)
{
    int shown = count > 12 ? 10 : count;

    for (int i = 0; i < shown; i++) {
        text_add(out, i > 0 ? ", " : "");
        text_add(out, labels[i]);
    }
    if (shown < count)
        text_printf(out, " and %d more", count - shown);
}

static int unknown(const char *name, const char *const *labels, int count, struct error *err)
{
    struct text known = { 0 };

    if (labels_are_numbers(labels, count)) {
        error_set(err, ERROR_INPUT, "class '%.200s' is not a number from 0 to %d", name, count - 1);
    } else {
        list_labels(&known, labels, count);
        error_set(err, ERROR_INPUT, "class '%.200s' is not one of the labels %.600s", name,
                  known.chars != NULL ? known.chars : "");
        text_free(&known);
    }
    return -1;
}

int class_find(int *index, const char *text, const char *const *set_labels, int set_count, const char *const *labels,
               int label_count, struct error *err)
{
    int found = -1, number = class_number(text);

    if (set_labels == NULL) {
        found = labels_are_numbers(labels, label_count) ? -1 : find_name(text, labels, label_count);
        if (found < 0 && number < label_count)
            found = number;
    } else {
        /* where the set has names, its numbers count its own names */
        int own = find_name(text, set_labels, set_count);

        if (own < 0 && number >= 0 && number < set_count)
            own = number;
        if (own < 0)
            return error_set(err, ERROR_INPUT, "class '%.200s' is not one of the %d labels of its set", text,
                             set_count);
        text = set_labels[own];
        if (labels_are_numbers(labels, label_count))
            found = own < label_count ? own : -1;
        else
            found = find_name(text, labels, label_count);
    }
    if (found < 0)
        return unknown(text, labels, label_count, err);
    *index = found;
    return 0;
}

const char *class_shown(const struct source *source, const struct item *item)
{
    int number;

    if (item->class_text == NULL)
        return "";
    number = class_number(item->class_text);
    if (find_name(item->class_text, source->labels, source->label_count) < 0 && number >= 0 &&
        number < source->label_count)
        return source->labels[number];
    return item->class_text;
}

int class_index_of(const struct source *source, const struct item *item, const char *const *labels, int label_count)
{
    int index;

    if (item->class_text == NULL || label_count == 0 ||
        class_find(&index, item->class_text, source->labels, source->label_count, labels, label_count, NULL) < 0)
        return -1;
    return index;
}
