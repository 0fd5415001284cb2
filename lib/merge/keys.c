#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "merge/internal.h"

int merge_key_read(struct sign_key *key, const char *path, struct error *err)
{
    struct input in;
    int rc;

    if (input_open(&in, path, 0, err) < 0)
        return -1;
    rc = sign_key_read(key, (const char *)in.bytes, in.count, err);
    input_close(&in);
    return rc < 0 ? error_in(err, "%s", path) : 0;
}

static int enrol(struct merge_keys *keys, const char *folder, const char *file, struct arena *arena, struct error *err)
{
    const char *path = arena_printf(arena, "%s/%s", folder, file);
    struct sign_key *key = &keys->key[keys->count];

    keys->site[keys->count] = arena_strndup(arena, file, strlen(file) - strlen(".pub"));
    if (path == NULL || keys->site[keys->count] == NULL)
        return error_memory(err);
    if (merge_key_read(key, path, err) < 0)
        return -1;
    if (key->has_secret) {
        sign_key_forget(key);
        error_set(err, ERROR_TRUST, "%s: a secret key, expected a public one", path);
        return error_hint(err, "whoever has it can sign as site '%s': it belongs there alone", keys->site[keys->count]);
    }
    for (int i = 0; i < keys->count; i++)
        if (memcmp(keys->key[i].id, key->id, sizeof(key->id)) == 0)
            return error_set(err, ERROR_INPUT, "%s: the key of site '%s', too", path, keys->site[i]);
    keys->count++;
    return 0;
}

int merge_keys_read(struct merge_keys *keys, const char *folder, struct arena *arena, struct error *err)
{
    char **names;
    size_t count;

    *keys = (struct merge_keys){ 0 };
    if (folder_list(folder, arena, &names, &count, err) < 0)
        return -1;
    keys->site = arena_array(arena, count + 1, sizeof(*keys->site));
    keys->key = arena_array(arena, count + 1, sizeof(*keys->key));
    if (keys->site == NULL || keys->key == NULL)
        return error_memory(err);
    for (size_t i = 0; i < count; i++)
        if (text_matches("?*.pub", names[i]) && enrol(keys, folder, names[i], arena, err) < 0)
            return -1;
    if (keys->count > 0)
        return 0;
    error_set(err, ERROR_INPUT, "%s: no key of a site: expected files named SITE.pub", folder);
    return error_hint(err, "they are public keys as minisign writes them");
}

int keys_find(const struct merge_keys *keys, const char *site)
{
    for (int i = 0; i < keys->count; i++)
        if (strcmp(keys->site[i], site) == 0)
            return i;
    return -1;
}

/* Nobody's key is known: whether there is a signature's shape is all that can be seen. */
static int check_shape(const struct site *site, struct error *err)
{
    struct error found = { 0 };
    int by;

    if (!update_is_signed(site->reader) || update_signed_by(site->reader, &site->update, NULL, 0, &by, &found) == 0 ||
        found.kind == ERROR_TRUST)
        return 0;
    if (err != NULL)
        *err = found;
    return error_in(err, "signature.minisig");
}

int check_signature(const struct merge *merge, const struct site *site, struct error *err)
{
    const struct merge_keys *keys = merge->options->keys;
    const char *name = site->update.site;
    int owner, by;

    if (keys == NULL)
        return check_shape(site, err);
    owner = keys_find(keys, name);
    if (owner < 0) {
        error_set(err, ERROR_TRUST, "site '%s' is not enrolled: there is no %s.pub among the keys", name, name);
        return error_hint(err, "its public key, by a way that you trust, enrols it");
    }
    if (!update_is_signed(site->reader)) {
        error_set(err, ERROR_TRUST, "not signed, expected the signature of site '%s'", name);
        return error_hint(err, "coedge train-local --update --sign KEY signs");
    }
    if (update_signed_by(site->reader, &site->update, keys->key, keys->count, &by, err) < 0)
        return error_in(err, "signature.minisig");
    if (by != owner)
        return error_set(err, ERROR_TRUST, "says it is of site '%s', but site '%s' signed it", name, keys->site[by]);
    return 0;
}
