/* place.h - a folder of its own for each of this room's tests, and bytes pushed in and pulled out. For tests alone. */
#ifndef REGISTRY_PLACE_H
#define REGISTRY_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "registry/internal.h"

struct place {
    char folder[64];
    struct arena arena;
};

static inline int place_begin(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    snprintf(place->folder, sizeof(place->folder), "/tmp/coedge-registry-XXXXXX");
    if (mkdtemp(place->folder) == NULL)
        return -1;
    *state = place;
    return 0;
}

static inline int place_end(void **state)
{
    struct place *place = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", place->folder);
    arena_free(&place->arena);
    free(place);
    return system(command);
}

static inline struct reference reference_in(struct place *place, const char *tail)
{
    struct reference reference;
    struct error err = { 0 };
    const char *text = arena_printf(&place->arena, "%s/%s", place->folder, tail);

    assert_int_equal(reference_parse(&reference, &place->arena, text, NULL, &err), 0);
    return reference;
}

static inline void push_bytes(const struct reference *reference, const void *bytes, size_t count,
                              struct artifact *artifact)
{
    struct error err = { 0 };

    *artifact = (struct artifact){ .type = "application/vnd.coedge.model.v1", .title = "m.coedge" };
    assert_int_equal(registry_push(reference, bytes, count, artifact, NULL, &err), 0);
}

static inline int pull_bytes(struct place *place, const struct reference *reference, struct input *in,
                             struct error *err)
{
    const char *path = arena_printf(&place->arena, "%s/pulled", place->folder);
    struct output *out = output_open(path, err);
    struct remote *remote = remote_open(reference->folder, NULL, NULL, err);
    struct artifact artifact;
    int rc;

    assert_non_null(out);
    assert_non_null(remote);
    rc = registry_pull(remote, reference, out, &artifact, &place->arena, NULL, err);
    remote_close(remote);
    if (rc < 0) {
        output_abort(out);
        return -1;
    }
    assert_int_equal(output_commit(out, err), 0);
    return input_open(in, path, 0, err);
}

static inline struct tree *list_of(struct place *place, const char *tail)
{
    const char *folder = arena_printf(&place->arena, "%s/%s", place->folder, tail);
    struct remote *remote = remote_open(folder, NULL, NULL, NULL);
    struct tree *list;

    assert_non_null(remote);
    assert_int_equal(registry_list(remote, &place->arena, &list, NULL), 0);
    remote_close(remote);
    return list;
}

#endif
