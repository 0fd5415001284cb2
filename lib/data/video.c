/* video.c - see video.h. */
#include "data/video_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/sys.h"

static const char y4m_magic[] = "YUV4MPEG2 ";

enum { FIRST_ROOM = 256 * 1024, LINE_BYTES = 1024 };

static bool begins_jpeg(const unsigned char *bytes, size_t count)
{
    return count >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

static bool begins_y4m(const void *bytes, size_t count)
{
    return count >= strlen(y4m_magic) && memcmp(bytes, y4m_magic, strlen(y4m_magic)) == 0;
}

/* A boundary, before which a line may be empty. */
static bool begins_part(const unsigned char *bytes, size_t count)
{
    size_t at = 0;

    while (at < count && at < 2 && (bytes[at] == '\r' || bytes[at] == '\n'))
        at++;
    return count >= at + 3 && bytes[at] == '-' && bytes[at + 1] == '-' && bytes[at + 2] > ' ';
}

bool video_is_known(const void *bytes, size_t count)
{
    return begins_jpeg(bytes, count) || begins_y4m(bytes, count) || begins_part(bytes, count);
}

static int widen(struct video *video, size_t count, struct error *err)
{
    const size_t most = limit_get(LIMIT_SAMPLE_BYTES);
    size_t room = video->room;
    unsigned char *wider;

    if (count > most)
        return error_set(err, ERROR_LIMIT, "a picture of more than %zu bytes", most);
    while (room < count)
        room *= 2;
    wider = sys_alloc(room);
    if (wider == NULL)
        return error_memory(err);
    memcpy(wider, video->buffer + video->at, video->held);
    free(video->buffer);
    video->buffer = wider;
    video->room = room;
    video->at = 0;
    return 0;
}

static int64_t read_some(struct video *video, void *bytes, size_t count, struct error *err)
{
    ssize_t got;

    if (video->tap != NULL)
        return video->tap->read(video->tap, bytes, count, err);
    got = sys_read(video->fd, bytes, count);
    return got < 0 ? error_errno(err, ERROR_IO, "cannot read") : (int64_t)got;
}

int video_need(struct video *video, size_t count, struct error *err)
{
    if (video->held >= count)
        return 1;
    if (count > video->room && widen(video, count, err) < 0)
        return -1;
    if (video->at + count > video->room) {
        memmove(video->buffer, video->buffer + video->at, video->held);
        video->at = 0;
    }
    while (video->held < count && !video->ended) {
        const size_t end = video->at + video->held;
        const int64_t got = read_some(video, video->buffer + end, video->room - end, err);

        if (got < 0)
            return -1;
        video->ended = got == 0;
        video->held += (size_t)got;
    }
    return video->held >= count;
}

int64_t video_line(struct video *video, size_t most, struct error *err)
{
    for (size_t count = 1; count <= most; count++) {
        const int rc = video_need(video, count, err);

        if (rc <= 0)
            return rc;
        if (video_bytes(video)[count - 1] == '\n')
            return (int64_t)count;
    }
    return 0;
}

static void pass(struct video *video, size_t count)
{
    video->at += count;
    video->held -= count;
}

static int read_header(struct video *video, struct error *err)
{
    const int64_t line = video_line(video, LINE_BYTES, err);

    if (line < 0)
        return -1;
    if (line == 0)
        return error_set(err, ERROR_INPUT, "Y4M without a first line of at most %d bytes", LINE_BYTES);
    if (y4m_header(&video->y4m, (const char *)video_bytes(video), (size_t)line - 1, err) < 0)
        return -1;
    pass(video, (size_t)line);
    video->pixels = sys_alloc((size_t)video->y4m.width * (size_t)video->y4m.height * 3);
    return video->pixels == NULL ? error_memory(err) : 0;
}

static struct video *open_any(int fd, struct tap *tap, const void *first, size_t count, struct error *err)
{
    struct video *video = sys_alloc(sizeof(*video));

    if (video == NULL) {
        if (fd > STDIN_FILENO)
            (void)sys_close(fd);
        error_memory(err);
        return NULL;
    }
    video->fd = fd;
    video->tap = tap;
    video->room = FIRST_ROOM;
    video->buffer = sys_alloc(video->room);
    if (video->buffer == NULL) {
        error_memory(err);
        video_close(video);
        return NULL;
    }
    memcpy(video->buffer, first, count);
    video->held = count;
    if (begins_y4m(first, count) && read_header(video, err) < 0) {
        video_close(video);
        return NULL;
    }
    return video;
}

struct video *video_open(int fd, const void *first, size_t count, struct error *err)
{
    return open_any(fd, NULL, first, count, err);
}

struct video *video_open_tap(struct tap *tap, const void *first, size_t count, struct error *err)
{
    return open_any(-1, tap, first, count, err);
}

static int next_y4m(struct video *video, struct item *item, struct error *err)
{
    const size_t bytes = y4m_frame_bytes(&video->y4m);
    int64_t line = video_line(video, LINE_BYTES, err);
    int rc;

    if (line == 0 && video->held == 0)
        return 0;
    if (line >= 0 && (line < 6 || memcmp(video_bytes(video), "FRAME", 5) != 0))
        return error_set(err, ERROR_INPUT, "expected a line that begins with FRAME");
    if (line < 0)
        return -1;
    pass(video, (size_t)line);
    rc = video_need(video, bytes, err);
    if (rc <= 0)
        return rc < 0 ? -1 : error_set(err, ERROR_INPUT, "cut: %zu of %zu bytes", video->held, bytes);
    y4m_pixels(&video->y4m, video_bytes(video), video->pixels);
    pass(video, bytes);
    *item = (struct item){ .bytes = video->pixels,
                           .count = (size_t)video->y4m.width * (size_t)video->y4m.height,
                           .ext = "raw",
                           .height = video->y4m.height,
                           .width = video->y4m.width,
                           .channels = video->y4m.across > 0 ? 3 : 1 };
    item->count *= (size_t)item->channels;
    return 1;
}

/* Between pictures: nothing, or the head of a part. */
static int find_jpeg(struct video *video, struct error *err)
{
    int rc;

    while ((rc = video_need(video, 1, err)) == 1 && (video_bytes(video)[0] == '\r' || video_bytes(video)[0] == '\n'))
        pass(video, 1); /* behind a part */
    if (rc <= 0 || video_need(video, 3, err) < 0)
        return rc < 0 || video->held > 0 ? -1 : 0;
    if (begins_jpeg(video_bytes(video), video->held))
        return 1;
    if (!begins_part(video_bytes(video), video->held))
        return error_set(err, ERROR_INPUT, "expected a JPEG picture, found bytes %02x %02x", video_bytes(video)[0],
                         video->held > 1 ? video_bytes(video)[1] : 0);
    rc = mjpeg_part(video, err);
    if (rc <= 0)
        return rc;
    if (video_need(video, 3, err) < 0)
        return -1;
    if (!begins_jpeg(video_bytes(video), video->held))
        return error_set(err, ERROR_INPUT, "expected a JPEG picture behind its part's head");
    return 1;
}

static int next_jpeg(struct video *video, struct item *item, struct error *err)
{
    int64_t length;
    int rc = find_jpeg(video, err);

    if (rc <= 0)
        return rc;
    length = mjpeg_length(video, err);
    if (length <= 0)
        return length < 0 ? -1 : error_set(err, ERROR_INPUT, "cut: the stream ends within it");
    *item = (struct item){ .bytes = video_bytes(video), .count = (size_t)length, .ext = "jpg" };
    pass(video, (size_t)length);
    return 1;
}

int video_next(struct video *video, struct item *item, struct error *err)
{
    const int rc = video->y4m.width > 0 ? next_y4m(video, item, err) : next_jpeg(video, item, err);

    if (rc < 0)
        return error_in(err, "frame %" PRId64, video->frame);
    video->frame += rc;
    return rc;
}

void video_close(struct video *video)
{
    if (video == NULL)
        return;
    if (video->fd > STDIN_FILENO)
        (void)sys_close(video->fd);
    free(video->buffer);
    free(video->pixels);
    free(video);
}
