/* release.c - the document of a release: text and meaning. */
#include "registry/release.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "registry/internal.h"
#include "json/json.h"

enum { FORMAT = 1, MESSAGE_BYTES = 1000 };

static const int64_t version_most = ((int64_t)1 << 53) - 1;
static const int64_t date_most = 253402300799; /* the end of the year 9999 */

/* ---- dates ---- */

const char *date_text(char text[DATE_TEXT], int64_t seconds)
{
    const time_t time = (time_t)seconds;
    struct tm parts;

    if (gmtime_r(&time, &parts) == NULL || strftime(text, DATE_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        text[0] = '\0';
    return text;
}

int date_parse(const char *text, int64_t *seconds, struct error *err)
{
    struct tm parts = { 0 };
    char again[DATE_TEXT];

    if (strlen(text) == 20 && sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                                     &parts.tm_hour, &parts.tm_min, &parts.tm_sec) == 6) {
        parts.tm_year -= 1900;
        parts.tm_mon -= 1;
        *seconds = (int64_t)timegm(&parts);
        if (*seconds >= 0 && *seconds <= date_most && strcmp(date_text(again, *seconds), text) == 0)
            return 0; /* there is such a day and hour */
    }
    return error_set(err, ERROR_INPUT, "'%.40s' is no date, expected such as 2026-11-29T07:30:00Z", text);
}

/* ---- from text ---- */

static int read_digest(const struct tree *map, const char *key, struct digest *digest, struct error *err)
{
    const char *text;

    if (tree_need_text(map, key, &text, err) < 0)
        return -1;
    if (strncmp(text, "sha256:", 7) != 0)
        return error_set(err, ERROR_INPUT, "'%s' is '%.20s', expected sha256:HEX", key, text);
    return digest_parse(digest, text, err) < 0 ? error_in(err, "'%s'", key) : 0;
}

static int read_date(const struct tree *map, const char *key, int64_t *seconds, struct error *err)
{
    const char *text;

    if (tree_need_text(map, key, &text, err) < 0)
        return -1;
    return date_parse(text, seconds, err) < 0 ? error_in(err, "'%s'", key) : 0;
}

static int read_component(const struct tree *map, const char *key, const char **text, struct error *err)
{
    if (tree_need_text(map, key, text, err) < 0)
        return -1;
    return component_good(*text)
               ? 0
               : error_set(err, ERROR_INPUT, "'%s' is '%.20s', expected letters, digits and ._-+", key, *text);
}

static int read_package(const struct tree *map, const char *key, struct release_package *package, struct error *err)
{
    const struct tree *one;

    if (tree_need(map, key, TREE_MAP, &one, err) < 0)
        return -1;
    return read_digest(one, "package", &package->package, err) < 0 ||
                   tree_need_int(one, "size", 0, INT64_MAX, &package->size, err) < 0 ||
                   read_digest(one, "manifest", &package->manifest, err) < 0 ||
                   tree_need_int(one, "manifest_size", 0, MANIFEST_BYTES, &package->manifest_size, err) < 0
               ? error_in(err, "'%s'", key)
               : 0;
}

static int read_links(struct release *release, const struct tree *map, struct error *err)
{
    const struct tree *previous;

    release->has_rest = tree_get(map, "rest") != NULL;
    if (release->has_rest && read_package(map, "rest", &release->rest, err) < 0)
        return -1;
    release->has_withdrawn = tree_get(map, "withdraws") != NULL;
    if (release->has_withdrawn && read_digest(map, "withdraws", &release->withdrawn, err) < 0)
        return -1;
    release->has_previous = tree_get(map, "previous") != NULL;
    if (!release->has_previous)
        return 0;
    if (tree_need(map, "previous", TREE_MAP, &previous, err) < 0)
        return -1;
    return read_digest(previous, "manifest", &release->previous, err) < 0 ||
                   tree_need_int(previous, "manifest_size", 0, MANIFEST_BYTES, &release->previous_size, err) < 0
               ? error_in(err, "'previous'")
               : 0;
}

static int read_document(struct release *release, const struct tree *map, struct error *err)
{
    int64_t format;

    if (map->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, "expected a map");
    if (tree_need_int(map, "release", 1, INT64_MAX, &format, err) < 0)
        return -1;
    if (format != FORMAT)
        return error_set(err, ERROR_INPUT, "a release document of format %" PRId64 ", this version knows %d", format,
                         FORMAT);
    release->message = "";
    if (read_component(map, "name", &release->name, err) < 0 ||
        read_component(map, "channel", &release->channel, err) < 0 ||
        tree_need_int(map, "version", 1, version_most, &release->version, err) < 0 ||
        read_date(map, "date", &release->date, err) < 0 || read_date(map, "expires", &release->expires, err) < 0 ||
        tree_need_real(map, "share", &release->share, err) < 0 ||
        tree_take_text(map, "message", &release->message, err) < 0 ||
        read_package(map, "package", &release->package, err) < 0)
        return -1;
    if (!(release->share >= 0 && release->share <= 100))
        return error_set(err, ERROR_INPUT, "'share' is %g, expected 0 to 100", release->share);
    if (strlen(release->message) > MESSAGE_BYTES)
        return error_set(err, ERROR_INPUT, "'message' has more than %d bytes", MESSAGE_BYTES);
    return read_links(release, map, err);
}

int release_parse(struct release *release, struct arena *arena, const char *text, size_t length, struct error *err)
{
    const struct tree *root;

    *release = (struct release){ .document = digest_of(text, length) };
    return json_parse(arena, text, length, &root, err) < 0 ? -1 : read_document(release, root, err);
}

/* ---- to text ---- */

static void add_digest(struct arena *arena, struct tree *map, const char *key, const struct digest *digest)
{
    char hex[65], text[80];

    snprintf(text, sizeof(text), "sha256:%s", digest_hex(digest, hex));
    tree_add_text(arena, map, key, text);
}

static void add_date(struct arena *arena, struct tree *map, const char *key, int64_t seconds)
{
    char text[DATE_TEXT];

    tree_add_text(arena, map, key, date_text(text, seconds));
}

static void add_package(struct arena *arena, struct tree *map, const char *key, const struct release_package *package)
{
    struct tree *one = tree_add_map(arena, map, key);

    add_digest(arena, one, "package", &package->package);
    tree_add_int(arena, one, "size", package->size);
    add_digest(arena, one, "manifest", &package->manifest);
    tree_add_int(arena, one, "manifest_size", package->manifest_size);
}

void release_write(struct text *out, struct arena *arena, const struct release *release)
{
    struct tree *map = tree_map(arena), *previous;

    tree_add_int(arena, map, "release", FORMAT);
    tree_add_text(arena, map, "name", release->name);
    tree_add_text(arena, map, "channel", release->channel);
    tree_add_int(arena, map, "version", release->version);
    tree_add_real(arena, map, "share", release->share);
    add_package(arena, map, "package", &release->package);
    if (release->has_rest)
        add_package(arena, map, "rest", &release->rest);
    if (release->has_withdrawn)
        add_digest(arena, map, "withdraws", &release->withdrawn);
    add_date(arena, map, "date", release->date);
    add_date(arena, map, "expires", release->expires);
    tree_add_text(arena, map, "message", release->message);
    if (release->has_previous) {
        previous = tree_add_map(arena, map, "previous");
        add_digest(arena, previous, "manifest", &release->previous);
        tree_add_int(arena, previous, "manifest_size", release->previous_size);
    }
    out->failed |= map == NULL || arena->failed;
    if (!out->failed)
        json_write_indented(out, map);
    text_add(out, "\n");
}

/* ---- shares ---- */

bool release_includes(const struct release *release, const char *device)
{
    struct text text = { 0 };
    struct digest digest;
    uint64_t number = 0;
    char hex[65];

    text_printf(&text, "coedge share\n%s\n%s\n%s", device, release->name, digest_hex(&release->package.package, hex));
    if (text.failed) { /* as if it were the last device of all */
        text_free(&text);
        return release->share >= 100;
    }
    digest = digest_of(text.chars, text.length);
    text_free(&text);
    for (int i = 0; i < 8; i++)
        number = number << 8 | digest.bytes[i];
    return (double)(number >> 11) * 0x1p-53 * 100 < release->share;
}

/* ---- expiry ---- */

int release_check_date(const struct release *release, int64_t now, struct error *err)
{
    char text[DATE_TEXT], here[DATE_TEXT];

    if (now < release->date) /* a clock that was never set: it is no earlier than what was signed */
        now = release->date;
    if (now < release->expires)
        return 0;
    error_set(err, ERROR_TRUST, "version %" PRId64 " expired on %s, and here it is %s", release->version,
              date_text(text, release->expires), date_text(here, now));
    return error_hint(err,
                      "this clock may be wrong, or an old release is shown on purpose; coedge release promote makes a "
                      "new one");
}
