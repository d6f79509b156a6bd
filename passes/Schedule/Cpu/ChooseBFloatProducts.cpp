// Chooses where products of f32 are sums of products of bf16, which tiles multiply: by the cycles
// that both take. The rates are those of one core of a Sapphire Rapids (docs/cpu-codegen.md).

#include "passes/Schedule/Cpu/Choose.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

constexpr int64_t tileRows = MmaAttr::tileRows, tileBytes = MmaAttr::tileBytes;

/// What an instruction takes that multiplies two tiles.
constexpr double cyclesPerTile = 16;
/// Parts of the peak that are reached, memory included.
constexpr double tileEfficiency = 0.6, fmaEfficiency = 0.8;
/// To store a tile of sums to the stack and to load it again.
constexpr double cyclesPerSums = 40;
/// To split 32 channels of a position, for each part.
constexpr double cyclesPerSplit = 10;
/// Positions of products whose number only a run tells.
constexpr double assumedPositions = 64;

struct Cycles {
  double tiles, fma;
};

Cycles predict(TargetAttr target, const ContractionSizes &sizes, MmaAttr mma) {
  double positions = assumedPositions, tilesOfPositions = assumedPositions / tileRows;
  if (sizes.batch >= 0 && sizes.lines >= 0 && sizes.rows >= 0) {
    positions = double(sizes.batch) * sizes.lines * sizes.rows;
    tilesOfPositions = std::ceil(positions / tileRows);
  }
  bool merges = sizes.tapsAreNeighbours;
  int64_t channels = sizes.inChannels * (merges ? sizes.lastTaps : 1);
  int64_t channelsPerTile = tileBytes / 2;
  double steps = double(sizes.taps / (merges ? sizes.lastTaps : 1)) *
                 llvm::divideCeil(channels, channelsPerTile);
  double tilesOfSums = tilesOfPositions * llvm::divideCeil(sizes.outChannels, tileRows);
  int64_t lanes = target.getLanes(32);
  double vectors = positions * llvm::divideCeil(sizes.outChannels, lanes);
  Cycles cycles;
  cycles.tiles =
      tilesOfSums * (steps * mma.getProducts() * cyclesPerTile / tileEfficiency + cyclesPerSums) +
      positions * steps * mma.getParts() * cyclesPerSplit;
  cycles.fma = vectors * sizes.taps * sizes.inChannels / target.getFmaPorts() / fmaEfficiency;
  return cycles;
}

/// Whether code with parts can compute it, and its tiles have room in the caches.
bool isPossible(TargetAttr target, const ContractionSizes &sizes, MmaAttr mma) {
  if (!llvm::is_contained(target.getMmas(), mma) || sizes.hasCodes ||
      sizes.weightLayout != WeightLayout::Packed || sizes.inChannels <= 0 || sizes.outChannels <= 0)
    return false;
  int64_t channelBytes = 2 * mma.getParts() * sizes.inChannels;
  return channelBytes * sizes.taps * tileRows <= target.getL2Bytes() / 2;
}

} // namespace

double predictBFloatGain(TargetAttr target, const ContractionSizes &sizes, MmaAttr mma) {
  Cycles cycles = predict(target, sizes, mma);
  return cycles.fma / cycles.tiles;
}

MmaAttr chooseBFloatProducts(TargetAttr target, const ContractionSizes &sizes) {
  if (sizes.bfloatProducts == 1)
    return nullptr;
  auto mma = MmaAttr::get(target.getContext(), MmaInstruction::BFloatTiles, sizes.bfloatProducts);
  bool isFaster = isPossible(target, sizes, mma) && predictBFloatGain(target, sizes, mma) > 1;
  return isFaster ? mma : MmaAttr();
}

} // namespace tenon::cpu
