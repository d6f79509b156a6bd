// Kernels on the simulated GPU, and what its counters tell of their code.
#ifndef TENON_TEST_UNIT_EXECUTE_SIMULATEDTEST_H
#define TENON_TEST_UNIT_EXECUTE_SIMULATEDTEST_H

#include "dialects/Target/TargetKind.h"
#include "lib/CudaSimulator/Simulator.h"
#include "test/unit/execute/TestPrograms.h"
#include "llvm/ADT/APFloat.h"

#include <dlfcn.h>
#include <random>

namespace tenon::testing {

class SimulatedTest : public ExecuteTest {
protected:
  // The chip that runs all code that there is: a process has one driver.
  static void SetUpTestSuite() {
    setenv("TENON_CUDA_DRIVER", TEST_SIMULATOR, 1);
    setenv("TENON_CUDA_SIM", "sm_90a", 1);
  }
  static void TearDownTestSuite() { unsetenv("TENON_CUDA_DRIVER"); }

  SimulatedTest() {
    library = dlopen(TEST_SIMULATOR, RTLD_NOW | RTLD_LOCAL);
    call<void()>("tenon_cuda_sim_reset_counters")();
  }
  ~SimulatedTest() override { dlclose(library); }

  template <typename Function> Function *call(const char *name) {
    return reinterpret_cast<Function *>(dlsym(library, name));
  }

  /// Those of the kernel with this name in the program.
  tenon_cuda_sim_counters getCounters(const std::string &kernel) {
    tenon_cuda_sim_counters counters = {};
    auto get = call<int(const char *, tenon_cuda_sim_counters *)>("tenon_cuda_sim_get_counters");
    EXPECT_TRUE(get(("tenon_" + kernel).c_str(), &counters));
    return counters;
  }

  /// Runs a program as it is after a stage: of kernels, unless it is another one.
  std::vector<HostTensor> run(llvm::StringRef text, llvm::StringRef target,
                              std::vector<HostTensor> inputs, Stage stage = Stage::Kernels) {
    LoadOptions options;
    options.stage = stage;
    mlir::OwningOpRef<mlir::ModuleOp> module = parse(text);
    (*module)->setAttr(kTargetAttrName, cantFail(lookupTarget(target, &context)));
    LoadedProgram program = cantFail(LoadedProgram::load(*module, options));
    auto results = program.run(inputs);
    EXPECT_TRUE(bool(results)) << toString(results.takeError());
    return std::move(*results);
  }

private:
  void *library;
};

/// Small whole numbers, whose sums are exact.
inline std::vector<int> makeNumbers(int64_t count, int least, int most, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int> numbers(count);
  for (int &number : numbers)
    number = least + int(random() % unsigned(most - least + 1));
  return numbers;
}

inline std::vector<uint16_t> toWords(llvm::ArrayRef<int> numbers,
                                     const llvm::fltSemantics &semantics) {
  std::vector<uint16_t> halves;
  for (int number : numbers) {
    llvm::APFloat half(semantics);
    half.convertFromAPInt(llvm::APInt(32, number, true), true, llvm::APFloat::rmNearestTiesToEven);
    halves.push_back(half.bitcastToAPInt().getZExtValue());
  }
  return halves;
}

inline std::vector<uint16_t> toHalves(llvm::ArrayRef<int> numbers) {
  return toWords(numbers, llvm::APFloat::IEEEhalf());
}

} // namespace tenon::testing

#endif
