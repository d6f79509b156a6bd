// Values that are no tensors: files, views for the runtime, and what counts as equal.
#include "lib/Tensors/ProtoFile.h"
#include "llvm/Support/FileSystem.h"
#include <gtest/gtest.h>
#include <onnx/onnx-data_pb.h>

using namespace tenon;

namespace {

Value makeTensor(std::vector<double> numbers) {
  Tensor tensor =
      llvm::cantFail(Tensor::create(TENON_FLOAT, {static_cast<int64_t>(numbers.size())}));
  for (size_t i = 0; i < numbers.size(); ++i)
    tensor.setElement(static_cast<int64_t>(i), numbers[i]);
  return tensor;
}

Value makeList(int32_t kind, std::vector<Value> elements) {
  Value list(kind);
  list.elements = std::move(elements);
  return list;
}

Value makeMap(std::vector<double> keys, std::vector<double> numbers) {
  Value map(TENON_MAP);
  map.keys = llvm::cantFail(Tensor::create(TENON_INT64, {static_cast<int64_t>(keys.size())}));
  for (size_t i = 0; i < keys.size(); ++i)
    map.keys.setElement(static_cast<int64_t>(i), keys[i]);
  map.tensor = makeTensor(std::move(numbers)).tensor;
  return map;
}

class ProtoFiles : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("value", "pb", path)); }
  void TearDown() override { llvm::sys::fs::remove(path); }

  /// What is read of a value that was written.
  Value roundTrip(const Value &value, std::vector<int32_t> kinds) {
    llvm::cantFail(writeProtoFile(path, {"x", value}));
    NamedValue read = llvm::cantFail(readProtoFile(path, kinds));
    EXPECT_EQ(read.name, "x");
    return read.value;
  }
  std::string errorOf(const Value &value, std::vector<int32_t> kinds) {
    llvm::cantFail(writeProtoFile(path, {"", value}));
    llvm::Expected<NamedValue> read = readProtoFile(path, kinds);
    return read ? "" : llvm::toString(read.takeError());
  }

  llvm::SmallString<128> path;
};

TEST_F(ProtoFiles, HoldEveryKind) {
  Value sequence = makeList(TENON_SEQUENCE, {makeTensor({1, 2}), makeTensor({})});
  EXPECT_TRUE(isSame(roundTrip(sequence, {TENON_SEQUENCE}), sequence));
  Value optional = makeList(TENON_OPTIONAL, {sequence});
  EXPECT_TRUE(isSame(roundTrip(optional, {TENON_OPTIONAL, TENON_SEQUENCE}), optional));
  Value none(TENON_OPTIONAL), tensor = makeList(TENON_OPTIONAL, {makeTensor({3})});
  EXPECT_TRUE(isSame(roundTrip(none, {TENON_OPTIONAL}), none));
  EXPECT_TRUE(isSame(roundTrip(tensor, {TENON_OPTIONAL}), tensor));
  Value map = makeMap({5, -7}, {0.5, 2});
  EXPECT_TRUE(isSame(roundTrip(map, {TENON_MAP}), map));
  Value maps = makeList(TENON_SEQUENCE, {map, makeMap({}, {})});
  EXPECT_TRUE(isSame(roundTrip(maps, {TENON_SEQUENCE, TENON_MAP}), maps));
}

TEST_F(ProtoFiles, OfAnotherKindAreErrors) {
  Value maps = makeList(TENON_SEQUENCE, {makeMap({5}, {0.5})});
  EXPECT_NE(errorOf(maps, {TENON_SEQUENCE}).find("its elements are of another kind"),
            std::string::npos);
  Value wrong = makeMap({5, 6}, {0.5});
  EXPECT_NE(errorOf(wrong, {TENON_MAP}).find("has 2 keys, but 1 values"), std::string::npos);
}

TEST(Value, ViewsShowTheTree) {
  Value list =
      makeList(TENON_OPTIONAL, {makeList(TENON_SEQUENCE, {makeTensor({1}), makeTensor({2, 3})})});
  ValueView view(list);
  ASSERT_EQ(view.get().kind, TENON_OPTIONAL);
  ASSERT_EQ(view.get().length, 1);
  const tenon_value &inner = view.get().elements[0];
  ASSERT_EQ(inner.length, 2);
  EXPECT_EQ(static_cast<const float *>(inner.elements[1].tensor.data)[1], 3);
  EXPECT_TRUE(isSame(Value::copy(view.get()), list));
}

TEST(Value, ComparisonSaysWhereItDiffers) {
  Value a = makeList(TENON_SEQUENCE, {makeTensor({1}), makeTensor({2})}), b = a;
  EXPECT_TRUE(compareValues(a, b, {}).equal);
  b.elements[1].tensor.setElement(0, 9);
  EXPECT_EQ(compareValues(a, b, {}).cause.rfind("element 1: 1 of 1 elements differ", 0), 0u);
  b.elements.pop_back();
  EXPECT_EQ(compareValues(a, b, {}).cause, "is sequence of 2, expected sequence of 1");
  EXPECT_EQ(compareValues(a, makeTensor({1}), {}).cause, "is sequence of 2, expected float[1]");
}

TEST(Value, MapsHaveNoOrder) {
  EXPECT_TRUE(compareValues(makeMap({1, 2}, {10, 20}), makeMap({2, 1}, {20, 10}), {}).equal);
  EXPECT_FALSE(compareValues(makeMap({1, 2}, {10, 20}), makeMap({1, 2}, {20, 10}), {}).equal);
  EXPECT_FALSE(compareValues(makeMap({1, 2}, {10, 20}), makeMap({1, 3}, {10, 20}), {}).equal);
}

} // namespace
