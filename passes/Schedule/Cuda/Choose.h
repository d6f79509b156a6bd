// The cost model of GPUs: from sizes and the numbers of an architecture to schedules. Nothing of it
// has been measured; docs/gpu.md says what each choice rests on.
#ifndef TENON_PASSES_SCHEDULE_CUDA_CHOOSE_H
#define TENON_PASSES_SCHEDULE_CUDA_CHOOSE_H

#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Tenon/TenonDialect.h"
#include <string>

namespace tenon::cuda {

/// For a kernel without a root, or what is done element by element of one that has one.
RowsScheduleAttr chooseRows(TargetAttr target, KernelOp kernel);

/// How many blocks a kernel of rows is worth, as expressions of which the least counts: as many as
/// the device holds a few times, unless there is less to do.
DimExprs chooseRowBlocks(TargetAttr target, KernelOp kernel);

/// For a `tenon.matmul` or `tenon.conv`: tiles for matrix units if these multiply such elements, or
/// for FMAs, and a block for each of its tiles; or what few rows are computed by.
ScheduleAttrInterface chooseContraction(TargetAttr target, mlir::Operation *op);
DimExprs chooseContractionBlocks(TargetAttr target, mlir::Operation *op);

/// For a product of few rows; null if it has too many, or if its columns are not read as they lie.
GemvScheduleAttr chooseGemv(TargetAttr target, mlir::Operation *op);
/// Whether a product reads weights that are quantized in blocks as they are: it has few rows.
bool readsCodes(mlir::OpOperand &weights);
/// Whether so many neighbouring codes are whole bytes of one block.
bool areWholeCodes(DequantizeBlocksOp op, int64_t lanes);

/// Into how many parts the depth of a product of known sizes is better cut, so that all
/// multiprocessors have some of it; 1 if it stays whole.
int64_t chooseParts(TargetAttr target, MatMulOp op);

/// The best tiles for matrix units, and the cycles that they are thought to take; null if these do
/// not multiply the op's elements.
std::pair<TileScheduleAttr, double> rateTiles(TargetAttr target, mlir::Operation *op);
inline TileScheduleAttr chooseTiles(TargetAttr target, mlir::Operation *op) {
  return rateTiles(target, op).first;
}

/// The same for warps with different roles; null if there is nothing that multiplies for a
/// warpgroup, or if the copy engine cannot bring the op's operands.
std::pair<PipelineScheduleAttr, double> ratePipeline(TargetAttr target, mlir::Operation *op);

/// The best of either kind for weights of which two in four are left out; null if not so many are
/// zero, or if matrix units do not multiply them so.
std::pair<TileScheduleAttr, double> rateSparseTiles(TargetAttr target, mlir::Operation *op);
std::pair<PipelineScheduleAttr, double> rateSparsePipeline(TargetAttr target, mlir::Operation *op);

/// The better of a product's schedules for matrix units, and its cycles; null if there is none.
struct RatedSchedule {
  ScheduleAttrInterface schedule;
  double cycles = 0;
};
RatedSchedule rateDense(TargetAttr target, mlir::Operation *op);
RatedSchedule rateSparse(TargetAttr target, mlir::Operation *op);
/// The instruction of matrix units that a schedule names; null if there is none.
MmaAttr getInstruction(ScheduleAttrInterface schedule);
/// Whether it is worth it to leave out half of the weights, where that is so many times as fast.
bool isWorthLeavingOut(double gain);

/// Whether the weights of a product, if two of each four neighbours in depth are zero, can be
/// multiplied without these.
bool canLeaveOutHalf(mlir::Operation *op);
/// Whether so many are known to be zero, too.
bool isTwoOfFour(mlir::Operation *op);
/// Whether a schedule leaves them out.
bool leavesOutHalf(ScheduleAttrInterface schedule);
/// What a schedule makes of zeros in the weights of its root, in a few words;
/// empty if few are known.
std::string describeZeros(TargetAttr target, mlir::Operation *op, ScheduleAttrInterface schedule);

/// Why tiles are not those of warps with different roles, where the target has instructions for
/// these, in a few words; empty for other schedules.
std::string describeObstacle(TargetAttr target, mlir::Operation *op,
                             ScheduleAttrInterface schedule);

/// Into how many parts the keys of attention are better taken, each by blocks of its own; 1 if all
/// multiprocessors have work anyway.
int64_t chooseKeyParts(TargetAttr target, AttentionOp op);

/// What another kernel costs beside its bytes, in cycles.
inline constexpr double kLaunchCycles = 3000;

/// For a `tenon.attention`: tiles for matrix units (AttentionTiles.h) or for FMAs; and a block for
/// each of its tiles.
ScheduleAttrInterface chooseAttention(TargetAttr target, AttentionOp op);
DimExprs chooseAttentionBlocks(TargetAttr target, AttentionOp op);

/// What launches and transfers take, for whoever chooses a device (DeviceCosts.h).
void registerCosts(mlir::DialectRegistry &registry);

/// Blocks that all find work, `most` at most, or as many as the device holds a few times.
DimExprs limitBlocks(mlir::AffineExpr blocks, int64_t most);
DimExprs limitBlocks(TargetAttr target, mlir::AffineExpr blocks);

} // namespace tenon::cuda

#endif
