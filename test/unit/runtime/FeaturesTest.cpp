// The runtime's own CPU detection agrees with LLVM's, whose names it uses.
#include "runtime/internal.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

#include <gtest/gtest.h>

TEST(Features, agreeWithLLVM) {
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    EXPECT_EQ(tn_cpu_has(feature.getKey().str().c_str()), feature.getValue())
        << feature.getKey().str();
}

TEST(Features, anUnknownNameIsMissing) { EXPECT_FALSE(tn_cpu_has("avx1024f")); }
