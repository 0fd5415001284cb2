#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "stream/internal.h"

/* POSIX.1-2017, pax, "ustar Interchange Format". */
struct ustar {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a tar header is one block");

#define USTAR_MAX_SIZE UINT64_C(077777777777)

/* Splits at a '/' so that both halves fit. False when none does. */
static bool place_name(struct ustar *header, const char *name)
{
    size_t length = strlen(name);

    if (length <= sizeof(header->name)) {
        memcpy(header->name, name, length);
        return true;
    }
    for (size_t i = 1; i < length && i <= sizeof(header->prefix); i++) {
        size_t left = length - i - 1;

        if (name[i] == '/' && left > 0 && left <= sizeof(header->name)) {
            memcpy(header->prefix, name, i);
            memcpy(header->name, name + i + 1, left);
            return true;
        }
    }
    return false;
}

static void octal(char *field, size_t width, uint64_t value)
{
    field[--width] = '\0';
    while (width-- > 0) {
        field[width] = (char)('0' + (value & 7));
        value >>= 3;
    }
}

static void fill(struct ustar *header, char type, uint64_t size)
{
    unsigned sum = 0;

    octal(header->mode, sizeof(header->mode), 0644);
    octal(header->uid, sizeof(header->uid), 0);
    octal(header->gid, sizeof(header->gid), 0);
    octal(header->size, sizeof(header->size), size);
    octal(header->mtime, sizeof(header->mtime), 0);
    header->type = type;
    memcpy(header->magic, "ustar", 6);
    memcpy(header->version, "00", 2);
    octal(header->major, sizeof(header->major), 0);
    octal(header->minor, sizeof(header->minor), 0);
    memset(header->checksum, ' ', sizeof(header->checksum));
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += ((const unsigned char *)header)[i];
    octal(header->checksum, 7, sum);
}

static void pad(struct text *out)
{
    static const char zeros[TAR_BLOCK];
    size_t over = out->length % TAR_BLOCK;

    if (over > 0)
        text_add_bytes(out, zeros, TAR_BLOCK - over);
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts its own digits. */
static void pax_record(struct text *body, const char *key, const char *value)
{
    size_t rest = strlen(key) + strlen(value) + 3, length = rest;
    char digits[24];

    for (int i = 0; i < 2; i++)
        length = rest + (size_t)snprintf(digits, sizeof(digits), "%zu", length);
    text_printf(body, "%zu %s=%s\n", length, key, value);
}

void tar_header(struct text *out, const char *name, uint64_t count)
{
    struct ustar header = { 0 };
    struct text body = { 0 };
    bool fits = place_name(&header, name);

    if (!fits) {
        memcpy(header.name, name, sizeof(header.name));
        pax_record(&body, "path", name);
    }
    if (count > USTAR_MAX_SIZE) {
        char digits[24];

        snprintf(digits, sizeof(digits), "%" PRIu64, count);
        pax_record(&body, "size", digits);
    }
    if (body.length > 0) {
        struct ustar pax = { .name = "pax" };

        fill(&pax, 'x', body.length);
        pad(&body);
        text_add_bytes(out, &pax, sizeof(pax));
        text_add_bytes(out, body.chars, body.length);
    }
    out->failed = out->failed || body.failed;
    text_free(&body);
    fill(&header, '0', count > USTAR_MAX_SIZE ? 0 : count);
    text_add_bytes(out, &header, sizeof(header));
}

void tar_tail(unsigned char tail[TAR_TAIL], uint64_t members, uint64_t samples, const struct digest *digest)
{
    struct ustar header = { .name = TAR_END_NAME };
    char hex[65];
    int length;

    memset(tail, 0, TAR_TAIL);
    length = snprintf((char *)tail + TAR_BLOCK, TAR_BLOCK,
                      "{\"members\":%" PRIu64 ",\"samples\":%" PRIu64 ",\"sha256\":\"%s\"}\n", members, samples,
                      digest_hex(digest, hex));
    fill(&header, '0', (uint64_t)length);
    memcpy(tail, &header, sizeof(header));
}
