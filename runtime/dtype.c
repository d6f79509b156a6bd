/* Element types, by ONNX's numbers. */
#include "runtime/internal.h"

static const struct {
  const char *name;
  int32_t bits;
} dtypes[] = {
    {"undefined", 0},      {"float", 32},       {"uint8", 8},          {"int8", 8},
    {"uint16", 16},        {"int16", 16},       {"int32", 32},         {"int64", 64},
    {"string", 128},       {"bool", 8},         {"float16", 16},       {"double", 64},
    {"uint32", 32},        {"uint64", 64},      {"complex64", 64},     {"complex128", 128},
    {"bfloat16", 16},      {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
    {"float8e5m2fnuz", 8}, {"uint4", 4},        {"int4", 4},           {"float4e2m1", 4},
    {"float8e8m0", 8},     {"uint2", 2},        {"int2", 2},
};

enum { NUM_DTYPES = sizeof dtypes / sizeof dtypes[0] };

const char *tenon_dtype_name(int32_t dtype) {
  return dtype >= 0 && dtype < NUM_DTYPES ? dtypes[dtype].name : "unknown";
}

int32_t tenon_dtype_bits(int32_t dtype) {
  return dtype >= 0 && dtype < NUM_DTYPES ? dtypes[dtype].bits : 0;
}

int64_t tenon_tensor_bytes(int32_t dtype, int32_t rank, const int64_t *dims) {
  int64_t bits = tenon_dtype_bits(dtype);
  if (!bits)
    return -1;
  // An empty tensor is empty however large its other dimensions are.
  bool empty = false;
  for (int32_t i = 0; i < rank; ++i) {
    if (dims[i] < 0)
      return -1;
    empty |= dims[i] == 0;
  }
  for (int32_t i = 0; i < rank && !empty; ++i)
    if (__builtin_mul_overflow(bits, dims[i], &bits))
      return -1;
  if (empty)
    return 0;
  return bits / 8 + (bits % 8 != 0);
}
