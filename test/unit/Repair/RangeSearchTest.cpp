// Ranges that are found by what the outputs lose.

#include "lib/Quantize/RangeSearch.h"
#include "test/unit/Repair/TestModels.h"

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

TEST(RangeSearch, KeepsWhatTheOutputsNeed) {
  // By itself the tensor would lose least with its few large numbers clipped.
  RepairCase test = makePeakCase(40, [](unsigned) { return 40.0f; }, 6);
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  EXPECT_LT(*recipe.findTensor("x")->high, 39);
  auto report = llvm::cantFail(searchRanges(recipe, test.context()));
  ASSERT_TRUE(report && report->isBetter);
  EXPECT_LT(report->after, 0.8 * report->before);
  EXPECT_LT(report->change.mean, 0);
  EXPECT_GE(*recipe.findTensor("x")->high, 40);
}

TEST(RangeSearch, TellsItsProgress) {
  RepairCase test = makePeakCase(40, [](unsigned) { return 40.0f; }, 6);
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  RepairContext context = test.context();
  int64_t last = 0, planned = 0;
  context.progress = [&](llvm::StringRef work, int64_t done, int64_t all) {
    if (work != "searching ranges")
      return;
    EXPECT_EQ(done, last + 1);
    EXPECT_LE(done, all);
    last = done;
    planned = all;
  };
  llvm::cantFail(searchRanges(recipe, context));
  EXPECT_GT(last, 0);
  EXPECT_EQ(last, planned);
}

TEST(RangeSearch, EndsWhereRangesCannotMatter) {
  RepairCase test = makePeakCase(40, [](unsigned) { return 40.0f; }, 6);
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  EXPECT_FALSE(llvm::cantFail(searchRanges(recipe, test.context(), /*allNoise=*/1)));
}

TEST(RangeSearch, LeavesRoomForWhatWasNotSeen) {
  // Each sample reaches further than those before.
  RepairCase test = makePeakCase(
      200, [](unsigned sample) { return 10 * std::pow(1.25f, static_cast<float>(sample)); }, 12);
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  auto report = llvm::cantFail(searchRanges(recipe, test.context()));
  ASSERT_TRUE(report && report->isBetter);
  EXPECT_GT(*recipe.findTensor("x")->high, 1.05 * 10 * std::pow(1.25, 11));
}

TEST(RangeSearch, LeavesARecipeThatIsGood) {
  RepairCase test = makePeakCase(1, [](unsigned) { return 1.0f; }, 6);
  Recipe recipe = test.makeRecipe(NodePrecision::Int8);
  std::string before = formatRecipe(recipe);
  auto report = llvm::cantFail(searchRanges(recipe, test.context()));
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->isBetter);
  EXPECT_EQ(formatRecipe(recipe), before);
}

TEST(RangeSearch, HasNothingToDoWithoutRanges) {
  RepairCase test = makePeakCase(1, [](unsigned) { return 1.0f; }, 2);
  Recipe recipe = test.makeRecipe(NodePrecision::Int4Weights);
  EXPECT_FALSE(llvm::cantFail(searchRanges(recipe, test.context())));
}

} // namespace
