/* header.c - `.dataset.yaml`: what a set says of itself, before its first sample. */
#include <stdlib.h>
#include <string.h>

#include "data/internal.h"
#include "yaml/yaml.h"

enum { FORMAT = 1, MAX_LABELS = 65536 };

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int labels_check(const char *const *labels, int count, struct error *err)
{
    const char **sorted = malloc((size_t)count * sizeof(*sorted) + 1);
    int rc = 0;

    if (sorted == NULL)
        return error_memory(err);
    for (int i = 0; i < count && rc == 0; i++) {
        sorted[i] = labels[i];
        if (labels[i][0] == '\0')
            rc = error_set(err, ERROR_INPUT, "label %d is empty", i);
        for (const char *at = labels[i]; *at != '\0' && rc == 0; at++)
            if ((unsigned char)*at < ' ' || *at == 0x7f)
                rc = error_set(err, ERROR_INPUT, "label %d has a control character", i);
    }
    if (rc == 0) {
        qsort(sorted, (size_t)count, sizeof(*sorted), compare_names);
        for (int i = 1; i < count && rc == 0; i++)
            if (strcmp(sorted[i - 1], sorted[i]) == 0)
                rc = error_set(err, ERROR_INPUT, "label '%s' is there twice", sorted[i]);
    }
    free(sorted);
    return rc;
}

static int parse_labels(struct header *header, struct arena *arena, const struct tree *list, struct error *err)
{
    const char **names;
    int i = 0;

    if (list->kind != TREE_LIST || list->count == 0 || list->count > MAX_LABELS)
        return tree_error(list, err, "labels is not a list of 1 to %d names", MAX_LABELS);
    names = arena_array(arena, list->count, sizeof(*names));
    if (names == NULL)
        return error_memory(err);
    for (const struct tree *item = list->first; item != NULL; item = item->next, i++) {
        /* a name such as 7 or true is read as another kind; the text is what was meant */
        if (item->kind == TREE_LIST || item->kind == TREE_MAP || item->text == NULL || item->text[0] == '\0')
            return tree_error(item, err, "label %d is not a name", i);
        names[i] = item->text;
    }
    header->labels = names;
    header->label_count = i;
    return labels_check(header->labels, header->label_count, err);
}

int header_parse(struct header *header, struct arena *arena, const char *text, size_t length, struct error *err)
{
    const struct tree *root, *labels;
    const char *privacy = NULL;
    int64_t format;

    *header = (struct header){ 0 };
    if (yaml_parse(arena, text, length, &root, err) < 0)
        return -1;
    if (root == NULL || root->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, "not a map of keys and values");
    /* keys that a later version adds are passed over; what an older one cannot honour raises the format */
    if (tree_need_int(root, "format", 1, FORMAT, &format, err) < 0 ||
        tree_take_text(root, "privacy", &privacy, err) < 0 ||
        tree_take_text(root, "version", &header->version, err) < 0)
        return -1;
    if (privacy != NULL) {
        header->has_privacy = true;
        if (privacy_parse(&header->privacy, privacy, err) < 0)
            return -1;
    }
    labels = tree_get(root, "labels");
    return labels == NULL || labels->kind == TREE_NULL ? 0 : parse_labels(header, arena, labels, err);
}

int dataset_level(enum privacy *level, const char *header, size_t length, struct error *err)
{
    struct arena arena = { 0 };
    struct header found;
    int rc = header_parse(&found, &arena, header, length, err);

    *level = rc == 0 && found.has_privacy ? found.privacy : PRIVACY_EDGE;
    arena_free(&arena);
    return rc < 0 ? error_in(err, ".dataset.yaml") : 0;
}

int dataset_header(struct text *out, const char *const *labels, int label_count, enum privacy privacy,
                   const char *version, struct error *err)
{
    struct arena arena = { 0 };
    struct tree *root = tree_map(&arena), *last;

    tree_add_int(&arena, root, "format", FORMAT);
    if (labels != NULL) {
        struct tree *list = tree_add_list(&arena, root, "labels");

        for (int i = 0; i < label_count; i++)
            tree_add_text(&arena, list, NULL, labels[i]);
    }
    last = tree_add_text(&arena, root, "privacy", privacy_name(privacy));
    if (version != NULL)
        last = tree_add_text(&arena, root, "version", version);
    if (last == NULL) {
        arena_free(&arena);
        return error_memory(err);
    }
    yaml_write(out, root);
    arena_free(&arena);
    return text_check(out, err);
}
