// Chooses how elements are computed one by one, and rows reduced.
//
// A thread that only computes where it reads takes four elements at a time: 16 bytes of f32, which
// is what one instruction loads. Where ops move elements, vectors fall apart into single loads, and
// neighbouring threads read neighbouring elements anyway. What a thread computes with at one time
// is in registers: long chains of ops take fewer elements.
//
// A row that is reduced along its last dimension is read in order only if threads share it. A warp
// exchanges values without a barrier, and suits rows of any length from a few elements on; a block
// shares a row where rows are long and too few to give each multiprocessor some warps.

#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/Registers.h"

using namespace mlir;

namespace tenon::cuda {

static constexpr int64_t kThreads = 256;
/// Rows shorter than this are one thread's: most of a warp would wait.
static constexpr int64_t kShortRow = 8;
/// From this length on a block may share a row.
static constexpr int64_t kLongRow = 1024;
/// With more registers than this a thread takes fewer elements: a multiprocessor would hold less
/// than a third of the threads that it has place for.
static constexpr int64_t kManyRegisters = 96;
/// Blocks per multiprocessor beside those that it holds: enough to even out their ends.
static constexpr int64_t kWaves = 4;

/// The op whose operand's rows the kernel reduces; null if there is none.
static ReduceOp findReduction(KernelOp kernel) {
  auto reductions = kernel.getOps<ReduceOp>();
  return reductions.empty() ? ReduceOp() : *reductions.begin();
}

static bool reducesLast(ReduceOp reduce) {
  int64_t last = getDims(reduce.getOperand().getType()).size() - 1;
  return llvm::is_contained(reduce.getAxes(), last);
}

/// Rows of the operand, those of several dimensions one after the other.
static AffineExpr countRows(ReduceOp reduce) {
  DimExprs rows;
  for (auto [dim, size] : llvm::enumerate(getDims(reduce.getOperand().getType())))
    if (!llvm::is_contained(reduce.getAxes(), static_cast<int64_t>(dim)))
      rows.push_back(size);
  return product(rows, reduce.getContext());
}

static int64_t chooseTeam(TargetAttr target, ReduceOp reduce) {
  if (!reduce || !reducesLast(reduce))
    return 1;
  int64_t length = getConstantOr(getDims(reduce.getOperand().getType()).back(), kLongRow - 1);
  if (length < kShortRow)
    return 1;
  int64_t warps = target.getMultiprocessors() * target.getThreads() / TargetAttr::warpSize;
  bool areFew = getConstantOr(countRows(reduce), warps) < warps / 8;
  return length >= kLongRow && areFew ? kThreads : TargetAttr::warpSize;
}

/// Whether every op reads where it computes.
static bool isPointwise(KernelOp kernel) {
  return llvm::all_of(kernel.getEntryBlock().without_terminator(), [](Operation &op) {
    return isa<PointwiseOpInterface, ReduceOp, BroadcastOp, ConstantOp>(op);
  });
}

static int64_t chooseLanes(KernelOp kernel, ReduceOp reduce, int64_t team) {
  if (!isPointwise(kernel))
    return 1;
  // Every member has something to do.
  int64_t lanes = 4;
  if (reduce && team > 1) {
    int64_t length = getConstantOr(getDims(reduce.getOperand().getType()).back(), 0);
    while (lanes > 1 && lanes * team > length)
      lanes /= 2;
  }
  while (lanes > 1 && countRowsRegisters(kernel, lanes) > kManyRegisters)
    lanes /= 2;
  return lanes;
}

RowsScheduleAttr chooseRows(TargetAttr target, KernelOp kernel) {
  ReduceOp reduce = findReduction(kernel);
  int64_t team = chooseTeam(target, reduce);
  return RowsScheduleAttr::get(target.getContext(), chooseLanes(kernel, reduce, team), kThreads,
                               team);
}

/// Threads that find work.
static AffineExpr countThreads(TargetAttr target, KernelOp kernel) {
  RowsScheduleAttr schedule = chooseRows(target, kernel);
  if (ReduceOp reduce = findReduction(kernel))
    return countRows(reduce) * schedule.getTeam();
  AffineExpr most = getAffineConstantExpr(0, kernel.getContext());
  for (Type type : kernel.getResultTypes())
    most = most + product(getDims(type), kernel.getContext());
  return most.ceilDiv(schedule.getLanes());
}

DimExprs limitBlocks(AffineExpr blocks, int64_t most) {
  if (auto constant = dyn_cast<AffineConstantExpr>(blocks)) {
    int64_t count = std::clamp<int64_t>(constant.getValue(), 1, most);
    return {getAffineConstantExpr(count, blocks.getContext())};
  }
  return {getAffineConstantExpr(most, blocks.getContext()), blocks};
}

DimExprs limitBlocks(TargetAttr target, AffineExpr blocks) {
  return limitBlocks(blocks,
                     target.getMultiprocessors() * (target.getThreads() / kThreads) * kWaves);
}

DimExprs chooseRowBlocks(TargetAttr target, KernelOp kernel) {
  return limitBlocks(target, countThreads(target, kernel).ceilDiv(kThreads));
}

} // namespace tenon::cuda
