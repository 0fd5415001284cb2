/* internal.h - what the files of image/ share. */
#ifndef IMAGE_INTERNAL_H
#define IMAGE_INTERNAL_H

#include "image/image.h"

/* What becomes of a JPEG; zeros: all of it, as a picture. */
struct jpeg_use {
    /* NULL, or the input for which it is halved as DECODE_SCALED says, once it is turned. */
    const struct preprocess *wanted;
    /*
     * Rows may be taken as they are decoded instead: begin() is told what is coming (`size` without pixels) and returns
     * how many bytes each strip shall have behind it, -1 on error, or ROWS_WHOLE: the picture is wanted after all. When
     * rows were taken, the image that comes back has no pixels.
     */
    int (*begin)(void *context, const struct image *size, int orientation, struct error *err);
    void (*take)(void *context, const uint8_t *rows, int first, int count);
    void *context;
};
enum { ROWS_WHOLE = -2 };

/*
 * One decoder: file bytes to pixels as stored (C 1 or 3) and the EXIF orientation, 1..8.
 * On error nothing is left allocated. Errors as image_decode().
 */
MUST_CHECK int jpeg_decode(struct image *image, int *orientation, const uint8_t *bytes, size_t count,
                           const struct jpeg_use *use, struct error *err);
MUST_CHECK int png_decode(struct image *image, int *orientation, const uint8_t *bytes, size_t count, struct error *err);
bool jpeg_is_known(const uint8_t *bytes, size_t count);
bool png_is_known(const uint8_t *bytes, size_t count);

/* ERROR_INPUT for no pixels, ERROR_LIMIT for more than LIMIT_IMAGE_PIXELS. */
MUST_CHECK int image_check_size(uint64_t height, uint64_t width, struct error *err);
/* Pixels of height x width x channels, after that check. */
MUST_CHECK int image_alloc(struct image *image, uint64_t height, uint64_t width, int channels, struct error *err);

/* Orientation of a TIFF block ("II*\0..."), 1..8; 1 where there is none or it is damaged. */
int exif_orientation(const uint8_t *bytes, size_t count);
/* Turns and mirrors so that the picture stands as EXIF `orientation` says. */
MUST_CHECK int image_orient(struct image *image, int orientation, struct error *err);

/*
 * image_resize - all of `from` to full_height x full_width, of which only the window
 * [top, top + to->height) x [left, left + to->width) is made. to->pixels has room.
 */
struct resize_window {
    int full_height, full_width, top, left;
};
MUST_CHECK int image_resize(struct image *to, const struct image *from, const struct resize_window *window,
                            enum resize_method method, struct error *err);

/*
 * The same of rows as they come: each of from->height once and in order, in strips that can be read
 * resizing_slack_bytes() beyond their end. `from` tells the size alone. resizing_end() fills to->pixels, or nothing where
 * `to` is NULL, and frees.
 */
struct resizing;
MUST_CHECK struct resizing *resizing_begin(const struct image *to, const struct image *from,
                                           const struct resize_window *window, enum resize_method method,
                                           struct error *err);
size_t resizing_slack_bytes(const struct resizing *resizing);
void resizing_take(struct resizing *resizing, const uint8_t *rows, int first, int count);
void resizing_end(struct resizing *resizing, struct image *to);

/* ---- preprocess.c ---- */
/* All of `from` at the size that preprocess' fit asks for, and the part of it that becomes the input. */
struct resize_window preprocess_window(const struct preprocess *preprocess, const struct image *from);
enum { PREPROCESS_MAX_SIDE = 65535 };
/* Names of enum resize_method, enum resize_fit and enum decode_how, NULL at the end. */
extern const char *const preprocess_methods[], *const preprocess_fits[], *const preprocess_decodes[];
/* EXIF orientations from this one on lie on their side. */
enum { ORIENTATION_TURNED = 5 };

#endif
