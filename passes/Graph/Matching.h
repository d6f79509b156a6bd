// Small questions that patterns on the graph ask about values.
#ifndef TENON_PASSES_GRAPH_MATCHING_H
#define TENON_PASSES_GRAPH_MATCHING_H

#include "dialects/Tenon/TenonDialect.h"

namespace tenon {

/// The other operand of `value` if that is an `OpT` of which one operand is a splat constant, and
/// the constant. Takes either order.
template <typename OpT>
std::optional<std::pair<mlir::Value, double>> matchWithSplat(mlir::Value value) {
  auto op = value.getDefiningOp<OpT>();
  if (!op)
    return std::nullopt;
  if (std::optional<double> splat = getSplat(op.getRhs()))
    return {{op.getLhs(), *splat}};
  if (std::optional<double> splat = getSplat(op.getLhs()))
    return {{op.getRhs(), *splat}};
  return std::nullopt;
}

/// Whether `axes` are exactly the last dimensions of a tensor; the first of them.
std::optional<int64_t> getFirstOfLastAxes(llvm::ArrayRef<int64_t> axes, mlir::Type type);

/// Whether all dimensions before `first` of the `rank` that `value` broadcasts to are of size 1.
bool variesOnlyFrom(mlir::Value value, int64_t first, int64_t rank);

} // namespace tenon

#endif
