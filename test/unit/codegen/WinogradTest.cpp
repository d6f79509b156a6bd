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

TEST(Winograd, SeveralBlocks) { expectRight(winograd(2, 40, 64, 40)); }

} // namespace
