// Tensors of every element type, from every place that can hold them.

#include "lib/Importer/TensorData.h"
#include "TestModels.h"
#include "dialects/Tenon/TenonDialect.h"
#include "lib/Importer/ElementTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace tenon;
using namespace tenon::test;
using onnx::TensorProto;

namespace {

class TensorDataTest : public testing::Test {
protected:
  TensorDataTest() { context.loadDialect<TenonDialect>(); }

  void SetUp() override {
    auto opened = ModelFile::parse(
        parseGraph("g (float[2] x) => (float[2] y) { y = Identity(x) }").SerializeAsString());
    ASSERT_TRUE(static_cast<bool>(opened));
    file = std::move(*opened);
  }

  TensorProto make(ElementKind kind, std::vector<int64_t> dims) {
    TensorProto tensor;
    tensor.set_data_type(static_cast<int32_t>(kind));
    tensor.mutable_dims()->Add(dims.begin(), dims.end());
    return tensor;
  }

  std::string print(const TensorProto &tensor) {
    auto value = importTensor(tensor, file, &context);
    if (!value)
      return llvm::toString(value.takeError());
    std::string text;
    llvm::raw_string_ostream(text) << *value;
    return text;
  }

  mlir::MLIRContext context;
  std::shared_ptr<ModelFile> file;
};

TEST_F(TensorDataTest, ReadsTypedFields) {
  TensorProto tensor = make(ElementKind::Float, {2});
  tensor.add_float_data(1);
  tensor.add_float_data(-2);
  EXPECT_EQ(print(tensor), "dense<[1.000000e+00, -2.000000e+00]> : tensor<2xf32>");
  tensor = make(ElementKind::Int8, {3});
  for (int value : {1, -1, 127})
    tensor.add_int32_data(value);
  EXPECT_EQ(print(tensor), "dense<[1, -1, 127]> : tensor<3xi8>");
  tensor = make(ElementKind::UInt16, {2});
  tensor.add_int32_data(65535);
  tensor.add_int32_data(1);
  EXPECT_EQ(print(tensor), "dense<[65535, 1]> : tensor<2xui16>");
  tensor = make(ElementKind::Float16, {2});
  tensor.add_int32_data(0x3c00);
  tensor.add_int32_data(0xc000);
  EXPECT_EQ(print(tensor), "dense<[1.000000e+00, -2.000000e+00]> : tensor<2xf16>");
  tensor = make(ElementKind::UInt32, {2});
  tensor.add_uint64_data(4000000000);
  tensor.add_uint64_data(1);
  EXPECT_EQ(print(tensor), "dense<[4000000000, 1]> : tensor<2xui32>");
  tensor = make(ElementKind::Bool, {2});
  tensor.add_int32_data(1);
  tensor.add_int32_data(0);
  EXPECT_EQ(print(tensor), "dense<[true, false]> : tensor<2xi1>");
  tensor = make(ElementKind::String, {2});
  tensor.add_string_data("a");
  tensor.add_string_data("b\n");
  EXPECT_EQ(print(tensor), "dense<[\"a\", \"b\\0A\"]> : tensor<2x!tenon.string>");
}

TEST_F(TensorDataTest, ReadsRawData) {
  TensorProto tensor = make(ElementKind::Int64, {});
  tensor.set_raw_data(std::string("\x05\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(print(tensor), "dense<5> : tensor<i64>");
  tensor = make(ElementKind::Bool, {3});
  tensor.set_raw_data(std::string("\x02\0\x01", 3));
  EXPECT_EQ(print(tensor), "dense<[true, false, true]> : tensor<3xi1>");
  tensor = make(ElementKind::Int4, {3});
  tensor.set_raw_data(std::string("\xf1\x07", 2));
  EXPECT_EQ(print(tensor), "dense<[1, -1, 7]> : tensor<3xi4>");
  tensor = make(ElementKind::UInt4, {3});
  tensor.set_raw_data(std::string("\xf1\x07", 2));
  EXPECT_EQ(print(tensor), "dense<[1, 15, 7]> : tensor<3xui4>");
  tensor = make(ElementKind::Float8E4M3FN, {2});
  tensor.set_raw_data(std::string("\x38\xb8", 2));
  EXPECT_EQ(print(tensor), "dense<[1.000000e+00, -1.000000e+00]> : tensor<2xf8E4M3FN>");
  tensor = make(ElementKind::Float, {0, 3});
  tensor.set_raw_data("");
  EXPECT_EQ(print(tensor), "dense<> : tensor<0x3xf32>");
}

// Large tensors are not copied: the attribute's bytes are the message's.
TEST_F(TensorDataTest, LargeTensorsStayInTheFile) {
  TensorProto tensor = make(ElementKind::Float, {1024});
  tensor.set_name("weights");
  tensor.set_raw_data(std::string(4096, '\1'));
  auto value = importTensor(tensor, file, &context);
  ASSERT_TRUE(static_cast<bool>(value));
  auto resource = llvm::dyn_cast<mlir::DenseResourceElementsAttr>(*value);
  ASSERT_TRUE(resource);
  EXPECT_EQ(resource.getRawHandle().getKey(), "weights");
  EXPECT_EQ(resource.getRawHandle().getBlob()->getData().data(), tensor.raw_data().data());
}

TEST_F(TensorDataTest, RefusesNonsense) {
  EXPECT_EQ(print(make(ElementKind::Float, {-2})), "dimension -2 is negative");
  EXPECT_EQ(print(make(ElementKind::Float, {1 << 30, 1 << 30, 1 << 30})),
            "its shape has more than 2^46 elements");
  EXPECT_EQ(print(make(ElementKind(99), {1})), "element type 99 is not supported");
  EXPECT_EQ(print(make(ElementKind::Complex64, {1})),
            "element type complex64 (14) is not supported");
  EXPECT_EQ(print(make(ElementKind::Float, {2})),
            "its typed field holds 0 bytes of elements, but its shape needs 8");
  TensorProto tensor = make(ElementKind::Float, {2});
  tensor.set_raw_data("12345");
  EXPECT_EQ(print(tensor), "raw_data holds 5 bytes of elements, but its shape needs 8");
  tensor = make(ElementKind::String, {2});
  tensor.add_string_data("a");
  EXPECT_EQ(print(tensor), "it has 1 strings, but its shape needs 2");
}

TEST_F(TensorDataTest, MakesSparseTensorsDense) {
  onnx::SparseTensorProto sparse;
  sparse.add_dims(2);
  sparse.add_dims(2);
  *sparse.mutable_values() = make(ElementKind::Float, {2});
  sparse.mutable_values()->add_float_data(1);
  sparse.mutable_values()->add_float_data(2);
  *sparse.mutable_indices() = make(ElementKind::Int64, {2});
  sparse.mutable_indices()->add_int64_data(1);
  sparse.mutable_indices()->add_int64_data(2);
  auto value = importSparseTensor(sparse, file, &context);
  ASSERT_TRUE(static_cast<bool>(value)) << llvm::toString(value.takeError());
  std::string text;
  llvm::raw_string_ostream(text) << *value;
  EXPECT_EQ(text, "dense<[[0.000000e+00, 1.000000e+00], [2.000000e+00, 0.000000e+00]]> : "
                  "tensor<2x2xf32>");
  sparse.mutable_indices()->set_int64_data(1, 4);
  value = importSparseTensor(sparse, file, &context);
  EXPECT_EQ(llvm::toString(value.takeError()), "index 4 of a sparse tensor is out of bounds");
}

} // namespace
