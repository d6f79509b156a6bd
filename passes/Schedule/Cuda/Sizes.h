// Matrix products, convolutions and attention as products of matrices, which their schedules and
// their code go by.
#ifndef TENON_PASSES_SCHEDULE_CUDA_SIZES_H
#define TENON_PASSES_SCHEDULE_CUDA_SIZES_H

#include "dialects/Tenon/TenonDialect.h"

namespace tenon::cuda {

/// `outer` times, [rows x depth] * [depth x columns]. Each is a product of dimensions:
///
/// | | outer | rows | depth | columns |
/// |---|---|---|---|---|
/// | matmul | batches | rows | the summed dimension | columns |
/// | conv | groups | images and positions | taps and a group's channels | a group's outputs |
struct ContractionSizes {
  DimExprs outer, rows, depth;
  mlir::AffineExpr columns;
};

/// Of a `tenon.matmul` or `tenon.conv`.
ContractionSizes getContractionSizes(mlir::Operation *op);

/// The types of the numbers that matrix units would multiply: those of the operands' elements, but
/// that f32 beside halves is rounded to these where the caller allows it
/// (`tenon.multiplied_type`), or where it was widened from them.
std::pair<mlir::Type, mlir::Type> getMultipliedTypes(mlir::Operation *op);

/// Whether an operand of f32 may be multiplied as a half of this type.
bool mayRound(mlir::OpOperand &operand, mlir::Type half);

/// Sizes of attention. A head of keys serves `group` heads of queries, whose rows are all
/// multiplied by it.
struct AttentionSizes {
  mlir::AffineExpr batch, keyHeads, group, queries, keys;
  /// Of queries and keys, and of values; -1 if unknown.
  int64_t depth, width;
  /// In which keys are taken, each by blocks of its own.
  int64_t parts;

  mlir::AffineExpr rows() const { return group * queries; }
};

AttentionSizes getAttentionSizes(AttentionOp op);

/// What a kernel may have of shared memory without asking the driver for more.
inline constexpr int64_t kStaticSharedBytes = 48 << 10;

/// Elements between lines of so many positions in shared memory: 16 bytes more than they are.
int64_t getLinePitch(int64_t positions, int64_t elementBytes);
/// Columns of results that threads have together, which each have as many.
int64_t padWidth(const AttentionSizes &sizes);
/// Bytes of shared memory that a block takes: queries, powers, and keys or values, which take
/// turns.
int64_t getSharedBytes(const AttentionSizes &sizes, int64_t tileRows, int64_t tileKeys);
int64_t getKeyBytes(const AttentionSizes &sizes, int64_t tileKeys);

} // namespace tenon::cuda

#endif
