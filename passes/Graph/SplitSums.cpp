// Divides the long sums of products and attention with few results.
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
//
// Attention goes through keys as a product through its depth, and a decoder's has one query for
// each head. Its kernel takes the parts by itself, which tells of each what joins it to others:
//
//   attention(Q, K, V)  ->  join_attention(attention(Q, K, V) {keyParts})

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

static void splitKeys(AttentionOp op, int64_t parts) {
  OpBuilder b(op);
  AttentionOp::Properties properties = op.getProperties();
  properties.resultOrder = nullptr;
  properties.keyParts = b.getI64IntegerAttr(parts);
  auto ofParts = AttentionOp::create(b, op.getLoc(), op->getOperands(), properties,
                                     op->getDiscardableAttrDictionary().getValue());
  Value joined = JoinAttentionOp::create(b, op.getLoc(), op.getType(), ofParts,
                                         op.getResultOrderAttr(), op.getZeroEmptyRows());
  op.replaceAllUsesWith(joined);
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
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      auto product = dyn_cast<MatMulOp>(op);
      if (isa<AttentionOp>(op) || (product && canSplit(product)))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      const KernelStrategy *strategy = strategies->find(op);
      int64_t parts = strategy ? strategy->countParts(op, strategies->getTarget()) : 1;
      if (parts == 1)
        continue;
      if (auto product = dyn_cast<MatMulOp>(op))
        SumSplitter(product, parts).split();
      else
        splitKeys(cast<AttentionOp>(op), parts);
      ++numSplit;
    }
  }
};

} // namespace

} // namespace tenon
