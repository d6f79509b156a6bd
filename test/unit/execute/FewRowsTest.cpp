// Products of few rows on the simulated GPU: their numbers, and that columns are read once.
#include "test/unit/execute/SimulatedTest.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;

namespace {

class FewRowsTest : public SimulatedTest {
protected:
  static constexpr int64_t rows = 3, columns = 40, depth = 528;
  static constexpr uint64_t resultBytes = rows * columns * 4;

  /// A program of one kernel, a product of halves.
  static std::string writeHalves(StringRef schedule, int64_t blocks) {
    return formatv(R"(
      module {{
        func.func @main(%a: {0}, %b: {1}) -> {2} {{
          %0 = tenon.launch @product(%a, %b) : ({0}, {1}) -> {2}
          return %0 : {2}
        }
        tenon.kernel @product(%a: {0}, %b: {1}) -> {2} attributes {{strategy = "contraction",
            schedule = #cuda.gemv_schedule<{3}, threads = 64>, tasks = affine_map<() -> ({4})>} {{
          %0 = tenon.matmul %a, %b {{transposeRhs} : ({0}, {1}) -> {2}
          tenon.yield %0 : {2}
        }
      })",
                   formatv("tensor<{0}x{1}xf16>", rows, depth).str(),
                   formatv("tensor<{0}x{1}xf16>", columns, depth).str(),
                   formatv("tensor<{0}x{1}xf32>", rows, columns).str(), schedule, blocks);
  }

  std::vector<float> multiply(StringRef schedule, int64_t blocks, ArrayRef<int> a,
                              ArrayRef<int> b) {
    mlir::Type half = mlir::Float16Type::get(&context);
    return floatsOf(run(writeHalves(schedule, blocks), "cuda:sm_80",
                        list(tensor<uint16_t>({rows, depth}, half, toHalves(a)),
                             tensor<uint16_t>({columns, depth}, half, toHalves(b))))[0]);
  }

  /// A product of f32 with codes of 4 bits in blocks of 16, as they are packed.
  static std::string writeCodes(int64_t blocks) {
    return formatv(R"(
      module {{
        func.func @main(%a: {0}, %q: {1}, %s: {2}, %z: {3}) -> {4} {{
          %0 = tenon.launch @product(%a, %q, %s, %z) : ({0}, {1}, {2}, {3}) -> {4}
          return %0 : {4}
        }
        tenon.kernel @product(%a: {0}, %q: {1}, %s: {2}, %z: {3}) -> {4} attributes {{
            strategy = "contraction", tasks = affine_map<() -> ({5})>,
            schedule = #cuda.gemv_schedule<columns = 2, slices = 2, threads = 64>} {{
          %c = tenon.unpack %q {{layout = #cuda.code_columns} : ({1}) -> tensor<{6}x{7}xui4>
          %t = tenon.unpack %s {{layout = #cuda.columns<>} : ({2}) -> tensor<{8}x{7}xf32>
          %u = tenon.unpack %z {{layout = #cuda.columns<>} : ({3}) -> tensor<{8}x{7}xf32>
          %w = tenon.dequantize_blocks %c, %t, %u {{axis = 0, block_size = 16}
             : (tensor<{6}x{7}xui4>, tensor<{8}x{7}xf32>, tensor<{8}x{7}xf32>) -> tensor<{6}x{7}xf32>
          %0 = tenon.matmul %a, %w : ({0}, tensor<{6}x{7}xf32>) -> {4}
          tenon.yield %0 : {4}
        }
      })",
                   formatv("tensor<{0}x{1}xf32>", rows, depth).str(),
                   formatv("tensor<1x{0}x{1}xui8>", columns, codeBytes).str(),
                   formatv("tensor<1x{0}x{1}xf32>", columns, paddedBlocks).str(),
                   formatv("tensor<1x{0}x{1}xf32>", columns, paddedBlocks).str(),
                   formatv("tensor<{0}x{1}xf32>", rows, columns).str(), blocks, depth, columns,
                   depth / 16);
  }
  static constexpr int64_t codeBytes = (depth / 2 + 15) / 16 * 16;
  static constexpr int64_t paddedBlocks = (depth / 16 + 15) / 16 * 16;

  static std::vector<float> multiplyExactly(ArrayRef<int> a, ArrayRef<int> b) {
    std::vector<float> sums;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        int sum = 0;
        for (int64_t k = 0; k < depth; ++k)
          sum += a[i * depth + k] * b[j * depth + k];
        sums.push_back(float(sum));
      }
    return sums;
  }

  std::vector<int> a = makeNumbers(rows * depth, -8, 8, 1);
};

TEST_F(FewRowsTest, ColumnsAreReadOnce) {
  std::vector<int> b = makeNumbers(columns * depth, -8, 8, 2);
  EXPECT_EQ(multiply("columns = 4, lanes = 8", 2, a, b), multiplyExactly(a, b));
  tenon_cuda_sim_counters counters = getCounters("product");
  EXPECT_EQ(counters.global_bytes, depth * 2 * (columns + rows * columns / 4) + resultBytes);
  // Sums of a warp's columns are half of a sector.
  EXPECT_EQ(counters.wasted_bytes, resultBytes);
  EXPECT_EQ(multiply("columns = 4, lanes = 8", 5, a, b), multiplyExactly(a, b));
}

// Two warps have parts of each column, and read no more of it together than one alone.
TEST_F(FewRowsTest, WarpsShareTheDepth) {
  std::vector<int> b = makeNumbers(columns * depth, -8, 8, 2);
  for (int64_t blocks : {1, 3}) {
    EXPECT_EQ(multiply("columns = 1, lanes = 8, slices = 2", blocks, a, b), multiplyExactly(a, b));
    EXPECT_EQ(getCounters("product").bank_conflicts, 0u);
  }
  EXPECT_EQ(getCounters("product").global_bytes,
            2 * (depth * 2 * (columns + rows * columns) + resultBytes));
}

// Codes are read once, and two of them are a byte; scales and zero points are numbers whose
// products are exact.
TEST_F(FewRowsTest, CodesAreReadAsTheyAre) {
  std::vector<int> codes = makeNumbers(columns * depth, 0, 15, 2),
                   zeros = makeNumbers(columns * paddedBlocks, 0, 15, 3),
                   scales = makeNumbers(columns * paddedBlocks, 1, 3, 4), b;
  std::vector<uint8_t> packed(columns * codeBytes, 0);
  for (int64_t j = 0; j < columns; ++j)
    for (int64_t k = 0; k < depth; ++k) {
      int code = codes[j * depth + k];
      packed[j * codeBytes + k / 2] |= code << (k % 2 * 4);
      int64_t block = j * paddedBlocks + k / 16;
      b.push_back((code - zeros[block]) * scales[block]);
    }
  auto floats = [&](ArrayRef<int64_t> shape, ArrayRef<int> numbers) {
    return tensor<float>(shape, mlir::Float32Type::get(&context),
                         std::vector<float>(numbers.begin(), numbers.end()));
  };
  auto byte = mlir::IntegerType::get(&context, 8, mlir::IntegerType::Unsigned);
  auto results = run(
      writeCodes(3), "cuda:sm_80",
      list(floats({rows, depth}, a), tensor<uint8_t>({1, columns, codeBytes}, byte, packed),
           floats({1, columns, paddedBlocks}, scales), floats({1, columns, paddedBlocks}, zeros)));
  EXPECT_EQ(floatsOf(results[0]), multiplyExactly(a, b));
  // Lanes have eight codes: two of them share a block's parameters.
  uint64_t parameters = columns * (depth / 8) * 2 * 4;
  EXPECT_EQ(getCounters("product").global_bytes,
            columns * depth / 2 + depth * 4 * rows * columns / 2 + parameters + resultBytes);
}

} // namespace
