/* A stream of samples from anywhere: no crash, and what is shown is readable to its last byte. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "stream/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned touch(const unsigned char *bytes, size_t count)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += bytes[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = { 0 };
    struct sample_reader *reader = sample_open_memory(data, size, "fuzz", &err);
    struct tar_reader *tar = tar_open_memory(data, size, "fuzz", &err);
    volatile unsigned sum = 0;
    struct tar_member member;
    struct sample sample;

    while (tar != NULL && tar_next(tar, &member, &err) == 1)
        sum += touch(member.bytes, member.count) + (unsigned)strlen(member.name);
    tar_close(tar);
    while (reader != NULL && sample_next(reader, &sample, &err) == 1)
        for (int i = 0; i < sample.part_count; i++)
            sum += touch(sample.part[i].bytes, sample.part[i].count) + (unsigned)strlen(sample.part[i].ext);
    sample_close(reader);
    return 0;
}
