/* arch_mlp.c - fully connected layers: LeNet-300-100 and the 2NN of federated averaging (mlp:200-200). */
#include "model/arch_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The number in front of '-' or the end; *text moves past it. 0 when there is none. */
static int64_t next_width(const char **text)
{
    char *end;
    long width = strtol(*text, &end, 10);

    if (end == *text || width < 1 || width > 1000000 || (*end != '-' && *end != '\0') || **text < '0' || **text > '9')
        return 0;
    *text = *end == '-' ? end + 1 : end;
    return *end == '-' && end[1] == '\0' ? 0 : width;
}

static int build(struct model *model, const struct arch_options *options, struct error *err)
{
    const char *widths = options->detail != NULL ? options->detail : "300-100";
    struct builder b = build_begin(model, options, err);
    struct map x = build_flatten(&b, "flatten", build_input(&b));
    int layer = 1;
    char name[32];

    for (const char *at = widths; layer == 1 || *at != '\0'; layer++) {
        int64_t width = next_width(&at);

        if (width == 0) {
            error_set(err, ERROR_USAGE, "mlp takes widths of hidden layers, found '%s'", widths);
            return error_hint(err, "for example mlp:300-100");
        }
        snprintf(name, sizeof(name), "fc%d", layer);
        x = build_linear(&b, name, x, build_width(&b, width), INIT_HE_IN);
        snprintf(name, sizeof(name), "relu%d", layer);
        x = build_apply(&b, name, "Relu", x);
    }
    snprintf(name, sizeof(name), "fc%d", layer);
    x = build_linear(&b, name, x, options->classes, INIT_XAVIER);
    return build_end(&b, x);
}

const struct arch arch_mlp = {
    .name = "mlp",
    .summary = "fully connected layers with Relu between, mlp:300-100 unless widths are given (LeCun et al. 1998)",
    .channels = 1,
    .height = 28,
    .width = 28,
    .classes = 10,
    .build = build,
};
