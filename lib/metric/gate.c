#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "metric/metric.h"

const char *const gate_measures[] = {
    "accuracy",
    "balanced_accuracy",
    "loss",
    "recall",
    "precision",
    "samples",
    "size",
    "parameters",
    "macs",
    "sparsity",
    "median_ms",
    "p95_ms",
    "p99_ms",
    "escapes",
    "false_calls",
    "drift",
    "drift_confidence",
    "drift_said",
    "drift_level",
    "hard",
    "confidence",
    "confidence_loss",
    NULL,
};

static const char *const needs_data[] = { "accuracy", "balanced_accuracy", "loss",        "recall", "precision",
                                          "samples",  "escapes",           "false_calls", NULL };

static bool listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* The operator at `at`, and where it ends. Two-character ones first. */
static const char *read_compare(const char *at, enum gate_compare *compare)
{
    static const struct {
        const char *text;
        enum gate_compare compare;
    } rows[] = {
        { ">=", GATE_AT_LEAST }, { "<=", GATE_AT_MOST }, { "==", GATE_EQUAL },
        { ">", GATE_ABOVE },     { "<", GATE_BELOW },    { "=", GATE_EQUAL },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (strncmp(at, rows[i].text, strlen(rows[i].text)) == 0) {
            *compare = rows[i].compare;
            return at + strlen(rows[i].text);
        }
    }
    return NULL;
}

static int parse_bound(struct gate *gate, struct arena *arena, const char *text, size_t length, struct error *err)
{
    char *number;

    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    gate->relative = length > 0 && text[length - 1] == 'x';
    number = arena_strndup(arena, text, length - gate->relative);
    if (number == NULL)
        return error_memory(err);
    if (text_to_real(number, &gate->bound) < 0 || !isfinite(gate->bound))
        return error_set(err, ERROR_USAGE, "gate '%s': expected a number, or a factor such as 0.25x, found '%s'",
                         gate->measure, number);
    return 0;
}

static int parse_one(struct gate *gate, struct arena *arena, const char *text, size_t length, struct error *err)
{
    char *copy = arena_strndup(arena, text, length);
    const char *at = copy, *word;

    if (copy == NULL)
        return error_memory(err);
    while (isspace((unsigned char)*at))
        at++;
    word = at;
    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    gate->measure = arena_strndup(arena, word, (size_t)(at - word));
    if (gate->measure == NULL)
        return error_memory(err);
    if (!listed(gate_measures, gate->measure)) {
        error_set(err, ERROR_USAGE, "gate '%s': no such measure", copy);
        word = text_nearest(gate->measure, gate_measures);
        return word ? error_hint(err, "did you mean '%s'?", word)
                    : error_hint(err, "a gate looks like 'accuracy>=0.97' or 'size<=0.25x'");
    }
    if (*at == '[') {
        const char *end = strchr(at, ']');

        if (end == NULL)
            return error_set(err, ERROR_USAGE, "gate '%s': '[' without ']'", copy);
        gate->label = arena_strndup(arena, at + 1, (size_t)(end - at - 1));
        if (gate->label == NULL)
            return error_memory(err);
        at = end + 1;
    }
    while (isspace((unsigned char)*at))
        at++;
    word = read_compare(at, &gate->compare);
    if (word == NULL)
        return error_set(err, ERROR_USAGE, "gate '%s': expected >=, <=, >, < or ==, found '%s'", copy, at);
    while (isspace((unsigned char)*word))
        word++;
    return parse_bound(gate, arena, word, strlen(word), err);
}

int gate_parse(struct arena *arena, const char *text, struct gate **gates, int *count, struct error *err)
{
    int most = 1, used = 0;
    struct gate *list;

    for (const char *at = text; *at; at++)
        most += *at == ',';
    list = arena_array(arena, (size_t)most, sizeof(*list));
    if (list == NULL)
        return error_memory(err);
    for (const char *at = text;;) {
        size_t length = strcspn(at, ",");

        if (parse_one(&list[used], arena, at, length, err) < 0)
            return -1;
        used++;
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    *gates = list;
    *count = used;
    return 0;
}

bool gate_needs_data(const struct gate *gates, int count)
{
    for (int i = 0; i < count; i++)
        if (listed(needs_data, gates[i].measure))
            return true;
    return false;
}

bool gate_needs_reference(const struct gate *gates, int count)
{
    for (int i = 0; i < count; i++)
        if (gates[i].relative)
            return true;
    return false;
}

int gate_check_measures(const struct gate *gates, int count, const char *const *measures, struct error *err)
{
    for (int i = 0; i < count; i++)
        if (!listed(measures, gates[i].measure))
            return error_set(err, ERROR_USAGE, "gate '%s': not measured here", gates[i].measure);
    return 0;
}

static bool has_label(const struct gate *gate, const char *const *labels)
{
    for (; *labels != NULL; labels++)
        if (strcmp(*labels, gate->label) == 0)
            return true;
    return false;
}

int gate_check_labels(struct arena *arena, const struct gate *gates, int count, const char *const *labels,
                      int label_count, struct error *err)
{
    const char **names = arena_array(arena, (size_t)label_count + 1, sizeof(*names)); /* ends with NULL */
    const char *near;

    if (names == NULL)
        return error_memory(err);
    for (int i = 0; i < label_count; i++)
        names[i] = labels[i];
    for (int i = 0; i < count; i++) {
        if (gates[i].label == NULL || has_label(&gates[i], names))
            continue;
        near = text_nearest(gates[i].label, names);
        error_set(err, ERROR_USAGE, "gate %s[%s]: the model has no label '%s'", gates[i].measure, gates[i].label,
                  gates[i].label);
        return near ? error_hint(err, "did you mean '%s'?", near) : -1;
    }
    return 0;
}

/* The measure a gate speaks of, in a tree of measures. */
static int find_measure(const struct gate *gate, const struct tree *measures, double *value, struct error *err)
{
    const struct tree *at = measures;

    if (gate->label != NULL) {
        at = tree_get(tree_get(measures, "per_class"), gate->label);
        if (at == NULL)
            return error_set(err, ERROR_USAGE, "gate %s[%s]: not measured by this command", gate->measure, gate->label);
    }
    if (strcmp(gate->measure, "escapes") == 0 || strcmp(gate->measure, "false_calls") == 0)
        at = tree_get(at, "chosen"); /* of the threshold that a sweep chose */
    at = tree_get(at, gate->measure);
    if (at == NULL)
        return error_set(err, ERROR_USAGE, "gate '%s': not measured by this command", gate->measure);
    *value = at->kind == TREE_NULL ? NAN : at->real;
    return 0;
}

static bool holds(enum gate_compare compare, double value, double bound)
{
    switch (compare) {
    case GATE_AT_LEAST: return value >= bound;
    case GATE_AT_MOST: return value <= bound;
    case GATE_ABOVE: return value > bound;
    case GATE_BELOW: return value < bound;
    case GATE_EQUAL: return value == bound;
    }
    return false;
}

static const char *compare_text(enum gate_compare compare)
{
    static const char *const texts[] = {
        [GATE_AT_LEAST] = ">=", [GATE_AT_MOST] = "<=", [GATE_ABOVE] = ">", [GATE_BELOW] = "<", [GATE_EQUAL] = "==",
    };

    return texts[compare];
}

int gate_check(const struct gate *gates, int count, const struct tree *measures, const struct tree *reference,
               struct error *err)
{
    struct text failed = { 0 };
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++) {
        const struct gate *gate = &gates[i];
        double value, base = 1;

        rc = find_measure(gate, measures, &value, err);
        if (rc == 0 && gate->relative)
            rc = find_measure(gate, reference, &base, err);
        if (rc < 0 || holds(gate->compare, value, gate->bound * base))
            continue; /* NaN holds nowhere: what was not seen cannot pass */
        text_printf(&failed, "%s%s%s%s%s is %.6g, wanted %s %.6g", failed.length ? "; " : "", gate->measure,
                    gate->label ? "[" : "", gate->label ? gate->label : "", gate->label ? "]" : "", value,
                    compare_text(gate->compare), gate->bound * base);
        if (gate->relative)
            text_printf(&failed, " (%gx of %.6g)", gate->bound, base);
    }
    if (rc == 0 && failed.length > 0)
        rc = error_set(err, ERROR_ANSWER, "gate failed: %s", failed.chars);
    text_free(&failed);
    return rc;
}
