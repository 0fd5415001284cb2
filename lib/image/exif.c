/*
 * exif.c - the one EXIF field that changes what is seen: the orientation.
 *
 * Source: CIPA DC-008 (Exif 2.3), 4.6.2 and 4.6.4: a TIFF header, then the
 * entries of the first folder, each 12 bytes: tag, type, count, value.
 */
#include <string.h>

#include "base/sys.h"
#include "image/internal.h"

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, HEADER_BYTES = 8, ENTRY_BYTES = 12 };

static uint32_t read_u16(const uint8_t *at, bool big)
{
    return big ? (uint32_t)at[0] << 8 | at[1] : (uint32_t)at[1] << 8 | at[0];
}

static uint32_t read_u32(const uint8_t *at, bool big)
{
    return big ? read_u16(at, true) << 16 | read_u16(at + 2, true)
               : read_u16(at + 2, false) << 16 | read_u16(at, false);
}

int exif_orientation(const uint8_t *bytes, size_t count)
{
    bool big;
    size_t at, entries;

    if (count < HEADER_BYTES)
        return 1;
    if (memcmp(bytes, "II*\0", 4) == 0)
        big = false;
    else if (memcmp(bytes, "MM\0*", 4) == 0)
        big = true;
    else
        return 1;
    at = read_u32(bytes + 4, big);
    if (at > count - 2)
        return 1;
    entries = read_u16(bytes + at, big);
    for (at += 2; entries > 0 && count - at >= ENTRY_BYTES; entries--, at += ENTRY_BYTES) {
        const uint8_t *entry = bytes + at;

        if (read_u16(entry, big) == TAG_ORIENTATION && read_u16(entry + 2, big) == TYPE_SHORT &&
            read_u32(entry + 4, big) == 1) {
            uint32_t value = read_u16(entry + 8, big);

            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}

/*
 * Each orientation is a mirroring of what was stored, along rows or columns,
 * and from 5 on rows and columns change places first.
 */
int image_orient(struct image *image, int orientation, struct error *err)
{
    static const struct {
        bool swap, flip_rows, flip_columns;
    } turns[9] = {
        [2] = { false, false, true }, [3] = { false, true, true }, [4] = { false, true, false },
        [5] = { true, false, false }, [6] = { true, false, true }, [7] = { true, true, true },
        [8] = { true, true, false },
    };
    struct image turned;
    bool swap;

    if (orientation < 2 || orientation > 8)
        return 0;
    swap = turns[orientation].swap;
    if (image_alloc(&turned, (uint64_t)(swap ? image->width : image->height),
                    (uint64_t)(swap ? image->height : image->width), image->channels, err) < 0)
        return -1;
    for (int y = 0; y < turned.height; y++) {
        for (int x = 0; x < turned.width; x++) {
            int row = turns[orientation].flip_rows ? turned.height - 1 - y : y;
            int column = turns[orientation].flip_columns ? turned.width - 1 - x : x;
            size_t from = swap ? (size_t)column * (size_t)image->width + (size_t)row
                               : (size_t)row * (size_t)image->width + (size_t)column;
            size_t to = (size_t)y * (size_t)turned.width + (size_t)x;
            size_t channels = (size_t)image->channels;

            memcpy(turned.pixels + to * channels, image->pixels + from * channels, channels);
        }
    }
    image_free(image);
    *image = turned;
    return 0;
}
