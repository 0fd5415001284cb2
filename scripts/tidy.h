/* tidy.h - for clang-tidy alone: what it cannot see from one file, that failures always return -1. */
#ifndef SCRIPTS_TIDY_H
#define SCRIPTS_TIDY_H

#include "base/error.h"
#include "base/tree.h"

#define error_set(...) (error_set(__VA_ARGS__), -1)
#define error_errno(...) (error_errno(__VA_ARGS__), -1)
#define error_in(...) (error_in(__VA_ARGS__), -1)
#define error_hint(...) (error_hint(__VA_ARGS__), -1)
#define error_memory(err) (error_memory(err), -1)
#define tree_error(...) (tree_error(__VA_ARGS__), -1)

#endif
