#include <ctype.h>
#include <string.h>

#include "registry/internal.h"

bool component_good(const char *text)
{
    if (!isalnum((unsigned char)text[0]) || strlen(text) > 128)
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && strchr("._-+", *text) == NULL)
            return false;
    return true;
}

static int lookup_remote(struct reference *reference, const struct tree *remotes, struct error *err)
{
    const struct tree *remote = tree_get(remotes, reference->folder);
    const char *url;

    if (remote == NULL)
        return 0;
    if (tree_need_text(remote, "url", &url, err) < 0)
        return error_in(err, "remotes: %s", reference->folder);
    if (strncmp(url, "oci-layout:", 11) == 0)
        url += 11;
    reference->folder = url;
    reference->trust = tree_get(remote, "trust");
    return 0;
}

/* "http:/" of "http://NAME:TAG", which has no host. */
static bool is_bare_scheme(const char *folder)
{
    return strcmp(folder, "http:/") == 0 || strcmp(folder, "https:/") == 0;
}

int reference_writable(const struct reference *reference, struct error *err)
{
    if (!net_is_address(reference->folder))
        return 0;
    error_set(err, ERROR_USAGE, "%s: nothing is written over a network", reference->folder);
    return error_hint(err, "write to the folder that the web server serves, or copy it there");
}

int reference_parse(struct reference *reference, struct arena *arena, const char *text, const struct tree *remotes,
                    struct error *err)
{
    const char *slash = strrchr(text, '/');
    char *name, *colon;

    *reference = (struct reference){ 0 };
    if (slash == NULL || slash == text + strlen(text) - 1) {
        error_set(err, ERROR_USAGE, "reference '%s' has no name after a folder", text);
        return error_hint(err, "a reference is DIR/NAME:TAG, such as registry/solder:stable");
    }
    name = arena_strdup(arena, slash + 1);
    reference->folder = slash == text ? "/" : arena_strndup(arena, text, (size_t)(slash - text));
    if (name == NULL || reference->folder == NULL)
        return error_memory(err);
    colon = strchr(name, ':');
    if (colon != NULL)
        *colon = '\0';
    reference->name = name;
    reference->tag = colon ? colon + 1 : "latest";
    if (!component_good(reference->name) || !component_good(reference->tag)) {
        error_set(err, ERROR_USAGE, "reference '%s': name and tag are letters, digits and ._-+", text);
        return error_hint(
            err, "a reference is DIR/NAME:TAG or http(s)://HOST/PATH/NAME:TAG, such as registry/solder:stable");
    }
    if (lookup_remote(reference, remotes, err) < 0)
        return -1;
    if (net_is_address(reference->folder))
        return net_check_address(reference->folder, err);
    if (strstr(reference->folder, "://") != NULL || is_bare_scheme(reference->folder)) {
        error_set(err, ERROR_USAGE, "'%s': this version reads folders, http:// and https://", reference->folder);
        return error_hint(err, "skopeo copies between an OCI registry and a layout folder");
    }
    return 0;
}
