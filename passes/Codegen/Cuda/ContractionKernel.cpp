// Matrix products and convolutions on the FMA units of a GPU.
//
//   for each tile of the block's share:            (rows x columns of one product)
//     for depth in steps:
//       all threads: elements of both operands     -> shared memory, zeros outside
//       barrier
//       for each k of the step: r numbers of the rows and c of the columns -> r c FMAs
//       barrier
//     what follows the sums in the kernel, and its stores
//
// The index of a row does not change along the depth, and leaves the loop.
//
// Every sum is taken in the order of the depth, by one thread: results do not depend on the number
// of blocks.

#include "passes/Codegen/Cuda/ContractionKernel.h"
#include "passes/Codegen/Cuda/ContractionEmitter.h"
#include "passes/Codegen/Cuda/SharedLines.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

class FmaEmitter : ContractionEmitter {
public:
  FmaEmitter(KernelEmitter &e, Operation *root, ContractionScheduleAttr schedule);

  void emit();

private:
  SmallVector<Value> sumTile(Value outer, Value row, Value column);
  void finishTile(ValueRange sums, Value outer, Value row, Value column);
  LineSource makeSource(const ContractionOperand &operand, Value outer, int64_t tile, Value size);

  ContractionScheduleAttr schedule;
  SharedLines rowLines, columnLines;
  /// Of this thread in the tile, counted in what each thread has.
  Value threadRow, threadColumn;
};

} // namespace

FmaEmitter::FmaEmitter(KernelEmitter &e, Operation *root, ContractionScheduleAttr schedule)
    : ContractionEmitter(e, root), schedule(schedule),
      rowLines(e, sumType, schedule.getTileRows(), schedule.getDepth()),
      columnLines(e, sumType, schedule.getTileColumns(), schedule.getDepth()) {
  Value across = em.i64(schedule.getTileColumns() / schedule.getThreadColumns());
  threadRow = em.div(e.thread, across);
  threadColumn = em.rem(e.thread, across);
}

//===-- Sums --===//

LineSource FmaEmitter::makeSource(const ContractionOperand &operand, Value outer, int64_t tile,
                                  Value size) {
  return {.tensor = operand.tensor,
          .isDeep = operand.isDeep,
          .positions = isMultiple(operand.size, tile) ? Value() : size,
          .depth = isMultiple(depthCount, schedule.getDepth()) ? Value() : depth,
          .index = [&operand, outer, this](Value position, Value depth) {
            return operand.index(outer, e.uniform(position), e.uniform(depth));
          }};
}

SmallVector<Value> FmaEmitter::sumTile(Value outer, Value row, Value column) {
  int64_t threadRows = schedule.getThreadRows(), threadColumns = schedule.getThreadColumns();
  LineSource rowSource = makeSource(left, outer, schedule.getTileRows(), rows);
  LineSource columnSource = makeSource(right, outer, schedule.getTileColumns(), columns);
  Value zero =
      em.create<arith::ConstantOp>(em.getZeroAttr(VectorType::get({threadColumns}, sumType)));
  return em.loop(em.i64(0), depth, em.i64(schedule.getDepth()),
                 SmallVector<Value>(threadRows, zero), [&](Value start, ValueRange sums) {
                   e.withLanes(1, nullptr, [&] {
                     rowLines.bring(rowSource, row, start);
                     columnLines.bring(columnSource, column, start);
                   });
                   e.barrier();
                   SmallVector<Value> next =
                       multiplyLines(e, {rowLines, threadRow, threadRows},
                                     {columnLines, threadColumn, threadColumns},
                                     em.i64(schedule.getDepth()), sums);
                   e.barrier();
                   return next;
                 });
}

//===-- Results --===//

void FmaEmitter::finishTile(ValueRange sums, Value outer, Value row, Value column) {
  int64_t perThread = schedule.getThreadColumns();
  row = em.add(row, em.mul(threadRow, schedule.getThreadRows()));
  column = em.add(column, em.mul(threadColumn, perThread));
  // Neighbours are stored together where all or none of them are columns.
  int64_t lanes = isMultiple(sizes.columns, perThread) ? perThread : 1;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value own = em.add(row, static_cast<int64_t>(i));
    for (int64_t first = 0; first < perThread; first += lanes) {
      Value at = em.add(column, first);
      Value isInside = em.create<arith::AndIOp>(em.less(own, rows), em.less(at, columns));
      Value part = sum;
      if (lanes == 1)
        part = em.create<vector::ExtractOp>(sum, first);
      em.ifThen(isInside, [&] { finish(part, lanes, outer, own, at); });
    }
  }
}

void FmaEmitter::emit() {
  // Neighbouring tiles share rows, whose part of the input then stays in the second cache.
  forTiles(schedule.getTileRows(), schedule.getTileColumns(), /*band=*/1,
           [&](Value outer, Value row, Value column) {
             finishTile(sumTile(outer, row, column), outer, row, column);
           });
}

int64_t contractionSharedBytes(ContractionScheduleAttr schedule, Operation *root) {
  Type sum = getAccumulatorType(getElementTypeOrSelf(root->getOperand(0)));
  return SharedLines::getBytes(sum, schedule.getTileRows(), schedule.getDepth()) +
         SharedLines::getBytes(sum, schedule.getTileColumns(), schedule.getDepth());
}

void emitContractionKernel(KernelEmitter &emitter, Operation *root,
                           ContractionScheduleAttr schedule) {
  FmaEmitter(emitter, root, schedule).emit();
}

} // namespace tenon::cuda
