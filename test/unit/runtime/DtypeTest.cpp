// Element types and tensor sizes.
#include "Helpers.h"

TEST(Dtype, namesAndSizes) {
  EXPECT_STREQ(tenon_dtype_name(TENON_FLOAT16), "float16");
  EXPECT_STREQ(tenon_dtype_name(TENON_INT2), "int2");
  EXPECT_STREQ(tenon_dtype_name(-1), "unknown");
  EXPECT_STREQ(tenon_dtype_name(1000), "unknown");
  EXPECT_EQ(tenon_dtype_bits(TENON_BOOL), 8);
  EXPECT_EQ(tenon_dtype_bits(TENON_COMPLEX128), 128);
  EXPECT_EQ(tenon_dtype_bits(TENON_STRING), 8 * static_cast<int32_t>(sizeof(tenon_string)));
  EXPECT_EQ(tenon_dtype_bits(TENON_UNDEFINED), 0);
  EXPECT_STREQ(tenon_status_name(TENON_WRONG_SHAPE), "wrong_shape");
}

TEST(Dtype, tensorBytes) {
  const int64_t dims[] = {3, 5}, empty[] = {INT64_MAX, INT64_MAX, 0}, huge[] = {INT64_MAX, 2};
  const int64_t negative[] = {2, -1};
  EXPECT_EQ(tenon_tensor_bytes(TENON_FLOAT, 2, dims), 60);
  EXPECT_EQ(tenon_tensor_bytes(TENON_INT4, 2, dims), 8);
  EXPECT_EQ(tenon_tensor_bytes(TENON_DOUBLE, 0, nullptr), 8);
  EXPECT_EQ(tenon_tensor_bytes(TENON_FLOAT, 3, empty), 0);
  EXPECT_EQ(tenon_tensor_bytes(TENON_FLOAT, 2, huge), -1);
  EXPECT_EQ(tenon_tensor_bytes(TENON_FLOAT, 2, negative), -1);
  EXPECT_EQ(tenon_tensor_bytes(99, 2, dims), -1);
}
