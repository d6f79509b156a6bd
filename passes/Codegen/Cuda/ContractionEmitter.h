// What kernels of matrix products and convolutions have in common, whatever multiplies: a product's
// operands and results by rows, columns and depth, and the tiles of a block.
//
// A convolution is a product whose rows are positions of the output and whose depth is taps and
// channels: an operand's element is found through its index (implicit GEMM), so that nothing is
// copied, and slices, gathers and conversions of operands in the kernel are index arithmetic and
// arithmetic as everywhere.
#ifndef TENON_PASSES_CODEGEN_CUDA_CONTRACTIONEMITTER_H
#define TENON_PASSES_CODEGEN_CUDA_CONTRACTIONEMITTER_H

#include "passes/Codegen/Cuda/KernelEmitter.h"
#include "passes/Schedule/Cuda/Sizes.h"

namespace tenon::cuda {

/// An operand of a product, as a matrix of rows or columns by the depth.
struct ContractionOperand {
  mlir::Value tensor;
  /// Of rows, or columns.
  mlir::AffineExpr size;
  /// The last of the dimensions that make up the depth. What is behind the depth in it is zero.
  mlir::AffineExpr lastDepth;
  /// Neighbours in memory are neighbours in depth, and not rows or columns.
  bool isDeep;
  /// The index of an element.
  std::function<llvm::SmallVector<LaneIndex>(mlir::Value outer, LaneIndex position,
                                             LaneIndex depth)>
      index;
  /// Steps of the depth lie one below the other in tiles, as they do in memory, for numbers of 32
  /// bits, too: who multiplies them does not need them side by side.
  bool keepsLines = false;
};

class ContractionEmitter {
public:
  ContractionEmitter(KernelEmitter &e, mlir::Operation *root);

protected:
  /// Calls `body` for the tiles that fall to the block, with the product that each is of and its
  /// first row and column: in bands of so many rows of tiles, one column of a band after the other.
  void
  forTiles(int64_t tileRows, int64_t tileColumns, int64_t band,
           llvm::function_ref<void(mlir::Value outer, mlir::Value row, mlir::Value column)> body);
  /// The same with values that are carried from tile to tile.
  using CarryingBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value outer, mlir::Value row, mlir::Value column, mlir::ValueRange carried)>;
  void forTiles(int64_t tileRows, int64_t tileColumns, int64_t band, mlir::ValueRange init,
                CarryingBody body);
  /// The sums of `lanes` neighbouring columns by one multiply-add after the other.
  mlir::Value multiplyAdd(mlir::Value outer, mlir::Value row, mlir::Value column, int64_t lanes);
  /// Emits what follows `lanes` neighbouring sums in the kernel, and its stores.
  void finish(mlir::Value sums, int64_t lanes, mlir::Value outer, mlir::Value row,
              mlir::Value column);

  /// Whether a size is known to be a multiple of a number.
  static bool isMultiple(mlir::AffineExpr size, int64_t divisor) {
    int64_t known = getConstantOr(size, 0);
    return known > 0 && known % divisor == 0;
  }

  KernelEmitter &e;
  Emitter &em;
  mlir::Operation *root;
  ContractionSizes sizes;
  mlir::Type sumType;
  mlir::AffineExpr rowCount, depthCount;
  mlir::Value rows, columns, depth;
  ContractionOperand left, right;
  /// The first tile of the block, and how far it is to its next one.
  mlir::Value firstTile, tileStep;

private:
  ContractionOperand makeLeft();
  ContractionOperand makeRight();
  ContractionOperand makeColumns(UnpackOp unpack);
  ContractionOperand makeSparseColumns(UnpackOp unpack);
  llvm::SmallVector<LaneIndex> matmulIndex(mlir::Value operand, mlir::Value outer, LaneIndex first,
                                           LaneIndex second);
  llvm::SmallVector<LaneIndex> inputIndex(ConvOp op, mlir::Value group, LaneIndex row,
                                          LaneIndex depth);
};

} // namespace tenon::cuda

#endif
