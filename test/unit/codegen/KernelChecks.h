// Checks shared by the tests of kernel emitters.
#ifndef TENON_TEST_UNIT_CODEGEN_KERNELCHECKS_H
#define TENON_TEST_UNIT_CODEGEN_KERNELCHECKS_H

#include "test/unit/codegen/ContractionCase.h"
#include <gtest/gtest.h>

namespace tenon::testing {

/// Targets that this machine can run.
inline std::vector<std::string> runnableTargets() {
  std::unique_ptr<mlir::MLIRContext> context = createKernelContext();
  std::vector<std::string> targets{"x86-64-v3"};
  if (findTarget("native", *context).getVectorBits() == 512)
    targets.push_back("x86-64-v4");
  return targets;
}

/// The kernel's results are right bit by bit, for every target and several numbers of tasks.
inline void expectRight(const ContractionCase &description) {
  for (const std::string &target : runnableTargets()) {
    ContractionRun run(description, target);
    ASSERT_TRUE(run) << description.name();
    for (int64_t tasks : {1, 3, 8}) {
      run.clearOutput();
      for (int64_t task = 0; task < tasks; ++task)
        run.run(task, tasks);
      ASSERT_EQ(run.check(), "") << target << " with " << tasks << " tasks";
    }
  }
}

/// With sizes known at compile time, and only at run time.
inline void expectRightBothWays(ContractionCase description) {
  expectRight(description);
  description.dynamic = true;
  expectRight(description);
}

} // namespace tenon::testing

#endif // TENON_TEST_UNIT_CODEGEN_KERNELCHECKS_H
