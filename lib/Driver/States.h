// What a caller says about a model's states (dialects/Tenon/States.h).
#ifndef TENON_LIB_DRIVER_STATES_H
#define TENON_LIB_DRIVER_STATES_H

#include "lib/Driver/Driver.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tenon::driver {

/// Marks the states in `function` by the names of its inputs and outputs. Whether their types agree
/// is checked at the ends of stages.
llvm::LogicalResult markStates(mlir::func::FuncOp function, llvm::ArrayRef<StateOption> states);

} // namespace tenon::driver

#endif
