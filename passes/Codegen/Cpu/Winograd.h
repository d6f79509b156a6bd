// Emission of 3x3 convolutions with Winograd's minimal filtering, F(m x m, 3 x 3).
//
// Input tiles of m+2 by m+2 positions, and the filters, are transformed so that convolving becomes
// (m+2)^2 independent matrix products: 2.25 times fewer multiplications for m = 2, 4 times fewer
// for m = 4 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015). For m = 2
// all factors are 1 and 1/2, and errors stay near those of direct summation; for m = 4 they are
// about ten times larger. Integers are exact.
#ifndef TENON_PASSES_CODEGEN_CPU_WINOGRAD_H
#define TENON_PASSES_CODEGEN_CPU_WINOGRAD_H

#include "passes/Codegen/Cpu/Contraction.h"

namespace tenon::cpu {

/// Whether the algorithm applies: two dimensions, 3x3, stride and dilation 1, one group, sums of 32
/// bits, packed weights.
bool supportsWinograd(const ContractionSpec &spec);

/// Scratch bytes that each task needs.
ScratchBytes winogradScratchBytes(WinogradScheduleAttr schedule);

/// As emitContraction. `spec.kernel` is 3x3, but `spec.weights` holds transformed filters, packed
/// as those of an inputTile x inputTile convolution.
void emitWinograd(mlir::OpBuilder &builder, mlir::Location loc, mlir::ModuleOp module,
                  const ContractionSpec &spec, WinogradScheduleAttr schedule, mlir::Value task,
                  mlir::Value tasks, EpilogueFn epilogue);

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_WINOGRAD_H
