// Symbolic shapes (see the header).

#include "dialects/Tenon/Shape.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"

using namespace mlir;

namespace tenon {

DimExprs getDims(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return {};
  if (auto map = dyn_cast_or_null<AffineMapAttr>(tensor.getEncoding()))
    return DimExprs(map.getValue().getResults());
  DimExprs dims;
  for (int64_t size : tensor.getShape()) {
    assert(!ShapedType::isDynamic(size) && "a dynamic dimension needs an expression");
    dims.push_back(getAffineConstantExpr(size, type.getContext()));
  }
  return dims;
}

AffineMap makeDimsMap(ArrayRef<AffineExpr> dims, MLIRContext *context) {
  unsigned numSymbols = 0;
  for (AffineExpr dim : dims)
    dim.walk([&](AffineExpr part) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
        numSymbols = std::max(numSymbols, symbol.getPosition() + 1);
    });
  return AffineMap::get(/*dimCount=*/0, numSymbols, dims, context);
}

RankedTensorType makeTensorType(ArrayRef<AffineExpr> dims, Type elementType) {
  SmallVector<int64_t> sizes;
  bool isStatic = true;
  for (AffineExpr dim : dims) {
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    sizes.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
    isStatic &= static_cast<bool>(constant);
  }
  Attribute encoding;
  if (!isStatic)
    encoding = AffineMapAttr::get(makeDimsMap(dims, elementType.getContext()));
  return RankedTensorType::get(sizes, elementType, encoding);
}

std::optional<SmallVector<int64_t, 6>> getConstantDims(ArrayRef<AffineExpr> dims) {
  SmallVector<int64_t, 6> sizes;
  for (AffineExpr dim : dims) {
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    if (!constant)
      return std::nullopt;
    sizes.push_back(constant.getValue());
  }
  return sizes;
}

int64_t getConstantOr(AffineExpr expr, int64_t otherwise) {
  auto constant = dyn_cast<AffineConstantExpr>(expr);
  return constant ? constant.getValue() : otherwise;
}

AffineExpr product(ArrayRef<AffineExpr> dims, MLIRContext *context) {
  AffineExpr result = getAffineConstantExpr(1, context);
  for (AffineExpr dim : dims)
    result = result * dim;
  return result;
}

unsigned countParts(AffineExpr expr, unsigned limit) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || limit <= 1)
    return 1;
  unsigned left = 1 + countParts(binary.getLHS(), limit - 1);
  return left >= limit ? limit : left + countParts(binary.getRHS(), limit - left);
}

bool dependsOnSymbols(AffineExpr expr) {
  bool found = false;
  expr.walk([&](AffineExpr part) { found |= isa<AffineSymbolExpr>(part); });
  return found;
}

void collectSymbols(Type type, llvm::SmallDenseSet<AffineExpr> &symbols) {
  for (AffineExpr dim : getDims(type))
    dim.walk([&](AffineExpr part) {
      if (isa<AffineSymbolExpr>(part))
        symbols.insert(part);
    });
}

/// A lower bound, taking every symbol for a size: 0 or more.
static std::optional<int64_t> lowerBound(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (isa<AffineSymbolExpr>(expr))
    return 0;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::optional<int64_t> lhs = lowerBound(binary.getLHS()), rhs = lowerBound(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return lhs && rhs ? std::optional(*lhs + *rhs) : std::nullopt;
  case AffineExprKind::Mul:
    return lhs && rhs && *lhs >= 0 && *rhs >= 0 ? std::optional(*lhs * *rhs) : std::nullopt;
  case AffineExprKind::Mod:
    return 0;
  default: // divisions
    if (auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
        lhs && divisor && divisor.getValue() > 0)
      return llvm::divideFloorSigned(*lhs, divisor.getValue());
    return lhs && *lhs >= 0 && rhs && *rhs >= 0 ? std::optional<int64_t>(0) : std::nullopt;
  }
}

bool isKnownNonNegative(AffineExpr expr) {
  unsigned numSymbols = makeDimsMap(expr, expr.getContext()).getNumSymbols();
  std::optional<int64_t> bound = lowerBound(simplifyAffineExpr(expr, 0, numSymbols));
  return bound && *bound >= 0;
}

FailureOr<DimExprs> broadcastDims(ArrayRef<DimExprs> operands, MLIRContext *context) {
  size_t rank = 0;
  for (const DimExprs &dims : operands)
    rank = std::max(rank, dims.size());
  DimExprs result(rank, getAffineConstantExpr(1, context));
  for (const DimExprs &dims : operands) {
    for (auto [offset, dim] : llvm::enumerate(dims)) {
      AffineExpr &merged = result[rank - dims.size() + offset];
      auto have = dyn_cast<AffineConstantExpr>(merged), got = dyn_cast<AffineConstantExpr>(dim);
      if (got && got.getValue() == 1)
        continue;
      if (have && have.getValue() == 1)
        merged = dim;
      else if (have && got && have.getValue() != got.getValue())
        return failure();
      else if (got)
        merged = dim;
    }
  }
  return result;
}

SmallVector<StringRef> getSymbolNames(Operation *op) {
  SmallVector<StringRef> names;
  while (op && !op->hasAttr("tenon.symbols"))
    op = op->getParentOp();
  if (op)
    for (Attribute name : op->getAttrOfType<ArrayAttr>("tenon.symbols"))
      names.push_back(cast<StringAttr>(name).getValue());
  return names;
}

AffineExpr addSymbol(Operation *function, StringRef name) {
  MLIRContext *context = function->getContext();
  SmallVector<Attribute> names;
  if (auto existing = function->getAttrOfType<ArrayAttr>("tenon.symbols"))
    names.append(existing.begin(), existing.end());
  AffineExpr symbol = getAffineSymbolExpr(names.size(), context);
  names.push_back(StringAttr::get(context, name));
  function->setAttr("tenon.symbols", ArrayAttr::get(context, names));
  return symbol;
}

Type getStorageType(Type elementType) {
  if (auto integer = dyn_cast<IntegerType>(elementType))
    return IntegerType::get(elementType.getContext(), std::max(8u, integer.getWidth()));
  if (auto floating = dyn_cast<FloatType>(elementType); floating && floating.getWidth() < 16)
    return IntegerType::get(elementType.getContext(), 8);
  return elementType;
}

int64_t getElementBytes(Type elementType) {
  return getStorageType(elementType).getIntOrFloatBitWidth() / 8;
}

std::optional<int64_t> countBytes(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  if (!tensor.hasStaticShape())
    return std::nullopt;
  return tensor.getNumElements() * getElementBytes(tensor.getElementType());
}

} // namespace tenon
