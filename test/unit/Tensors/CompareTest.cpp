// What counts as equal, and what is said about what does not.
#include "lib/Tensors/Compare.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace tenon;

static Tensor make(int32_t dtype, std::vector<double> values) {
  Tensor tensor = llvm::cantFail(Tensor::create(dtype, {static_cast<int64_t>(values.size())}));
  for (size_t i = 0; i < values.size(); ++i)
    tensor.setElement(static_cast<int64_t>(i), values[i]);
  return tensor;
}

static bool agree(int32_t dtype, std::vector<double> got, std::vector<double> expected,
                  Tolerance tolerance = {}) {
  return compareTensors(make(dtype, got), make(dtype, expected), tolerance).equal;
}

TEST(Compare, FloatsWithinTolerance) {
  EXPECT_TRUE(agree(TENON_FLOAT, {1000.9}, {1000}));
  EXPECT_FALSE(agree(TENON_FLOAT, {1001.1}, {1000}));
  EXPECT_TRUE(agree(TENON_FLOAT, {9e-6}, {0}));
  EXPECT_FALSE(agree(TENON_FLOAT, {2e-5}, {0}));
  EXPECT_TRUE(agree(TENON_FLOAT16, {1}, {1.0009765625}));
}

TEST(Compare, SpecialValues) {
  EXPECT_TRUE(agree(TENON_FLOAT, {NAN, INFINITY, -0.0}, {NAN, INFINITY, 0.0}));
  EXPECT_FALSE(agree(TENON_FLOAT, {NAN}, {1}));
  EXPECT_FALSE(agree(TENON_FLOAT, {1}, {NAN}));
  EXPECT_FALSE(agree(TENON_FLOAT, {INFINITY}, {-INFINITY}));
  EXPECT_FALSE(agree(TENON_FLOAT, {1e30}, {INFINITY}));
  EXPECT_FALSE(agree(TENON_FLOAT, {INFINITY}, {1e30}));
}

TEST(Compare, IntegersExactly) {
  EXPECT_FALSE(agree(TENON_INT32, {1000001}, {1000000}));
  Tensor got = make(TENON_INT64, {0}), expected = got;
  int64_t a = (int64_t(1) << 60) + 1, b = int64_t(1) << 60; // equal as doubles
  std::memcpy(got.bytes.data(), &a, 8);
  std::memcpy(expected.bytes.data(), &b, 8);
  EXPECT_FALSE(compareTensors(got, expected, {}).equal);
  Tolerance loose;
  loose.integersToo = true;
  loose.atol = 1;
  EXPECT_TRUE(agree(TENON_UINT8, {4, 7}, {5, 7}, loose));
}

TEST(Compare, FractionMayMiss) {
  Tolerance quarter;
  quarter.maxMismatchFraction = 0.25;
  EXPECT_TRUE(agree(TENON_FLOAT, {9, 2, 3, 4}, {1, 2, 3, 4}, quarter));
  EXPECT_FALSE(agree(TENON_FLOAT, {9, 9, 3, 4}, {1, 2, 3, 4}, quarter));
}

TEST(Compare, PartOfTheRangeMayBeMissing) {
  Tolerance tenth;
  tenth.rangeFraction = 0.1;
  double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(agree(TENON_FLOAT, {-1, 0.9, 9, infinity}, {-1, 0, 9, infinity}, tenth));
  EXPECT_FALSE(agree(TENON_FLOAT, {-1, 1.1, 9, infinity}, {-1, 0, 9, infinity}, tenth));
  EXPECT_TRUE(agree(TENON_FLOAT, {1.05}, {1}, tenth));
  EXPECT_FALSE(agree(TENON_FLOAT, {1.2}, {1}, tenth));
  EXPECT_FALSE(agree(TENON_INT32, {0, 1, 100}, {0, 0, 100}, tenth));
}

TEST(Compare, SaysWhatIsWrong) {
  EXPECT_EQ(compareTensors(make(TENON_FLOAT, {1, 5, 3}), make(TENON_FLOAT, {1, 2, 7}), {}).cause,
            "2 of 3 elements differ, largest error 4; worst: got 3, expected 7 at [2]");
  EXPECT_EQ(compareTensors(make(TENON_FLOAT, {1}), make(TENON_DOUBLE, {1, 2}), {}).cause,
            "is float[1], expected double[2]");
  Tensor got = llvm::cantFail(Tensor::create(TENON_STRING, {1})), expected = got;
  got.strings = {"a"};
  expected.strings = {"b"};
  EXPECT_EQ(compareTensors(got, expected, {}).cause, "got \"a\", expected \"b\" at [0]");
}

TEST(Compare, AbsoluteToleranceByOutput) {
  ModelTolerance tolerance;
  tolerance.atols = {0, 0.5};
  EXPECT_FALSE(tolerance.forOutput(0).integersToo);
  EXPECT_TRUE(tolerance.forOutput(1).integersToo);
  EXPECT_EQ(tolerance.forOutput(1).atol, 0.5);
  EXPECT_EQ(tolerance.forOutput(2).atol, 1e-5);
}
