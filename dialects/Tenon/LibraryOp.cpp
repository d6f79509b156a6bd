// What library ops share (see the header).

#include "dialects/Tenon/LibraryOp.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

std::string getLibraryTypeName(Type elementType) {
  if (auto integer = dyn_cast<IntegerType>(elementType)) {
    unsigned width = integer.getWidth();
    bool isUnsigned = integer.isUnsigned() || width == 1;
    return ((isUnsigned ? "u" : "i") + Twine(width == 1 ? 8 : width)).str();
  }
  if (elementType.isBF16())
    return "bf16";
  if (isa<FloatType>(elementType))
    return ("f" + Twine(elementType.getIntOrFloatBitWidth())).str();
  return "string";
}

void addLibraryEffects(LibraryOpInterface op, SmallVectorImpl<EffectInstance> &effects) {
  for (OpResult result : op->getResults())
    if (op.getResultCapacity(result.getResultNumber()) != getDims(result.getType()))
      return (void)effects.emplace_back(MemoryEffects::Write::get(), ShapeSymbols::get());
}

} // namespace tenon
