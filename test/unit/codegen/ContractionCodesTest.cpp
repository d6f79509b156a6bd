// Contractions with weights of a few bits in blocks, as they are, decoded, and by bytes.

#include "test/unit/codegen/KernelChecks.h"

using namespace tenon;
using namespace tenon::testing;

namespace {

/// A product with codes of so many bits in blocks.
ContractionCase withCodes(int64_t m, int64_t n, int64_t k, int64_t bits, int64_t block,
                          ZeroPoints zeros, bool isSigned) {
  ContractionCase description = ContractionCase::matmul(m, n, k);
  description.codeBits = bits;
  description.blockSize = block;
  description.zeroPoints = zeros;
  description.codesAreSigned = isSigned;
  return description;
}

/// The case with codes of so many bits in blocks, with all kinds of zero points, and with few rows
/// and many; `schedule` as in the case.
void expectRightCodes(int64_t n, int64_t k, int64_t bits, int64_t block,
                      const std::string &schedule = "") {
  for (ZeroPoints zeros : {ZeroPoints::None, ZeroPoints::Integers, ZeroPoints::Floats}) {
    for (bool isSigned : {false, true}) {
      for (int64_t m : {1, 3, 14}) {
        ContractionCase description = withCodes(m, n, k, bits, block, zeros, isSigned);
        description.schedule = schedule;
        expectRight(description);
      }
    }
  }
}

TEST(Contraction, CodesInWholeBlocks) {
  for (int64_t bits : {2, 4, 8})
    expectRightCodes(64, 64, bits, 32);
}

TEST(Contraction, CodesWithTailsInEveryDimension) {
  for (int64_t bits : {2, 4, 8})
    for (auto [n, k, block] : {std::tuple(1, 1, 16), {13, 75, 16}, {37, 75, 32}, {70, 131, 64}})
      expectRightCodes(n, k, bits, block);
}

TEST(Contraction, CodesInBlocksLongerThanTheirNumber) {
  for (int64_t bits : {2, 4, 8})
    expectRightCodes(21, 39, bits, 256);
  expectRightCodes(21, 39, 4, 39);
}

TEST(Contraction, CodesOfManyRowsAsTheyAre) {
  expectRightCodes(37, 75, 4, 32,
                   "tile_rows = 3, block_tiles = 1, packed = true, pack_input = true");
}

TEST(Contraction, DecodedCodesOfOneRow) {
  expectRightCodes(37, 75, 4, 32,
                   "tile_rows = 3, tile_vectors = 2, packed = true, pack_weights = true");
}

TEST(Contraction, CodesOfOneRowInWidePanels) {
  ContractionCase description = ContractionCase::matmul(1, 301, 75);
  description.codeBits = 4;
  description.blockSize = 32;
  description.schedule = "tile_vectors = 8, block_tiles = 1, packed = true, pack_input = true";
  expectRight(description);
}

/// The case with codes where a run tells how many rows there are: none, one, few and many.
void expectRightCodesOfAnyRows(ContractionCase description) {
  description.dynamic = true;
  description.codeBits = 4;
  description.blockSize = 32;
  for (int64_t m : {0, 1, 7, 9}) {
    description.outSpatial = {m};
    expectRight(description);
  }
}

TEST(Contraction, CodesOfAnUnknownNumberOfRows) {
  expectRightCodesOfAnyRows(ContractionCase::matmul(1, 150, 70));
}

TEST(Contraction, CodesOfFewOfAnUnknownNumberOfRows) {
  ContractionCase description = ContractionCase::matmul(1, 133, 75);
  description.schedule = "tile_rows = 6, tile_vectors = 2, packed = true, pack_weights = true, "
                         "few_rows = 3, row_vectors = 6";
  description.rowPadding = 5;
  expectRightCodesOfAnyRows(description);
}

TEST(Contraction, CodesOfPaddedRows) {
  for (int64_t m : {2, 20}) {
    ContractionCase description = ContractionCase::matmul(m, 40, 48);
    description.codeBits = 4;
    description.blockSize = 16;
    description.rowPadding = 5;
    expectRight(description);
  }
}

/// Rounds inputs to bytes.
constexpr llvm::StringLiteral roundingSchedule =
    "tile_rows = 4, tile_vectors = 2, block_tiles = 3, packed = true, pack_input = true, "
    "pack_weights = true, mma = <vpdpbusd>";

/// The same without decoding weights.
constexpr llvm::StringLiteral codesAsTheyAre =
    "tile_rows = 3, tile_vectors = 2, block_tiles = 1, packed = true, pack_input = true, "
    "prefetch_lines = 2, mma = <vpdpbusd>";

/// The case with codes that are multiplied as bytes, with what zero points there may be.
void expectRightBytes(int64_t m, int64_t n, int64_t k, int64_t bits, int64_t block,
                      llvm::StringRef schedule = roundingSchedule) {
  for (ZeroPoints zeros : {ZeroPoints::None, ZeroPoints::Integers}) {
    for (bool isSigned : {false, true}) {
      if (bits == 8 ? !isSigned || zeros != ZeroPoints::None : isSigned != (m % 2 == 0))
        continue;
      ContractionCase description = withCodes(m, n, k, bits, block, zeros, isSigned);
      description.mayRoundInput = true;
      description.schedule = schedule.str();
      expectRight(description);
    }
  }
}

TEST(Contraction, InputRoundedToBytes) {
  for (int64_t bits : {2, 4, 8})
    expectRightBytes(6, 64, 64, bits, 32);
  expectRightBytes(5, 32, 256, 4, 128);
}

TEST(Contraction, InputRoundedToBytesWithTailsInEveryDimension) {
  expectRightBytes(7, 1, 1, 2, 16);
  expectRightBytes(1, 13, 75, 8, 16);
  expectRightBytes(8, 37, 75, 4, 32);
  expectRightBytes(9, 21, 39, 4, 39);
  expectRightBytes(6, 50, 131, 2, 256);
}

TEST(Contraction, CodesMultipliedByBytes) {
  expectRightBytes(1, 64, 64, 4, 32, codesAsTheyAre);
  expectRightBytes(3, 37, 75, 4, 32, codesAsTheyAre);
  expectRightBytes(2, 21, 39, 4, 39, codesAsTheyAre);
  expectRightBytes(1, 50, 131, 2, 256, codesAsTheyAre);
  expectRightBytes(2, 40, 96, 2, 16, codesAsTheyAre);
  expectRightBytes(1, 13, 75, 8, 16, codesAsTheyAre);
  expectRightBytes(9, 20, 300, 4, 128, codesAsTheyAre);
}

TEST(Contraction, InputRoundedToBytesOfPaddedAndUnknownRows) {
  ContractionCase description = ContractionCase::matmul(13, 40, 75);
  description.codeBits = 4;
  description.blockSize = 32;
  description.mayRoundInput = true;
  description.schedule = roundingSchedule;
  description.rowPadding = 5;
  expectRight(description);
  description.dynamic = true;
  expectRight(description);
  description.schedule += ", few_rows = 4, row_vectors = 4";
  expectRightCodesOfAnyRows(description);
}

} // namespace
