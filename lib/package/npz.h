/*
 * npz.h - many arrays in one file, as numpy.savez() writes them: a zip archive of NAME.npy.
 */
#ifndef PACKAGE_NPZ_H
#define PACKAGE_NPZ_H

#include "base/arena.h"
#include "base/file.h"
#include "tensor/tensor.h"

/* Tensors by name, in some order. */
struct tensor_list {
    const struct tensor **tensor;
    const char **name;
    int count;
};

/*
 * npz_read - arrays that were stored lie in bytes, unpacked ones in the arena; both may be unaligned, neither is to be
 * written. Errors: as of zip_open() and npy_parse(), naming the member.
 */
MUST_CHECK int npz_read(struct tensor_list *list, struct arena *arena, const void *bytes, size_t count,
                        struct error *err);
/* Stored; the same bytes each time. ERROR_LIMIT beyond 4 GiB. */
MUST_CHECK int npz_write(struct output *out, const struct tensor_list *list, struct error *err);

#endif
