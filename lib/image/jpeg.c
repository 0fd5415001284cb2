/*
 * jpeg.c - JPEG in and out, by libjpeg-turbo.
 *
 * What a small file may ask for is bounded three ways: pixels before anything
 * is allocated, scans by the progress hook, and libjpeg's own memory (the
 * coefficients of a progressive image) by max_memory_to_use. Damage that
 * libjpeg would paint over with gray is an error.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h wants FILE */
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/limits.h"
#include "base/sys.h"
#include "image/internal.h"

enum { WORK_BYTES = 64 << 20, EXIF_MARKER = JPEG_APP0 + 1, EXIF_HEADER_BYTES = 6, STRIP_ROWS = 16 };

/* libjpeg calls back with pointers to its structs; these are the first members. */
struct handler {
    struct jpeg_error_mgr base;
    jmp_buf back;
    struct error *err;
};

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct handler handler;
    struct jpeg_progress_mgr progress;
    uint64_t max_scans;
    const struct jpeg_use *use;
    uint8_t *strip; /* where rows are taken as they come */
    struct image *image;
};

struct encoder {
    struct jpeg_compress_struct jpeg;
    struct handler handler;
    unsigned char *bytes;
    unsigned long count;
};

static void fail(j_common_ptr jpeg)
{
    struct handler *handler = (struct handler *)jpeg->err;
    char text[JMSG_LENGTH_MAX];

    jpeg->err->format_message(jpeg, text);
    switch (jpeg->err->msg_code) {
    case JERR_NO_BACKING_STORE:
        error_set(handler->err, ERROR_LIMIT, "JPEG needs more than %d MiB to decode", WORK_BYTES >> 20);
        break;
    case JERR_OUT_OF_MEMORY: (void)error_memory(handler->err); break;
    case JWRN_JPEG_EOF:
    case JERR_INPUT_EOF: error_set(handler->err, ERROR_INPUT, "JPEG is truncated"); break;
    default: error_set(handler->err, ERROR_INPUT, "JPEG is damaged: %s", text);
    }
    longjmp(handler->back, 1);
}

/* Warnings that leave every pixel as it was written; all others mean lost data. */
static bool harmless(int code)
{
    return code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR || code == JWRN_EXTRANEOUS_DATA ||
           code == JWRN_TOO_MUCH_DATA;
}

static void warn(j_common_ptr jpeg, int level)
{
    if (level < 0 && !harmless(jpeg->err->msg_code))
        fail(jpeg);
}

static void count_scans(j_common_ptr common)
{
    struct decoder *decoder = common->client_data;

    if ((uint64_t)decoder->jpeg.input_scan_number <= decoder->max_scans)
        return;
    error_set(decoder->handler.err, ERROR_LIMIT, "JPEG has more than %" PRIu64 " scans", decoder->max_scans);
    longjmp(decoder->handler.back, 1);
}

static struct jpeg_error_mgr *handler_init(struct handler *handler, struct error *err)
{
    handler->err = err;
    jpeg_std_error(&handler->base);
    handler->base.error_exit = fail;
    handler->base.emit_message = warn;
    return &handler->base;
}

bool jpeg_is_known(const uint8_t *bytes, size_t count)
{
    return count >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

static int marker_orientation(const struct jpeg_decompress_struct *jpeg)
{
    for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker != NULL; marker = marker->next) {
        if (marker->marker == EXIF_MARKER && marker->data_length >= EXIF_HEADER_BYTES &&
            memcmp(marker->data, "Exif\0\0", EXIF_HEADER_BYTES) == 0)
            return exif_orientation(marker->data + EXIF_HEADER_BYTES, marker->data_length - EXIF_HEADER_BYTES);
    }
    return 1;
}

/* How often over the sides are to be divided: 1, 2, 4 or 8. Only these have transforms of their own on every CPU. */
static unsigned choose_divisor(const struct decoder *decoder, int orientation)
{
    const struct preprocess *wanted = decoder->use->wanted;
    const bool turned = orientation >= ORIENTATION_TURNED;
    unsigned divisor = 1;

    while (wanted != NULL && divisor < 8) {
        const unsigned next = 2 * divisor;
        const unsigned height = (decoder->jpeg.image_height + next - 1) / next; /* rounded up, as libjpeg does */
        const unsigned width = (decoder->jpeg.image_width + next - 1) / next;

        if ((turned ? width : height) < (unsigned)wanted->height || (turned ? height : width) < (unsigned)wanted->width)
            break;
        divisor = next;
    }
    return divisor;
}

/* `rows` has room for `count` more. */
static void read_rows(struct jpeg_decompress_struct *jpeg, uint8_t *rows, size_t stride, int count)
{
    for (int row = 0; row < count; row++) {
        JSAMPROW at = rows + (size_t)row * stride;

        (void)jpeg_read_scanlines(jpeg, &at, 1);
    }
}

/* All rows of a picture of image's size, a strip at a time. `slack` bytes are behind each. */
static int decode_strips(struct decoder *decoder, size_t slack)
{
    const struct image *image = decoder->image;
    const size_t stride = (size_t)image->width * (size_t)image->channels;

    decoder->strip = sys_alloc(STRIP_ROWS * stride + slack);
    if (decoder->strip == NULL)
        return error_memory(decoder->handler.err);
    (void)jpeg_start_decompress(&decoder->jpeg);
    for (int row = 0; row < image->height; row += STRIP_ROWS) {
        const int rows = image->height - row < STRIP_ROWS ? image->height - row : STRIP_ROWS;

        read_rows(&decoder->jpeg, decoder->strip, stride, rows);
        decoder->use->take(decoder->use->context, decoder->strip, row, rows);
    }
    return 0;
}

static int decode_pixels(struct decoder *decoder, int orientation)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    struct image *image = decoder->image;
    struct error *err = decoder->handler.err;
    int slack = ROWS_WHOLE;

    *image = (struct image){ (int)jpeg->output_height, (int)jpeg->output_width,
                             jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3, NULL };
    if (decoder->use->begin != NULL)
        slack = decoder->use->begin(decoder->use->context, image, orientation, err);
    if (slack >= 0)
        return decode_strips(decoder, (size_t)slack);
    if (slack != ROWS_WHOLE ||
        image_alloc(image, (uint64_t)image->height, (uint64_t)image->width, image->channels, err) < 0)
        return -1;
    (void)jpeg_start_decompress(jpeg);
    read_rows(jpeg, image->pixels, (size_t)image->width * (size_t)image->channels, image->height);
    return 0;
}

/* libjpeg jumps back to here; the caller cleans up. */
static int decode_all(struct decoder *decoder, int *orientation, const uint8_t *bytes, size_t count)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    bool gray;

    if (setjmp(decoder->handler.back) != 0)
        return -1;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = decoder;
    jpeg->mem->max_memory_to_use = WORK_BYTES;
    decoder->progress.progress_monitor = count_scans;
    jpeg->progress = &decoder->progress;
    jpeg_mem_src(jpeg, bytes, (unsigned long)count);
    jpeg_save_markers(jpeg, EXIF_MARKER, 0xffff);
    (void)jpeg_read_header(jpeg, TRUE);
    if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK)
        return error_set(decoder->handler.err, ERROR_INPUT, "JPEG has CMYK colours, expected gray or RGB");
    gray = jpeg->jpeg_color_space == JCS_GRAYSCALE;
    jpeg->out_color_space = gray ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW; /* the only transform that is the same on every CPU */
    *orientation = marker_orientation(jpeg);
    jpeg->scale_num = 1;
    jpeg->scale_denom = choose_divisor(decoder, *orientation);
    jpeg_calc_output_dimensions(jpeg);
    if (image_check_size(jpeg->image_height, jpeg->image_width, decoder->handler.err) < 0 ||
        decode_pixels(decoder, *orientation) < 0)
        return -1;
    (void)jpeg_finish_decompress(jpeg);
    return 0;
}

int jpeg_decode(struct image *image, int *orientation, const uint8_t *bytes, size_t count, const struct jpeg_use *use,
                struct error *err)
{
    struct decoder decoder = { .max_scans = limit_get(LIMIT_IMAGE_SCANS), .image = image, .use = use };
    int rc;

    image->pixels = NULL;
    decoder.jpeg.err = handler_init(&decoder.handler, err);
    rc = decode_all(&decoder, orientation, bytes, count);
    jpeg_destroy_decompress(&decoder.jpeg);
    free(decoder.strip);
    if (rc < 0)
        image_free(image);
    return rc;
}

static int encode_all(struct encoder *encoder, const struct image *image, int quality)
{
    struct jpeg_compress_struct *jpeg = &encoder->jpeg;

    if (setjmp(encoder->handler.back) != 0)
        return -1;
    jpeg_create_compress(jpeg);
    jpeg_mem_dest(jpeg, &encoder->bytes, &encoder->count);
    jpeg->image_height = (JDIMENSION)image->height;
    jpeg->image_width = (JDIMENSION)image->width;
    jpeg->input_components = image->channels;
    jpeg->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        size_t stride = (size_t)image->width * (size_t)image->channels;
        JSAMPROW row = image->pixels + jpeg->next_scanline * stride;

        (void)jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return 0;
}

int image_encode_jpeg(const struct image *image, int quality, uint8_t **out, size_t *count, struct error *err)
{
    struct encoder encoder = { .bytes = NULL };
    int rc;

    encoder.jpeg.err = handler_init(&encoder.handler, err);
    rc = encode_all(&encoder, image, quality);
    jpeg_destroy_compress(&encoder.jpeg);
    if (rc < 0) {
        free(encoder.bytes);
        return -1;
    }
    *out = encoder.bytes;
    *count = encoder.count;
    return 0;
}
