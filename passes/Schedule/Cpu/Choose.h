// The cost model of CPUs: from sizes and the numbers of a processor to schedules. What it decides
// by was measured (docs/cpu-codegen.md).
#ifndef TENON_PASSES_SCHEDULE_CPU_CHOOSE_H
#define TENON_PASSES_SCHEDULE_CPU_CHOOSE_H

#include "passes/Schedule/Cpu/Sizes.h"

namespace tenon::cpu {

ContractionScheduleAttr chooseContraction(TargetAttr target, const ContractionSizes &sizes);

/// A product inside another kernel, whose operands are near: one tile visits all weights.
struct InnerProduct {
  ContractionScheduleAttr schedule;
  /// Whether weights should be packed before the first tile; the schedule takes them so.
  bool packsWeights = false;
};
InnerProduct chooseInnerProduct(TargetAttr target, ContractionSizes sizes, bool mayPackInput);

DepthwiseScheduleAttr chooseDepthwise(TargetAttr target, const DepthwiseSizes &sizes);

/// The output tile of minimal filtering where it is faster than direct summation and as accurate;
/// 0: none. `sizes` are those of a convolution that has two dimensions, 3x3 taps, and stride,
/// dilation and group 1.
int64_t chooseWinogradTile(TargetAttr target, const ContractionSizes &sizes);
WinogradScheduleAttr chooseWinograd(TargetAttr target, int64_t outputTile,
                                    const ContractionSizes &sizes);

AttentionScheduleAttr chooseAttention(TargetAttr target, const AttentionSizes &sizes);

} // namespace tenon::cpu

#endif
