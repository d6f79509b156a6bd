// Matrix multiplication and convolution: types, cost, and elements as plain loops. The element form
// is the reference; fast kernels come from passes/Codegen/Cpu/Contraction.

#include "dialects/Tenon/NarrowFloat.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace tenon {

Type getAccumulatorType(Type elementType) {
  Type compute = ElementEmitter::computeType(elementType);
  bool isNarrow = compute.isInteger() && compute.getIntOrFloatBitWidth() < 32;
  return isNarrow ? IntegerType::get(elementType.getContext(), 32) : compute;
}

bool isNarrowInteger(Type elementType) {
  auto integer = dyn_cast<IntegerType>(elementType);
  return integer && integer.getWidth() >= 8 && integer.getWidth() <= 16;
}

static bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

/// The element type of a contraction's result, unless halves stay wide.
static Type inferSumType(Type lhs) {
  return isNarrowInteger(lhs) || isFloat8(lhs) ? getAccumulatorType(lhs) : lhs;
}

bool isContractionResult(TypeRange inferred, TypeRange actual) {
  if (areCompatibleTypes(inferred, actual))
    return true;
  auto half = dyn_cast<RankedTensorType>(inferred.front());
  return half && isHalf(half.getElementType()) &&
         areCompatibleTypes(half.clone(Float32Type::get(half.getContext())), actual);
}

/// Operands may hold the same, narrow integers, floats of 8 bits, or f32 and a half, whose product
/// is f32.
static LogicalResult verifyElementTypes(Operation *op) {
  Type lhs = getElementTypeOrSelf(op->getOperand(0)), rhs = getElementTypeOrSelf(op->getOperand(1));
  bool mixesHalves = (lhs.isF32() && isHalf(rhs)) || (isHalf(lhs) && rhs.isF32());
  bool areNarrow =
      (isNarrowInteger(lhs) && isNarrowInteger(rhs)) || (isFloat8(lhs) && isFloat8(rhs));
  if (lhs != rhs && !mixesHalves && !areNarrow)
    return op->emitOpError("element types differ: ")
           << op->getOperand(0).getType() << " and " << op->getOperand(1).getType();
  if (mixesHalves && !getElementTypeOrSelf(op->getResult(0)).isF32())
    return op->emitOpError("multiplies ")
           << lhs << " by " << rhs << ", which gives f32, not " << op->getResult(0).getType();
  return success();
}

/// The product of elements of `op`'s operands, added to the sum.
static Value emitMultiplyAdd(ElementEmitter &e, Operation *op, Value a, Value b, Value sum) {
  Type type = sum.getType();
  if (isa<FloatType>(getElementTypeOrSelf(type)))
    return math::FmaOp::create(e.builder(), e.loc(), a, b, sum);
  auto widen = [&](unsigned operand, Value value) -> Value {
    if (value.getType() == type)
      return value;
    if (getElementTypeOrSelf(op->getOperand(operand)).isUnsignedInteger())
      return arith::ExtUIOp::create(e.builder(), e.loc(), type, value);
    return arith::ExtSIOp::create(e.builder(), e.loc(), type, value);
  };
  Value product = arith::MulIOp::create(e.builder(), e.loc(), widen(0, a), widen(1, b));
  return arith::AddIOp::create(e.builder(), e.loc(), sum, product);
}

/// Twice the product of the sizes, or 0 when one is unknown.
static int64_t countFlops(ArrayRef<AffineExpr> sizes) {
  auto constants = getConstantDims(sizes);
  if (!constants)
    return 0;
  int64_t flops = 2;
  for (int64_t size : *constants)
    flops *= size;
  return flops;
}

//===-- MatMul --===//

LogicalResult MatMulOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr,
                                         OpaqueProperties properties, RegionRange,
                                         SmallVectorImpl<Type> &types) {
  DimExprs lhs = getDims(operands[0].getType()), rhs = getDims(operands[1].getType());
  auto *attributes = properties.as<Properties *>();
  if (attributes->transposeRhs && rhs.size() >= 2)
    std::swap(rhs.back(), rhs[rhs.size() - 2]);
  if (lhs.size() < 2 || rhs.size() < 2)
    return emitOptionalError(loc, "operands need rank 2 or more, got ", operands[0].getType(),
                             " and ", operands[1].getType());
  AffineExpr inner = lhs.back(), other = rhs[rhs.size() - 2];
  if (isa<AffineConstantExpr>(inner) && isa<AffineConstantExpr>(other) && inner != other)
    return emitOptionalError(loc, "inner dimensions differ: ", operands[0].getType(), " and ",
                             operands[1].getType());
  FailureOr<DimExprs> result = broadcastDims(
      {DimExprs(lhs.begin(), lhs.end() - 2), DimExprs(rhs.begin(), rhs.end() - 2)}, context);
  if (failed(result))
    return emitOptionalError(loc, "batch dimensions do not broadcast: ", operands[0].getType(),
                             " and ", operands[1].getType());
  result->push_back(lhs[lhs.size() - 2]);
  result->push_back(rhs.back());
  types.push_back(makeTensorType(*result, inferSumType(getElementTypeOrSelf(operands[0]))));
  return success();
}

LogicalResult MatMulOp::verify() { return verifyElementTypes(*this); }

int64_t MatMulOp::getFlops() {
  DimExprs sizes = getDims(getType());
  sizes.push_back(getDims(getLhs().getType()).back());
  return countFlops(sizes);
}

bool MatMulOp::sharesRhs() {
  return llvm::all_of(ArrayRef(getDims(getRhs().getType())).drop_back(2), [](AffineExpr dim) {
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    return constant && constant.getValue() == 1;
  });
}

namespace {

/// matmul(a, transpose(b)) with the last two dimensions swapped -> matmul(a, b) {transposeRhs}.
/// Constants are left alone: they are transposed once, at compile time.
struct AbsorbTranspose : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatMulOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getRhs().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "right operand is not a transpose");
    if (transpose.getOperand().getDefiningOp<ConstantOp>())
      return rewriter.notifyMatchFailure(op, "right operand is constant");
    SmallVector<int64_t> swapped =
        llvm::to_vector(llvm::seq<int64_t>(0, transpose.getPermutation().size()));
    std::swap(swapped.back(), swapped[swapped.size() - 2]);
    if (transpose.getPermutation() != ArrayRef(swapped))
      return rewriter.notifyMatchFailure(op, "transpose moves other dimensions");
    rewriter.modifyOpInPlace(op, [&] {
      op.getRhsMutable().assign(transpose.getOperand());
      op.setTransposeRhs(!op.getTransposeRhs());
    });
    return success();
  }
};

/// A product with one column is one of a row: [..., M, K] x [..., K, 1] becomes [..., 1, K] x
/// [..., M, K] {transposeRhs}. What is summed over then lies along vectors, and the matrix is the
/// operand that packing and many rows are about. Short sums stay: they would not fill a vector; and
/// so do products that something pointwise follows, which a reshape would keep out of their kernel.
struct TurnColumn : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatMulOp op, PatternRewriter &rewriter) const override {
    constexpr int64_t fewChannels = 8;
    DimExprs lhs = getDims(op.getLhs().getType()), rhs = getDims(op.getRhs().getType()),
             result = getDims(op.getType());
    if (getConstantOr(result.back(), -1) != 1 || getConstantOr(lhs[lhs.size() - 2], -1) == 1)
      return rewriter.notifyMatchFailure(op, "not a matrix times a column");
    int64_t channels = getConstantOr(lhs.back(), -1);
    if (channels >= 0 && channels < fewChannels)
      return rewriter.notifyMatchFailure(op, "sums are short");
    if (getElementTypeOrSelf(op.getLhs()) != getElementTypeOrSelf(op.getRhs()))
      return rewriter.notifyMatchFailure(op, "element types differ");
    auto isPointwise = [](Operation *user) {
      auto elemental = dyn_cast<ElementalOpInterface>(user);
      return elemental && elemental.isPointwise();
    };
    if (llvm::any_of(op->getUsers(), isPointwise))
      return rewriter.notifyMatchFailure(op, "something pointwise follows");
    Value column = op.getRhs();
    if (!op.getTransposeRhs()) {
      std::swap(rhs.back(), rhs[rhs.size() - 2]);
      auto type = makeTensorType(rhs, getElementTypeOrSelf(column));
      column = ReshapeOp::create(rewriter, op.getLoc(), type, column);
    }
    std::swap(result.back(), result[result.size() - 2]);
    auto type = makeTensorType(result, op.getType().getElementType());
    Value row = MatMulOp::create(rewriter, op.getLoc(), type, column, op.getLhs(),
                                 /*transposeRhs=*/true, /*mayRoundInput=*/false);
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), row);
    return success();
  }
};

} // namespace

void MatMulOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<AbsorbTranspose, TurnColumn>(context);
}

Value MatMulOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  DimExprs dims = getDims(getType());
  Type elementType = getType().getElementType();
  size_t rank = index.size();
  // Index of an operand: its batch dimensions broadcast, then two of its own.
  auto batchIndex = [&](Value operand, size_t trailing) {
    size_t operandBatch = getDims(operand.getType()).size() - trailing;
    SmallVector<LaneIndex> result;
    DimExprs own = getDims(operand.getType());
    for (size_t i = 0; i < operandBatch; ++i) {
      auto constant = dyn_cast<AffineConstantExpr>(own[i]);
      size_t at = rank - 2 - operandBatch + i;
      bool repeats = constant && constant.getValue() == 1 && dims[at] != own[i];
      result.push_back(repeats ? e.index(0) : index[at]);
    }
    return result;
  };
  Value inner = e.value(getDims(getLhs().getType()).back());
  return e.loop(inner, e.splat(elementType, 0), [&](Value k, ValueRange sum) {
    SmallVector<LaneIndex> left = batchIndex(getLhs(), 2);
    left.append({index[rank - 2], e.uniform(k)});
    SmallVector<LaneIndex> right = batchIndex(getRhs(), 2);
    if (getTransposeRhs())
      right.append({index[rank - 1], e.uniform(k)});
    else
      right.append({e.uniform(k), index[rank - 1]});
    Value a = e.element(getLhs(), left), b = e.element(getRhs(), right);
    return SmallVector<Value>{emitMultiplyAdd(e, *this, a, b, sum[0])};
  })[0];
}

//===-- Conv --===//

SmallVector<int64_t> ConvOp::getKernelSizes() {
  auto type = cast<RankedTensorType>(getWeights().getType());
  return SmallVector<int64_t>(type.getShape().take_front(getSpatialRank()));
}

int64_t ConvOp::getOutputChannels() {
  return cast<RankedTensorType>(getWeights().getType()).getShape().back();
}

bool ConvOp::isDepthwise() {
  int64_t channels = cast<RankedTensorType>(getInput().getType()).getShape().back();
  return getGroups() > 1 && static_cast<int64_t>(getGroups()) == channels &&
         getOutputChannels() == channels;
}

LogicalResult ConvOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                       ValueRange operands, DictionaryAttr,
                                       OpaqueProperties properties, RegionRange,
                                       SmallVectorImpl<Type> &types) {
  auto *attributes = properties.as<Properties *>();
  DimExprs dims = getDims(operands[0].getType()), weights = getDims(operands[1].getType());
  ArrayRef<int64_t> strides = attributes->strides.asArrayRef();
  ArrayRef<int64_t> dilations = attributes->dilations.asArrayRef();
  size_t spatial = strides.size();
  if (dims.size() != spatial + 2 || dilations.size() != spatial || weights.size() != spatial + 2)
    return emitOptionalError(loc, "input ", operands[0].getType(), " and weights ",
                             operands[1].getType(), " do not fit ", spatial, " spatial dimensions");
  ArrayRef<int64_t> kernel = cast<RankedTensorType>(operands[1].getType()).getShape();
  int64_t groups = attributes->groups ? attributes->groups.getInt() : 1;
  auto inputs = dyn_cast<AffineConstantExpr>(dims.back());
  auto perGroup = dyn_cast<AffineConstantExpr>(weights[weights.size() - 2]);
  if (inputs && perGroup && inputs.getValue() != perGroup.getValue() * groups)
    return emitOptionalError(loc, "input has ", inputs.getValue(), " channels, the weights take ",
                             perGroup.getValue() * groups);
  DimExprs result = {dims[0]};
  for (size_t i = 0; i < spatial; ++i) {
    int64_t reach = (kernel[i] - 1) * dilations[i] + 1;
    auto size = dyn_cast<AffineConstantExpr>(dims[i + 1]);
    if (size && size.getValue() < reach)
      return emitOptionalError(loc, "kernel reaches over ", reach, " positions, spatial dimension ",
                               i, " has ", size.getValue());
    result.push_back((dims[i + 1] - reach).floorDiv(strides[i]) + 1);
  }
  result.push_back(weights.back());
  types.push_back(makeTensorType(result, inferSumType(getElementTypeOrSelf(operands[0]))));
  return success();
}

LogicalResult ConvOp::verify() {
  if (failed(verifyElementTypes(*this)))
    return failure();
  if (getGroups() < 1 || getOutputChannels() % getGroups() != 0)
    return emitOpError("cannot divide ")
           << getOutputChannels() << " channels into " << getGroups() << " groups";
  return success();
}

int64_t ConvOp::getFlops() {
  DimExprs sizes = getDims(getType());
  for (int64_t size : getKernelSizes())
    sizes.push_back(getAffineConstantExpr(size, getContext()));
  DimExprs input = getDims(getInput().getType());
  sizes.push_back(input.back().floorDiv(getGroups()));
  return countFlops(sizes);
}

Value ConvOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  Type elementType = getType().getElementType();
  unsigned spatial = getSpatialRank();
  int64_t groups = getGroups(), outputs = getOutputChannels() / groups;
  DimExprs inner;
  for (int64_t size : getKernelSizes())
    inner.push_back(getAffineConstantExpr(size, getContext()));
  AffineExpr depth = getDims(getInput().getType()).back().floorDiv(groups);
  inner.push_back(depth);
  LaneIndex channel = index.back();
  LaneIndex group = groups == 1 ? e.index(0) : e.floorDiv(channel, e.constant(outputs));
  Value count = e.value(product(inner, getContext()));
  return e.loop(count, e.splat(elementType, 0), [&](Value i, ValueRange sum) {
    SmallVector<LaneIndex> position = e.delinearize(e.uniform(i), inner);
    SmallVector<LaneIndex> input = {index[0]};
    for (unsigned d = 0; d < spatial; ++d)
      input.push_back(e.add(e.mul(index[d + 1], e.constant(getStrides()[d])),
                            e.mul(position[d], e.constant(getDilations()[d]))));
    input.push_back(e.add(e.mul(group, e.value(depth)), position.back()));
    SmallVector<LaneIndex> weights = position;
    weights.push_back(channel);
    Value a = e.element(getInput(), input), b = e.element(getWeights(), weights);
    return SmallVector<Value>{emitMultiplyAdd(e, *this, a, b, sum[0])};
  })[0];
}

} // namespace tenon
