// Runs: results, where outputs go, and every input that must be refused.
#include "Helpers.h"

#include <cmath>
#include <cstring>

using namespace tenon::test;

namespace {

class RunAdd : public testing::Test {
protected:
  Model model = load("add");
  Context context = createContext(model, 2);
  Floats x{numbers(1024), {1024}}, y{numbers(1024, 5), {1024}};
  tenon_tensor output = {};

  tenon_status run(tenon_tensor first, tenon_tensor second) {
    tenon_tensor inputs[] = {first, second};
    return tenon_run(context.get(), inputs, 2, &output, 1);
  }
  void expectSum() {
    ASSERT_EQ(output.bytes, 4096u);
    const float *z = static_cast<const float *>(output.data);
    for (size_t i = 0; i < 1024; ++i)
      ASSERT_EQ(z[i], x.data[i] + y.data[i]) << i;
  }
};

TEST_F(RunAdd, givesAContextOwnedOutput) {
  ASSERT_EQ(run(x, y), TENON_OK) << tenon_last_error();
  EXPECT_EQ(output.dtype, TENON_FLOAT);
  ASSERT_EQ(output.rank, 1);
  EXPECT_EQ(output.dims[0], 1024);
  expectSum();
  // The same structure again: still the context's buffer.
  y.data[3] = 77;
  void *first = output.data;
  ASSERT_EQ(run(x, y), TENON_OK) << tenon_last_error();
  EXPECT_EQ(output.data, first);
  expectSum();
}

TEST_F(RunAdd, writesToTheCallersBuffer) {
  std::vector<float> z(1030, -1);
  output.data = z.data();
  output.capacity = 1025 * sizeof(float);
  ASSERT_EQ(run(x, y), TENON_OK) << tenon_last_error();
  EXPECT_EQ(output.data, z.data());
  EXPECT_EQ(output.capacity, 1025 * sizeof(float));
  expectSum();
  EXPECT_EQ(z[1024], -1);
}

TEST_F(RunAdd, refusesASmallOutputBuffer) {
  std::vector<float> z(1024);
  output.data = z.data();
  output.capacity = 4095;
  EXPECT_ERROR(run(x, y), TENON_BUFFER_TOO_SMALL,
               "output 0 'z' has a capacity of 4095 bytes, but [1024] of float is 4096");
  EXPECT_EQ(output.dims, nullptr);
}

/// A state that each run reads and writes: z is y of the next run.
TEST_F(RunAdd, feedsTheContextsOutputBack) {
  std::vector<float> expected = y.data;
  tenon_tensor state = y;
  for (int step = 0; step < 5; ++step) {
    ASSERT_EQ(run(x, state), TENON_OK) << tenon_last_error();
    state = output;
    for (size_t i = 0; i < 1024; ++i)
      expected[i] += x.data[i];
  }
  EXPECT_EQ(values(output), expected);
}

TEST_F(RunAdd, refusesAnOutputOverAnInput) {
  std::vector<float> both = numbers(2048);
  tenon_tensor second = y;
  second.data = both.data();
  output.data = both.data() + 1023;
  output.capacity = 1025 * sizeof(float);
  EXPECT_ERROR(run(x, second), TENON_INVALID_ARGUMENT, "output 0 'z' overlaps input 1 'y'");
  output.data = both.data() + 1024;
  output.capacity = 1024 * sizeof(float);
  EXPECT_EQ(run(x, second), TENON_OK) << tenon_last_error();
}

TEST_F(RunAdd, refusesWrongCounts) {
  tenon_tensor inputs[] = {x, y};
  tenon_context *c = context.get();
  EXPECT_ERROR(tenon_run(c, inputs, 1, &output, 1), TENON_INVALID_ARGUMENT,
               "1 inputs given, model 'add' has 2");
  EXPECT_ERROR(tenon_run(c, inputs, 2, &output, 0), TENON_INVALID_ARGUMENT,
               "0 outputs given, model 'add' has 1");
  EXPECT_ERROR(tenon_run(c, nullptr, 2, &output, 1), TENON_INVALID_ARGUMENT, "inputs is null");
  EXPECT_ERROR(tenon_run(c, inputs, 2, nullptr, 1), TENON_INVALID_ARGUMENT, "outputs is null");
  EXPECT_ERROR(tenon_run(nullptr, inputs, 2, &output, 1), TENON_INVALID_ARGUMENT,
               "context is null");
}

TEST_F(RunAdd, refusesWrongInputs) {
  tenon_tensor t = y;
  t.dtype = TENON_INT64;
  EXPECT_ERROR(run(x, t), TENON_WRONG_DTYPE, "input 1 'y' is int64, expected float");
  t = y;
  t.rank = 2;
  EXPECT_ERROR(run(x, t), TENON_WRONG_SHAPE, "input 1 'y' has 2 dimensions, expected 1");
  t = y;
  t.dims = nullptr;
  EXPECT_ERROR(run(x, t), TENON_INVALID_ARGUMENT, "input 1 'y': dims is null");
  t = y;
  t.data = nullptr;
  EXPECT_ERROR(run(x, t), TENON_INVALID_ARGUMENT, "input 1 'y': data is null");
  t = y;
  t.bytes = 4092;
  EXPECT_ERROR(run(x, t), TENON_WRONG_SHAPE,
               "input 1 'y' has 4092 bytes, but [1024] of float is 4096");
  Floats shorter{numbers(1000), {1000}};
  EXPECT_ERROR(run(shorter, y), TENON_WRONG_SHAPE,
               "input 0 'x': dimension 0 is 1000, expected 1024");
  Floats negative{numbers(1), {-5}};
  EXPECT_ERROR(run(negative, y), TENON_WRONG_SHAPE, "input 0 'x': dimension 0 is -5");
}

std::vector<float> scaled(const Floats &a, const Floats &w) {
  std::vector<float> result;
  size_t seq = static_cast<size_t>(a.dims[1]);
  for (size_t b = 0; b < w.data.size(); ++b) {
    float sum = 0;
    for (size_t s = 0; s < seq; ++s)
      sum += a.data[b * seq + s];
    for (size_t s = 0; s < seq; ++s)
      result.push_back(sum * a.data[b * seq + s] * w.data[b]);
  }
  return result;
}

TEST(RunDynamic, followsTheShapes) {
  Model model = load("scale");
  Context context = createContext(model, 3);
  tenon_tensor output = {};
  for (auto [batch, seq] :
       {std::pair<int64_t, int64_t>(1, 7), {5, 100}, {2, 3}, {64, 1000}, {0, 9}, {4, 0}}) {
    Floats a{numbers(static_cast<size_t>(batch * seq)), {batch, seq}};
    Floats w{numbers(static_cast<size_t>(batch), 2), {batch}};
    tenon_tensor inputs[] = {a, w};
    ASSERT_EQ(tenon_run(context.get(), inputs, 2, &output, 1), TENON_OK) << tenon_last_error();
    EXPECT_EQ(output.dims[0], batch);
    EXPECT_EQ(output.dims[1], seq);
    EXPECT_EQ(values(output), scaled(a, w));
  }
}

TEST(RunDynamic, refusesContradictingSymbols) {
  Model model = load("scale");
  Context context = createContext(model, 1);
  Floats a{numbers(12), {3, 4}}, w{numbers(4), {4}};
  tenon_tensor inputs[] = {a, w}, output = {};
  EXPECT_ERROR(tenon_run(context.get(), inputs, 2, &output, 1), TENON_WRONG_SHAPE,
               "input 1 'w': dimension 0 is 4, but 'batch' is 3 in input 'a'");
  // The failed run leaves no binding behind.
  Floats w3{numbers(3), {3}};
  inputs[1] = w3;
  EXPECT_EQ(tenon_run(context.get(), inputs, 2, &output, 1), TENON_OK) << tenon_last_error();
}

TEST(RunDynamic, refusesSizesBeyondMemory) {
  Model model = load("scale");
  Context context = createContext(model, 1);
  Floats a{{}, {INT64_MAX / 2, 3}}, w{numbers(1), {INT64_MAX / 2}};
  tenon_tensor inputs[] = {a, w}, output = {};
  EXPECT_ERROR(tenon_run(context.get(), inputs, 2, &output, 1), TENON_WRONG_SHAPE,
               "input 0 'a': [4611686018427387903,3] of float is too large");
}

class RunNonZero : public testing::Test {
protected:
  Model model = load("nonzero");
  Context context = createContext(model, 1);
  tenon_tensor outputs[2] = {};

  tenon_status run(std::vector<float> data) {
    Floats x{data, {static_cast<int64_t>(data.size())}};
    tenon_tensor inputs[] = {x};
    return tenon_run(context.get(), inputs, 1, outputs, 2);
  }
};

TEST_F(RunNonZero, sizesOutputsByTheData) {
  ASSERT_EQ(run({0, 3, 0, 0, 1, 2}), TENON_OK) << tenon_last_error();
  EXPECT_EQ(outputs[0].dtype, TENON_INT64);
  ASSERT_EQ(outputs[0].dims[0], 3);
  EXPECT_EQ(static_cast<int64_t *>(outputs[0].data)[2], 5);
  EXPECT_EQ(outputs[1].rank, 0);
  EXPECT_EQ(*static_cast<int64_t *>(outputs[1].data), 3);
  ASSERT_EQ(run({0, 0}), TENON_OK) << tenon_last_error();
  EXPECT_EQ(outputs[0].dims[0], 0);
  EXPECT_EQ(outputs[0].bytes, 0u);
  EXPECT_NE(outputs[0].data, nullptr);
  ASSERT_EQ(run({}), TENON_OK) << tenon_last_error();
  ASSERT_EQ(run(std::vector<float>(100000, 1)), TENON_OK) << tenon_last_error();
  EXPECT_EQ(outputs[0].dims[0], 100000);
}

TEST_F(RunNonZero, reportsAFailure) {
  EXPECT_ERROR(run({1, -1}), TENON_INVALID_VALUE,
               "model 'nonzero': node 'nonzero': negative element");
  EXPECT_ERROR(run({98}), TENON_WRONG_SHAPE, "failed without a message");
  EXPECT_ERROR(run({99}), TENON_INTERNAL_ERROR, "did not write output 1 'count'");
  EXPECT_EQ(outputs[0].data, nullptr);
  EXPECT_EQ(run({1}), TENON_OK) << tenon_last_error();
}

/// A run that fails after the context's buffer grew leaves no pointer to the old one behind.
TEST_F(RunNonZero, canGoOnAfterAFailureWithGrownOutputs) {
  ASSERT_EQ(run({1}), TENON_OK) << tenon_last_error();
  std::vector<float> longer(5000, 99);
  EXPECT_EQ(run(longer), TENON_INTERNAL_ERROR);
  EXPECT_EQ(outputs[0].data, nullptr);
  ASSERT_EQ(run({1, 1}), TENON_OK) << tenon_last_error();
  EXPECT_EQ(outputs[0].dims[0], 2);
}

TEST_F(RunNonZero, reportsWhichCallersBufferIsSmall) {
  int64_t indices[2];
  outputs[0].data = indices;
  outputs[0].capacity = sizeof indices;
  EXPECT_EQ(run({1, 0, 1}), TENON_OK) << tenon_last_error();
  EXPECT_EQ(outputs[0].data, indices);
  EXPECT_ERROR(run({1, 1, 1}), TENON_BUFFER_TOO_SMALL, "output 0 'indices' has a capacity of 16");
}

} // namespace
