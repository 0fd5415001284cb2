/* zip_read.c - zip in: the directory at the end, then each member as it says. */
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

#include "base/limits.h"
#include "stream/internal.h"
#include "stream/zip.h"
#include "stream/zip_format.h"

enum { MOST_PER_BYTE = 1032 }; /* what deflate can make of a byte */

struct archive {
    const unsigned char *bytes;
    uint64_t count;
    uint64_t directory, directory_end; /* offsets */
    uint64_t members;
};

static uint64_t number(const unsigned char *at, int bytes)
{
    uint64_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

bool zip_is(const void *bytes, size_t count)
{
    return count >= 4 && (memcmp(bytes, ZIP_MEMBER, 4) == 0 || memcmp(bytes, ZIP_END, 4) == 0);
}

/* ---- the directory's end ---- */

/* Replaces what `end` says by the record for large archives, when one is there. Returns where the directory must end. */
static int find_end64(struct archive *zip, uint64_t *end, struct error *err)
{
    const unsigned char *locator, *record;
    uint64_t at;

    if (*end < LOCATOR64_BYTES)
        return 0;
    locator = zip->bytes + *end - LOCATOR64_BYTES;
    if (memcmp(locator, ZIP_LOCATOR64, 4) != 0)
        return 0;
    at = number(locator + LOCATOR64_OFFSET, 8);
    if (*end < LOCATOR64_BYTES + END64_BYTES || at != *end - LOCATOR64_BYTES - END64_BYTES ||
        memcmp(zip->bytes + at, ZIP_END64, 4) != 0)
        return error_set(err, ERROR_INPUT, "damaged zip: the end of a large directory is not where it should be");
    record = zip->bytes + at;
    zip->members = number(record + END64_MEMBERS, 8);
    zip->directory = number(record + END64_DIRECTORY, 8);
    zip->directory_end = number(record + END64_DIRECTORY_BYTES, 8);
    *end = at;
    return 0;
}

static int find_directory(struct archive *zip, struct error *err)
{
    const uint64_t limit = limit_get(LIMIT_TENSORS);
    const unsigned char *record;
    uint64_t end;

    if (zip->count < END_BYTES || memcmp(zip->bytes + zip->count - END_BYTES, ZIP_END, 4) != 0)
        return error_set(err, ERROR_INPUT, "the zip archive is cut: it does not end with its directory");
    end = zip->count - END_BYTES;
    record = zip->bytes + end;
    zip->members = number(record + END_MEMBERS, 2);
    zip->directory = number(record + END_DIRECTORY, 4);
    zip->directory_end = number(record + END_DIRECTORY_BYTES, 4);
    if (find_end64(zip, &end, err) < 0)
        return -1;
    if (zip->directory > end || zip->directory_end != end - zip->directory)
        return error_set(err, ERROR_INPUT, "damaged zip: the directory is not where its end says");
    zip->directory_end = end;
    if (zip->members > limit)
        return error_set(err, ERROR_LIMIT, "%" PRIu64 " members, the limit is %" PRIu64, zip->members, limit);
    if (zip->members > (end - zip->directory) / ENTRY_BYTES)
        return error_set(err, ERROR_INPUT, "damaged zip: %" PRIu64 " members in a directory of %" PRIu64 " bytes",
                         zip->members, end - zip->directory);
    return 0;
}

/* ---- one entry of it ---- */

struct entry {
    uint64_t packed, count, offset;
    const unsigned char *name;
    size_t name_length;
    int method, flags;
};

/* Numbers that did not fit into 32 bits, in the order of the fields. */
static int read_extra64(struct entry *entry, const unsigned char *extra, size_t length, struct error *err)
{
    uint64_t *const wide[] = { &entry->count, &entry->packed, &entry->offset };

    while (length >= 4 && number(extra, 2) != EXTRA_ZIP64) {
        const size_t skip = 4 + (size_t)number(extra + 2, 2);

        if (skip > length)
            break;
        extra += skip;
        length -= skip;
    }
    if (length >= 4 && number(extra + 2, 2) <= length - 4) {
        length = (size_t)number(extra + 2, 2);
        extra += 4;
    } else {
        length = 0;
    }
    for (size_t i = 0; i < COUNT(wide); i++) {
        if (*wide[i] != UINT32_MAX)
            continue;
        if (length < 8)
            return error_set(err, ERROR_INPUT, "its size in 64 bits is missing");
        *wide[i] = number(extra, 8);
        extra += 8;
        length -= 8;
    }
    return 0;
}

/* The record before the data, which must say the same; *data is where they begin. */
static int check_member(const struct archive *zip, const struct entry *entry, uint64_t *data, struct error *err)
{
    const unsigned char *record = zip->bytes + entry->offset;
    uint64_t head;

    if (entry->offset > zip->directory || zip->directory - entry->offset < MEMBER_BYTES ||
        memcmp(record, ZIP_MEMBER, 4) != 0)
        return error_set(err, ERROR_INPUT, "there is no member at %" PRIu64, entry->offset);
    head = MEMBER_BYTES + number(record + MEMBER_NAME_LENGTH, 2) + number(record + MEMBER_EXTRA_LENGTH, 2);
    if (head > zip->directory - entry->offset || entry->packed > zip->directory - entry->offset - head)
        return error_set(err, ERROR_INPUT, "%" PRIu64 " bytes at %" PRIu64 " reach into the directory", entry->packed,
                         entry->offset);
    if (number(record + MEMBER_NAME_LENGTH, 2) != entry->name_length ||
        memcmp(record + MEMBER_BYTES, entry->name, entry->name_length) != 0 ||
        number(record + MEMBER_METHOD, 2) != (uint64_t)entry->method)
        return error_set(err, ERROR_INPUT, "the directory tells another name or method than the member");
    *data = entry->offset + head;
    return 0;
}

static int check_kind(const struct entry *entry, struct error *err)
{
    if (entry->flags & FLAG_ENCRYPTED)
        return error_set(err, ERROR_INPUT, "it is encrypted");
    if (entry->method != METHOD_STORED && entry->method != METHOD_DEFLATED)
        return error_set(err, ERROR_INPUT, "it is packed by method %d, expected 0 (stored) or 8 (deflated)",
                         entry->method);
    if (entry->method == METHOD_STORED && entry->packed != entry->count)
        return error_set(err, ERROR_INPUT, "%" PRIu64 " bytes are stored, %" PRIu64 " are told", entry->packed,
                         entry->count);
    if (entry->count / MOST_PER_BYTE > entry->packed)
        return error_set(err, ERROR_INPUT, "%" PRIu64 " bytes cannot be packed in %" PRIu64, entry->count,
                         entry->packed);
    return 0;
}

/* The entry at *at, which moves behind it. */
static int read_entry(const struct archive *zip, uint64_t *at, struct entry *entry, uint32_t *crc, struct error *err)
{
    const unsigned char *record = zip->bytes + *at;
    uint64_t extra, length;

    if (zip->directory_end - *at < ENTRY_BYTES || memcmp(record, ZIP_ENTRY, 4) != 0)
        return error_set(err, ERROR_INPUT, "damaged zip: the directory has no entry at %" PRIu64, *at);
    *entry = (struct entry){ .packed = number(record + ENTRY_PACKED, 4),
                             .count = number(record + ENTRY_COUNT, 4),
                             .offset = number(record + ENTRY_OFFSET, 4),
                             .name = record + ENTRY_BYTES,
                             .name_length = (size_t)number(record + ENTRY_NAME_LENGTH, 2),
                             .method = (int)number(record + ENTRY_METHOD, 2),
                             .flags = (int)number(record + ENTRY_FLAGS, 2) };
    *crc = (uint32_t)number(record + ENTRY_CRC, 4);
    extra = number(record + ENTRY_EXTRA_LENGTH, 2);
    length = ENTRY_BYTES + entry->name_length + extra + number(record + ENTRY_COMMENT_LENGTH, 2);
    if (length > zip->directory_end - *at)
        return error_set(err, ERROR_INPUT, "damaged zip: the directory's entry at %" PRIu64 " is cut", *at);
    *at += length;
    return read_extra64(entry, entry->name + entry->name_length, (size_t)extra, err);
}

static int take_name(struct zip_member *member, struct arena *arena, const struct entry *entry, struct error *err)
{
    char *name = arena_strndup(arena, (const char *)entry->name, entry->name_length);

    if (name == NULL)
        return error_memory(err);
    if (strlen(name) != entry->name_length)
        return error_set(err, ERROR_INPUT, "a member's name has a NUL character");
    member->name = name;
    return name_check(name + strspn(name, "/"), err);
}

/* *free_from: the first byte after the member before. */
static int add_member(const struct archive *zip, struct zip_member *member, const struct entry *entry,
                      uint64_t *free_from, struct error *err)
{
    uint64_t data = 0;

    if (entry->offset < *free_from)
        return error_set(err, ERROR_INPUT, "it overlaps the member before");
    if (check_kind(entry, err) < 0 || check_member(zip, entry, &data, err) < 0)
        return -1;
    member->packed = zip->bytes + data;
    member->packed_count = (size_t)entry->packed;
    member->count = (size_t)entry->count;
    member->deflated = entry->method == METHOD_DEFLATED;
    *free_from = data + entry->packed;
    return 0;
}

static int add_members(struct zip *out, struct arena *arena, const struct archive *zip, struct error *err)
{
    const uint64_t limit = limit_get(LIMIT_PACKAGE_BYTES);
    uint64_t at = zip->directory, free_from = 0, unpacked = 0;
    struct name_set names = { 0 };
    int rc = 0;

    for (uint64_t i = 0; rc == 0 && i < zip->members; i++) {
        struct zip_member *member = &out->member[i];
        struct entry entry;

        rc = read_entry(zip, &at, &entry, &member->crc, err);
        if (rc == 0)
            rc = take_name(member, arena, &entry, err);
        if (rc < 0)
            break;
        if (add_member(zip, member, &entry, &free_from, err) < 0)
            rc = error_in(err, "member '%.200s'", member->name);
        else if (name_set_add(&names, member->name, entry.name_length, err) != 1)
            rc = err != NULL && err->kind == ERROR_LIMIT
                     ? -1
                     : error_set(err, ERROR_INPUT, "member '%.200s' is there twice", member->name);
        unpacked += member->deflated ? entry.count : 0;
        if (rc == 0 && unpacked > limit)
            rc = error_set(err, ERROR_LIMIT, "the members hold more than %" PRIu64 " bytes", limit);
        out->count++;
    }
    name_set_free(&names);
    if (rc == 0 && at != zip->directory_end)
        rc = error_set(err, ERROR_INPUT, "damaged zip: the directory has more than %" PRIu64 " entries", zip->members);
    return rc;
}

int zip_open(struct zip *zip, struct arena *arena, const void *bytes, size_t count, struct error *err)
{
    struct archive archive = { .bytes = bytes, .count = count };

    *zip = (struct zip){ 0 };
    if (!zip_is(bytes, count))
        return error_set(err, ERROR_INPUT, "not a zip archive");
    if (find_directory(&archive, err) < 0)
        return -1;
    zip->member = arena_array(arena, (size_t)archive.members + 1, sizeof(zip->member[0]));
    if (zip->member == NULL)
        return error_memory(err);
    return add_members(zip, arena, &archive, err);
}

/* ---- its bytes ---- */

static int inflate_all(const struct zip_member *member, unsigned char *out, struct error *err)
{
    size_t packed = member->packed_count, room = member->count;
    z_stream z = { .next_in = member->packed, .next_out = out };
    int rc = inflateInit2(&z, -MAX_WBITS); /* no header */

    if (rc != Z_OK)
        return error_memory(err);
    while (rc == Z_OK) {
        if (z.avail_in == 0) {
            z.avail_in = packed > UINT_MAX ? UINT_MAX : (uInt)packed;
            packed -= z.avail_in;
        }
        if (z.avail_out == 0) {
            z.avail_out = room > UINT_MAX ? UINT_MAX : (uInt)room;
            room -= z.avail_out;
        }
        rc = inflate(&z, Z_NO_FLUSH);
    }
    packed += z.avail_in;
    room += z.avail_out;
    inflateEnd(&z);
    if (rc == Z_MEM_ERROR)
        return error_memory(err);
    if (rc == Z_BUF_ERROR && packed == 0 && room > 0)
        return error_set(err, ERROR_INPUT, "its data are cut: %zu of %zu bytes", member->count - room, member->count);
    if (rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return error_set(err, ERROR_INPUT, "its data are damaged");
    if (rc != Z_STREAM_END || packed > 0 || room > 0)
        return error_set(err, ERROR_INPUT, "its data are not %zu bytes from %zu", member->count, member->packed_count);
    return 0;
}

static int unpack(const struct zip_member *member, struct arena *arena, const unsigned char **bytes, struct error *err)
{
    unsigned char *room;

    *bytes = member->packed;
    if (member->deflated) {
        room = arena_alloc(arena, member->count + 1); /* zlib wants room for a byte to find that none comes */
        if (room == NULL)
            return error_memory(err);
        if (inflate_all(member, room, err) < 0)
            return -1;
        *bytes = room;
    }
    if (crc32_z(0, *bytes, member->count) != member->crc)
        return error_set(err, ERROR_INPUT, "its data do not have the checksum that the directory tells");
    return 0;
}

int zip_unpack(const struct zip_member *member, struct arena *arena, const unsigned char **bytes, struct error *err)
{
    return unpack(member, arena, bytes, err) < 0 ? error_in(err, "member '%.200s'", member->name) : 0;
}
