/* class_list.c - which classes sets have, without decoding anything. */
#include <stdio.h>
#include <string.h>

#include "data/internal.h"

enum { MAX_CLASSES = 65536 };

int class_list_add(struct class_list *list, const char *name, struct error *err)
{
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->name[i], name) == 0)
            return i;
    if (list->count == MAX_CLASSES)
        return error_set(err, ERROR_LIMIT, "more than %d classes", MAX_CLASSES);
    if (list->count == list->room) {
        int room = list->room * 2 + 16;

        list->name = arena_grow(list->arena, list->name, (size_t)list->room, (size_t)room, sizeof(*list->name));
        if (list->name == NULL)
            return error_memory(err);
        list->room = room;
    }
    list->name[list->count] = arena_strdup(list->arena, name);
    return list->name[list->count] == NULL ? error_memory(err) : list->count++;
}

/* A set without names: classes that are all numbers count up to the largest, others are names as they come. */
static int scan_classes(struct class_list *list, struct source *source, struct error *err)
{
    struct arena arena = { 0 };
    struct class_list found = { .arena = &arena };
    struct item item;
    bool numbers = true;
    int largest = -1, rc;

    while ((rc = source_next(source, &item, err)) > 0) {
        int number = item.class_text != NULL ? class_number(item.class_text) : -1;

        if (item.class_text == NULL)
            continue;
        numbers = numbers && number >= 0;
        if (number > largest)
            largest = number;
        if (class_list_add(&found, item.class_text, err) < 0) {
            rc = error_in(err, "%s", source->path);
            break;
        }
    }
    if (rc == 0 && numbers && largest >= MAX_CLASSES)
        rc = error_set(err, ERROR_LIMIT, "%s: class %d, at most %d are counted", source->path, largest, MAX_CLASSES);
    for (int i = 0; i <= largest && numbers && rc == 0; i++) {
        char number[16];

        snprintf(number, sizeof(number), "%d", i);
        rc = class_list_add(list, number, err) < 0 ? -1 : 0;
    }
    for (int i = 0; i < found.count && !numbers && rc == 0; i++)
        rc = class_list_add(list, found.name[i], err) < 0 ? -1 : 0;
    arena_free(&arena);
    return rc;
}

int dataset_labels(struct arena *arena, const char *const *paths, int path_count, const char ***labels, int *count,
                   struct error *err)
{
    struct class_list list = { .arena = arena };
    int rc = 0;

    for (int i = 0; i < path_count && rc == 0; i++) {
        struct source *source = source_open(paths[i], err);
        int own_count;
        const char *const *own;

        if (source == NULL)
            return -1;
        own = source_labels(source, &own_count);
        for (int j = 0; j < own_count && own != NULL && rc == 0; j++)
            rc = class_list_add(&list, own[j], err) < 0 ? -1 : 0;
        if (own == NULL)
            rc = scan_classes(&list, source, err);
        source_close(source);
    }
    *labels = list.name;
    *count = list.count;
    return rc;
}

/* What a .cls says may be any bytes, but not every name can stand in a package. */
static int check_name(const char *name, struct error *err)
{
    struct text visible = { 0 };
    int rc;

    text_add_visible(&visible, name, strlen(name));
    rc = text_check(&visible, err);
    if (rc == 0 && strcmp(visible.chars, name) != 0)
        rc = error_set(err, ERROR_INPUT, "class '%.200s' has a control character or bad UTF-8", visible.chars);
    text_free(&visible);
    return rc;
}

/* Where the model's labels are numbers a set's names count by their place; all else goes by class_find(). */
static int add_new(struct class_list *list, const struct source *source, const char *const *names, int count,
                   bool numbers, struct error *err)
{
    int index;

    for (int i = 0; i < count; i++) {
        char number[16];
        const char *name = names[i];

        if (class_find(&index, name, source->labels, source->label_count, list->name, list->count, NULL) == 0)
            continue;
        snprintf(number, sizeof(number), "%d", i);
        if (numbers && source->labels != NULL)
            name = number;
        if (check_name(name, err) < 0)
            return error_in(err, "%s", source->path);
        if (class_list_add(list, name, err) < 0)
            return -1;
    }
    return 0;
}

static int add_new_of(struct class_list *list, const char *path, bool numbers, struct error *err)
{
    struct arena arena = { 0 };
    struct class_list found = { .arena = &arena };
    struct source *source = source_open(path, err);
    int rc = source != NULL ? 0 : -1;

    if (rc == 0 && source->labels == NULL)
        rc = scan_classes(&found, source, err);
    if (rc == 0)
        rc = source->labels != NULL ? add_new(list, source, source->labels, source->label_count, numbers, err)
                                    : add_new(list, source, found.name, found.count, numbers, err);
    source_close(source);
    arena_free(&arena);
    return rc;
}

int dataset_grown_labels(struct arena *arena, const char *const *paths, int path_count, const char *const *labels,
                         int label_count, const char ***grown, int *count, struct error *err)
{
    struct class_list list = { .arena = arena };
    const bool numbers = labels_are_numbers(labels, label_count);
    int rc = 0;

    for (int i = 0; i < label_count && rc == 0; i++)
        rc = class_list_add(&list, labels[i], err) < 0 ? -1 : 0;
    for (int i = 0; i < path_count && rc == 0; i++)
        rc = add_new_of(&list, paths[i], numbers, err);
    *grown = list.name;
    *count = list.count;
    return rc;
}

int header_join(struct header *header, struct arena *arena, struct source *const *sources, int count, struct error *err)
{
    struct class_list list = { .arena = arena };

    *header = (struct header){ .has_privacy = true, .privacy = PRIVACY_PUBLIC };
    for (int i = 0; i < count; i++) {
        int own_count;
        const char *const *own = source_labels(sources[i], &own_count);

        for (int j = 0; j < own_count && own != NULL; j++)
            if (class_list_add(&list, own[j], err) < 0)
                return -1;
        if (source_privacy(sources[i]) > header->privacy)
            header->privacy = source_privacy(sources[i]);
    }
    header->labels = list.name;
    header->label_count = list.count;
    return 0;
}
