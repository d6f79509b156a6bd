// Outputs that follow decisions, and what there is to say of these in other samples.
#include "lib/Quantize/Decisions.h"
#include "lib/Editing/ModelEditor.h"
#include "lib/Evaluation/OutputLosses.h"
#include "test/unit/Calibration/TestTensors.h"

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

llvm::StringMap<Decision> find(const std::string &graph) {
  std::shared_ptr<ModelFile> model = parseGraph(graph);
  ModelEditor editor(model);
  ValueTypes types = llvm::cantFail(inferValueTypes(model));
  return findDecisions(editor, types, planQuantization(editor, types));
}

TEST(Decisions, AreThoseThatOutputsFollow) {
  auto found = find(R"(g (float[2, 5, 8] x) => (float[2, 5, 4] scores, float[2, 5] best)
    <float[8, 4] w = {)" +
                    [] {
                      std::string numbers;
                      for (int i = 0; i < 32; ++i)
                        numbers += (i ? ", " : "") + std::to_string(i * i % 7);
                      return numbers;
                    }() +
                    R"(}> {
      scores = MatMul(x, w)
      index = ArgMax<axis = 2, keepdims = 0>(scores)
      best = Cast<to = 1>(index)
    })");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found["best"].op, "ArgMax");
  EXPECT_EQ(found["best"].count, 10);
}

TEST(Decisions, AreOfNumbersThatProductsCompute) {
  auto found = find(R"(g (float[3, 4] x, float[4, 2] z) => (float[3, 2] y, float[4] place) {
      y = MatMul(x, z)
      index = ArgMax<axis = 1, keepdims = 0>(z)
      place = Cast<to = 1>(index)
    })");
  EXPECT_TRUE(found.empty());
}

TEST(Decisions, AreOfAnUnknownNumberWhereSizesAre) {
  auto found = find(R"(g (float[N, 4] x, float[4, 6] z) => (float[N] place) {
      y = MatMul(x, z)
      index = ArgMax<axis = 1, keepdims = 0>(y)
      place = Cast<to = 1>(index)
    })");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found["place"].count, std::nullopt);
}

/// What other samples may lose where these lose 60 dB.
double findBound(int64_t decisions, int samples) {
  OutputLosses losses({LossKind::Sqnr, 30}), none({LossKind::Sqnr, 30});
  for (OutputLosses *each : {&losses, &none})
    each->addOutput("y", decisions);
  for (int i = 0; i < samples; ++i)
    llvm::cantFail(losses.add(0, floats({4}, {-1, 1, 1, -1}).view(),
                              floats({4}, {-1.001f, 1.001f, 1.001f, -1.001f}).view()));
  return losses.findBound(none);
}

TEST(Decisions, BoundWhatFewSamplesTell) {
  EXPECT_NEAR(findBound(0, 10), 60, 0.1);
  // Three of 1,000 may move all that follows them by 2, where numbers are 1.
  EXPECT_NEAR(findBound(100, 10), -10 * std::log10(3 / 1000.0 * 4 + 1e-6), 0.1);
  EXPECT_NEAR(findBound(OutputLosses::asManyAsNumbers, 250), findBound(100, 10), 1e-3);
  EXPECT_LT(findBound(1, 10), 0);
  // Of one decision nothing is known.
  EXPECT_NEAR(findBound(1, 1), -10 * std::log10(4), 0.1);
}

} // namespace
