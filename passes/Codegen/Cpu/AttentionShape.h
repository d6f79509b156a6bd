// The sizes of an attention op, as its schedule depends on them, and the strides of its operands.
#ifndef TENON_PASSES_CODEGEN_CPU_ATTENTIONSHAPE_H
#define TENON_PASSES_CODEGEN_CPU_ATTENTIONSHAPE_H

#include "dialects/Tenon/TenonDialect.h"
#include "passes/Codegen/Cpu/Attention.h"

namespace tenon {

cpu::AttentionSizes getAttentionSizes(AttentionOp op);

/// The strides, in elements, of the dimensions that an operand of attention has in the order of the
/// op's description, given those in the order of memory; 0 for a batch that all share.
DimExprs getAttentionStrides(mlir::ArrayRef<mlir::AffineExpr> strides, mlir::Type type,
                             llvm::ArrayRef<int64_t> permutation);

} // namespace tenon

#endif
