// Targets and schedules, as attributes in the IR and as the structs that code generation works
// with.
#ifndef TENON_PASSES_CODEGEN_CPU_SCHEDULEATTRIBUTES_H
#define TENON_PASSES_CODEGEN_CPU_SCHEDULEATTRIBUTES_H

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/Codegen/Cpu/Attention.h"
#include "passes/Codegen/Cpu/Depthwise.h"
#include "passes/Codegen/Cpu/Winograd.h"

namespace tenon {

/// The attribute of a module that names its target.
inline constexpr llvm::StringLiteral kTargetAttrName = "tenon.target";

TargetAttr toAttribute(const cpu::TargetInfo &target, mlir::MLIRContext *context);
ContractionScheduleAttr toAttribute(const cpu::ContractionSchedule &schedule,
                                    mlir::MLIRContext *context);

DepthwiseScheduleAttr toAttribute(const cpu::DepthwiseSchedule &schedule,
                                  mlir::MLIRContext *context);
WinogradScheduleAttr toAttribute(const cpu::WinogradSchedule &schedule, mlir::MLIRContext *context);
AttentionScheduleAttr toAttribute(const cpu::AttentionSchedule &schedule,
                                  mlir::MLIRContext *context);

cpu::ContractionSchedule toStruct(ContractionScheduleAttr attribute);
cpu::DepthwiseSchedule toStruct(DepthwiseScheduleAttr attribute);
cpu::WinogradSchedule toStruct(WinogradScheduleAttr attribute);
cpu::AttentionSchedule toStruct(AttentionScheduleAttr attribute);

/// What the module that `op` is in is compiled for. Without `tenon.target` there, an error on `op`.
/// LLVM's names of processor and features are not part of the attribute.
mlir::FailureOr<cpu::TargetInfo> getTarget(mlir::Operation *op);

} // namespace tenon

#endif
