// Products on the matrix units of a GPU, on the simulated one: their numbers, and what its counters
// tell of the code. Each kernel has a product's operands in memory as they are multiplied, so that
// all copies are asynchronous.
#include "test/unit/execute/SimulatedTest.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;

namespace {

/// A product of which a kernel's tile is 64 x 64, with warps of 32 x 32.
struct Product {
  int64_t rows, columns, depth;
};

class MatrixUnitsTest : public SimulatedTest {
protected:
  /// A program of one kernel, the product of two matrices.
  std::string write(const Product &product, StringRef number, StringRef sum, int64_t depth) {
    std::string left = formatv("tensor<{0}x{1}x{2}>", product.rows, product.depth, number);
    std::string right = formatv("tensor<{0}x{1}x{2}>", product.columns, product.depth, number);
    std::string result = formatv("tensor<{0}x{1}x{2}>", product.rows, product.columns, sum);
    return formatv(R"(
      module {{
        func.func @main(%a: {0}, %b: {1}) -> {2} {{
          %0 = tenon.launch @product(%a, %b) : ({0}, {1}) -> {2}
          return %0 : {2}
        }
        tenon.kernel @product(%a: {0}, %b: {1}) -> {2} attributes {{strategy = "contraction",
            schedule = #cuda.tile_schedule<tile_rows = 64, tile_columns = 64, depth = {3}, warp_rows = 32,
            warp_columns = 32, stages = 3, mma = <mma>>, tasks = affine_map<() -> (2)>} {{
          %0 = tenon.matmul %a, %b {{transposeRhs} : ({0}, {1}) -> {2}
          tenon.yield %0 : {2}
        }
      })",
                   left, right, result, depth);
  }

  /// No conflicts of banks but those of none, all of each sector wanted, and no product too many.
  void expectPerfect(const Product &product, int64_t depthOfInstruction) {
    tenon_cuda_sim_counters counters = getCounters("product");
    EXPECT_EQ(counters.bank_conflicts, 0u);
    EXPECT_EQ(counters.wasted_bytes, 0u);
    EXPECT_EQ(counters.matrix_instructions, uint64_t(product.rows / 16 * product.columns / 8 *
                                                     product.depth / depthOfInstruction));
    EXPECT_EQ(counters.matrix_products, uint64_t(product.rows * product.columns * product.depth));
  }
};

std::vector<int> multiply(const Product &product, ArrayRef<int> a, ArrayRef<int> b) {
  std::vector<int> sums(product.rows * product.columns, 0);
  for (int64_t i = 0; i < product.rows; ++i)
    for (int64_t j = 0; j < product.columns; ++j)
      for (int64_t k = 0; k < product.depth; ++k)
        sums[i * product.columns + j] += a[i * product.depth + k] * b[j * product.depth + k];
  return sums;
}

TEST_F(MatrixUnitsTest, HalvesAreMultipliedWithoutConflicts) {
  Product product = {128, 192, 160};
  std::vector<int> a = makeNumbers(128 * 160, -8, 8, 1), b = makeNumbers(192 * 160, -8, 8, 2);
  mlir::Type half = mlir::Float16Type::get(&context);
  auto results =
      run(write(product, "f16", "f32", 32), list(tensor<uint16_t>({128, 160}, half, toHalves(a)),
                                                 tensor<uint16_t>({192, 160}, half, toHalves(b))));
  std::vector<int> expected = multiply(product, a, b);
  EXPECT_EQ(floatsOf(results[0]), std::vector<float>(expected.begin(), expected.end()));
  expectPerfect(product, 16);
}

TEST_F(MatrixUnitsTest, BytesAreMultipliedWithoutConflicts) {
  Product product = {64, 128, 256};
  std::vector<int> a = makeNumbers(64 * 256, -128, 127, 3),
                   b = makeNumbers(128 * 256, -128, 127, 4);
  mlir::Type byte = mlir::IntegerType::get(&context, 8);
  auto toBytes = [](ArrayRef<int> numbers) {
    return std::vector<int8_t>(numbers.begin(), numbers.end());
  };
  auto results =
      run(write(product, "i8", "i32", 64), list(tensor<int8_t>({64, 256}, byte, toBytes(a)),
                                                tensor<int8_t>({128, 256}, byte, toBytes(b))));
  EXPECT_EQ(results[0].bytes.getDataAs<int>().vec(), multiply(product, a, b));
  expectPerfect(product, 32);
}

} // namespace
