/* What a package's history says of the command that made it: enough for `inspect --script` to print it again. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/making.h"
#include "json/json.h"

static const char *option_text(const struct invocation *inv, const struct option *row, struct arena *arena)
{
    const char *at = (const char *)inv->args + row->offset;
    const struct texts *list = (const void *)at;
    struct text text = { 0 };
    const char *result;

    switch (row->kind) {
    case OPTION_FLAG: return *(const bool *)at ? "true" : "false";
    case OPTION_INT: return arena_printf(arena, "%lld", (long long)*(const int64_t *)(const void *)at);
    case OPTION_REAL:
        json_add_real(&text, *(const double *)(const void *)at);
        if (text.length > 2 && strcmp(text.chars + text.length - 2, ".0") == 0)
            text.chars[text.length - 2] = '\0'; /* as one would type it */
        result = text.chars ? arena_strdup(arena, text.chars) : NULL;
        text_free(&text);
        return result;
    case OPTION_CHOICE: return *(const int *)(const void *)at < 0 ? NULL : row->choices[*(const int *)(const void *)at];
    case OPTION_LIST:
        for (int i = 0; i < list->count; i++) {
            text_add(&text, i ? "," : "");
            text_add(&text, list->item[i]);
        }
        result = text.chars ? arena_strdup(arena, text.chars) : NULL;
        text_free(&text);
        return result;
    default: return *(const char *const *)(const void *)at;
    }
}

static bool is_default(const struct option *row, const char *text)
{
    double given, initial;

    if (row->initial == NULL)
        return row->kind != OPTION_TEXT && strcmp(text, row->kind == OPTION_FLAG ? "false" : "0") == 0;
    if (row->kind == OPTION_REAL && text_to_real(text, &given) == 0 && text_to_real(row->initial, &initial) == 0)
        return given == initial; /* 1 and 1.0 */
    return strcmp(text, row->initial) == 0;
}

bool option_changed(const struct invocation *inv, const char *name)
{
    for (const struct option *row = inv->command->options; row && row->name; row++) {
        const char *text = strcmp(row->name, name) == 0 ? option_text(inv, row, inv->arena) : NULL;

        if (text != NULL)
            return !is_default(row, text);
    }
    return false;
}

/* Only what the user changed and what changes the result, as `inspect --script` prints it again. */
static void record_options(const struct invocation *inv, struct arena *arena, struct tree *map)
{
    for (const struct option *row = inv->command->options; row && row->name; row++) {
        const char *text = row->neutral && row->word == NULL ? NULL : option_text(inv, row, arena);

        if (text == NULL || (row->neutral && strcmp(text, row->word) != 0))
            continue;
        if (!is_default(row, text))
            tree_add_text(arena, map, row->name, text);
    }
}

static int by_digest(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct digest));
}

static int record_digests(struct arena *arena, struct tree *map, const char *key, const struct digest *digests,
                          int count, struct error *err)
{
    struct digest *sorted = arena_array(arena, (size_t)count + 1, sizeof(*sorted));
    struct tree *list = count > 0 ? tree_add_list(arena, map, key) : NULL;
    char hex[65];

    if (sorted == NULL)
        return error_memory(err);
    if (count > 0)
        memcpy(sorted, digests, (size_t)count * sizeof(*sorted));
    qsort(sorted, (size_t)count, sizeof(*sorted), by_digest);
    for (int i = 0; i < count; i++)
        tree_add_text(arena, list, NULL, digest_hex(&sorted[i], hex));
    return 0;
}

/* Names of classes come from a file, which the history does not have: the names themselves stand in it. */
static void record_labels(const struct invocation *inv, const struct model *model, struct arena *arena,
                          struct tree *record)
{
    struct tree *list;

    if (!option_changed(inv, "labels"))
        return;
    list = tree_add_list(arena, record, "labels");
    for (int i = 0; i < model->label_count; i++)
        tree_add_text(arena, list, NULL, model->label[i]);
}

int making_record(const struct invocation *inv, const struct making *making, struct model *model, struct error *err)
{
    struct arena *arena = &model->arena;
    struct tree *record = tree_map(arena), *options;
    const struct digest *parents = making->parents ? making->parents : making->parent;

    tree_add_text(arena, record, "command", inv->command->name);
    tree_add_text(arena, record, "version", COEDGE_VERSION);
    if (making->operand != NULL)
        tree_add_text(arena, record, "operand", making->operand);
    options = tree_add_map(arena, record, "options");
    record_options(inv, arena, options);
    record_labels(inv, model, arena, record);
    tree_add_int(arena, record, "seed", (int64_t)inv->job->seed);
    if (record_digests(arena, record, "parents", parents, making->parent_count, err) < 0 ||
        record_digests(arena, record, "data", making->data, making->data_count, err) < 0)
        return -1;
    if (making->measures != NULL)
        tree_add(arena, record, "measures", making->measures);
    return record ? model_add_history(model, record, err) : error_memory(err);
}
