// Scaled dot-product attention and rotary embeddings, shared by ONNX's Attention and its relatives
// in com.microsoft.
//
//     Y = softmax(softcap(Q·K' * scale) + bias)·V
//
// Without a cap this is a `tenon.attention`; with one, or where a node gives out the steps on the
// way, it is built out of primitive ops.

#ifndef TENON_LIB_IMPORTER_OPS_ATTENTION_H
#define TENON_LIB_IMPORTER_OPS_ATTENTION_H

#include "lib/Importer/Ops/TensorMath.h"
#include <functional>

namespace tenon {

/// Queries [B, H, S, d], keys [B, K, T, d] and values [B, K, T, e], where K divides H.
struct AttentionProblem {
  mlir::Value queries, keys, values;
  /// Added to the scores [B, H, S, T]; null: nothing.
  mlir::Value bias;
  /// A score [H] for each head that belongs to no key and takes its share of softmax; may be null.
  mlir::Value sink;
  double scale = 0; // 0: 1 / sqrt(d)
  double softcap = 0;
  /// The element type that softmax computes in; null: that of the queries.
  mlir::Type softmaxType;
  /// What becomes of scores before softmax, and of probabilities after it, in the type of softmax.
  std::function<mlir::Value(mlir::Value)> changeScores, changeProbabilities;
  /// Queries all of whose scores are minus infinity give zeros, where softmax gives NaN.
  bool zeroEmptyRows = false;
  /// Whether anything but the result is asked for.
  bool needsSteps = false;
};

/// The result [B, H, S, e] and, if needed, its intermediate steps [B, H, S, T].
struct AttentionResult {
  mlir::Value result, products, capped, biased, probabilities;
};

AttentionResult buildAttention(NodeImporter &node, AttentionProblem problem);

/// 1 / sqrt(depth) as a scalar.
mlir::Value makeAttentionScale(NodeImporter &node, mlir::AffineExpr depth, mlir::Type type);

/// [B, S, heads * d] to [B, heads, S, d], and back.
mlir::Value splitHeads(NodeImporter &node, mlir::Value x, int64_t heads);
mlir::Value joinHeads(NodeImporter &node, mlir::Value x);

/// Zero where `allowed` holds, else minus infinity (or `masked`).
mlir::Value makeBias(NodeImporter &node, mlir::Value allowed, mlir::Type elementType,
                     double masked = -HUGE_VAL);

/// Whether query i may look at key j: j <= i + offset, [S, T]; `offset` is an i64 tensor that
/// broadcasts with [S, T].
mlir::Value makeCausalMask(NodeImporter &node, mlir::AffineExpr queries, mlir::AffineExpr keys,
                           mlir::Value offset);

/// Whether each row's key [B, 1, 1, T] counts, by a mask [B, T] or [B, S, T] with zeros at padding
/// or one of rank 1 with the rows' ends: a bias of zeros, and `masked` where it does not.
mlir::Value makeKeyBias(NodeImporter &node, mlir::Value mask, mlir::AffineExpr batch,
                        mlir::AffineExpr keys, mlir::Type type, double masked);

/// Rotates the first `dim` elements of each head of x [B, H, S, d] by the angles whose cosines and
/// sines are [B or 1, S, dim / 2]. Pairs are neighbours if `interleaved`, else halves apart.
mlir::Value buildRotation(NodeImporter &node, mlir::Value x, mlir::Value cosines, mlir::Value sines,
                          mlir::AffineExpr dim, bool interleaved);

} // namespace tenon

#endif
