/*
 * idx.c - the format of the MNIST files: two zero bytes, the type, the number of
 * axes, their lengths as big-endian 32-bit numbers, then the elements.
 *
 * Source: LeCun, Cortes, Burges, "The MNIST database", "the IDX file format".
 */
#include <inttypes.h>
#include <stdint.h>

#include "data/internal.h"

enum { TYPE_BYTES = 0x08, MAX_SIDE = 65535 };

static uint32_t read_u32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int idx_parse(struct idx *idx, int rank, const unsigned char *bytes, size_t count, struct error *err)
{
    size_t header = 4 + 4 * (size_t)rank;
    uint64_t elements = 1;

    if (count < 4 || bytes[0] != 0 || bytes[1] != 0)
        return error_set(err, ERROR_INPUT, "not an idx file");
    if (bytes[2] != TYPE_BYTES || bytes[3] != rank)
        return error_set(err, ERROR_INPUT, "idx of type 0x%02x with %d axes, expected bytes (0x08) with %d", bytes[2],
                         bytes[3], rank);
    if (count < header)
        return error_set(err, ERROR_INPUT, "idx file of %zu bytes is cut inside its header", count);
    idx->rank = rank;
    for (int i = 0; i < rank; i++) {
        idx->dim[i] = read_u32(bytes + 4 + 4 * i);
        if (i > 0 && (idx->dim[i] == 0 || idx->dim[i] > MAX_SIDE))
            return error_set(err, ERROR_INPUT, "idx images with a side of %" PRIu32 " pixels", idx->dim[i]);
        elements *= idx->dim[i]; /* below 2^32 * 2^16 * 2^16 */
    }
    if (elements != count - header)
        return error_set(err, ERROR_INPUT, "idx header promises %" PRIu64 " bytes, the file has %zu", elements,
                         count - header);
    idx->data = bytes + header;
    return 0;
}
