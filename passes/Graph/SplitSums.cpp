// Divides the long sums of products with few results.
//
// A device computes a product in tiles. Where these are fewer than its multiprocessors and the
// depth is long, most of it waits for a few that go through all of the depth. So the depth is cut
// into parts, each a product of a batch, and their sums are added up:
//
//   [M, K] * [K, N]  ->  sum over s of [M, s, K/s] * [s, K/s, N]
//
// The sum is a kernel of its own, with what follows the product, and takes the parts in their
// order: results do not depend on who is first. How many parts there are is for the strategy of the
// product to say.
//
// A right operand that is known when the model is compiled is turned so that a part's numbers of
// one column lie side by side, as all code that multiplies likes to read them; any other has to be
// in rows, of which a part is a block.

#include "dialects/Target/KernelStrategy.h"
#include "dialects/Tenon/DecomposeBuilder.h"
#include "dialects/Tenon/Reduction.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Graph/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_SPLITSUMSPASS
#include "passes/Graph/Passes.h.inc"

using namespace mlir;

namespace {

class SumSplitter {
public:
  SumSplitter(MatMulOp op, int64_t parts)
      : op(op), b(op), make{b, op.getLoc()}, parts(parts),
        depth(op.getLhs().getType().getShape().back() / parts),
        columns(op.getType().getShape().back()), rows(op.getType().getNumElements() / columns) {}

  void split();

private:
  Value reshape(Value value, ArrayRef<int64_t> shape) {
    return make.reshape(value, getDims(cast<RankedTensorType>(value.getType()).clone(shape)));
  }
  Value transpose(Value value, ArrayRef<int64_t> permutation) {
    return TransposeOp::create(b, op.getLoc(), value, b.getDenseI64ArrayAttr(permutation));
  }
  Value splitRows();
  Value splitColumns(bool isKnown);

  MatMulOp op;
  OpBuilder b;
  DecomposeBuilder make;
  int64_t parts, depth, columns, rows;
};

} // namespace

/// [M, K] -> [parts, M, K / parts].
Value SumSplitter::splitRows() {
  if (rows == 1)
    return reshape(op.getLhs(), {parts, 1, depth});
  return transpose(reshape(op.getLhs(), {rows, parts, depth}), {1, 0, 2});
}

/// [N, K] -> [parts, N, K / parts], or [K, N] -> [parts, K / parts, N].
Value SumSplitter::splitColumns(bool isKnown) {
  if (!isKnown)
    return reshape(op.getRhs(), {parts, depth, columns});
  Value turned = op.getRhs();
  if (!op.getTransposeRhs())
    turned = transpose(reshape(turned, {parts * depth, columns}), {1, 0});
  return transpose(reshape(turned, {columns, parts, depth}), {1, 0, 2});
}

void SumSplitter::split() {
  bool isKnown = isPackable(op.getRhsMutable());
  Type element = op.getType().getElementType();
  bool isHalf = isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
  auto type = RankedTensorType::get({parts, rows, columns}, isHalf ? b.getF32Type() : element);
  auto product = MatMulOp::create(b, op.getLoc(), type, splitRows(), splitColumns(isKnown),
                                  /*transposeRhs=*/isKnown, op.getMayRoundInput());
  product->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  Value sums = make.cast(make.reduce(ReduceKind::Sum, product, {0}), element);
  op.replaceAllUsesWith(reshape(sums, op.getType().getShape()));
  op.erase();
}

/// Whether the parts of an operand that is not known would have to be copied together, or sizes are
/// for a run to tell.
static bool canSplit(MatMulOp op) {
  return op.sharesRhs() && isStatic(op.getType()) && isStatic(op.getLhs().getType()) &&
         op.getType().getNumElements() > 0 &&
         (!op.getTransposeRhs() || isPackable(op.getRhsMutable()));
}

namespace {

struct SplitSums : impl::SplitSumsPassBase<SplitSums> {
  using SplitSumsPassBase::SplitSumsPassBase;

  void runOnOperation() override {
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    SmallVector<MatMulOp> ops;
    getOperation().walk([&](MatMulOp op) { ops.push_back(op); });
    for (MatMulOp op : ops) {
      const KernelStrategy *strategy = strategies->find(op);
      int64_t parts = 1;
      if (strategy && canSplit(op))
        parts = strategy->countDepthParts(op, strategies->getTarget());
      if (parts == 1)
        continue;
      SumSplitter(op, parts).split();
      ++numSplit;
    }
  }
};

} // namespace

} // namespace tenon
