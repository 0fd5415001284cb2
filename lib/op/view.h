/* view.h - operators that give the same bytes another shape (OP_VIEW). For lib/op alone. */
#ifndef OP_VIEW_H
#define OP_VIEW_H

#include "op/internal.h"

/* out[0] gets in[0]'s dtype and this shape; ERROR_INPUT when the number of elements differs. */
MUST_CHECK int view_shape(struct op_io *io, const struct shape *shape, struct error *err);
/* Both do nothing where the memory is shared already. */
void view_forward(const struct op_io *io, const struct op_run *run);
void view_backward(const struct op_io *io, const struct op_run *run);

#endif
