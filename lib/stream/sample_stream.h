/*
 * sample_stream.h - the small stream that the tests of tar write, cut and damage.
 */
#ifndef STREAM_SAMPLE_STREAM_H
#define STREAM_SAMPLE_STREAM_H

#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "stream/internal.h"

/* A stream of two samples, three members. */
static inline void make(struct text *out)
{
    struct error err = { 0 };
    struct tar_writer *tar = tar_create_text(out, &err);

    assert_non_null(tar);
    assert_int_equal(tar_add(tar, "0001.txt", "hello", 5, &err), 0);
    assert_int_equal(tar_add(tar, "0001.cls", "3", 1, &err), 0);
    assert_int_equal(tar_begin(tar, "0002.txt", 600, &err), 0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(tar_piece(tar,
                                   "0123456789012345678901234567890123456789012345678901234567890123456789"
                                   "012345678901234567890123456789",
                                   100, &err),
                         0);
    assert_int_equal(tar_finish(tar, 2, &err), 0);
}

/* Reads all; the number of members, or -1. */
static inline int drain(struct tar_reader *tar, enum tar_end *end, struct error *err)
{
    struct tar_member member;
    int count = 0, rc;

    if (tar == NULL)
        return -1;
    while ((rc = tar_next(tar, &member, err)) == 1)
        count++;
    *end = tar_end_state(tar, NULL);
    tar_close(tar);
    return rc < 0 ? -1 : count;
}

static inline int drain_memory(const void *bytes, size_t count, enum tar_end *end, struct error *err)
{
    return drain(tar_open_memory(bytes, count, "test.tar", err), end, err);
}

/* The same through a pipe that brings `step` bytes at a time; the stream is smaller than the pipe. */
static inline int drain_pipe(const char *bytes, size_t count, size_t step, enum tar_end *end, struct error *err)
{
    char path[32];
    int fd[2], rc;

    assert_int_equal(pipe(fd), 0);
    for (size_t at = 0; at < count; at += step)
        assert_true(write(fd[1], bytes + at, at + step < count ? step : count - at) > 0);
    close(fd[1]);
    snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
    rc = drain(tar_open(path, err), end, err);
    close(fd[0]);
    return rc;
}

#endif
