/* zip_write.c - zip out: members stored one after the other, then the directory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/sys.h"
#include "base/text.h"
#include "stream/internal.h"
#include "stream/zip.h"
#include "stream/zip_format.h"

enum {
    VERSION = 20,           /* 2.0: folders and deflate, the least that readers expect */
    FLAG_UTF8 = 1 << 11,    /* of names */
    FIRST_DAY = 1 << 5 | 1, /* 1980-01-01, where zip's time begins */
};

struct zip_writer {
    struct output *out;
    struct text directory;
    struct name_set names;
    uint64_t at; /* bytes written */
    uint64_t members;
};

struct zip_writer *zip_create(struct output *out, struct error *err)
{
    struct zip_writer *zip = sys_alloc(sizeof(*zip));

    if (zip == NULL) {
        error_memory(err);
        return NULL;
    }
    *zip = (struct zip_writer){ .out = out };
    return zip;
}

static void put(struct text *text, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        const unsigned char byte = (unsigned char)(value >> (8 * i));

        text_add_bytes(text, &byte, 1);
    }
}

/* What a member's record and its entry in the directory have in common. */
static void put_common(struct text *text, uint32_t crc, uint64_t count, size_t name_length)
{
    put(text, VERSION, 2);
    put(text, FLAG_UTF8, 2);
    put(text, METHOD_STORED, 2);
    put(text, 0, 2); /* midnight */
    put(text, FIRST_DAY, 2);
    put(text, crc, 4);
    put(text, count, 4);
    put(text, count, 4);
    put(text, name_length, 2);
    put(text, 0, 2); /* no extra field */
}

static void put_entry(struct zip_writer *zip, const char *name, uint32_t crc, uint64_t count)
{
    struct text *directory = &zip->directory;

    text_add_bytes(directory, ZIP_ENTRY, 4);
    put(directory, VERSION, 2);
    put_common(directory, crc, count, strlen(name));
    put(directory, 0, 2); /* no comment, first disk, binary, no attributes */
    put(directory, 0, 2);
    put(directory, 0, 2);
    put(directory, 0, 4);
    put(directory, zip->at, 4);
    text_add(directory, name);
}

static int write_piece(struct zip_writer *zip, const void *bytes, size_t count, struct error *err)
{
    zip->at += count;
    return count > 0 ? output_write(zip->out, bytes, count, err) : 0;
}

static int check(struct zip_writer *zip, const char *name, uint64_t count, struct error *err)
{
    int fresh;

    if (name_check(name + strspn(name, "/"), err) < 0)
        return -1;
    fresh = name_set_add(&zip->names, name, strlen(name), err);
    if (fresh == 0)
        return error_set(err, ERROR_INPUT, "member '%.200s' is there twice", name);
    if (fresh < 0)
        return -1;
    if (zip->at + count + zip->directory.length + UINT16_MAX > UINT32_MAX || zip->members == UINT16_MAX)
        return error_set(err, ERROR_LIMIT, "member '%.200s': a zip archive of more than 4 GiB or 65535 members", name);
    return 0;
}

int zip_add(struct zip_writer *zip, const char *name, const void *head, size_t head_count, const void *body,
            size_t body_count, struct error *err)
{
    struct text record = { 0 };
    uint32_t crc;
    int rc;

    if (check(zip, name, (uint64_t)head_count + body_count, err) < 0)
        return -1;
    crc = (uint32_t)crc32_z(0, head, head_count);
    if (body_count > 0)
        crc = (uint32_t)crc32_z(crc, body, body_count);
    put_entry(zip, name, crc, (uint64_t)head_count + body_count);
    text_add_bytes(&record, ZIP_MEMBER, 4);
    put_common(&record, crc, (uint64_t)head_count + body_count, strlen(name));
    text_add(&record, name);
    text_add_bytes(&record, head, head_count);
    rc = text_check(&record, err);
    if (rc == 0)
        rc = text_check(&zip->directory, err);
    if (rc == 0)
        rc = write_piece(zip, record.chars, record.length, err);
    if (rc == 0)
        rc = write_piece(zip, body, body_count, err);
    text_free(&record);
    zip->members++;
    return rc;
}

int zip_finish(struct zip_writer *zip, struct error *err)
{
    const uint64_t length = zip->directory.length;
    int rc;

    text_add_bytes(&zip->directory, ZIP_END, 4);
    put(&zip->directory, 0, 4); /* of disks */
    put(&zip->directory, zip->members, 2);
    put(&zip->directory, zip->members, 2);
    put(&zip->directory, length, 4);
    put(&zip->directory, zip->at, 4);
    put(&zip->directory, 0, 2);
    rc = text_check(&zip->directory, err);
    if (rc == 0)
        rc = write_piece(zip, zip->directory.chars, zip->directory.length, err);
    zip_abandon(zip);
    return rc;
}

void zip_abandon(struct zip_writer *zip)
{
    if (zip == NULL)
        return;
    text_free(&zip->directory);
    name_set_free(&zip->names);
    free(zip);
}
