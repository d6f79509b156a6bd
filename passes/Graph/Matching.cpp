// Small questions that patterns on the graph ask about values (see the header).

#include "passes/Graph/Matching.h"
#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace tenon {

std::optional<int64_t> getFirstOfLastAxes(ArrayRef<int64_t> axes, Type type) {
  SmallVector<int64_t> sorted(axes);
  llvm::sort(sorted);
  int64_t rank = cast<RankedTensorType>(type).getRank();
  int64_t first = rank - static_cast<int64_t>(sorted.size());
  if (sorted.empty() || !llvm::equal(sorted, llvm::seq<int64_t>(first, rank)))
    return std::nullopt;
  return first;
}

bool variesOnlyFrom(Value value, int64_t first, int64_t rank) {
  DimExprs dims = getDims(value.getType());
  int64_t leading = static_cast<int64_t>(dims.size()) - (rank - first);
  return llvm::all_of(ArrayRef(dims).take_front(std::max<int64_t>(leading, 0)), [](AffineExpr dim) {
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    return constant && constant.getValue() == 1;
  });
}

} // namespace tenon
