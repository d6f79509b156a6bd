// Attention on the matrix units of a GPU, on the simulated one: its numbers, and what its counters
// tell of the code.
#include "test/unit/execute/SimulatedTest.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;

namespace {

struct Sizes {
  int64_t heads, keyHeads, queries, keys, depth, width;
};

class AttentionUnitsTest : public SimulatedTest {
protected:
  /// A program of one kernel.
  static std::string write(const Sizes &sizes, StringRef number, StringRef schedule,
                           StringRef attributes) {
    auto type = [&](int64_t heads, int64_t rows, int64_t columns, StringRef element) {
      return formatv("tensor<{0}x{1}x{2}x{3}>", heads, rows, columns, element).str();
    };
    std::string q = type(sizes.heads, sizes.queries, sizes.depth, number),
                k = type(sizes.keyHeads, sizes.keys, sizes.depth, number),
                v = type(sizes.keyHeads, sizes.keys, sizes.width, number),
                y = type(sizes.heads, sizes.queries, sizes.width, "f32");
    return formatv(R"(
      module {{
        func.func @main(%q: {0}, %k: {1}, %v: {2}) -> {3} {{
          %0 = tenon.launch @attention(%q, %k, %v) : ({0}, {1}, {2}) -> {3}
          return %0 : {3}
        }
        tenon.kernel @attention(%q: {0}, %k: {1}, %v: {2}) -> {3} attributes {{strategy = "attention",
            schedule = #cuda.attention_tile_schedule<{4}>, tasks = affine_map<() -> (2)>} {{
          %0 = tenon.attention %q, %k, %v {{scale = 0.05 {5}} : ({0}, {1}, {2}) -> {3}
          tenon.yield %0 : {3}
        }
      })",
                   q, k, v, y, schedule, attributes);
  }

  static std::vector<float> attend(const Sizes &sizes, ArrayRef<int> q, ArrayRef<int> k,
                                   ArrayRef<int> v) {
    std::vector<float> results;
    for (int64_t row = 0; row < sizes.heads * sizes.queries; ++row) {
      int64_t head = row / sizes.queries * sizes.keyHeads / sizes.heads;
      std::vector<double> powers;
      double sum = 0;
      for (int64_t key = 0; key < sizes.keys; ++key) {
        int product = 0;
        for (int64_t i = 0; i < sizes.depth; ++i)
          product += q[row * sizes.depth + i] * k[(head * sizes.keys + key) * sizes.depth + i];
        powers.push_back(std::exp(product * 0.05));
        sum += powers.back();
      }
      for (int64_t column = 0; column < sizes.width; ++column) {
        double result = 0;
        for (int64_t key = 0; key < sizes.keys; ++key)
          result += powers[key] * v[(head * sizes.keys + key) * sizes.width + column];
        results.push_back(float(result / sum));
      }
    }
    return results;
  }

  /// Runs it with whole numbers, which halves and tf32 hold as they are, and compares results.
  template <typename ConvertT>
  void check(const Sizes &sizes, mlir::Type number, const std::string &text, ConvertT convert,
             double tolerance) {
    std::vector<int> q = makeNumbers(sizes.heads * sizes.queries * sizes.depth, -4, 4, 1),
                     k = makeNumbers(sizes.keyHeads * sizes.keys * sizes.depth, -4, 4, 2),
                     v = makeNumbers(sizes.keyHeads * sizes.keys * sizes.width, -4, 4, 3);
    auto input = [&](int64_t heads, int64_t rows, int64_t columns, ArrayRef<int> numbers) {
      auto values = convert(numbers);
      return tensor<typename decltype(values)::value_type>({heads, rows, columns}, number, values);
    };
    auto results = run(text, "cuda:sm_80",
                       list(input(sizes.heads, sizes.queries, sizes.depth, q),
                            input(sizes.keyHeads, sizes.keys, sizes.depth, k),
                            input(sizes.keyHeads, sizes.keys, sizes.width, v)));
    std::vector<float> expected = attend(sizes, q, k, v), actual = floatsOf(results[0]);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i)
      ASSERT_NEAR(actual[i], expected[i], tolerance) << i;
  }

  /// No conflicts of banks, all of each sector wanted, and no product but those of these rows, for
  /// so many parts of each power.
  void expectPerfect(const Sizes &sizes, int64_t rows, int64_t depthOfInstruction,
                     int64_t powerParts) {
    tenon_cuda_sim_counters counters = getCounters("attention");
    EXPECT_EQ(counters.bank_conflicts, 0u);
    EXPECT_EQ(counters.wasted_bytes, 0u);
    uint64_t scores = sizes.keys / 8 * sizes.depth / depthOfInstruction;
    uint64_t results = sizes.width / 8 * sizes.keys / depthOfInstruction;
    EXPECT_EQ(counters.matrix_instructions, rows / 16 * (scores + powerParts * results));
  }
};

std::vector<float> toFloats(ArrayRef<int> numbers) { return {numbers.begin(), numbers.end()}; }

TEST_F(AttentionUnitsTest, HalvesAreMultipliedWithoutConflicts) {
  Sizes sizes = {2, 2, 128, 192, 64, 96};
  check(sizes, mlir::Float16Type::get(&context),
        write(sizes, "f16", "mma = <mma>", ", tenon.multiplied_type = f16"), toHalves, 4e-3);
  expectPerfect(sizes, 2 * 128, 16, 1);
}

TEST_F(AttentionUnitsTest, NumbersOf32BitsAreMultipliedWithoutConflicts) {
  Sizes sizes = {1, 1, 64, 64, 32, 32};
  check(sizes, mlir::Float32Type::get(&context),
        write(sizes, "f32", "tile_keys = 32, mma = <mma_tf32>", ", tenon.multiplied_type = tf32"),
        toFloats, 4e-3);
  expectPerfect(sizes, 64, 8, 1);
}

// Eight heads of one query are rows of one tile, and four warps share its keys. Powers that may not
// be rounded are multiplied in two parts, and results are those of f32.
TEST_F(AttentionUnitsTest, SlicesShareKeys) {
  Sizes sizes = {8, 1, 1, 256, 128, 128};
  check(sizes, mlir::Float16Type::get(&context),
        write(sizes, "f16", "tile_rows = 16, tile_keys = 128, slices = 4, mma = <mma>", ""),
        toHalves, 4e-6);
  expectPerfect(sizes, 16, 16, 2);
}

} // namespace
