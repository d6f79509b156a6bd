// Products of warps with different roles (TMA and wgmma), on the simulated GPU: their numbers at
// the edges of tiles, and what its counters tell of the code. Fields that schedules do not name
// have their defaults.
#include "test/unit/execute/SimulatedProductTest.h"

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;

namespace {

class PipelinesTest : public SimulatedProductTest {
protected:
  std::vector<HostTensor> runMatmul(StringRef left, StringRef right, StringRef result,
                                    StringRef attributes, StringRef schedule, int64_t blocks,
                                    std::vector<HostTensor> inputs) {
    std::string body = formatv("%0 = tenon.matmul %a, %b {0} : ({1}, {2}) -> {3}", attributes, left,
                               right, result);
    return run(writeProgram(left, right, result, schedule, blocks, body), "cuda:sm_90a",
               std::move(inputs));
  }

  /// No conflicts of banks, all of each sector wanted, and as many instructions for each of the
  /// four warps of a consumer as its tiles have steps of 32 bytes.
  void expectPerfect(int64_t groupsOfWarps, int64_t parts) {
    tenon_cuda_sim_counters counters = getCounters();
    EXPECT_EQ(counters.bank_conflicts, 0u);
    EXPECT_EQ(counters.wasted_bytes, 0u);
    EXPECT_EQ(counters.matrix_instructions, uint64_t(4 * groupsOfWarps * parts));
  }
};

/// The other way round.
std::vector<int> transpose(ArrayRef<int> matrix, int64_t rows) {
  int64_t columns = int64_t(matrix.size()) / rows;
  std::vector<int> result(matrix.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result[j * rows + i] = matrix[i * columns + j];
  return result;
}

TEST_F(PipelinesTest, TilesEndWhereMatricesDo) {
  Product product = {200, 104, 152};
  std::vector<int> a = makeNumbers(200 * 152, -8, 8, 1), b = makeNumbers(104 * 152, -8, 8, 2);
  for (int64_t blocks : {1, 3}) {
    call<void()>("tenon_cuda_sim_reset_counters")();
    auto results = runMatmul(
        "tensor<200x152xf16>", "tensor<104x152xf16>", "tensor<200x104xf32>", "{transposeRhs}",
        "#cuda.pipeline_schedule<tile_columns = 96, stages = 2, mma = <wgmma>>", blocks,
        list(halves({200, 152}, a), halves({104, 152}, b)));
    EXPECT_EQ(floatsOf(results[0]), toFloats(multiply(product, a, b)));
    // Two by two tiles of three steps.
    expectPerfect(/*groupsOfWarps=*/4 * 2, /*parts=*/3 * 4);
  }
}

// Two blocks share columns: of each, half is asked for once for both. The last tiles of the second
// block are outside of the matrix, and the numbers of clusters are one, and as many as there are
// pairs of tiles.
TEST_F(PipelinesTest, ClustersShareColumns) {
  Product product = {328, 136, 200};
  std::vector<int> a = makeNumbers(328 * 200, -8, 8, 1), b = makeNumbers(136 * 200, -8, 8, 2);
  for (unsigned seed : {1, 2, 3})
    for (int64_t blocks : {2, 4, 8}) {
      call<void()>("tenon_cuda_sim_reset_counters")();
      call<void(uint64_t)>("tenon_cuda_sim_set_seed")(seed);
      auto results = runMatmul("tensor<328x200xf16>", "tensor<136x200xf16>", "tensor<328x136xf32>",
                               "{transposeRhs}",
                               "#cuda.pipeline_schedule<tile_columns = 96, consumers = 1, stages = "
                               "2, cluster = 2, mma = "
                               "<wgmma>>",
                               blocks, list(halves({328, 200}, a), halves({136, 200}, b)));
      EXPECT_EQ(floatsOf(results[0]), toFloats(multiply(product, a, b)));
      // Three pairs of tiles by two, of four steps.
      expectPerfect(/*groupsOfWarps=*/2 * 3 * 2, /*parts=*/4 * 4);
    }
}

TEST_F(PipelinesTest, ColumnsAreTurned) {
  Product product = {64, 136, 72};
  std::vector<int> a = makeNumbers(64 * 72, -8, 8, 3), b = makeNumbers(136 * 72, -8, 8, 4);
  const fltSemantics &bf16 = APFloat::BFloat();
  auto results =
      runMatmul("tensor<64x72xbf16>", "tensor<72x136xbf16>", "tensor<64x136xf32>", "",
                "#cuda.pipeline_schedule<consumers = 1, stages = 3, mma = <wgmma>>", /*blocks=*/2,
                list(halves({64, 72}, a, bf16), halves({72, 136}, transpose(b, 136), bf16)));
  EXPECT_EQ(floatsOf(results[0]), toFloats(multiply(product, a, b)));
  expectPerfect(/*groupsOfWarps=*/2, /*parts=*/2 * 4);
}

// Each launch has maps of its own, which a graph of the launches keeps: the third run is one. Sizes
// that a run tells are in the maps of that run.
TEST_F(PipelinesTest, RunsThatRepeat) {
  constexpr StringLiteral tensor = "tensor<?x64xf16, affine_map<()[s0] -> (s0, 64)>>";
  std::string text = formatv(R"(
    module {{
      func.func @main(%a: {0}, %b: tensor<64x64xf16>) -> {0} attributes {{tenon.symbols = ["n"]} {{
        %0 = tenon.launch @product(%a, %b) {{symbols = affine_map<()[s0] -> (s0)>} : ({0}, tensor<64x64xf16>) -> {0}
        %1 = tenon.launch @product(%0, %b) {{symbols = affine_map<()[s0] -> (s0)>} : ({0}, tensor<64x64xf16>) -> {0}
        return %1 : {0}
      }
      tenon.kernel @product(%a: {0}, %b: tensor<64x64xf16>) -> {0} attributes {{strategy = "contraction",
          num_symbols = 1 : i64, tasks = affine_map<() -> (2)>,
          schedule = #cuda.pipeline_schedule<tile_columns = 64, consumers = 1, mma = <wgmma>>} {{
        %0 = tenon.matmul %a, %b {{transposeRhs} : ({0}, tensor<64x64xf16>) -> {0}
        tenon.yield %0 : {0}
      }
    })",
                             tensor);
  LoadOptions options;
  options.stage = Stage::Kernels;
  mlir::OwningOpRef<mlir::ModuleOp> module = parse(text);
  (*module)->setAttr(kTargetAttrName, cantFail(lookupTarget("cuda:sm_90a", &context)));
  LoadedProgram program = cantFail(LoadedProgram::load(*module, options));
  for (int64_t rows : {72, 72, 72, 16, 16, 72}) {
    std::vector<int> a = makeNumbers(rows * 64, -1, 1, unsigned(rows) + 1),
                     b = makeNumbers(64 * 64, -1, 1, 2);
    std::vector<int> expected = multiply({rows, 64, 64}, multiply({rows, 64, 64}, a, b), b);
    auto results = program.run(list(halves({rows, 64}, a), halves({64, 64}, b)));
    ASSERT_TRUE(bool(results)) << toString(results.takeError());
    EXPECT_EQ((*results)[0].bytes.getDataAs<uint16_t>().vec(),
              halves({rows, 64}, expected).bytes.getDataAs<uint16_t>().vec());
  }
}

TEST_F(PipelinesTest, BytesOfEitherSign) {
  Product product = {96, 48, 336};
  std::vector<int> a = makeNumbers(96 * 336, 0, 255, 5), b = makeNumbers(48 * 336, -128, 127, 6);
  auto results = runMatmul(
      "tensor<96x336xui8>", "tensor<48x336xi8>", "tensor<96x48xi32>", "{transposeRhs}",
      "#cuda.pipeline_schedule<tile_columns = 64, depth = 128, stages = 2, mma = <wgmma>>",
      /*blocks=*/1, list(bytes({96, 336}, a, /*isUnsigned=*/true), bytes({48, 336}, b)));
  EXPECT_EQ(results[0].bytes.getDataAs<int>().vec(), multiply(product, a, b));
  expectPerfect(/*groupsOfWarps=*/2, /*parts=*/3 * 4);
}

TEST_F(PipelinesTest, FloatsAsTf32) {
  Product product = {72, 40, 36};
  std::vector<int> a = makeNumbers(72 * 36, -8, 8, 7), b = makeNumbers(40 * 36, -8, 8, 8);
  auto results = runMatmul(
      "tensor<72x36xf32>", "tensor<40x36xf32>", "tensor<72x40xf32>",
      "{transposeRhs, tenon.multiplied_type = tf32}",
      "#cuda.pipeline_schedule<tile_columns = 32, depth = 16, consumers = 1, mma = <wgmma_tf32>>",
      /*blocks=*/2, list(floats({72, 36}, toFloats(a)), floats({40, 36}, toFloats(b))));
  EXPECT_EQ(floatsOf(results[0]), toFloats(multiply(product, a, b)));
  expectPerfect(/*groupsOfWarps=*/4, /*parts=*/3 * 2);
}

/// Of images of pixels of channels.
struct Convolution {
  int64_t images, height, width, channels, outputs, taps, groups;
  std::array<int64_t, 2> strides, dilations;

  int64_t getHeight() const { return (height - (taps - 1) * dilations[0] - 1) / strides[0] + 1; }
  int64_t getWidth() const { return (width - (taps - 1) * dilations[1] - 1) / strides[1] + 1; }
};

/// Filters are [outputs, taps, taps, channels of a group].
std::vector<int> convolve(const Convolution &conv, ArrayRef<int> x, ArrayRef<int> filters) {
  int64_t channels = conv.channels / conv.groups, outputs = conv.outputs / conv.groups;
  std::vector<int> sums;
  for (int64_t n = 0; n < conv.images; ++n)
    for (int64_t i = 0; i < conv.getHeight(); ++i)
      for (int64_t j = 0; j < conv.getWidth(); ++j)
        for (int64_t o = 0; o < conv.outputs; ++o) {
          int sum = 0;
          for (int64_t k = 0; k < conv.taps * conv.taps * channels; ++k) {
            int64_t tap = k / channels, channel = o / outputs * channels + k % channels;
            int64_t row = i * conv.strides[0] + tap / conv.taps * conv.dilations[0];
            int64_t column = j * conv.strides[1] + tap % conv.taps * conv.dilations[1];
            sum += x[((n * conv.height + row) * conv.width + column) * conv.channels + channel] *
                   filters[o * conv.taps * conv.taps * channels + k];
          }
          sums.push_back(sum);
        }
  return sums;
}

/// Filters by columns: rows of a multiple of 16.
std::vector<int> pack(ArrayRef<int> filters, int64_t outputs, int64_t padded) {
  int64_t depth = int64_t(filters.size()) / outputs;
  std::vector<int> packed(outputs * padded, 0);
  for (int64_t o = 0; o < outputs; ++o)
    copy(filters.slice(o * depth, depth), packed.begin() + o * padded);
  return packed;
}

class ConvolutionPipelinesTest : public PipelinesTest {
protected:
  void check(const Convolution &conv, StringRef schedule) {
    int64_t channels = conv.channels / conv.groups, depth = conv.taps * conv.taps * channels;
    int64_t padded = alignTo(depth, 16);
    std::vector<int> x =
        makeNumbers(conv.images * conv.height * conv.width * conv.channels, -4, 4, 1);
    std::vector<int> filters = makeNumbers(conv.outputs * depth, -4, 4, 2);
    std::string input =
        formatv("tensor<{0}x{1}x{2}x{3}xf16>", conv.images, conv.height, conv.width, conv.channels);
    std::string packed =
        formatv("tensor<{0}x{1}x{2}xf16>", conv.groups, conv.outputs / conv.groups, padded);
    std::string weights = formatv("tensor<{0}x{0}x{1}x{2}xf16>", conv.taps, channels, conv.outputs);
    std::string result = formatv("tensor<{0}x{1}x{2}x{3}xf32>", conv.images, conv.getHeight(),
                                 conv.getWidth(), conv.outputs);
    std::string body = formatv(
        R"(%w = tenon.unpack %b {{layout = #cuda.columns<groups = {0}>} : ({1}) -> {2}
           %0 = tenon.conv %a, %w {{strides = array<i64: {3}, {4}>, dilations = array<i64: {5}, {6}>,
             groups = {0} : i64} : ({7}, {2}) -> {8})",
        conv.groups, packed, weights, conv.strides[0], conv.strides[1], conv.dilations[0],
        conv.dilations[1], input, result);
    auto results =
        run(writeProgram(input, packed, result, schedule, /*blocks=*/2, body), "cuda:sm_90a",
            list(halves({conv.images, conv.height, conv.width, conv.channels}, x),
                 halves({conv.groups, conv.outputs / conv.groups, padded},
                        pack(filters, conv.outputs, padded))));
    EXPECT_EQ(floatsOf(results[0]), toFloats(convolve(conv, x, filters)));
  }
};

TEST_F(ConvolutionPipelinesTest, RunsOfPixelsCrossRowsAndImages) {
  check({.images = 3,
         .height = 11,
         .width = 9,
         .channels = 40,
         .outputs = 48,
         .taps = 3,
         .groups = 1,
         .strides = {2, 1},
         .dilations = {1, 2}},
        "#cuda.pipeline_schedule<tile_columns = 64, consumers = 1, stages = 2, mma = <wgmma>>");
  // Two tiles of 75 pixels, one of outputs; a step for each tap, most of which is zeros.
  expectPerfect(/*groupsOfWarps=*/2, /*parts=*/9 * 4);
}

TEST_F(ConvolutionPipelinesTest, GroupsHaveChannelsOfTheirOwn) {
  check({.images = 2,
         .height = 7,
         .width = 8,
         .channels = 64,
         .outputs = 64,
         .taps = 2,
         .groups = 2,
         .strides = {1, 1},
         .dilations = {1, 1}},
        "#cuda.pipeline_schedule<tile_columns = 32, depth = 32, stages = 3, mma = <wgmma>>");
  // A tile of 84 pixels in each group, which has four steps.
  expectPerfect(/*groupsOfWarps=*/2 * 2, /*parts=*/4 * 2);
}

} // namespace
