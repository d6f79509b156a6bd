// The driver's own duties: handles, errors, streams, graphs, leaks.

#include "SimulatorTest.h"

namespace tenon::sim {

TEST_F(SimulatorTest, FindsEntryPoints) {
  void *entry = nullptr;
  int status = -1;
  EXPECT_EQ(cuGetProcAddress_v2("cuMemAlloc", &entry, 12000, 0, &status), 0);
  EXPECT_EQ(entry, reinterpret_cast<void *>(&cuMemAlloc_v2));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(cuGetProcAddress_v2("cuNothing", &entry, 12000, 0, nullptr), NotFound);
}

} // namespace tenon::sim
