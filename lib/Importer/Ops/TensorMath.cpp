// Helpers of the import functions (see the header).

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

Value TensorMath::slice(Value a, int64_t axis, AffineExpr start, AffineExpr size, int64_t step) {
  if (!a)
    return a;
  if (axis < 0 || !n.checkRank(a, axis + 1))
    return nullptr;
  DimExprs dims = n.dims(a), starts(dims.size(), n.expr(0));
  if (step == 1 && start == n.expr(0) && size == dims[axis])
    return a;
  SmallVector<int64_t> steps(dims.size(), 1);
  starts[axis] = start;
  steps[axis] = step;
  dims[axis] = size;
  return n.make<SliceOp>(makeTensorType(dims, n.elementType(a)), a,
                         {n.attr("starts", starts), n.attr("steps", steps)});
}

Value TensorMath::pad(Value a, ArrayRef<AffineExpr> low, ArrayRef<AffineExpr> dims, Value value) {
  if (!a)
    return a;
  bool nothing = llvm::all_of(low, [&](AffineExpr amount) { return amount == n.expr(0); });
  if (nothing && ArrayRef(n.dims(a)) == dims)
    return a;
  if (!value)
    value = scalar(a, 0);
  return n.make<PadOp>(makeTensorType(dims, n.elementType(a)), {a, value}, n.attr("low", low));
}

Value TensorMath::spreadOut(Value a, int64_t axis, int64_t spacing) {
  if (spacing == 1 || !a)
    return a;
  DimExprs merged = n.dims(a), split = merged;
  split.insert(split.begin() + axis + 1, n.expr(1));
  DimExprs wide = split, low(split.size(), n.expr(0));
  wide[axis + 1] = n.expr(spacing);
  merged[axis] = merged[axis] * spacing;
  return n.reshape(pad(n.reshape(a, split), low, wide), merged);
}

Value TensorMath::sized(Value a, ArrayRef<AffineExpr> dims, StringRef what) {
  if (!a)
    return a;
  DimExprs own = n.dims(a);
  bool fits = own.size() == dims.size() && llvm::all_of(llvm::zip(own, dims), [](auto pair) {
                auto [have, want] = pair;
                return have == want || dependsOnSymbols(have - want);
              });
  if (!fits) {
    n.emitError() << what << " of type " << a.getType() << " should be "
                  << makeTensorType(dims, n.elementType(a));
    return nullptr;
  }
  for (auto [have, want] : llvm::zip(own, dims))
    requireEqual(n, have, want, ("sizes of " + what).str());
  return n.reshape(a, dims);
}

Value TensorMath::unsqueeze(Value a, Ints axes) {
  if (!a)
    return a;
  DimExprs dims = n.dims(a), result;
  size_t rank = dims.size() + axes.size(), next = 0;
  SmallVector<bool> isAdded(rank, false);
  for (int64_t axis : axes) {
    if (axis < 0 || axis >= static_cast<int64_t>(rank) || isAdded[axis]) {
      n.emitError() << "axis " << axis << " cannot be added to get a tensor of rank " << rank;
      return nullptr;
    }
    isAdded[axis] = true;
  }
  for (size_t axis = 0; axis < rank; ++axis)
    result.push_back(isAdded[axis] ? n.expr(1) : dims[next++]);
  return n.reshape(a, result);
}

Value TensorMath::squeeze(Value a, Ints axes) {
  if (!a)
    return a;
  DimExprs result;
  for (auto [axis, dim] : llvm::enumerate(n.dims(a)))
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
      result.push_back(dim);
  return n.reshape(a, result);
}

Value TensorMath::iota(ArrayRef<AffineExpr> dims, int64_t axis, Type elementType) {
  bool isNarrow = !elementType.isInteger(64) && !elementType.isInteger(32);
  Type counter =
      isNarrow || elementType.isUnsignedInteger() ? n.builder().getI64Type() : elementType;
  return n.cast(n.make<IotaOp>(makeTensorType(dims, counter), {}, n.attr("axis", axis)),
                elementType);
}

Value TensorMath::iotaAlong(int64_t rank, int64_t axis, AffineExpr size) {
  if (axis < 0 || axis >= rank) {
    n.emitError() << "axis " << axis << " is not a dimension of a tensor of rank " << rank;
    return nullptr;
  }
  DimExprs dims(rank, n.expr(1));
  dims[axis] = size;
  return iota(dims, axis, n.builder().getI64Type());
}

Value TensorMath::shapeTensor(ArrayRef<AffineExpr> values) {
  if (auto constants = getConstantDims(values))
    return n.makeInts(*constants);
  auto type =
      RankedTensorType::get({static_cast<int64_t>(values.size())}, n.builder().getI64Type());
  return n.make<ShapeTensorOp>(type, {}, n.attr("contents", values));
}

Value TensorMath::shapeScalar(AffineExpr value) { return n.reshape(shapeTensor(value), {}); }

Value TensorMath::constants(Type elementType, ArrayRef<double> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, elementType);
  SmallVector<Attribute> elements;
  for (double value : values)
    elements.push_back(isa<FloatType>(elementType)
                           ? Attribute(n.builder().getFloatAttr(elementType, value))
                           : n.builder().getIntegerAttr(elementType, static_cast<int64_t>(value)));
  return n.makeConstant(DenseElementsAttr::get(type, elements));
}

Value TensorMath::alongChannels(Value a, int64_t rank) {
  if (!a)
    return a;
  DimExprs dims(std::max<int64_t>(rank - 1, 1), n.expr(1));
  dims[0] = product(n.dims(a), n.context());
  return n.reshape(a, dims);
}

Value TensorMath::toChannelsLast(Value a) {
  if (!a)
    return a;
  SmallVector<int64_t> permutation = {0};
  for (int64_t axis = 2; axis < n.rank(a); ++axis)
    permutation.push_back(axis);
  permutation.push_back(1);
  return transpose(a, permutation);
}

Value TensorMath::toChannelsFirst(Value a) {
  if (!a)
    return a;
  SmallVector<int64_t> permutation = {0, n.rank(a) - 1};
  for (int64_t axis = 1; axis + 1 < n.rank(a); ++axis)
    permutation.push_back(axis);
  return transpose(a, permutation);
}

std::optional<NodeImporter::Ints> getAxes(NodeImporter &node, unsigned number, int64_t rank) {
  NodeImporter::Ints axes;
  if (Value operand = node.operand(number)) {
    std::optional<NodeImporter::Ints> known = node.constantInts(operand);
    if (!known) {
      node.emitError() << "axes must be known at compile time";
      return std::nullopt;
    }
    axes = *known;
  } else if (node.hasAttribute("axes")) {
    axes = node.getInts("axes");
  } else {
    return std::nullopt;
  }
  for (int64_t &axis : axes)
    axis = node.normalizeAxis(axis, rank);
  NodeImporter::Ints sorted = axes;
  llvm::sort(sorted);
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end() && !node.hasFailed())
    node.emitError() << "axes name a dimension twice";
  return axes;
}

Value flagAxes(NodeImporter &node, Value axes, int64_t rank) {
  TensorMath m(node);
  RankedTensorType type = node.type(axes);
  if (type.getRank() != 1 || !isa<IntegerType>(type.getElementType())) {
    node.emitError() << "axes must be a list of integers, not " << type;
    return nullptr;
  }
  Type i64 = node.builder().getI64Type();
  axes = node.cast(axes, i64);
  axes = m.select(m.less(axes, 0.0), m.add(axes, rank), axes);
  Value isAxis = m.equal(m.iotaAlong(2, 0, node.expr(rank)), m.unsqueeze(axes, {0}));
  Value flags = m.min(m.squeeze(m.sum(node.cast(isAxis, i64), 1), {1}), 1.0);
  // An axis that is none, or named twice, leaves no mark.
  Value unmarked = m.sub(m.sum(flags, 0), m.shapeTensor(node.dim(axes, 0)));
  return node.contentsOrBind(unmarked, "axes that are dimensions, less those given") ? flags
                                                                                     : nullptr;
}

/// Splits a dimension into a constant and other factors.
static AffineExpr collectFactors(AffineExpr expr, SmallVectorImpl<AffineExpr> &factors) {
  if (isa<AffineConstantExpr>(expr))
    return expr;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Mul) {
    AffineExpr left = collectFactors(binary.getLHS(), factors);
    return left * collectFactors(binary.getRHS(), factors);
  }
  factors.push_back(expr);
  return getAffineConstantExpr(1, expr.getContext());
}

AffineExpr divideProducts(ArrayRef<AffineExpr> numerator, ArrayRef<AffineExpr> denominator,
                          MLIRContext *context) {
  SmallVector<AffineExpr> above, below;
  AffineExpr upExpr = getAffineConstantExpr(1, context), downExpr = upExpr;
  for (AffineExpr dim : numerator)
    upExpr = upExpr * collectFactors(dim, above);
  for (AffineExpr dim : denominator)
    downExpr = downExpr * collectFactors(dim, below);
  auto upConstant = dyn_cast<AffineConstantExpr>(upExpr);
  auto downConstant = dyn_cast<AffineConstantExpr>(downExpr);
  if (!upConstant || !downConstant) // out of range, which building reports
    return upExpr.floorDiv(downExpr);
  int64_t up = upConstant.getValue(), down = downConstant.getValue();
  // Empty on both sides: what the other dimensions leave.
  if (up == 0 && down == 0) {
    auto isZero = [](AffineExpr dim) {
      auto constant = dyn_cast<AffineConstantExpr>(dim);
      return constant && constant.getValue() == 0;
    };
    DimExprs rest(numerator), others(denominator);
    llvm::erase_if(rest, isZero);
    llvm::erase_if(others, isZero);
    if (rest.size() != numerator.size() && others.size() != denominator.size())
      return divideProducts(rest, others, context);
  }
  SmallVector<AffineExpr> left;
  for (AffineExpr factor : below)
    if (auto *match = llvm::find(above, factor); match != above.end())
      above.erase(match);
    else
      left.push_back(factor);
  if (up == 0 || down == 0)
    return getAffineConstantExpr(0, context);
  int64_t common = std::gcd(up, down);
  AffineExpr result = product(above, context) * (up / common);
  if (down / common != 1)
    result = result.floorDiv(down / common);
  return left.empty() ? result : result.floorDiv(product(left, context));
}

TensorMath::Value TensorMath::nonZero(Value a, StringRef symbol) {
  Type type = n.elementType(a);
  bool isKnown = type.isF32() || type.isF64() || type.isSignlessInteger(32) ||
                 type.isSignlessInteger(64) || type.isInteger(1);
  if (!isKnown)
    a = n.cast(a, n.builder().getI1Type());
  if (!a)
    return a;
  DimExprs dims = {n.expr(n.rank(a)), n.addSymbol(symbol)};
  return n.make<NonZeroOp>(makeTensorType(dims, n.builder().getI64Type()), a);
}

} // namespace tenon
