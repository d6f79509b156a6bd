// The sizes of a contraction op, as its schedule depends on them.
#ifndef TENON_PASSES_CODEGEN_CPU_CONTRACTIONSHAPE_H
#define TENON_PASSES_CODEGEN_CPU_CONTRACTIONSHAPE_H

#include "dialects/Tenon/TenonDialect.h"
#include "passes/Codegen/Cpu/Contraction.h"
#include "passes/Codegen/Cpu/Depthwise.h"

namespace tenon {

/// The sizes of a `tenon.matmul` or `tenon.conv`.
cpu::ContractionSizes getContractionSizes(mlir::Operation *op);

/// The sizes of a convolution with a filter for each channel.
cpu::DepthwiseSizes getDepthwiseSizes(ConvOp op);

/// The type in which sums are kept.
mlir::Type getAccumulatorType(mlir::Type elementType);

} // namespace tenon

#endif
