// States: inputs of a model whose next values are outputs of the same run. A caller may use one
// memory for both.
//
// The function says so on its argument: `tenon.state` is the number of the output.

#ifndef TENON_DIALECTS_TENON_STATES_H
#define TENON_DIALECTS_TENON_STATES_H

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace tenon {

/// The attribute of an argument that is a state.
inline constexpr llvm::StringLiteral kStateAttrName = "tenon.state";

/// Numbers of an argument and of the result that is its next value.
struct State {
  unsigned input;
  int64_t output;
};

/// The function's states, in the order of its arguments.
llvm::SmallVector<State> getStates(mlir::FunctionOpInterface function);

/// Makes an argument a state whose next value is the result of that number.
void setState(mlir::FunctionOpInterface function, State state);

/// The argument whose next value is the result of that number; null if it is no state's.
mlir::Value getStateInput(mlir::FunctionOpInterface function, int64_t output);

} // namespace tenon

#endif
