/* Elements of less than a byte: packed in the caller's memory, the first one in the lowest bits of
 * a byte, and one in each byte for compiled code, integers with a sign extended to it. */
#include "runtime/internal.h"

static bool is_signed(int32_t dtype) { return dtype == TENON_INT4 || dtype == TENON_INT2; }

void tn_unpack(int32_t dtype, int64_t count, const void *packed, void *elements) {
  int32_t bits = tenon_dtype_bits(dtype), per_byte = 8 / bits;
  uint8_t mask = (uint8_t)((1 << bits) - 1), sign = (uint8_t)(is_signed(dtype) << (bits - 1));
  const uint8_t *from = packed;
  uint8_t *to = elements;
  for (int64_t i = 0; i < count; ++i) {
    uint8_t code = from[i / per_byte] >> (i % per_byte * bits) & mask;
    to[i] = (uint8_t)((code ^ sign) - sign);
  }
}

void tn_pack(int32_t dtype, int64_t count, const void *elements, void *packed) {
  int32_t bits = tenon_dtype_bits(dtype), per_byte = 8 / bits;
  uint8_t mask = (uint8_t)((1 << bits) - 1);
  const uint8_t *from = elements;
  uint8_t *to = packed;
  for (int64_t first = 0; first < count; first += per_byte) {
    uint8_t byte = 0;
    for (int32_t i = 0; i < per_byte && first + i < count; ++i)
      byte |= (uint8_t)((from[first + i] & mask) << (i * bits));
    to[first / per_byte] = byte;
  }
}
