/* way.c - the names of ways. */
#include <string.h>

#include "op/op.h"

static const char *const names[OP_WAYS] = { "any", "direct", "winograd 2x2", "winograd 4x4", "depthwise" };

const char *op_way_name(enum op_way way)
{
    return names[way];
}

enum op_way op_way_find(const char *name)
{
    enum op_way way = OP_WAY_ANY;

    while (way < OP_WAYS && strcmp(names[way], name) != 0)
        way++;
    return way;
}
