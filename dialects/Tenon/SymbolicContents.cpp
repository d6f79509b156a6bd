// Follows small integer tensors through shape arithmetic: each element becomes an affine expression
// over the shape symbols, or stays unknown. This is what turns Shape -> Gather -> Concat -> Reshape
// chains into types.

#include "dialects/Tenon/SymbolicContents.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon {

/// Longer tensors are data, not shapes.
static constexpr int64_t kMaxElements = 64;

std::optional<DimExprs> getSymbolicContents(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.getElementType().isInteger() || !type.hasStaticShape() ||
      type.getNumElements() > kMaxElements)
    return std::nullopt;
  auto op = value.getDefiningOp<SymbolicContentsOpInterface>();
  if (!op)
    return std::nullopt;
  SmallVector<std::optional<DimExprs>> operands;
  for (Value operand : op->getOperands())
    operands.push_back(getSymbolicContents(operand));
  std::optional<DimExprs> contents =
      wrapContents(op.inferContents(operands), type.getElementType());
  if (!contents || llvm::any_of(*contents, isUnknownElement))
    return std::nullopt;
  return contents;
}

/// The number that the low bits of `value` are as an element of an integer type.
static int64_t wrap(int64_t value, IntegerType type) {
  unsigned width = type.getWidth();
  if (width >= 64)
    return value;
  bool extendsZero = type.isUnsigned() || width == 1;
  return extendsZero ? static_cast<int64_t>(llvm::maskTrailingOnes<uint64_t>(width) & value)
                     : llvm::SignExtend64(value, width);
}

std::optional<DimExprs> wrapContents(std::optional<DimExprs> contents, Type elementType) {
  auto type = dyn_cast<IntegerType>(elementType);
  if (!contents || !type)
    return contents;
  // A tensor has fewer than 2^31 positions in a dimension, or would not fit any memory.
  constexpr unsigned sizeWidth = 32;
  for (AffineExpr &element : *contents) {
    if (auto constant = dyn_cast<AffineConstantExpr>(element))
      element = getAffineConstantExpr(wrap(constant.getValue(), type), type.getContext());
    else if (!isUnknownElement(element) &&
             (type.getWidth() < sizeWidth || (type.isUnsigned() && !isKnownNonNegative(element))))
      element = getUnknownElement(type.getContext());
  }
  return contents;
}

/// Row-major strides of a static type.
static SmallVector<int64_t> stridesOf(Type type) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(type).getShape();
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

using Operands = ArrayRef<std::optional<DimExprs>>;

/// Calls `visit(position)` for every index of a static type in row-major order.
static void forEachIndex(Type type, function_ref<void(ArrayRef<int64_t>)> visit) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> index(tensor.getRank(), 0);
  for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
    int64_t rest = i;
    for (size_t d = index.size(); d-- > 0;) {
      index[d] = rest % tensor.getDimSize(d);
      rest /= tensor.getDimSize(d);
    }
    visit(index);
  }
}

/// The element of `contents` (of `type`) that broadcasts to `index`.
static AffineExpr broadcastElement(const DimExprs &contents, Type type, ArrayRef<int64_t> index) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> strides = stridesOf(type);
  size_t offset = index.size() - tensor.getRank();
  int64_t position = 0;
  for (int64_t d = 0; d < tensor.getRank(); ++d)
    if (tensor.getDimSize(d) != 1)
      position += index[offset + d] * strides[d];
  return contents[position];
}

/// What `combine` makes of two elements that are known; unknown where it gives none.
static std::optional<DimExprs>
inferBinary(Operation *op, Operands operands,
            function_ref<AffineExpr(AffineExpr, AffineExpr)> combine) {
  if (!operands[0] || !operands[1])
    return std::nullopt;
  DimExprs result;
  forEachIndex(op->getResult(0).getType(), [&](ArrayRef<int64_t> index) {
    AffineExpr left = broadcastElement(*operands[0], op->getOperand(0).getType(), index);
    AffineExpr right = broadcastElement(*operands[1], op->getOperand(1).getType(), index);
    AffineExpr expr;
    if (!isUnknownElement(left) && !isUnknownElement(right))
      expr = combine(left, right);
    result.push_back(expr ? expr : getUnknownElement(op->getContext()));
  });
  return result;
}

std::optional<DimExprs> ConstantOp::inferContents(Operands) {
  auto elements = dyn_cast<DenseIntElementsAttr>(getValue());
  if (!elements)
    return std::nullopt;
  DimExprs result;
  bool isUnsigned =
      elements.getElementType().isUnsignedInteger() || elements.getElementType().isInteger(1);
  for (const APInt &value : elements.getValues<APInt>())
    result.push_back(getAffineConstantExpr(isUnsigned ? static_cast<int64_t>(value.getZExtValue())
                                                      : value.getSExtValue(),
                                           getContext()));
  return result;
}

std::optional<DimExprs> ShapeTensorOp::inferContents(Operands) {
  return DimExprs(getContents().getResults());
}

std::optional<DimExprs> ReshapeOp::inferContents(Operands operands) { return operands[0]; }

std::optional<DimExprs> CastOp::inferContents(Operands operands) {
  return isa<IntegerType>(getTo()) && !getTo().isInteger(1) ? operands[0] : std::nullopt;
}

std::optional<DimExprs> AddOp::inferContents(Operands operands) {
  return inferBinary(*this, operands, [](AffineExpr a, AffineExpr b) { return a + b; });
}
std::optional<DimExprs> SubOp::inferContents(Operands operands) {
  return inferBinary(*this, operands, [](AffineExpr a, AffineExpr b) { return a - b; });
}
std::optional<DimExprs> NegOp::inferContents(Operands operands) {
  if (!operands[0])
    return std::nullopt;
  return llvm::map_to_vector<6>(*operands[0], [](AffineExpr element) {
    return isUnknownElement(element) ? element : element * -1;
  });
}
std::optional<DimExprs> MulOp::inferContents(Operands operands) {
  return inferBinary(*this, operands, [](AffineExpr a, AffineExpr b) { return a * b; });
}
// Integers are divided towards zero, expressions towards minus infinity: the same if nothing is
// negative. Elements that are constants have been evaluated by themselves.
std::optional<DimExprs> DivOp::inferContents(Operands operands) {
  return inferBinary(*this, operands, [](AffineExpr a, AffineExpr b) -> AffineExpr {
    auto divisor = dyn_cast<AffineConstantExpr>(b);
    if (divisor && divisor.getValue() == 1)
      return a;
    if ((divisor && divisor.getValue() == 0) || !isKnownNonNegative(a) || !isKnownNonNegative(b))
      return {};
    return a.floorDiv(b);
  });
}

/// 1 or 0 where the order of the sizes is the same in every run. `a < b` is b - a > 0.
static AffineExpr compareSizes(AffineExpr a, AffineExpr b, bool isLess, bool isEqual,
                               bool isGreater) {
  auto truth = [&](bool value) { return getAffineConstantExpr(value, a.getContext()); };
  if (a == b)
    return truth(isEqual);
  if (isKnownNonNegative(b - a - 1))
    return truth(isLess);
  if (isKnownNonNegative(a - b - 1))
    return truth(isGreater);
  bool isKnown = (isLess == isEqual && isKnownNonNegative(b - a)) ||
                 (isGreater == isEqual && isKnownNonNegative(a - b));
  return isKnown ? truth(isEqual) : AffineExpr();
}

std::optional<DimExprs> EqualOp::inferContents(Operands operands) {
  return inferBinary(*this, operands,
                     [](AffineExpr a, AffineExpr b) { return compareSizes(a, b, 0, 1, 0); });
}
std::optional<DimExprs> LessOp::inferContents(Operands operands) {
  return inferBinary(*this, operands,
                     [](AffineExpr a, AffineExpr b) { return compareSizes(a, b, 1, 0, 0); });
}
std::optional<DimExprs> LessEqualOp::inferContents(Operands operands) {
  return inferBinary(*this, operands,
                     [](AffineExpr a, AffineExpr b) { return compareSizes(a, b, 1, 1, 0); });
}

std::optional<DimExprs> MinOp::inferContents(Operands operands) {
  return inferBinary(*this, operands, [](AffineExpr a, AffineExpr b) {
    return isKnownNonNegative(b - a) ? a : isKnownNonNegative(a - b) ? b : AffineExpr();
  });
}
std::optional<DimExprs> MaxOp::inferContents(Operands operands) {
  return inferBinary(*this, operands, [](AffineExpr a, AffineExpr b) {
    return isKnownNonNegative(a - b) ? a : isKnownNonNegative(b - a) ? b : AffineExpr();
  });
}

std::optional<DimExprs> SelectOp::inferContents(Operands operands) {
  if (!operands[0] || !operands[1] || !operands[2])
    return std::nullopt;
  DimExprs result;
  forEachIndex(getType(), [&](ArrayRef<int64_t> index) {
    auto elementOf = [&](unsigned number) {
      return broadcastElement(*operands[number], getOperand(number).getType(), index);
    };
    auto condition = dyn_cast<AffineConstantExpr>(elementOf(0));
    result.push_back(condition ? elementOf(condition.getValue() ? 1 : 2)
                               : getUnknownElement(getContext()));
  });
  return result;
}

std::optional<DimExprs> BroadcastOp::inferContents(Operands operands) {
  if (!operands[0])
    return std::nullopt;
  DimExprs result;
  forEachIndex(getType(), [&](ArrayRef<int64_t> index) {
    result.push_back(broadcastElement(*operands[0], getOperand().getType(), index));
  });
  return result;
}

std::optional<DimExprs> ConcatOp::inferContents(Operands operands) {
  if (!llvm::all_of(operands, [](auto &contents) { return contents.has_value(); }))
    return std::nullopt;
  DimExprs result;
  forEachIndex(getType(), [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> source(index);
    for (auto [number, input] : llvm::enumerate(getInputs())) {
      int64_t size = cast<RankedTensorType>(input.getType()).getDimSize(getAxis());
      if (source[getAxis()] < size) {
        result.push_back(broadcastElement(*operands[number], input.getType(), source));
        return;
      }
      source[getAxis()] -= size;
    }
  });
  return result;
}

std::optional<DimExprs> SliceOp::inferContents(Operands operands) {
  auto starts = getConstantDims(getStarts().getResults());
  if (!operands[0] || !starts)
    return std::nullopt;
  SmallVector<int64_t> strides = stridesOf(getOperand().getType());
  DimExprs result;
  forEachIndex(getType(), [&](ArrayRef<int64_t> index) {
    int64_t position = 0;
    for (auto [d, at] : llvm::enumerate(index))
      position += ((*starts)[d] + at * getSteps()[d]) * strides[d];
    result.push_back((*operands[0])[position]);
  });
  return result;
}

std::optional<DimExprs> TransposeOp::inferContents(Operands operands) {
  if (!operands[0])
    return std::nullopt;
  SmallVector<int64_t> strides = stridesOf(getOperand().getType());
  DimExprs result;
  forEachIndex(getType(), [&](ArrayRef<int64_t> index) {
    int64_t position = 0;
    for (auto [at, axis] : llvm::zip_equal(index, getPermutation()))
      position += at * strides[axis];
    result.push_back((*operands[0])[position]);
  });
  return result;
}

std::optional<DimExprs> GatherOp::inferContents(Operands operands) {
  if (!operands[0] || !operands[1])
    return std::nullopt;
  auto indices = getConstantDims(*operands[1]);
  auto type = cast<RankedTensorType>(getOperand().getType());
  if (!indices || type.getRank() != 1)
    return std::nullopt;
  DimExprs result;
  for (int64_t index : *indices) {
    if (index < 0)
      index += type.getDimSize(0);
    if (index < 0 || index >= type.getDimSize(0))
      return std::nullopt;
    result.push_back((*operands[0])[index]);
  }
  return result;
}

std::optional<DimExprs> ReduceOp::inferContents(Operands operands) {
  auto type = cast<RankedTensorType>(getOperand().getType());
  bool isProduct = getKind() == ReduceKind::Prod;
  if (!operands[0] || type.getRank() != 1 || (!isProduct && getKind() != ReduceKind::Sum) ||
      llvm::any_of(*operands[0], isUnknownElement))
    return std::nullopt;
  AffineExpr result = getAffineConstantExpr(isProduct, getContext());
  for (AffineExpr element : *operands[0])
    result = isProduct ? result * element : result + element;
  return DimExprs{result};
}

} // namespace tenon
