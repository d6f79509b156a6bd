// Softmax over rows of scores in scratch memory; internal to Attention*.cpp.
#ifndef TENON_PASSES_CODEGEN_CPU_ATTENTIONSOFTMAX_H
#define TENON_PASSES_CODEGEN_CPU_ATTENTIONSOFTMAX_H

#include "passes/Codegen/Common/EmitHelpers.h"

namespace tenon::cpu {

/// What is known of a row after the blocks of keys so far: its largest score and the sum of its
/// powers. Arrays with one f32 per row.
struct SoftmaxState {
  mlir::Value largest, sums;
};

class SoftmaxEmitter {
public:
  /// Rows of scores are `pitch` elements apart and may be written up to `lanes` beyond their end.
  /// Powers are f32, or, if `roundedMultiple` is not 0, bf16: then a row begins with these, and
  /// zeros fill them up to a multiple of so many.
  SoftmaxEmitter(int64_t lanes, int64_t pitch, bool zeroEmptyRows, int64_t roundedMultiple)
      : lanes(lanes), pitch(pitch), zeroEmptyRows(zeroEmptyRows), roundedMultiple(roundedMultiple) {
  }

  /// Replaces `rows` rows of `count` scores by e^(score - largest). factors[row] becomes what the
  /// weighted sum of values is to be multiplied by: 1 / sum.
  void emitWhole(Emitter &e, mlir::Value scores, mlir::Value rows, mlir::Value count,
                 mlir::Value factors) const;
  /// The same for one of several blocks of scores: factors[row] becomes what the weighted sum of
  /// the earlier blocks is to be multiplied by.
  void emitBlock(Emitter &e, mlir::Value scores, mlir::Value rows, mlir::Value count,
                 mlir::Value factors, const SoftmaxState &state) const;
  /// What the weighted sum of all blocks is to be multiplied by.
  mlir::Value emitFinalFactor(Emitter &e, mlir::Value largest, mlir::Value sum) const;

private:
  mlir::Value largestOf(Emitter &e, mlir::Value row, mlir::Value count) const;
  /// Replaces scores by powers and returns their sum.
  mlir::Value sumPowers(Emitter &e, mlir::Value row, mlir::Value count, mlir::Value shift) const;
  /// Stores a vector of powers, of which `position` is the number of the first.
  void storePowers(Emitter &e, mlir::Value row, mlir::Value position, mlir::Value powers) const;
  /// `shift`, or 0 if it is minus infinity: then all powers are 0 instead of NaN.
  mlir::Value finiteShift(Emitter &e, mlir::Value shift) const;
  /// Visits the vectors of a row in four chains, which it combines and folds into a scalar.
  mlir::Value reduceRow(
      Emitter &e, mlir::Value row, mlir::Value count, double neutral,
      llvm::function_ref<mlir::Value(mlir::Value position, mlir::Value scores, mlir::Value carried)>
          visit,
      llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine) const;

  int64_t lanes, pitch;
  bool zeroEmptyRows;
  int64_t roundedMultiple;
};

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_ATTENTIONSOFTMAX_H
