// Chooses the tiles of matrix products and convolutions on matrix units, from sizes alone.
//
// For a tile, cycles that a multiprocessor spends on it are those of whatever takes the longest:
//
//   the matrix units        rows x columns x depth / rate
//   shared memory           what is brought, and what each warp reads of both operands, 128 bytes a
//                           cycle
//   the second cache        what is brought, 64 bytes a cycle
//   additions               where instructions do not add to sums (hasShortSums)
//   waiting                 the way from memory, once for all steps that are under way
//
// (of weights of which two in four are left out, twice the rate, and hardly more than half of the
// bytes)
//
// and an eighth of what the others take, as nothing overlaps without a gap; then those that bring
// the first steps and finish the sums. Tiles are dealt out in turns, so the most that one
// multiprocessor gets counts. Whichever of the tiles below takes the fewest cycles in all is
// chosen.
//
// The constants are those of published analyses and NVIDIA's papers; nothing was measured.

#include "dialects/Target/Cuda/SparseColumns.h"
#include "dialects/Target/KernelStrategy.h"
#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/ProductSize.h"
#include "passes/Schedule/Cuda/Sizes.h"
#include <numeric>

using namespace mlir;

namespace tenon::cuda {

namespace {

struct Shape {
  int64_t rows, columns, warpRows, warpColumns, slices;

  int64_t getThreads() const {
    return TargetAttr::warpSize * (rows / warpRows) * (columns / warpColumns) * slices;
  }
};

// Larger warps read less of shared memory for a product; more of them hide more of the waiting.
constexpr Shape shapes[] = {
    {16, 32, 16, 16, 2},  {16, 64, 16, 16, 1},  {16, 128, 16, 32, 1},  {32, 32, 16, 16, 1},
    {32, 64, 16, 32, 1},  {64, 32, 32, 16, 1},  {64, 64, 32, 32, 1},   {32, 128, 32, 32, 1},
    {128, 32, 32, 32, 1}, {128, 64, 32, 32, 1}, {64, 128, 32, 32, 1},  {128, 128, 64, 32, 1},
    {256, 64, 64, 32, 1}, {64, 256, 32, 64, 1}, {256, 128, 64, 64, 1}, {128, 256, 64, 64, 1}};

/// The numbers of a product that the model goes by.
struct Product : ProductSize {
  /// Products of elements that a multiprocessor adds up in a cycle.
  double rate;
  /// Registers that each chunk of an operand takes until it is in shared memory.
  int64_t leftChunk, rightChunk;
  /// Of each number that is multiplied.
  int64_t parts = 1;
  /// Whether two of four weights are left out.
  bool isSparse = false;
};

constexpr double sharedBytesPerCycle = 128, cacheBytesPerCycle = 64;
/// From memory to shared memory; and to begin and to end a tile, beside its first step and its
/// sums.
constexpr double latency = 800, tileOverhead = 600;
/// Of what is shorter than the longest, this part shows.
constexpr double exposedPart = 0.125;
/// Bytes of a step in one row or column: what fills a line of memory, or half of it.
constexpr int64_t longStep = 128, shortStep = 64;
/// What a thread brings at a time, and the registers for one that is copied or loaded at once.
constexpr int64_t chunkBytes = 16, wholeChunk = 4;
/// Bytes of the depth that an instruction multiplies.
constexpr double instructionBytes = 32;
/// Of a block, which keeps some for itself.
constexpr int64_t reservedSharedBytes = 1024;

} // namespace

static int64_t getDepth(const Product &product, int64_t stepBytes) {
  return stepBytes / product.elementBytes;
}

/// What a step has of a column: of sparse ones values and places.
static int64_t getColumnBytes(const Product &product, int64_t stepBytes) {
  if (!product.isSparse)
    return stepBytes;
  int64_t places = SparseColumns::placesBytes / SparseColumns::side;
  return stepBytes / 2 + getDepth(product, stepBytes) * places / SparseColumns::blockDepth;
}

static int64_t getSharedBytes(const Product &product, const Shape &shape, int64_t stepBytes,
                              int64_t stages) {
  int64_t columnBytes = getColumnBytes(product, stepBytes);
  int64_t tiles = stages * (stepBytes * shape.rows + columnBytes * shape.columns);
  int64_t sums = shape.slices * shape.rows * (shape.columns * 4 + 32);
  return std::max(tiles, sums);
}

// Sums, a step's operands and half of the next ones, as they are loaded early, what is brought, and
// what addresses and loops take.
static int64_t countRegisters(const Product &product, const Shape &shape, int64_t stepBytes) {
  int64_t sums = shape.warpRows * shape.warpColumns / TargetAttr::warpSize;
  // Sparse columns meet rows of twice the depth, and have places.
  int64_t rowWords = product.isSparse ? 8 : 4, columnWords = product.isSparse ? 5 : 4;
  int64_t operands =
      (shape.warpRows * rowWords + shape.warpColumns * columnWords) / 16 * product.parts;
  auto bring = [&](int64_t bytes, int64_t perChunk) {
    return llvm::divideCeil(bytes / chunkBytes, shape.getThreads()) * perChunk;
  };
  constexpr int64_t unadded = 16; // what instructions give, on the way to sums
  return sums + (product.addsSums ? unadded : 0) + operands * 3 / 2 +
         bring(shape.rows * stepBytes, product.leftChunk) +
         bring(shape.columns * getColumnBytes(product, stepBytes), product.rightChunk) + 40;
}

static bool fits(TargetAttr target, const Product &product, const Shape &shape, int64_t stepBytes,
                 int64_t stages) {
  constexpr int64_t mostRegisters = 255; // of a thread
  if (product.isSparse &&
      getDepth(product, stepBytes) % (SparseColumns::blockDepth * shape.slices) != 0)
    return false;
  int64_t registers = std::min(mostRegisters, target.getRegisters() / shape.getThreads());
  return getSharedBytes(product, shape, stepBytes, stages) <= target.getSharedBytes() &&
         countRegisters(product, shape, stepBytes) <= registers;
}

/// Blocks that a multiprocessor holds.
static int64_t countBlocks(TargetAttr target, const Product &product, const Shape &shape,
                           int64_t stepBytes, int64_t stages) {
  int64_t bytes = getSharedBytes(product, shape, stepBytes, stages) + reservedSharedBytes;
  int64_t registers = countRegisters(product, shape, stepBytes) * shape.getThreads();
  return std::max<int64_t>(
      std::min({(target.getSharedBytes() + reservedSharedBytes) / bytes,
                target.getRegisters() / registers, target.getThreads() / shape.getThreads()}),
      1);
}

/// Cycles for the whole product.
static double estimate(TargetAttr target, const Product &product, const Shape &shape,
                       int64_t stepBytes, int64_t stages) {
  auto ceilDiv = [](double a, double b) { return std::ceil(a / b); };
  double steps = ceilDiv(product.depth, getDepth(product, stepBytes));
  double tiles =
      product.outer * ceilDiv(product.rows, shape.rows) * ceilDiv(product.columns, shape.columns);
  double perMultiprocessor = ceilDiv(tiles, target.getMultiprocessors());
  double together =
      std::min<double>(perMultiprocessor, countBlocks(target, product, shape, stepBytes, stages));

  double columnBytes = getColumnBytes(product, stepBytes);
  double brought = double(shape.rows) * stepBytes + shape.columns * columnBytes;
  double warps = double(shape.rows / shape.warpRows) * double(shape.columns / shape.warpColumns);
  double read = warps * (double(shape.warpRows) * stepBytes + shape.warpColumns * columnBytes);
  double mma = double(shape.rows * shape.columns) * getDepth(product, stepBytes) / product.rate;
  double additions = product.addsSums ? double(shape.rows * shape.columns * stepBytes) /
                                            instructionBytes / kAdditionsPerCycle
                                      : 0;
  double bounds[] = {mma, (brought + read) / sharedBytesPerCycle, brought / cacheBytesPerCycle,
                     additions, latency / double(stages - 1) / together};
  double longest = *llvm::max_element(bounds);
  double step = longest + (std::accumulate(std::begin(bounds), std::end(bounds), 0.0) - longest) *
                              exposedPart;
  double sums = 2.0 * double(shape.slices * shape.rows * shape.columns) * 4 / sharedBytesPerCycle;
  return perMultiprocessor * (steps * step + sums + (latency + tileOverhead) / together);
}

/// Registers for a chunk whose elements are computed one by one: where each of them is takes more
/// of taps and channels than of a matrix.
static int64_t countScattered(bool isConv, int64_t elements) {
  constexpr int64_t most = 150;
  return std::min(most, elements * (isConv ? 12 : 5));
}

/// What a chunk of the left operand costs, and one of the right operand. Weights that are known
/// come in the form that is best.
static std::pair<int64_t, int64_t> countChunkRegisters(Operation *op, const ContractionSizes &sizes,
                                                       int64_t elementBytes) {
  auto matmul = dyn_cast<MatMulOp>(op);
  int64_t chunk = chunkBytes / elementBytes, scattered = countScattered(!matmul, chunk);
  auto cost = [&](AffineExpr neighbours) {
    return getConstantOr(neighbours, 1) % chunk == 0 ? wholeChunk : scattered;
  };
  int64_t left = cost(sizes.depth.back());
  if (isPackable(op->getOpOperand(1)))
    return {left, wholeChunk};
  if (matmul && matmul.getTransposeRhs())
    return {left, cost(sizes.depth.back())};
  return {left, elementBytes == 2 ? cost(sizes.columns) : scattered};
}

static Product getProduct(TargetAttr target, Operation *op, MmaAttr mma) {
  bool isSplit = mma.getProducts() > 1;
  ProductSize size = getProductSize(op);
  double rate = double(target.getMmaRate()) * 2 / double(size.elementBytes) / (isSplit ? 3 : 1);
  auto [leftChunk, rightChunk] =
      countChunkRegisters(op, getContractionSizes(op), size.elementBytes);
  return {size, rate, leftChunk, rightChunk, isSplit ? 2 : 1};
}

/// The tiles that take the fewest cycles.
static std::pair<TileScheduleAttr, double> findBest(TargetAttr target, Operation *op, MmaAttr mma,
                                                    const Product &product) {
  TileScheduleAttr best;
  double bestCycles = 0;
  // Half of a sparse column is so long.
  int64_t times = product.isSparse ? 2 : 1;
  for (const Shape &shape : shapes)
    for (int64_t stepBytes : {times * shortStep, times * longStep})
      for (int64_t stages : {4, 3}) {
        if (!fits(target, product, shape, stepBytes, stages))
          continue;
        double cycles = estimate(target, product, shape, stepBytes, stages);
        if (best && cycles >= bestCycles)
          continue;
        bestCycles = cycles;
        best = TileScheduleAttr::get(op->getContext(), shape.rows, shape.columns,
                                     getDepth(product, stepBytes), shape.warpRows,
                                     shape.warpColumns, shape.slices, stages,
                                     chooseBand(target, product, shape.rows, shape.columns), mma);
      }
  return {best, bestCycles};
}

std::pair<TileScheduleAttr, double> rateTiles(TargetAttr target, Operation *op) {
  MmaAttr mma = findMma(target, op, MmaInstruction::Mma, MmaInstruction::MmaTf32);
  if (!mma)
    mma = findSplittingMma(op);
  if (!mma)
    return {};
  return findBest(target, op, mma, getProduct(target, op, mma));
}

std::pair<TileScheduleAttr, double> rateSparseTiles(TargetAttr target, Operation *op) {
  if (!isTwoOfFour(op))
    return {};
  auto mma = MmaAttr::get(op->getContext(), MmaInstruction::MmaSparse);
  Product product = getProduct(target, op, mma);
  product.rate *= 2;
  product.isSparse = true;
  return findBest(target, op, mma, product);
}

} // namespace tenon::cuda
