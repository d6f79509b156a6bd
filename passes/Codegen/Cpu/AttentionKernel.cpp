// Kernels around attention: describes the op to its emitter, makes scores of products, and computes
// the pointwise ops of the kernel on the result before its only store.

#include "passes/Codegen/Cpu/Attention.h"
#include "passes/Codegen/Cpu/Kernels.h"
#include "passes/Schedule/Cpu/Sizes.h"

using namespace mlir;

namespace tenon::cpu {

namespace {

class AttentionKernelEmitter {
public:
  explicit AttentionKernelEmitter(KernelEmitter &e)
      : e(e), em(e.em), op(*e.kernel.getOps<AttentionOp>().begin()) {}

  void emit();

private:
  AttentionSpec describe();
  AttentionOperand describe(Value operand, ArrayRef<int64_t> permutation);
  /// where(mask, products * scale, masked) + bias.
  Value makeScores(OpBuilder &b, Value products, const AttentionIndex &at, Value laneMask);
  void store(OpBuilder &b, Value element, const AttentionIndex &at, Value laneMask);
  /// A vector of scores or of the result, in the order of the op's description.
  SmallVector<Value> positionOf(const AttentionIndex &at);
  Value splat(Type type, double value) {
    Type element = getElementTypeOrSelf(type);
    TypedAttr attr = em.getFloatAttr(element, value);
    return arith::ConstantOp::create(
        em, DenseElementsAttr::get(cast<VectorType>(type), Attribute(attr)));
  }

  KernelEmitter &e;
  Emitter &em;
  AttentionOp op;
};

} // namespace

/// The strides, in elements, of the dimensions that an operand of attention has in the order of the
/// op's description, given those in the order of memory; 0 for a batch that all share.
static DimExprs getStrides(ArrayRef<AffineExpr> strides, Type type, ArrayRef<int64_t> permutation) {
  DimExprs dims = getDims(type), result;
  AffineExpr zero = getAffineConstantExpr(0, type.getContext());
  for (int64_t position : permutation)
    result.push_back(strides[position]);
  if (result.size() == 3) // all of one batch
    result.insert(result.begin(), zero);
  else if (getConstantOr(dims[permutation[0]], 0) == 1)
    result[0] = zero;
  return result;
}

AttentionOperand AttentionKernelEmitter::describe(Value operand, ArrayRef<int64_t> permutation) {
  const Buffer &buffer = e.argument(operand);
  DimExprs strides = getStrides(buffer.strides, operand.getType(), permutation);
  // Keys may be columns: then their elements are apart, not they themselves.
  int64_t last = permutation.size() - 1;
  AffineExpr row = permutation[last] == last ? strides[2] : strides[3];
  return {buffer.pointer, getStorageType(buffer.elementType), e.value(strides[0]),
          e.value(strides[1]), e.value(row)};
}

AttentionSpec AttentionKernelEmitter::describe() {
  AttentionSpec spec;
  AttentionSizes sizes = getAttentionSizes(op);
  DimExprs queries = op.getQueryDims(), keys = op.getKeyDims();
  size_t rank = queries.size();
  spec.batch = rank == 4 ? e.value(queries[0]) : em.i64(1);
  spec.keyHeads = e.value(keys[rank - 3]);
  spec.group = em.i64(sizes.group);
  spec.queryCount = e.value(queries[rank - 2]);
  spec.keyCount = e.value(keys[rank - 2]);
  spec.depth = sizes.depth;
  spec.width = sizes.width;
  spec.keysAreColumns = sizes.keysAreColumns;
  spec.zeroEmptyRows = op.getZeroEmptyRows();
  spec.scratch = e.scratch;
  spec.queries = describe(op.getQueries(), op.getQueryPermutation());
  spec.keys = describe(op.getKeys(), op.getKeyPermutation());
  spec.values = describe(op.getValues(), op.getValuePermutation());
  return spec;
}

SmallVector<Value> AttentionKernelEmitter::positionOf(const AttentionIndex &at) {
  SmallVector<Value> position = {at.batch, at.head, at.query, at.column};
  if (op.getQueryPermutation().size() == 3)
    position.erase(position.begin());
  return position;
}

Value AttentionKernelEmitter::makeScores(OpBuilder &b, Value products, const AttentionIndex &at,
                                         Value laneMask) {
  OpBuilder::InsertionGuard guard(em);
  em.setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
  Type type = products.getType();
  DimExprs dims = op.getScoreDims();
  Value scores = products;
  e.withLanes(cast<VectorType>(type).getNumElements(), laneMask, [&] {
    SmallVector<LaneIndex> index;
    for (Value part : positionOf(at))
      index.push_back(e.uniform(part));
    index.back() = {at.column, 1, false, 1};
    auto elementOf = [&](Value operand) {
      return e.broadcast(e.element(operand, broadcastIndex(e, operand, dims, index)));
    };
    Value scale = splat(type, op.getScale().convertToDouble());
    Value bias = op.getBias() ? elementOf(op.getBias()) : Value();
    if (bias && !op.getMask()) {
      scores = vector::FMAOp::create(em, products, scale, bias);
      return;
    }
    scores = arith::MulFOp::create(em, products, scale);
    if (op.getMask())
      scores = arith::SelectOp::create(em, elementOf(op.getMask()), scores,
                                       splat(type, op.getMasked().convertToDouble()));
    if (bias)
      scores = arith::AddFOp::create(em, scores, bias);
  });
  b.setInsertionPoint(em.getInsertionBlock(), em.getInsertionPoint());
  return scores;
}

void AttentionKernelEmitter::store(OpBuilder &b, Value element, const AttentionIndex &at,
                                   Value laneMask) {
  SmallVector<Value> position = positionOf(at), index(position.size());
  for (auto [part, place] : llvm::zip_equal(position, op.getResultPermutation()))
    index[place] = part;
  storeFinished(e, b, cast<OpResult>(op.getResult()), element, index, laneMask);
}

void AttentionKernelEmitter::emit() {
  auto schedule = cast<AttentionScheduleAttr>(*e.kernel.getSchedule());
  emitAttention(
      em, em.getLoc(), e.module, describe(), schedule, e.task, e.tasks,
      [&](OpBuilder &b, Location, Value products, const AttentionIndex &at, Value mask) {
        return makeScores(b, products, at, mask);
      },
      [&](OpBuilder &b, Location, Value element, const AttentionIndex &at, Value mask) {
        store(b, element, at, mask);
      });
}

void emitAttentionKernel(KernelEmitter &emitter) { AttentionKernelEmitter(emitter).emit(); }

} // namespace tenon::cpu
