/* table.c - rows and columns for people. */
#include <string.h>

#include "cli/internal.h"

struct row {
    struct row *next;
    const char **cell; /* escaped */
};

struct table {
    struct arena *arena;
    int columns;
    const char **heading;
    struct row *first, *last;
};

/* Copies cells, made safe for a terminal; NULL when memory runs out, which the arena remembers. */
static const char **cells_copy(struct table *table, const char *const *cells)
{
    const char **copy = arena_array(table->arena, (size_t)table->columns, sizeof(*copy));

    for (int i = 0; copy && i < table->columns; i++) {
        struct text visible = { 0 };
        const char *cell = cells[i] ? cells[i] : "";

        text_add_visible(&visible, cell, strlen(cell));
        copy[i] = visible.chars ? arena_strdup(table->arena, visible.chars) : "";
        table->arena->failed |= visible.failed;
        text_free(&visible);
        if (!copy[i])
            return NULL;
    }
    return copy;
}

struct table *table_new(struct arena *arena, int columns, const char *const *headings)
{
    struct table *table = arena_alloc(arena, sizeof(*table));

    if (!table)
        return NULL;
    table->arena = arena;
    table->columns = columns;
    table->heading = cells_copy(table, headings);
    return table->heading ? table : NULL;
}

void table_row(struct table *table, const char *const *cells)
{
    struct row *row = table ? arena_alloc(table->arena, sizeof(*row)) : NULL;

    if (!row)
        return;
    row->cell = cells_copy(table, cells);
    if (!row->cell)
        return;
    if (table->last)
        table->last->next = row;
    else
        table->first = row;
    table->last = row;
}

/* "12", "-0.5", "3.2 MB", "97 %", "0.30x", "-": begins as a number and has no more than a unit. */
static bool is_number(const char *cell)
{
    cell += strspn(cell, "+-");
    if (!*cell)
        return true;
    if (!strspn(cell, "0123456789"))
        return false;
    cell += strspn(cell, "0123456789.,eE+-");
    cell += *cell == ' ';
    return strcspn(cell, " 0123456789") == strlen(cell) && strlen(cell) <= 4;
}

static bool is_numeric(const struct table *table, int column)
{
    bool any = false;

    for (const struct row *row = table->first; row; row = row->next) {
        if (*row->cell[column] && !is_number(row->cell[column]))
            return false;
        any = any || *row->cell[column];
    }
    return any;
}

static int width_of(const struct table *table, int column)
{
    int width = text_columns(table->heading[column]);

    for (const struct row *row = table->first; row; row = row->next)
        if (text_columns(row->cell[column]) > width)
            width = text_columns(row->cell[column]);
    return width;
}

static void print_cells(const struct table *table, const char *const *cells, const int *width, const bool *right,
                        FILE *out)
{
    for (int i = 0; i < table->columns; i++) {
        int pad = width[i] - text_columns(cells[i]);

        fprintf(out, "%s%*s%s", i > 0 ? "  " : "", right[i] ? pad : 0, "", cells[i]);
        if (!right[i] && i + 1 < table->columns)
            fprintf(out, "%*s", pad, "");
    }
}

void table_print(const struct table *table, FILE *out, bool color)
{
    int *width = table ? arena_array(table->arena, (size_t)table->columns, sizeof(*width)) : NULL;
    bool *right = table ? arena_array(table->arena, (size_t)table->columns, sizeof(*right)) : NULL;

    if (!width || !right)
        return;
    for (int i = 0; i < table->columns; i++) {
        width[i] = width_of(table, i);
        right[i] = is_numeric(table, i);
    }
    fputs(color ? "\033[1m" : "", out);
    print_cells(table, table->heading, width, right, out);
    fputs(color ? "\033[0m\n" : "\n", out);
    for (const struct row *row = table->first; row; row = row->next) {
        print_cells(table, row->cell, width, right, out);
        fputc('\n', out);
    }
}
