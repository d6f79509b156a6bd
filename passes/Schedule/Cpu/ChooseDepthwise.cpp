// Chooses how to compute a depthwise convolution (docs/cpu-codegen.md).

#include "passes/Schedule/Cpu/Choose.h"

namespace tenon::cpu {

/// What multiplies the bytes of several kernel lines at once, if that is worth putting them
/// together.
static MmaAttr chooseDepthwiseMma(TargetAttr target, const DepthwiseSizes &sizes, int64_t taps) {
  // Of an image, all taps of a tile are written out. Vectors of 16 bytes hold those of four
  // channels.
  constexpr int64_t mostTaps = 25, shortVector = 128;
  MmaAttr fma = MmaAttr::get(target.getContext(), MmaInstruction::Fma);
  MmaAttr bytes = chooseByteMma(target);
  bool isImage = sizes.kernel.size() > 1 && sizes.kernel[sizes.kernel.size() - 2] > 1;
  if (!bytes || !isImage || taps > mostTaps || target.getVectorBits() <= shortVector ||
      !sizes.inputType || !bytes.accepts(sizes.inputType, sizes.weightType))
    return fma;
  return bytes;
}

DepthwiseScheduleAttr chooseDepthwise(TargetAttr target, const DepthwiseSizes &sizes) {
  int64_t registers = target.getVectorRegisters();
  int64_t tileRows = registers / 2, tileLines = 1, taps = 1;
  for (int64_t size : sizes.kernel)
    taps *= size;
  // Half for sums, a few for the input.
  bool keepWeights = taps <= registers * 3 / 8;
  // An image that fits the second cache is near in any order; a larger one is streamed.
  bool isStreamed = sizes.imageBytes < 0 || sizes.imageBytes > target.getL2Bytes() / 2;
  if (isStreamed) {
    // Memory sets the pace: short tiles overlap with it better, tiles of two lines read most input
    // once instead of twice, and weights stay in the nearest cache.
    size_t rank = sizes.kernel.size();
    bool linesOverlap = rank > 1 && sizes.kernel[rank - 2] > sizes.stride[rank - 2];
    tileLines = linesOverlap ? 2 : 1;
    tileRows =
        linesOverlap ? std::min<int64_t>(tileRows / tileLines, 5) : std::min<int64_t>(tileRows, 8);
    keepWeights = false;
  }
  return DepthwiseScheduleAttr::get(target.getContext(), target.getLanes(sizes.accumulatorBits),
                                    tileRows, tileLines, keepWeights,
                                    /*channels_inside=*/isStreamed, /*prefetch_input=*/isStreamed,
                                    chooseDepthwiseMma(target, sizes, taps));
}

void enumerateDepthwise(TargetAttr target, const DepthwiseSizes &sizes,
                        llvm::function_ref<void(DepthwiseScheduleAttr)> take) {
  DepthwiseScheduleAttr chosen = chooseDepthwise(target, sizes);
  take(chosen);
  for (int64_t tileRows : {int64_t(1), int64_t(5), target.getVectorRegisters() / 2})
    for (int64_t tileLines : {1, 2})
      for (bool keepWeights : {false, true})
        for (bool isStreamed : {false, true})
          take(DepthwiseScheduleAttr::get(target.getContext(),
                                          target.getLanes(sizes.accumulatorBits), tileRows,
                                          tileLines, keepWeights, /*channels_inside=*/isStreamed,
                                          /*prefetch_input=*/isStreamed, chosen.getMma()));
}

} // namespace tenon::cpu
