// The search finds the fastest assignment whose whole model keeps the budget, in few comparisons.
#include "lib/Quantize/LimitSearch.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace tenon::quantize;

/// Groups that gain alike; each has twice the noise of the one before.
static AssignmentProblem makeProblem(unsigned size) {
  AssignmentProblem problem;
  for (unsigned group = 0; group < size; ++group)
    problem.groups.push_back({{10, 0, 0}, {4, 1e-6 * std::exp2(group), 1}});
  return problem;
}

namespace {

/// A model whose noise is `factor` of what groups add up to.
struct Model {
  const AssignmentProblem &problem;
  Budget budget;
  double factor;
  /// What each conversion takes besides what the problem knows.
  double conversionTime = 0;
  int64_t comparisons = 0;

  llvm::Expected<Validation> validate(const Choices &choices) {
    ++comparisons;
    Validation validation;
    validation.choices = choices;
    double conversions = static_cast<double>(countConversions(problem, choices));
    validation.cost = validation.time = totalTime(problem, choices) + conversionTime * conversions;
    validation.originalTime = totalTime(problem, Choices(choices.size(), 0));
    Evaluation &evaluation = validation.evaluation;
    evaluation.noise = factor * totalNoise(problem, choices);
    evaluation.loss = -10 * std::log10(evaluation.noise);
    evaluation.holds = budget.holds(evaluation.loss);
    return validation;
  }

  std::optional<Validation> search() {
    LimitSearch search(problem, budget, 12);
    return llvm::cantFail(search.run([&](const Choices &choices) { return validate(choices); }));
  }
};

} // namespace

static int64_t countLowered(const Choices &choices) {
  return static_cast<int64_t>(choices.size()) - llvm::count(choices, 0u);
}

TEST(LimitSearch, UsesTheBudgetWhereNoiseAddsUp) {
  AssignmentProblem problem = makeProblem(12);
  // 31 + ... = 2^k - 1 millionths for k groups: eight of them are below 3e-4.
  Model model{problem, {LossKind::Sqnr, -10 * std::log10(3e-4)}, 1};
  std::optional<Validation> found = model.search();
  ASSERT_TRUE(found && found->evaluation.holds);
  EXPECT_EQ(countLowered(found->choices), 8);
  EXPECT_LE(model.comparisons, 6);
}

TEST(LimitSearch, FollowsWhatIsMeasured) {
  for (double factor : {0.05, 0.3, 4.0, 30.0}) {
    AssignmentProblem problem = makeProblem(12);
    Model model{problem, {LossKind::Sqnr, -10 * std::log10(3e-4)}, factor};
    std::optional<Validation> found = model.search();
    ASSERT_TRUE(found && found->evaluation.holds) << factor;
    // 2^k - 1 millionths, as many times as the factor says.
    auto most = static_cast<int64_t>(std::floor(std::log2(3e-4 / factor * 1e6 + 1)));
    EXPECT_EQ(countLowered(found->choices), std::min<int64_t>(most, 12)) << factor;
    EXPECT_LE(model.comparisons, 12);
  }
}

TEST(LimitSearch, EndsWhereLittleIsLeftToGain) {
  // All but the first group gain next to nothing.
  AssignmentProblem problem = makeProblem(12);
  for (auto &choices : llvm::drop_begin(problem.groups))
    choices[1].time = 9.99;
  Model model{problem, {LossKind::Sqnr, -10 * std::log10(3e-4)}, 4};
  std::optional<Validation> found = model.search();
  ASSERT_TRUE(found && found->evaluation.holds);
  EXPECT_EQ(found->choices[0], 1u);
  EXPECT_LE(model.comparisons, 2);
}

TEST(LimitSearch, AllThatGainsIsLoweredAtOnce) {
  AssignmentProblem problem = makeProblem(3);
  Model model{problem, {LossKind::Sqnr, 20}, 1};
  std::optional<Validation> found = model.search();
  ASSERT_TRUE(found);
  EXPECT_EQ(countLowered(found->choices), 3);
  EXPECT_EQ(model.comparisons, 1);
}

TEST(LimitSearch, GivesTheLeastLossyWhereNoneHolds) {
  AssignmentProblem problem = makeProblem(12);
  Model model{problem, {LossKind::Sqnr, 120}, 1};
  std::optional<Validation> found = model.search();
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->evaluation.holds);
  EXPECT_EQ(countLowered(found->choices), 1);
  EXPECT_EQ(found->choices[0], 1u);
  EXPECT_LE(model.comparisons, 12);
}

/// Pairs of neighbours in a chain, whose conversions are believed to cost next to nothing.
static AssignmentProblem makeChain(std::initializer_list<double> gains) {
  AssignmentProblem problem;
  for (double gain : gains)
    problem.groups.push_back({{10, 0, 0}, {10 - gain, 1e-6, 1}});
  for (unsigned group = 1; group < problem.groups.size(); ++group)
    problem.neighbours.push_back({group - 1, group, 0.01});
  return problem;
}

TEST(LimitSearch, LearnsWhatConversionsCost) {
  // The second group, whose neighbours lose, gains less than two conversions take, the last three
  // gain more together.
  AssignmentProblem problem = makeChain({-10, 2, -10, -10, 4, 4, 4});
  Model model{problem, {LossKind::Sqnr, 30}, 1, 3};
  std::optional<Validation> found = model.search();
  ASSERT_TRUE(found && found->evaluation.holds);
  EXPECT_EQ(found->choices, Choices({0, 0, 0, 0, 1, 1, 1}));
  EXPECT_LE(model.comparisons, 3);
}

TEST(LimitSearch, GivesUpWhereConversionsCostMoreThanIsGained) {
  AssignmentProblem problem = makeChain({-10, 2, -10, 2, -10});
  Model model{problem, {LossKind::Sqnr, 30}, 1, 3};
  std::optional<Validation> found = model.search();
  ASSERT_TRUE(found);
  EXPECT_GT(found->time, found->originalTime);
  EXPECT_LE(model.comparisons, 2);
}

TEST(LimitSearch, NothingGains) {
  AssignmentProblem problem;
  problem.groups = {{{1, 0, 0}, {1, 0.1, 1}}, {{1, 0, 0}, {2, 0.1, 1}}};
  Model model{problem, {LossKind::Sqnr, 20}, 1};
  EXPECT_FALSE(model.search());
  EXPECT_EQ(model.comparisons, 0);
}

TEST(Budget, IsReadAsItIsWritten) {
  for (llvm::StringRef text :
       {"sqnr=30dB", "cosine=0.999", "relative=1%", "top1=0.5%", "top5=2%", "metric=0.01"})
    EXPECT_EQ(llvm::cantFail(Budget::parse(text)).str(), text);
  EXPECT_EQ(llvm::cantFail(Budget::parse("top1=0.01")).limit, 0.01);
  EXPECT_EQ(llvm::cantFail(Budget::parse("sqnr=30")).limit, 30);
  for (llvm::StringRef text :
       {"sqnr", "sqnr=", "sqnr=x", "psnr=30", "cosine=1.5", "top1=200%", "sqnr=nan"})
    EXPECT_TRUE(llvm::errorToBool(Budget::parse(text).takeError())) << text.str();
}
