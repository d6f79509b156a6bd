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
// In shared memory both parts of a tile lie by depth: [depth][rows], [depth][columns]. A thread's
// rows and columns are neighbours there and read at once; lines are 16 bytes longer than the tile,
// so that elements that threads store one below another are in different banks.
//
// Every sum is taken in the order of the depth, by one thread: results do not depend on the number
// of blocks.

#include "passes/Codegen/Cuda/ContractionKernel.h"
#include "passes/Codegen/Cuda/ContractionEmitter.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

/// One of the operands, and a block's part of it.
struct Side {
  const ContractionOperand &operand;
  /// Of the tile, and what each thread has of it.
  int64_t tile, perThread;
  Value size;
  /// Tiles do not reach beyond the operand.
  bool isWhole;
  /// Where the block has its part of a tile.
  Value shared;
};

class FmaEmitter : ContractionEmitter {
public:
  FmaEmitter(KernelEmitter &e, Operation *root, ContractionScheduleAttr schedule);

  void emit();

private:
  SmallVector<Value> sumTile(Value outer, Value row, Value column);
  void bring(const Side &side, Value outer, Value first, Value depth);
  Value read(const Side &side, Value k, Value number);
  void finishTile(ValueRange sums, Value outer, Value row, Value column);
  Side makeSide(const ContractionOperand &operand, int64_t tile, int64_t perThread, Value size);

  ContractionScheduleAttr schedule;
  Side rowSide, columnSide;
  /// Of this thread in the tile, counted in what each thread has.
  Value threadRow, threadColumn;
};

} // namespace

/// Elements that a line in shared memory is longer than the tile.
static int64_t padding(Type element) { return 16 / (element.getIntOrFloatBitWidth() / 8); }

FmaEmitter::FmaEmitter(KernelEmitter &e, Operation *root, ContractionScheduleAttr schedule)
    : ContractionEmitter(e, root), schedule(schedule),
      rowSide(makeSide(left, schedule.getTileRows(), schedule.getThreadRows(), rows)),
      columnSide(makeSide(right, schedule.getTileColumns(), schedule.getThreadColumns(), columns)) {
  Value across = em.i64(schedule.getTileColumns() / schedule.getThreadColumns());
  threadRow = em.div(e.thread, across);
  threadColumn = em.rem(e.thread, across);
}

Side FmaEmitter::makeSide(const ContractionOperand &operand, int64_t tile, int64_t perThread,
                          Value size) {
  bool isWhole = isMultiple(operand.size, tile) && isMultiple(depthCount, schedule.getDepth());
  int64_t line = tile + padding(sumType);
  return {operand, tile,    perThread,
          size,    isWhole, e.sharedArray(sumType, schedule.getDepth() * line)};
}

//===-- Sums --===//

/// Elements of the operand from position `first` and `depth` on go to shared memory, each thread
/// its share; neighbouring threads take neighbours in memory.
void FmaEmitter::bring(const Side &side, Value outer, Value first, Value start) {
  int64_t line = side.tile + padding(sumType), steps = schedule.getDepth();
  Type element = getElementTypeOrSelf(side.operand.tensor);
  for (int64_t done = 0; done < side.tile * steps; done += e.blockThreads) {
    Value number = em.add(e.thread, done);
    Value fast = em.i64(side.operand.isDeep ? steps : side.tile);
    Value position = side.operand.isDeep ? em.div(number, fast) : em.rem(number, fast);
    Value k = side.operand.isDeep ? em.rem(number, fast) : em.div(number, fast);
    Value globalPosition = em.add(first, position), globalDepth = em.add(start, k);
    auto load = [&]() -> Value {
      Value loaded =
          e.element(side.operand.tensor,
                    side.operand.index(outer, e.uniform(globalPosition), e.uniform(globalDepth)));
      bool isUnsigned = element.isUnsignedInteger();
      return loaded.getType() == sumType ? loaded : em.convert(loaded, sumType, isUnsigned);
    };
    Value value;
    if (side.isWhole) {
      value = load();
    } else {
      Value isInside =
          em.create<arith::AndIOp>(em.less(globalPosition, side.size), em.less(globalDepth, depth));
      Value zero = em.create<arith::ConstantOp>(em.getZeroAttr(sumType));
      value = e.guarded(isInside, load, zero);
    }
    Value slot = em.add(em.mul(k, line), position);
    em.store(value, em.offsetPointer(side.shared, sumType, slot));
  }
}

/// What a thread needs of line `k`: a number for each of its rows, or columns.
Value FmaEmitter::read(const Side &side, Value k, Value number) {
  int64_t line = side.tile + padding(sumType);
  Value slot = em.add(em.mul(k, line), em.mul(number, side.perThread));
  Value pointer = em.offsetPointer(side.shared, sumType, slot);
  auto type = VectorType::get({side.perThread}, sumType);
  int64_t bytes = side.perThread * sumType.getIntOrFloatBitWidth() / 8;
  return em.create<LLVM::LoadOp>(type, pointer, std::min<int64_t>(bytes, 16));
}

SmallVector<Value> FmaEmitter::sumTile(Value outer, Value row, Value column) {
  auto vector = VectorType::get({columnSide.perThread}, sumType);
  Value zero = em.create<arith::ConstantOp>(em.getZeroAttr(vector));
  SmallVector<Value> init(rowSide.perThread, zero);
  auto multiply = [&](Value k, ValueRange sums) {
    Value a = read(rowSide, k, threadRow), b = read(columnSide, k, threadColumn);
    SmallVector<Value> next;
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value scalar = em.create<vector::ExtractOp>(a, static_cast<int64_t>(i));
      next.push_back(em.multiplyAdd(em.create<vector::BroadcastOp>(vector, scalar), b, sum));
    }
    return next;
  };
  return em.loop(em.i64(0), depth, em.i64(schedule.getDepth()), init,
                 [&](Value start, ValueRange sums) {
                   e.withLanes(1, nullptr, [&] {
                     bring(rowSide, outer, row, start);
                     bring(columnSide, outer, column, start);
                   });
                   e.barrier();
                   SmallVector<Value> next =
                       em.loop(em.i64(0), em.i64(schedule.getDepth()), em.i64(1), sums, multiply);
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
  int64_t line = schedule.getTileRows() + schedule.getTileColumns() + 2 * padding(sum);
  return schedule.getDepth() * line * sum.getIntOrFloatBitWidth() / 8;
}

void emitContractionKernel(KernelEmitter &emitter, Operation *root,
                           ContractionScheduleAttr schedule) {
  FmaEmitter(emitter, root, schedule).emit();
}

} // namespace tenon::cuda
