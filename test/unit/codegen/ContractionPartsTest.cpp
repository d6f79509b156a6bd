// Contractions of f32 that multiply parts of bf16 with tile registers: the same bits as sums of
// products of parts, number by number.
#include "test/unit/codegen/FloatParts.h"
#include "test/unit/codegen/KernelChecks.h"
#include <cmath>

using namespace tenon;
using namespace tenon::testing;

namespace {

cpu::MmaAttr chooseMma(const ContractionCase &description, llvm::StringRef target) {
  static std::unique_ptr<mlir::MLIRContext> context = createKernelContext();
  return cpu::chooseContraction(findTarget(target, *context), description.sizes(*context)).getMma();
}

void expectRightParts(ContractionCase description, int64_t products, const std::string &schedule) {
  description.bfloatProducts = products;
  description.schedule =
      "lanes = 16, " + schedule +
      ", pack_input = true, mma = <tdpbf16ps, products = " + std::to_string(products) + ">";
  expectRight(description);
}

TEST(ContractionParts, TailsInEveryDimension) {
  expectRightParts(ContractionCase::matmul(70, 33, 75), 3, "tile_rows = 32, tile_vectors = 2");
  expectRightParts(ContractionCase::matmul(70, 33, 75), 6,
                   "tile_rows = 32, tile_vectors = 2, block_tiles = 3");
  expectRightParts(ContractionCase::matmul(11, 75, 66), 6,
                   "tile_rows = 16, tile_vectors = 4, block_tiles = 1");
}

TEST(ContractionParts, Prefetching) {
  expectRightParts(ContractionCase::matmul(40, 100, 66), 3,
                   "tile_rows = 32, tile_vectors = 2, prefetch_lines = 3");
}

TEST(ContractionParts, Convolutions) {
  ContractionCase conv = ContractionCase::conv(7, 20, 40, 3);
  conv.batch = 2;
  conv.kernel = {2, 3};
  conv.group = 2;
  conv.stride = {1, 2};
  expectRightParts(conv, 3, "tile_lines = 2, tile_rows = 7, tile_vectors = 1");
  expectRightParts(ContractionCase::conv(9, 3, 20, 5, 2), 6,
                   "tile_rows = 32, tile_vectors = 2, merge_taps = true");
}

TEST(ContractionParts, UnknownSizes) {
  ContractionCase description = ContractionCase::matmul(45, 70, 90);
  description.dynamic = true;
  expectRightParts(description, 3, "tile_rows = 32, tile_vectors = 2");
}

/// Products and sums below the normal numbers, too.
TEST(ContractionParts, NumbersOfAllSizes) {
  ContractionCase description = ContractionCase::matmul(33, 32, 80);
  description.exponents = 60;
  description.relu = false;
  expectRightParts(description, 6, "tile_rows = 32, tile_vectors = 2");
}

TEST(ContractionParts, AreChosenWhereTheyAreFaster) {
  for (int64_t products : {3, 6}) {
    ContractionCase description = ContractionCase::matmul(100, 64, 256);
    description.bfloatProducts = products;
    EXPECT_EQ(chooseMma(description, "sapphirerapids").getProducts(), products);
    EXPECT_EQ(chooseMma(description, "icelake-server").getProducts(), 1);
    description.bfloatProducts = 1;
    EXPECT_EQ(chooseMma(description, "sapphirerapids").getProducts(), 1);
  }
}

TEST(ContractionParts, SplitNumbersAreSums) {
  for (float value : {1.0f, -3.14159274f, 1e-30f, 3.4e38f, -3.40282347e38f}) {
    std::vector<float> two = splitFloat(value, 2), three = splitFloat(value, 3);
    EXPECT_EQ(double(three[0]) + three[1] + three[2], value);
    EXPECT_LE(std::abs(double(two[0]) + two[1] - value), std::abs(value) * 0x1p-16);
  }
  EXPECT_EQ(splitFloat(INFINITY, 3), (std::vector<float>{0, 0, INFINITY}));
  EXPECT_TRUE(std::isnan(splitFloat(NAN, 2)[1]));
}

} // namespace
