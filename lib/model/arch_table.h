/* arch_table.h - the rows of arch_table.c, one a network; arch_*.c include it. */
#ifndef MODEL_ARCH_TABLE_H
#define MODEL_ARCH_TABLE_H

#include "model/arch_build.h"

extern const struct arch arch_mlp, arch_lenet5, arch_cnn_mcmahan, arch_solder_cnn, arch_alexnet_cifar, arch_resnet20,
    arch_resnet18, arch_resnet50, arch_squeezenet, arch_mobilenet_v2, arch_mobilenet_v3_small;

#endif
