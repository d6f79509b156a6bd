// Models run on samples, and what is seen of their tensors.

#include "lib/Calibration/Calibrate.h"
#include "test/unit/Calibration/TestTensors.h"
#include "llvm/ADT/STLExtras.h"

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

const char *const text = R"(g (float[1, 4] x) => (float[1, 2] y)
  <float[4, 2] w = {1, -1, 1, -1, 1, -1, 1, -1}> {
  a = MatMul(x, w)
  b = Relu(a)
  y = Neg(b)
})";

std::unique_ptr<DataSource> makeData(const std::shared_ptr<ModelFile> &model, int64_t count) {
  int64_t given = 0;
  auto next = [&]() -> llvm::Expected<std::optional<Sample>> {
    if (given == count)
      return std::nullopt;
    auto first = static_cast<float>(given++);
    Sample sample{"sample " + std::to_string(given), {}, {}};
    sample.inputs.emplace_back(floats({1, 4}, {first, 1, 2, 3}));
    return sample;
  };
  return llvm::cantFail(spoolSamples(next, llvm::cantFail(getInputTypes(*model))));
}

TEST(Calibrate, SeesInputsInnerTensorsAndOutputs) {
  auto model = parseGraph(text);
  auto data = makeData(model, 3);
  auto histograms = llvm::cantFail(calibrate(model, {"x", "a", "b", "y"}, *data));
  EXPECT_EQ(histograms["x"].count(), 12);
  EXPECT_EQ(histograms["x"].max(), 3);
  EXPECT_EQ(histograms["a"].min(), -8);
  EXPECT_EQ(histograms["a"].max(), 8);
  EXPECT_EQ(histograms["b"].min(), 0);
  EXPECT_EQ(histograms["b"].zeros(), 3);
  EXPECT_EQ(histograms["y"].min(), -8);
}

TEST(Calibrate, TakesSeveralRoundsForLargeTensors) {
  auto model = parseGraph(text);
  auto data = makeData(model, 2);
  CalibrateOptions options;
  options.bytesPerRound = 16;
  std::vector<std::pair<int64_t, int64_t>> calls;
  options.progress = [&](int64_t done, int64_t all) { calls.emplace_back(done, all); };
  auto histograms = llvm::cantFail(calibrate(model, {"a", "b", "x"}, *data, options));
  EXPECT_EQ(calls.size(), 4u); // a and b, then x
  EXPECT_EQ(calls.back(), std::pair(int64_t(4), int64_t(4)));
  EXPECT_EQ(histograms["a"].max(), 7);
  EXPECT_EQ(histograms["x"].count(), 8);
}

TEST(Calibrate, KeepsPartsOfTheSamplesApart) {
  auto model = parseGraph(text);
  auto data = makeData(model, 5);
  auto parts = llvm::cantFail(calibrateInParts(model, {"a", "x"}, *data, 2));
  ASSERT_EQ(parts.size(), 2u);
  // The sum of a sample's numbers is its own number and 6.
  EXPECT_EQ(parts[0]["a"].max(), 10);
  EXPECT_EQ(parts[1]["a"].max(), 9);
  EXPECT_EQ(parts[0]["x"].count(), 12);
  EXPECT_EQ(parts[1]["x"].count(), 8);
}

TEST(Calibrate, NamesUnknownTensors) {
  auto model = parseGraph(text);
  auto data = makeData(model, 1);
  EXPECT_EQ(messageOf(calibrate(model, {"nobody"}, *data)), "model.onnx: has no tensor 'nobody'");
}

TEST(ChannelObserver, KeepsChannelsApart) {
  auto model = parseGraph(text);
  auto data = makeData(model, 3);
  ChannelObserver observer(-1);
  ASSERT_FALSE(observeTensors(model, {{"x", &observer}}, *data));
  const ChannelStatistics &seen = observer.get();
  EXPECT_EQ(seen.count, 3);
  EXPECT_EQ(seen.max, (std::vector<float>{2, 1, 2, 3}));
  EXPECT_EQ(seen.min, (std::vector<float>{0, 1, 2, 3}));
  EXPECT_DOUBLE_EQ(seen.mean(0), 1);
  EXPECT_DOUBLE_EQ(seen.squares[0], 5);
}

} // namespace
