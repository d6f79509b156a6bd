// ONNX's tensor element types: numbers in files, MLIR types, names in messages.
//
// The numbers are spelled out here because the protobuf classes that Debian ships know only those
// up to BFLOAT16; newer ones arrive as plain integers.

#ifndef TENON_LIB_IMPORTER_ELEMENTTYPES_H
#define TENON_LIB_IMPORTER_ELEMENTTYPES_H

#include "mlir/IR/BuiltinTypes.h"
#include <string>

namespace tenon {

enum class ElementKind : int32_t {
  Undefined = 0,
  Float = 1,
  UInt8 = 2,
  Int8 = 3,
  UInt16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  UInt32 = 12,
  UInt64 = 13,
  Complex64 = 14,
  Complex128 = 15,
  BFloat16 = 16,
  Float8E4M3FN = 17,
  Float8E4M3FNUZ = 18,
  Float8E5M2 = 19,
  Float8E5M2FNUZ = 20,
  UInt4 = 21,
  Int4 = 22,
  Float4E2M1 = 23,
  Float8E8M0 = 24,
  UInt2 = 25,
  Int2 = 26,
};

/// The element type for a data_type number; null when it is unknown or not supported (complex).
mlir::Type getElementType(int32_t dataType, mlir::MLIRContext *context);

/// The data_type number of an element type; 0 if there is none.
int32_t getDataType(mlir::Type elementType);

/// "float16 (10)", or "99" for a number that ONNX does not define.
std::string describeElementType(int32_t dataType);

/// An element type in ONNX's words: "float16", "uint8", "string".
std::string describeElementType(mlir::Type type);

/// Bits per element in raw_data; 0 for strings and unknown types.
unsigned getElementBits(int32_t dataType);

} // namespace tenon

#endif
