// Checks shared by the tests of kernel emitters.
#ifndef TENON_TEST_UNIT_CODEGEN_KERNELCHECKS_H
#define TENON_TEST_UNIT_CODEGEN_KERNELCHECKS_H

#include "dialects/Target/KernelStrategy.h"
#include "test/unit/codegen/ContractionCase.h"
#include "test/unit/codegen/TileEmulator.h"
#include <gtest/gtest.h>

namespace tenon::testing {

/// What tenon-assign-schedules does for a kernel that has its schedule.
inline void assignScratch(KernelOp kernel, const KernelStrategy &strategy) {
  if (mlir::AffineMapAttr scratch = getScratch(kernel, strategy))
    kernel.setScratchAttr(scratch);
  else
    kernel.removeScratchAttr();
}

/// The scratch memory of a launch, as much as the kernel says that its tasks need.
class Scratch {
public:
  Scratch(KernelOp kernel, int64_t tasks) {
    if (!kernel.getScratch())
      return;
    size = kernel.getScratch()->getSingleConstantResult() * tasks;
    memory.resize(kMargin + size + kMargin, kMark);
  }
  /// What a kernel writes outside of it is noticed.
  ~Scratch() {
    for (size_t i = 0; i < memory.size(); ++i)
      if (&memory[i] < begin() || &memory[i] >= begin() + size)
        EXPECT_EQ(memory[i], kMark) << "writes outside of its scratch memory";
  }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  /// Adds it to the arguments of the kernel, behind its results.
  void addTo(std::vector<const void *> &arguments) {
    if (!memory.empty())
      arguments.push_back(begin());
  }

private:
  static constexpr size_t kMargin = 128;
  static constexpr char kMark = 77;
  char *begin() {
    auto address = reinterpret_cast<uintptr_t>(memory.data()) + kMargin;
    return memory.data() + kMargin - address % 64;
  }

  std::vector<char> memory;
  size_t size = 0;
};

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
      ASSERT_TRUE(areTilesReleased());
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
