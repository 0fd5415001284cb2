/*
 * zip_format.h - the records of a zip archive: signatures, sizes, and where their fields lie.
 */
#ifndef STREAM_ZIP_FORMAT_H
#define STREAM_ZIP_FORMAT_H

/* Of a member, of its entry in the directory, of the directory's end and (zip64) of the larger one before it. */
#define ZIP_MEMBER "PK\x03\x04"
#define ZIP_ENTRY "PK\x01\x02"
#define ZIP_END "PK\x05\x06"
#define ZIP_END64 "PK\x06\x06"
#define ZIP_LOCATOR64 "PK\x06\x07"

enum {
    MEMBER_BYTES = 30,
    MEMBER_METHOD = 8,
    MEMBER_NAME_LENGTH = 26,
    MEMBER_EXTRA_LENGTH = 28,

    ENTRY_BYTES = 46,
    ENTRY_FLAGS = 8,
    ENTRY_METHOD = 10,
    ENTRY_CRC = 16,
    ENTRY_PACKED = 20,
    ENTRY_COUNT = 24,
    ENTRY_NAME_LENGTH = 28,
    ENTRY_EXTRA_LENGTH = 30,
    ENTRY_COMMENT_LENGTH = 32,
    ENTRY_OFFSET = 42,

    END_BYTES = 22,
    END_MEMBERS = 10,
    END_DIRECTORY_BYTES = 12,
    END_DIRECTORY = 16,

    LOCATOR64_BYTES = 20,
    LOCATOR64_OFFSET = 8,
    END64_BYTES = 56,
    END64_MEMBERS = 32,
    END64_DIRECTORY_BYTES = 40,
    END64_DIRECTORY = 48,

    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
    FLAG_ENCRYPTED = 1,
    EXTRA_ZIP64 = 1, /* kind of the extra field with sizes of 64 bits */
};

#endif
