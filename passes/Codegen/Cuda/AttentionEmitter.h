// What kernels of attention have in common, whatever multiplies: where queries, keys, values and
// results are, what scores are made of, and the tiles of a block.
//
// Rows are the queries of all heads that share a head of keys, one head after the other; the rows
// of one head of keys are a set.
#ifndef TENON_PASSES_CODEGEN_CUDA_ATTENTIONEMITTER_H
#define TENON_PASSES_CODEGEN_CUDA_ATTENTIONEMITTER_H

#include "passes/Codegen/Cuda/KernelEmitter.h"
#include "passes/Schedule/Cuda/Sizes.h"

namespace tenon::cuda {

class AttentionEmitter {
public:
  AttentionEmitter(KernelEmitter &e, AttentionOp op)
      : e(e), em(e.em), f32(em.getF32Type()), op(op), sizes(getAttentionSizes(op)) {}

protected:
  using Position = llvm::SmallVector<LaneIndex>;

  /// Calls `body` for the tiles that fall to the block, with the set that each is of and its first
  /// row. A tile has all keys, or a part of them.
  void forTiles(int64_t tileRows, llvm::function_ref<void(mlir::Value set, mlir::Value row)> body);

  /// The position of a query, score or result: (batch, head, query, last).
  Position ofRow(mlir::Value set, mlir::Value row, LaneIndex last);
  /// The position in keys or values of these dimensions, which may have one batch for all.
  Position ofHead(mlir::Value set, const DimExprs &dims, LaneIndex key, LaneIndex last);
  /// The index in memory of what has this position in the op's description.
  static Position indexOf(llvm::ArrayRef<LaneIndex> position, llvm::ArrayRef<int64_t> permutation);
  /// The end of a range of tiles; null if they fill it.
  mlir::Value limit(mlir::AffineExpr size, int64_t tile);

  /// The scores at a position that these products of queries and keys give, one for each lane:
  /// where(mask, product * scale, masked) + bias.
  mlir::Value score(llvm::ArrayRef<LaneIndex> position, mlir::Value product);
  /// The steps of so many keys that a tile goes through, from the first to before the last.
  std::pair<mlir::Value, mlir::Value> getSteps(int64_t tileKeys);
  /// Whether others have other keys of the same rows.
  bool isPart() { return op.getKeyParts().has_value(); }

  /// Whether a row's result is zero, as it takes part of nothing; null if it never is.
  mlir::Value hasNothing(mlir::Value largest);
  /// The largest score as what others are compared with: of rows that have nothing but minus
  /// infinity powers are to be zero.
  mlir::Value makeBase(mlir::Value largest);
  /// Emits what follows `lanes` neighbouring results in the kernel, and its stores.
  void store(mlir::Value set, mlir::Value row, mlir::Value column, mlir::Value results,
             int64_t lanes);
  /// Stores what joins a row's results of a part of the keys to those of others.
  void storeState(mlir::Value set, mlir::Value row, mlir::Value largest, mlir::Value sum);

  mlir::Value number(double value) {
    return em.create<mlir::arith::ConstantOp>(em.getF32FloatAttr(value));
  }
  mlir::Value largestOf(mlir::Value a, mlir::Value b) {
    return em.create<mlir::arith::MaximumFOp>(a, b);
  }

  KernelEmitter &e;
  Emitter &em;
  mlir::Type f32;
  AttentionOp op;
  AttentionSizes sizes;
  /// Of the present tile: which part of the keys it has.
  mlir::Value keyPart;

private:
  /// Whether there are no keys at all; null if there are some.
  mlir::Value hasNoKeys();
  mlir::Value isMinusInfinity(mlir::Value value) {
    return em.create<mlir::arith::CmpFOp>(mlir::arith::CmpFPredicate::OEQ, value,
                                          number(-HUGE_VAL));
  }
};

} // namespace tenon::cuda

#endif
