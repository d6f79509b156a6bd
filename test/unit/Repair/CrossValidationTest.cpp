// Samples that judge ranges which they had no part in.

#include "lib/Quantize/CrossValidation.h"
#include "lib/Quantize/Prepare.h"
#include "test/unit/Repair/TestModels.h"

using namespace tenon;
using namespace tenon::quantize;
using namespace tenon::test;

namespace {

/// One use of both, on a model in bytes.
struct Validation {
  explicit Validation(RepairCase &test) : test(test), split(splitData(*test.data)) {
    recipe = test.makeRecipe(NodePrecision::Int8);
    calibrated = llvm::cantFail(loadRecipe(test.model, recipe, {})).first;
    reference = llvm::cantFail(loadModel(test.model, {})).first;
  }

  RepairContext context() { return {test.model, test.plan, split.calibration, {}, test.tensors}; }
  CrossValidation create() {
    return llvm::cantFail(CrossValidation::create(recipe, context(), *test.data, split));
  }
  Evaluation evaluate(bool byOthers) {
    Evaluator evaluator(*reference, split.heldBack, {LossKind::Sqnr, 30}, {}, &split.calibration);
    if (!byOthers)
      return llvm::cantFail(evaluator.evaluate(*calibrated));
    CrossValidation validation = create();
    return llvm::cantFail(evaluator.evaluate(*calibrated, [&](Evaluator::Judge judge) {
      return validation.run(recipe, test.model, {}, judge);
    }));
  }

  RepairCase &test;
  DataSplit split;
  Recipe recipe;
  std::optional<Session> calibrated, reference;
};

float smallPeak(unsigned) { return 4; }
/// Two of those that calibrate have one, and one reaches further than the other.
float rarePeak(unsigned sample) { return sample == 2 ? 30 : sample == 7 ? 60 : 4; }

TEST(CrossValidation, EachSampleThatCalibratesJudgesOnce) {
  RepairCase test = makePeakCase(1, smallPeak, 8);
  Validation validation(test);
  CrossValidation folds = validation.create();
  std::vector<int64_t> counts;
  llvm::cantFail(folds.run(validation.recipe, test.model, {},
                           [&](Session &, DataSource &judges) -> llvm::Error {
                             counts.push_back(judges.size());
                             return llvm::Error::success();
                           }));
  EXPECT_EQ(counts, (std::vector<int64_t>{2, 2, 2}));
}

TEST(CrossValidation, TellsOfSamplesThatReachFurther) {
  RepairCase test = makePeakCase(4, rarePeak, 12);
  test.tensors.range = *test.tensors.range.with("minmax");
  Validation validation(test);
  Evaluation plain = validation.evaluate(false), byOthers = validation.evaluate(true);
  EXPECT_EQ(plain.loss, byOthers.loss);
  EXPECT_LT(byOthers.bound, plain.bound - 3);
}

TEST(CrossValidation, ChangesLittleWhereSamplesAreAlike) {
  RepairCase test = makePeakCase(1, smallPeak, 12);
  Validation validation(test);
  EXPECT_NEAR(validation.evaluate(true).bound, validation.evaluate(false).bound, 0.5);
}

TEST(CrossValidation, ConcernsRecipesWithRanges) {
  RepairCase test = makePeakCase(1, smallPeak, 2);
  EXPECT_TRUE(CrossValidation::concerns(test.makeRecipe(NodePrecision::Int8), test.plan));
  EXPECT_FALSE(CrossValidation::concerns(test.makeRecipe(NodePrecision::Int4Weights), test.plan));
  EXPECT_FALSE(CrossValidation::concerns(test.makeRecipe(NodePrecision::BF16), test.plan));
}

} // namespace
