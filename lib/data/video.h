/*
 * video.h - one picture after another out of a stream of bytes, for lib/data alone:
 * MJPEG, which is JPEG files one behind another, also as the parts of a multipart body, as cameras send them;
 * and YUV4MPEG2 (Y4M), 8 bits, gray or 4:2:0, 4:2:2, 4:4:4, as ffmpeg writes it.
 *
 * Y4M's colours are ITU-R 601's, of 16..235 unless the stream says XCOLORRANGE=FULL; a pixel takes the nearest chroma.
 *
 * Source: ITU-T T.81 (JPEG) annex B; RFC 2046 section 5.1 (multipart); yuv4mpeg(5) of mjpegtools.
 */
#ifndef DATA_VIDEO_H
#define DATA_VIDEO_H

#include "data/data.h"

struct video;

/* Whether bytes begin so. What is not video begins otherwise: a tar with a name, gzip with 1f. */
bool video_is_known(const void *bytes, size_t count);
/* Takes fd, which it closes unless it is standard input; first[count] was read from it already. */
MUST_CHECK struct video *video_open(int fd, const void *first, size_t count, struct error *err);
/* The same from a tap, which outlives it. */
MUST_CHECK struct video *video_open_tap(struct tap *tap, const void *first, size_t count, struct error *err);
/*
 * video_next - the next picture into item: bytes, count and ext, valid until the next call. 1, 0 at the end, -1.
 * Errors: ERROR_INPUT that says which frame: no picture, cut within, a format that is not read; ERROR_LIMIT; ERROR_IO.
 */
MUST_CHECK int video_next(struct video *video, struct item *item, struct error *err);
void video_close(struct video *video); /* NULL is fine */

#endif
