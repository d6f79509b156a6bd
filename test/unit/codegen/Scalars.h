// Numbers of the types that kernels compute with, as bytes in memory.
#ifndef TENON_TEST_UNIT_CODEGEN_SCALARS_H
#define TENON_TEST_UNIT_CODEGEN_SCALARS_H

#include "mlir/IR/Builders.h"
#include <vector>

namespace tenon::testing {

enum class Scalar { F32, F64, F16, BF16, I32, I16, I8, U8 };

/// Whether values of the type are integers, of any of its values.
inline bool isInteger(Scalar type) { return type >= Scalar::I32; }
/// Bytes of a value.
int64_t sizeOf(Scalar type);
mlir::Type typeOf(Scalar type, mlir::OpBuilder &builder);

template <typename T> void append(std::vector<char> &bytes, T value) {
  const char *begin = reinterpret_cast<const char *>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof(T));
}

/// Stores an integer as `type`.
void storeInteger(std::vector<char> &bytes, int64_t value, Scalar type);
/// Stores `value` as `type`, of narrow integers the one that stands for a value in [-0.5, 0.5);
/// returns what it became.
double store(std::vector<char> &bytes, double value, Scalar type);

} // namespace tenon::testing

#endif // TENON_TEST_UNIT_CODEGEN_SCALARS_H
