// Depthwise convolutions of many shapes against a plain computation, bit by bit.
#include "test/unit/codegen/KernelChecks.h"

using namespace tenon::testing;

namespace {

TEST(Depthwise, Kernel3x3) {
  expectRightBothWays(ContractionCase::depthwiseConv(14, 32, 3));
  expectRightBothWays(ContractionCase::depthwiseConv(29, 24, 3, 2));
}

TEST(Depthwise, ChannelTails) {
  for (int64_t channels : {1, 5, 16, 19, 48})
    expectRight(ContractionCase::depthwiseConv(9, channels, 3));
}

TEST(Depthwise, LargeKernels) {
  for (int64_t kernel : {5, 7, 13})
    expectRight(ContractionCase::depthwiseConv(17, 20, kernel));
  ContractionCase line = ContractionCase::depthwiseConv(20, 17, 3);
  line.outSpatial = {20};
  line.kernel = {67};
  line.stride = line.dilation = {1};
  expectRight(line);
}

TEST(Depthwise, StrideDilationBatch) {
  ContractionCase description = ContractionCase::depthwiseConv(11, 18, 3);
  description.batch = 2;
  description.stride = {1, 3};
  description.dilation = {2, 2};
  description.kernel = {2, 4};
  expectRightBothWays(description);
}

TEST(Depthwise, OtherTypes) {
  for (Scalar type : {Scalar::F64, Scalar::I32}) {
    ContractionCase description = ContractionCase::depthwiseConv(14, 21, 3);
    description.inputType = description.weightType = description.sumType = type;
    expectRightBothWays(description);
    description.kernel = {31, 29}; // more taps than are written out
    expectRight(description);
  }
}

// Images larger than the caches go two lines at a time; the last line may be alone.
TEST(Depthwise, StreamedLines) {
  expectRight(ContractionCase::depthwiseConv(46, 130, 3));
  expectRight(ContractionCase::depthwiseConv(47, 128, 3));
  expectRight(ContractionCase::depthwiseConv(25, 128, 5, 2));
  ContractionCase dilated = ContractionCase::depthwiseConv(45, 128, 3);
  dilated.dilation = {2, 1};
  expectRight(dilated);
}

TEST(Depthwise, OtherRanks) {
  ContractionCase line = ContractionCase::depthwiseConv(1, 33, 3);
  line.outSpatial = {21};
  line.kernel = {4};
  line.stride = line.dilation = {1};
  expectRightBothWays(line);

  ContractionCase volume = ContractionCase::depthwiseConv(1, 17, 3);
  volume.outSpatial = {3, 4, 5};
  volume.kernel = {2, 3, 2};
  volume.stride = {1, 2, 1};
  volume.dilation = {2, 1, 1};
  expectRightBothWays(volume);
}

TEST(Depthwise, NarrowTypes) {
  ContractionCase description = ContractionCase::depthwiseConv(8, 24, 3);
  for (Scalar type : {Scalar::F16, Scalar::BF16}) {
    description.inputType = description.weightType = type;
    expectRight(description);
  }
}

TEST(Depthwise, Bytes) {
  ContractionCase description = ContractionCase::depthwiseConv(8, 24, 3);
  description.sumType = Scalar::I32;
  for (auto [input, weights] : {std::pair(Scalar::U8, Scalar::I8),
                                {Scalar::I8, Scalar::U8},
                                {Scalar::I8, Scalar::I8},
                                {Scalar::I16, Scalar::I8}}) {
    description.inputType = input;
    description.weightType = weights;
    expectRight(description);
  }
  // An instruction takes four lines at once: some of them, all, and more; two lines of outputs that
  // are streamed; vectors with idle lanes.
  description.inputType = Scalar::U8;
  description.weightType = Scalar::I8;
  for (int64_t kernel : {2, 4, 5}) {
    ContractionCase taps = ContractionCase::depthwiseConv(11, 21, kernel, kernel / 2);
    std::tie(taps.inputType, taps.weightType, taps.sumType) =
        std::tuple(Scalar::U8, Scalar::I8, Scalar::I32);
    expectRightBothWays(taps);
  }
  ContractionCase streamed = ContractionCase::depthwiseConv(93, 68, 3);
  std::tie(streamed.inputType, streamed.weightType, streamed.sumType) =
      std::tuple(Scalar::U8, Scalar::I8, Scalar::I32);
  expectRight(streamed);
  ContractionCase dilated = description;
  dilated.dilation = {2, 3};
  expectRight(dilated);
  // Sums of so many products are exact as integers only.
  ContractionCase line = ContractionCase::depthwiseConv(1, 17, 3);
  line.outSpatial = {5};
  line.kernel = {300};
  line.stride = line.dilation = {1};
  line.inputType = Scalar::U8;
  line.weightType = Scalar::I8;
  line.sumType = Scalar::I32;
  expectRight(line);
}

} // namespace
