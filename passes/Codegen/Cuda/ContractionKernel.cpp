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
// A convolution is a product whose rows are positions of the output and whose depth is taps and
// channels: an operand's element is found through its index (implicit GEMM), so that nothing is
// copied, and slices, gathers and conversions of operands in the kernel are index arithmetic and
// arithmetic as everywhere. The index of a row does not change along the depth, and leaves the
// loop.
//
// In shared memory both parts of a tile lie by depth: [depth][rows], [depth][columns]. A thread's
// rows and columns are neighbours there and read at once; lines are 16 bytes longer than the tile,
// so that elements that threads store one below another are in different banks.
//
// Every sum is taken in the order of the depth, by one thread: results do not depend on the number
// of blocks.

#include "passes/Codegen/Cuda/ContractionKernel.h"
#include "passes/Schedule/Cuda/Sizes.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

/// One of the operands of a product: `size` rows or columns by the depth.
struct Side {
  Value tensor;
  /// Of the tile, and what each thread has of it.
  int64_t tile, perThread;
  Value size;
  /// Tiles do not reach beyond the operand.
  bool isWhole;
  /// Neighbours in memory are neighbours in depth, and not rows or columns.
  bool isDeep;
  /// The index of the element at (position, depth).
  std::function<SmallVector<LaneIndex>(Value position, Value depth)> index;
  /// Where the block has its part of a tile.
  Value shared;
};

class ContractionEmitter {
public:
  ContractionEmitter(KernelEmitter &e, Operation *root, ContractionScheduleAttr schedule);

  void emit();

private:
  void emitTile(Value outer, Value row, Value column);
  SmallVector<Value> sumTile(const Side &rows, const Side &columns, Value row, Value column);
  void bring(const Side &side, Value first, Value depth);
  Value read(const Side &side, Value k, Value number);
  void finish(ValueRange sums, Value outer, Value row, Value column);
  void store(Value sum, int64_t lanes, Value outer, Value row, Value column);
  Side makeRows(Value outer);
  Side makeColumns(Value outer);
  SmallVector<LaneIndex> matmulIndex(Value operand, Value outer, Value first, Value second);
  SmallVector<LaneIndex> inputIndex(ConvOp op, Value group, Value row, Value depth);
  bool isMultiple(AffineExpr size, int64_t tile) const {
    int64_t known = getConstantOr(size, 0);
    return known > 0 && known % tile == 0;
  }
  LaneIndex at(Value value) { return e.uniform(value); }

  KernelEmitter &e;
  Emitter &em;
  Operation *root;
  ContractionScheduleAttr schedule;
  ContractionSizes sizes;
  Type sumType;
  AffineExpr rowCount, depthCount;
  Value rows, columns, depth;
  Value sharedRows, sharedColumns;
  /// Of this thread in the tile, counted in what each thread has.
  Value threadRow, threadColumn;
};

} // namespace

/// Elements that a line in shared memory is longer than the tile.
static int64_t padding(Type element) { return 16 / (element.getIntOrFloatBitWidth() / 8); }

ContractionEmitter::ContractionEmitter(KernelEmitter &e, Operation *root,
                                       ContractionScheduleAttr schedule)
    : e(e), em(e.em), root(root), schedule(schedule), sizes(getContractionSizes(root)),
      sumType(getAccumulatorType(getElementTypeOrSelf(root->getOperand(0)))) {
  MLIRContext *context = root->getContext();
  rowCount = product(sizes.rows, context);
  depthCount = product(sizes.depth, context);
  rows = e.value(rowCount);
  columns = e.value(sizes.columns);
  depth = e.value(depthCount);
  auto lines = [&](int64_t tile) { return schedule.getDepth() * (tile + padding(sumType)); };
  sharedRows = e.sharedArray(sumType, lines(schedule.getTileRows()));
  sharedColumns = e.sharedArray(sumType, lines(schedule.getTileColumns()));
  Value across = em.i64(schedule.getTileColumns() / schedule.getThreadColumns());
  threadRow = em.div(e.thread, across);
  threadColumn = em.rem(e.thread, across);
}

//===-- Operands --===//

// The batch dimensions of an operand, aligned at the last, of which some repeat; then its own two.
SmallVector<LaneIndex> ContractionEmitter::matmulIndex(Value operand, Value outer, Value first,
                                                       Value second) {
  DimExprs own = getDims(operand.getType());
  size_t count = own.size() - 2, skipped = sizes.outer.size() - count;
  SmallVector<LaneIndex> batch = e.delinearize(at(outer), sizes.outer), index;
  for (size_t i = 0; i < count; ++i) {
    bool repeats = getConstantOr(own[i], 0) == 1 && sizes.outer[skipped + i] != own[i];
    index.push_back(repeats ? e.index(0) : batch[skipped + i]);
  }
  index.append({at(first), at(second)});
  return index;
}

SmallVector<LaneIndex> ContractionEmitter::inputIndex(ConvOp op, Value group, Value row,
                                                      Value depth) {
  SmallVector<LaneIndex> position = e.delinearize(at(row), sizes.rows);
  SmallVector<LaneIndex> tap = e.delinearize(at(depth), sizes.depth);
  SmallVector<LaneIndex> index = {position[0]};
  for (unsigned d = 0; d < op.getSpatialRank(); ++d)
    index.push_back(e.add(e.mul(position[d + 1], em.i64(op.getStrides()[d])),
                          e.mul(tap[d], em.i64(op.getDilations()[d]))));
  index.push_back(e.add(at(em.mul(group, e.value(sizes.depth.back()))), tap.back()));
  return index;
}

Side ContractionEmitter::makeRows(Value outer) {
  Side side = {.tensor = root->getOperand(0),
               .tile = schedule.getTileRows(),
               .perThread = schedule.getThreadRows(),
               .size = rows,
               .isWhole = isMultiple(rowCount, schedule.getTileRows()) &&
                          isMultiple(depthCount, schedule.getDepth()),
               .isDeep = true,
               .index = nullptr,
               .shared = sharedRows};
  if (auto conv = dyn_cast<ConvOp>(root))
    side.index = [=, this](Value row, Value k) mutable { return inputIndex(conv, outer, row, k); };
  else
    side.index = [=, this](Value row, Value k) {
      return matmulIndex(root->getOperand(0), outer, row, k);
    };
  return side;
}

Side ContractionEmitter::makeColumns(Value outer) {
  auto matmul = dyn_cast<MatMulOp>(root);
  bool isTransposed = matmul && matmul.getTransposeRhs();
  Side side = {.tensor = root->getOperand(1),
               .tile = schedule.getTileColumns(),
               .perThread = schedule.getThreadColumns(),
               .size = columns,
               .isWhole = isMultiple(sizes.columns, schedule.getTileColumns()) &&
                          isMultiple(depthCount, schedule.getDepth()),
               .isDeep = isTransposed,
               .index = nullptr,
               .shared = sharedColumns};
  if (matmul)
    side.index = [=, this](Value column, Value k) {
      return isTransposed ? matmulIndex(root->getOperand(1), outer, column, k)
                          : matmulIndex(root->getOperand(1), outer, k, column);
    };
  else
    side.index = [=, this](Value column, Value k) {
      SmallVector<LaneIndex> index = e.delinearize(at(k), sizes.depth);
      index.push_back(at(em.add(em.mul(outer, columns), column)));
      return index;
    };
  return side;
}

//===-- Sums --===//

/// Elements of the operand from position `first` and `depth` on go to shared memory, each thread
/// its share; neighbouring threads take neighbours in memory.
void ContractionEmitter::bring(const Side &side, Value first, Value start) {
  int64_t line = side.tile + padding(sumType), steps = schedule.getDepth();
  Type element = getElementTypeOrSelf(side.tensor);
  for (int64_t done = 0; done < side.tile * steps; done += e.blockThreads) {
    Value number = em.add(e.thread, done);
    Value fast = em.i64(side.isDeep ? steps : side.tile);
    Value position = side.isDeep ? em.div(number, fast) : em.rem(number, fast);
    Value k = side.isDeep ? em.rem(number, fast) : em.div(number, fast);
    Value globalPosition = em.add(first, position), globalDepth = em.add(start, k);
    auto load = [&]() -> Value {
      Value loaded = e.element(side.tensor, side.index(globalPosition, globalDepth));
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
Value ContractionEmitter::read(const Side &side, Value k, Value number) {
  int64_t line = side.tile + padding(sumType);
  Value slot = em.add(em.mul(k, line), em.mul(number, side.perThread));
  Value pointer = em.offsetPointer(side.shared, sumType, slot);
  auto type = VectorType::get({side.perThread}, sumType);
  int64_t bytes = side.perThread * sumType.getIntOrFloatBitWidth() / 8;
  return em.create<LLVM::LoadOp>(type, pointer, std::min<int64_t>(bytes, 16));
}

SmallVector<Value> ContractionEmitter::sumTile(const Side &rowSide, const Side &columnSide,
                                               Value row, Value column) {
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
                     bring(rowSide, row, start);
                     bring(columnSide, column, start);
                   });
                   e.barrier();
                   SmallVector<Value> next =
                       em.loop(em.i64(0), em.i64(schedule.getDepth()), em.i64(1), sums, multiply);
                   e.barrier();
                   return next;
                 });
}

//===-- Results --===//

/// Emits what follows `lanes` neighbouring sums in the kernel.
void ContractionEmitter::store(Value sum, int64_t lanes, Value outer, Value row, Value column) {
  SmallVector<LaneIndex> index;
  if (isa<ConvOp>(root)) {
    index = e.delinearize(at(row), sizes.rows);
    column = em.add(em.mul(outer, columns), column);
  } else {
    index = e.delinearize(at(outer), sizes.outer);
    index.push_back(at(row));
  }
  index.push_back({column, lanes > 1, false, lanes});
  e.withLanes(lanes, nullptr, [&] { e.storeComputed(root->getResult(0), sum, index); });
}

void ContractionEmitter::finish(ValueRange sums, Value outer, Value row, Value column) {
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
      em.ifThen(isInside, [&] { store(part, lanes, outer, own, at); });
    }
  }
}

void ContractionEmitter::emitTile(Value outer, Value row, Value column) {
  SmallVector<Value> sums = sumTile(makeRows(outer), makeColumns(outer), row, column);
  finish(sums, outer, row, column);
}

// Neighbouring tiles share rows, whose part of the input then stays in the second cache.
void ContractionEmitter::emit() {
  Value across = em.ceilDiv(columns, em.i64(schedule.getTileColumns()));
  Value down = em.ceilDiv(rows, em.i64(schedule.getTileRows()));
  Value perProduct = em.mul(across, down);
  Value outers = e.value(product(sizes.outer, root->getContext()));
  em.loop(e.block, em.mul(outers, perProduct), e.blocks, [&](Value tile) {
    Value inProduct = em.rem(tile, perProduct);
    Value row = em.mul(em.div(inProduct, across), schedule.getTileRows());
    Value column = em.mul(em.rem(inProduct, across), schedule.getTileColumns());
    e.withLanes(1, nullptr, [&] { emitTile(em.div(tile, perProduct), row, column); });
  });
}

int64_t contractionSharedBytes(ContractionScheduleAttr schedule, Operation *root) {
  Type sum = getAccumulatorType(getElementTypeOrSelf(root->getOperand(0)));
  int64_t line = schedule.getTileRows() + schedule.getTileColumns() + 2 * padding(sum);
  return schedule.getDepth() * line * sum.getIntOrFloatBitWidth() / 8;
}

void emitContractionKernel(KernelEmitter &emitter, Operation *root,
                           ContractionScheduleAttr schedule) {
  ContractionEmitter(emitter, root, schedule).emit();
}

} // namespace tenon::cuda
