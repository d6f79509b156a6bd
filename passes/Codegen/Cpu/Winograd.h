// Emission of 3x3 convolutions with Winograd's minimal filtering, F(m x m, 3 x 3).
//
// Input tiles of m+2 by m+2 positions, and the filters, are transformed so that convolving becomes
// (m+2)^2 independent matrix products: 2.25 times fewer multiplications for m = 2, 4 times fewer
// for m = 4 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015). For m = 2
// all factors are 1 and 1/2, and errors stay near those of direct summation; for m = 4 they are
// about ten times larger.
#ifndef TENON_PASSES_CODEGEN_CPU_WINOGRAD_H
#define TENON_PASSES_CODEGEN_CPU_WINOGRAD_H

#include "passes/Codegen/Cpu/Contraction.h"

namespace tenon::cpu {

struct WinogradSchedule {
  /// m: outputs per tile and dimension, 2 or 4.
  int64_t outputTile = 2;
  /// Register tile: rows are transformed tiles.
  int64_t tileRows = 1, tileVectors = 1;
  /// Register tiles that are transformed before they are multiplied; they stay in the second cache.
  int64_t blockTiles = 1;
  /// Cache lines of the next point's weights to prefetch per trip of the microkernel's loop.
  int64_t prefetchLines = 0;

  int64_t inputTile() const { return outputTile + 2; }
  int64_t points() const { return inputTile() * inputTile(); }
  int64_t panelWidth(const TargetInfo &target) const { return tileVectors * target.lanes(32); }
};

/// Whether the algorithm applies: two dimensions, 3x3, stride and dilation 1, one group, f32 sums,
/// packed weights.
bool supportsWinograd(const ContractionSpec &spec);

/// The output tile to use where it is faster than direct summation and as accurate; 0: none.
/// `sizes` are those of the convolution, which has two dimensions, 3x3 taps, stride, dilation and
/// group 1.
int64_t chooseWinogradTile(const TargetInfo &target, const ContractionSizes &sizes);

WinogradSchedule chooseWinogradSchedule(const TargetInfo &target, int64_t outputTile,
                                        const ContractionSizes &sizes);

/// G, with `inputTile` rows of 3: the filters g of 3x3 become G g G^T.
llvm::ArrayRef<double> winogradFilterTransform(int64_t outputTile);

/// Scratch bytes that each task needs.
ScratchBytes winogradScratchBytes(const WinogradSchedule &schedule, const TargetInfo &target);

/// As emitContraction. `spec.kernel` is 3x3, but `spec.weights` holds transformed filters, packed
/// as those of an inputTile x inputTile convolution.
void emitWinograd(mlir::OpBuilder &builder, mlir::Location loc, mlir::ModuleOp module,
                  const ContractionSpec &spec, const WinogradSchedule &schedule,
                  const TargetInfo &target, mlir::Value task, mlir::Value tasks,
                  EpilogueFn epilogue);

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_WINOGRAD_H
