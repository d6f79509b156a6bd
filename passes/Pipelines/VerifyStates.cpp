// States of functions: a caller may use one memory for such an input and its output, so they have
// one type. What users say about states is checked here, too: errors call tensors by their names.

#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/Shape.h"
#include "dialects/Tenon/States.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Pipelines/StageChecks.h"

using namespace mlir;

namespace tenon {

/// "'h0'", or the number of a tensor without a name.
static std::string quote(StringAttr name, int64_t number) {
  return name ? "'" + name.str() + "'" : std::to_string(number);
}

static std::string nameOfInput(func::FuncOp function, unsigned number) {
  return quote(function.getArgAttrOfType<StringAttr>(number, "tenon.name"), number);
}

static std::string nameOfOutput(func::FuncOp function, int64_t number) {
  return quote(function.getResultAttrOfType<StringAttr>(number, "tenon.name"), number);
}

/// "f32 [1,batch,5]".
static std::string describe(func::FuncOp function, Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  SmallVector<StringRef> names = getSymbolNames(function);
  stream << getElementTypeOrSelf(type) << " [";
  llvm::interleave(
      getDims(type), stream,
      [&](AffineExpr dim) {
        auto symbol = dyn_cast<AffineSymbolExpr>(dim);
        if (symbol && symbol.getPosition() < names.size())
          stream << names[symbol.getPosition()];
        else
          stream << dim;
      },
      ",");
  stream << "]";
  return text;
}

/// Before sizes are compared, dimensions may still turn out to be the same.
static bool areAlike(Type input, Type output, bool compareSizes) {
  DimExprs inputDims = getDims(input), outputDims = getDims(output);
  return getElementTypeOrSelf(input) == getElementTypeOrSelf(output) &&
         inputDims.size() == outputDims.size() && (!compareSizes || inputDims == outputDims);
}

static LogicalResult verifyState(func::FuncOp function, State state, bool compareSizes) {
  std::string input = nameOfInput(function, state.input);
  if (state.output < 0 || state.output >= static_cast<int64_t>(function.getNumResults()))
    return function.emitError("input ") << input << " is a state whose output is " << state.output
                                        << ", of a function with " << function.getNumResults();
  Type inputType = function.getArgumentTypes()[state.input],
       outputType = function.getResultTypes()[state.output];
  // A table's tensor is a tensor for the program, but not for a caller.
  bool isTable = function.getResultAttr(state.output, kKeysAttrName) != nullptr;
  if (!isa<RankedTensorType>(inputType) || !isa<RankedTensorType>(outputType) || isTable)
    return function.emitError("input ") << input << " is a state, but it or its output "
                                        << nameOfOutput(function, state.output) << " is no tensor";
  if (areAlike(inputType, outputType, compareSizes))
    return success();
  return function.emitError("input ")
         << input << " is a state of type " << describe(function, inputType) << ", but its output "
         << nameOfOutput(function, state.output) << " is " << describe(function, outputType);
}

static LogicalResult verifyAttributes(func::FuncOp function) {
  for (unsigned input = 0; input < function.getNumArguments(); ++input) {
    Attribute attribute = function.getArgAttr(input, kStateAttrName);
    auto number = dyn_cast_if_present<IntegerAttr>(attribute);
    if (attribute && (!number || !number.getType().isInteger(64)))
      return function.emitError("input ")
             << nameOfInput(function, input) << " has '" << kStateAttrName << "' " << attribute
             << ", which is no number of an output";
  }
  return success();
}

static LogicalResult verifyStates(func::FuncOp function, bool compareSizes) {
  if (failed(verifyAttributes(function)))
    return failure();
  LogicalResult result = success();
  llvm::DenseMap<int64_t, unsigned> inputs; // by output
  for (State state : getStates(function)) {
    if (failed(verifyState(function, state, compareSizes)))
      result = failure();
    else if (auto [other, isNew] = inputs.try_emplace(state.output, state.input); !isNew)
      result = function.emitError("output ")
               << nameOfOutput(function, state.output) << " is that of two states: inputs "
               << nameOfInput(function, other->second) << " and "
               << nameOfInput(function, state.input);
  }
  return result;
}

LogicalResult verifyStates(ModuleOp module, bool compareSizes) {
  LogicalResult result = success();
  for (auto function : module.getOps<func::FuncOp>())
    if (failed(verifyStates(function, compareSizes)))
      result = failure();
  return result;
}

} // namespace tenon
