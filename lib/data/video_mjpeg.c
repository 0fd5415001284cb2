/* video_mjpeg.c - where a JPEG picture ends, by its segments; and the heads of a multipart body's parts. */
#include "data/video_internal.h"

enum { HEAD_LINES = 32, HEAD_BYTES = 1024 };

enum { MARKER_SOI = 0xd8, MARKER_EOI = 0xd9, MARKER_SOS = 0xda, MARKER_TEM = 0x01 };

static bool is_restart(int marker)
{
    return marker >= 0xd0 && marker <= 0xd7;
}

/* From scan data on: where the next marker that is not part of them stands. 0: the stream ends, -1. */
static int64_t pass_scan(struct video *video, int64_t at, struct error *err)
{
    for (;; at++) {
        const int rc = video_need(video, (size_t)at + 2, err);
        const unsigned char *bytes = video_bytes(video);

        if (rc <= 0)
            return rc;
        if (bytes[at] == 0xff && bytes[at + 1] != 0 && bytes[at + 1] != 0xff && !is_restart(bytes[at + 1]))
            return at;
    }
}

int64_t mjpeg_length(struct video *video, struct error *err)
{
    int64_t at = 2;

    for (;;) {
        int rc = video_need(video, (size_t)at + 2, err), marker; /* no more: a camera may pause after a picture */
        const unsigned char *bytes = video_bytes(video);

        if (rc <= 0)
            return rc;
        if (bytes[at] != 0xff)
            return error_set(err, ERROR_INPUT, "byte %lld is no marker of a JPEG picture", (long long)at);
        marker = bytes[at + 1];
        if (marker == MARKER_EOI)
            return at + 2;
        rc = video_need(video, (size_t)at + 4, err);
        bytes = video_bytes(video);
        if (rc <= 0)
            return rc;
        if (marker == 0xff) { /* a fill byte */
            at++;
        } else if (is_restart(marker) || marker == MARKER_TEM) {
            at += 2;
        } else if (marker == MARKER_SOI || marker == 0) {
            return error_set(err, ERROR_INPUT, "a JPEG picture within another at byte %lld", (long long)at);
        } else {
            at += 2 + (bytes[at + 2] << 8 | bytes[at + 3]);
            if (marker == MARKER_SOS)
                at = pass_scan(video, at, err);
            if (at <= 0)
                return at;
        }
    }
}

int mjpeg_part(struct video *video, struct error *err)
{
    bool boundary = false;

    for (int i = 0; i < HEAD_LINES; i++) {
        const int64_t line = video_line(video, HEAD_BYTES, err);
        const unsigned char *bytes = video_bytes(video);
        const bool empty = line == 1 || (line == 2 && bytes[0] == '\r');

        if (line < 0)
            return -1;
        if (line == 0)
            return video->ended ? 0 : error_set(err, ERROR_INPUT, "a line of a part's head is too long");
        if (!empty && !boundary) { /* --name, and --name-- at the end */
            const int64_t text = line - 1 - (line > 1 && bytes[line - 2] == '\r');

            boundary = true;
            if (text > 4 && bytes[text - 1] == '-' && bytes[text - 2] == '-') {
                video->at += video->held;
                video->held = 0;
                video->ended = true;
                return 0;
            }
        } else if (empty && boundary) {
            video->at += (size_t)line;
            video->held -= (size_t)line;
            return 1;
        }
        video->at += (size_t)line;
        video->held -= (size_t)line;
    }
    return error_set(err, ERROR_INPUT, "a part's head has more than %d lines", HEAD_LINES);
}
