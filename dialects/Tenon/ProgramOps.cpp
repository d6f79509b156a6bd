// Kernels, launches and places in memory: syntax and verification.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;

namespace tenon {

void KernelOp::build(OpBuilder &b, OperationState &state, StringRef name, FunctionType type,
                     StringRef strategy, int64_t numSymbols) {
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.sym_name = b.getStringAttr(name);
  properties.function_type = TypeAttr::get(type);
  properties.strategy = b.getStringAttr(strategy);
  properties.num_symbols = b.getI64IntegerAttr(numSymbols);
  Block *entry = &state.addRegion()->emplaceBlock();
  for (Type input : type.getInputs())
    entry->addArgument(input, state.location);
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto build = [](Builder &builder, ArrayRef<Type> inputs, ArrayRef<Type> outputs,
                  function_interface_impl::VariadicFlag,
                  std::string &) { return builder.getFunctionType(inputs, outputs); };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name), build,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false,
                                           getFunctionTypeAttrName(), getArgAttrsAttrName(),
                                           getResAttrsAttrName());
}

/// A symbol that is none of the first `known` ones, in an expression of the map.
static std::optional<unsigned> findForeignSymbol(AffineMap map, unsigned known) {
  for (unsigned symbol = known; symbol < map.getNumSymbols(); ++symbol)
    if (map.isFunctionOfSymbol(symbol))
      return symbol;
  return std::nullopt;
}

/// The maps that an op holds: of its attributes and of its results' types.
static SmallVector<AffineMap> mapsOf(Operation *op) {
  SmallVector<AffineMap> maps;
  for (NamedAttribute attribute : op->getAttrs())
    if (auto map = dyn_cast<AffineMapAttr>(attribute.getValue()))
      maps.push_back(map.getValue());
  for (Type type : op->getResultTypes())
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      if (auto dims = dyn_cast_if_present<AffineMapAttr>(tensor.getEncoding()))
        maps.push_back(dims.getValue());
  return maps;
}

LogicalResult KernelOp::verify() {
  int64_t known = getNumSymbols();
  if (known < 0)
    return emitOpError("has ") << known << " symbols";
  auto yield = dyn_cast<YieldOp>(getEntryBlock().back());
  if (!yield)
    return emitOpError("ends with ") << getEntryBlock().back().getName() << ", not with a yield";
  if (TypeRange(yield.getOperandTypes()) != TypeRange(getResultTypes()))
    return yield.emitOpError("gives ") << yield.getOperandTypes() << ", but @" << getSymName()
                                       << " has results of " << getResultTypes();
  if (auto tasks = getTasks())
    if (std::optional<unsigned> symbol = findForeignSymbol(*tasks, known))
      return emitOpError("divides its work by symbol ")
             << *symbol << ", but has " << known << " symbols";
  if (auto scratch = getScratch()) {
    if (scratch->getNumResults() != 1)
      return emitOpError("needs one number of bytes of scratch memory, not ")
             << scratch->getNumResults();
    if (std::optional<unsigned> symbol = findForeignSymbol(*scratch, known))
      return emitOpError("needs scratch memory by symbol ")
             << *symbol << ", but has " << known << " symbols";
  }
  for (Type type : getArgumentTypes())
    if (auto dims = dyn_cast_if_present<AffineMapAttr>(cast<RankedTensorType>(type).getEncoding()))
      if (std::optional<unsigned> symbol = findForeignSymbol(dims.getValue(), known))
        return emitOpError("has an argument with symbol ")
               << *symbol << ", but " << known << " symbols";
  for (Operation &op : getEntryBlock())
    for (AffineMap map : mapsOf(&op))
      if (std::optional<unsigned> symbol = findForeignSymbol(map, known))
        return op.emitOpError("uses symbol ")
               << *symbol << " of @" << getSymName() << ", which has " << known << " symbols";
  return success();
}

LogicalResult InsertOp::verify() {
  DimExprs part = getDims(getOperand().getType()), whole = getDims(getType());
  if (part.size() != whole.size() || getLow().getNumResults() != whole.size())
    return emitOpError("needs a start for each of ") << whole.size() << " dimensions";
  for (auto [low, size, all] : llvm::zip_equal(getLow().getResults(), part, whole))
    for (AffineExpr room : {low, all - low - size})
      if (auto constant = dyn_cast<AffineConstantExpr>(room); constant && constant.getValue() < 0)
        return emitOpError("writes beyond its result");
  if (getDestination() && getDestination().getType() != getType())
    return emitOpError("has a destination of another type: ") << getDestination().getType();
  return success();
}

LogicalResult ArenaAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t offset) {
  if (offset < 0)
    return emitError() << "offset of a place in the arena is " << offset;
  return success();
}

LogicalResult OutputAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t number) {
  if (number < 0)
    return emitError() << "number of an output is " << number;
  return success();
}

DimExprs LaunchOp::getCapacity(unsigned result) {
  if (getCapacities() && result < getCapacities()->size())
    return DimExprs(cast<AffineMapAttr>((*getCapacities())[result]).getValue().getResults());
  return getDims(getOutputs()[result].getType());
}

// Expressions over the kernel's symbols and over the function's are not compared: only the numbers.
static bool fits(TypeRange parameters, TypeRange values) {
  return parameters.size() == values.size() &&
         llvm::all_of(llvm::zip_equal(parameters, values), [](auto pair) {
           auto [parameter, value] = pair;
           return getElementTypeOrSelf(parameter) == getElementTypeOrSelf(value) &&
                  succeeded(verifyCompatibleShape(parameter, value));
         });
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("names no kernel: ") << getKernelAttr();
  int64_t given = getSymbols() ? getSymbols()->getNumResults() : 0;
  if (static_cast<int64_t>(kernel.getNumSymbols()) != given)
    return emitOpError("gives ") << given << " symbols to " << getKernelAttr() << ", which has "
                                 << kernel.getNumSymbols();
  if (!fits(kernel.getArgumentTypes(), getInputs().getTypes()) ||
      !fits(kernel.getResultTypes(), getOutputs().getTypes()))
    return emitOpError("does not fit the signature of ") << getKernelAttr();
  if (!getDestination())
    return success();
  Value result = kernel.getEntryBlock().getTerminator()->getOperand(0);
  if (!result.getDefiningOp<InsertOp>() || getDestination().getType() != getOutputs()[0].getType())
    return emitOpError("has a destination, but ")
           << getKernelAttr() << " writes no part of a tensor of that type";
  if (!getDestination().getDefiningOp<BufferOpInterface>())
    return emitOpError("writes a part of a tensor that no launch made");
  return success();
}

} // namespace tenon
