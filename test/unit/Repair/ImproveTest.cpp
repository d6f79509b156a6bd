// Which repairs are kept: what happens to each sample counts, not to the loudest one.

#include "lib/Quantize/Improve.h"
#include "lib/Quantize/FainterSamples.h"
#include "lib/Quantize/Scores.h"
#include "test/unit/Repair/TestModels.h"

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

TEST(NoiseChange, ComparesEachSampleWithItself) {
  // Samples differ by 30 dB, and each gets better by a tenth.
  NoiseChange change = NoiseChange::find({1e-4, 1e-3, 1e-2, 1e-1}, {9e-5, 9e-4, 9e-3, 9e-2});
  EXPECT_NEAR(change.mean, std::log(0.9), 1e-9);
  EXPECT_NEAR(change.standardError, 0, 1e-6);
  EXPECT_TRUE(change.leaves(0.97));
  EXPECT_FALSE(change.leaves(0.5));
}

TEST(NoiseChange, DoesNotTrustLuck) {
  // One sample has less noise, and more of it than all others: together they would look better.
  NoiseChange change =
      NoiseChange::find({1, 0.01, 0.01, 0.01, 0.01}, {0.5, 0.012, 0.013, 0.011, 0.012});
  EXPECT_FALSE(change.leaves(0.97));
  // Better in the mean, but by less than it varies.
  EXPECT_FALSE(NoiseChange::find({1, 1, 1, 1}, {0.2, 1.6, 0.5, 1.5}).leaves(0.97));
}

TEST(NoiseChange, TakesSamplesWithoutNoise) {
  NoiseChange change = NoiseChange::find({0, 1, 1}, {0, 0.5, 0.5});
  EXPECT_NEAR(change.mean, 2 * std::log(0.5) / 3, 1e-9);
  EXPECT_TRUE(change.leaves(0.97));
}

/// Writes its name where the test's measurement looks.
class NamedRepair : public Repair {
public:
  explicit NamedRepair(std::string name) : name(std::move(name)) {}
  llvm::StringRef getName() const override { return name; }
  llvm::Expected<bool> apply(Recipe &recipe, const RepairContext &) const override {
    recipe.target += name;
    return true;
  }

private:
  std::string name;
};

TEST(ImproveRecipe, KeepsWhatHelps) {
  RepairCase test(makeModel(R"(g (float[64, 8] x) => (float[64, 4] y) { y = MatMul(x, w) })",
                            {{"w", randomTensor({8, 4})}}),
                  {randomTensor({64, 8}), randomTensor({64, 8}, 1, 9)});
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  std::vector<std::unique_ptr<Repair>> repairs;
  for (const char *name : {"a", "b", "c"})
    repairs.push_back(std::make_unique<NamedRepair>(name));
  auto measure = [](const Recipe &tried) -> llvm::Expected<Evaluation> {
    Evaluation evaluation;
    evaluation.sampleNoise = {1e-4, 1e-5, 1e-6};
    for (double &noise : evaluation.sampleNoise) {
      noise *= llvm::StringRef(tried.target).contains('a') ? 0.8 : 1;
      noise *= llvm::StringRef(tried.target).contains('b') ? 1.2 : 1;
      noise *= llvm::StringRef(tried.target).contains('c') ? 0.5 : 1;
      evaluation.noise += noise;
    }
    return evaluation;
  };
  auto reports =
      llvm::cantFail(improveRecipe(recipe, repairs, test.context(), *test.data, measure));
  EXPECT_EQ(recipe.target, "ac");
  ASSERT_EQ(reports.size(), 4u);
  EXPECT_EQ(reports.front().name, "ranges by outputs");
  EXPECT_FALSE(reports[2].isKept);
  EXPECT_NEAR(reports[3].before, 0.8 * 1.11e-4, 1e-9);
  EXPECT_NEAR(reports[3].after, 0.4 * 1.11e-4, 1e-9);
}

TEST(FainterSamples, CountAsOne) {
  auto model = makeModel("g (float[2] x, int32[1] n) => (float[2] y, int32[1] m) "
                         "{ y = Relu(x)\nm = Identity(n) }",
                         {});
  int64_t given = 0;
  Tensor number = llvm::cantFail(Tensor::create(TENON_INT32, {1}));
  number.setElement(0, 100);
  auto next = [&]() -> llvm::Expected<std::optional<Sample>> {
    if (given++ == 2)
      return std::nullopt;
    return Sample{"sample", {Value(floats({2}, {1, -2})), Value(number)}, {}};
  };
  auto data = llvm::cantFail(spoolSamples(next, llvm::cantFail(getInputTypes(*model))));
  FainterSamples fainter(*data, 3);
  EXPECT_EQ(fainter.size(), 6);
  Sample whole = llvm::cantFail(fainter.read(3)), last = llvm::cantFail(fainter.read(5));
  EXPECT_EQ(whole.inputs[0].tensor.element(1), -2);
  EXPECT_NEAR(last.inputs[0].tensor.element(1), -2 * 0.97, 1e-6);
  EXPECT_EQ(last.inputs[1].tensor.element(0), 100);
  std::vector<double> means = takeMeans({1, 4, 2, 0.5, 0.5, 0.5}, 3);
  ASSERT_EQ(means.size(), 2u);
  EXPECT_NEAR(means[0], 2, 1e-9);
  EXPECT_NEAR(means[1], 0.5, 1e-9);
}

TEST(Scores, StandInForWhatSaturates) {
  auto model = makeModel(R"(g (float[1, 8] x) => (float[4, 1] p, float[1, 4] y, float[1] q) {
        s = MatMul(x, w)
        t = Softmax<axis = 1>(s)
        p = Transpose<perm = [1, 0]>(t)
        y = Relu(s)
        m = ReduceMean<axes = [1], keepdims = 0>(x)
        q = Sigmoid(m) })",
                         {{"w", randomTensor({8, 4})}});
  auto shown = llvm::cantFail(showScores(model, {}));
  std::vector<std::string> outputs;
  for (const onnx::ValueInfoProto &output : shown->graph().output())
    outputs.push_back(output.name());
  EXPECT_EQ(outputs, (std::vector<std::string>{"s", "y", "m"}));
}

TEST(Scores, ManyNumbersTellEnough) {
  auto model =
      makeModel("g (float[1, 8192] x) => (float[1, 8192] p) { s = Relu(x)\np = Sigmoid(s) }", {});
  EXPECT_EQ(llvm::cantFail(showScores(model, {})), model);
}

} // namespace
