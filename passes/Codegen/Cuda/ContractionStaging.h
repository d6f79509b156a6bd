// How an operand of a product gets into the tiles that warps multiply.
//
// Threads bring chunks of 16 bytes. What is in memory as it is multiplied, at multiples of 16
// bytes, goes there asynchronously. All else, conversions, gathers and odd sizes, goes through
// registers: it is loaded and computed before a step's products and stored behind them.
#ifndef TENON_PASSES_CODEGEN_CUDA_CONTRACTIONSTAGING_H
#define TENON_PASSES_CODEGEN_CUDA_CONTRACTIONSTAGING_H

#include "dialects/Tile/TileDialect.h"
#include "passes/Codegen/Cuda/ContractionEmitter.h"

namespace tenon::cuda {

class ContractionStaging {
public:
  /// For tiles of `tile` rows or columns of the operand by `depth`, at `offset` of shared memory.
  /// `number` is the type of what is multiplied.
  ContractionStaging(KernelEmitter &e, const ContractionOperand &operand,
                     mlir::AffineExpr depthCount, mlir::Type number, int64_t tile, int64_t depth,
                     int64_t stages, int64_t offset);

  /// Whether steps of the depth lie one below the other in a tile, as they do in memory, and not
  /// side by side.
  bool isByLines() const { return byLines; }
  /// Whether it is copied asynchronously.
  bool isCopied() const { return memory.has_value(); }
  mlir::Value getTiles() const { return tiles; }
  int64_t getBytes() const { return type().getBytes(); }

  /// Prepares for a tile from position `first` of product `outer` on.
  void begin(mlir::Value outer, mlir::Value first);
  /// Starts to bring what is multiplied from `depth` on. Asynchronous copies go to `stage` at once.
  void fetch(mlir::Value depth, mlir::Value stage);
  /// The same without anything in between: what goes through registers is stored at once, a few
  /// chunks at a time.
  void bring(mlir::Value depth, mlir::Value stage);
  /// What fetch has in registers, for code between it and deposit that is in another region.
  llvm::SmallVector<mlir::Value> takeHeld();
  void setHeld(mlir::ValueRange values) { held = llvm::to_vector(values); }
  /// What takeHeld would give where nothing is fetched.
  llvm::SmallVector<mlir::Value> emptyHeld();
  /// Stores what fetch has in registers.
  void deposit(mlir::Value stage);

private:
  /// A chunk of a thread.
  struct Chunk {
    /// Of the tile: steps of the depth if they lie one below the other, else positions.
    mlir::Value line;
    /// The first element of its line.
    mlir::Value column;
    /// Whether the tile has it; null if it has.
    mlir::Value isOwn;
  };
  tile::BufferType type() const { return mlir::cast<tile::BufferType>(tiles.getType()); }
  std::optional<Buffer> findCopyable();
  bool hasWholeChunks() const;
  mlir::Value isInside(const Chunk &chunk, mlir::Value start, int64_t lane);
  mlir::Value loadChunk(const Chunk &chunk, mlir::Value start);
  mlir::Value loadElement(const Chunk &chunk, mlir::Value start, int64_t lane, int64_t lanes);
  void copyChunks(mlir::Value start, mlir::Value stage);
  mlir::Value toNumber(mlir::Value element);
  void ifOwn(const Chunk &chunk, llvm::function_ref<void()> body);

  KernelEmitter &e;
  Emitter &em;
  const ContractionOperand &operand;
  mlir::AffineExpr depthCount;
  mlir::Type number;
  int64_t depth;
  bool byLines, isWhole;
  /// From a chunk of a thread to its next one, which is in the same column; 0 if it may be
  /// anywhere.
  int64_t linesApart = 0;
  mlir::Value tiles, size, depthValue;
  /// The operand if it is copied.
  std::optional<Buffer> memory;
  llvm::SmallVector<Chunk> chunks;
  mlir::Value outer, first;
  /// Where this thread's chunks are in memory, but for the depth: one for each line, or for all.
  llvm::SmallVector<mlir::Value> pointers;
  llvm::SmallVector<mlir::Value> held;
};

} // namespace tenon::cuda

#endif
