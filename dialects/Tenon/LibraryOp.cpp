// Names of library functions (see the header).

#include "dialects/Tenon/LibraryOp.h"

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

} // namespace tenon
