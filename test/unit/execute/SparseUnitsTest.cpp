// Products of weights of which two in four are zero, on the matrix units of the simulated GPU: the
// numbers of dense products, and what the counters tell of the code. Weights are laid out as for a
// compiled model.
#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Target/KnownWeights.h"
#include "dialects/Tenon/TenonDialect.h"
#include "test/unit/execute/SimulatedProductTest.h"

using namespace llvm;
using namespace mlir;
using namespace tenon;
using namespace tenon::testing;

namespace {

/// A kernel's tile is 64 x 64, with warps of 32 x 32.
class SparseUnitsTest : public SimulatedProductTest {
protected:
  /// Weights [depth, columns] of these, column by column, as kernels read them.
  HostTensor pack(const HostTensor &byColumns) {
    OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder b(&context);
    b.setInsertionPointToEnd(module->getBody());
    Value weights =
        ConstantOp::create(b, b.getUnknownLoc(), byColumns.type, attributeOf(byColumns));
    Value turned =
        TransposeOp::create(b, b.getUnknownLoc(), weights, b.getDenseI64ArrayAttr({1, 0}));
    Value packed = layout().buildPacking(b, b.getUnknownLoc(), turned);
    return std::move(*HostTensor::get(packed.getDefiningOp<ConstantOp>().getValue()));
  }

  cuda::SparseColumnsAttr layout() { return cuda::SparseColumnsAttr::get(&context, 1); }

  static std::string write(const Product &product, StringRef left, StringRef right, StringRef sum,
                           const HostTensor &weights, int64_t depth) {
    std::string packed;
    raw_string_ostream(packed) << weights.type;
    std::string rows = formatv("tensor<{0}x{1}x{2}>", product.rows, product.depth, left),
                straight = formatv("tensor<{0}x{1}x{2}>", product.depth, product.columns, right),
                result = formatv("tensor<{0}x{1}x{2}>", product.rows, product.columns, sum);
    std::string schedule =
        formatv("#cuda.tile_schedule<tile_rows = 64, tile_columns = 64, depth = {0}, warp_rows = "
                "32, warp_columns = 32, stages = 3, mma = <mma_sparse>>",
                depth);
    return writeProgram(
        rows, packed, result, schedule, /*blocks=*/2,
        formatv(R"(%w = tenon.unpack %b {{layout = #cuda.sparse_columns<>} : ({1}) -> {2}
          %0 = tenon.matmul %a, %w : ({0}, {2}) -> {3})",
                rows, packed, straight, result)
            .str());
  }

  /// No conflicts of banks but those of none, and half of the products.
  void expectPerfect(const Product &product, int64_t depthOfInstruction) {
    tenon_cuda_sim_counters counters = getCounters();
    EXPECT_EQ(counters.bank_conflicts, 0u);
    EXPECT_EQ(counters.wasted_bytes, 0u);
    EXPECT_EQ(counters.matrix_instructions, uint64_t(product.rows / 8 * product.columns / 16 *
                                                     product.depth / depthOfInstruction));
    EXPECT_EQ(counters.matrix_products,
              uint64_t(product.rows * product.columns * product.depth / 2));
  }

  static DenseElementsAttr attributeOf(const HostTensor &tensor) {
    return DenseElementsAttr::getFromRawBuffer(tensor.type, tensor.bytes.getData());
  }
};

/// Numbers of which two at least of four neighbours are zero.
std::vector<int> makeSparse(int64_t columns, int64_t depth, int least, int most, unsigned seed) {
  std::vector<int> numbers = makeNumbers(columns * depth, least, most, seed);
  std::mt19937 random(seed + 1);
  for (int64_t column = 0; column < columns; ++column)
    for (int64_t first = 0; first < depth; first += 4) {
      unsigned kept = random() % 4, other = random() % 4; // may be the same
      for (int64_t k = first; k < std::min(first + 4, depth); ++k)
        if (k - first != kept && k - first != other)
          numbers[column * depth + k] = 0;
    }
  return numbers;
}

TEST_F(SparseUnitsTest, HalvesAreMultipliedWithoutConflicts) {
  Product product = {128, 192, 256};
  std::vector<int> a = makeNumbers(128 * 256, -8, 8, 1), b = makeSparse(192, 256, -8, 8, 2);
  HostTensor weights = pack(halves({192, 256}, b));
  std::string text = write(product, "f16", "f16", "f32", weights, 64);
  auto results = run(text, "cuda:sm_80", list(halves({128, 256}, a), std::move(weights)));
  EXPECT_EQ(floatsOf(results[0]), toFloats(multiply(product, a, b)));
  expectPerfect(product, 32);
}

TEST_F(SparseUnitsTest, BytesAreMultipliedWithoutConflicts) {
  Product product = {64, 128, 256};
  std::vector<int> a = makeNumbers(64 * 256, 0, 255, 3), b = makeSparse(128, 256, -128, 127, 4);
  HostTensor weights = pack(bytes({128, 256}, b));
  std::string text = write(product, "ui8", "i8", "i32", weights, 128);
  auto results = run(text, "cuda:sm_90a", list(bytes({64, 256}, a, true), std::move(weights)));
  EXPECT_EQ(results[0].bytes.getDataAs<int>().vec(), multiply(product, a, b));
  expectPerfect(product, 64);
}

TEST_F(SparseUnitsTest, TilesEndInside) {
  // Places behind the last columns and the end of the depth are those of others, and meet zeros.
  Product product = {70, 40, 330};
  const fltSemantics &bfloat = APFloat::BFloat();
  std::vector<int> a = makeNumbers(70 * 330, -8, 8, 5), b = makeSparse(40, 330, -8, 8, 6);
  for (const char *target : {"cuda:sm_80", "cuda:sm_90a"}) {
    HostTensor weights = pack(halves({40, 330}, b, bfloat));
    std::string text = write(product, "bf16", "bf16", "f32", weights, 128);
    auto results = run(text, target, list(halves({70, 330}, a, bfloat), std::move(weights)));
    EXPECT_EQ(floatsOf(results[0]), toFloats(multiply(product, a, b))) << target;
  }
}

TEST_F(SparseUnitsTest, WeightsOfOtherPatternsAreRefused) {
  std::vector<int> b = makeSparse(16, 64, 1, 8, 7);
  b[0] = b[1] = b[2] = 1;
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  OpBuilder builder(&context);
  builder.setInsertionPointToEnd(module->getBody());
  HostTensor byColumns = bytes({16, 64}, b);
  Value weights =
      ConstantOp::create(builder, builder.getUnknownLoc(), byColumns.type, attributeOf(byColumns));
  Value turned = TransposeOp::create(builder, builder.getUnknownLoc(), weights,
                                     builder.getDenseI64ArrayAttr({1, 0}));
  EXPECT_FALSE(layout().buildPacking(builder, builder.getUnknownLoc(), turned));
}

// Few weights are looked at; their rows must not all be even.
TEST_F(SparseUnitsTest, ZerosInEverySecondRowAreSeen) {
  constexpr int64_t rows = 4096, columns = 2048;
  std::vector<int8_t> numbers(rows * columns, 1);
  for (int64_t row = 1; row < rows; row += 2)
    std::fill_n(numbers.begin() + row * columns, columns, int8_t(0));
  auto type = RankedTensorType::get({rows, columns}, IntegerType::get(&context, 8));
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  OpBuilder b(&context);
  b.setInsertionPointToEnd(module->getBody());
  Value weights = ConstantOp::create(b, b.getUnknownLoc(), type,
                                     DenseElementsAttr::get(type, ArrayRef(numbers)));
  EXPECT_NEAR(KnownWeights::of(weights)->estimateZeros(), 0.5, 0.02);
}

} // namespace
