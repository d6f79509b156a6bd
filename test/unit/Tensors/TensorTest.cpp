// Elements of every type are stored and read back; what a type cannot hold becomes the nearest.
#include "lib/Tensors/ProtoFile.h"
#include <cmath>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

using namespace tenon;

static Tensor make(int32_t dtype, std::vector<int64_t> dims) {
  return llvm::cantFail(Tensor::create(dtype, dims));
}

static double roundTrip(int32_t dtype, double value) {
  Tensor tensor = make(dtype, {5});
  tensor.setElement(3, value);
  for (int64_t i : {0, 1, 2, 4})
    EXPECT_EQ(tensor.element(i), dtype == TENON_FLOAT8E8M0 ? std::ldexp(1.0, -127) : 0)
        << "neighbour " << i << " of " << tenon_dtype_name(dtype);
  return tensor.element(3);
}

TEST(Tensor, StoresSmallNumbersInEveryType) {
  for (int32_t dtype = TENON_FLOAT; dtype <= TENON_INT2; ++dtype) {
    if (dtype == TENON_STRING)
      continue;
    EXPECT_EQ(roundTrip(dtype, 1), 1) << tenon_dtype_name(dtype);
  }
}

TEST(Tensor, SaturatesIntegers) {
  EXPECT_EQ(roundTrip(TENON_INT4, 100), 7);
  EXPECT_EQ(roundTrip(TENON_INT4, -100), -8);
  EXPECT_EQ(roundTrip(TENON_UINT4, -1), 0);
  EXPECT_EQ(roundTrip(TENON_UINT2, 9), 3);
  EXPECT_EQ(roundTrip(TENON_INT8, -128.4), -128);
  EXPECT_EQ(roundTrip(TENON_UINT16, 65535), 65535);
  EXPECT_EQ(roundTrip(TENON_INT64, 1e30), std::ldexp(1.0, 63));
  EXPECT_EQ(roundTrip(TENON_INT32, NAN), 0);
}

TEST(Tensor, RoundsSmallFloats) {
  EXPECT_EQ(roundTrip(TENON_FLOAT16, 65504), 65504);
  EXPECT_EQ(roundTrip(TENON_FLOAT16, std::ldexp(3, -24)), std::ldexp(3, -24));
  EXPECT_EQ(roundTrip(TENON_FLOAT16, -1e9), -INFINITY);
  EXPECT_TRUE(std::isnan(roundTrip(TENON_FLOAT16, NAN)));
  EXPECT_EQ(roundTrip(TENON_BFLOAT16, 1.00390625), 1);
  EXPECT_EQ(roundTrip(TENON_FLOAT8E4M3FN, 17), 16);
  EXPECT_EQ(roundTrip(TENON_FLOAT4E2M1, -6), -6);
}

TEST(Tensor, RefusesNonsense) {
  for (std::vector<int64_t> dims :
       {std::vector<int64_t>{-1}, {int64_t(1) << 62, 8}, {int64_t(1) << 50}}) {
    llvm::Expected<Tensor> tensor = Tensor::create(TENON_FLOAT, dims);
    EXPECT_FALSE(static_cast<bool>(tensor));
    llvm::consumeError(tensor.takeError());
  }
}

TEST(Tensor, IsEmptyWhateverTheOtherDimensionsAre) {
  int64_t wide = int64_t(1) << 40;
  Tensor tensor = make(TENON_FLOAT, {wide, wide, 0});
  EXPECT_EQ(tensor.numElements(), 0);
  EXPECT_TRUE(tensor.bytes.empty());
}

TEST(Tensor, Describes) {
  EXPECT_EQ(describeTensorType(TENON_FLOAT16, {1, -1}), "float16[1,?]");
  EXPECT_EQ(describePosition(23, {2, 3, 4}), "[1,2,3]");
  EXPECT_EQ(describePosition(0, {}), "[]");
}

TEST(ProtoFile, ReadsTypedFields) {
  onnx::TensorProto proto;
  proto.set_data_type(TENON_FLOAT16);
  proto.add_dims(2);
  proto.add_int32_data(0x3c00);
  proto.add_int32_data(0xc000);
  llvm::Expected<Tensor> tensor = decodeTensor(proto);
  ASSERT_TRUE(static_cast<bool>(tensor));
  EXPECT_EQ(tensor->element(0), 1);
  EXPECT_EQ(tensor->element(1), -2);
}

TEST(ProtoFile, RefusesWhatDoesNotFit) {
  onnx::TensorProto proto;
  proto.set_data_type(TENON_FLOAT);
  proto.add_dims(2);
  proto.set_raw_data("1234567");
  EXPECT_EQ(llvm::toString(decodeTensor(proto).takeError()),
            "it has 7 bytes of elements, but float[2] needs 8");
  proto.clear_raw_data();
  EXPECT_EQ(llvm::toString(decodeTensor(proto).takeError()),
            "it has too few or too many elements for float[2]");
  // A damaged size: nothing of the kind is allocated.
  proto.set_dims(0, int64_t(1) << 37);
  EXPECT_EQ(llvm::toString(decodeTensor(proto).takeError()),
            "it has 0 values, too few for float[137438953472]");
  proto.set_dims(0, 2);
  proto.set_data_type(77);
  EXPECT_EQ(llvm::toString(decodeTensor(proto).takeError()), "element type 77 is not known");
  proto.set_data_type(TENON_STRING);
  proto.add_string_data("one");
  EXPECT_EQ(llvm::toString(decodeTensor(proto).takeError()),
            "it has 1 values, too few for string[2]");
  proto.set_dims(0, 1);
  proto.add_string_data("two");
  EXPECT_EQ(llvm::toString(decodeTensor(proto).takeError()),
            "it has 2 strings, but is a string[1]");
}
