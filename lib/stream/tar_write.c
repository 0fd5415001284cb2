#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sys.h"
#include "base/text.h"
#include "stream/internal.h"

struct tar_writer {
    struct output *out; /* or */
    struct text *text;
    struct digest_stream *digest;
    struct digest *whole;
    struct name_set names;
    uint64_t members;
    uint64_t left;       /* bytes of the open member still to come */
    size_t padding;      /* after them */
    struct text pending; /* small pieces of one member, written as one */
};

enum { PENDING_MAX = 64 * 1024 };

static struct tar_writer *create(struct output *out, struct text *text, struct error *err)
{
    struct tar_writer *tar = sys_alloc(sizeof(*tar));

    if (tar == NULL) {
        error_memory(err);
        return NULL;
    }
    *tar = (struct tar_writer){ .out = out, .text = text, .digest = digest_begin(err) };
    if (tar->digest == NULL) {
        free(tar);
        return NULL;
    }
    return tar;
}

struct tar_writer *tar_create(struct output *out, struct error *err)
{
    return create(out, NULL, err);
}

struct tar_writer *tar_create_text(struct text *out, struct error *err)
{
    return create(NULL, out, err);
}

static int flush(struct tar_writer *tar, struct error *err)
{
    size_t count = tar->pending.length;

    tar->pending.length = 0;
    if (text_check(&tar->pending, err) < 0)
        return -1;
    return count > 0 ? output_write(tar->out, tar->pending.chars, count, err) : 0;
}

static int put(struct tar_writer *tar, const void *bytes, size_t count, struct error *err)
{
    digest_add(tar->digest, bytes, count);
    if (tar->text != NULL) {
        text_add_bytes(tar->text, bytes, count);
        return text_check(tar->text, err);
    }
    if (tar->pending.length + count <= PENDING_MAX) {
        text_add_bytes(&tar->pending, bytes, count);
        return text_check(&tar->pending, err);
    }
    if (flush(tar, err) < 0)
        return -1;
    return output_write(tar->out, bytes, count, err);
}

/* A whole member goes out at once: whoever reads the pipe need not wait for the next. */
static int end_member(struct tar_writer *tar, struct error *err)
{
    static const unsigned char zeros[TAR_BLOCK];
    size_t padding = tar->padding;

    tar->padding = 0;
    if (padding > 0 && put(tar, zeros, padding, err) < 0)
        return -1;
    return tar->out != NULL ? flush(tar, err) : 0;
}

int tar_begin(struct tar_writer *tar, const char *name, uint64_t count, struct error *err)
{
    struct text header = { 0 };
    int fresh, rc;

    if (tar->left > 0)
        return error_set(err, ERROR_INTERNAL, "member '%s' begins before the one before is whole", name);
    if (name_check(name, err) < 0)
        return -1;
    if (tar->members >= limit_get(LIMIT_TAR_MEMBERS))
        return error_set(err, ERROR_LIMIT, "a tar of more than %llu members",
                         (unsigned long long)limit_get(LIMIT_TAR_MEMBERS));
    fresh = name_set_add(&tar->names, name, strlen(name), err);
    if (fresh == 0)
        return error_set(err, ERROR_INPUT, "member '%s' is there twice", name);
    if (fresh < 0)
        return -1;
    tar_header(&header, name, count);
    rc = text_check(&header, err);
    if (rc == 0)
        rc = put(tar, header.chars, header.length, err);
    text_free(&header);
    tar->members++;
    tar->left = count;
    tar->padding = (size_t)(-count % TAR_BLOCK);
    return rc;
}

int tar_piece(struct tar_writer *tar, const void *bytes, size_t count, struct error *err)
{
    if (count > tar->left)
        return error_set(err, ERROR_INTERNAL, "a member gets more bytes than it was begun with");
    if (count > 0 && put(tar, bytes, count, err) < 0)
        return -1;
    tar->left -= count;
    return tar->left == 0 ? end_member(tar, err) : 0;
}

int tar_add(struct tar_writer *tar, const char *name, const void *bytes, size_t count, struct error *err)
{
    if (tar_begin(tar, name, count, err) < 0)
        return -1;
    return tar_piece(tar, bytes, count, err);
}

struct digest tar_digest(const struct tar_writer *tar)
{
    return digest_peek(tar->digest);
}

void tar_digest_to(struct tar_writer *tar, struct digest *whole)
{
    tar->whole = whole;
}

int tar_finish(struct tar_writer *tar, uint64_t samples, struct error *err)
{
    unsigned char tail[TAR_TAIL];
    struct digest digest = digest_peek(tar->digest);
    int rc;

    if (tar->left > 0) {
        rc = error_set(err, ERROR_INTERNAL, "the last member is not whole");
    } else if (digest_is_none(&digest)) {
        rc = error_memory(err);
    } else {
        tar_tail(tail, tar->members, samples, &digest);
        rc = put(tar, tail, sizeof(tail), err);
        if (rc == 0 && tar->out != NULL)
            rc = flush(tar, err);
    }
    if (rc == 0 && tar->whole != NULL)
        *tar->whole = digest_peek(tar->digest);
    tar_abandon(tar);
    return rc;
}

void tar_abandon(struct tar_writer *tar)
{
    if (tar == NULL)
        return;
    (void)digest_end(tar->digest);
    name_set_free(&tar->names);
    text_free(&tar->pending);
    free(tar);
}
