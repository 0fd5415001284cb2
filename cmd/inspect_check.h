/* inspect_check.h - `inspect --check`: what of an ONNX file would be refused. */
#ifndef CMD_INSPECT_CHECK_H
#define CMD_INSPECT_CHECK_H

#include "cli/cli.h"

/* Prints each node that cannot run here; ERROR_INPUT when there is one. A package is only read. */
MUST_CHECK int inspect_check(const struct invocation *inv, struct error *err);

#endif
