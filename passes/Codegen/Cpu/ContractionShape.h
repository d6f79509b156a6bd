// The sizes of a contraction op, as its schedule depends on them, and schedules as attributes.
#ifndef TENON_PASSES_CODEGEN_CPU_CONTRACTIONSHAPE_H
#define TENON_PASSES_CODEGEN_CPU_CONTRACTIONSHAPE_H

#include "dialects/Tenon/TenonDialect.h"
#include "passes/Codegen/Cpu/Contraction.h"

namespace tenon {

/// The sizes of a `tenon.matmul` or `tenon.conv`.
cpu::ContractionSizes getContractionSizes(mlir::Operation *op);

/// The type in which sums are kept.
mlir::Type getAccumulatorType(mlir::Type elementType);

/// A schedule as the dictionary that a kernel's `schedule` holds, and back. Absent fields keep
/// their defaults.
mlir::DictionaryAttr toAttribute(const cpu::ContractionSchedule &schedule,
                                 mlir::MLIRContext *context);
cpu::ContractionSchedule toContractionSchedule(mlir::DictionaryAttr attribute);

} // namespace tenon

#endif
