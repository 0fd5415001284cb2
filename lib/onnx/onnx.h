/*
 * onnx.h - other people's models: ONNX files become models here.
 *
 * Opsets 7 to 21 of ONNX's own operators, and what ONNX Runtime's quantizer
 * writes of com.microsoft. Nodes become operators of lib/op under ONNX's names;
 * what older opsets wrote otherwise is rewritten to the newest form.
 */
#ifndef ONNX_ONNX_H
#define ONNX_ONNX_H

#include "base/file.h"
#include "model/model.h"

/* True when the bytes begin as an ONNX model does; a look at the first few fields. */
bool onnx_is(const void *bytes, size_t count);

/*
 * onnx_read - takes `in` over, also when it fails; weights stay where they are in it. `path` names external data's
 * folder (NULL: none is read) and the model. ERROR_INPUT names node and operator; control flow, sequences
 * and strings are refused. The model has no preprocessing unless the file's metadata have it.
 */
MUST_CHECK int onnx_read(struct model *model, struct input *in, const char *path, struct error *err);

/*
 * onnx_write - path or "-": opset 17, IR version 8; appears whole or not at all. Quantized models are written as pairs of
 * QuantizeLinear and DequantizeLinear (parts of a split model hand on bytes), operators newer than opset 17 are spelled
 * out. Task, labels, preprocessing and privacy are in metadata_props as coedge.NAME, and onnx_read() takes them from
 * there. Weights are not copied. ERROR_INPUT naming a node that opset 17 cannot say.
 */
MUST_CHECK int onnx_write(struct model *model, const char *path, struct error *err);

/* What cannot run here, found without running. */
struct onnx_problem {
    const char *node, *op;
    int64_t opset;
    const char *reason;
};
struct onnx_report {
    int64_t opset; /* of ONNX's own operators; 0: none is named */
    int nodes;
    struct onnx_problem *problem;
    int count;
};
/* Every node that would be refused. Only a file that is no ONNX model is an error. The report is the arena's. */
MUST_CHECK int onnx_check(struct onnx_report *report, struct arena *arena, const struct input *in, const char *path,
                          struct error *err);

/* A TensorProto, as the .pb files of ONNX's tests hold it. Data are the arena's or lie in bytes, which are written to. */
MUST_CHECK int onnx_read_tensor(struct tensor *tensor, struct arena *arena, unsigned char *bytes, size_t count,
                                struct error *err);

#endif
