// The cost model of CPUs: from sizes and the numbers of a processor to schedules. What it decides
// by was measured (docs/cpu-codegen.md).
#ifndef TENON_PASSES_SCHEDULE_CPU_CHOOSE_H
#define TENON_PASSES_SCHEDULE_CPU_CHOOSE_H

#include "passes/Schedule/Cpu/Sizes.h"

namespace tenon::cpu {

ContractionScheduleAttr chooseContraction(TargetAttr target, const ContractionSizes &sizes);

/// Calls `take` with schedules that a tuner may try, the chosen one first. Of packed weights panels
/// have a width that stays.
void enumerateContractions(TargetAttr target, const ContractionSizes &sizes,
                           llvm::function_ref<void(ContractionScheduleAttr)> take);

/// What sums products of f32 from products of bf16, if the sizes allow that and it takes less time
/// than multiply-adds; null otherwise.
MmaAttr chooseBFloatProducts(TargetAttr target, const ContractionSizes &sizes);
/// How many times faster than multiply-adds such an instruction should be.
double predictBFloatGain(TargetAttr target, const ContractionSizes &sizes, MmaAttr mma);

/// Blocks of weights that code for such sizes can skip where they are zero.
llvm::SmallVector<WeightBlock> listSkippableBlocks(TargetAttr target,
                                                   const ContractionSizes &sizes);

/// What of zeros a schedule may skip in place of one that skips none.
llvm::SmallVector<SkipAttr> listSkips(TargetAttr target, const ContractionSizes &sizes,
                                      ContractionScheduleAttr dense);
/// Output positions of a tile of a schedule that skips zeros in columns.
int64_t chooseColumnPositions(TargetAttr target, const ContractionSizes &sizes);
/// Output channels of the blocks that schedules skip.
inline constexpr int64_t blockWidth = 16;

/// How much faster a schedule that skips zeros should be than one that does not, and whether that
/// is enough.
double predictSparseGain(TargetAttr target, const ContractionSizes &sizes,
                         ContractionScheduleAttr dense, ContractionScheduleAttr sparse);
bool isWorthSkipping(double gain);
/// What part of the weights is zero, and what a schedule gains by it: "80% zeros: columns, 3.1 x";
/// empty if it is not known.
std::string describeZeros(TargetAttr target, ContractionSizes sizes,
                          ContractionScheduleAttr schedule);

/// Whether an instruction that multiplies bytes can take codes of so many bits for bytes without a
/// sign, and multiply these by bytes with one.
bool multipliesCodes(MmaAttr mma, int64_t bits);

/// A product inside another kernel, whose operands are near: one tile visits all weights.
struct InnerProduct {
  ContractionScheduleAttr schedule;
  /// Whether weights should be packed before the first tile; the schedule takes them so.
  bool packsWeights = false;
};
InnerProduct chooseInnerProduct(TargetAttr target, ContractionSizes sizes, bool mayPackInput);

DepthwiseScheduleAttr chooseDepthwise(TargetAttr target, const DepthwiseSizes &sizes);
void enumerateDepthwise(TargetAttr target, const DepthwiseSizes &sizes,
                        llvm::function_ref<void(DepthwiseScheduleAttr)> take);

/// The output tile of minimal filtering where it is faster than direct summation and as accurate;
/// 0: none. `sizes` are those of a convolution that has two dimensions, 3x3 taps, and stride,
/// dilation and group 1.
int64_t chooseWinogradTile(TargetAttr target, const ContractionSizes &sizes);
WinogradScheduleAttr chooseWinograd(TargetAttr target, int64_t outputTile,
                                    const ContractionSizes &sizes);

RowsScheduleAttr chooseRows(TargetAttr target);
void enumerateRows(TargetAttr target, llvm::function_ref<void(RowsScheduleAttr)> take);

/// How many tasks a kernel's work is worth, as expressions of which the least counts: each is to do
/// enough to be worth waking a thread.
DimExprs chooseTasks(KernelOp kernel);

AttentionScheduleAttr chooseAttention(TargetAttr target, const AttentionSizes &sizes);

/// What launches take, for whoever chooses a device (DeviceCosts.h).
void registerCosts(mlir::DialectRegistry &registry);

} // namespace tenon::cpu

#endif
