// What the numbers of a schedule must be for any kernel, whoever wrote it. Whether they suit a
// kernel is for its strategy to say.

#include "dialects/Target/Cuda/CudaDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cuda {

using EmitError = function_ref<InFlightDiagnostic()>;

/// The most threads of a block, on all architectures.
static constexpr int64_t kMostThreads = 1024;

static LogicalResult verifyThreads(EmitError emitError, int64_t threads) {
  if (threads >= TargetAttr::warpSize && threads <= kMostThreads &&
      threads % TargetAttr::warpSize == 0)
    return success();
  return emitError() << "a block has whole warps of " << TargetAttr::warpSize << " threads, "
                     << kMostThreads << " threads at most, not " << threads;
}

static LogicalResult verifyPositive(EmitError emitError,
                                    ArrayRef<std::pair<StringRef, int64_t>> counts) {
  for (auto [name, count] : counts)
    if (count < 1)
      return emitError() << name << " is " << count << ", but at least 1";
  return success();
}

static LogicalResult verifyMatrixUnits(EmitError emitError, MmaAttr mma) {
  if (mma.getInstruction() != MmaInstruction::Fma && !mma.isOfWarpgroup())
    return success();
  return emitError() << "warps multiply by matrix units, not by " << mma;
}

LogicalResult RowsScheduleAttr::verify(EmitError emitError, int64_t lanes, int64_t threads,
                                       int64_t team) {
  if (lanes != 1 && lanes != 2 && lanes != 4)
    return emitError() << "a thread computes 1, 2 or 4 elements at a time, not " << lanes;
  if (failed(verifyThreads(emitError, threads)))
    return failure();
  if (team != 1 && team != TargetAttr::warpSize && team != threads)
    return emitError() << "a team is a thread, a warp of " << TargetAttr::warpSize
                       << " or a block of " << threads << ", not " << team;
  return success();
}

LogicalResult ContractionScheduleAttr::verify(EmitError emitError, int64_t tileRows,
                                              int64_t tileColumns, int64_t depth,
                                              int64_t threadRows, int64_t threadColumns, MmaAttr) {
  if (failed(verifyPositive(emitError, {{"tile_rows", tileRows},
                                        {"tile_columns", tileColumns},
                                        {"depth", depth},
                                        {"thread_rows", threadRows},
                                        {"thread_columns", threadColumns}})))
    return failure();
  if (tileRows % threadRows != 0 || tileColumns % threadColumns != 0)
    return emitError() << "tiles of " << tileRows << " x " << tileColumns
                       << " are not made of those of threads, " << threadRows << " x "
                       << threadColumns;
  return verifyThreads(emitError, tileRows / threadRows * (tileColumns / threadColumns));
}

LogicalResult GemvScheduleAttr::verify(EmitError emitError, int64_t columns, int64_t lanes,
                                       int64_t slices, int64_t threads) {
  constexpr int64_t mostLanes = 16;
  if (failed(
          verifyPositive(emitError, {{"columns", columns}, {"lanes", lanes}, {"slices", slices}})))
    return failure();
  if (!llvm::isPowerOf2_64(lanes) || lanes > mostLanes)
    return emitError() << "a lane loads a power of two of neighbours, " << mostLanes
                       << " at most, not " << lanes;
  if (failed(verifyThreads(emitError, threads)))
    return failure();
  if (int64_t warps = threads / TargetAttr::warpSize; warps % slices != 0)
    return emitError() << slices << " slices do not share a block of " << warps << " warps";
  return success();
}

LogicalResult AttentionScheduleAttr::verify(EmitError emitError, int64_t tileRows,
                                            int64_t tileKeys) {
  for (auto [name, count] : {std::pair("tile_rows", tileRows), {"tile_keys", tileKeys}})
    if (count < 1 || count % threadsAcross != 0)
      return emitError() << name << " is " << count << ", but a multiple of " << threadsAcross;
  return success();
}

LogicalResult AttentionTileScheduleAttr::verify(EmitError emitError, int64_t tileRows,
                                                int64_t tileKeys, int64_t slices, MmaAttr mma) {
  constexpr int64_t part = 16; // keys that a warp multiplies at a time
  if (failed(verifyPositive(emitError, {{"tile_rows", tileRows}, {"slices", slices}})))
    return failure();
  if (tileRows % warpRows != 0)
    return emitError() << "a warp has " << warpRows << " queries, of which tiles of " << tileRows
                       << " are not made";
  if (tileKeys < part * slices || !llvm::isPowerOf2_64(tileKeys) || tileKeys % slices != 0)
    return emitError() << "a step is of a power of two of keys, " << part << " for each of "
                       << slices << " slices at least, not of " << tileKeys;
  if (failed(verifyMatrixUnits(emitError, mma)))
    return failure();
  return verifyThreads(emitError, TargetAttr::warpSize * (tileRows / warpRows) * slices);
}

LogicalResult TileScheduleAttr::verify(EmitError emitError, int64_t tileRows, int64_t tileColumns,
                                       int64_t depth, int64_t warpRows, int64_t warpColumns,
                                       int64_t slices, int64_t stages, int64_t band, MmaAttr mma) {
  constexpr int64_t part = 16; // rows and columns that a warp multiplies at a time
  if (failed(verifyPositive(emitError, {{"tile_rows", tileRows},
                                        {"tile_columns", tileColumns},
                                        {"depth", depth},
                                        {"warp_rows", warpRows},
                                        {"warp_columns", warpColumns},
                                        {"slices", slices},
                                        {"band", band}})))
    return failure();
  if (stages < 2)
    return emitError() << "one stage is read while others are brought: " << stages
                       << " are too few";
  if (failed(verifyMatrixUnits(emitError, mma)))
    return failure();
  if (warpRows % part != 0 || warpColumns % part != 0)
    return emitError() << "a warp multiplies " << part << " x " << part << " at a time, of which "
                       << warpRows << " x " << warpColumns << " is not made";
  if (tileRows % warpRows != 0 || tileColumns % warpColumns != 0)
    return emitError() << "tiles of " << tileRows << " x " << tileColumns
                       << " are not made of those of warps, " << warpRows << " x " << warpColumns;
  for (int64_t size : {tileColumns, depth})
    if (!llvm::isPowerOf2_64(size))
      return emitError() << "lines of " << size << " elements, no power of two, cannot be swizzled";
  return verifyThreads(emitError, TargetAttr::warpSize * (tileRows / warpRows) *
                                      (tileColumns / warpColumns) * slices);
}

LogicalResult PipelineScheduleAttr::verify(EmitError emitError, int64_t tileColumns, int64_t depth,
                                           int64_t consumers, int64_t stages, int64_t band,
                                           int64_t cluster, MmaAttr mma) {
  // Of an instruction, and of sums, which go through shared memory by lines of 128 bytes.
  constexpr int64_t part = 32, mostColumns = 256;
  if (failed(verifyPositive(emitError, {{"consumers", consumers}, {"band", band}})))
    return failure();
  if (stages < 2)
    return emitError() << "one stage is read while others are brought: " << stages
                       << " are too few";
  if (cluster != 1 && cluster != 2)
    return emitError() << "a cluster has one block or two, not " << cluster;
  if (!mma.isOfWarpgroup())
    return emitError() << "warpgroups multiply what is in shared memory, not by " << mma;
  if (tileColumns < part || tileColumns > mostColumns || tileColumns % part != 0)
    return emitError() << "a tile has a multiple of " << part << " columns, " << mostColumns
                       << " at most, not " << tileColumns;
  if (!llvm::isPowerOf2_64(depth))
    return emitError() << "lines of " << depth << " elements, no power of two, cannot be swizzled";
  return verifyThreads(emitError, PipelineScheduleAttr::groupThreads * (consumers + 1));
}

} // namespace tenon::cuda
