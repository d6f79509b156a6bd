// Contractions of many shapes against a plain computation, bit by bit, for both vector lengths and
// several numbers of tasks.
#include "test/unit/codegen/KernelChecks.h"

using namespace tenon;
using namespace tenon::testing;

namespace {

TEST(Contraction, MatmulWithWholeTiles) {
  expectRightBothWays(ContractionCase::matmul(24, 64, 32));
}

TEST(Contraction, MatmulTailsInEveryDimension) {
  for (int64_t m : {1, 2, 5, 13, 25})
    for (int64_t n : {1, 7, 16, 33, 70})
      expectRight(ContractionCase::matmul(m, n, 19));
}

TEST(Contraction, MatmulTailsWithDynamicSizes) {
  for (auto [m, n, k] : {std::tuple(1, 1, 1), {13, 33, 7}, {6, 130, 64}, {29, 31, 5}}) {
    ContractionCase description = ContractionCase::matmul(m, n, k);
    description.dynamic = true;
    expectRight(description);
  }
}

TEST(Contraction, FewRowsAndManyColumns) {
  for (int64_t m : {1, 2, 3, 4})
    expectRight(ContractionCase::matmul(m, 300, 40));
}

TEST(Contraction, PaddedRows) {
  ContractionCase description = ContractionCase::matmul(20, 40, 16);
  description.rowPadding = 5;
  expectRightBothWays(description);
}

TEST(Contraction, Convolution3x3) {
  expectRightBothWays(ContractionCase::conv(14, 16, 32, 3));
  expectRight(ContractionCase::conv(7, 20, 50, 3));
}

TEST(Contraction, ConvolutionWithFewInputChannels) {
  expectRight(ContractionCase::conv(17, 3, 16, 7, 2));
  expectRight(ContractionCase::conv(9, 1, 6, 5));
  expectRightBothWays(ContractionCase::conv(10, 3, 32, 3, 2));
}

TEST(Contraction, PointwiseConvolutionMergesDimensions) {
  ContractionCase description = ContractionCase::conv(7, 24, 40, 1);
  expectRightBothWays(description);
  description.batch = 3;
  expectRightBothWays(description);
  expectRight(ContractionCase::conv(7, 24, 40, 1, 2));
}

TEST(Contraction, StrideDilationGroups) {
  ContractionCase description = ContractionCase::conv(9, 4, 10, 3);
  description.batch = 2;
  description.group = 3;
  description.stride = {2, 1};
  description.dilation = {1, 3};
  expectRightBothWays(description);
}

TEST(Contraction, OtherRanks) {
  ContractionCase line = ContractionCase::matmul(33, 20, 6);
  line.kernel = {5};
  line.dilation = {2};
  expectRightBothWays(line);

  ContractionCase volume = ContractionCase::conv(4, 5, 18, 2);
  volume.outSpatial = {3, 4, 5};
  volume.kernel = {2, 1, 3};
  volume.stride = {1, 2, 1};
  volume.dilation = {2, 1, 1};
  volume.batch = 2;
  expectRightBothWays(volume);

  ContractionCase point = ContractionCase::matmul(1, 33, 12);
  point.outSpatial = point.kernel = point.stride = point.dilation = {};
  point.batch = 3;
  expectRight(point);
}

TEST(Contraction, EmptyDimensions) {
  ContractionCase description = ContractionCase::matmul(0, 20, 6);
  expectRightBothWays(description);
  description = ContractionCase::matmul(5, 20, 0);
  description.dynamic = true;
  expectRight(description);
}

TEST(Contraction, RowMajorWeights) {
  for (bool pack : {false, true}) {
    for (auto [m, n, k] : {std::tuple(26, 70, 33), {5, 9, 16}, {13, 64, 20}}) {
      ContractionCase description = ContractionCase::matmul(m, n, k);
      description.layout = cpu::WeightLayout::RowMajor;
      description.weightsPerBatch = true;
      description.batch = 3;
      description.group = 2;
      description.schedule = "tile_rows = 6, tile_vectors = 2, pack_weights = ";
      description.schedule += pack ? "true" : "false";
      expectRightBothWays(description);
    }
  }
}

TEST(Contraction, TransposedWeights) {
  for (auto [m, n, k] : {std::tuple(26, 70, 33), {5, 9, 16}, {13, 64, 20}}) {
    ContractionCase description = ContractionCase::matmul(m, n, k);
    description.layout = cpu::WeightLayout::Transposed;
    description.weightsPerBatch = true;
    description.batch = 2;
    description.inputType = description.weightType = k == 20 ? Scalar::F16 : Scalar::F32;
    expectRightBothWays(description);
  }
}

TEST(Contraction, TransposedWeightsInPlace) {
  for (auto [m, n, k] : {std::tuple(1, 70, 33), {4, 16, 64}, {33, 1, 100}, {20, 3, 7}}) {
    ContractionCase description = ContractionCase::matmul(m, n, k);
    description.layout = cpu::WeightLayout::Transposed;
    description.exact = false;
    expectRight(description);
    description.schedule = "pack_weights = false";
    description.dynamic = true;
    expectRight(description);
  }
}

TEST(Contraction, PackedInput) {
  for (int64_t block : {1, 2, 3}) {
    for (int64_t vectors : {1, 2}) {
      ContractionCase description = ContractionCase::matmul(50, 70, 37);
      description.schedule = "tile_rows = " + std::to_string(vectors == 1 ? 10 : 6) +
                             ", tile_vectors = " + std::to_string(vectors) +
                             ", pack_input = true, block_tiles = " + std::to_string(block);
      description.rowPadding = 3;
      expectRightBothWays(description);
      description.layout = cpu::WeightLayout::Transposed;
      description.schedule += ", pack_weights = true";
      expectRight(description);
    }
  }
  ContractionCase strided = ContractionCase::conv(9, 20, 30, 1, 2);
  strided.schedule = "tile_rows = 5, tile_lines = 2, pack_input = true, block_tiles = 4";
  expectRight(strided);
}

TEST(Contraction, TilesOfSeveralLines) {
  ContractionCase description = ContractionCase::conv(5, 7, 20, 3);
  description.schedule = "tile_rows = 5, tile_lines = 2";
  expectRightBothWays(description);
}

TEST(Contraction, Prefetching) {
  ContractionCase description = ContractionCase::conv(6, 16, 70, 3);
  description.schedule = "tile_rows = 6, tile_vectors = 2, prefetch_lines = 2";
  expectRightBothWays(description);
}

TEST(Contraction, NarrowTypes) {
  ContractionCase description = ContractionCase::matmul(14, 40, 24);
  for (Scalar type : {Scalar::F16, Scalar::BF16}) {
    description.inputType = description.weightType = type;
    expectRightBothWays(description);
  }
}

TEST(Contraction, OtherAccumulators) {
  ContractionCase description = ContractionCase::matmul(14, 40, 24);
  description.inputType = description.weightType = description.sumType = Scalar::F64;
  expectRightBothWays(description);
  description.inputType = description.weightType = description.sumType = Scalar::I32;
  expectRightBothWays(description);
}

/// Every instruction that multiplies elements of these types, as the schedule names it.
std::vector<std::string> instructionsFor(Scalar input, Scalar weights) {
  if (input == Scalar::BF16)
    return {"fma", "vdpbf16ps"};
  std::vector<std::string> names = {"fma", "vpmaddwd"};
  if (input == Scalar::U8 && weights == Scalar::I8)
    names.push_back("vpdpbusd");
  return names;
}

/// The case on elements of these types, with all instructions, `schedule` being the rest of the
/// fields; and with the schedule that is chosen for it.
void expectExact(ContractionCase description, const std::string &schedule = "tile_rows = 3",
                 Scalar input = Scalar::U8, Scalar weights = Scalar::I8) {
  description.sumType = isInteger(input) ? Scalar::I32 : Scalar::F32;
  description.inputType = input;
  description.weightType = weights;
  for (const std::string &name : instructionsFor(input, weights)) {
    description.schedule = schedule + ", mma = <" + name + ">";
    expectRight(description);
  }
  description.schedule = "";
  expectRight(description);
}

TEST(Contraction, IntegersAreExact) {
  for (int64_t k : {1, 2, 3, 4, 7, 8, 33, 64})
    expectExact(ContractionCase::matmul(7, 21, k));
  expectExact(ContractionCase::matmul(14, 70, 40), "tile_rows = 4, tile_vectors = 2");
}

TEST(Contraction, IntegersOfEitherSign) {
  for (auto [input, weights] : {std::pair(Scalar::I8, Scalar::I8),
                                {Scalar::U8, Scalar::U8},
                                {Scalar::I8, Scalar::U8},
                                {Scalar::I16, Scalar::I16},
                                {Scalar::U8, Scalar::I16},
                                {Scalar::I16, Scalar::I8}})
    expectExact(ContractionCase::matmul(7, 21, 11), "tile_rows = 3", input, weights);
}

std::vector<ContractionCase> productsOfUnknownSizes() {
  std::vector<ContractionCase> products;
  for (auto [m, n, k] : {std::tuple(1, 1, 1), {13, 33, 7}, {6, 50, 64}}) {
    products.push_back(ContractionCase::matmul(m, n, k));
    products.back().dynamic = true;
  }
  return products;
}

ContractionCase groupedConvolution() {
  ContractionCase grouped = ContractionCase::conv(4, 5, 6, 3);
  grouped.group = 3;
  grouped.batch = 2;
  return grouped;
}

/// Products with weights of a run for each batch, in both layouts, of known and unknown sizes.
std::vector<ContractionCase>
productsWithWeightsOfARun(std::initializer_list<std::tuple<int, int, int>> sizes) {
  std::vector<ContractionCase> products;
  for (cpu::WeightLayout layout : {cpu::WeightLayout::RowMajor, cpu::WeightLayout::Transposed})
    for (auto [m, n, k] : sizes)
      for (bool dynamic : {false, true}) {
        ContractionCase &product = products.emplace_back(ContractionCase::matmul(m, n, k));
        product.layout = layout;
        product.weightsPerBatch = true;
        product.batch = 2;
        product.dynamic = dynamic;
      }
  return products;
}

/// The same on bf16. In which order the products of a pair are added is the processor's.
void expectPairs(ContractionCase description, const std::string &schedule = "tile_rows = 3") {
  description.exact = false;
  expectExact(description, schedule, Scalar::BF16, Scalar::BF16);
}

TEST(Contraction, PairsOfBFloats) {
  for (int64_t k : {1, 2, 3, 8, 33, 64})
    expectPairs(ContractionCase::matmul(7, 21, k));
  expectPairs(ContractionCase::matmul(14, 70, 40), "tile_rows = 5, tile_vectors = 2");
  expectPairs(ContractionCase::matmul(6, 20, 12), "tile_rows = 3, pack_input = true");
  for (const ContractionCase &description : productsOfUnknownSizes())
    expectPairs(description);
}

TEST(Contraction, PairsOfBFloatsThatConvolve) {
  expectPairs(ContractionCase::conv(5, 3, 20, 3));
  expectPairs(ContractionCase::conv(4, 8, 16, 3, 2), "tile_rows = 4, tile_lines = 2");
  expectPairs(groupedConvolution());
  ContractionCase image = ContractionCase::conv(6, 3, 20, 3);
  image.inputType = image.weightType = Scalar::BF16;
  image.exact = false;
  image.schedule = "tile_rows = 3, merge_taps = true, mma = <vdpbf16ps>";
  expectRight(image);
}

TEST(Contraction, PairsOfBFloatsThatARunPacks) {
  for (const ContractionCase &description :
       productsWithWeightsOfARun({{26, 70, 33}, {5, 9, 16}, {9, 40, 3}}))
    expectPairs(description, "tile_rows = 3, tile_vectors = 2, pack_weights = true");
}

TEST(Contraction, IntegersOfUnknownSizes) {
  for (const ContractionCase &description : productsOfUnknownSizes())
    expectExact(description);
}

TEST(Contraction, IntegersThatConvolve) {
  expectExact(ContractionCase::conv(5, 3, 20, 3));
  expectExact(ContractionCase::conv(4, 8, 16, 3, 2), "tile_rows = 4, tile_lines = 2");
  expectExact(groupedConvolution());
}

// What several taps read is packed once for each; one row of one tap lies in memory as packed, but
// not if packing widens it.
TEST(Contraction, IntegersThatArePacked) {
  for (std::string blocks : {"", ", block_tiles = 1", ", block_tiles = 4"}) {
    std::string packed = ", pack_input = true" + blocks;
    for (auto [input, weights] : {std::pair(Scalar::U8, Scalar::I8), {Scalar::I16, Scalar::I16}}) {
      expectExact(ContractionCase::matmul(7, 20, 44), "tile_rows = 3" + packed, input, weights);
      expectExact(ContractionCase::matmul(1, 20, 12), "tile_rows = 1" + packed, input, weights);
      expectExact(ContractionCase::conv(5, 4, 20, 3, 2), "tile_rows = 5, tile_lines = 2" + packed,
                  input, weights);
    }
  }
  ContractionCase merged = ContractionCase::conv(6, 4, 20, 3);
  merged.inputType = Scalar::U8;
  merged.weightType = Scalar::I8;
  merged.sumType = Scalar::I32;
  merged.schedule = "tile_rows = 4, pack_input = true, merge_taps = true, mma = <vpmaddwd>";
  expectRight(merged);
}

TEST(Contraction, TapsThatArePacked) {
  for (std::string blocks : {"", ", block_tiles = 1", ", block_tiles = 3"}) {
    ContractionCase description = ContractionCase::conv(6, 12, 30, 3);
    description.schedule = "tile_rows = 5, tile_vectors = 2, pack_input = true" + blocks;
    expectRightBothWays(description);
  }
}

TEST(Contraction, IntegersWithMergedTaps) {
  for (int64_t channels : {1, 3, 4}) {
    ContractionCase description = ContractionCase::conv(6, channels, 20, 3);
    description.inputType = Scalar::U8;
    description.weightType = Scalar::I8;
    description.sumType = Scalar::I32;
    for (std::string name : {"vpmaddwd", "vpdpbusd"}) {
      description.schedule = "tile_rows = 3, merge_taps = true, mma = <" + name + ">";
      expectRight(description);
    }
  }
}

/// The case on bytes of all signs and on bf16, with tile registers.
void expectRightTiles(ContractionCase description, const std::string &schedule) {
  description.sumType = Scalar::I32;
  description.schedule = "lanes = 16, " + schedule + ", mma = <tdpb>";
  for (Scalar input : {Scalar::U8, Scalar::I8})
    for (Scalar weights : {Scalar::U8, Scalar::I8}) {
      description.inputType = input;
      description.weightType = weights;
      expectRight(description);
    }
  description.sumType = Scalar::F32;
  description.inputType = description.weightType = Scalar::BF16;
  description.exact = false;
  description.schedule = "lanes = 16, " + schedule + ", mma = <tdpbf16ps>";
  expectRight(description);
}

TEST(Contraction, TilesInPlace) {
  for (auto [m, n, k] : {std::tuple(16, 16, 64), {32, 40, 128}, {17, 70, 64}, {75, 33, 192}})
    expectRightTiles(ContractionCase::matmul(m, n, k), "tile_rows = 32, tile_vectors = 2");
  ContractionCase conv = ContractionCase::conv(19, 64, 33, 3);
  expectRightTiles(conv, "tile_rows = 32, tile_vectors = 1");
  conv.inChannels = 32;
  conv.group = 2;
  conv.kernel = {3, 2};
  conv.stride = {2, 1};
  conv.dilation = {1, 3};
  conv.batch = 2;
  conv.inChannels = 64;
  expectRightTiles(conv, "tile_rows = 32, tile_vectors = 2, block_tiles = 1");
  conv = ContractionCase::conv(18, 32, 20, 2);
  expectRightTiles(conv, "tile_rows = 32, tile_vectors = 2, merge_taps = true");
}

TEST(Contraction, TilesThatArePacked) {
  for (std::string blocks : {"", ", block_tiles = 1", ", block_tiles = 3"}) {
    std::string two = "tile_rows = 32, tile_vectors = 2, pack_input = true" + blocks;
    for (auto [m, n, k] : {std::tuple(1, 16, 5), {31, 40, 64}, {70, 33, 150}, {33, 100, 63}})
      expectRightTiles(ContractionCase::matmul(m, n, k), two);
    expectRightTiles(ContractionCase::matmul(11, 75, 130),
                     "tile_rows = 16, tile_vectors = 4, pack_input = true" + blocks);
    ContractionCase conv = ContractionCase::conv(7, 20, 40, 3);
    conv.batch = 2;
    expectRightTiles(conv,
                     "tile_lines = 4, tile_rows = 7, tile_vectors = 2, pack_input = true" + blocks);
    conv.kernel = {2, 3};
    conv.group = 2;
    conv.stride = {1, 2};
    expectRightTiles(conv,
                     "tile_lines = 2, tile_rows = 7, tile_vectors = 1, pack_input = true" + blocks);
    expectRightTiles(ContractionCase::conv(9, 3, 20, 5, 2), two + ", merge_taps = true");
  }
}

TEST(Contraction, TilesOfUnknownSizes) {
  ContractionCase description = ContractionCase::matmul(45, 70, 90);
  description.dynamic = true;
  expectRightTiles(description, "tile_rows = 32, tile_vectors = 2, pack_input = true");
}

TEST(Contraction, TilesAreChosen) {
  for (auto [m, n, k] : {std::tuple(12, 100, 70), {40, 20, 64}, {100, 64, 256}}) {
    for (bool areIntegers : {true, false}) {
      ContractionCase description = ContractionCase::matmul(m, n, k);
      description.sumType = areIntegers ? Scalar::I32 : Scalar::F32;
      description.inputType = areIntegers ? Scalar::U8 : Scalar::BF16;
      description.weightType = areIntegers ? Scalar::I8 : Scalar::BF16;
      description.exact = areIntegers;
      ContractionRun run(description, "sapphirerapids");
      EXPECT_TRUE(run.schedule.getMma().hasTiles());
      std::string text = llvm::formatv("{0}", run.schedule), name = "#cpu.contraction_schedule<";
      description.schedule = text.substr(name.size(), text.size() - name.size() - 1);
      expectRight(description);
    }
  }
}

TEST(Contraction, IntegerWeightsThatARunPacks) {
  for (const ContractionCase &description :
       productsWithWeightsOfARun({{26, 70, 33}, {5, 9, 16}, {13, 64, 20}, {9, 40, 3}}))
    expectExact(description, "tile_rows = 3, tile_vectors = 2, pack_weights = true");
  ContractionCase pairs = ContractionCase::matmul(5, 20, 7);
  pairs.layout = cpu::WeightLayout::Transposed;
  expectExact(pairs, "tile_rows = 5, pack_weights = true", Scalar::I16, Scalar::I16);
  ContractionCase conv = ContractionCase::conv(5, 6, 20, 3);
  conv.layout = cpu::WeightLayout::RowMajor;
  expectExact(conv, "tile_rows = 5, pack_weights = true");
}

} // namespace
