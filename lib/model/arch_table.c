/* arch_table.c - the built-in architectures, smallest first. */
#include "model/arch_table.h"

const struct arch *const arch_table[] = {
    &arch_mlp,      &arch_lenet5,   &arch_cnn_mcmahan, &arch_solder_cnn,   &arch_alexnet_cifar,      &arch_resnet20,
    &arch_resnet18, &arch_resnet50, &arch_squeezenet,  &arch_mobilenet_v2, &arch_mobilenet_v3_small, NULL,
};
