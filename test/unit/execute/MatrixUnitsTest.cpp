// Products on the matrix units of a GPU, on the simulated one: their numbers, and what its counters
// tell of the code. Each kernel has a product's operands in memory as they are multiplied, so that
// all copies are asynchronous.
#include "test/unit/execute/SimulatedProductTest.h"

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;

namespace {

/// A kernel's tile is 64 x 64, with warps of 32 x 32.
class MatrixUnitsTest : public SimulatedProductTest {
protected:
  static std::string write(const Product &product, StringRef number, StringRef sum, int64_t depth,
                           StringRef mma = "mma") {
    std::string left = formatv("tensor<{0}x{1}x{2}>", product.rows, product.depth, number);
    std::string right = formatv("tensor<{0}x{1}x{2}>", product.columns, product.depth, number);
    std::string result = formatv("tensor<{0}x{1}x{2}>", product.rows, product.columns, sum);
    std::string schedule =
        formatv("#cuda.tile_schedule<tile_rows = 64, tile_columns = 64, depth = {0}, warp_rows = "
                "32, warp_columns = 32, stages = 3, mma = <{1}>>",
                depth, mma);
    return writeProgram(
        left, right, result, schedule, /*blocks=*/2,
        formatv("%0 = tenon.matmul %a, %b {{transposeRhs} : ({0}, {1}) -> {2}", left, right, result)
            .str());
  }

  /// No conflicts of banks but those of none, all of each sector wanted, and no product too many.
  void expectPerfect(const Product &product, int64_t depthOfInstruction) {
    tenon_cuda_sim_counters counters = getCounters();
    EXPECT_EQ(counters.bank_conflicts, 0u);
    EXPECT_EQ(counters.wasted_bytes, 0u);
    EXPECT_EQ(counters.matrix_instructions, uint64_t(product.rows / 16 * product.columns / 8 *
                                                     product.depth / depthOfInstruction));
    EXPECT_EQ(counters.matrix_products, uint64_t(product.rows * product.columns * product.depth));
  }
};

TEST_F(MatrixUnitsTest, HalvesAreMultipliedWithoutConflicts) {
  Product product = {128, 192, 160};
  std::vector<int> a = makeNumbers(128 * 160, -8, 8, 1), b = makeNumbers(192 * 160, -8, 8, 2);
  auto results = run(write(product, "f16", "f32", 32), "cuda:sm_80",
                     list(halves({128, 160}, a), halves({192, 160}, b)));
  EXPECT_EQ(floatsOf(results[0]), toFloats(multiply(product, a, b)));
  expectPerfect(product, 16);
}

TEST_F(MatrixUnitsTest, BytesAreMultipliedWithoutConflicts) {
  Product product = {64, 128, 256};
  std::vector<int> a = makeNumbers(64 * 256, -128, 127, 3),
                   b = makeNumbers(128 * 256, -128, 127, 4);
  auto results = run(write(product, "i8", "i32", 64), "cuda:sm_80",
                     list(bytes({64, 256}, a), bytes({128, 256}, b)));
  EXPECT_EQ(results[0].bytes.getDataAs<int>().vec(), multiply(product, a, b));
  expectPerfect(product, 32);
}

// A long sum with few results: parts of it are a product each, and a second kernel adds them up.
TEST_F(MatrixUnitsTest, LongSumsAreSplit) {
  Product product = {16, 64, 2048};
  std::vector<int> a = makeNumbers(16 * 2048, -4, 4, 7), b = makeNumbers(64 * 2048, -4, 4, 8),
                   turned;
  for (int64_t k = 0; k < 2048; ++k)
    for (int64_t j = 0; j < 64; ++j)
      turned.push_back(b[j * 2048 + k]);
  LoadOptions options;
  options.stage = Stage::Target;
  mlir::OwningOpRef<mlir::ModuleOp> module = parse(R"(
    module {
      func.func @main(%a: tensor<16x2048xf16>, %b: tensor<2048x64xf16>) -> tensor<16x64xf32> {
        %0 = tenon.matmul %a, %b : (tensor<16x2048xf16>, tensor<2048x64xf16>) -> tensor<16x64xf32>
        return %0 : tensor<16x64xf32>
      }
    })");
  (*module)->setAttr(kTargetAttrName, cantFail(lookupTarget("cuda:sm_80", &context)));
  LoadedProgram program = cantFail(LoadedProgram::load(*module, options));
  auto results = program.run(list(halves({16, 2048}, a), halves({2048, 64}, turned)));
  ASSERT_TRUE(bool(results)) << toString(results.takeError());
  EXPECT_EQ(floatsOf((*results)[0]), toFloats(multiply(product, a, b)));
  EXPECT_EQ(getCounters("matmul_only").matrix_products, uint64_t(16 * 64 * 2048));
}

// Numbers of 22 bits, whose products have more bits than f32: the result is right to less than a
// unit in the last place of the largest product.
TEST_F(MatrixUnitsTest, FloatsAreMultipliedInTwoParts) {
  Product product = {64, 64, 64};
  std::vector<int> a = makeNumbers(64 * 64, -(1 << 21), 1 << 21, 5),
                   b = makeNumbers(64 * 64, -(1 << 21), 1 << 21, 6);
  auto results = run(write(product, "f32", "f32", 32, "mma_3xtf32"), "cuda:sm_80",
                     list(floats({64, 64}, toFloats(a)), floats({64, 64}, toFloats(b))));
  std::vector<float> sums = floatsOf(results[0]);
  double worst = 0;
  for (int64_t i = 0; i < 64; ++i)
    for (int64_t j = 0; j < 64; ++j) {
      double expected = 0;
      for (int64_t k = 0; k < 64; ++k)
        expected += double(a[i * 64 + k]) * double(b[j * 64 + k]);
      worst = std::max(worst, std::abs(sums[i * 64 + j] - expected));
    }
  EXPECT_LT(worst, 64 * std::ldexp(1.0, 42 - 22));
  tenon_cuda_sim_counters counters = getCounters();
  EXPECT_EQ(counters.bank_conflicts, 0u);
  EXPECT_EQ(counters.matrix_instructions, 3u * (64 / 16 * 64 / 8 * 64 / 8));
}

// What has no two parts, or parts whose products are infinities of both signs, gives what
// multiply-adds give: one such number in a row, and one in a column at the same place.
TEST_F(MatrixUnitsTest, SumsOfFloatsThatAreNotFiniteAreThoseOfMultiplyAdds) {
  constexpr int64_t size = 64, place = 37;
  constexpr float infinity = HUGE_VALF, largest = FLT_MAX;
  constexpr float special[] = {
      infinity, -infinity, NAN, largest, -largest, 0x1.ffep127f, 0x1.ffdffep127f, 1.2345678e30f,
      -1e20f,   3000.7f,   -1,  0.f,     -0.f,     1e-30f,       FLT_MIN,         1e-45f};
  std::vector<float> a, b;
  for (int number : makeNumbers(2 * size * size, -(1 << 23), 1 << 23, 9))
    (int64_t(a.size()) < size * size ? a : b).push_back(std::ldexp(float(number), -23));
  for (size_t i = 0; i < std::size(special); ++i)
    a[i * size + place] = b[i * size + place] = special[i];
  auto results = run(write({size, size, size}, "f32", "f32", 32, "mma_3xtf32"), "cuda:sm_80",
                     list(floats({size, size}, a), floats({size, size}, b)));
  std::vector<float> sums = floatsOf(results[0]);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j) {
      float expected = 0, sizes = 0;
      for (int64_t k = 0; k < size; ++k) {
        expected = std::fma(a[i * size + k], b[j * size + k], expected);
        sizes += std::abs(a[i * size + k] * b[j * size + k]);
      }
      float sum = sums[i * size + j];
      if (std::isfinite(expected))
        EXPECT_LE(std::abs(sum - expected), std::min(sizes, largest) * 0x1p-20f) << i << " " << j;
      else
        EXPECT_TRUE(sum == expected || (std::isnan(sum) && std::isnan(expected))) << i << " " << j;
    }
}

} // namespace
