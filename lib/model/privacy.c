/* privacy.c - names of levels and kinds, as files and options write them. */
#include "model/model.h"

#include <string.h>

#include "base/text.h"

static const char *const levels[] = {
    [PRIVACY_PUBLIC] = "public", [PRIVACY_EDGE] = "edge-private", [PRIVACY_USER] = "user-private", NULL
};

static const char *const contents[] = { [CONTENT_DATA] = "data",
                                        [CONTENT_FEATURES] = "features",
                                        [CONTENT_PARAMETERS] = "parameters",
                                        [CONTENT_PARAMETERS_DP] = "parameters-dp",
                                        NULL };

/* Index of name in names, or -1 with an error that says what there is. */
static int parse_name(const char *what, const char *const *names, const char *name, struct error *err)
{
    const char *near;

    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    near = text_nearest(name, names);
    error_set(err, ERROR_INPUT, "unknown %s '%s'", what, name);
    if (near != NULL)
        return error_hint(err, "did you mean '%s'?", near);
    return error_hint(err, "one of %s, %s, %s%s%s", names[0], names[1], names[2], names[3] != NULL ? ", " : "",
                      names[3] != NULL ? names[3] : "");
}

const char *privacy_name(enum privacy level)
{
    return levels[level];
}

int privacy_parse(enum privacy *level, const char *name, struct error *err)
{
    int found = parse_name("privacy level", levels, name, err);

    if (found < 0)
        return -1;
    *level = (enum privacy)found;
    return 0;
}

const char *content_name(enum content content)
{
    return contents[content];
}

int content_parse(enum content *content, const char *name, struct error *err)
{
    int found = parse_name("kind of content", contents, name, err);

    if (found < 0)
        return -1;
    *content = (enum content)found;
    return 0;
}
