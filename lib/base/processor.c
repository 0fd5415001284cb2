/* processor.c - see processor.h. */
#include "base/processor.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/internal.h"

enum { LINE_BYTES = 512, VALUE_BYTES = 64 };

/* In the order in which the name has them. */
static const char *const keys[] = { "model name", "cpu family", "model", "CPU implementer", "CPU part" };

/* "KEY\t: VALUE" of that key: the value, without blanks at its ends; else NULL. */
static char *value_of(char *line, const char *key)
{
    const size_t length = strlen(key);
    char *at = line + length;

    if (strncmp(line, key, length) != 0)
        return NULL;
    at += strspn(at, " \t");
    if (*at++ != ':')
        return NULL;
    at += strspn(at, " \t");
    for (size_t end = strlen(at); end > 0 && strchr(" \t\n", at[end - 1]) != NULL; end--)
        at[end - 1] = '\0';
    return at;
}

void processor_of(const char *path, char name[PROCESSOR_NAME])
{
    char line[LINE_BYTES], value[COUNT(keys)][VALUE_BYTES] = { 0 };
    FILE *file = fopen(path, "re");
    size_t length = 0;
    bool some = false;

    /* A blank line ends the first processor; older kernels have one before the keys, too. */
    while (file != NULL && fgets(line, sizeof(line), file) != NULL && !(some && line[0] == '\n'))
        for (size_t i = 0; i < COUNT(keys); i++) {
            const char *found = value[i][0] == '\0' ? value_of(line, keys[i]) : NULL;

            if (found != NULL)
                snprintf(value[i], VALUE_BYTES, "%.*s", VALUE_BYTES - 1, found);
            some = some || found != NULL;
        }
    if (file != NULL)
        fclose(file);
    name[0] = '\0';
    for (size_t i = 0; i < COUNT(keys); i++)
        if (value[i][0] != '\0' && length < PROCESSOR_NAME)
            length += (size_t)snprintf(name + length, PROCESSOR_NAME - length, "%s%s", length > 0 ? " " : "", value[i]);
    if (length == 0)
        snprintf(name, PROCESSOR_NAME, "unknown");
}

void processor_name(char name[PROCESSOR_NAME])
{
    processor_of("/proc/cpuinfo", name);
}
