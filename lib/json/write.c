/* write.c - a tree as JSON; see json.h */
#include <inttypes.h>
#include <string.h>

#include "base/quote.h"
#include "base/real.h"
#include "json/json.h"

void json_add_real(struct text *out, double value)
{
    text_add_real(out, value);
}

/* columns < 0: all on one line. */
static void new_line(struct text *out, int columns)
{
    if (columns >= 0)
        text_printf(out, "\n%*s", columns, "");
}

static void write_node(struct text *out, const struct tree *node, int columns)
{
    const char *brackets = node->kind == TREE_MAP ? "{}" : "[]";
    int inner = columns < 0 ? columns : columns + 2;

    switch (node->kind) {
    case TREE_NULL: text_add(out, "null"); break;
    case TREE_BOOL: text_add(out, node->boolean ? "true" : "false"); break;
    case TREE_INT: text_printf(out, "%" PRId64, node->integer); break;
    case TREE_REAL: text_add_real(out, node->real); break;
    case TREE_TEXT: text_add_quoted(out, node->text, node->text_length); break;
    case TREE_LIST:
    case TREE_MAP:
        text_add_bytes(out, brackets, 1);
        for (const struct tree *child = node->first; child; child = child->next) {
            text_add(out, child == node->first ? "" : ",");
            new_line(out, inner);
            if (node->kind == TREE_MAP) {
                text_add_quoted(out, child->key, strlen(child->key));
                text_add(out, columns < 0 ? ":" : ": ");
            }
            write_node(out, child, inner);
        }
        if (node->first)
            new_line(out, columns);
        text_add_bytes(out, brackets + 1, 1);
        break;
    }
}

void json_write(struct text *out, const struct tree *root)
{
    write_node(out, root, -1);
}

void json_write_indented(struct text *out, const struct tree *root)
{
    write_node(out, root, 0);
}
