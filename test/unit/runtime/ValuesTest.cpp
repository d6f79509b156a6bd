// Sequences, optionals and maps: in and out of a run, what a run does with them, and what is
// refused.
#include "Helpers.h"

#include <limits>

using namespace tenon::test;

namespace {

tenon_value tensorValue(const Floats &floats) {
  tenon_value value = {};
  value.tensor = floats;
  return value;
}

tenon_value listValue(int32_t kind, const std::vector<tenon_value> &elements) {
  tenon_value value = {};
  value.kind = kind;
  value.length = static_cast<int64_t>(elements.size());
  value.elements = elements.data();
  return value;
}

/// A map with its memory.
struct Map {
  std::vector<int64_t> keys;
  std::vector<float> numbers;
  std::vector<int64_t> dims = {static_cast<int64_t>(keys.size())};

  operator tenon_value() {
    tenon_value value = {};
    value.kind = TENON_MAP;
    value.length = dims[0];
    value.keys = {TENON_INT64, 1, dims.data(), keys.data(), keys.size() * sizeof(int64_t), 0, 0, 0};
    value.tensor = {TENON_FLOAT, 1, dims.data(), numbers.data(), numbers.size() * sizeof(float), 0,
                    0,           0};
    return value;
  }
};

class Sequences : public testing::Test {
protected:
  Model model = load("sequences");
  Context context = createContext(model, 1);
  Floats a{{1, 2, 3}, {3}}, b{{4, 5}, {2}};
  std::vector<tenon_value> list = {tensorValue(a), tensorValue(b)};
  Map map = {{9, -4}, {0.5f, 0.25f}};
  tenon_value inputs[3] = {listValue(TENON_SEQUENCE, list), listValue(TENON_OPTIONAL, {}), map};
  tenon_value outputs[4] = {};

  tenon_status run() { return tenon_run_values(context.get(), inputs, 3, outputs, 4); }
  std::vector<float> element(const tenon_value &value, int64_t index) {
    tenon_value result = {};
    EXPECT_EQ(tenon_value_element(&value, index, &result), TENON_OK) << tenon_last_error();
    return values(result.tensor);
  }
};

TEST_F(Sequences, saysWhatItTakesAndGives) {
  const tenon_tensor_info *optional = tenon_model_input(model.get(), 1);
  ASSERT_EQ(optional->num_kinds, 2);
  EXPECT_EQ(optional->kinds[0], TENON_OPTIONAL);
  EXPECT_EQ(optional->kinds[1], TENON_SEQUENCE);
  EXPECT_EQ(optional->rank, -1);
  const tenon_tensor_info *table = tenon_model_output(model.get(), 3);
  EXPECT_EQ(table->key_dtype, TENON_INT64);
  EXPECT_EQ(table->num_keys, 2);
  EXPECT_EQ(static_cast<const int64_t *>(table->keys)[1], 8);
}

// Elements behind one another: what stays, all joined, and parts of two, the last one smaller.
TEST_F(Sequences, changesAndJoins) {
  ASSERT_EQ(run(), TENON_OK) << tenon_last_error();
  ASSERT_EQ(outputs[0].kind, TENON_SEQUENCE);
  ASSERT_EQ(outputs[0].length, 5);
  EXPECT_EQ(element(outputs[0], 0), b.data);
  EXPECT_EQ(element(outputs[0], 1), (std::vector<float>{1, 2, 3, 4, 5}));
  EXPECT_EQ(element(outputs[0], 2), (std::vector<float>{1, 2}));
  EXPECT_EQ(element(outputs[0], 4), (std::vector<float>{5}));
  EXPECT_EQ(inputs[0].length, 2);
}

TEST_F(Sequences, givesOptionalsWithAndWithoutElement) {
  ASSERT_EQ(run(), TENON_OK) << tenon_last_error();
  EXPECT_EQ(outputs[1].kind, TENON_OPTIONAL);
  EXPECT_EQ(outputs[1].length, 0);
  std::vector<tenon_value> present = {listValue(TENON_SEQUENCE, list)};
  inputs[1] = listValue(TENON_OPTIONAL, present);
  ASSERT_EQ(run(), TENON_OK) << tenon_last_error();
  ASSERT_EQ(outputs[1].length, 1);
  tenon_value inner = {};
  ASSERT_EQ(tenon_value_element(&outputs[1], 0, &inner), TENON_OK);
  ASSERT_EQ(inner.kind, TENON_SEQUENCE);
  EXPECT_EQ(element(inner, 1), b.data);
}

// Keys come in any order; maps of a table are rows.
TEST_F(Sequences, sortsMapsAndShowsTables) {
  ASSERT_EQ(run(), TENON_OK) << tenon_last_error();
  EXPECT_EQ(static_cast<const int64_t *>(outputs[2].tensor.data)[0], -4);
  ASSERT_EQ(outputs[3].kind, TENON_SEQUENCE);
  ASSERT_EQ(outputs[3].length, 2);
  tenon_value row = {};
  ASSERT_EQ(tenon_value_element(&outputs[3], 1, &row), TENON_OK);
  EXPECT_EQ(row.kind, TENON_MAP);
  EXPECT_EQ(row.length, 2);
  EXPECT_EQ(static_cast<const int64_t *>(row.keys.data)[0], 7);
  EXPECT_EQ(values(row.tensor), (std::vector<float>{0.25f, 0.5f}));
  EXPECT_ERROR(tenon_value_element(&outputs[3], 2, &row), TENON_INVALID_ARGUMENT,
               "no element 2: there are 2");
  EXPECT_ERROR(tenon_value_element(&row, 0, &row), TENON_WRONG_KIND, "the value is a map");
}

TEST_F(Sequences, writesTablesToTheCallersMemory) {
  float room[4];
  outputs[3].tensor.data = room;
  outputs[3].tensor.capacity = sizeof room;
  ASSERT_EQ(run(), TENON_OK) << tenon_last_error();
  EXPECT_EQ(outputs[3].tensor.data, room);
  EXPECT_EQ(room[3], 0.5f);
}

// An output is an input of the next run where it is.
TEST_F(Sequences, takesItsOwnOutput) {
  ASSERT_EQ(run(), TENON_OK) << tenon_last_error();
  inputs[0] = outputs[0];
  ASSERT_EQ(run(), TENON_OK) << tenon_last_error();
  EXPECT_EQ(outputs[0].length, 4 + 1 + 6);
  EXPECT_EQ(element(outputs[0], 4).size(), 12u);
}

TEST_F(Sequences, sayWhereInputsAreWrong) {
  Floats square{{1, 2, 3, 4}, {2, 2}};
  list[1] = tensorValue(square);
  EXPECT_ERROR(run(), TENON_WRONG_SHAPE, "input 0 's', element 1 has 2 dimensions, expected 1");
  list[1] = listValue(TENON_SEQUENCE, {});
  EXPECT_ERROR(run(), TENON_WRONG_KIND, "element 1 is a sequence, expected a tensor");
  list[1] = tensorValue(b);
  list[1].tensor.dtype = TENON_INT32;
  EXPECT_ERROR(run(), TENON_WRONG_DTYPE, "element 1 is int32, expected float");
  list[1].tensor.dtype = TENON_FLOAT;
  list[1].tensor.bytes = 7;
  EXPECT_ERROR(run(), TENON_WRONG_SHAPE, "element 1 has 7 bytes, but its dimensions need 8");
  list[1] = tensorValue(b);
  inputs[0].elements = nullptr;
  EXPECT_ERROR(run(), TENON_INVALID_ARGUMENT, "input 0 's': elements is null");
  inputs[0] = map;
  EXPECT_ERROR(run(), TENON_WRONG_KIND, "input 0 's' is a map, expected a sequence");
  inputs[0] = listValue(TENON_SEQUENCE, list);
  inputs[1].kind = 99;
  EXPECT_ERROR(run(), TENON_WRONG_KIND, "input 1 'o' is of unknown kind, expected an optional");
  inputs[1] = listValue(TENON_OPTIONAL, list);
  EXPECT_ERROR(run(), TENON_INVALID_ARGUMENT, "input 1 'o' has 2 elements");
  inputs[1] = listValue(TENON_OPTIONAL, {});
  map.keys[1] = 9;
  EXPECT_ERROR(run(), TENON_INVALID_VALUE, "input 2 'm' has key 9 twice");
  inputs[2].length = 3;
  EXPECT_ERROR(run(), TENON_WRONG_SHAPE, "input 2 'm' has a length of 3");
}

// Lengths of nonsense are no reason to try.
TEST_F(Sequences, refusesWhatNoMemoryHolds) {
  inputs[0].length = std::numeric_limits<int64_t>::max() / 4;
  EXPECT_ERROR(run(), TENON_OUT_OF_MEMORY, "no memory");
  inputs[0].length = -1;
  EXPECT_ERROR(run(), TENON_INVALID_ARGUMENT, "has -1 elements");
  inputs[0] = listValue(TENON_SEQUENCE, list);
  EXPECT_EQ(run(), TENON_OK) << tenon_last_error();
}

TEST_F(Sequences, nothingToJoinIsAnError) {
  inputs[0] = listValue(TENON_SEQUENCE, {});
  EXPECT_ERROR(run(), TENON_INVALID_VALUE, "node 'join': the sequence is empty");
}

TEST_F(Sequences, tensorsAloneAreNotEnough) {
  tenon_tensor tensors[3] = {a, a, a}, results[4] = {};
  EXPECT_ERROR(tenon_run(context.get(), tensors, 3, results, 4), TENON_WRONG_KIND,
               "output 0 't' is a sequence, not a tensor: call tenon_run_values");
}

// Models of tensors run with either function.
TEST(Values, ofTensorsOnly) {
  Model model = load("add");
  Context context = createContext(model, 1);
  Floats x{numbers(1024), {1024}};
  tenon_value inputs[] = {tensorValue(x), tensorValue(x)}, output = {};
  ASSERT_EQ(tenon_run_values(context.get(), inputs, 2, &output, 1), TENON_OK) << tenon_last_error();
  EXPECT_EQ(output.kind, TENON_TENSOR);
  EXPECT_EQ(values(output.tensor)[3], x.data[3] + x.data[3]);
  inputs[1].kind = TENON_SEQUENCE;
  EXPECT_ERROR(tenon_run_values(context.get(), inputs, 2, &output, 1), TENON_WRONG_KIND,
               "input 1 'y' is a sequence, expected a tensor");
}

} // namespace
