/* config_fuzz.c - any bytes as coedge.yaml: refused with a place, or checked against every kind of row. */
#include <stdlib.h>

#include "cli/internal.h"
#include "yaml/yaml.h"

struct args {
    bool flag;
    int choice;
    int64_t integer;
    double real;
    const char *text;
    struct texts list;
};

static const char *const choices[] = { "a", "b", NULL };

static const struct option options[] = {
    { "flag", 0, OPTION_FLAG, FIELD(struct args, flag), .help = "x" },
    { "choice", 0, OPTION_CHOICE, FIELD(struct args, choice), .choices = choices, .help = "x" },
    { "integer", 0, OPTION_INT, FIELD(struct args, integer), .max = 9, .help = "x" },
    { "real", 0, OPTION_REAL, FIELD(struct args, real), .help = "x" },
    { "text", 0, OPTION_TEXT, FIELD(struct args, text), .help = "x" },
    { "list", 0, OPTION_LIST, FIELD(struct args, list), .help = "x" },
    { 0 }
};

static const struct command command = { .name = "prune", .options = options };
static const struct command *const commands[] = { &command, NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct config config = { .arena = &arena, .commands = commands, .file_count = 1 };
    struct config_file *file = &config.files[0];

    file->path = "coedge.yaml";
    if (yaml_parse(&arena, (const char *)data, size, &file->root, &err) == 0 && config_check(&config, file, &err) == 0)
        for (const struct option *row = options; row->name; row++) {
            struct config_value value = config_get(&config, "prune", row->name);

            if ((value.text == NULL) != (value.origin == NULL))
                abort();
        }
    arena_free(&arena);
    return 0;
}
