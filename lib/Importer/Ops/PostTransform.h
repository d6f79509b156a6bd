// What ai.onnx.ml's models do with their scores at the end.

#ifndef TENON_LIB_IMPORTER_OPS_POSTTRANSFORM_H
#define TENON_LIB_IMPORTER_OPS_POSTTRANSFORM_H

#include "lib/Importer/NodeImporter.h"

namespace tenon {

/// What the classes of a classifier are called.
struct Labels {
  mlir::Value table; // int64 or strings [count]
  int64_t count = 0;
  /// Whether each class is called by its position.
  bool arePositions = false;

  /// Labels for the positions of classes.
  mlir::Value of(NodeImporter &node, mlir::Value positions) const;
};

/// The attribute `ints` or, without it, `classlabels_strings`; nullopt after an error, which an
/// empty list is.
std::optional<Labels> getLabels(NodeImporter &node, llvm::StringRef ints);

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
