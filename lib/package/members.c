#include <string.h>

#include "package/internal.h"
#include "package/weights_file.h"
#include "stream/stream.h"

/* What else people hand in, by its first bytes. */
static const struct {
    const char *magic;
    size_t count;
    const char *what;
} kinds[] = {
    { "\x1f\x8b", 2, "gzip data" },
    { "\xff\xd8\xff", 3, "a JPEG image" },
    { "\x89PNG", 4, "a PNG image" },
    { "\x28\xb5\x2f\xfd", 4, "zstd data" },
    { "\xfd"
      "7zXZ",
      5, "xz data" },
    { "PK\x03\x04", 4, "a zip archive, such as a PyTorch checkpoint or npz" },
    { "\x80\x02", 2, "a Python pickle" },
    { "\x80\x04", 2, "a Python pickle" },
    { "\x93NUMPY", 6, "an npy array" },
    { "\x89HDF", 4, "an HDF5 file" },
    { "\x7f"
      "ELF",
      4, "a program" },
    { "GGUF", 4, "a GGUF model" },
    { "<!DOCTYPE", 9, "an HTML page" },
    { "<!doctype", 9, "an HTML page" },
    { "<html", 5, "an HTML page" },
    { "{", 1, "JSON" },
    { "format:", 7, "a model.yaml without its package" },
};

static const char *looks_like(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (count >= kinds[i].count && memcmp(bytes, kinds[i].magic, kinds[i].count) == 0)
            return kinds[i].what;
    if (count > 10 && bytes[8] == '{' && memcmp(bytes + 3, "\0\0\0\0\0", 5) == 0)
        return "a safetensors file without its package";
    if (count > 2 && bytes[0] == 0x08 && bytes[1] < 32)
        return "an ONNX model";
    return NULL;
}

static int not_a_package(const unsigned char *bytes, size_t count, const char *found, struct error *err)
{
    const char *what = found != NULL ? found : looks_like(bytes, count);

    if (count == 0)
        error_set(err, ERROR_INPUT, "empty, expected a package");
    else if (what != NULL)
        error_set(err, ERROR_INPUT, "not a package: it looks like %s", what);
    else
        error_set(err, ERROR_INPUT, "not a package");
    if (found == NULL && weights_is(bytes, count))
        return error_hint(err, "coedge convert --arch ARCH makes a package of weights");
    return error_hint(err, "a package is a tar that begins with model.yaml, as coedge new makes it");
}

const struct package_extra package_extras[] = {
    { MEMBER_STATE, "it is the state of a training that made the weights before" },
    { PACKAGE_REPLAY, "its samples are for training the model before" },
    { "profile.yaml", "it was measured on the model before" },
    { NULL, NULL },
};

bool package_has(const struct model *model, const char *name)
{
    for (int i = 0; package_extras[i].name != NULL; i++)
        if (strcmp(package_extras[i].name, name) == 0)
            return (model->extras >> i & 1) != 0;
    return false;
}

enum content package_content(const struct model *model)
{
    return package_has(model, PACKAGE_REPLAY) ? CONTENT_DATA : model->content;
}

int package_extra_find(const struct model *model, const char *name, const void **bytes, size_t *count,
                       struct error *err)
{
    struct tar_reader *tar = tar_open_memory(model->source.bytes, model->source.count, "", err);
    struct tar_member member;
    int rc = tar != NULL ? 1 : -1;

    if (rc == 1)
        tar_defer_digest(tar);
    while (rc == 1 && (rc = tar_next(tar, &member, err)) == 1) {
        if (strcmp(member.name, name) != 0)
            continue;
        if (member.count > 0 && !member.in_place)
            rc = error_set(err, ERROR_INPUT, "%s does not lie in one piece", name);
        *bytes = member.count > 0 ? member.bytes : (const unsigned char *)"";
        *count = member.count;
        break;
    }
    tar_close(tar);
    return rc == 0 ? error_set(err, ERROR_INPUT, "there is no %s", name) : rc < 0 ? -1 : 0;
}

static int keep(struct members *members, const struct tar_member *member, int index, struct error *err)
{
    const struct {
        const char *name;
        struct bytes *bytes;
    } known[] = {
        { MEMBER_MODEL, &members->model },         { MEMBER_WEIGHTS, &members->weights },
        { MEMBER_GOLDEN, &members->golden },       { MEMBER_STATISTICS, &members->statistics },
        { MEMBER_SIGNATURE, &members->signature },
    };

    if (members->signature.at != NULL)
        return error_set(err, ERROR_INPUT, "member '%s' stands behind the signature, which is the last", member->name);
    for (int i = 0; i < (int)COUNT(known); i++) {
        if (strcmp(member->name, known[i].name) != 0)
            continue;
        if (i != index && (i < 2 || index < 2))
            break;
        if (!member->in_place) /* views are all that is kept */
            return error_set(err, ERROR_INPUT, "member '%s' is empty", member->name);
        *known[i].bytes = (struct bytes){ member->bytes, member->count };
        return 0;
    }
    for (int i = 0; package_extras[i].name != NULL && index >= 2; i++)
        if (strcmp(member->name, package_extras[i].name) == 0) {
            members->extras |= 1U << i;
            if (i == EXTRA_STATE && member->in_place)
                members->state = (struct bytes){ member->bytes, member->count };
            return 0;
        }
    if (index == 0)
        return not_a_package(NULL, 1, "another tar, perhaps a shard of samples", err);
    error_set(err, ERROR_INPUT, "member '%s' does not belong into a package there", member->name);
    return error_hint(err, "coedge-package(5) tells which members there are, and in what order");
}

static int check_end(struct members *members, const struct tar_reader *tar, struct error *err)
{
    if (tar_end_state(tar, &members->claimed) == TAR_END_MISSING) {
        error_set(err, ERROR_INPUT, "the .end mark is missing: the package is cut, or not coedge's");
        return error_hint(err, "a package that was unpacked and packed again is no longer one");
    }
    if (members->weights.at == NULL)
        return error_set(err, ERROR_INPUT, MEMBER_WEIGHTS " is missing");
    if (tar_end_samples(tar) != 0)
        return error_set(err, ERROR_INPUT, ".end: a package has no samples");
    members->digested = (size_t)tar_end_offset(tar);
    return 0;
}

int members_read(struct members *members, const void *bytes, size_t count, struct error *err)
{
    struct tar_member member;
    struct tar_reader *tar;
    int index = 0, rc;

    *members = (struct members){ 0 };
    if (count < 512 || looks_like(bytes, count) != NULL)
        return not_a_package(bytes, count, NULL, err);
    tar = tar_open_memory(bytes, count, "", err);
    if (tar == NULL)
        return -1;
    tar_defer_digest(tar);
    while ((rc = tar_next(tar, &member, err)) == 1) {
        rc = keep(members, &member, index++, err);
        if (rc < 0)
            break;
        if (members->signature.at != NULL)
            members->signed_bytes = (size_t)(member.bytes - (const unsigned char *)bytes) - 512;
    }
    if (rc == 0 && index == 0)
        rc = not_a_package(bytes, count, "an empty tar", err);
    if (rc == 0)
        rc = check_end(members, tar, err);
    tar_close(tar);
    return rc;
}
