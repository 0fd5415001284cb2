/* class_list.c - which classes sets have, without decoding anything. */
#include <stdio.h>
#include <string.h>

#include "data/internal.h"

struct names {
    struct arena *arena;
    const char **name;
    int count, room;
};

static int add_name(struct names *names, const char *name, struct error *err)
{
    for (int i = 0; i < names->count; i++)
        if (strcmp(names->name[i], name) == 0)
            return 0;
    if (names->count == names->room) {
        names->name = arena_grow(names->arena, names->name, (size_t)names->room, (size_t)names->room * 2 + 16,
                                 sizeof(*names->name));
        if (names->name == NULL)
            return error_memory(err);
        names->room = names->room * 2 + 16;
    }
    names->name[names->count] = arena_strdup(names->arena, name);
    return names->name[names->count++] == NULL ? error_memory(err) : 0;
}

/* A set without names: classes that are all numbers count up to the largest, others are names as they come. */
static int scan_classes(struct names *names, struct source *source, struct error *err)
{
    struct arena arena = { 0 };
    struct names found = { .arena = &arena };
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
        if (add_name(&found, item.class_text, err) < 0) {
            rc = -1;
            break;
        }
        if (found.count > 65536 || (numbers && largest > 65536)) {
            rc = error_set(err, ERROR_LIMIT, "%s: more than 65536 classes", source->path);
            break;
        }
    }
    for (int i = 0; i <= largest && numbers && rc == 0; i++) {
        char number[16];

        snprintf(number, sizeof(number), "%d", i);
        rc = add_name(names, number, err);
    }
    for (int i = 0; i < found.count && !numbers && rc == 0; i++)
        rc = add_name(names, found.name[i], err);
    arena_free(&arena);
    return rc;
}

int dataset_labels(struct arena *arena, const char *const *paths, int path_count, const char ***labels, int *count,
                   struct error *err)
{
    struct names names = { .arena = arena };
    int rc = 0;

    for (int i = 0; i < path_count && rc == 0; i++) {
        struct source *source = source_open(paths[i], err);
        int own_count;
        const char *const *own;

        if (source == NULL)
            return -1;
        own = source_labels(source, &own_count);
        for (int j = 0; j < own_count && own != NULL && rc == 0; j++)
            rc = add_name(&names, own[j], err);
        if (own == NULL)
            rc = scan_classes(&names, source, err);
        source_close(source);
    }
    *labels = names.name;
    *count = names.count;
    return rc;
}

int header_join(struct header *header, struct arena *arena, struct source *const *sources, int count, struct error *err)
{
    struct names names = { .arena = arena };

    *header = (struct header){ .has_privacy = true, .privacy = PRIVACY_PUBLIC };
    for (int i = 0; i < count; i++) {
        int own_count;
        const char *const *own = source_labels(sources[i], &own_count);

        for (int j = 0; j < own_count && own != NULL; j++)
            if (add_name(&names, own[j], err) < 0)
                return -1;
        if (source_privacy(sources[i]) > header->privacy)
            header->privacy = source_privacy(sources[i]);
    }
    header->labels = names.name;
    header->label_count = names.count;
    return 0;
}
