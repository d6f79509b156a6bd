// Products of floats of 8 bits on the simulated GPU: their numbers, and what its counters tell of
// the code.
#include "test/unit/execute/SimulatedProductTest.h"

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;

namespace {

class Float8UnitsTest : public SimulatedProductTest {
protected:
  /// Whole numbers, which E4M3 has up to 16 and E5M2 up to 8.
  HostTensor floats8(ArrayRef<int64_t> shape, ArrayRef<int> numbers, bool isE5M2 = false) {
    const fltSemantics &semantics = isE5M2 ? APFloat::Float8E5M2() : APFloat::Float8E4M3FN();
    std::vector<uint16_t> words = toWords(numbers, semantics);
    mlir::Type e4m3 = mlir::Float8E4M3FNType::get(&context),
               e5m2 = mlir::Float8E5M2Type::get(&context);
    return tensor<uint8_t>(shape, isE5M2 ? e5m2 : e4m3,
                           std::vector<uint8_t>(words.begin(), words.end()));
  }

  std::vector<float> runMatmul(const Product &product, StringRef leftKind, StringRef rightKind,
                               StringRef schedule, StringRef target, ArrayRef<int> a,
                               ArrayRef<int> b) {
    std::string left = formatv("tensor<{0}x{1}x{2}>", product.rows, product.depth, leftKind);
    std::string right = formatv("tensor<{0}x{1}x{2}>", product.columns, product.depth, rightKind);
    std::string result = formatv("tensor<{0}x{1}xf32>", product.rows, product.columns);
    std::string body = formatv("%0 = tenon.matmul %a, %b {{transposeRhs} : ({0}, {1}) -> {2}", left,
                               right, result);
    auto results = run(writeProgram(left, right, result, schedule, /*blocks=*/2, body), target,
                       list(floats8({product.rows, product.depth}, a, leftKind == "f8E5M2"),
                            floats8({product.columns, product.depth}, b, rightKind == "f8E5M2")));
    return floatsOf(results[0]);
  }

  void expectPerfect(uint64_t instructions) {
    tenon_cuda_sim_counters counters = getCounters();
    EXPECT_EQ(counters.bank_conflicts, 0u);
    EXPECT_EQ(counters.wasted_bytes, 0u);
    EXPECT_EQ(counters.matrix_instructions, instructions);
  }
};

TEST_F(Float8UnitsTest, WarpsMultiplyBothKinds) {
  Product product = {64, 128, 256};
  std::vector<int> a = makeNumbers(64 * 256, -16, 16, 1), b = makeNumbers(128 * 256, -8, 8, 2);
  std::vector<float> sums = runMatmul(
      product, "f8E4M3FN", "f8E5M2",
      "#cuda.tile_schedule<tile_rows = 64, tile_columns = 64, depth = 64, warp_rows = 32, "
      "warp_columns = 32, stages = 3, mma = <mma>>",
      "cuda:sm_89", a, b);
  EXPECT_EQ(sums, toFloats(multiply(product, a, b)));
  expectPerfect(/*instructions=*/4 * 16 * 8);
}

TEST_F(Float8UnitsTest, WarpgroupsMultiplyBothKinds) {
  Product product = {200, 104, 336};
  std::vector<int> a = makeNumbers(200 * 336, -8, 8, 3), b = makeNumbers(104 * 336, -16, 16, 4);
  std::vector<float> sums = runMatmul(
      product, "f8E5M2", "f8E4M3FN",
      "#cuda.pipeline_schedule<tile_columns = 96, depth = 128, stages = 2, mma = <wgmma>>",
      "cuda:sm_90a", a, b);
  EXPECT_EQ(sums, toFloats(multiply(product, a, b)));
  // Two by two tiles, of two consumers with four warps each: three steps of four instructions.
  expectPerfect(/*instructions=*/4 * 8 * 3 * 4);
}

// Channels that are no chunk go through registers, where they are converted and converted back.
TEST_F(Float8UnitsTest, ConvertsOnTheWay) {
  Product product = {20, 19, 70};
  std::vector<int> a = makeNumbers(20 * 70, -16, 16, 5), b = makeNumbers(19 * 70, -8, 8, 6);
  std::vector<float> sums = runMatmul(
      product, "f8E4M3FN", "f8E5M2",
      "#cuda.tile_schedule<tile_rows = 32, tile_columns = 32, depth = 64, warp_rows = 16, "
      "warp_columns = 16, stages = 3, mma = <mma>>",
      "cuda:sm_89", a, b);
  EXPECT_EQ(sums, toFloats(multiply(product, a, b)));
}

/// Kernels that round, widen and round again.
class Float8CodesTest : public Float8UnitsTest {
protected:
  std::vector<uint8_t> roundTwice(StringRef kind, StringRef saturate, StringRef target,
                                  ArrayRef<float> numbers) {
    int64_t count = int64_t(numbers.size());
    std::string text = formatv(R"(
      module {{
        func.func @main(%a: tensor<{0}xf32>) -> tensor<{0}x{1}> {{
          %0 = tenon.launch @rounded(%a) : (tensor<{0}xf32>) -> tensor<{0}x{1}>
          return %0 : tensor<{0}x{1}>
        }
        tenon.kernel @rounded(%a: tensor<{0}xf32>) -> tensor<{0}x{1}> attributes {{strategy = "rows",
            schedule = #cuda.rows_schedule<>, tasks = affine_map<() -> (1)>} {{
          %0 = tenon.cast %a to {1} {{saturate = {2}} : (tensor<{0}xf32>) -> tensor<{0}x{1}>
          %1 = tenon.cast %0 to f32 : (tensor<{0}x{1}>) -> tensor<{0}xf32>
          %2 = tenon.cast %1 to {1} {{saturate = {2}} : (tensor<{0}xf32>) -> tensor<{0}x{1}>
          tenon.yield %2 : tensor<{0}x{1}>
        }
      })",
                               count, kind, saturate);
    auto results = run(text, target, list(floats({count}, numbers)));
    return results[0].bytes.getDataAs<uint8_t>().vec();
  }
};

// By instructions and without them, infinities, NaN and ties among the numbers.
TEST_F(Float8CodesTest, AreTheSameByInstructions) {
  std::vector<float> numbers = {0, -0.0f, HUGE_VALF, -HUGE_VALF, NAN, 1e30f, -1e30f, 1e-30f};
  for (int exponent = -20; exponent < 18; ++exponent)
    for (float digits : {1.0f, 1.0624f, 1.0625f, 1.125f, 1.1875f, 1.375f, 1.75f, 1.9375f})
      numbers.push_back(std::ldexp(exponent % 2 ? -digits : digits, exponent));
  for (StringRef saturate : {"true", "false"})
    for (StringRef kind : {"f8E4M3FN", "f8E5M2"})
      EXPECT_EQ(roundTwice(kind, saturate, "cuda:sm_80", numbers),
                roundTwice(kind, saturate, "cuda:sm_89", numbers))
          << kind.str() << " saturated: " << saturate.str();
}

} // namespace
