#include "op/epilogue.h"

void epilogue_run(const struct epilogue *epilogue, const struct kern *kern, float *y, int64_t from, int64_t n)
{
    size_t count = (size_t)n;

    y += from;
    if (epilogue->add)
        kern->add_f32(y, y, 1, (const float *)epilogue->add->data + from, 1, count);
    switch (epilogue->activation) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: kern->relu_f32(y, y, count); break;
    case ACTIVATION_CLIP: kern->clip_f32(y, y, epilogue->low, epilogue->high, count); break;
    case ACTIVATION_LEAKY_RELU: kern->leaky_relu_f32(y, y, epilogue->alpha, count); break;
    case ACTIVATION_HARD_SWISH: kern->hard_swish_f32(y, y, count); break;
    case ACTIVATION_SWISH: kern->swish_f32(y, y, epilogue->alpha, count); break;
    case ACTIVATION_SIGMOID: kern->sigmoid_f32(y, y, count); break;
    case ACTIVATION_HARD_SIGMOID: kern->hard_sigmoid_f32(y, y, epilogue->alpha, epilogue->beta, count); break;
    }
}

int epilogue_check(const struct op_io *io, struct error *err)
{
    const struct epilogue *epilogue = io->epilogue;
    const struct tensor *y = io->out[0];
    char found[160], expected[160];

    if (!epilogue)
        return 0;
    if (y->dtype == DTYPE_U8 &&
        (epilogue->add || (epilogue->activation != ACTIVATION_NONE && epilogue->activation != ACTIVATION_RELU &&
                           epilogue->activation != ACTIVATION_CLIP)))
        return error_set(err, ERROR_INPUT, "integers take Relu or Clip in place, nothing else");
    if (epilogue->add && (epilogue->add->dtype != y->dtype || !shape_equal(&epilogue->add->shape, &y->shape)))
        return error_set(err, ERROR_INPUT, "the residual has shape %s, expected %s",
                         shape_text(&epilogue->add->shape, found), shape_text(&y->shape, expected));
    return 0;
}
