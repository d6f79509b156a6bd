// Matrix products and convolutions by warps with different roles.
//
// A ring of stages in shared memory is between them, with two barriers for each stage: `full` ends
// a phase when a step's bytes are there, `empty` when all consumers have read them.
//
//   producer, one thread:                        consumers, groups of four warps:
//     for each tile of the block's share:          for each tile of the block's share:
//       for each step of the depth:                  for each step of the depth:
//         wait for empty[stage]          (1)           wait for full[stage]              (2)
//         expect a step's bytes at full[stage]         fence; products of the step       (3)
//         have both operands brought there             wait for those of the step before
//                                                      arrive at empty[its stage]        (4)
//                                                    wait for all products               (5)
//                                                    arrive at empty[last stage]
//                                                    sums, through a part of shared memory of
//                                                    each warp's own                     (6)
//
// Both go through the same tiles and steps, so that stage and parity of a phase are counted by each
// for itself. A producer waits for the phase before the first one, which is over from the start.
//
// (1) orders what consumers have read before what is brought there next: an arrival releases, a
// wait
//     acquires, and both the products that were waited for and the copies are of one proxy.
// (2) The bytes of a step are brought by the copy engine, and counted at the barrier when they are
//     seen by who waits there. The fence of a proxy is not needed, as nobody else writes them.
// (3) Sums were last touched by instructions of the warp (the tile before), which this fence orders
//     before the products. Between products of one tile there is nobody who touches them.
// (4) The products of a step are waited for when those of the next one are under way, so that the
//     matrix units do not stand still. A warp knows of its own products only: each arrives for
//     itself.
// (5) Sums are read from here on.
// (6) Only the lanes of a warp read what it has stored: they meet before and after.
//
// Two blocks may be a cluster: their tiles are one below the other, and of the same columns, of
// which each block has half brought to both. So each asks for less of the second cache. A stage is
// overwritten by the copies of both, which is why consumers arrive at `empty` of both blocks; each
// block's `full` counts the bytes of its own rows and of both halves. Barriers are used by others
// only when all threads of the cluster have met, and no block ends before all have met again, since
// others arrive in its shared memory until then.
//
// Matrix units sum up products of floats of 8 bits with fewer digits than f32 has. The sums of each
// step begin at zero then, are waited for, and are added to the others by ordinary additions, while
// another group of consumers multiplies.
//
// Sums go through shared memory because a lane has two neighbours of each row: from there threads
// read four, and what follows is code of one loop, which needs few registers.
//
// Of weights without half of them (wgmma_sparse, PipelineOperands.h) rows of instructions are
// outputs, and columns positions. What differs:
//
// - Lanes load words that say where weights were, before the fence of (3), by ordinary loads. (2)
//   holds for these, too, and so does (1): the products that take words as operands have been
//   waited for when a warp arrives.
// - A word must stay until its products have been waited for, which is in the next step. So steps
//   are computed by twos, each with words of its own.
// - A warp has few outputs, and its group's warps write whole lines together: all of the group's
//   threads meet before and after (6).
//
// Every sum is taken in one order, which the schedule says: results do not depend on the number of
// blocks.

#include "passes/Codegen/Cuda/ContractionWgmma.h"
#include "passes/Codegen/Cuda/PipelineOperands.h"
#include "passes/Schedule/Cuda/ProductSize.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

namespace {

/// A stage of the ring, and the parity of its phase.
struct RingPlace {
  Value stage, parity;
};

/// Sums in shared memory: the place of a part among others, its size, and the threads that finish
/// it, of which this is one.
struct SumPart {
  Value number;
  int64_t rows, columns;
  Value thread;
  int64_t threads;
};

class WgmmaEmitter : ContractionEmitter {
public:
  WgmmaEmitter(KernelEmitter &e, Operation *root, PipelineScheduleAttr schedule);
  void emit();

private:
  void startBarriers();
  bool isShared() const { return schedule.getCluster() > 1; }
  RingPlace next(RingPlace place);
  DepthStep findStep(Value number);
  void produce();
  void forTiles(CarryingBody body);
  void produceTile(Value outer, Value row, Value column, RingPlace &place);
  void consume(Value group);
  SmallVector<Value> sumTile(Value groupRow, RingPlace &place);
  SmallVector<Value> sumStepAt(Value step, ValueRange carried, Value groupRow);
  SmallVector<Value> sumStep(Value step, Value stage, Value stageBefore, Value groupRow,
                             ValueRange sums);
  SmallVector<Value> addStep(Value stage, Value groupRow, ValueRange sums);
  void release(Value stage);
  void finishTile(ValueRange sums, Value group, Value outer, Value row, Value column);
  void finishTurned(ValueRange sums, Value group, Value outer, Value row, Value column);
  void finishPart(const SumPart &part, Value outer, Value row, Value column);

  PipelineScheduleAttr schedule;
  bool isTurned;
  /// Whether each step is summed up by itself.
  bool addsSteps;
  PipelineMemory memory;
  PipelineOperands operands;
  Value full, empty, sumTiles;
  /// Of channels in a tap, and of a tile in all.
  Value channelSteps, steps;
  /// Of this thread; and of its block's tiles in those of the cluster, in rows.
  Value lane, warp, clusterRow;
};

} // namespace

static constexpr int64_t kWarpsOfGroup = PipelineScheduleAttr::groupThreads / TargetAttr::warpSize;

WgmmaEmitter::WgmmaEmitter(KernelEmitter &e, Operation *root, PipelineScheduleAttr schedule)
    : ContractionEmitter(e, root), schedule(schedule), isTurned(schedule.isTurned()),
      addsSteps(hasShortSums(getMultipliedTypes(root).first)),
      memory(schedule, getElementBytes(getMultipliedTypes(root).first)),
      operands(e, root, {sizes, left, right}, schedule, memory) {
  MLIRContext *context = em.getContext();
  auto barriers = BarriersType::get(context, schedule.getStages());
  full = em.create<BarriersOp>(barriers, memory.full);
  empty = em.create<BarriersOp>(barriers, memory.empty);
  int64_t groups = schedule.getConsumers();
  auto sums = isTurned
                  ? BufferType::get(context, groups, memory.sumColumns,
                                    PipelineScheduleAttr::consumerRows, sumType, Layout::Padded)
                  : BufferType::get(context, groups * kWarpsOfGroup, kSide, memory.sumColumns,
                                    sumType, Layout::Padded);
  sumTiles = em.create<BufferOp>(sums, memory.sums);
  e.setDynamicSharedBytes(memory.bytes);
  channelSteps = em.ceilDiv(e.value(sizes.depth.back()), em.i64(schedule.getDepth()));
  DimExprs taps(ArrayRef(sizes.depth).drop_back());
  steps = em.mul(e.value(product(taps, context)), channelSteps);
  lane = em.rem(e.thread, em.i64(TargetAttr::warpSize));
  warp = em.div(e.thread, em.i64(TargetAttr::warpSize));
  clusterRow = em.i64(0);
  if (isShared()) {
    Value blocks = em.i64(schedule.getCluster());
    e.setCluster(schedule.getCluster());
    firstTile = em.div(e.block, blocks);
    tileStep = em.div(e.blocks, blocks);
    clusterRow = em.mul(em.create<ClusterRankOp>(em.getI64Type()), schedule.getTileRows());
  }
}

/// The block's tiles, by rows and columns of instructions.
void WgmmaEmitter::forTiles(CarryingBody body) {
  ContractionEmitter::forTiles(schedule.getPositions(), schedule.getOutputs(), schedule.getBand(),
                               {em.i64(0), em.i64(0)},
                               [&](Value outer, Value position, Value output, ValueRange carried) {
                                 return isTurned ? body(outer, output, position, carried)
                                                 : body(outer, position, output, carried);
                               });
}

//===-- The ring --===//

void WgmmaEmitter::startBarriers() {
  Value isFirst = em.compare(arith::CmpIPredicate::eq, e.thread, em.i64(0));
  em.ifThen(isFirst, [&] {
    em.create<StartBarriersOp>(full, 1);
    em.create<StartBarriersOp>(empty,
                               schedule.getConsumers() * kWarpsOfGroup * schedule.getCluster());
  });
  if (isShared())
    em.create<MeetClusterOp>();
  else
    e.barrier();
}

RingPlace WgmmaEmitter::next(RingPlace place) {
  Value stage = em.add(place.stage, 1);
  Value isLast = em.compare(arith::CmpIPredicate::eq, stage, em.i64(schedule.getStages()));
  Value other = em.sub(em.i64(1), place.parity);
  return {em.select(isLast, em.i64(0), stage), em.select(isLast, other, place.parity)};
}

DepthStep WgmmaEmitter::findStep(Value number) {
  DepthStep step;
  step.tap = em.div(number, channelSteps);
  step.channel = em.mul(em.rem(number, channelSteps), schedule.getDepth());
  step.taps = e.delinearize(e.uniform(step.tap), ArrayRef(sizes.depth).drop_back());
  return step;
}

//===-- The producer --===//

void WgmmaEmitter::produceTile(Value outer, Value row, Value column, RingPlace &place) {
  SmallVector<Value> last =
      em.loop(em.i64(0), steps, em.i64(1), {place.stage, place.parity},
              [&](Value number, ValueRange carried) {
                RingPlace own = {carried[0], carried[1]};
                em.create<AwaitOp>(empty, own.stage, em.sub(em.i64(1), own.parity), isShared());
                em.create<ExpectOp>(memory.stageBytes, full, own.stage);
                DepthStep step = findStep(number);
                operands.bring(outer, row, column, step, own.stage, full);
                RingPlace following = next(own);
                return SmallVector<Value>{following.stage, following.parity};
              });
  place = {last[0], last[1]};
}

void WgmmaEmitter::produce() {
  int64_t first = schedule.getConsumers() * PipelineScheduleAttr::groupThreads;
  Value isProducer = em.compare(arith::CmpIPredicate::eq, e.thread, em.i64(first));
  em.ifThen(isProducer, [&] {
    forTiles([&](Value outer, Value row, Value column, ValueRange carried) {
      RingPlace place = {carried[0], carried[1]};
      produceTile(outer, em.add(row, clusterRow), column, place);
      return SmallVector<Value>{place.stage, place.parity};
    });
  });
}

//===-- Consumers --===//

void WgmmaEmitter::release(Value stage) {
  // A lane for each block of the cluster.
  em.ifThen(em.less(lane, em.i64(schedule.getCluster())),
            [&] { em.create<ArriveOp>(empty, stage, isShared() ? lane : Value()); });
}

/// Adds a step to sums while that of the step before may be under way, and lets go of the latter's
/// stage.
SmallVector<Value> WgmmaEmitter::sumStep(Value step, Value stage, Value stageBefore, Value groupRow,
                                         ValueRange sums) {
  Value isLater = em.compare(arith::CmpIPredicate::ne, step, em.i64(0));
  SmallVector<Value> next = operands.multiply(isLater, stage, groupRow, sums);
  em.create<WaitProductsOp>(TypeRange(), 1, ValueRange());
  em.ifThen(isLater, [&] { release(stageBefore); });
  return next;
}

/// Sums up a step by itself, lets go of its stage, and adds its sums to the others.
SmallVector<Value> WgmmaEmitter::addStep(Value stage, Value groupRow, ValueRange sums) {
  Value none = em.create<LLVM::UndefOp>(sums.front().getType());
  Value never = em.create<arith::ConstantOp>(em.getBoolAttr(false));
  SmallVector<Value> products =
      operands.multiply(never, stage, groupRow, SmallVector<Value>(sums.size(), none));
  auto done = em.create<WaitProductsOp>(ValueRange(products).getTypes(), 0, products);
  release(stage);
  SmallVector<Value> next;
  for (auto [sum, product] : llvm::zip_equal(sums, done.getResults()))
    next.push_back(em.create<arith::AddFOp>(sum, product));
  return next;
}

/// A step of a tile, whose sums are carried with the ring's place and the stage of the step before.
SmallVector<Value> WgmmaEmitter::sumStepAt(Value step, ValueRange carried, Value groupRow) {
  ValueRange sums = carried.drop_back(3), ring = carried.take_back(3);
  RingPlace own = {ring[0], ring[1]};
  em.create<AwaitOp>(full, own.stage, own.parity, isShared());
  SmallVector<Value> next = addsSteps ? addStep(own.stage, groupRow, sums)
                                      : sumStep(step, own.stage, ring[2], groupRow, sums);
  RingPlace following = this->next(own);
  next.append({following.stage, following.parity, own.stage});
  return next;
}

SmallVector<Value> WgmmaEmitter::sumTile(Value groupRow, RingPlace &place) {
  auto part = VectorType::get({8}, sumType);
  // Otherwise the first products do not add to them.
  Value first = addsSteps ? Value(em.create<arith::ConstantOp>(em.getZeroAttr(part)))
                          : Value(em.create<LLVM::UndefOp>(part));
  SmallVector<Value> last(schedule.getTileColumns() / kSide, first);
  last.append({place.stage, place.parity, place.stage});
  // Words are others in every second step. The depth is known.
  int64_t unrolled = isTurned ? 2 : 1, rest = isTurned ? *constantOf(steps) % unrolled : 0;
  Value looped = em.sub(steps, em.i64(rest));
  last = em.loop(em.i64(0), looped, em.i64(unrolled), last, [&](Value step, ValueRange carried) {
    SmallVector<Value> next = llvm::to_vector(carried);
    for (int64_t i = 0; i < unrolled; ++i)
      next = sumStepAt(em.add(step, i), next, groupRow);
    return next;
  });
  if (rest)
    last = sumStepAt(looped, last, groupRow);
  place = {last[last.size() - 3], last[last.size() - 2]};
  Value lastStage = last.back();
  last.truncate(last.size() - 3);
  if (addsSteps)
    return last;
  auto done = em.create<WaitProductsOp>(ValueRange(last).getTypes(), 0, last);
  release(lastStage);
  return llvm::to_vector_of<Value>(done.getResults());
}

/// What of the sums is in shared memory, by rows and columns of the result.
void WgmmaEmitter::finishPart(const SumPart &part, Value outer, Value row, Value column) {
  // Neighbours are stored together where all or none of them are columns.
  int64_t lanes = 4;
  while (!isMultiple(sizes.columns, lanes) && lanes > 1)
    lanes /= 2;
  Value perRow = em.i64(part.columns / lanes);
  Value count = em.mul(perRow, part.rows);
  em.loop(part.thread, count, em.i64(part.threads), [&](Value number) {
    Value inRow = em.div(number, perRow), inColumn = em.mul(em.rem(number, perRow), lanes);
    Value own = em.add(row, inRow), at = em.add(column, inColumn);
    Value isInside = em.create<arith::AndIOp>(em.less(own, rows), em.less(at, columns));
    em.ifThen(isInside, [&] {
      Value sums = em.create<LoadOp>(VectorType::get({lanes}, sumType), sumTiles, part.number,
                                     inRow, inColumn);
      if (lanes == 1)
        sums = em.create<vector::ExtractOp>(sums, 0);
      finish(sums, lanes, outer, own, at);
    });
  });
}

void WgmmaEmitter::finishTile(ValueRange sums, Value group, Value outer, Value row, Value column) {
  if (isTurned)
    return finishTurned(sums, group, outer, row, column);
  Value inGroup = em.rem(warp, em.i64(kWarpsOfGroup));
  Value warpRow = em.add(row, em.mul(inGroup, kSide));
  int64_t perPart = memory.sumColumns / kSide;
  SumPart part = {warp, kSide, memory.sumColumns, lane, TargetAttr::warpSize};
  for (int64_t first = 0; first < static_cast<int64_t>(sums.size()); first += perPart) {
    em.create<MeetOp>();
    for (int64_t j = 0; j < perPart; ++j)
      em.create<StoreSumsOp>(sums[first + j], sumTiles, warp, em.i64(0), em.i64(j * kSide));
    em.create<MeetOp>();
    finishPart(part, outer, warpRow, em.add(column, first * kSide));
  }
}

/// Rows are outputs here, and columns positions. A group's warps have 64 outputs together.
void WgmmaEmitter::finishTurned(ValueRange sums, Value group, Value outer, Value row,
                                Value column) {
  Value output = em.mul(em.rem(warp, em.i64(kWarpsOfGroup)), kSide);
  Value thread = em.rem(e.thread, em.i64(PipelineScheduleAttr::groupThreads));
  int64_t perPart = memory.sumColumns / kSide;
  SumPart part = {group, memory.sumColumns, PipelineScheduleAttr::consumerRows, thread,
                  PipelineScheduleAttr::groupThreads};
  for (int64_t first = 0; first < static_cast<int64_t>(sums.size()); first += perPart) {
    em.create<MeetWarpgroupOp>(group);
    for (int64_t j = 0; j < perPart; ++j)
      em.create<StoreSumsOp>(sums[first + j], sumTiles, group, em.i64(j * kSide), output,
                             /*turned=*/true);
    em.create<MeetWarpgroupOp>(group);
    finishPart(part, outer, em.add(column, first * kSide), row);
  }
}

void WgmmaEmitter::consume(Value group) {
  Value groupRow = em.mul(group, PipelineScheduleAttr::consumerRows);
  Value first = em.add(groupRow, clusterRow);
  forTiles([&](Value outer, Value row, Value column, ValueRange carried) {
    RingPlace place = {carried[0], carried[1]};
    SmallVector<Value> sums = sumTile(groupRow, place);
    finishTile(sums, group, outer, em.add(row, first), column);
    return SmallVector<Value>{place.stage, place.parity};
  });
}

void WgmmaEmitter::emit() {
  // The registers of a multiprocessor, of which each of three groups has a third at first.
  constexpr int64_t producerRegisters = 40, consumerRegisters = 232;
  bool areMoved = schedule.getConsumers() == 2;
  e.fillFrames(); // with the registers that all threads have
  startBarriers();
  Value group = em.create<WarpgroupOp>(em.getI64Type());
  Value brings = em.compare(arith::CmpIPredicate::eq, group, em.i64(schedule.getConsumers()));
  em.ifThen(
      brings,
      [&] {
        if (areMoved)
          em.create<RegistersOp>(Change::Decrease, producerRegisters);
        produce();
      },
      [&] {
        if (areMoved)
          em.create<RegistersOp>(Change::Increase, consumerRegisters);
        consume(group);
      });
  if (isShared())
    em.create<MeetClusterOp>();
}

void emitWgmmaKernel(KernelEmitter &emitter, Operation *root, PipelineScheduleAttr schedule) {
  WgmmaEmitter(emitter, root, schedule).emit();
}

} // namespace tenon::cuda
