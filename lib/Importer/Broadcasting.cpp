// Broadcasting of sizes that only a run tells (see the header).
//
// Every op that broadcasts gets operands whose dimensions are equal as expressions, or 1. So later
// stages know from types alone what an op reads, and what each size is. Of two sizes that may be 1
// in some run, none is the result's: that is a symbol of its own.

#include "lib/Importer/Broadcasting.h"
#include "lib/Importer/RunTimeChecks.h"

using namespace mlir;

namespace tenon {

static bool isConstant(AffineExpr expr, int64_t value) {
  auto constant = dyn_cast<AffineConstantExpr>(expr);
  return constant && constant.getValue() == value;
}

/// a - b; null for expressions that are too large.
static AffineExpr subtract(AffineExpr a, AffineExpr b) {
  constexpr unsigned maxParts = 64; // expressions may be trees of exponential size
  if (countParts(a, maxParts) == maxParts || countParts(b, maxParts) == maxParts)
    return nullptr;
  unsigned numSymbols = makeDimsMap({a, b}, a.getContext()).getNumSymbols();
  return simplifyAffineExpr(a - b, 0, numSymbols);
}

/// Whether the sizes are the same in every run.
static bool areEqual(AffineExpr a, AffineExpr b) {
  if (a == b)
    return true;
  AffineExpr difference = subtract(a, b);
  return difference && isConstant(difference, 0);
}

/// Whether sizes that broadcast are equal: `narrow` is the smaller one of `wide` and a constant of
/// two or more, so that it is 1 only where `wide` is.
static bool mustBeEqual(NodeImporter &node, AffineExpr narrow, AffineExpr wide) {
  // wide - narrow is a symbol k = max(wide - constant, 0).
  AffineExpr cut = subtract(wide, narrow);
  AffineExpr excess = cut ? node.findUnclamped(cut) : AffineExpr();
  auto most = dyn_cast_or_null<AffineConstantExpr>(excess ? subtract(wide, excess) : AffineExpr());
  return most && most.getValue() >= 2;
}

AffineExpr broadcastSizes(NodeImporter &node, AffineExpr a, AffineExpr b) {
  if (areEqual(a, b) || isConstant(b, 1))
    return a;
  if (isConstant(a, 1))
    return b;
  if (isa<AffineConstantExpr>(a) || isa<AffineConstantExpr>(b))
    return isa<AffineConstantExpr>(a) ? a : b;
  for (auto [narrow, wide] : {std::pair(a, b), std::pair(b, a)})
    if (mustBeEqual(node, narrow, wide)) {
      requireEqual(node, a, b, "sizes");
      return wide;
    }
  if (AffineExpr known = node.findBroadcast(a, b))
    return known;
  AffineExpr symbol = node.addSymbol("broadcast");
  if (node.hasFailed())
    return a;
  BindBroadcastOp::create(node.builder(), makeDimsMap({a, b}, node.context()),
                          cast<AffineSymbolExpr>(symbol).getPosition());
  node.noteBroadcast(a, b, symbol);
  return symbol;
}

DimExprs broadcastSizes(NodeImporter &node, ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  DimExprs result(a);
  for (auto [merged, dim] : llvm::zip(llvm::reverse(result), llvm::reverse(b)))
    merged = broadcastSizes(node, merged, dim);
  return result;
}

/// The operand with its dimensions but the last `numKept` brought to those of `common`, unless they
/// are known to be 1.
static Value widen(NodeImporter &node, Value operand, ArrayRef<AffineExpr> common,
                   unsigned numKept) {
  DimExprs dims = node.dims(operand);
  bool changes = false;
  for (auto [dim, wide] :
       llvm::zip(llvm::drop_begin(llvm::reverse(dims), numKept), llvm::reverse(common))) {
    if (dim == wide || isa<AffineConstantExpr>(dim))
      continue;
    dim = wide;
    changes = true;
  }
  return changes ? node.make<BroadcastOp>(makeTensorType(dims, node.elementType(operand)), operand)
                 : operand;
}

SmallVector<Value> broadcastOperands(NodeImporter &node, OperationName op, ValueRange operands) {
  SmallVector<Value> result(operands);
  bool isProduct = op.getStringRef() == MatMulOp::getOperationName();
  bool isNorm = op.getStringRef() == LayerNormOp::getOperationName() ||
                op.getStringRef() == RMSNormOp::getOperationName();
  if (!isProduct && !isNorm && !op.hasInterface<PointwiseOpInterface>())
    return result;
  if (llvm::all_of(operands.getTypes(), isStatic))
    return result;
  const unsigned numKept = isProduct ? 2 : 0;
  auto batchOf = [&](Value operand) {
    DimExprs dims = node.dims(operand);
    dims.pop_back_n(std::min<size_t>(numKept, dims.size()));
    return dims;
  };
  DimExprs common = batchOf(operands.front());
  // The parameters of a norm broadcast to its operand, which stays as it is.
  for (Value operand : operands.drop_front(isNorm ? operands.size() : 1))
    common = broadcastSizes(node, common, batchOf(operand));
  for (Value &operand : result)
    operand = widen(node, operand, common, numKept);
  return result;
}

} // namespace tenon
