// An operand of a product that the copy engine brings to shared memory: its tiles there, its tensor
// map, and which box of it a step of the depth needs.
#ifndef TENON_PASSES_CODEGEN_CUDA_BROUGHTOPERAND_H
#define TENON_PASSES_CODEGEN_CUDA_BROUGHTOPERAND_H

#include "dialects/Target/Cuda/SparseColumns.h"
#include "dialects/Tile/TileDialect.h"
#include "passes/Codegen/Cuda/ContractionEmitter.h"
#include "runtime/abi.h"

namespace tenon::cuda {

/// What a step multiplies: channels from `channel` on of a tap of the filter, whose place in it is
/// `taps` and whose number is `tap`. A matrix product has one tap.
struct DepthStep {
  mlir::Value channel, tap;
  llvm::SmallVector<LaneIndex> taps;
};

class BroughtOperand {
public:
  /// How many rows or columns of a product a tile has, of how many channels a step, how many stages
  /// there are, and where in shared memory they are. Of a tile that the blocks of a cluster have in
  /// common each has one of so many `parts` brought, to all of them.
  struct Tiles {
    int64_t size, depth, stages, offset, parts = 1;

    int64_t getOwn() const { return size / parts; }
  };

  /// The input of a convolution: runs of its output's pixels.
  static BroughtOperand makePixels(KernelEmitter &e, ConvOp conv, const ContractionSizes &sizes,
                                   const ContractionOperand &operand, mlir::Type number,
                                   Tiles tiles);
  /// Its filters, which lie by columns.
  static BroughtOperand makeFilters(KernelEmitter &e, ConvOp conv, const ContractionSizes &sizes,
                                    const ContractionOperand &operand, mlir::Type number,
                                    Tiles tiles);
  /// Weights without half of them (`#cuda.sparse_columns`): what is left of each output.
  static BroughtOperand makeValues(KernelEmitter &e, const SparseColumns &form,
                                   const ContractionSizes &sizes, const ContractionOperand &operand,
                                   mlir::Type number, Tiles tiles);
  /// The words that say where they were, a line for sixteen outputs and 64 channels. Those outside
  /// are zeros. A tile is of `outputs` by `channels`.
  static BroughtOperand makePlaces(KernelEmitter &e, const SparseColumns &form,
                                   const ContractionSizes &sizes, const ContractionOperand &operand,
                                   int64_t outputs, int64_t channels, Tiles tiles);
  /// A matrix, whose rows or columns lie along its depth, or whose steps of the depth lie one below
  /// the other.
  static BroughtOperand makeMatrix(KernelEmitter &e, const ContractionOperand &operand,
                                   mlir::Type number, Tiles tiles);

  mlir::Value getTiles() const { return buffer; }
  /// Of panels, if steps of the depth lie one below the other; null otherwise.
  mlir::IntegerAttr getPanel() const { return panel; }
  /// Has a step brought, of rows or columns from `first` on of product `outer`.
  void bring(mlir::Value outer, mlir::Value first, const DepthStep &step, mlir::Value stage,
             mlir::Value barriers);

private:
  /// The first element of a box, and how far a filter's tap is from it; innermost first.
  struct Place {
    llvm::SmallVector<mlir::Value> origin, tap;
  };
  using Locate = std::function<Place(mlir::Value outer, mlir::Value first, const DepthStep &step)>;

  BroughtOperand(KernelEmitter &e, mlir::Type number, Tiles tiles, bool isTurned);
  /// Describes the memory of a tensor, whose dimensions are the map's.
  tenon_tensor_map_desc describe(mlir::Value tensor) const;
  void addMap(const tenon_tensor_map_desc &desc) { map = e->addTensorMap(desc); }

  KernelEmitter *e;
  Tiles tiles;
  mlir::Type number;
  mlir::Value buffer, map;
  mlir::IntegerAttr panel;
  Locate locate;
};

} // namespace tenon::cuda

#endif
