// Products of few rows on the simulated GPU: their numbers, and that columns are read once.
#include "test/unit/execute/SimulatedTest.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;

namespace {

class FewRowsTest : public SimulatedTest {
protected:
  static constexpr int64_t rows = 3, columns = 40, depth = 528, perWarp = 4;

  /// A program of one kernel, a product of halves.
  static std::string write(int64_t blocks) {
    return formatv(R"(
      module {{
        func.func @main(%a: {0}, %b: {1}) -> {2} {{
          %0 = tenon.launch @product(%a, %b) : ({0}, {1}) -> {2}
          return %0 : {2}
        }
        tenon.kernel @product(%a: {0}, %b: {1}) -> {2} attributes {{strategy = "contraction",
            schedule = #cuda.gemv_schedule<columns = {3}, lanes = 8, threads = 64>,
            tasks = affine_map<() -> ({4})>} {{
          %0 = tenon.matmul %a, %b {{transposeRhs} : ({0}, {1}) -> {2}
          tenon.yield %0 : {2}
        }
      })",
                   formatv("tensor<{0}x{1}xf16>", rows, depth).str(),
                   formatv("tensor<{0}x{1}xf16>", columns, depth).str(),
                   formatv("tensor<{0}x{1}xf32>", rows, columns).str(), perWarp, blocks);
  }

  std::vector<float> multiply(int64_t blocks, ArrayRef<int> a, ArrayRef<int> b) {
    mlir::Type half = mlir::Float16Type::get(&context);
    return floatsOf(run(write(blocks), "cuda:sm_80",
                        list(tensor<uint16_t>({rows, depth}, half, toHalves(a)),
                             tensor<uint16_t>({columns, depth}, half, toHalves(b))))[0]);
  }
};

TEST_F(FewRowsTest, ColumnsAreReadOnce) {
  std::vector<int> a = makeNumbers(rows * depth, -8, 8, 1),
                   b = makeNumbers(columns * depth, -8, 8, 2);
  std::vector<float> expected;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      int sum = 0;
      for (int64_t k = 0; k < depth; ++k)
        sum += a[i * depth + k] * b[j * depth + k];
      expected.push_back(float(sum));
    }
  EXPECT_EQ(multiply(2, a, b), expected);
  tenon_cuda_sim_counters counters = getCounters("product");
  uint64_t brought = depth * 2 * (columns + rows * columns / perWarp);
  EXPECT_EQ(counters.global_bytes, brought + rows * columns * 4);
  // Sums of a warp's columns are half of a sector.
  EXPECT_EQ(counters.wasted_bytes, uint64_t(rows * columns * 4));
  EXPECT_EQ(multiply(5, a, b), expected);
}

} // namespace
