// The `cpu` dialect's C++ face: processors and schedules.
//
// Schedules are chosen from a processor's numbers (vector length, registers, caches); the LLVM back
// end gets its name and instruction sets. `x86-64-v3` (AVX2), `x86-64-v4` (AVX-512) and `generic`
// (AArch64) are rows of a table; `native` asks the host.
#ifndef TENON_DIALECTS_TARGET_CPU_CPUDIALECT_H
#define TENON_DIALECTS_TARGET_CPU_CPUDIALECT_H

#include "dialects/Target/TargetInterfaces.h"
#include "dialects/Target/WeightLayout.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "llvm/Support/Error.h"

#include "dialects/Target/Cpu/CpuDialect.h.inc"
#include "dialects/Target/Cpu/CpuEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Target/Cpu/CpuAttributes.h.inc"

namespace tenon::cpu {

/// The processor named `name`: "native", an LLVM processor such as "x86-64-v3", "znver4" or
/// "neoverse-n1", or an AArch64 architecture such as "armv8.2-a". An error if LLVM does not know
/// it.
llvm::Expected<TargetAttr> lookupTarget(llvm::StringRef name, mlir::MLIRContext *context);

/// The processor that this process runs on.
TargetAttr getNativeTarget(mlir::MLIRContext *context);

/// How weights lie in memory. NR is the schedule's panel width.
enum class WeightLayout {
  /// [group][ceil(N/NR)][taps...][K][NR]; the last panel is zero padded to full NR. For an
  /// instruction that takes `interleave` channels at once:
  /// [...][ceil(K/interleave)][NR][interleave].
  Packed,
  /// [group][taps...][K][N] with strides, e.g. the second operand of a matrix product.
  RowMajor,
  /// [group][N][K] with strides; one tap only.
  Transposed,
};

/// The largest number of bf16. Numbers of f32 that are sums of parts (docs/numerics.md) are at most
/// this in their first one, which rounding would make infinite.
inline constexpr float largestBFloat = 0x1.fep127f;

/// Products, by what bounds them: those of few rows take the time that reading weights takes, and
/// those of many rows that of arithmetic. The latter may be worth tiles.
enum class ProductSize { FewRows, ManyRows, WholeTiles };

/// What of the target multiplies inputs by weights of these types into sums of 32 bits: the
/// fastest; for few rows, what takes the most channels as they are in memory.
MmaAttr chooseMma(TargetAttr target, mlir::Type input, mlir::Type weights, ProductSize size);

/// What of the target multiplies bytes, four channels at once, in vectors of sums that one row has
/// for itself, the weights with a sign and the input with either; null if nothing does.
MmaAttr chooseByteMma(TargetAttr target);

/// G of minimal filtering F(m x m, 3 x 3), with m + 2 rows of 3: the filters g of 3x3 become
/// G g G^T. Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016).
llvm::ArrayRef<double> getWinogradFilterTransform(int64_t outputTile);

} // namespace tenon::cpu

#endif
