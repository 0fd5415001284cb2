/* write.c - a tree as YAML; see yaml.h */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/quote.h"
#include "base/real.h"
#include "yaml/yaml.h"

/* A key longer than this needs "? " in front: libyaml looks ahead 1024 characters. */
enum { LONGEST_SIMPLE_KEY = 900 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
}

/*
 * Only what no reader of YAML 1.1 or 1.2 takes for anything but text goes without
 * quotes: it begins with a letter, is no word of theirs, has no mark that means
 * something.
 */
static bool is_plain(const char *chars, size_t length)
{
    static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off", "y", "n", NULL };

    if (length == 0 || !is_letter(chars[0]) || chars[length - 1] == ' ')
        return false;
    for (int i = 0; words[i]; i++)
        if (strlen(words[i]) == length && !strncasecmp(words[i], chars, length))
            return false;
    for (size_t i = 1; i < length; i++) {
        char next = i + 1 < length ? chars[i + 1] : ' ';
        bool colon = chars[i] == ':' && (is_letter(next) || (next >= '0' && next <= '9'));

        if (!is_letter(chars[i]) && !(chars[i] >= '0' && chars[i] <= '9') && !colon &&
            (chars[i] == 0 || !strchr(" .+-=@;()*", chars[i])))
            return false;
    }
    return true;
}

static void write_text(struct text *out, const char *chars, size_t length)
{
    if (is_plain(chars, length))
        text_add_bytes(out, chars, length);
    else
        text_add_quoted(out, chars, length);
}

/* An escape takes up to six characters. */
static bool is_long(const char *key)
{
    size_t length = strlen(key);

    return length * (is_plain(key, length) ? 1 : 6) > LONGEST_SIMPLE_KEY;
}

static void write_flow(struct text *out, const struct tree *node);

static void write_flow_children(struct text *out, const struct tree *node)
{
    for (const struct tree *child = node->first; child; child = child->next) {
        if (child != node->first)
            text_add(out, ", ");
        if (node->kind == TREE_MAP) {
            text_add(out, is_long(child->key) ? "? " : "");
            write_text(out, child->key, strlen(child->key));
            text_add(out, ": ");
        }
        write_flow(out, child);
    }
}

/* A node on one line. */
static void write_flow(struct text *out, const struct tree *node)
{
    switch (node->kind) {
    case TREE_NULL: text_add(out, "null"); break;
    case TREE_BOOL: text_add(out, node->boolean ? "true" : "false"); break;
    case TREE_INT: text_printf(out, "%" PRId64, node->integer); break;
    case TREE_REAL: text_add_real(out, node->real); break;
    case TREE_TEXT: write_text(out, node->text, node->text_length); break;
    case TREE_LIST:
        text_add(out, "[");
        write_flow_children(out, node);
        text_add(out, "]");
        break;
    case TREE_MAP:
        text_add(out, "{");
        write_flow_children(out, node);
        text_add(out, "}");
        break;
    }
}

static bool is_block(const struct tree *node)
{
    return (node->kind == TREE_LIST || node->kind == TREE_MAP) && node->count > 0 && !node->flow;
}

static void indent(struct text *out, int columns)
{
    text_printf(out, "%*s", columns, "");
}

/* The children of a list or map, each on lines of its own; the first one's
 * indentation is already there when it follows "- ". */
static void write_block(struct text *out, const struct tree *node, int columns, bool begun)
{
    for (const struct tree *child = node->first; child; child = child->next) {
        if (child != node->first || !begun)
            indent(out, columns);
        if (node->kind == TREE_LIST) {
            text_add(out, "- ");
        } else if (is_long(child->key)) {
            text_add(out, "? ");
            write_text(out, child->key, strlen(child->key));
            text_add(out, "\n");
            indent(out, columns);
            text_add(out, ": ");
        } else {
            write_text(out, child->key, strlen(child->key));
            text_add(out, is_block(child) ? ":\n" : ": ");
        }
        if (!is_block(child) || (node->kind == TREE_MAP && is_long(child->key))) {
            write_flow(out, child);
            text_add(out, "\n");
        } else {
            write_block(out, child, columns + 2, node->kind == TREE_LIST);
        }
    }
}

void yaml_write(struct text *out, const struct tree *root)
{
    if (is_block(root)) {
        write_block(out, root, 0, false);
    } else {
        write_flow(out, root);
        text_add(out, "\n");
    }
}
