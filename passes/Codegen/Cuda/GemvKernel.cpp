// Matrix products of few rows on a GPU: what takes the time is to read the columns, once.
//
//   for each group of columns of the warp's share:
//     for the depth in steps, of which each lane has a part:
//       neighbours of each row and of each column, 16 bytes at a time -> sums
//     lanes add up their sums
//     each lane: one of the sums, what follows it in the kernel, and its stores
//
// Nothing is shared among warps, so that all multiprocessors have as many of them as they hold and
// each has loads of all its columns under way. Rows are few, and stay in the first cache.
//
// A lane sums its part of the depth in order, and lanes add their sums pair by pair: results do not
// depend on the number of blocks.

#include "passes/Codegen/Cuda/GemvKernel.h"
#include "dialects/Tenon/Reduction.h"
#include "passes/Codegen/Cuda/ContractionEmitter.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

class GemvEmitter : ContractionEmitter {
public:
  GemvEmitter(KernelEmitter &e, Operation *root, GemvScheduleAttr schedule)
      : ContractionEmitter(e, root), schedule(schedule), numRows(getConstantOr(rowCount, 1)),
        lane(em.rem(e.thread, em.i64(TargetAttr::warpSize))) {}

  void emit();

private:
  void emitGroup(Value outer, Value firstColumn);
  SmallVector<Value> sumGroup(Value outer, Value firstColumn);
  Value loadNeighbours(const ContractionOperand &operand, Value outer, Value position,
                       LaneIndex depth);
  Value addProducts(Value left, Value right, Value sum);

  GemvScheduleAttr schedule;
  int64_t numRows;
  /// Of this thread in its warp.
  Value lane;
};

} // namespace

Value GemvEmitter::loadNeighbours(const ContractionOperand &operand, Value outer, Value position,
                                  LaneIndex depth) {
  return e.broadcast(e.element(operand.tensor, operand.index(outer, e.uniform(position), depth)));
}

Value GemvEmitter::addProducts(Value left, Value right, Value sum) {
  for (int64_t i = 0; i < schedule.getLanes(); ++i) {
    auto at = [&](Value vector) -> Value {
      Value element = isa<VectorType>(vector.getType())
                          ? Value(em.create<vector::ExtractOp>(vector, i))
                          : vector;
      return em.convert(element, sumType);
    };
    sum = em.create<LLVM::FMAOp>(at(left), at(right), sum);
  }
  return sum;
}

/// The warp's sums, those of a row side by side; each lane's of its part of the depth.
SmallVector<Value> GemvEmitter::sumGroup(Value outer, Value firstColumn) {
  int64_t lanes = schedule.getLanes(), numColumns = schedule.getColumns();
  Value zero = em.create<arith::ConstantOp>(em.getZeroAttr(sumType));
  SmallVector<Value> zeros(numRows * numColumns, zero);
  Value last = em.sub(columns, em.i64(1));
  bool areWhole = isMultiple(sizes.columns, numColumns);
  return em.loop(em.mul(lane, lanes), depth, em.i64(lanes * TargetAttr::warpSize), zeros,
                 [&](Value first, ValueRange sums) {
                   SmallVector<Value> next = llvm::to_vector(sums);
                   LaneIndex along = {first, lanes > 1, false, lanes};
                   e.withLanes(lanes, nullptr, [&] {
                     SmallVector<Value> lefts, rights;
                     for (int64_t j = 0; j < numColumns; ++j) {
                       Value column = em.add(firstColumn, j);
                       if (!areWhole)
                         column = em.min(column, last);
                       rights.push_back(loadNeighbours(right, outer, column, along));
                     }
                     for (int64_t i = 0; i < numRows; ++i)
                       lefts.push_back(loadNeighbours(left, outer, em.i64(i), along));
                     for (int64_t i = 0; i < numRows; ++i)
                       for (int64_t j = 0; j < numColumns; ++j) {
                         Value &sum = next[i * numColumns + j];
                         sum = addProducts(lefts[i], rights[j], sum);
                       }
                   });
                   return next;
                 });
}

void GemvEmitter::emitGroup(Value outer, Value firstColumn) {
  Value own;
  for (auto [number, sum] : llvm::enumerate(sumGroup(outer, firstColumn))) {
    Value all = e.foldLanes(ReduceKind::Sum, sumType, sum, TargetAttr::warpSize);
    Value isOwn = em.compare(arith::CmpIPredicate::eq, lane, em.i64(static_cast<int64_t>(number)));
    own = own ? em.select(isOwn, all, own) : all;
  }
  Value row = em.div(lane, em.i64(schedule.getColumns()));
  Value column = em.add(firstColumn, em.rem(lane, em.i64(schedule.getColumns())));
  Value isInside = em.create<arith::AndIOp>(em.less(row, rows), em.less(column, columns));
  em.ifThen(isInside, [&] { finish(own, /*lanes=*/1, outer, row, column); });
}

void GemvEmitter::emit() {
  int64_t warps = schedule.getThreads() / TargetAttr::warpSize;
  Value groups = em.ceilDiv(columns, em.i64(schedule.getColumns()));
  Value outers = e.value(product(sizes.outer, root->getContext()));
  Value first = em.add(em.mul(e.block, warps), em.div(e.thread, em.i64(TargetAttr::warpSize)));
  em.loop(first, em.mul(outers, groups), em.mul(e.blocks, warps), [&](Value group) {
    Value column = em.mul(em.rem(group, groups), schedule.getColumns());
    e.withLanes(1, nullptr, [&] { emitGroup(em.div(group, groups), column); });
  });
}

void emitGemvKernel(KernelEmitter &emitter, Operation *root, GemvScheduleAttr schedule) {
  GemvEmitter(emitter, root, schedule).emit();
}

} // namespace tenon::cuda
