// Moves transposes down until they cancel.
//
// With y = transpose(x) by P (dimension i of y is dimension P[i] of x), an op f on y that works on
// dimensions alike, or names them by number, has a twin f' on x with transpose(f'(x)) = f(y): where
// f names dimension i, f' names P[i]. Transposes only move towards results, so the process ends.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Layout/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_MOVETRANSPOSESPASS
#include "passes/Layout/Passes.h.inc"

using namespace mlir;

namespace {

using Permutation = SmallVector<int64_t>;

/// Moves `values`, indexed by dimensions of y, to the dimensions of x.
template <typename T> SmallVector<T> toSource(ArrayRef<T> values, ArrayRef<int64_t> permutation) {
  SmallVector<T> result(values);
  for (auto [i, value] : llvm::enumerate(values))
    result[permutation[i]] = value;
  return result;
}

AffineMapAttr toSource(AffineMap map, ArrayRef<int64_t> permutation) {
  SmallVector<AffineExpr> exprs = toSource(map.getResults(), permutation);
  return AffineMapAttr::get(makeDimsMap(exprs, map.getContext()));
}

RankedTensorType toSourceType(Type type, ArrayRef<int64_t> permutation) {
  return makeTensorType(toSource(ArrayRef<AffineExpr>(getDims(type)), permutation),
                        getElementTypeOrSelf(type));
}

/// Whether at most one dimension is not 1: its elements are in the same order in any layout.
bool isVectorLike(Type type) {
  return llvm::count_if(getDims(type), [](AffineExpr dim) {
           auto constant = dyn_cast<AffineConstantExpr>(dim);
           return !constant || constant.getValue() != 1;
         }) <= 1;
}

/// `value`, which broadcasts against tensors of y's layout, for x's layout.
Value convertOperand(PatternRewriter &rewriter, Value value, ArrayRef<int64_t> permutation) {
  if (auto transpose = value.getDefiningOp<TransposeOp>();
      transpose && transpose.getPermutation() == permutation)
    return transpose.getOperand();
  DimExprs dims = getDims(value.getType());
  if (dims.empty())
    return value;
  DimExprs full(permutation.size() - dims.size(), getAffineConstantExpr(1, rewriter.getContext()));
  llvm::append_range(full, dims);
  Type elementType = getElementTypeOrSelf(value.getType());
  if (full.size() != dims.size())
    value = ReshapeOp::create(rewriter, value.getLoc(), makeTensorType(full, elementType), value);
  RankedTensorType target = toSourceType(value.getType(), permutation);
  if (isVectorLike(target))
    return value.getType() == target
               ? value
               : ReshapeOp::create(rewriter, value.getLoc(), target, value).getResult();
  return TransposeOp::create(rewriter, value.getLoc(), value,
                             rewriter.getDenseI64ArrayAttr(invertPermutationVector(permutation)));
}

/// The permutation of the operand's transpose, if it has one.
std::optional<Permutation> permutationOf(Value value) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  if (!transpose)
    return std::nullopt;
  return Permutation(transpose.getPermutation());
}

void replaceWithTransposed(PatternRewriter &rewriter, Operation *op, Value result,
                           ArrayRef<int64_t> permutation) {
  rewriter.replaceOpWithNewOp<TransposeOp>(op, result, rewriter.getDenseI64ArrayAttr(permutation));
}

/// f(transpose(x), transpose(y), small) -> transpose(f(x, y, small')).
struct MovePastPointwise : RewritePattern {
  MovePastPointwise(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isa<PointwiseOpInterface>(op))
      return failure();
    DimExprs dims = getDims(op->getResult(0).getType());
    std::optional<Permutation> permutation;
    for (Value operand : op->getOperands()) {
      std::optional<Permutation> own = permutationOf(operand);
      if (!own || own->size() != dims.size())
        continue;
      if (permutation && own != permutation)
        return rewriter.notifyMatchFailure(op, "operands are transposed differently");
      permutation = own;
    }
    if (!permutation)
      return rewriter.notifyMatchFailure(op, "no operand is a transpose");
    for (Value operand : op->getOperands()) {
      bool isConstant = operand.getDefiningOp<ConstantOp>() != nullptr;
      if (!permutationOf(operand) && !isVectorLike(operand.getType()) && !isConstant)
        return rewriter.notifyMatchFailure(op, "an operand would need a transpose of its own");
    }
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(convertOperand(rewriter, operand, *permutation));
    OperationState state(op->getLoc(), op->getName());
    state.addOperands(operands);
    state.addTypes(toSourceType(op->getResult(0).getType(), *permutation));
    state.addAttributes(op->getDiscardableAttrDictionary().getValue());
    state.propertiesAttr = op->getPropertiesAsAttribute();
    Operation *moved = rewriter.create(state);
    replaceWithTransposed(rewriter, op, moved->getResult(0), *permutation);
    return success();
  }
};

/// f(transpose(x)) -> transpose(f'(x)) for an op that names dimensions.
template <typename OpT> struct MovePast : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  /// f'(`source`).
  virtual Value build(OpBuilder &b, OpT op, Value source, ArrayRef<int64_t> permutation) const = 0;

  LogicalResult matchAndRewrite(OpT op, PatternRewriter &rewriter) const override {
    auto transpose = op.getOperand().template getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "operand is not a transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    replaceWithTransposed(rewriter, op, build(rewriter, op, transpose.getOperand(), permutation),
                          permutation);
    return success();
  }
};

struct MovePastReduce : MovePast<ReduceOp> {
  using MovePast::MovePast;
  Value build(OpBuilder &b, ReduceOp op, Value source,
              ArrayRef<int64_t> permutation) const override {
    Permutation axes;
    for (int64_t axis : op.getAxes())
      axes.push_back(permutation[axis]);
    llvm::sort(axes);
    return ReduceOp::create(b, op.getLoc(), toSourceType(op.getType(), permutation), source,
                            op.getKind(), axes);
  }
};

struct MovePastSlice : MovePast<SliceOp> {
  using MovePast::MovePast;
  Value build(OpBuilder &b, SliceOp op, Value source,
              ArrayRef<int64_t> permutation) const override {
    return SliceOp::create(b, op.getLoc(), toSourceType(op.getType(), permutation), source,
                           toSource(op.getStarts(), permutation),
                           b.getDenseI64ArrayAttr(toSource(op.getSteps(), permutation)));
  }
};

/// Where only a run tells whether dimensions repeat. Others are cheaper than their results.
struct MovePastBroadcast : MovePast<BroadcastOp> {
  using MovePast::MovePast;
  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    if (op.getDifferences().empty())
      return rewriter.notifyMatchFailure(op, "is known to repeat its operand");
    return MovePast::matchAndRewrite(op, rewriter);
  }
  Value build(OpBuilder &b, BroadcastOp op, Value source,
              ArrayRef<int64_t> permutation) const override {
    return BroadcastOp::create(b, op.getLoc(), toSourceType(op.getType(), permutation), source);
  }
};

struct MovePastPad : MovePast<PadOp> {
  using MovePast::MovePast;
  Value build(OpBuilder &b, PadOp op, Value source, ArrayRef<int64_t> permutation) const override {
    return PadOp::create(b, op.getLoc(), toSourceType(op.getType(), permutation), source,
                         op.getValue(), toSource(op.getLow(), permutation), op.getModeAttr());
  }
};

/// If most of what is joined is transposed alike, the rest gets the inverse.
struct MovePastConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    std::optional<Permutation> permutation;
    size_t transposed = 0;
    for (Value input : op.getInputs()) {
      std::optional<Permutation> own = permutationOf(input);
      if (!own)
        continue;
      if (permutation && own != permutation)
        return rewriter.notifyMatchFailure(op, "inputs are transposed differently");
      permutation = own;
      ++transposed;
    }
    if (2 * transposed <= op.getInputs().size())
      return rewriter.notifyMatchFailure(op, "most inputs are not transposed");
    SmallVector<Value> inputs;
    for (Value input : op.getInputs())
      inputs.push_back(convertOperand(rewriter, input, *permutation));
    auto axis = rewriter.getI64IntegerAttr((*permutation)[op.getAxis()]);
    auto moved = ConcatOp::create(rewriter, op.getLoc(), toSourceType(op.getType(), *permutation),
                                  inputs, axis);
    replaceWithTransposed(rewriter, op, moved, *permutation);
    return success();
  }
};

/// A reshape that splits or joins dimensions in groups moves the groups: [N, H, W, C] -> transpose
/// [N, C, H, W] -> reshape [N, 2, C/2, H, W] is reshape [N, H, W, 2, C/2] -> transpose.
struct MovePastReshape : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  /// Ranges of dimensions of operand and result with equal products, outermost first.
  struct Group {
    size_t from, fromEnd, to, toEnd;
  };

  static std::optional<SmallVector<Group>> matchGroups(const DimExprs &from, const DimExprs &to) {
    SmallVector<Group> groups;
    size_t i = 0, j = 0;
    while (i < from.size() && j < to.size()) {
      Group group{i, i + 1, j, j + 1};
      AffineExpr left = from[i], right = to[j];
      while (left != right) {
        auto l = dyn_cast<AffineConstantExpr>(left), r = dyn_cast<AffineConstantExpr>(right);
        if (!l || !r)
          return std::nullopt;
        if (l.getValue() < r.getValue() && group.fromEnd < from.size())
          left = left * from[group.fromEnd++];
        else if (l.getValue() > r.getValue() && group.toEnd < to.size())
          right = right * to[group.toEnd++];
        else
          return std::nullopt;
      }
      groups.push_back(group);
      i = group.fromEnd;
      j = group.toEnd;
    }
    // What is left are dimensions of 1, which belong to the last group.
    auto isOne = [](AffineExpr dim) {
      auto constant = dyn_cast<AffineConstantExpr>(dim);
      return constant && constant.getValue() == 1;
    };
    if (groups.empty() || !llvm::all_of(ArrayRef(from).drop_front(i), isOne) ||
        !llvm::all_of(ArrayRef(to).drop_front(j), isOne))
      return std::nullopt;
    groups.back().fromEnd = from.size();
    groups.back().toEnd = to.size();
    return groups;
  }

  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    std::optional<Permutation> permutation = permutationOf(op.getOperand());
    if (!permutation)
      return rewriter.notifyMatchFailure(op, "operand is not a transpose");
    DimExprs to = getDims(op.getType());
    auto groups = matchGroups(getDims(op.getOperand().getType()), to);
    if (!groups)
      return rewriter.notifyMatchFailure(op, "dimensions are not split or joined in groups");
    // A group must lie together, in order, in x as well.
    for (const Group &group : *groups)
      for (size_t dim = group.from + 1; dim < group.fromEnd; ++dim)
        if ((*permutation)[dim] != (*permutation)[dim - 1] + 1)
          return rewriter.notifyMatchFailure(op, "a group of dimensions lies apart before");
    SmallVector<const Group *> order;
    for (const Group &group : *groups)
      order.push_back(&group);
    llvm::sort(order, [&](const Group *a, const Group *b) {
      return (*permutation)[a->from] < (*permutation)[b->from];
    });
    DimExprs dims;
    Permutation moved(to.size());
    for (const Group *group : order)
      for (size_t dim = group->to; dim < group->toEnd; ++dim) {
        moved[dim] = dims.size();
        dims.push_back(to[dim]);
      }
    Value source = op.getOperand().getDefiningOp<TransposeOp>().getOperand();
    Type type = makeTensorType(dims, getElementTypeOrSelf(op.getType()));
    Value reshaped = ReshapeOp::create(rewriter, op.getLoc(), type, source);
    replaceWithTransposed(rewriter, op, reshaped, moved);
    return success();
  }
};

/// A transpose that only moves dimensions of size 1 moves no element.
struct TransposeToReshape : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    DimExprs dims = getDims(op.getOperand().getType());
    int64_t last = -1;
    for (int64_t source : op.getPermutation()) {
      auto constant = dyn_cast<AffineConstantExpr>(dims[source]);
      if (constant && constant.getValue() == 1)
        continue;
      if (source < last)
        return rewriter.notifyMatchFailure(op, "moves elements");
      last = source;
    }
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getOperand());
    return success();
  }
};

struct MoveTransposes : impl::MoveTransposesPassBase<MoveTransposes> {
  int64_t countTransposes() {
    int64_t count = 0;
    getOperation().walk([&](TransposeOp) { ++count; });
    return count;
  }

  void runOnOperation() override {
    int64_t before = countTransposes();
    RewritePatternSet patterns(&getContext());
    patterns.add<MovePastPointwise, MovePastReduce, MovePastSlice, MovePastBroadcast, MovePastPad,
                 MovePastConcat, MovePastReshape, TransposeToReshape>(&getContext());
    GreedyRewriteConfig config;
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config))) {
      getOperation().emitError("transposes do not come to rest");
      return signalPassFailure();
    }
    numRemoved += std::max<int64_t>(before - countTransposes(), 0);
  }
};

} // namespace

} // namespace tenon
