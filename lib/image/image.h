/*
 * image.h - pixels: decode, resize, normalise, augment, encode.
 *
 * Pixels are 8-bit, interleaved [H, W, C], C 1 (gray) or 3 (RGB).
 * The path from file to pixels of the model's size is integer arithmetic, the
 * same bytes on every CPU; normalising to reals comes last.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/tree.h"
#include "tensor/tensor.h"

struct image {
    int height, width, channels;
    uint8_t *pixels; /* [H, W, C], malloc'ed; image_free() */
};

/*
 * image_decode - JPEG or PNG by content. channels 0: as stored (1 or 3), else converted:
 * RGB to gray by ITU-R 601 luma as Pillow's convert("L") (L = (R*19595 + G*38470 + B*7471 + 0x8000) >> 16),
 * gray to RGB by copying. Alpha is dropped over black as Pillow's convert does (the colour stays, alpha ignored),
 * 16 bits keep the high byte, palettes are expanded; CMYK is refused. EXIF orientation is applied.
 * Errors: ERROR_INPUT (damaged, truncated, not an image), ERROR_LIMIT (pixels, scans).
 */
MUST_CHECK int image_decode(struct image *image, const void *bytes, size_t count, int channels, struct error *err);
void image_free(struct image *image);
bool image_is_known(const void *bytes, size_t count); /* JPEG or PNG by its first bytes */

/* A whole file of *count bytes into *out, malloc'ed; free(). quality 1..100 for JPEG. */
MUST_CHECK int image_encode_png(const struct image *image, uint8_t **out, size_t *count, struct error *err);
MUST_CHECK int image_encode_jpeg(const struct image *image, int quality, uint8_t **out, size_t *count,
                                 struct error *err);

/* How a package turns an image into its input; stored in model.yaml, the same in training and inference. */
enum resize_method {
    RESIZE_ANTIALIAS, /* Pillow's BILINEAR: triangle filter widened when shrinking, within one level of Pillow */
    RESIZE_BILINEAR,  /* two taps, half-pixel centres, no antialiasing */
    RESIZE_NEAREST,
};
enum resize_fit {
    FIT_STRETCH, /* both sides to the model's, aspect not kept */
    FIT_CROP,    /* shorter side to the model's, then the centre */
};

/*
 * How much of a JPEG is decoded. Scaled: each side halved once, twice or three times by a smaller inverse transform, as
 * often as both sides stay at least the input's. Faster, and other pixels than all of it resized; again the same bytes
 * on every CPU.
 */
enum decode_how { DECODE_EXACT, DECODE_SCALED };

struct preprocess {
    int channels, height, width;
    enum decode_how decode;
    enum resize_method resize;
    enum resize_fit fit;
    float mean[3], std[3]; /* of the 0..1 scale: y = (pixel / 255 - mean) / std */
};

/* [0.5...], [0.5...] unless said otherwise: y in -1..1. */
void preprocess_init(struct preprocess *preprocess, int channels, int height, int width);
bool preprocess_equal(const struct preprocess *a, const struct preprocess *b);
/* model.yaml's `preprocess:` map, both ways. */
struct tree *preprocess_to_tree(struct arena *arena, const struct preprocess *preprocess);
MUST_CHECK int preprocess_from_tree(struct preprocess *preprocess, const struct tree *map, struct error *err);
/*
 * "size=224,fit=crop,mean=0.485:0.456:0.406,std=0.229:0.224:0.225": what the text names of *preprocess becomes so, the
 * rest stays. Keys: channels (1, 3), size (N, HxW), decode, resize, fit, mean and std (one number, or one a channel; a/b is a
 * number too). ERROR_USAGE.
 */
MUST_CHECK int preprocess_parse(struct preprocess *preprocess, const char *text, struct error *err);

/* Resizes (and crops) to preprocess' height and width; `to` is malloc'ed or filled when to->pixels is given with the right size. */
MUST_CHECK int image_fit(struct image *to, const struct image *from, const struct preprocess *preprocess,
                         struct error *err);
/* file bytes to pixels [height, width, channels] of the model, decoded as preprocess says. out has room for them. */
MUST_CHECK int image_load(uint8_t *out, const void *bytes, size_t count, const struct preprocess *preprocess,
                          struct error *err);
/* [H, W, C] pixels to planes [C, H, W], reals. The pixels may lie in the last quarter of out's memory. */
void image_normalize(float *out, const uint8_t *pixels, const struct preprocess *preprocess);
/* The same straight to a quantized input: a table of 256 entries per channel. */
void image_quantize(uint8_t *out, const uint8_t *pixels, const struct preprocess *preprocess,
                    const struct quant *quant);

/* ---- augmentation: what --augment lists; applied in the order of the fields ---- */
struct augment {
    bool flip, flip_vertical, rotate90; /* each with probability 1/2; rotate90 by 0..3 quarters (square images) */
    int shift;                          /* shift:N, up to N pixels each way, edge repeated */
    float brightness;                   /* brightness:F, times 1-F..1+F */
    float contrast;                     /* contrast:F about the mean */
    float noise;                        /* noise:S, Gaussian of S grey levels */
    int cutout;                         /* cutout:N, a square of N pixels at the mean; its centre anywhere */
};
/* "flip,shift:4,brightness:0.2"; `flip` is horizontal and vertical, `hflip` horizontal only, `vflip`. ERROR_USAGE with the list of names. */
MUST_CHECK int augment_parse(struct augment *augment, const char *list, struct error *err);
/* In place on pixels [height, width, channels]; scratch has as many bytes. Depends on rng's (seed, stream) alone. */
void augment_apply(const struct augment *augment, struct rng *rng, uint8_t *pixels, uint8_t *scratch, int height,
                   int width, int channels);

#endif
