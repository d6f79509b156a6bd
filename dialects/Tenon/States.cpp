// States of functions (see the header).

#include "dialects/Tenon/States.h"

using namespace mlir;

namespace tenon {

SmallVector<State> getStates(FunctionOpInterface function) {
  SmallVector<State> states;
  for (unsigned input = 0; input < function.getNumArguments(); ++input)
    if (auto output = function.getArgAttrOfType<IntegerAttr>(input, kStateAttrName))
      states.push_back({input, output.getInt()});
  return states;
}

void setState(FunctionOpInterface function, State state) {
  function.setArgAttr(state.input, kStateAttrName,
                      Builder(function.getContext()).getI64IntegerAttr(state.output));
}

Value getStateInput(FunctionOpInterface function, int64_t output) {
  for (State state : getStates(function))
    if (state.output == output)
      return function.getArgument(state.input);
  return nullptr;
}

} // namespace tenon
