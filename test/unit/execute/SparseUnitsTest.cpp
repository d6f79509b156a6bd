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

class SparseUnitsTest : public SimulatedProductTest {
protected:
  /// Weights [depth, columns] of these, column by column, as kernels read them.
  HostTensor pack(const HostTensor &byColumns, int64_t groups = 1) {
    OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder b(&context);
    b.setInsertionPointToEnd(module->getBody());
    Value weights =
        ConstantOp::create(b, b.getUnknownLoc(), byColumns.type, attributeOf(byColumns));
    Value turned =
        TransposeOp::create(b, b.getUnknownLoc(), weights, b.getDenseI64ArrayAttr({1, 0}));
    Value packed = layout(groups).buildPacking(b, b.getUnknownLoc(), turned);
    return std::move(*HostTensor::get(packed.getDefiningOp<ConstantOp>().getValue()));
  }

  cuda::SparseColumnsAttr layout(int64_t groups = 1) {
    return cuda::SparseColumnsAttr::get(&context, groups);
  }

  /// Tiles of 64 x 64, with warps of 32 x 32.
  static std::string write(const Product &product, StringRef left, StringRef right, StringRef sum,
                           const HostTensor &weights, int64_t depth) {
    std::string schedule =
        formatv("#cuda.tile_schedule<tile_rows = 64, tile_columns = 64, depth = {0}, warp_rows = "
                "32, warp_columns = 32, stages = 3, mma = <mma_sparse>>",
                depth);
    return write(product, left, right, sum, weights, schedule, /*blocks=*/2);
  }

  static std::string write(const Product &product, StringRef left, StringRef right, StringRef sum,
                           const HostTensor &weights, StringRef schedule, int64_t blocks) {
    std::string packed = print(weights.type);
    std::string rows = formatv("tensor<{0}x{1}x{2}>", product.rows, product.depth, left),
                straight = formatv("tensor<{0}x{1}x{2}>", product.depth, product.columns, right),
                result = formatv("tensor<{0}x{1}x{2}>", product.rows, product.columns, sum);
    return writeProgram(
        rows, packed, result, schedule, blocks,
        formatv(R"(%w = tenon.unpack %b {{layout = #cuda.sparse_columns<>} : ({1}) -> {2}
          %0 = tenon.matmul %a, %w : ({0}, {2}) -> {3})",
                rows, packed, straight, result)
            .str());
  }

  static std::string print(Type type) {
    std::string text;
    raw_string_ostream(text) << type;
    return text;
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

/// By warps with different roles.
class SparsePipelinesTest : public SparseUnitsTest {
protected:
  /// No conflicts of banks, all of each sector wanted, and as many instructions for each of the
  /// four warps of a consumer as its tiles have of 64 bytes of rows.
  void expectPerfectPipeline(int64_t groupsOfWarps, int64_t parts) {
    tenon_cuda_sim_counters counters = getCounters();
    EXPECT_EQ(counters.bank_conflicts, 0u);
    EXPECT_EQ(counters.wasted_bytes, 0u);
    EXPECT_EQ(counters.matrix_instructions, uint64_t(4 * groupsOfWarps * parts));
  }
};

TEST_F(SparsePipelinesTest, HalvesAreMultipliedWithoutConflicts) {
  Product product = {200, 144, 320};
  std::vector<int> a = makeNumbers(200 * 320, -8, 8, 1), b = makeSparse(144, 320, -8, 8, 2);
  for (auto [seed, blocks] : {std::pair(1, 1), {2, 3}, {3, 4}}) {
    call<void()>("tenon_cuda_sim_reset_counters")();
    call<void(uint64_t)>("tenon_cuda_sim_set_seed")(seed);
    HostTensor weights = pack(halves({144, 320}, b));
    std::string text = write(product, "f16", "f16", "f32", weights,
                             "#cuda.pipeline_schedule<stages = 3, mma = <wgmma_sparse>>", blocks);
    auto results = run(text, "cuda:sm_90a", list(halves({200, 320}, a), std::move(weights)));
    EXPECT_EQ(floatsOf(results[0]), toFloats(multiply(product, a, b)));
    // Two tiles of outputs by two of positions, of five steps.
    expectPerfectPipeline(/*groupsOfWarps=*/4 * 2, /*parts=*/5 * 2);
  }
}

TEST_F(SparsePipelinesTest, BytesOfEitherSign) {
  Product product = {96, 80, 336};
  std::vector<int> a = makeNumbers(96 * 336, 0, 255, 3), b = makeSparse(80, 336, -128, 127, 4);
  // Of two blocks of 64 of the depth in a step, the last one is not there.
  for (int64_t depth : {64, 128}) {
    call<void()>("tenon_cuda_sim_reset_counters")();
    HostTensor weights = pack(bytes({80, 336}, b));
    std::string schedule =
        formatv("#cuda.pipeline_schedule<tile_columns = 96, depth = {0}, consumers = 1, stages = "
                "2, mma = <wgmma_sparse>>",
                depth);
    std::string text = write(product, "ui8", "i8", "i32", weights, schedule, /*blocks=*/1);
    auto results = run(text, "cuda:sm_90a", list(bytes({96, 336}, a, true), std::move(weights)));
    EXPECT_EQ(results[0].bytes.getDataAs<int>().vec(), multiply(product, a, b));
    expectPerfectPipeline(/*groupsOfWarps=*/2, /*parts=*/6);
  }
}

TEST_F(SparsePipelinesTest, TilesEndInside) {
  // Neither outputs nor positions are a multiple of anything, nor is the depth of the words'.
  Product product = {70, 42, 328};
  const fltSemantics &bfloat = APFloat::BFloat();
  std::vector<int> a = makeNumbers(70 * 328, -8, 8, 5), b = makeSparse(42, 328, -8, 8, 6);
  HostTensor weights = pack(halves({42, 328}, b, bfloat));
  std::string text =
      write(product, "bf16", "bf16", "f32", weights,
            "#cuda.pipeline_schedule<tile_columns = 32, stages = 2, mma = <wgmma_sparse>>",
            /*blocks=*/2);
  auto results = run(text, "cuda:sm_90a", list(halves({70, 328}, a, bfloat), std::move(weights)));
  EXPECT_EQ(floatsOf(results[0]), toFloats(multiply(product, a, b)));
  EXPECT_EQ(getCounters().bank_conflicts, 0u);
}

// Two blocks have outputs side by side, of the same positions: each has half of these brought to
// both.
TEST_F(SparsePipelinesTest, ClustersSharePositions) {
  Product product = {136, 328, 192};
  std::vector<int> a = makeNumbers(136 * 192, -8, 8, 1), b = makeSparse(328, 192, -8, 8, 2);
  for (unsigned seed : {1, 2, 3}) {
    call<void()>("tenon_cuda_sim_reset_counters")();
    call<void(uint64_t)>("tenon_cuda_sim_set_seed")(seed);
    HostTensor weights = pack(halves({328, 192}, b));
    std::string text = write(product, "f16", "f16", "f32", weights,
                             "#cuda.pipeline_schedule<tile_columns = 96, consumers = 1, stages = "
                             "2, cluster = 2, mma = <wgmma_sparse>>",
                             /*blocks=*/4);
    auto results = run(text, "cuda:sm_90a", list(halves({136, 192}, a), std::move(weights)));
    EXPECT_EQ(floatsOf(results[0]), toFloats(multiply(product, a, b)));
    // Three pairs of tiles of outputs by two of positions, of three steps.
    expectPerfectPipeline(/*groupsOfWarps=*/2 * 3 * 2, /*parts=*/3 * 2);
  }
}

// Filters are weights of all taps, one behind the other; pixels are columns of instructions.
TEST_F(SparsePipelinesTest, FiltersOfSeveralTaps) {
  constexpr int64_t images = 2, height = 9, width = 8, channels = 64, outputs = 24, taps = 3;
  constexpr int64_t outHeight = (height - taps) / 2 + 1, outWidth = width - taps + 1;
  constexpr int64_t depth = taps * taps * channels, positions = images * outHeight * outWidth;
  constexpr int64_t groups = 2;
  std::vector<int> x = makeNumbers(images * height * width * channels * groups, -4, 4, 1);
  std::vector<int> filters = makeSparse(outputs * groups, depth, -4, 4, 2);
  // What a group's filters see of the pixel of each position.
  auto gather = [&](int64_t group) {
    std::vector<int> patches;
    for (int64_t position = 0; position < positions; ++position)
      for (int64_t k = 0; k < depth; ++k) {
        int64_t row = position / outWidth % outHeight * 2 + k / channels / taps,
                column = position % outWidth + k / channels % taps,
                image = position / outWidth / outHeight,
                pixel = (image * height + row) * width + column;
        patches.push_back(x[(pixel * groups + group) * channels + k % channels]);
      }
    return patches;
  };
  std::vector<int> expected(positions * outputs * groups);
  for (int64_t group = 0; group < groups; ++group) {
    auto own = ArrayRef(filters).slice(group * outputs * depth, outputs * depth);
    std::vector<int> sums = multiply({positions, outputs, depth}, gather(group), own);
    for (int64_t i = 0; i < positions * outputs; ++i)
      expected[(i / outputs * groups + group) * outputs + i % outputs] = sums[i];
  }
  HostTensor weights = pack(halves({outputs * groups, depth}, filters), groups);
  std::string input =
      formatv("tensor<{0}x{1}x{2}x{3}xf16>", images, height, width, channels * groups);
  std::string straight = formatv("tensor<{0}x{0}x{1}x{2}xf16>", taps, channels, outputs * groups);
  std::string result =
      formatv("tensor<{0}x{1}x{2}x{3}xf32>", images, outHeight, outWidth, outputs * groups);
  std::string packed = print(weights.type);
  std::string body = formatv(
      R"(%w = tenon.unpack %b {{layout = #cuda.sparse_columns<groups = 2>} : ({0}) -> {1}
         %0 = tenon.conv %a, %w {{strides = array<i64: 2, 1>, dilations = array<i64: 1, 1>,
           groups = 2 : i64} : ({2}, {1}) -> {3})",
      packed, straight, input, result);
  auto results =
      run(writeProgram(input, packed, result,
                       "#cuda.pipeline_schedule<tile_columns = 64, consumers = 1, stages "
                       "= 2, mma = <wgmma_sparse>>",
                       /*blocks=*/2, body),
          "cuda:sm_90a",
          list(halves({images, height, width, channels * groups}, x), std::move(weights)));
  EXPECT_EQ(floatsOf(results[0]), toFloats(expected));
  // A tile of 48 pixels in each group, which has a step for each tap.
  expectPerfectPipeline(/*groupsOfWarps=*/2, /*parts=*/9 * 2);
}

} // namespace
