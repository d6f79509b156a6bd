// The numbers of a matrix product that cost models go by, and what follows from them alone.
#ifndef TENON_PASSES_SCHEDULE_CUDA_PRODUCTSIZE_H
#define TENON_PASSES_SCHEDULE_CUDA_PRODUCTSIZE_H

#include "dialects/Target/Cuda/CudaDialect.h"
#include "mlir/IR/Operation.h"

namespace tenon::cuda {

/// `outer` times, [rows x depth] * [depth x columns]. What only a run tells counts as many.
struct ProductSize {
  double outer, rows, columns, depth;
  int64_t elementBytes;
  /// Whether kernels add up sums that matrix units begin at zero (`hasShortSums`).
  bool addsSums;
};

/// Ordinary additions of a multiprocessor in a cycle.
inline constexpr double kAdditionsPerCycle = 128;

/// Of a `tenon.matmul` or `tenon.conv`, as matrix units multiply it.
ProductSize getProductSize(mlir::Operation *op);

/// What multiplies the operands of a product, if matrix units do: `instruction`, or `rounding`
/// where the operands are f32 that may be rounded. Null if the target does not multiply such
/// numbers.
MmaAttr findMma(TargetAttr target, mlir::Operation *op, MmaInstruction instruction,
                MmaInstruction rounding);

/// Whether an instruction of the target multiplies such numbers: those of 8 bits not all have.
bool multiplies(TargetAttr target, MmaAttr mma, mlir::Type left, mlir::Type right);

/// Whether matrix units sum up products of such numbers with fewer digits than f32 has: kernels
/// begin at zero often, and add up these sums themselves.
bool hasShortSums(mlir::Type number);

/// What multiplies f32 in two parts of tf32, if the op may be computed so; null otherwise.
MmaAttr findSplittingMma(mlir::Operation *op);

/// Rows of tiles that are taken together: as many as make those that run at a time a square, in
/// bytes of both operands. All of them are in the second cache anyway if there are few.
int64_t chooseBand(TargetAttr target, const ProductSize &product, int64_t tileRows,
                   int64_t tileColumns);

} // namespace tenon::cuda

#endif
