// Codes that are not the nearest make the error of results smaller.

#include "lib/Quantize/Rounding.h"
#include "test/unit/Repair/TestModels.h"

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

/// A weight of 4 bits, [columns, rows] as MatMul has it, and operands that depend on each other.
struct RoundingCase {
  RoundingCase(int32_t dtype, int64_t blockSize) : constant(randomTensor({64, 24}, 0.1f)) {
    layout = {24, 64, 1, 1, 24};
    entry.name = "w";
    entry.dtype = dtype;
    entry.axis = 0;
    entry.blockSize = blockSize;
    Eigen::MatrixXf mix = Eigen::Map<const Eigen::MatrixXf>(gaussian(64 * 64, 1, 2).data(), 64, 64);
    Eigen::MatrixXf operands =
        mix * Eigen::Map<const Eigen::MatrixXf>(gaussian(64 * 48, 1, 3).data(), 64, 48);
    gram = operands * operands.transpose() / 48;
  }

  CodedWeight nearest() const {
    return llvm::cantFail(CodedWeight::create(constant, layout, entry));
  }

  Tensor constant;
  WeightLayout layout;
  TensorRecipe entry;
  Eigen::MatrixXf gram;
};

class Rounding : public testing::TestWithParam<std::pair<int32_t, int64_t>> {};

TEST_P(Rounding, CompensatedIsBetterThanNearest) {
  RoundingCase test(GetParam().first, GetParam().second);
  CodedWeight weight = test.nearest();
  double nearest = measureResultError(weight, 0, test.gram);
  ASSERT_TRUE(roundCompensated(weight, 0, test.gram));
  double compensated = measureResultError(weight, 0, test.gram);
  EXPECT_LT(compensated, 0.5 * nearest);
  roundAdaptively(weight, 0, test.gram);
  EXPECT_LE(measureResultError(weight, 0, test.gram), compensated);
}

TEST_P(Rounding, AdaptiveStaysOnBothSides) {
  RoundingCase test(GetParam().first, GetParam().second);
  CodedWeight weight = test.nearest(), before = weight;
  double nearest = measureResultError(weight, 0, test.gram);
  roundAdaptively(weight, 0, test.gram);
  EXPECT_LT(measureResultError(weight, 0, test.gram), 0.6 * nearest);
  for (size_t i = 0; i < weight.codes.size(); ++i) {
    // What is clamped is farther away from the beginning.
    float clamped = std::abs(before.decode(i) - before.values[i]);
    EXPECT_LE(std::abs(weight.decode(i) - weight.values[i]),
              std::max(clamped, 1.01f * weight.scales[i]));
    EXPECT_GE(weight.codes[i], weight.least);
    EXPECT_LE(weight.codes[i], weight.largest);
  }
}

TEST_P(Rounding, EntriesKeepTheCodes) {
  RoundingCase test(GetParam().first, GetParam().second);
  CodedWeight weight = test.nearest();
  roundCompensated(weight, 0, test.gram);
  weight.store(test.constant, test.entry);
  CodedWeight again = test.nearest();
  EXPECT_EQ(again.codes, weight.codes);
  EXPECT_EQ(again.scales, weight.scales);
  EXPECT_EQ(again.zeroPoints, weight.zeroPoints);
}

TEST_P(Rounding, FittedScalesLoseLess) {
  RoundingCase test(GetParam().first, GetParam().second);
  CodedWeight weight = test.nearest();
  for (size_t i = 0; i < weight.codes.size(); ++i) {
    weight.scales[i] *= 1.4f;
    weight.codes[i] = weight.encode(i, weight.values[i]);
  }
  Eigen::MatrixXf independent = Eigen::MatrixXf(test.gram.diagonal().asDiagonal());
  double whole = measureResultError(weight, 0, independent);
  ScaleGrid grid(test.constant.dims, test.entry);
  fitScales(weight, 0, independent, grid, grid.count(64 * 24));
  EXPECT_LT(measureResultError(weight, 0, independent), 0.8 * whole);
}

INSTANTIATE_TEST_SUITE_P(All, Rounding,
                         testing::Values(std::pair(TENON_INT4, 32), std::pair(TENON_UINT4, 32),
                                         std::pair(TENON_INT4, 64)));

TEST(Rounding, TakesColumnsThatAreAlwaysZero) {
  RoundingCase test(TENON_INT4, 32);
  test.gram.row(5).setZero();
  test.gram.col(5).setZero();
  CodedWeight weight = test.nearest();
  double nearest = measureResultError(weight, 0, test.gram);
  ASSERT_TRUE(roundCompensated(weight, 0, test.gram));
  EXPECT_LT(measureResultError(weight, 0, test.gram), nearest);
  test.gram.setZero();
  EXPECT_TRUE(roundCompensated(weight, 0, test.gram));
}

} // namespace
