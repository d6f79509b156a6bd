// Minima and maxima of sizes (see the header).

#include "lib/Importer/RunTimeSizes.h"
#include "dialects/Tenon/SymbolicContents.h"
#include "lib/Importer/Ops/TensorMath.h"
#include "lib/Importer/RunTimeChecks.h"

using namespace mlir;

namespace tenon {

AffineExpr atLeastZero(NodeImporter &node, AffineExpr expr, StringRef what) {
  if (node.hasFailed() || isNonNegativeHere(node, expr))
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
  std::optional<DimExprs> elements = node.contentsToBind(value, what);
  if (!elements || !llvm::any_of(*elements, isUnknownElement))
    return elements;
  // Far beyond what any tensor has, and small enough for sums.
  constexpr double most = int64_t(1) << 48;
  TensorMath m(node);
  Value number = m.clamp(node.cast(value, node.builder().getI64Type()), -most, most);
  Value positive = m.max(number, 0.0), negative = m.max(m.neg(number), 0.0);
  if (node.hasFailed())
    return std::nullopt;
  for (auto [position, element] : llvm::enumerate(*elements))
    if (isUnknownElement(element)) {
      AffineExpr above = node.bindElement(positive, position, what);
      AffineExpr below = node.bindElement(negative, position, what);
      element = above - below;
      node.noteClamped(element, above);
      node.noteClamped(element * -1, below);
    }
  return elements;
}

} // namespace tenon
