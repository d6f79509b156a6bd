// Equations that channels can be followed through.

#include "lib/Prune/EinsumEquation.h"
#include <gtest/gtest.h>

using namespace tenon;

namespace {

TEST(EinsumEquation, HasALabelForEachAxis) {
  auto equation = EinsumEquation::parse("b s d, d f -> b s f");
  ASSERT_TRUE(equation.has_value());
  EXPECT_EQ(equation->operands, (llvm::SmallVector<std::string, 2>{"bsd", "df"}));
  EXPECT_EQ(equation->result, "bsf");
}

TEST(EinsumEquation, ImpliesAResultInTheOrderOfLabels) {
  EXPECT_EQ(EinsumEquation::parse("zb,bA")->result, "Az");
  EXPECT_EQ(EinsumEquation::parse("ij,ij->")->result, "");
}

TEST(EinsumEquation, RefusesDotsAndDiagonals) {
  EXPECT_FALSE(EinsumEquation::parse("...d,df->...f").has_value());
  EXPECT_FALSE(EinsumEquation::parse("ii->i").has_value());
}

} // namespace
