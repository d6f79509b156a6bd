// Chooses where to transform filters, and how such a convolution is computed (docs/cpu-codegen.md).

#include "passes/Schedule/Cpu/Choose.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cpu {

/// What multiplies transformed numbers: for bytes, pairs of 16 bits.
static MmaAttr chooseWinogradMma(TargetAttr target, const ContractionSizes &sizes) {
  MLIRContext *context = target.getContext();
  if (!isa_and_present<IntegerType>(sizes.inputType))
    return MmaAttr::get(context, MmaInstruction::Fma);
  Type transformed = IntegerType::get(context, 16);
  return chooseMma(target, transformed, transformed, ProductSize::ManyRows);
}

int64_t chooseWinogradTile(TargetAttr target, const ContractionSizes &sizes) {
  constexpr int64_t outputTile = 2, points = 16, outputs = 4;
  MmaAttr mma = chooseWinogradMma(target, sizes);
  if (isa_and_present<IntegerType>(sizes.inputType) &&
      mma.getInstruction() != MmaInstruction::PairProducts)
    return 0;
  if (sizes.accumulatorBits != 32 || sizes.inChannels < 16 || sizes.outChannels < 16)
    return 0;
  // Tiles multiply more in a cycle than is saved.
  MmaAttr directMma = chooseContraction(target, sizes).getMma();
  bool hasParts = directMma.getProducts() > 1;
  if (directMma.hasTiles() && !hasParts)
    return 0;
  double gain = hasParts ? predictBFloatGain(target, sizes, directMma) : directMma.getInterleave();
  // Vector operations per channel vector of one tile, counted in the emitted code.
  constexpr int64_t inputTransform = 90, outputTransform = 60;
  int64_t lanes = target.getLanes(32);
  int64_t interleave = mma.getInterleave();
  int64_t products = points * sizes.inChannels * sizes.outChannels / (lanes * interleave);
  int64_t transforms = inputTransform * sizes.inChannels / (lanes * interleave) +
                       outputTransform * sizes.outChannels / lanes;
  int64_t direct = 9 * outputs * sizes.inChannels * sizes.outChannels / lanes / gain;
  int64_t needed = products + transforms;
  if (sizes.lines > 0 && sizes.rows > 0 && sizes.batch > 0) {
    int64_t tiles = sizes.batch * llvm::divideCeil(sizes.lines, outputTile) *
                    llvm::divideCeil(sizes.rows, outputTile);
    // Edge tiles compute outputs that do not exist.
    needed = needed * tiles * outputs / (sizes.batch * sizes.lines * sizes.rows);
    // Few tiles reuse the weights, of which there are more, too rarely.
    int64_t weightBytes = points * sizes.inChannels * sizes.outChannels * 4 / interleave;
    if (weightBytes > 4 * target.getL2Bytes() &&
        tiles < 2 * target.getVectorRegisters() / interleave)
      return 0;
  }
  return needed * 5 < direct * 4 ? outputTile : 0;
}

WinogradScheduleAttr chooseWinograd(TargetAttr target, int64_t outputTile,
                                    const ContractionSizes &sizes) {
  MmaAttr mma = chooseWinogradMma(target, sizes);
  ContractionSizes product;
  product.rows = -1;
  product.inChannels = sizes.inChannels;
  product.outChannels = sizes.outChannels;
  // Rows of transformed input lie well apart.
  product.inputRowStride = 0;
  ContractionScheduleAttr tile = chooseContraction(target, product);
  // Transforms work on whole registers.
  int64_t lanes = target.getLanes(32);
  int64_t tileVectors = tile.getLanes() == lanes ? tile.getTileVectors()
                                                 : std::max<int64_t>(1, tile.getTileVectors() / 2);
  int64_t tileRows = target.getVectorRegisters() * 3 / 4 / tileVectors;
  int64_t points = (outputTile + 2) * (outputTile + 2);
  int64_t channels = sizes.inChannels > 0 ? sizes.inChannels : 256;
  int64_t rowBytes = points * (channels / mma.getInterleave() + tileVectors * lanes) * 4;
  int64_t blockTiles = std::clamp<int64_t>(target.getL2Bytes() / 2 / (rowBytes * tileRows), 1, 8);
  // A trip of the microkernel's loop reads as many lines of weights as it has vectors and channels;
  // the units of a block share the prefetching of that many.
  int64_t prefetchLines = 0;
  if (points * channels * sizes.outChannels * 4 / mma.getInterleave() > target.getL2Bytes() / 2)
    prefetchLines = llvm::divideCeil(tile.getUnrollK() * tileVectors, blockTiles);
  return WinogradScheduleAttr::get(target.getContext(), lanes, outputTile, tileRows, tileVectors,
                                   tile.getUnrollK(), blockTiles, prefetchLines, mma);
}

} // namespace tenon::cpu
