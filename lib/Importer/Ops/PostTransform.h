// What ai.onnx.ml's models do with their scores at the end.

#ifndef TENON_LIB_IMPORTER_OPS_POSTTRANSFORM_H
#define TENON_LIB_IMPORTER_OPS_POSTTRANSFORM_H

#include "lib/Importer/NodeImporter.h"

namespace tenon {

/// The numbers are those of TreeEnsemble's attribute.
enum class PostTransform { None, Softmax, Logistic, SoftmaxZero, Probit };

/// The attribute `post_transform`, a string; nullopt after an error.
std::optional<PostTransform> getPostTransform(NodeImporter &node);

/// The transform of scores [N, classes].
mlir::Value applyPostTransform(NodeImporter &node, mlir::Value scores, PostTransform transform);

/// The column of the largest score of each row [N], i64; the first one of equals.
mlir::Value buildArgMax(NodeImporter &node, mlir::Value scores);

} // namespace tenon

#endif
