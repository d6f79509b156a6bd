// Chooses the tiles of attention on matrix units (see the header).
//
// For a step of keys, cycles that a multiprocessor spends on a tile are those of whatever takes the
// longest, and an eighth of the others, as for other products (ChooseTiles.cpp):
//
//   the matrix units        rows x keys x (depth + width) / rate, values twice where powers are not
//                           rounded
//   exponentials            a power for each score
//   arithmetic              what becomes of a score until it is a power that is multiplied, and the
//                           correction of results
//   shared memory           what is brought, and what each warp reads of queries, keys and values
//   the second cache        keys and values
//   waiting                 the way from memory, once for a step
//
// Nothing was measured.

#include "passes/Schedule/Cuda/AttentionTiles.h"
#include "dialects/Target/MultipliedType.h"
#include <numeric>

using namespace mlir;

namespace tenon::cuda {

/// What warps multiply at a time, on each side; bytes of a part's depth, of all banks, and of what
/// is copied at a time.
static constexpr int64_t kSide = 16, kDepthBytes = 32, kBankBytes = 128, kChunkBytes = 16;

//===-- What is multiplied --===//

/// Whether neighbours in memory are neighbours in a dimension of the description, counted from the
/// last.
static bool isInnermost(ArrayRef<int64_t> permutation, size_t fromLast) {
  auto rank = static_cast<int64_t>(permutation.size());
  return permutation[permutation.size() - 1 - fromLast] == rank - 1;
}

static bool liesInRows(AttentionOp op, FloatType multiplied) {
  SmallVector<int64_t> keys = op.getKeyPermutation(), values = op.getValuePermutation();
  return isInnermost(op.getQueryPermutation(), 0) &&
         (isInnermost(keys, 0) || isInnermost(keys, 1)) &&
         (isInnermost(values, 0) || (isInnermost(values, 1) && multiplied.getWidth() == 16));
}

FloatType getMultipliedType(AttentionOp op) {
  OpOperand *multiplied[] = {&op.getQueriesMutable(), &op.getKeysMutable(), &op.getValuesMutable()};
  auto allowed = op->getAttrOfType<TypeAttr>(kMultipliedTypeAttrName);
  auto type = allowed ? cast<FloatType>(allowed.getValue()) : FloatType();
  for (OpOperand *operand : multiplied)
    if (auto own = cast<FloatType>(getElementTypeOrSelf(operand->get())); own.getWidth() == 16)
      type = own;
  auto fits = [&](OpOperand *operand) {
    Type own = getElementTypeOrSelf(operand->get());
    return own == type || (own.isF32() && isa<FloatTF32Type>(type)) || mayRound(*operand, type);
  };
  return type && llvm::all_of(multiplied, fits) && liesInRows(op, type) ? type : FloatType();
}

bool mayRoundPowers(AttentionOp op) {
  return op->hasAttr(kMultipliedTypeAttrName) || getMultipliedType(op).isBF16();
}

MmaAttr getMma(FloatType multiplied) {
  return MmaAttr::get(multiplied.getContext(), isa<FloatTF32Type>(multiplied)
                                                   ? MmaInstruction::MmaTf32
                                                   : MmaInstruction::Mma);
}

static int64_t getStoredBytes(FloatType multiplied) { return multiplied.getWidth() == 16 ? 2 : 4; }

//===-- Shared memory --===//

/// Elements of a line that can be swizzled.
static int64_t padLine(int64_t elements, int64_t elementBytes, int64_t leastBytes) {
  uint64_t bytes = std::max(elements * elementBytes, leastBytes);
  return static_cast<int64_t>(llvm::PowerOf2Ceil(bytes)) / elementBytes;
}

/// Padded tiles of f32.
static int64_t getPaddedBytes(int64_t slices, int64_t rows, int64_t columns) {
  constexpr int64_t padding = 32, bytes = 4;
  return slices * rows * (columns * bytes + padding);
}

AttentionTiles::AttentionTiles(const AttentionSizes &sizes, AttentionTileScheduleAttr schedule,
                               FloatType multiplied) {
  int64_t bytes = getStoredBytes(multiplied), rows = schedule.getTileRows();
  int64_t stepKeys = AttentionTileScheduleAttr::stages * schedule.getTileKeys();
  depthLine = padLine(sizes.depth, bytes, kDepthBytes);
  widthLine = padLine(sizes.width, bytes, bytes == 2 ? kDepthBytes : kBankBytes);
  chunk = kChunkBytes / bytes;
  columns = llvm::alignTo(sizes.width, kSide);
  queryBytes = rows * depthLine * bytes;
  keyBytes = stepKeys * depthLine * bytes;
  valueBytes = stepKeys * widthLine * bytes;
  resultBytes = getPaddedBytes(schedule.getSlices(), rows, columns);
  constexpr int64_t stateNumbers = 4;
  stateBytes =
      schedule.getSlices() > 1 ? getPaddedBytes(schedule.getSlices(), rows, stateNumbers) : 0;
}

//===-- The choice --===//

namespace {

struct Shape {
  int64_t rows, keys, slices;
};

// Many rows read keys the fewest times; few rows share their keys among warps.
constexpr Shape shapes[] = {{128, 64, 1}, {128, 32, 1}, {64, 128, 1}, {64, 64, 1}, {64, 32, 1},
                            {32, 64, 2},  {32, 32, 2},  {16, 128, 4}, {16, 64, 4}, {16, 128, 8}};

/// The numbers that the model goes by.
struct Work {
  double sets, rows, keys, depth, width, keyParts;
  /// Parts of each power that values are multiplied by.
  int64_t powerParts;
  int64_t elementBytes;
  /// Products of elements that a multiprocessor adds up in a cycle.
  double rate;
};

constexpr double sharedBytesPerCycle = 128, cacheBytesPerCycle = 64, latency = 800,
                 tileOverhead = 1000;
/// Of a multiprocessor in a cycle, and what a score takes of the latter.
constexpr double exponentials = 16, operations = 128, operationsPerScore = 12;
constexpr double exposedPart = 0.125;
constexpr int64_t mostRegisters = 255, reservedSharedBytes = 1024;

} // namespace

static int64_t countRegisters(const AttentionSizes &sizes, AttentionTileScheduleAttr schedule,
                              FloatType multiplied) {
  // Addresses, states, and operands on their way, of which those of 32 bits are loaded one by one,
  // and brought so where rows are no whole chunks.
  int64_t chunk = kChunkBytes / getStoredBytes(multiplied), scattered = 0;
  if (sizes.depth % chunk != 0 || sizes.width % chunk != 0)
    scattered = 64;
  int64_t common = multiplied.getWidth() == 16 ? 96 : 120 + scattered;
  int64_t results = llvm::alignTo(sizes.width, kSide) / 2;
  int64_t scores = schedule.getTileKeys() / schedule.getSlices() / 2;
  int64_t queries = staysInRegisters(sizes.depth, multiplied)
                        ? llvm::alignTo(sizes.depth * getStoredBytes(multiplied), kDepthBytes) / 8
                        : 4;
  return common + results + scores + queries;
}

bool staysInRegisters(int64_t depth, FloatType multiplied) {
  constexpr int64_t mostBytes = 256; // of a query: 32 registers of each lane
  return depth * getStoredBytes(multiplied) <= mostBytes;
}

/// Cycles for all of it; infinite if a block does not fit.
static double estimate(TargetAttr target, const AttentionSizes &sizes, const Work &work,
                       AttentionTileScheduleAttr schedule, FloatType multiplied) {
  AttentionTiles tiles(sizes, schedule, multiplied);
  int64_t threads = schedule.getThreads(), registers = countRegisters(sizes, schedule, multiplied);
  if (tiles.getBytes() > target.getSharedBytes() || registers > mostRegisters ||
      registers * threads > target.getRegisters())
    return HUGE_VAL;
  int64_t blocks = std::max<int64_t>(1, std::min((target.getSharedBytes() + reservedSharedBytes) /
                                                     (tiles.getBytes() + reservedSharedBytes),
                                                 target.getRegisters() / (registers * threads)));
  auto rows = double(schedule.getTileRows()), keys = double(schedule.getTileKeys());
  double steps = std::ceil(std::ceil(work.keys / keys) / work.keyParts);
  double perMultiprocessor = std::ceil(work.sets * work.keyParts * std::ceil(work.rows / rows) /
                                       double(target.getMultiprocessors()));
  double together = std::min(perMultiprocessor, double(blocks));

  double sides = work.depth + work.width;
  double brought = keys * sides * double(work.elementBytes);
  double warps = rows / double(AttentionTileScheduleAttr::warpRows);
  double products = work.depth + work.width * double(work.powerParts);
  double bounds[] = {rows * keys * products / work.rate,
                     rows * keys / exponentials,
                     rows * (keys * operationsPerScore + work.width) / operations,
                     (1 + warps) * brought / sharedBytesPerCycle,
                     brought / cacheBytesPerCycle,
                     latency / together};
  double longest = *llvm::max_element(bounds);
  double all = std::accumulate(std::begin(bounds), std::end(bounds), 0.0);
  double step = longest + (all - longest) * exposedPart;
  double ends = 2.0 * double(tiles.resultBytes) / sharedBytesPerCycle;
  return perMultiprocessor * (steps * step + ends + (latency + tileOverhead) / together);
}

std::pair<AttentionTileScheduleAttr, double> rateAttentionTiles(TargetAttr target, AttentionOp op,
                                                                int64_t parts) {
  FloatType multiplied = getMultipliedType(op);
  if (!multiplied)
    return {nullptr, HUGE_VAL};
  constexpr int64_t many = 1 << 12; // what only a run tells
  AttentionSizes sizes = getAttentionSizes(op);
  auto known = [](AffineExpr size) { return double(getConstantOr(size, many)); };
  int64_t bytes = getStoredBytes(multiplied);
  Work work = {.sets = known(sizes.batch * sizes.keyHeads),
               .rows = known(sizes.rows()),
               .keys = known(sizes.keys),
               .depth = double(sizes.depth),
               .width = double(sizes.width),
               .keyParts = double(parts),
               .powerParts = mayRoundPowers(op) ? 1 : 2,
               .elementBytes = bytes,
               .rate = double(target.getMmaRate()) * 2 / double(bytes)};
  AttentionTileScheduleAttr best;
  double bestCycles = HUGE_VAL;
  for (const Shape &shape : shapes) {
    auto schedule = AttentionTileScheduleAttr::get(op->getContext(), shape.rows, shape.keys,
                                                   shape.slices, getMma(multiplied));
    double cycles = estimate(target, sizes, work, schedule, multiplied);
    if (cycles < bestCycles) {
      bestCycles = cycles;
      best = schedule;
    }
  }
  return {best, bestCycles};
}

} // namespace tenon::cuda
