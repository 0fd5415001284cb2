#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sys.h"
#include "base/text.h"
#include "stream/internal.h"

/* True when a component of the path is "..". */
static bool climbs(const char *name)
{
    for (const char *at = name; at != NULL; at = strchr(at, '/')) {
        at += *at == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
            return true;
    }
    return false;
}

static const char *fault(const char *name, const struct text *visible)
{
    if (name[0] == '\0')
        return "is empty";
    if (name[0] == '/')
        return "is absolute";
    if (name[strlen(name) - 1] == '/')
        return "is a folder's";
    if (climbs(name))
        return "leads out of the archive";
    if (strcmp(name, visible->chars) != 0)
        return "has control characters or bad UTF-8";
    return NULL;
}

int name_check(const char *name, struct error *err)
{
    size_t length = strlen(name), limit = (size_t)limit_get(LIMIT_TAR_NAME_BYTES);
    struct text visible = { 0 };
    const char *what;
    int rc;

    if (length > limit)
        return error_set(err, ERROR_INPUT, "a member's name has %zu bytes, the limit is %zu", length, limit);
    text_add_visible(&visible, name, length);
    text_add(&visible, "");
    rc = text_check(&visible, err);
    if (rc == 0) {
        what = fault(name, &visible);
        if (what != NULL)
            rc = error_set(err, ERROR_INPUT, "member '%.200s': the name %s", visible.chars, what);
    }
    text_free(&visible);
    return rc;
}

bool digest_is_none(const struct digest *digest)
{
    static const struct digest zeros;

    return digest_equal(digest, &zeros);
}

/* The digest's own bytes spread it over the slots. */
static struct digest *find(const struct name_set *set, const struct digest *digest)
{
    size_t at;

    memcpy(&at, digest->bytes, sizeof(at));
    for (at &= set->capacity - 1;; at = (at + 1) & (set->capacity - 1)) {
        struct digest *slot = &set->slot[at];

        if (digest_is_none(slot) || digest_equal(slot, digest))
            return slot;
    }
}

static int grow(struct name_set *set, struct error *err)
{
    struct name_set larger = { .capacity = set->capacity > 0 ? set->capacity * 2 : 64, .count = set->count };

    larger.slot = sys_alloc(larger.capacity * sizeof(larger.slot[0]));
    if (larger.slot == NULL)
        return error_memory(err);
    memset(larger.slot, 0, larger.capacity * sizeof(larger.slot[0]));
    for (size_t i = 0; i < set->capacity; i++)
        if (!digest_is_none(&set->slot[i]))
            *find(&larger, &set->slot[i]) = set->slot[i];
    free(set->slot);
    *set = larger;
    return 0;
}

int name_set_add(struct name_set *set, const char *name, size_t length, struct error *err)
{
    struct digest digest = digest_of(name, length);
    struct digest *slot;

    if (digest_is_none(&digest))
        return error_memory(err);
    if (set->count * 2 >= set->capacity && grow(set, err) < 0)
        return -1;
    slot = find(set, &digest);
    if (!digest_is_none(slot))
        return 0;
    *slot = digest;
    set->count++;
    return 1;
}

void name_set_free(struct name_set *set)
{
    free(set->slot);
    *set = (struct name_set){ 0 };
}
