// What the numbers of a schedule must be for any kernel, whoever wrote it. Whether they suit a
// kernel is for its strategy to say.

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Target/Cpu/SparsePanels.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cpu {

using EmitError = function_ref<InFlightDiagnostic()>;

static LogicalResult verifyLanes(EmitError emitError, int64_t lanes) {
  if (lanes > 0 && llvm::isPowerOf2_64(lanes))
    return success();
  return emitError() << "vectors have a power of two of lanes, not " << lanes;
}

/// Each number is at least `least`.
static LogicalResult verifyCounts(EmitError emitError, int64_t least,
                                  ArrayRef<std::pair<StringRef, int64_t>> counts) {
  for (auto [name, count] : counts)
    if (count < least)
      return emitError() << name << " is " << count << ", but at least " << least;
  return success();
}

static LogicalResult verifySkip(EmitError emitError, SkipAttr skip) {
  if (skip.getKept() < 0)
    return emitError() << "skip keeps " << skip.getKept() << ", but at least 0";
  int64_t depth = skip.getDepth();
  if (skip.getZeros() != Zeros::Columns)
    return depth == 0 ? success()
                      : emitError() << "lists of " << stringifyZeros(skip.getZeros())
                                    << " have no depth, but this is " << depth;
  if (depth < 1 || depth > SparseForm::mostDepth)
    return emitError() << "lists of columns have a depth of 1 to " << SparseForm::mostDepth
                       << ", not " << depth;
  return success();
}

LogicalResult ContractionScheduleAttr::verify(EmitError emitError, int64_t lanes, int64_t tileRows,
                                              int64_t tileVectors, int64_t tileLines,
                                              int64_t unrollK, int64_t blockTiles, bool, bool, bool,
                                              int64_t prefetchLines, bool, MmaAttr, bool,
                                              SkipAttr skip, int64_t fewRows, int64_t rowVectors) {
  if (skip && failed(verifySkip(emitError, skip)))
    return failure();
  if ((fewRows > 0) != (rowVectors > 0) || rowVectors % tileVectors != 0)
    return emitError() << "few_rows go with row_vectors of whole panels of " << tileVectors
                       << " vectors, not " << fewRows << " with " << rowVectors;
  return success(
      succeeded(verifyLanes(emitError, lanes)) &&
      succeeded(verifyCounts(emitError, 1,
                             {{"tile_rows", tileRows},
                              {"tile_vectors", tileVectors},
                              {"tile_lines", tileLines},
                              {"unroll_k", unrollK}})) &&
      succeeded(verifyCounts(emitError, 0,
                             {{"block_tiles", blockTiles}, {"prefetch_lines", prefetchLines}})));
}

/// `schedule` for codes that are multiplied as they are.
static ContractionScheduleAttr multiplyCodes(ContractionScheduleAttr schedule, int64_t rows,
                                             int64_t vectors) {
  return ContractionScheduleAttr::get(
      schedule.getContext(), schedule.getLanes(), rows, vectors, /*tile_lines=*/1,
      schedule.getUnrollK(), /*block_tiles=*/1, /*packed=*/true, /*pack_input=*/true,
      /*pack_weights=*/false, /*prefetch_lines=*/0, /*prefer_split_panels=*/true, schedule.getMma(),
      /*merge_taps=*/false, /*skip=*/SkipAttr(), /*few_rows=*/0, /*row_vectors=*/0);
}

ContractionScheduleAttr ContractionScheduleAttr::getForOneRow() const {
  return multiplyCodes(*this, /*rows=*/1, getRowVectors());
}

ContractionScheduleAttr ContractionScheduleAttr::getForFewRows() const {
  return multiplyCodes(*this, getFewRows(), getTileVectors());
}

LogicalResult RowsScheduleAttr::verify(EmitError emitError, int64_t lanes, int64_t vectorsPerTrip,
                                       int64_t sharedRows) {
  return success(
      succeeded(verifyLanes(emitError, lanes)) &&
      succeeded(verifyCounts(emitError, 1,
                             {{"vectors_per_trip", vectorsPerTrip}, {"shared_rows", sharedRows}})));
}

LogicalResult DepthwiseScheduleAttr::verify(EmitError emitError, int64_t lanes, int64_t tileRows,
                                            int64_t tileLines, bool, bool, bool, MmaAttr) {
  return success(
      succeeded(verifyLanes(emitError, lanes)) &&
      succeeded(verifyCounts(emitError, 1, {{"tile_rows", tileRows}, {"tile_lines", tileLines}})));
}

LogicalResult WinogradScheduleAttr::verify(EmitError emitError, int64_t lanes, int64_t outputTile,
                                           int64_t tileRows, int64_t tileVectors, int64_t unrollK,
                                           int64_t blockTiles, int64_t prefetchLines, MmaAttr) {
  if (outputTile != 2 && outputTile != 4)
    return emitError() << "minimal filtering has 2 or 4 outputs per tile, not " << outputTile;
  return success(succeeded(verifyLanes(emitError, lanes)) &&
                 succeeded(verifyCounts(emitError, 1,
                                        {{"tile_rows", tileRows},
                                         {"tile_vectors", tileVectors},
                                         {"unroll_k", unrollK},
                                         {"block_tiles", blockTiles}})) &&
                 succeeded(verifyCounts(emitError, 0, {{"prefetch_lines", prefetchLines}})));
}

LogicalResult AttentionScheduleAttr::verify(EmitError emitError, ContractionScheduleAttr scores,
                                            ContractionScheduleAttr values, int64_t lanes,
                                            int64_t rowBlock, int64_t keyBlock, int64_t groupBlocks,
                                            bool, bool) {
  return success(
      succeeded(verifyLanes(emitError, lanes)) &&
      succeeded(verifyCounts(
          emitError, 1,
          {{"row_block", rowBlock}, {"key_block", keyBlock}, {"group_blocks", groupBlocks}})));
}

} // namespace tenon::cpu
