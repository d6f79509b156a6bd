// States by name (see the header).

#include "lib/Driver/States.h"
#include "dialects/Tenon/States.h"

using namespace mlir;

namespace tenon::driver {

llvm::Expected<StateOption> StateOption::parse(StringRef text) {
  auto [input, output] = text.rsplit('=');
  if (input.empty() || output.empty())
    return llvm::createStringError("'" + text + "' is not of the form INPUT=OUTPUT");
  return StateOption{input.str(), output.str()};
}

static std::optional<unsigned> findInput(func::FuncOp function, StringRef name) {
  for (unsigned number = 0; number < function.getNumArguments(); ++number)
    if (function.getArgAttrOfType<StringAttr>(number, "tenon.name") == name)
      return number;
  return std::nullopt;
}

static std::optional<unsigned> findOutput(func::FuncOp function, StringRef name) {
  for (unsigned number = 0; number < function.getNumResults(); ++number)
    if (function.getResultAttrOfType<StringAttr>(number, "tenon.name") == name)
      return number;
  return std::nullopt;
}

static LogicalResult markState(func::FuncOp function, const StateOption &state) {
  std::optional<unsigned> input = findInput(function, state.input),
                          output = findOutput(function, state.output);
  if (!input)
    return function.emitError("--state names '") << state.input << "', which is not an input";
  if (!output)
    return function.emitError("--state names '") << state.output << "', which is not an output";
  if (function.getArgAttr(*input, kStateAttrName))
    return function.emitError("--state names input '") << state.input << "' twice";
  setState(function, {*input, *output});
  return success();
}

LogicalResult markStates(func::FuncOp function, ArrayRef<StateOption> states) {
  for (const StateOption &state : states)
    if (failed(markState(function, state)))
      return failure();
  return success();
}

} // namespace tenon::driver
