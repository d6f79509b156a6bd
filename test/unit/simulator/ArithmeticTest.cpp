// Integer and float instructions against plain C++.

#include "SimulatorTest.h"

namespace tenon::sim {

using Unsigned = std::vector<uint32_t>;

TEST_F(SimulatorTest, AddsAndMultipliesIntegers) {
  Unsigned a{0, 1, 0xffffffff, 0x80000000, 12345, 0x7fffffff},
      b{5, 0xffffffff, 2, 0x80000000, 678, 1};
  auto run = [&](const char *text) { return compute<uint32_t, uint32_t>(text, {a, b}); };
  auto sums = run("add.u32 %r9, %r1, %r2;"), products = run("mul.lo.u32 %r9, %r1, %r2;");
  auto high = run("mul.hi.s32 %r9, %r1, %r2;"), saturated = run("add.sat.s32 %r9, %r1, %r2;");
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(sums[i], a[i] + b[i]);
    EXPECT_EQ(products[i], a[i] * b[i]);
    int64_t x = int32_t(a[i]), y = int32_t(b[i]);
    EXPECT_EQ(high[i], uint32_t(uint64_t(x * y) >> 32));
    int64_t sum = x + y;
    EXPECT_EQ(int32_t(saturated[i]), sum > INT32_MAX   ? INT32_MAX
                                     : sum < INT32_MIN ? INT32_MIN
                                                       : sum);
  }
}

} // namespace tenon::sim
