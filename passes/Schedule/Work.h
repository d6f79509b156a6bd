// How much a kernel computes and moves: for reports, and to choose between devices.
#ifndef TENON_PASSES_SCHEDULE_WORK_H
#define TENON_PASSES_SCHEDULE_WORK_H

#include "dialects/Target/DeviceCosts.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tenon {

/// Bytes that a call reads and writes; 0 if sizes tell.
int64_t countKernelBytes(KernelOp kernel);
/// Floating point operations of a call; 0 if sizes tell, or nothing is computed.
int64_t countKernelFlops(KernelOp kernel);

/// The work of a launch, where the function's symbols, which only a run tells, all are `size`.
LaunchWork estimateWork(LaunchOp launch, KernelOp kernel, int64_t size);
/// Bytes of a tensor in a function, with the same assumption.
double estimateBytes(mlir::Type tensor, mlir::func::FuncOp function, int64_t size);

} // namespace tenon

#endif
