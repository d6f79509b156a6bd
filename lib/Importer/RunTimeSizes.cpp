// Minima and maxima of sizes (see the header).

#include "lib/Importer/RunTimeSizes.h"
#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

AffineExpr atLeastZero(NodeImporter &node, AffineExpr expr, StringRef what) {
  if (node.hasFailed() || isKnownNonNegative(expr))
    return expr;
  if (isKnownNonNegative(expr * -1))
    return node.expr(0);
  if (AffineExpr symbol = node.findClamped(expr))
    return symbol;
  TensorMath m(node);
  std::optional<DimExprs> bound = node.contentsOrBind(m.max(m.shapeTensor(expr), 0.0), what);
  if (!bound)
    return node.expr(0);
  node.noteClamped(expr, (*bound)[0]);
  return (*bound)[0];
}

SignedSize splitSign(NodeImporter &node, AffineExpr expr, StringRef what) {
  return {atLeastZero(node, expr, what), atLeastZero(node, expr * -1, what)};
}

std::optional<DimExprs> signedContentsOrBind(NodeImporter &node, Value value, StringRef what) {
  if (!value)
    return std::nullopt;
  if (std::optional<DimExprs> known = node.contents(value))
    return known;
  // Far beyond what any tensor has, and small enough for sums.
  constexpr double most = int64_t(1) << 48;
  TensorMath m(node);
  Value number = m.clamp(node.cast(value, node.builder().getI64Type()), -most, most);
  std::optional<DimExprs> positive = node.contentsOrBind(m.max(number, 0.0), what);
  std::optional<DimExprs> negative = node.contentsOrBind(m.max(m.neg(number), 0.0), what);
  if (!positive || !negative)
    return std::nullopt;
  for (auto [all, shrinks] : llvm::zip_equal(*positive, *negative))
    all = all - shrinks;
  return positive;
}

} // namespace tenon
