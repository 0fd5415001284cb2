/* npz.c - each array is a member NAME.npy of a zip archive. */
#include "package/npz.h"

#include <string.h>

#include "base/text.h"
#include "package/package.h"
#include "stream/zip.h"

#define ENDING ".npy"

static int read_member(struct tensor *tensor, const char **name, struct arena *arena, const struct zip_member *member,
                       struct error *err)
{
    const size_t length = strlen(member->name), ending = strlen(ENDING);
    const unsigned char *bytes;

    if (length <= ending || strcmp(member->name + length - ending, ENDING) != 0)
        return error_set(err, ERROR_INPUT, "member '%.200s' is no " ENDING, member->name);
    *name = arena_strndup(arena, member->name, length - ending);
    if (*name == NULL)
        return error_memory(err);
    if (zip_unpack(member, arena, &bytes, err) < 0)
        return -1;
    return npy_parse(tensor, bytes, member->count, err) < 0 ? error_in(err, "member '%.200s'", member->name) : 0;
}

int npz_read(struct tensor_list *list, struct arena *arena, const void *bytes, size_t count, struct error *err)
{
    struct tensor *tensor;
    struct zip zip;

    if (zip_open(&zip, arena, bytes, count, err) < 0)
        return -1;
    tensor = arena_array(arena, (size_t)zip.count + 1, sizeof(*tensor));
    *list = (struct tensor_list){ arena_array(arena, (size_t)zip.count + 1, sizeof(*list->tensor)),
                                  arena_array(arena, (size_t)zip.count + 1, sizeof(*list->name)), zip.count };
    if (tensor == NULL || list->tensor == NULL || list->name == NULL)
        return error_memory(err);
    for (int i = 0; i < zip.count; i++) {
        list->tensor[i] = &tensor[i];
        if (read_member(&tensor[i], &list->name[i], arena, &zip.member[i], err) < 0)
            return -1;
    }
    return 0;
}

static int write_member(struct zip_writer *zip, const char *name, const struct tensor *tensor, struct error *err)
{
    struct text member = { 0 }, header = { 0 };
    int rc;

    text_printf(&member, "%s" ENDING, name);
    npy_header(&header, tensor);
    rc = text_check(&member, err) < 0 ? -1 : text_check(&header, err);
    if (rc == 0)
        rc = zip_add(zip, member.chars, header.chars, header.length, tensor->data, tensor_bytes(tensor), err);
    text_free(&member);
    text_free(&header);
    return rc;
}

int npz_write(struct output *out, const struct tensor_list *list, struct error *err)
{
    struct zip_writer *zip = zip_create(out, err);

    if (zip == NULL)
        return -1;
    for (int i = 0; i < list->count; i++)
        if (write_member(zip, list->name[i], list->tensor[i], err) < 0) {
            zip_abandon(zip);
            return -1;
        }
    return zip_finish(zip, err);
}
