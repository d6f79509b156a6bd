// Where the weights that are left of a product's right operand were, in shared memory: words of
// `#cuda.sparse_columns` beside the tiles of its values.
#ifndef TENON_PASSES_CODEGEN_CUDA_SPARSEPLACES_H
#define TENON_PASSES_CODEGEN_CUDA_SPARSEPLACES_H

#include "dialects/Target/Cuda/SparseColumns.h"
#include "dialects/Tile/TileDialect.h"
#include "passes/Codegen/Cuda/KernelEmitter.h"

namespace tenon::cuda {

/// A lane's word for sixteen columns by 64 of the depth, from a place of a tile on, which is of so
/// many times 64 of the depth.
mlir::Value loadPlaces(Emitter &em, mlir::Value tiles, int64_t depthBlocks, mlir::Value lane,
                       mlir::Value stage, mlir::Value column, mlir::Value depth);

class SparsePlaces {
public:
  /// For tiles of so many columns by `depth`, at `offset` of shared memory.
  SparsePlaces(KernelEmitter &e, UnpackOp weights, int64_t tileColumns, int64_t depth,
               int64_t stages, int64_t offset);

  /// Bytes of them in shared memory.
  static int64_t countBytes(int64_t tileColumns, int64_t depth, int64_t stages);

  /// Prepares for a tile from a column of a group on.
  void begin(mlir::Value group, mlir::Value column);
  /// Starts to bring those from `depth` on to a stage.
  void fetch(mlir::Value depth, mlir::Value stage);
  /// This lane's word (`loadPlaces`).
  mlir::Value load(mlir::Value stage, mlir::Value column, mlir::Value depth);

private:
  /// A chunk of a thread: sixteen columns and 64 of the depth that it is of, a place in their
  /// words, and whether the tile has it, null if it has.
  struct Chunk {
    mlir::Value row, word, isOwn;
  };

  Emitter &em;
  SparseColumns form;
  /// Of a tile.
  int64_t depthBlocks;
  mlir::Value tiles, weights, lane;
  llvm::SmallVector<Chunk> chunks;
  mlir::Value group, firstBlock;
};

} // namespace tenon::cuda

#endif
