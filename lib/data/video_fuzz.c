/* video_fuzz.c - any bytes as a video: frames within them, or a refusal that says which frame. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/video.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t first = size < 12 ? size : 12;
    struct error err = { 0 };
    struct item item;
    struct video *video;
    size_t sum = 0;
    int fd, rc = -1, frames = 0;

    setenv("COEDGE_LIMIT_IMAGE_PIXELS", "100000", 1);
    if (!video_is_known(data, first))
        return 0;
    fd = memfd_create("video", 0);
    if (fd < 0 || write(fd, data + first, size - first) != (ssize_t)(size - first) || lseek(fd, 0, SEEK_SET) != 0)
        abort();
    video = video_open(fd, data, first, &err);
    while (video != NULL && (rc = video_next(video, &item, &err)) == 1) {
        for (size_t i = 0; i < item.count; i++)
            sum += item.bytes[i];
        frames++;
    }
    if (rc < 0 && err.kind != ERROR_INPUT && err.kind != ERROR_LIMIT)
        abort();
    if (frames > 0 && (size_t)frames > size) /* no frame out of nothing */
        abort();
    video_close(video);
    return sum == SIZE_MAX;
}
