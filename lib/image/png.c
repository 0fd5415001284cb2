/*
 * png.c - PNG in and out, by libpng.
 *
 * Before libpng sees a file its chunks are walked: each must lie inside the file,
 * up to IEND, so that none can claim gigabytes; what was cut is noticed here.
 * Text, colour profiles and other side chunks are skipped unread, so what is
 * packed in them never unfolds.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/sys.h"
#include "image/internal.h"

enum { SIGNATURE_BYTES = 8, LENGTH_BYTES = 4, FRAME_BYTES = 12, FIRST_OUT_BYTES = 16 << 10 };

/* Of zlib: half the time of its own choice, 6 % more bytes for camera pictures. */
enum { OUT_LEVEL = 2 };

struct png_work {
    jmp_buf back;
    struct error *err;
    /* in */
    const uint8_t *bytes;
    size_t count, at;
    struct image *image;
    /* out */
    uint8_t *out;
    size_t out_count, out_room;
    png_structp png;
    png_infop info;
};

/* libpng's messages may quote chunk names, which it escapes itself. */
static _Noreturn void fail(png_structp png, png_const_charp text)
{
    struct png_work *work = png_get_error_ptr(png);

    if (work->err == NULL || work->err->kind == ERROR_NONE)
        error_set(work->err, ERROR_INPUT, "PNG is damaged: %s", text);
    longjmp(work->back, 1);
}

static void warn(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep to, size_t count)
{
    struct png_work *work = png_get_io_ptr(png);

    if (count > work->count - work->at)
        png_error(png, "it ends too early");
    memcpy(to, work->bytes + work->at, count);
    work->at += count;
}

bool png_is_known(const uint8_t *bytes, size_t count)
{
    return count >= SIGNATURE_BYTES && png_sig_cmp(bytes, 0, SIGNATURE_BYTES) == 0;
}

/* Only what changes pixels or orientation is parsed. */
static void skip_side_chunks(png_structp png)
{
    static const png_byte skipped[] = "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0"
                                      "sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0zTXt";

    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, skipped, (int)(sizeof(skipped) / 5));
}

/*
 * The frame of every chunk: length, four letters, that many bytes, checksum.
 * Source: PNG (2nd edition), 5.3; the eXIf chunk holds a TIFF block.
 */
static int walk_chunks(const uint8_t *bytes, size_t count, int *orientation, struct error *err)
{
    for (size_t at = SIGNATURE_BYTES; count - at >= FRAME_BYTES;) {
        const uint8_t *kind = bytes + at + LENGTH_BYTES;
        size_t length = png_get_uint_32(bytes + at);

        if (length > count - at - FRAME_BYTES)
            break;
        if (memcmp(kind, "IEND", 4) == 0)
            return 0;
        if (memcmp(kind, "eXIf", 4) == 0)
            *orientation = exif_orientation(kind + 4, length);
        at += FRAME_BYTES + length;
    }
    return error_set(err, ERROR_INPUT, "PNG is truncated");
}

/* libpng jumps back to here; the caller cleans up. */
static int decode_all(struct png_work *work)
{
    png_structp png = work->png;
    struct image *image = work->image;
    int type, passes;

    if (setjmp(work->back) != 0)
        return -1;
    png_set_read_fn(png, work, read_bytes);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* image_alloc() judges, and says so */
    skip_side_chunks(png);
    png_read_info(png, work->info);
    type = png_get_color_type(png, work->info);
    if (image_alloc(image, png_get_image_height(png, work->info), png_get_image_width(png, work->info),
                    (type & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1, work->err) < 0)
        return -1;
    png_set_strip_16(png);
    png_set_expand(png);
    png_set_strip_alpha(png);
    passes = png_set_interlace_handling(png);
    png_read_update_info(png, work->info);
    if (png_get_rowbytes(png, work->info) != (size_t)image->width * (size_t)image->channels)
        return error_set(work->err, ERROR_INTERNAL, "PNG rows of %zu bytes, expected %d x %d",
                         png_get_rowbytes(png, work->info), image->width, image->channels);
    for (; passes > 0; passes--) {
        for (int y = 0; y < image->height; y++)
            png_read_row(png, image->pixels + (size_t)y * (size_t)image->width * (size_t)image->channels, NULL);
    }
    png_read_end(png, work->info);
    return 0;
}

int png_decode(struct image *image, int *orientation, const uint8_t *bytes, size_t count, struct error *err)
{
    struct error own = { 0 }; /* to know whether the reason is already told */
    struct png_work work = { .err = &own, .bytes = bytes, .count = count, .image = image };
    int rc;

    image->pixels = NULL;
    if (walk_chunks(bytes, count, orientation, err) < 0)
        return -1;
    work.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &work, fail, warn);
    if (work.png != NULL)
        work.info = png_create_info_struct(work.png);
    if (work.info == NULL) {
        png_destroy_read_struct(&work.png, NULL, NULL);
        return error_memory(err);
    }
    rc = decode_all(&work);
    png_destroy_read_struct(&work.png, &work.info, NULL);
    if (rc < 0) {
        image_free(image);
        if (err != NULL)
            *err = own;
    }
    return rc;
}

static void write_bytes(png_structp png, png_bytep from, size_t count)
{
    struct png_work *work = png_get_io_ptr(png);

    if (count > work->out_room - work->out_count) {
        size_t room = work->out_room == 0 ? FIRST_OUT_BYTES : work->out_room;
        uint8_t *longer;

        while (room - work->out_count < count)
            room *= 2;
        longer = sys_realloc(work->out, room);
        if (longer == NULL) {
            (void)error_memory(work->err);
            png_error(png, "out of memory");
        }
        work->out = longer;
        work->out_room = room;
    }
    memcpy(work->out + work->out_count, from, count);
    work->out_count += count;
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static int encode_all(struct png_work *work, const struct image *image)
{
    png_structp png = work->png;

    if (setjmp(work->back) != 0)
        return -1;
    png_set_write_fn(png, work, write_bytes, flush_nothing);
    png_set_compression_level(png, OUT_LEVEL);
    png_set_IHDR(png, work->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, work->info);
    for (int y = 0; y < image->height; y++)
        png_write_row(png, image->pixels + (size_t)y * (size_t)image->width * (size_t)image->channels);
    png_write_end(png, NULL);
    return 0;
}

int image_encode_png(const struct image *image, uint8_t **out, size_t *count, struct error *err)
{
    struct error own = { 0 };
    struct png_work work = { .err = &own };
    int rc;

    work.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &work, fail, warn);
    if (work.png != NULL)
        work.info = png_create_info_struct(work.png);
    if (work.info == NULL) {
        png_destroy_write_struct(&work.png, NULL);
        return error_memory(err);
    }
    rc = encode_all(&work, image);
    png_destroy_write_struct(&work.png, &work.info);
    if (rc < 0) {
        free(work.out);
        if (err != NULL)
            *err = own;
        return -1;
    }
    *out = work.out;
    *count = work.out_count;
    return 0;
}
