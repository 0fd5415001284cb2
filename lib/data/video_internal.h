/* video_internal.h - what the two kinds of video share: bytes as they come. */
#ifndef DATA_VIDEO_INTERNAL_H
#define DATA_VIDEO_INTERNAL_H

#include "data/video.h"

struct y4m {
    int width, height;
    int across, down; /* pixels of one chroma sample; 0: gray */
    bool full;        /* levels 0..255, not 16..235 */
};

struct video {
    int fd;          /* -1: a tap */
    struct tap *tap; /* or NULL */
    unsigned char *buffer;
    size_t at, held, room; /* of the buffer: what is left begins at `at` */
    bool ended;
    int64_t frame;
    struct y4m y4m;  /* width 0: MJPEG */
    uint8_t *pixels; /* [height, width, 3 or 1] */
};

/* Makes `count` bytes from video->at on be there. 1; 0: the stream ends before; -1. */
MUST_CHECK int video_need(struct video *video, size_t count, struct error *err);
static inline const unsigned char *video_bytes(const struct video *video)
{
    return video->buffer + video->at;
}
/* The length of the line at `at`, with its end; 0: no line of at most `most` bytes; -1. */
MUST_CHECK int64_t video_line(struct video *video, size_t most, struct error *err);

/* The JPEG at `at`: its length. 0: the stream ends within; -1: it is none. */
MUST_CHECK int64_t mjpeg_length(struct video *video, struct error *err);
/* Passes over the head of a multipart's part. 1; 0: the last boundary, or the end; -1. */
MUST_CHECK int mjpeg_part(struct video *video, struct error *err);

/* "YUV4MPEG2 W640 H480 ..." without its line's end. */
MUST_CHECK int y4m_header(struct y4m *y4m, const char *line, size_t count, struct error *err);
size_t y4m_frame_bytes(const struct y4m *y4m);
/* planes one behind another into pixels [height, width, 3], or [height, width, 1] of gray */
void y4m_pixels(const struct y4m *y4m, const uint8_t *planes, uint8_t *pixels);

#endif
