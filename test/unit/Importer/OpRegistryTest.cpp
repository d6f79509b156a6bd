// The registry of operators: which version of an operator imports a node, and that there is one.

#include "lib/Importer/OpRegistry.h"
#include <gtest/gtest.h>

using namespace tenon;

namespace {

llvm::FailureOr<llvm::SmallVector<mlir::Value>> importNothing(NodeImporter &) {
  return llvm::failure();
}

TEST(OpRegistryTest, takesTheNewestVersionThatAnOpsetIncludes) {
  OpRegistry registry;
  registry.add("Op", 1, 1, importNothing);
  registry.add("Op", 7, 2, importNothing);
  EXPECT_EQ(registry.find("", "Op", 6)->inputs.max, 1u);
  EXPECT_EQ(registry.find("", "Op", 7)->inputs.max, 2u);
  EXPECT_EQ(registry.find("", "Op", 0), nullptr);
  EXPECT_EQ(registry.find("other", "Op", 7), nullptr);
  EXPECT_EQ(registry.firstVersion("", "Op"), 1);
}

/// A release build has no assertions, and one of two entries would be dead code.
TEST(OpRegistryTest, acceptsNoOperatorTwice) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  OpRegistry registry;
  registry.add("domain", "Op", 7, 1, importNothing);
  registry.add("domain", "Op", 8, 1, importNothing);
  registry.add("Op", 7, 1, importNothing);
  EXPECT_DEATH(registry.add("domain", "Op", 7, 2, importNothing),
               "operator domain:Op of version 7 is registered twice");
}

} // namespace
