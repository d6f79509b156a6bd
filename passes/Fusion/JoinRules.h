// A kernel in the making, and which ops may join it.

#ifndef TENON_PASSES_FUSION_JOINRULES_H
#define TENON_PASSES_FUSION_JOINRULES_H

#include "dialects/Target/KernelStrategy.h"
#include "llvm/ADT/SetVector.h"

namespace tenon {

/// A kernel in the making.
struct KernelGroup {
  mlir::Operation *seed;
  /// The op whose result the kernel computes: the seed, or what is under the seed's frame. Null as
  /// long as the kernel is nothing but a frame.
  mlir::Operation *computed = nullptr;
  /// In reverse order of the block.
  llvm::SetVector<mlir::Operation *> ops;
  /// The op that has a strategy of its own, and that strategy; null as long as there is none.
  mlir::Operation *root = nullptr;
  const KernelStrategy *strategy = nullptr;
  FusionRules rules;
  /// What the kernel's reductions reduce; set with the first one.
  std::optional<DimExprs> rowDims;
  llvm::SmallVector<int64_t> rowAxes;

  /// Whether `op` is part of the frame around what the kernel computes.
  bool isAround(mlir::Operation *op) const;
};

/// Decides what stands in one kernel together.
class JoinRules {
public:
  explicit JoinRules(const TargetStrategies &strategies) : strategies(strategies) {}

  /// Whether `op`, all of whose users are in the group, may be computed in its kernel.
  bool canJoin(mlir::Operation *op, const KernelGroup &group) const;
  void add(mlir::Operation *op, KernelGroup &group) const;
  /// The op that computes the weights of the group's root, if its strategy reads them narrow; null
  /// if there is none.
  DequantizeBlocksOp getNarrowWeights(const KernelGroup &group) const;

private:
  bool canJoinRoot(mlir::Operation *op, const KernelGroup &group) const;
  bool canJoinReduction(ReduceOp op, const KernelGroup &group) const;
  bool canJoinElement(mlir::Operation *op, const KernelGroup &group) const;
  bool canJoinView(mlir::Operation *op, const KernelGroup &group) const;
  bool endsOtherRoot(mlir::Operation *op, const KernelGroup &group) const;
  bool canBeFramed(mlir::Operation *op) const;

  const TargetStrategies &strategies;
};

} // namespace tenon

#endif
