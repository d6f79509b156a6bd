// What library ops share in C++.

#ifndef TENON_DIALECTS_TENON_LIBRARYOP_H
#define TENON_DIALECTS_TENON_LIBRARYOP_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/Twine.h"

namespace tenon {

/// "f32", "i64", "u8": how the kernel library's functions call an element type. Booleans are bytes
/// of 0 and 1, "u8".
std::string getLibraryTypeName(mlir::Type elementType);

/// The instance of a library function for an element type: tenon_topk_f32.
inline std::string getLibraryFunctionName(llvm::StringRef name, mlir::Type elementType) {
  return ("tenon_" + name + "_" + getLibraryTypeName(elementType)).str();
}

} // namespace tenon

#endif
