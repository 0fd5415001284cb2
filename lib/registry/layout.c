#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/sys.h"
#include "base/text.h"
#include "registry/internal.h"
#include "json/json.h"

static const char layout_text[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
static const char ref_name[] = "org.opencontainers.image.ref.name";

static const char *join(struct arena *arena, const char *folder, const char *name)
{
    return arena_printf(arena, "%s/%s", folder, name);
}

/* What a layout has before its mark: another process may be making it right now. */
static bool is_layouts_own(const char *name)
{
    static const char *const own[] = { "oci-layout", "blobs", "index.json" };

    for (size_t i = 0; i < COUNT(own); i++)
        if (strcmp(name, own[i]) == 0 || (name[0] == '.' && strncmp(name + 1, own[i], strlen(own[i])) == 0))
            return true;
    return false;
}

static int refuse_other_things(struct arena *arena, const char *folder, struct error *err)
{
    size_t count;
    char **names;

    if (!path_exists(folder))
        return 0;
    if (folder_list(folder, arena, &names, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (is_layouts_own(names[i]))
            continue;
        error_set(err, ERROR_INPUT, "%s: a folder of other things ('%s'), not an OCI layout", folder, names[i]);
        return error_hint(err, "name a new or empty folder");
    }
    return 0;
}

int layout_prepare(struct arena *arena, const char *folder, struct error *err)
{
    const char *mark = join(arena, folder, "oci-layout"), *blobs = join(arena, folder, "blobs/sha256");

    if (mark == NULL || blobs == NULL)
        return error_memory(err);
    if (!path_exists(mark) && refuse_other_things(arena, folder, err) < 0)
        return -1;
    if (path_make_folders(blobs, err) < 0)
        return -1;
    return path_exists(mark) ? 0 : file_write(mark, layout_text, strlen(layout_text), err);
}

int blob_path(struct arena *arena, const char *folder, const struct digest *digest, const char **path,
              struct error *err)
{
    char hex[65];

    *path = arena_printf(arena, "%s/blobs/sha256/%s", folder, digest_hex(digest, hex));
    return *path ? 0 : error_memory(err);
}

int digest_file_write(const char *path, const void *bytes, size_t count, struct error *err)
{
    if (path_exists(path)) {
        struct input there;
        bool same;

        if (input_open(&there, path, 0, err) < 0)
            return -1;
        same = there.count == count && memcmp(there.bytes, bytes, count) == 0;
        input_close(&there);
        if (same)
            return 0;
    }
    return file_write(path, bytes, count, err) < 0 ? -1 : 1;
}

int blob_write(struct arena *arena, const char *folder, const void *bytes, size_t count, struct digest *digest,
               struct error *err)
{
    const char *path;

    *digest = digest_of(bytes, count);
    return blob_path(arena, folder, digest, &path, err) < 0 ? -1 : digest_file_write(path, bytes, count, err);
}

int blob_read(struct arena *arena, const char *folder, const struct digest *digest, int64_t size, struct input *in,
              struct error *err)
{
    struct digest found;
    const char *path;
    char hex[65];

    if (blob_path(arena, folder, digest, &path, err) < 0)
        return -1;
    if (!path_exists(path))
        return error_set(err, ERROR_INPUT, "%s: blob %.12s is missing", folder, digest_hex(digest, hex));
    if (input_open(in, path, 0, err) < 0)
        return -1;
    if ((int64_t)in->count != size) {
        error_set(err, ERROR_TRUST, "%s: %zu bytes, its manifest says %" PRId64, path, in->count, size);
        input_close(in);
        return -1;
    }
    found = digest_of(in->bytes, in->count);
    if (!digest_equal(&found, digest)) {
        error_set(err, ERROR_TRUST, "%s: its bytes have the digest %.12s", path, digest_hex(&found, hex));
        input_close(in);
        return -1;
    }
    return 0;
}

struct tree *descriptor_make(struct arena *arena, const char *media, const struct digest *digest, int64_t size)
{
    struct tree *map = tree_map(arena);
    char hex[65];
    const char *text = arena_printf(arena, "sha256:%s", digest_hex(digest, hex));

    if (map == NULL || text == NULL)
        return NULL;
    tree_add_text(arena, map, "mediaType", media);
    tree_add_text(arena, map, "digest", text);
    tree_add_int(arena, map, "size", size);
    return map;
}

bool descriptor_is_release(const struct tree *descriptor)
{
    const struct tree *type = tree_get(descriptor, "artifactType");

    return type != NULL && type->kind == TREE_TEXT && strcmp(type->text, TYPE_RELEASE) == 0;
}

int descriptor_read(const struct tree *descriptor, struct digest *digest, int64_t *size, struct error *err)
{
    const char *text;

    if (tree_need_text(descriptor, "digest", &text, err) < 0 ||
        tree_need_int(descriptor, "size", 0, INT64_MAX, size, err) < 0)
        return -1;
    if (strncmp(text, "sha256:", 7) != 0)
        return error_set(err, ERROR_INPUT, "digest '%.20s': expected sha256:HEX", text);
    return digest_parse(digest, text, err);
}

/* ---- index.json ---- */

int index_parse(struct arena *arena, const char *text, size_t length, const struct tree **index, struct error *err)
{
    if (json_parse(arena, text, length, index, err) < 0)
        return -1;
    if (tree_get(*index, "manifests") == NULL || tree_get(*index, "manifests")->kind != TREE_LIST)
        return error_set(err, ERROR_INPUT, "no list of manifests");
    return 0;
}

int index_read(struct arena *arena, const char *folder, const struct tree **index, struct error *err)
{
    const char *path = join(arena, folder, "index.json");
    struct input in;
    int rc;

    if (path == NULL)
        return error_memory(err);
    if (!path_exists(path)) {
        struct tree *fresh = tree_map(arena);

        tree_add_int(arena, fresh, "schemaVersion", 2);
        tree_add_text(arena, fresh, "mediaType", MEDIA_INDEX);
        tree_add_list(arena, fresh, "manifests");
        *index = fresh;
        return fresh ? 0 : error_memory(err);
    }
    if (input_open(&in, path, limit_get(LIMIT_JSON_BYTES), err) < 0)
        return -1;
    rc = index_parse(arena, (const char *)in.bytes, in.count, index, err);
    input_close(&in);
    return rc < 0 ? error_in(err, "%s", path) : 0;
}

static const char *name_of(const struct tree *descriptor)
{
    const struct tree *name = tree_get(tree_get(descriptor, "annotations"), ref_name);

    return name && name->kind == TREE_TEXT ? name->text : "";
}

const struct tree *index_find(const struct tree *index, const char *name)
{
    const struct tree *list = tree_get(index, "manifests");

    for (const struct tree *one = list ? list->first : NULL; one; one = one->next)
        if (strcmp(name_of(one), name) == 0)
            return one;
    return NULL;
}

/* A copy of a node and what is below it, so that trees can be taken apart and put together. */
static struct tree *copy_tree(struct arena *arena, const struct tree *from)
{
    struct tree *to = arena_alloc(arena, sizeof(*to));

    if (to == NULL)
        return NULL;
    *to = *from;
    to->next = to->first = to->last = NULL;
    to->count = 0;
    for (const struct tree *one = from->first; one; one = one->next)
        if (tree_add(arena, to, one->key, copy_tree(arena, one)) == NULL)
            return NULL;
    return to;
}

static int index_write(struct arena *arena, const char *folder, const struct tree *index, struct error *err)
{
    const char *path = join(arena, folder, "index.json");
    struct text text = { 0 };
    int rc;

    if (path == NULL)
        return error_memory(err);
    json_write_indented(&text, index);
    text_add(&text, "\n");
    rc = text_check(&text, err);
    if (rc == 0)
        rc = file_write(path, text.chars, text.length, err);
    text_free(&text);
    return rc;
}

/* All that is not ours to say. */
static int keep_others(struct arena *arena, struct tree *fresh, const struct tree *old, struct error *err)
{
    for (const struct tree *one = old->first; one; one = one->next)
        if (tree_get(fresh, one->key) == NULL && tree_add(arena, fresh, one->key, copy_tree(arena, one)) == NULL)
            return error_memory(err);
    return 0;
}

/* A name that means a channel is moved by who knows what it meant; nothing else takes it away. */
static int check_before(const struct tree *old, const char *name, const struct tree *before, struct error *err)
{
    const struct tree *now = index_find(old, name), *was = tree_get(before, "digest");

    if (before == NULL && descriptor_is_release(now)) {
        error_set(err, ERROR_USAGE, "%s is a channel of signed releases", name);
        return error_hint(err, "push under another tag, then coedge release promote");
    }
    if (before == NULL || (was == NULL && !descriptor_is_release(now)))
        return 0;
    if (was != NULL && now != NULL && tree_get(now, "digest") != NULL && tree_get(now, "digest")->text != NULL &&
        strcmp(tree_get(now, "digest")->text, was->text) == 0)
        return 0;
    return error_set(err, ERROR_NETWORK, "%s was moved by someone else meanwhile; try again", name);
}

static int replace_entry(struct arena *arena, const char *folder, const char *name, const struct tree *before,
                         const struct tree *descriptor, struct error *err)
{
    const struct tree *old;
    struct tree *fresh = tree_map(arena), *list, *entry;

    if (index_read(arena, folder, &old, err) < 0 || check_before(old, name, before, err) < 0)
        return -1;
    tree_add_int(arena, fresh, "schemaVersion", 2);
    tree_add_text(arena, fresh, "mediaType", MEDIA_INDEX);
    list = tree_add_list(arena, fresh, "manifests");
    for (const struct tree *one = tree_get(old, "manifests")->first; one; one = one->next)
        if (strcmp(name_of(one), name) != 0)
            tree_add(arena, list, NULL, copy_tree(arena, one));
    entry = tree_add(arena, list, NULL, copy_tree(arena, descriptor));
    if (tree_add_text(arena, tree_add_map(arena, entry, "annotations"), ref_name, name) == NULL)
        return error_memory(err);
    return keep_others(arena, fresh, old, err) < 0 ? -1 : index_write(arena, folder, fresh, err);
}

int index_set(struct arena *arena, const char *folder, const char *name, const struct tree *before,
              const struct tree *descriptor, struct error *err)
{
    /* The folder of blobs is made once and never replaced, so everybody locks the same thing. */
    const char *mark = join(arena, folder, "blobs");
    int fd = mark ? sys_open(mark, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) : -1, rc;

    if (fd < 0)
        return error_errno(err, ERROR_IO, "%s", mark ? mark : folder);
    while ((rc = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
        continue;
    rc = rc < 0 ? error_errno(err, ERROR_IO, "%s: lock", mark)
                : replace_entry(arena, folder, name, before, descriptor, err);
    sys_close(fd); /* and with it the lock */
    return rc;
}
