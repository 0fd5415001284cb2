/* remotes.c - see remotes.h. */
#include "infer/remotes.h"

#include <string.h>

#include "infer/offload.h"
#include "net/net.h"

static int read_level(int *level, const struct tree *node, struct error *err)
{
    enum privacy privacy;

    if (node->kind != TREE_TEXT)
        return tree_error(node, err, "expected a level");
    *level = -1;
    if (strcmp(node->text, "none") == 0)
        return 0;
    if (privacy_parse(&privacy, node->text, NULL) < 0)
        return tree_error(node, err, "'%.60s' is no level: public, edge-private, user-private or none", node->text);
    *level = (int)privacy;
    return 0;
}

static int read_clearance(struct offload_remote *remote, const struct tree *said, struct error *err)
{
    remote->data = remote->features = -1;
    if (said->kind != TREE_MAP) {
        if (read_level(&remote->data, said, err) < 0)
            return -1;
        remote->features = remote->data;
        return 0;
    }
    for (const struct tree *one = said->first; one != NULL; one = one->next) {
        int *level = strcmp(one->key, content_name(CONTENT_DATA)) == 0       ? &remote->data
                     : strcmp(one->key, content_name(CONTENT_FEATURES)) == 0 ? &remote->features
                                                                             : NULL;

        if (level == NULL)
            return tree_error(one, err, "'%.60s' is no kind: data or features", one->key);
        if (read_level(level, one, err) < 0)
            return -1;
    }
    if (remote->features < remote->data)
        remote->features = remote->data;
    return 0;
}

static int refuse_remote(const char *name, const char *what, struct error *err)
{
    if (err != NULL)
        err->kind = ERROR_USAGE; /* coedge.yaml is part of the command line */
    return error_in(err, "remotes: %s: %s", name, what);
}

static int read_one(struct offload_remote *remote, const char *name, const struct tree *remotes, enum privacy level,
                    struct error *err)
{
    const struct tree *said, *clearance;

    *remote = (struct offload_remote){ name, (int)level, (int)level };
    if (net_is_address(name) || strncmp(name, "unix:", 5) == 0)
        return 0;
    said = remotes != NULL ? tree_get(remotes, name) : NULL;
    if (said == NULL) {
        error_set(err, ERROR_USAGE, "--offload: '%.100s' is neither an address nor a remote of coedge.yaml", name);
        return error_hint(err, "such as http://HOST:8080/v2/models/NAME");
    }
    if (tree_need_text(said, "url", &remote->url, err) < 0)
        return refuse_remote(name, "url", err);
    clearance = tree_get(said, "clearance");
    if (clearance != NULL && read_clearance(remote, clearance, err) < 0)
        return refuse_remote(name, "clearance", err);
    return 0;
}

int offload_remotes(struct offload_options *options, struct arena *arena, const char *const *item, int count,
                    const struct tree *remotes, enum privacy level, struct error *err)
{
    struct offload_remote *remote = arena_array(arena, OFFLOAD_SERVERS, sizeof(*remote));

    if (remote == NULL)
        return error_memory(err);
    options->remote = remote;
    options->remote_count = 0;
    for (int i = 0; i < count; i++) {
        for (const char *at = item[i];; at++) {
            const size_t length = strcspn(at, ",");
            const char *name = arena_strndup(arena, at, length);

            if (name == NULL)
                return error_memory(err);
            if (options->remote_count == OFFLOAD_SERVERS)
                return error_set(err, ERROR_USAGE, "--offload: more than %d servers", OFFLOAD_SERVERS);
            if (read_one(&remote[options->remote_count++], name, remotes, level, err) < 0)
                return -1;
            at += length;
            if (*at == '\0')
                break;
        }
    }
    return 0;
}
