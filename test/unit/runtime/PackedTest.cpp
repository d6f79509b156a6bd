// Elements of less than a byte, packed and one by one.
#include "Helpers.h"
#include "runtime/internal.h"
#include <vector>

namespace {

std::vector<uint8_t> unpack(int32_t dtype, std::vector<uint8_t> packed, int64_t count) {
  std::vector<uint8_t> elements(count);
  tn_unpack(dtype, count, packed.data(), elements.data());
  return elements;
}

std::vector<uint8_t> pack(int32_t dtype, std::vector<uint8_t> elements) {
  int64_t count = elements.size();
  std::vector<uint8_t> packed(tenon_tensor_bytes(dtype, 1, &count), 0xff);
  tn_pack(dtype, count, elements.data(), packed.data());
  return packed;
}

} // namespace

TEST(Packed, firstElementsAreLowest) {
  EXPECT_EQ(unpack(TENON_UINT4, {0x21, 0xf3}, 4), (std::vector<uint8_t>{1, 2, 3, 15}));
  EXPECT_EQ(unpack(TENON_UINT2, {0xe4}, 4), (std::vector<uint8_t>{0, 1, 2, 3}));
  EXPECT_EQ(unpack(TENON_FLOAT4E2M1, {0x9f}, 2), (std::vector<uint8_t>{15, 9}));
}

TEST(Packed, signsExtend) {
  EXPECT_EQ(unpack(TENON_INT4, {0x87}, 2), (std::vector<uint8_t>{7, 0xf8}));
  EXPECT_EQ(unpack(TENON_INT2, {0xe4}, 4), (std::vector<uint8_t>{0, 1, 0xfe, 0xff}));
}

TEST(Packed, lastByteEndsWithZeros) {
  EXPECT_EQ(pack(TENON_UINT4, {1, 2, 3}), (std::vector<uint8_t>{0x21, 0x03}));
  EXPECT_EQ(pack(TENON_UINT2, {3, 2, 1, 0, 3}), (std::vector<uint8_t>{0x1b, 0x03}));
  EXPECT_EQ(pack(TENON_INT4, {}), (std::vector<uint8_t>{}));
}

TEST(Packed, allCodesComeBack) {
  for (int32_t dtype : {TENON_UINT4, TENON_INT4, TENON_FLOAT4E2M1, TENON_UINT2, TENON_INT2})
    for (int byte = 0; byte < 256; ++byte) {
      auto packed = std::vector<uint8_t>(1, byte);
      EXPECT_EQ(pack(dtype, unpack(dtype, packed, 8 / tenon_dtype_bits(dtype))), packed);
    }
}
