#include <stdio.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/share.h"
#include "package/package.h"

static const struct example examples[] = {
    { "coedge verify model.coedge", "digest, then the golden samples on this CPU" }, { 0 }
};

static int report(const struct invocation *inv, const struct model *model, double worst, struct error *err)
{
    struct tree *map = tree_map(inv->arena);
    struct digest identity;
    char hex[65];

    if (model_identity(model, &identity, err) < 0)
        return -1;
    if (!inv->json) {
        if (inv->quiet)
            return 0;
        printf("%s: good; %d golden samples, worst difference %.3g\n", model->name, model->golden_count, worst);
        return 0;
    }
    tree_add_text(inv->arena, map, "name", model->name);
    tree_add_text(inv->arena, map, "identity", digest_hex(&identity, hex));
    tree_add_int(inv->arena, map, "golden_samples", model->golden_count);
    tree_add_real(inv->arena, map, "worst", worst);
    return print_json(map, err);
}

static int run(const struct invocation *inv, struct error *err)
{
    const char *path = inv->operand_count > 0 ? inv->operand[0] : "-";
    struct model model;
    double worst = 0;
    int rc;

    if (open_package(inv, 0, &model, err) < 0)
        return -1;
    rc = package_settle(&model, err);
    if (rc == 0 && model.golden_count > 0 && package_verify(&model, inv->job, &worst, err) < 0)
        rc = error_in(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
    if (rc == 0)
        rc = report(inv, &model, worst, err);
    model_free(&model);
    return rc;
}

const struct command cmd_verify = {
    .name = "verify",
    .summary = "check a package's digest and its answers on this CPU",
    .operands = "[MODEL]",
    .max_operands = 1,
    .about = "Checks every byte against the closing .end, then runs the golden samples through\n"
             "the package's own preprocessing here and compares with what was stored when it was\n"
             "written. Exit 1 when answers differ, 3 when the file is damaged.",
    .examples = examples,
    .threads = true,
    .reads_stdin = true,
    .run = run,
};
