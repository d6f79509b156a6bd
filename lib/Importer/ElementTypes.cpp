// Element types (see the header).

#include "lib/Importer/ElementTypes.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace tenon {

namespace {
struct Row {
  ElementKind kind;
  const char *name;
  unsigned bits;
};
} // namespace

static constexpr Row rows[] = {
    {ElementKind::Float, "float", 32},
    {ElementKind::UInt8, "uint8", 8},
    {ElementKind::Int8, "int8", 8},
    {ElementKind::UInt16, "uint16", 16},
    {ElementKind::Int16, "int16", 16},
    {ElementKind::Int32, "int32", 32},
    {ElementKind::Int64, "int64", 64},
    {ElementKind::String, "string", 0},
    {ElementKind::Bool, "bool", 8},
    {ElementKind::Float16, "float16", 16},
    {ElementKind::Double, "double", 64},
    {ElementKind::UInt32, "uint32", 32},
    {ElementKind::UInt64, "uint64", 64},
    {ElementKind::Complex64, "complex64", 64},
    {ElementKind::Complex128, "complex128", 128},
    {ElementKind::BFloat16, "bfloat16", 16},
    {ElementKind::Float8E4M3FN, "float8e4m3fn", 8},
    {ElementKind::Float8E4M3FNUZ, "float8e4m3fnuz", 8},
    {ElementKind::Float8E5M2, "float8e5m2", 8},
    {ElementKind::Float8E5M2FNUZ, "float8e5m2fnuz", 8},
    {ElementKind::UInt4, "uint4", 4},
    {ElementKind::Int4, "int4", 4},
    {ElementKind::Float4E2M1, "float4e2m1", 4},
    {ElementKind::Float8E8M0, "float8e8m0", 8},
    {ElementKind::UInt2, "uint2", 2},
    {ElementKind::Int2, "int2", 2},
};

static const Row *findRow(int32_t dataType) {
  for (const Row &row : rows)
    if (static_cast<int32_t>(row.kind) == dataType)
      return &row;
  return nullptr;
}

Type getElementType(int32_t dataType, MLIRContext *context) {
  auto integer = [&](unsigned bits) -> Type { return IntegerType::get(context, bits); };
  auto unsignedInteger = [&](unsigned bits) -> Type {
    return IntegerType::get(context, bits, IntegerType::Unsigned);
  };
  switch (static_cast<ElementKind>(dataType)) {
  case ElementKind::Float:
    return Float32Type::get(context);
  case ElementKind::Float16:
    return Float16Type::get(context);
  case ElementKind::Double:
    return Float64Type::get(context);
  case ElementKind::BFloat16:
    return BFloat16Type::get(context);
  case ElementKind::Float8E4M3FN:
    return Float8E4M3FNType::get(context);
  case ElementKind::Float8E4M3FNUZ:
    return Float8E4M3FNUZType::get(context);
  case ElementKind::Float8E5M2:
    return Float8E5M2Type::get(context);
  case ElementKind::Float8E5M2FNUZ:
    return Float8E5M2FNUZType::get(context);
  case ElementKind::Float4E2M1:
    return Float4E2M1FNType::get(context);
  case ElementKind::Float8E8M0:
    return Float8E8M0FNUType::get(context);
  case ElementKind::Bool:
    return integer(1);
  case ElementKind::Int2:
    return integer(2);
  case ElementKind::Int4:
    return integer(4);
  case ElementKind::Int8:
    return integer(8);
  case ElementKind::Int16:
    return integer(16);
  case ElementKind::Int32:
    return integer(32);
  case ElementKind::Int64:
    return integer(64);
  case ElementKind::UInt2:
    return unsignedInteger(2);
  case ElementKind::UInt4:
    return unsignedInteger(4);
  case ElementKind::UInt8:
    return unsignedInteger(8);
  case ElementKind::UInt16:
    return unsignedInteger(16);
  case ElementKind::UInt32:
    return unsignedInteger(32);
  case ElementKind::UInt64:
    return unsignedInteger(64);
  case ElementKind::String:
    return StringType::get(context);
  case ElementKind::Undefined:
  case ElementKind::Complex64:
  case ElementKind::Complex128:
    break;
  }
  return nullptr;
}

std::string describeElementType(int32_t dataType) {
  const Row *row = findRow(dataType);
  return row ? row->name + (" (" + std::to_string(dataType) + ")") : std::to_string(dataType);
}

std::string describeElementType(Type type) {
  for (const Row &row : rows)
    if (getElementType(static_cast<int32_t>(row.kind), type.getContext()) == type)
      return row.name;
  return "an internal type";
}

unsigned getElementBits(int32_t dataType) {
  const Row *row = findRow(dataType);
  return row ? row->bits : 0;
}

int32_t getDataType(Type elementType) {
  for (const Row &row : rows)
    if (getElementType(static_cast<int32_t>(row.kind), elementType.getContext()) == elementType)
      return static_cast<int32_t>(row.kind);
  return 0;
}

} // namespace tenon
