/*
 * weights_name.h - what PyTorch calls our weights. The built-in architectures have its names already, so all there is
 * to say is what one side has alone, and what stands in front of every name.
 */
#ifndef PACKAGE_WEIGHTS_NAME_H
#define PACKAGE_WEIGHTS_NAME_H

#include "package/npz.h"

struct value;

/* A constant that is no tensor of a state dict. */
bool weights_only_ours(const struct value *value);
/* A tensor of a state dict that nothing computes with. */
bool weights_only_theirs(const char *name);
/* Takes away what stands in front of every name, until `has` knows one of them. */
void weights_strip(struct tensor_list *list, bool (*has)(const void *context, const char *name), const void *context);

#endif
