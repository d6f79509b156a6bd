// Chooses how to compute a contraction from its sizes and the target's numbers. Constants come from
// measurements (docs/cpu-codegen.md).
#include "passes/Schedule/Cpu/Choose.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <numeric>

namespace tenon::cpu {
namespace {

/// Fewer output channels than this fill too little of a vector.
constexpr int64_t fewColumns = 4;
/// From here on run-time weights are used often enough to pay for packing them.
constexpr int64_t rowsWorthPackingWeights = 48;
/// Output vectors per row that an input must meet to pay for packing it.
constexpr int64_t vectorsWorthPackingInput = 8;

/// Bytes of packed weights that a task may hold.
constexpr int64_t largestScratch = 1 << 20;

class Chooser {
public:
  Chooser(TargetAttr target, const ContractionSizes &sizes) : target(target), sizes(sizes) {
    if (sizes.batch >= 0 && sizes.lines >= 0 && sizes.rows >= 0)
      totalRows = sizes.batch * sizes.lines * sizes.rows;
    chooseInstruction();
    chooseLanes();
    chooseCodes();
    if (sizes.outChannels >= 0)
      vectors = llvm::divideCeil(sizes.outChannels, lanes);
    if (sizes.inChannels >= 0 && sizes.outChannels >= 0)
      weightBytes = sizes.taps * sizes.inChannels * sizes.outChannels * sizes.weightBits / 8;
  }

  void choose() {
    if (mma.hasTiles())
      return chooseTiles();
    chooseTile();
    choosePacking();
    // Only what is packed lies as such an instruction reads it.
    bool isPacked =
        roundsInput ? packInput && (packWeights || multipliesCodes) : readsPackedWeights();
    if (interleave > 1 && !isPacked) {
      takeSingleChannels();
      chooseTile();
      choosePacking();
    }
    chooseOrder();
    balanceTiles();
    chooseFewRows();
  }

  /// Reads weights without zeros, after all else has been chosen.
  void skip(SkipAttr zeros);

  /// Calls `take` with variations of what was chosen.
  void enumerate(llvm::function_ref<void(ContractionScheduleAttr)> take) const;

  ContractionScheduleAttr get() const {
    bool packed = sizes.weightLayout == WeightLayout::Packed;
    return ContractionScheduleAttr::get(
        target.getContext(), lanes, tileRows, tileVectors, tileLines, unrollK, blockTiles, packed,
        packInput, packWeights, prefetchLines, preferSplitPanels, mma,
        interleave > 1 && !skipped && sizes.tapsAreNeighbours, skipped, fewRows, rowVectors);
  }

  int64_t lanes = 0, tileRows = 1, tileVectors = 1, tileLines = 1, unrollK = 4, blockTiles = 0;
  bool packInput = false, packWeights = false;
  int64_t prefetchLines = 0;
  bool preferSplitPanels = false;
  int64_t fewRows = 0, rowVectors = 0;

private:
  void skipBlocks();
  void skipColumns();

  /// Sums may take three quarters of the registers; weights and broadcasts need the rest.
  void chooseInstruction() {
    mma = MmaAttr::get(target.getContext(), MmaInstruction::Fma);
    interleave = 1;
    sums = target.getVectorRegisters() * 3 / 4;
    MmaAttr bytes = sizes.mayRoundInput ? chooseByteMma(target) : MmaAttr();
    roundsInput = bytes && (hasManyRows() || canMultiply(bytes));
    if (roundsInput) {
      mma = bytes;
      interleave = mma.getInterleave();
      sums /= 2; // of a block and of all
    }
    if (MmaAttr parts = chooseBFloatProducts(target, sizes))
      return takeParts(parts);
    if (!sizes.inputType)
      return;
    ProductSize size = !hasManyRows()   ? ProductSize::FewRows
                       : isWorthTiles() ? ProductSize::WholeTiles
                                        : ProductSize::ManyRows;
    mma = chooseMma(target, sizes.inputType, sizes.weightType, size);
    interleave = mma.getInterleave();
  }

  /// Numbers take as many bits as all parts of them.
  void takeParts(MmaAttr parts) {
    mma = parts;
    interleave = mma.getInterleave();
    sizes.inputBits = sizes.weightBits = 16 * mma.getParts();
  }

  bool canMultiply(MmaAttr bytes) const { return cpu::multipliesCodes(bytes, sizes.weightBits); }

  /// Whether arithmetic takes longer than reading weights.
  bool hasManyRows() const { return totalRows < 0 || totalRows > target.getFewRows(); }

  /// Tiles take rows, channels and outputs by 16, 64 bytes and 16, whether they are there or not,
  /// and only weights that are packed for them.
  bool isWorthTiles() const {
    constexpr int64_t rows = MmaAttr::tileRows, bytes = MmaAttr::tileBytes;
    int64_t channelBytes = sizes.inChannels * sizes.inputBits / 8;
    int64_t lineBytes = channelBytes * (sizes.tapsAreNeighbours ? sizes.lastTaps : 1);
    return sizes.weightLayout == WeightLayout::Packed && sizes.outChannels >= rows &&
           lineBytes >= bytes / 2 && channelBytes * sizes.taps * rows <= target.getL2Bytes() / 2;
  }

  /// Two tiles of positions by two of outputs read the least; four of outputs where positions are
  /// few. Short lines share tiles, of which rows are packed one behind the other.
  void chooseTiles() {
    constexpr int64_t rows = MmaAttr::tileRows;
    bool fillOneTile = totalRows > 0 && totalRows <= rows;
    unrollK = 1;
    tileVectors = std::min<int64_t>(vectors, fillOneTile ? 4 : 2);
    tileRows = fillOneTile ? rows : 2 * rows;
    if (sizes.rows > 0 && sizes.rows < rows) {
      tileLines = std::clamp<int64_t>(tileRows / sizes.rows, 1, std::max<int64_t>(sizes.lines, 1));
      tileRows = sizes.rows;
    }
    packInput = !canReadTiles(sizes, get());
    int64_t depthBytes = sizes.taps * sizes.inChannels * sizes.inputBits / 8;
    if (depthBytes * tileRows * tileLines > target.getL2Bytes() / 2)
      tileRows = std::min(tileRows, rows), tileLines = 1, packInput = true;
    chooseOrder();
  }

  /// Whether inputs are widened before they are multiplied.
  bool widensInput() const {
    return mma.getInstruction() == MmaInstruction::PairProducts && sizes.inputBits < 16;
  }

  void takeSingleChannels() {
    sizes.inputType = nullptr;
    sizes.mayRoundInput = false;
    chooseInstruction();
    chooseCodes();
  }

  bool readsPackedWeights() const {
    return sizes.weightLayout == WeightLayout::Packed || packWeights;
  }

  /// Half a vector costs as much as a whole one, so that it never loses where half is enough; or
  /// half as much where full width takes two pipes, so that it wins where less of the last one is
  /// empty.
  void chooseLanes() {
    lanes = target.getLanes(sizes.accumulatorBits);
    if (mma.hasTiles())
      return;
    if (sizes.outChannels <= 0 || sizes.weightLayout == WeightLayout::Transposed)
      return;
    bool halfIsCheaper = target.getFmaPorts() == 1 && lanes > 4;
    if (halfIsCheaper && sizes.outChannels < 4 * lanes &&
        llvm::alignTo(sizes.outChannels, lanes / 2) < llvm::alignTo(sizes.outChannels, lanes))
      lanes /= 2;
    while (lanes > 4 && sizes.outChannels <= lanes / 2)
      lanes /= 2;
  }

  /// Decoding takes as long as some rows, so that few multiply codes as they are: two sums each, of
  /// a block and of all.
  void chooseCodes() {
    bool mayMultiply = sizes.hasCodes && (!roundsInput || canMultiply(mma));
    multipliesCodes =
        mayMultiply && totalRows > 0 && totalRows <= ContractionScheduleAttr::mostFewRows;
    if (multipliesCodes && !roundsInput)
      sums /= 2;
  }

  void chooseTile() {
    tileVectors = 2;
    if (vectors == 1)
      tileVectors = 1;
    else if (vectors > 0 && target.getSeparateLoads())
      tileVectors = countVectorsOfLeastLoads();
    else if (vectors > 0 && vectors % 3 == 0 && target.getVectorRegisters() >= 32)
      tileVectors = 3;
    // Few rows: more vectors side by side, or additions wait for one another.
    if (totalRows > 0 && totalRows <= target.getFewRows()) {
      int64_t most = multipliesCodes ? countCodeVectors(totalRows) : totalRows == 1 ? 8 : 6;
      tileVectors = std::min(sums / totalRows, most);
      if (vectors > 0)
        tileVectors = std::min(tileVectors, vectors);
    }
    tileVectors = std::max<int64_t>(tileVectors, 1);
    fillRegisters();
  }

  /// Where nothing but its loads brings codes, one row has eight sums, more than a multiply-add
  /// takes cycles, if there are panels for eight tasks and few of their vectors are padding.
  int64_t countCodeVectors(int64_t rows) const {
    constexpr int64_t few = 4, most = 8, panels = 8, paddingShare = 16;
    if (rows > 1 || !target.getReadsAhead() || vectors < most * panels)
      return few;
    for (int64_t count = most; count > few; --count)
      if (llvm::alignTo(vectors, count) - vectors <= vectors / paddingShare)
        return count;
    return few;
  }

  /// A step loads a vector for each of the tile and an element for each row: 8 x 3 products take 11
  /// loads, 12 x 2 take 14. Vectors that are padding are worse. Weights for rows that are
  /// multiplied at once take as many registers, and inputs one.
  int64_t countVectorsOfLeastLoads() const {
    int64_t most = (target.getVectorRegisters() - sums - 1) / mma.getRows();
    int64_t best = 2, bestPadded = llvm::alignTo(vectors, best);
    for (int64_t count = best + 1; count <= std::min<int64_t>(most, 4); ++count) {
      int64_t padded = llvm::alignTo(vectors, count);
      if (padded <= bestPadded)
        best = count, bestPadded = padded;
    }
    return best;
  }

  /// As many rows as there are registers for their sums.
  void fillRegisters() {
    tileRows = std::max<int64_t>(1, sums / tileVectors);
    if (sizes.rows <= 0)
      return;
    // Short lines: several of them in one tile.
    if (sizes.lines > 1)
      tileLines = std::clamp<int64_t>(tileRows / sizes.rows, 1, sizes.lines);
    tileRows = std::min(tileRows, sizes.rows);
  }

  void choosePacking() {
    if (sizes.weightLayout == WeightLayout::Transposed) {
      bool hasFewColumns = sizes.outChannels > 0 && sizes.outChannels <= fewColumns;
      packWeights = !hasFewColumns && hasManyRows();
      if (!packWeights) {
        tileVectors = tileLines = 1;
        tileRows = hasFewColumns ? sums / 2 / sizes.outChannels : 1;
        return;
      }
    }
    if (sizes.weightLayout == WeightLayout::RowMajor)
      packWeights = totalRows < 0 || totalRows >= rowsWorthPackingWeights ||
                    (interleave > 1 && hasManyRows());
    if (sizes.hasCodes) {
      packWeights = !multipliesCodes;
      packInput = multipliesCodes;
    }
    if (multipliesCodes)
      return;
    bool hasManyVectors = vectors < 0 || vectors >= vectorsWorthPackingInput;
    packInput = roundsInput || (mayPackInput() && hasManyRows() &&
                                (widensInput() || (hasManyVectors && rowsCollide())));
    limitScratch();
  }

  /// Packing copies whole interleaved channels. It copies what several taps read once for each of
  /// them, which costs less than to widen it as often as it is multiplied.
  bool mayPackInput() const {
    return (sizes.taps == 1 || widensInput()) &&
           (interleave == 1 || (sizes.inChannels > 0 && sizes.inChannels % interleave == 0));
  }

  int64_t getStepBytes() const {
    return mma.getStepBytes(sizes.accumulatorBits / 8) * mma.getParts();
  }

  /// What does not fit the caches is not worth packing.
  void limitScratch() {
    if (sizes.inChannels < 0)
      return;
    int64_t depthBytes = sizes.taps * sizes.inChannels * getStepBytes() / interleave;
    if (depthBytes * tileRows * tileLines > target.getL2Bytes() / 2)
      packInput = false;
    if (!packWeights || depthBytes * tileVectors * lanes <= largestScratch)
      return;
    if (sizes.weightLayout == WeightLayout::RowMajor)
      packWeights = false;
    else
      tileVectors = 1;
    if (sizes.hasCodes && depthBytes * lanes > largestScratch)
      multiplyCodes();
  }

  /// Codes that are too many to decode a panel of them are multiplied as they are, a few rows at a
  /// time.
  void multiplyCodes() {
    multipliesCodes = packInput = true;
    packWeights = false;
    roundsInput = roundsInput && canMultiply(mma);
    tileRows = std::min(tileRows, target.getFewRows());
    tileVectors = tileLines = 1;
  }

  /// What only a run tells is chosen there.
  void chooseFewRows() {
    if (!sizes.hasCodes || !packWeights || totalRows >= 0 || (roundsInput && !canMultiply(mma)))
      return;
    // Sums of a block and of all for each.
    int64_t codeSums = target.getVectorRegisters() * 3 / 8;
    fewRows = std::clamp<int64_t>(codeSums / tileVectors, 1, target.getFewRows());
    int64_t most = std::min(countCodeVectors(/*rows=*/1), vectors);
    rowVectors = std::max<int64_t>(most / tileVectors, 1) * tileVectors;
  }

  /// Whether the rows of a tile fight for the same few sets of the nearest cache. Rows an unknown
  /// distance apart may; and their addresses take more registers than there are.
  bool rowsCollide() const {
    if (sizes.inputRowStride < 0)
      return true;
    constexpr int64_t ways = 8, line = 64;
    int64_t sets = target.getL1Bytes() / ways / line;
    int64_t stride = sizes.inputRowStride * sizes.inputBits / 8;
    if (stride < line)
      return false;
    int64_t distinct = sets / std::gcd(sets, stride / line);
    return tileRows > distinct * ways * 3 / 4 + ways / 4;
  }

  void chooseOrder() {
    bool weightsFit = weightBytes >= 0 && weightBytes <= target.getL2Bytes() / 2;
    blockTiles = (weightsFit && !packWeights) || multipliesCodes ? 1 : 0;
    if (packInput && blockTiles == 0) {
      // Packed tiles stay in half of the second cache.
      int64_t channels = sizes.inChannels > 0 ? sizes.inChannels : 1024;
      int64_t tileBytes =
          tileRows * tileLines * sizes.taps * channels * getStepBytes() / interleave;
      blockTiles = std::clamp<int64_t>(target.getL2Bytes() / 2 / tileBytes, 2, 32);
    }
    bool isPacked = sizes.weightLayout == WeightLayout::Packed;
    int64_t inputBytes = totalRows * std::max<int64_t>(sizes.inChannels, 0) * sizes.inputBits / 8;
    preferSplitPanels = packWeights || (isPacked && totalRows > 0 && weightBytes > inputBytes);
    if (multipliesCodes && !weightsFit && !target.getReadsAhead())
      prefetchLines = std::max<int64_t>(1, tileVectors * lanes * 4 / 64);
    else if (isPacked && !weightsFit && !packWeights && !multipliesCodes && totalRows > tileRows) {
      // Tiles of one panel share the prefetching of the next.
      int64_t tiles = totalRows / (tileRows * tileLines);
      int64_t depth = mma.getDepth() * mma.getParts(), linesPerTrip = unrollK * tileVectors * depth;
      prefetchLines = std::clamp<int64_t>(linesPerTrip / std::max<int64_t>(tiles, 1), 1, 4 * depth);
    }
  }

  /// A number of tiles that four or eight tasks can share, if that costs little: tiles a bit
  /// smaller than the largest are about as fast.
  void balanceTiles() {
    if (totalRows <= 0 || sizes.rows <= 0 || totalRows != sizes.rows * sizes.batch)
      return;
    int64_t tiles = llvm::divideCeil(sizes.rows, tileRows);
    int64_t balanced = llvm::alignTo(tiles, 4);
    if (tiles < 5 || tiles > 32 || balanced == tiles)
      return;
    tileRows = llvm::alignTo(llvm::divideCeil(sizes.rows, balanced), mma.getRows());
  }

  TargetAttr target;
  ContractionSizes sizes;
  /// Registers that may hold sums.
  int64_t sums;
  MmaAttr mma;
  SkipAttr skipped;
  int64_t interleave = 1;
  bool multipliesCodes = false, roundsInput = false;
  /// -1: unknown.
  int64_t totalRows = -1, vectors = -1, weightBytes = -1;
};

} // namespace

// Bytes with a sign hold codes of less than 8 bits, too.
bool multipliesCodes(MmaAttr mma, int64_t bits) { return mma.takesUnsignedBytes() || bits < 8; }

void enumerateContractions(TargetAttr target, const ContractionSizes &sizes,
                           llvm::function_ref<void(ContractionScheduleAttr)> take) {
  Chooser chooser(target, sizes);
  chooser.choose();
  chooser.enumerate(take);
}

ContractionScheduleAttr chooseContraction(TargetAttr target, const ContractionSizes &sizes) {
  Chooser chooser(target, sizes);
  chooser.choose();
  ContractionScheduleAttr dense = chooser.get(), best = dense;
  double bestGain = 1;
  for (SkipAttr skip : listSkips(target, sizes, dense)) {
    Chooser sparse = chooser;
    sparse.skip(skip);
    double gain = predictSparseGain(target, sizes, dense, sparse.get());
    if (isWorthSkipping(gain) && gain > bestGain)
      best = sparse.get(), bestGain = gain;
  }
  return best;
}

void Chooser::skip(SkipAttr zeros) {
  skipped = zeros;
  if (sizes.positionsAreRows && totalRows > 0) {
    sizes.rows = totalRows;
    sizes.batch = sizes.lines = 1;
  }
  // Single weights are multiplied as if all were there.
  if (zeros.getZeros() == Zeros::Blocks)
    skipBlocks();
  else if (zeros.getZeros() == Zeros::Columns)
    skipColumns();
  prefetchLines = 0;
}

// Panels are as narrow as blocks. They read so few of the input's channels that as many tiles as
// the second cache holds share a visit to all of them.
void Chooser::skipBlocks() {
  lanes = target.getLanes(sizes.accumulatorBits);
  tileVectors = blockWidth / lanes;
  vectors = llvm::divideCeil(sizes.outChannels, lanes);
  weightBytes = skipped.getKept() * interleave * blockWidth * sizes.weightBits / 8;
  tileLines = 1;
  fillRegisters();
  choosePacking();
  chooseOrder();
  int64_t depthBytes = sizes.taps * sizes.inChannels * getStepBytes() / interleave;
  if (blockTiles == 0)
    blockTiles =
        std::clamp<int64_t>(target.getL2Bytes() / 2 / (depthBytes * tileRows * tileLines), 2, 32);
  balanceTiles();
}

// A tile's input is packed once for all panels. These are wide, as each brings all of it from the
// second cache to the nearest one.
void Chooser::skipColumns() {
  constexpr int64_t panelWidth = 256;
  lanes = target.getLanes(sizes.accumulatorBits);
  vectors = llvm::divideCeil(sizes.outChannels, lanes);
  tileVectors = std::min(panelWidth / lanes, vectors);
  tileRows = chooseColumnPositions(target, sizes);
  tileLines = blockTiles = 1;
  packInput = true;
  preferSplitPanels = false;
}

void Chooser::enumerate(llvm::function_ref<void(ContractionScheduleAttr)> take) const {
  take(get());
  Chooser other = *this;
  if (mma.hasTiles()) {
    other.packInput = true;
    for (int64_t tiles : {1, 4}) {
      other.blockTiles = tiles;
      take(other.get());
    }
    return;
  }
  for (int64_t unroll : {2, 8}) {
    other.unrollK = unroll;
    take(other.get());
  }
  if (sizes.hasCodes)
    return;
  bool isPacked = sizes.weightLayout == WeightLayout::Packed;
  bool isTransposed = sizes.weightLayout == WeightLayout::Transposed;
  for (bool packs : {false, true}) {
    // Rows of transposed weights that are read in place have one form.
    if (packs ? isPacked : isTransposed || (!isPacked && interleave > 1))
      continue;
    for (int64_t vectorsPerTile : {1, 2, 3, 4}) {
      if (isPacked && vectorsPerTile != tileVectors)
        continue;
      other = *this;
      other.packWeights = packs;
      other.tileVectors = vectorsPerTile;
      other.fillRegisters();
      other.limitScratch();
      if (other.packWeights != packs || other.tileVectors != vectorsPerTile)
        continue;
      other.packInput = false;
      for (int64_t tiles : {0, 1}) {
        other.blockTiles = tiles;
        take(other.get());
      }
      other.blockTiles = 4;
      other.packInput = mayPackInput();
      other.limitScratch();
      if (other.packInput)
        take(other.get());
    }
  }
}

InnerProduct chooseInnerProduct(TargetAttr target, ContractionSizes sizes, bool mayPackInput) {
  InnerProduct product;
  product.packsWeights = chooseContraction(target, sizes).getPackWeights();
  if (product.packsWeights)
    sizes.weightLayout = WeightLayout::Packed;
  Chooser chooser(target, sizes);
  chooser.choose();
  chooser.blockTiles = 1;
  chooser.prefetchLines = 0;
  chooser.tileLines = 1;
  chooser.packInput &= mayPackInput;
  product.schedule = chooser.get();
  return product;
}

} // namespace tenon::cpu
