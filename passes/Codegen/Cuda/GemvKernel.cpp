// Matrix products of few rows on a GPU: what takes the time is to read the columns, once.
//
//   for each group of columns of the warp's share:
//     for the depth in steps, of which each lane has a part:
//       neighbours of each row and of each column, 16 bytes at a time -> sums
//     lanes add up their sums
//     each lane: one of the sums, what follows it in the kernel, and its stores
//
// Each warp has loads of all its columns under way. Rows are few, and stay in the first cache.
// Where there are columns for all warps that the device holds, nothing is shared among warps. Where
// there are not, some warps of a block ("slices") have the same columns and take turns along the
// depth:
//
//     sums of each warp                            -> shared memory
//     barrier                                      (1)
//     the first of them: sums in the order of the slices, what follows, and its stores
//     barrier                                      (2)
//
// Behind (1) all sums are there; the next group's take their place behind (2). All warps of a block
// go through as many groups, the last ones again where there are no more, so that they meet.
//
// Weights that are quantized in blocks are read as codes (CodedColumns.h).
//
// A lane sums its part of the depth in order, and lanes add their sums pair by pair: results do not
// depend on the number of blocks.

#include "passes/Codegen/Cuda/GemvKernel.h"
#include "dialects/Tenon/Reduction.h"
#include "passes/Codegen/Cuda/CodedColumns.h"
#include "passes/Codegen/Cuda/ContractionEmitter.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

class GemvEmitter : ContractionEmitter {
public:
  GemvEmitter(KernelEmitter &e, Operation *root, GemvScheduleAttr schedule);

  void emit();

private:
  Value emitGroup(Value outer, Value firstColumn);
  SmallVector<Value> sumGroup(Value outer, Value firstColumn);
  Value addSlices(Value own);
  void storeGroup(Value isOwn, Value sum, Value outer, Value firstColumn);
  Value loadColumn(Value outer, Value column, LaneIndex depth);
  Value loadNeighbours(const ContractionOperand &operand, Value outer, Value position,
                       LaneIndex depth);
  Value addProducts(Value left, Value right, Value sum);

  GemvScheduleAttr schedule;
  int64_t numRows;
  /// Columns of codes; nothing if they are numbers.
  std::optional<CodedColumns> coded;
  /// Of this thread in its warp, of its warp in the block, and of its warp in the slices.
  Value lane, warp, slice;
  /// Sums of the block's warps, one for each lane, where slices are added up.
  Value sliceSums;
};

} // namespace

GemvEmitter::GemvEmitter(KernelEmitter &e, Operation *root, GemvScheduleAttr schedule)
    : ContractionEmitter(e, root), schedule(schedule), numRows(getConstantOr(rowCount, 1)),
      lane(em.rem(e.thread, em.i64(TargetAttr::warpSize))),
      warp(em.div(e.thread, em.i64(TargetAttr::warpSize))),
      slice(em.rem(warp, em.i64(schedule.getSlices()))) {
  if (auto narrow = root->getOperand(1).getDefiningOp<DequantizeBlocksOp>())
    coded.emplace(e, narrow);
  if (schedule.getSlices() > 1)
    sliceSums = e.sharedArray(sumType, schedule.getThreads());
}

Value GemvEmitter::loadNeighbours(const ContractionOperand &operand, Value outer, Value position,
                                  LaneIndex depth) {
  return e.broadcast(e.element(operand.tensor, operand.index(outer, e.uniform(position), depth)));
}

Value GemvEmitter::loadColumn(Value outer, Value column, LaneIndex depth) {
  return coded ? coded->load(column, depth) : loadNeighbours(right, outer, column, depth);
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
  int64_t perTrip = lanes * TargetAttr::warpSize;
  Value start = em.add(em.mul(slice, perTrip), em.mul(lane, lanes));
  return em.loop(start, depth, em.i64(perTrip * schedule.getSlices()), zeros,
                 [&](Value first, ValueRange sums) {
                   SmallVector<Value> next = llvm::to_vector(sums);
                   LaneIndex along = {first, lanes > 1, false, lanes};
                   e.withLanes(lanes, nullptr, [&] {
                     SmallVector<Value> lefts, rights;
                     for (int64_t j = 0; j < numColumns; ++j) {
                       Value column = em.add(firstColumn, j);
                       if (!areWhole)
                         column = em.min(column, last);
                       rights.push_back(loadColumn(outer, column, along));
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

/// The warp's sums: each lane has the one of its number.
Value GemvEmitter::emitGroup(Value outer, Value firstColumn) {
  Value own;
  for (auto [number, sum] : llvm::enumerate(sumGroup(outer, firstColumn))) {
    Value all = e.foldLanes(ReduceKind::Sum, sumType, sum, TargetAttr::warpSize);
    Value isOwn = em.compare(arith::CmpIPredicate::eq, lane, em.i64(static_cast<int64_t>(number)));
    own = own ? em.select(isOwn, all, own) : all;
  }
  return schedule.getSlices() > 1 ? addSlices(own) : own;
}

/// Adds up what the slices of a group have; the sum counts in the first one.
Value GemvEmitter::addSlices(Value own) {
  em.store(own, em.offsetPointer(sliceSums, sumType, e.thread));
  e.barrier();
  Value first = em.add(em.mul(em.sub(warp, slice), TargetAttr::warpSize), lane);
  Value sum;
  for (int64_t i = 0; i < schedule.getSlices(); ++i) {
    Value place = em.add(first, i * TargetAttr::warpSize);
    Value part = em.load(sumType, em.offsetPointer(sliceSums, sumType, place));
    sum = sum ? Value(em.create<arith::AddFOp>(sum, part)) : part;
  }
  e.barrier();
  return sum;
}

/// Emits what follows a lane's sum in the kernel, where it has one.
void GemvEmitter::storeGroup(Value isOwn, Value sum, Value outer, Value firstColumn) {
  Value row = em.div(lane, em.i64(schedule.getColumns()));
  Value column = em.add(firstColumn, em.rem(lane, em.i64(schedule.getColumns())));
  Value isInside = em.create<arith::AndIOp>(em.less(row, rows), em.less(column, columns));
  if (isOwn)
    isInside = em.create<arith::AndIOp>(isInside, isOwn);
  em.ifThen(isInside, [&] { finish(sum, /*lanes=*/1, outer, row, column); });
}

void GemvEmitter::emit() {
  int64_t slices = schedule.getSlices(), perBlock = schedule.getGroups();
  Value groups = em.ceilDiv(columns, em.i64(schedule.getColumns()));
  Value outers = e.value(product(sizes.outer, root->getContext()));
  Value count = em.mul(outers, groups), ofBlock = em.div(warp, em.i64(slices));
  // With slices, all warps of a block take as many turns.
  bool meet = slices > 1;
  Value first = em.mul(e.block, perBlock);
  if (!meet)
    first = em.add(first, ofBlock);
  em.loop(first, count, em.mul(e.blocks, perBlock), [&](Value turn) {
    Value group = turn, isOwn;
    if (meet) {
      group = em.add(turn, ofBlock);
      isOwn = em.create<arith::AndIOp>(em.less(group, count),
                                       em.compare(arith::CmpIPredicate::eq, slice, em.i64(0)));
      group = em.min(group, em.sub(count, em.i64(1)));
    }
    Value outer = em.div(group, groups),
          column = em.mul(em.rem(group, groups), schedule.getColumns());
    e.withLanes(1, nullptr, [&] { storeGroup(isOwn, emitGroup(outer, column), outer, column); });
  });
}

void emitGemvKernel(KernelEmitter &emitter, Operation *root, GemvScheduleAttr schedule) {
  GemvEmitter(emitter, root, schedule).emit();
}

} // namespace tenon::cuda
