// Winograd convolutions against direct summation. Rounding differs, so results are compared with a
// tolerance; all numbers of tasks must still give results within it.
#include "test/unit/codegen/KernelChecks.h"

using namespace tenon::testing;

namespace {

ContractionCase winograd(int64_t tile, int64_t out, int64_t inChannels, int64_t outChannels) {
  ContractionCase description = ContractionCase::conv(out, inChannels, outChannels, 3);
  description.winograd = tile;
  description.exact = false;
  return description;
}

TEST(Winograd, WholeTiles) {
  for (int64_t tile : {2, 4})
    expectRightBothWays(winograd(tile, 8, 16, 32));
}

TEST(Winograd, EdgesOfTheImage) {
  for (int64_t tile : {2, 4})
    for (int64_t size : {1, 5, 7})
      expectRight(winograd(tile, size, 8, 16));
}

TEST(Winograd, ChannelTails) {
  for (int64_t tile : {2, 4})
    for (auto [from, to] : {std::pair(3, 5), {20, 33}, {17, 64}})
      expectRight(winograd(tile, 6, from, to));
}

TEST(Winograd, BatchAndOblongImages) {
  for (int64_t tile : {2, 4}) {
    ContractionCase description = winograd(tile, 1, 12, 20);
    description.outSpatial = {9, 14};
    description.batch = 3;
    expectRightBothWays(description);
  }
}

/// Bytes of these types, exactly.
void expectExact(ContractionCase description, Scalar input, Scalar weights) {
  description.exact = true;
  description.inputType = input;
  description.weightType = weights;
  description.sumType = Scalar::I32;
  expectRight(description);
}

TEST(Winograd, Bytes) {
  for (Scalar input : {Scalar::U8, Scalar::I8})
    for (Scalar weights : {Scalar::U8, Scalar::I8}) {
      for (auto [size, from, to] : {std::tuple(8, 16, 32), {7, 32, 20}, {6, 3, 5}, {5, 33, 64}})
        expectExact(winograd(2, size, from, to), input, weights);
      expectExact(winograd(2, 20, 64, 40), input, weights);
      ContractionCase oblong = winograd(2, 1, 12, 20);
      oblong.outSpatial = {9, 14};
      oblong.batch = 3;
      oblong.dynamic = true;
      expectExact(oblong, input, weights);
    }
}

TEST(Winograd, SeveralBlocks) { expectRight(winograd(2, 40, 64, 40)); }

} // namespace
