// Attention: types, what it means in simpler ops, and transposes and repeated heads that it
// absorbs.

#include "dialects/Tenon/DecomposeBuilder.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

namespace tenon {

using Permutation = SmallVector<int64_t>;

//===-- Shapes --===//

static Permutation orIdentity(std::optional<ArrayRef<int64_t>> order, int64_t rank) {
  return order ? Permutation(*order) : llvm::to_vector(llvm::seq<int64_t>(0, rank));
}

static DimExprs permuted(Type type, ArrayRef<int64_t> permutation) {
  DimExprs dims = getDims(type), result;
  for (int64_t position : permutation)
    result.push_back(dims[position]);
  return result;
}

static int64_t rankOf(AttentionOp op) {
  return cast<RankedTensorType>(op.getQueries().getType()).getRank();
}

Permutation AttentionOp::getQueryPermutation() {
  return orIdentity(getQueryOrder(), rankOf(*this));
}
Permutation AttentionOp::getKeyPermutation() { return orIdentity(getKeyOrder(), rankOf(*this)); }
Permutation AttentionOp::getValuePermutation() {
  return orIdentity(getValueOrder(), rankOf(*this));
}
Permutation AttentionOp::getResultPermutation() {
  return orIdentity(getResultOrder(), rankOf(*this));
}
DimExprs AttentionOp::getQueryDims() {
  return permuted(getQueries().getType(), getQueryPermutation());
}
DimExprs AttentionOp::getKeyDims() { return permuted(getKeys().getType(), getKeyPermutation()); }
DimExprs AttentionOp::getValueDims() {
  return permuted(getValues().getType(), getValuePermutation());
}

DimExprs AttentionOp::getScoreDims() {
  DimExprs dims = getQueryDims(), keys = getKeyDims();
  dims.back() = keys[keys.size() - 2];
  return dims;
}

/// Whether two sizes are known to be different.
static bool contradict(AffineExpr a, AffineExpr b) {
  return isa<AffineConstantExpr>(a) && isa<AffineConstantExpr>(b) && a != b;
}

/// What a part of the keys tells of a row beside its results: its largest score, and the sum of its
/// powers.
static constexpr int64_t kStateColumns = 2;

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            ValueRange operands, DictionaryAttr,
                                            OpaqueProperties properties, RegionRange,
                                            SmallVectorImpl<Type> &types) {
  auto *attributes = properties.as<Properties *>();
  int64_t rank = cast<RankedTensorType>(operands[0].getType()).getRank();
  if (rank != 3 && rank != 4)
    return emitOptionalError(loc, "queries need rank 3 or 4, got ", operands[0].getType());
  auto read = [&](Type type, DenseI64ArrayAttr order, DimExprs &dims) -> LogicalResult {
    if (cast<RankedTensorType>(type).getRank() != rank)
      return emitOptionalError(loc, "ranks differ: ", operands[0].getType(), " and ", type);
    if (order && (order.size() != rank || !isPermutationVector(order.asArrayRef())))
      return emitOptionalError(loc, "[", order.asArrayRef(), "] does not order the dimensions of ",
                               type);
    dims = permuted(type, order ? Permutation(order.asArrayRef()) : orIdentity({}, rank));
    return success();
  };
  DimExprs queries, keys, values;
  if (failed(read(operands[0].getType(), attributes->queryOrder, queries)) ||
      failed(read(operands[1].getType(), attributes->keyOrder, keys)) ||
      failed(read(operands[2].getType(), attributes->valueOrder, values)))
    return failure();
  DenseI64ArrayAttr resultOrder = attributes->resultOrder;
  if (resultOrder && (resultOrder.size() != rank || !isPermutationVector(resultOrder.asArrayRef())))
    return emitOptionalError(loc, "[", resultOrder.asArrayRef(),
                             "] does not order the dimensions of a result of rank ", rank);
  if (contradict(queries.back(), keys.back()))
    return emitOptionalError(loc, "queries of ", getConstantOr(queries.back(), 0),
                             " elements do not fit keys of ", getConstantOr(keys.back(), 0));
  if (contradict(keys[rank - 2], values[rank - 2]))
    return emitOptionalError(loc, getConstantOr(keys[rank - 2], 0), " keys do not fit ",
                             getConstantOr(values[rank - 2], 0), " values");
  int64_t heads = getConstantOr(queries[rank - 3], 0), keyHeads = getConstantOr(keys[rank - 3], 0);
  if (contradict(keys[rank - 3], values[rank - 3]))
    return emitOptionalError(loc, keyHeads, " heads of keys do not fit ",
                             getConstantOr(values[rank - 3], 0), " heads of values");
  if (heads && keyHeads && heads % keyHeads != 0)
    return emitOptionalError(loc, heads, " heads of queries cannot share ", keyHeads,
                             " heads of keys");
  for (const DimExprs &dims : {keys, values})
    if (rank == 4 && getConstantOr(dims[0], 0) != 1 && contradict(queries[0], dims[0]))
      return emitOptionalError(loc, "keys and values of batch ", getConstantOr(dims[0], 0),
                               " do not fit batch ", getConstantOr(queries[0], 0));
  DimExprs dims = queries, result(rank);
  dims.back() = values.back();
  if (IntegerAttr parts = attributes->keyParts) {
    if (resultOrder)
      return emitOptionalError(loc, "results of parts of the keys have an order of their own");
    MLIRContext *context = parts.getContext();
    dims.back() = dims.back() + kStateColumns;
    dims.insert(dims.begin(), getAffineConstantExpr(parts.getInt(), context));
    types.push_back(makeTensorType(dims, Float32Type::get(context)));
    return success();
  }
  for (int64_t i = 0; i < rank; ++i)
    result[resultOrder ? resultOrder[i] : i] = dims[i];
  types.push_back(makeTensorType(result, getElementTypeOrSelf(operands[0].getType())));
  return success();
}

LogicalResult AttentionOp::verify() {
  Type type = getElementTypeOrSelf(getType());
  for (Value operand : {getQueries(), getKeys(), getValues(), getBias()}) {
    if (!operand)
      continue;
    Type own = getElementTypeOrSelf(operand);
    bool readsHalves =
        type.isF32() && (own.isF16() || own.isBF16()) && (operand != getBias() || getKeyParts());
    if (own != type && !readsHalves)
      return emitOpError("element types differ: ") << getType() << " and " << operand.getType();
  }
  DimExprs scores = getScoreDims();
  for (Value operand : {getMask(), getBias()}) {
    if (!operand)
      continue;
    FailureOr<DimExprs> merged = broadcastDims({scores, getDims(operand.getType())}, getContext());
    Type i1 = IntegerType::get(getContext(), 1);
    if (failed(merged) || merged->size() != scores.size() ||
        !areCompatibleTypes(makeTensorType(*merged, i1), makeTensorType(scores, i1)))
      return emitOpError("cannot broadcast ")
             << operand.getType() << " to scores of " << makeTensorType(scores, i1).getShape();
  }
  return success();
}

//===-- Kernel --===//

SmallVector<OpOperand *> AttentionOp::getMultipliedWeights() {
  return {&getKeysMutable(), &getValuesMutable()};
}

int64_t AttentionOp::getFlops() {
  DimExprs scores = getScoreDims();
  scores.push_back(getQueryDims().back() + getValueDims().back());
  auto sizes = getConstantDims(scores);
  if (!sizes)
    return 0;
  int64_t flops = 2;
  for (int64_t size : *sizes)
    flops *= size;
  return flops;
}

//===-- Decomposition --===//

namespace {

struct AttentionBuilder : DecomposeBuilder {
  Value transpose(Value value, ArrayRef<int64_t> permutation) const {
    if (isIdentityPermutation(permutation))
      return value;
    return TransposeOp::create(b, loc, value, b.getDenseI64ArrayAttr(permutation));
  }
  /// Repeats every head: [.., K, T, d] -> [.., heads, T, d].
  Value repeatHeads(Value value, AffineExpr heads) const {
    DimExprs dims = getDims(value.getType()), wide = dims, result = dims;
    size_t at = dims.size() - 3;
    if (dims[at] == heads)
      return value;
    AffineExpr times = heads.floorDiv(dims[at]);
    wide.insert(wide.begin() + at + 1, getAffineConstantExpr(1, b.getContext()));
    Value split = reshape(value, wide);
    wide[at + 1] = times;
    result[at] = heads;
    return reshape(broadcast(split, wide), result);
  }
  Value matmul(Value lhs, Value rhs, bool transposeRhs) const {
    MatMulOp::Properties properties;
    if (transposeRhs)
      properties.transposeRhs = b.getUnitAttr();
    return MatMulOp::create(b, loc, ValueRange{lhs, rhs}, properties);
  }
};

} // namespace

LogicalResult AttentionOp::decompose(RewriterBase &rewriter) {
  if (getKeyParts())
    return rewriter.notifyMatchFailure(*this, "parts of the keys are there for a kernel");
  AttentionBuilder b{{rewriter, getLoc()}};
  int64_t rank = rankOf(*this);
  AffineExpr heads = getQueryDims()[rank - 3];
  // Scores and powers have the type of the result.
  Value queries = b.cast(getQueries(), getElementTypeOrSelf(getType()));
  queries = b.transpose(queries, getQueryPermutation());
  Value keys = b.repeatHeads(b.transpose(getKeys(), getKeyPermutation()), heads);
  Value values = b.repeatHeads(b.transpose(getValues(), getValuePermutation()), heads);
  Value scores = b.matmul(queries, keys, /*transposeRhs=*/true);
  double scale = getScale().convertToDouble();
  if (scale != 1)
    scores = b.make<MulOp>({scores, b.scalar(scores, scale)});
  if (getMask())
    scores = b.make<SelectOp>({getMask(), scores, b.scalar(scores, getMasked().convertToDouble())});
  if (getBias())
    scores = b.make<AddOp>({scores, getBias()});
  Value weights = SoftmaxOp::create(rewriter, getLoc(), scores.getType(), scores, rank - 1);
  Value result = b.matmul(weights, values, /*transposeRhs=*/false);
  if (getZeroEmptyRows()) {
    Value largest = b.reduce(ReduceKind::Max, scores, rank - 1);
    Value isEmpty = b.make<EqualOp>({largest, b.scalar(scores, -HUGE_VAL)});
    result = b.make<SelectOp>({isEmpty, b.scalar(result, 0), result});
  }
  Permutation order = invertPermutationVector(getResultPermutation());
  rewriter.replaceOp(*this, b.transpose(result, order));
  return success();
}

//===-- Canonicalization --===//

namespace {

/// An operand of the op with its order, and how to replace them.
struct OrderedOperand {
  OpOperand &operand;
  Permutation order;
  bool isKeys;
  llvm::function_ref<void(DenseI64ArrayAttr)> setOrder;
};

DenseI64ArrayAttr orderAttr(Builder &b, ArrayRef<int64_t> order) {
  return isIdentityPermutation(order) ? nullptr : b.getDenseI64ArrayAttr(order);
}

/// Calls `rewrite` with queries, keys and values until one of them changes.
LogicalResult forEachOperand(AttentionOp op,
                             llvm::function_ref<LogicalResult(OrderedOperand)> rewrite) {
  if (succeeded(rewrite({op.getQueriesMutable(), op.getQueryPermutation(), false,
                         [&](DenseI64ArrayAttr order) { op.setQueryOrderAttr(order); }})))
    return success();
  if (succeeded(rewrite({op.getKeysMutable(), op.getKeyPermutation(), true,
                         [&](DenseI64ArrayAttr order) { op.setKeyOrderAttr(order); }})))
    return success();
  return rewrite({op.getValuesMutable(), op.getValuePermutation(), false,
                  [&](DenseI64ArrayAttr order) { op.setValueOrderAttr(order); }});
}

/// attention(transpose(x)) -> attention(x) {order}, as long as rows stay contiguous.
struct AbsorbOperandTranspose : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    return forEachOperand(op, [&](OrderedOperand part) -> LogicalResult {
      auto transpose = part.operand.get().getDefiningOp<TransposeOp>();
      if (!transpose)
        return rewriter.notifyMatchFailure(op, "operand is not a transpose");
      Permutation order;
      for (int64_t position : part.order)
        order.push_back(transpose.getPermutation()[position]);
      int64_t last = order.size() - 1;
      if (order[last] != last && !(part.isKeys && order[last - 1] == last))
        return rewriter.notifyMatchFailure(op, "rows would lie apart");
      rewriter.modifyOpInPlace(op, [&] {
        part.operand.set(transpose.getOperand());
        part.setOrder(orderAttr(rewriter, order));
      });
      return success();
    });
  }
};

/// Keys and values of which every head is repeated (reshape, broadcast, reshape) -> the heads.
struct AbsorbRepeatedHeads : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    Value keys = matchRepeated(op.getKeys(), op.getKeyPermutation(), rewriter);
    Value values = matchRepeated(op.getValues(), op.getValuePermutation(), rewriter);
    int64_t heads = rankOf(op) - 3;
    auto headsOf = [&](Value value, ArrayRef<int64_t> order) {
      return getDims(value.getType())[order[heads]];
    };
    if (!keys || !values ||
        headsOf(keys, op.getKeyPermutation()) != headsOf(values, op.getValuePermutation()))
      return rewriter.notifyMatchFailure(op, "heads are not repeated");
    rewriter.modifyOpInPlace(op, [&] {
      op.getKeysMutable().assign(keys);
      op.getValuesMutable().assign(values);
    });
    return success();
  }

  /// The tensor whose dimension of heads is repeated.
  static Value matchRepeated(Value value, ArrayRef<int64_t> order, PatternRewriter &rewriter) {
    auto joined = value.getDefiningOp<ReshapeOp>();
    auto broadcast = joined ? joined.getOperand().getDefiningOp<BroadcastOp>() : BroadcastOp();
    if (!broadcast)
      return nullptr;
    size_t heads = order[order.size() - 3];
    DimExprs from = getDims(broadcast.getOperand().getType()), to = getDims(broadcast.getType());
    DimExprs result = getDims(joined.getType());
    if (to.size() != result.size() + 1 || from.size() != to.size() ||
        getConstantOr(from[heads + 1], 0) != 1)
      return nullptr;
    for (size_t i = 0; i < to.size(); ++i)
      if (i != heads + 1 && from[i] != to[i])
        return nullptr;
    if (!isa<AffineConstantExpr>(from[heads]) || to[heads] * to[heads + 1] != result[heads])
      return nullptr;
    // Sizes of the other dimensions are the same, though perhaps written in another way.
    from.erase(from.begin() + heads + 1);
    Type type = makeTensorType(from, getElementTypeOrSelf(value.getType()));
    return rewriter.createOrFold<ReshapeOp>(value.getLoc(), type, broadcast.getOperand());
  }
};

/// transpose(attention(...)) -> attention(...) {resultOrder}, as long as rows stay contiguous.
struct AbsorbResultTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp transpose, PatternRewriter &rewriter) const override {
    auto op = transpose.getOperand().getDefiningOp<AttentionOp>();
    if (!op || !op->hasOneUse() || op.getKeyParts())
      return rewriter.notifyMatchFailure(transpose, "operand is not a whole attention of its own");
    Permutation moved = invertPermutationVector(transpose.getPermutation()), order;
    for (int64_t position : op.getResultPermutation())
      order.push_back(moved[position]);
    int64_t last = order.size() - 1;
    if (order[last] != last)
      return rewriter.notifyMatchFailure(transpose, "rows would lie apart");
    rewriter.modifyOpInPlace(op, [&] {
      op.setResultOrderAttr(orderAttr(rewriter, order));
      op.getResult().setType(transpose.getType());
    });
    rewriter.replaceOp(transpose, op.getResult());
    return success();
  }
};

} // namespace

//===-- Parts --===//

LogicalResult JoinAttentionOp::verify() {
  DimExprs parts = getDims(getParts().getType()), result = getDims(getType());
  int64_t rank = static_cast<int64_t>(result.size());
  Permutation order = orIdentity(getResultOrder(), rank);
  if (static_cast<int64_t>(order.size()) != rank || !isPermutationVector(order) ||
      order.back() + 1 != rank)
    return emitOpError("[") << ArrayRef(order) << "] does not order the rows of " << getType();
  bool fits = getElementTypeOrSelf(getParts()).isF32() && parts.size() == result.size() + 1;
  for (int64_t i = 0; fits && i < rank; ++i) {
    bool isLast = i + 1 == rank;
    fits = !contradict(parts[i + 1], result[order[i]] + (isLast ? kStateColumns : 0));
  }
  if (!fits)
    return emitOpError("cannot make ") << getType() << " of parts " << getParts().getType();
  return success();
}

Value JoinAttentionOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  OpBuilder &b = e.builder();
  Location loc = e.loc();
  Type f32 = b.getF32Type();
  Value width = e.value(getDims(getType()).back()), count = e.dim(getParts(), 0);
  SmallVector<LaneIndex> position = {e.index(0)};
  for (int64_t place : orIdentity(getResultOrder(), static_cast<int64_t>(index.size())))
    position.push_back(index[place]);
  auto read = [&](Value part, LaneIndex column) {
    position.front() = e.uniform(part);
    position.back() = column;
    return e.element(getParts(), position);
  };
  auto state = [&](Value part, int64_t number) {
    return read(part, e.add(e.uniform(width), e.index(number)));
  };
  Value none = e.splat(f32, -HUGE_VAL), zero = e.splat(f32, 0);
  Value largest = e.loop(count, none, [&](Value part, ValueRange carried) -> SmallVector<Value> {
    return {arith::MaximumFOp::create(b, loc, carried[0], state(part, 0))};
  })[0];
  Value isEmpty = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, largest, none);
  Value base = arith::SelectOp::create(b, loc, isEmpty, zero, largest);
  auto addPart = [&](Value part, ValueRange carried) -> SmallVector<Value> {
    Value distance = arith::SubFOp::create(b, loc, state(part, 0), base);
    Value weight = math::ExpOp::create(b, loc, distance);
    auto add = [&](Value sum, Value number) -> Value {
      Value weighted = arith::MulFOp::create(b, loc, weight, number);
      return arith::AddFOp::create(b, loc, sum, weighted);
    };
    return {add(carried[0], read(part, index.back())), add(carried[1], state(part, 1))};
  };
  SmallVector<Value> sums = e.loop(count, {zero, zero}, addPart);
  Value result = arith::DivFOp::create(b, loc, sums[0], sums[1]);
  return getZeroEmptyRows() ? Value(arith::SelectOp::create(b, loc, isEmpty, zero, result))
                            : result;
}

void AttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<AbsorbOperandTranspose, AbsorbRepeatedHeads, AbsorbResultTranspose>(context);
}

} // namespace tenon
