// Emits attention on matrix units (AttentionMma.cpp says how). Softmax is in
// AttentionMmaScores.cpp, what becomes of a tile's results in AttentionMmaResults.cpp.
#ifndef TENON_PASSES_CODEGEN_CUDA_ATTENTIONMMAEMITTER_H
#define TENON_PASSES_CODEGEN_CUDA_ATTENTIONMMAEMITTER_H

#include "passes/Codegen/Cuda/AttentionEmitter.h"
#include "passes/Codegen/Cuda/ContractionStaging.h"
#include "passes/Schedule/Cuda/AttentionTiles.h"
#include "llvm/Support/MathExtras.h"

namespace tenon::cuda {

/// Rows that a lane has parts of, and the distance of the second one; pairs of neighbours in each
/// row of a part, and their distance.
inline constexpr int64_t kRows = 2, kPairs = 2, kDistance = 8;
/// Lanes that share rows.
inline constexpr int64_t kAcross = 4;

/// What a lane knows of its rows: for each its largest score and its part of the sum of powers; and
/// the results of its warp's rows, sixteen columns at a time.
struct MmaRowStates {
  llvm::SmallVector<mlir::Value> largest, sums, results;

  llvm::SmallVector<mlir::Value> flatten() const {
    return llvm::to_vector(llvm::concat<const mlir::Value>(largest, sums, results));
  }
  static MmaRowStates unflatten(mlir::ValueRange values) {
    return {values.take_front(kRows), values.slice(kRows, kRows), values.drop_front(2 * kRows)};
  }
};

class MmaAttentionEmitter : AttentionEmitter {
public:
  MmaAttentionEmitter(KernelEmitter &e, AttentionOp op, AttentionTileScheduleAttr schedule);

  void emit() {
    forTiles(schedule.getTileRows(),
             [&](mlir::Value set, mlir::Value firstRow) { emitTile(set, firstRow); });
  }

private:
  ContractionOperand queryOperand();
  ContractionOperand keyOperand();
  ContractionOperand valueOperand();

  void emitTile(mlir::Value set, mlir::Value firstRow);
  void bringStep(mlir::Value set, mlir::Value step, mlir::Value stage);
  void bringNext(mlir::Value set, mlir::Value step, mlir::Value stage);
  /// Whether anything is brought asynchronously.
  bool areCopied() const {
    return queryTiles.isCopied() || keyTiles.isCopied() || valueTiles.isCopied();
  }
  void awaitTiles();
  MmaRowStates emitStep(mlir::Value step, mlir::Value stage, const MmaRowStates &states);

  mlir::Value load(tile::Role role, const ContractionStaging &operand, mlir::Value stage,
                   mlir::Value line, mlir::Value column);
  void holdQueries();
  mlir::Value loadQueries(int64_t part);
  mlir::Value loadKeys(mlir::Value stage, int64_t key, int64_t part);
  mlir::Value loadValues(mlir::Value stage, int64_t key, int64_t column);
  llvm::SmallVector<mlir::Value> multiplyKeys(mlir::Value stage);
  llvm::SmallVector<mlir::Value> splitPowers(mlir::Value powers);
  void multiplyValues(mlir::Value stage, llvm::ArrayRef<mlir::Value> powers,
                      llvm::SmallVectorImpl<mlir::Value> &results);

  mlir::Value makeScores(mlir::Value products, mlir::Value firstKey);
  void makePair(int64_t row, mlir::Value key, llvm::MutableArrayRef<mlir::Value> products);
  mlir::Value largestIn(llvm::ArrayRef<mlir::Value> scores, int64_t row);
  MmaRowStates emitPowers(llvm::SmallVectorImpl<mlir::Value> &scores, const MmaRowStates &states);
  /// What belongs to each of the rows of a lane, for each of its sums.
  mlir::Value spread(llvm::ArrayRef<mlir::Value> ofRows);
  /// 2^(exponent * log2 e - base), where the base is of that kind already.
  mlir::Value power(mlir::Value exponent, mlir::Value base);
  mlir::Value toBinary(mlir::Value exponent) {
    return em.create<mlir::arith::MulFOp>(exponent, number(llvm::numbers::log2e));
  }

  llvm::SmallVector<mlir::Value> weighRows(MmaRowStates &states);
  llvm::SmallVector<mlir::Value> weighSlices(MmaRowStates &states);
  void finishTile(mlir::Value set, mlir::Value firstRow, const MmaRowStates &states);
  void storeStates(mlir::Value set, mlir::Value firstRow, const MmaRowStates &states);
  void storeResults(mlir::Value set, mlir::Value firstRow);

  AttentionTileScheduleAttr schedule;
  mlir::FloatType multiplied;
  AttentionTiles layout;
  /// The type of what is in shared memory, and how it is multiplied.
  mlir::Type stored;
  tile::Number kind;
  /// Numbers of a part's depth, parts of the depth, of a slice's keys, and of columns.
  int64_t partDepth, depthParts, keyParts, columnParts;
  ContractionOperand query, key, value;
  ContractionStaging queryTiles, keyTiles, valueTiles;
  mlir::Value resultTiles, stateTiles;
  /// Of this warp: its first row, and its slice; and the place of this lane in a part.
  mlir::Value warpRow, slice, laneRow, laneColumn;
  /// Of the present tile: the end of its steps, the positions of this lane's rows, and queries that
  /// stay in registers.
  mlir::Value lastStep;
  llvm::SmallVector<Position> rowPositions;
  llvm::SmallVector<mlir::Value> heldQueries;
};

} // namespace tenon::cuda

#endif
