// What was found within one budget serves for others that it keeps.
#include "lib/Quantize/OtherBudgets.h"
#include <gtest/gtest.h>

using namespace tenon::quantize;

/// What keeps its own budget with this bound, and takes so many microseconds and bytes.
static QuantizeResult makeResult(double bound, double time, int64_t bytes = 0) {
  QuantizeResult result;
  result.holds = true;
  result.evaluation.bound = bound;
  result.timeAfter = 1000 * time;
  result.weightsAfter = bytes;
  return result;
}

static const Budget db20{LossKind::Sqnr, 20}, db30{LossKind::Sqnr, 30}, db40{LossKind::Sqnr, 40};

TEST(OtherBudgets, AStricterOneServesForALooserOne) {
  QuantizeResult strict = makeResult(41, 80), loose = makeResult(25, 100);
  EXPECT_EQ(findBetter(db20, &loose, Objective::Time, {{db20, &loose}, {db40, &strict}}), &strict);
  EXPECT_EQ(findBetter(db40, &strict, Objective::Time, {{db20, &loose}, {db40, &strict}}), nullptr);
}

TEST(OtherBudgets, TheFastestThatKeepsItIsTaken) {
  QuantizeResult loose = makeResult(32, 50), strict = makeResult(44, 80);
  std::pair<Budget, const QuantizeResult *> all[] = {
      {db20, &loose}, {db30, nullptr}, {db40, &strict}};
  EXPECT_EQ(findBetter(db30, nullptr, Objective::Time, all), &loose);
  loose.evaluation.bound = 29;
  EXPECT_EQ(findBetter(db30, nullptr, Objective::Time, all), &strict);
}

TEST(OtherBudgets, WhatMeasurementsDifferByIsNoGain) {
  QuantizeResult own = makeResult(25, 100), other = makeResult(41, 98);
  EXPECT_EQ(findBetter(db20, &own, Objective::Time, {{db20, &own}, {db40, &other}}), nullptr);
}

TEST(OtherBudgets, BytesCountWhereSizeDoes) {
  QuantizeResult own = makeResult(25, 10, 1000), other = makeResult(41, 100, 999);
  EXPECT_EQ(findBetter(db20, &own, Objective::Size, {{db20, &own}, {db40, &other}}), &other);
}

TEST(OtherBudgets, OtherKindsAndWhatDidNotHoldDoNotServe) {
  QuantizeResult broken = makeResult(35, 50);
  broken.holds = false;
  EXPECT_EQ(findBetter(db30, nullptr, Objective::Time, {{db40, &broken}}), nullptr);
  QuantizeResult relative = makeResult(0.01, 50);
  Budget onePercent{LossKind::Relative, 0.01};
  EXPECT_EQ(findBetter(db30, nullptr, Objective::Time, {{onePercent, &relative}}), nullptr);
  EXPECT_EQ(
      findBetter({LossKind::Relative, 0.1}, nullptr, Objective::Time, {{onePercent, &relative}}),
      &relative);
}

TEST(OtherBudgets, WhatDidNotHoldGivesWayToWhatDoes) {
  QuantizeResult own = makeResult(29, 50), other = makeResult(41, 100);
  own.holds = false;
  EXPECT_EQ(findBetter(db30, &own, Objective::Time, {{db30, &own}, {db40, &other}}), &other);
}
