// Kernels of products on the simulated GPU, and what its counters tell of them.
#ifndef TENON_TEST_UNIT_EXECUTE_SIMULATEDGPUTEST_H
#define TENON_TEST_UNIT_EXECUTE_SIMULATEDGPUTEST_H

#include "dialects/Target/TargetKind.h"
#include "lib/CudaSimulator/Simulator.h"
#include "test/unit/execute/TestPrograms.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/FormatVariadic.h"

#include <dlfcn.h>
#include <random>

namespace tenon::testing {

/// [rows x depth] * [depth x columns].
struct Product {
  int64_t rows, columns, depth;
};

class SimulatedGpuTest : public ExecuteTest {
protected:
  // The chip that runs all code that there is: a process has one driver.
  static void SetUpTestSuite() {
    setenv("TENON_CUDA_DRIVER", TEST_SIMULATOR, 1);
    setenv("TENON_CUDA_SIM", "sm_90a", 1);
  }
  static void TearDownTestSuite() { unsetenv("TENON_CUDA_DRIVER"); }

  SimulatedGpuTest() {
    library = dlopen(TEST_SIMULATOR, RTLD_NOW | RTLD_LOCAL);
    call<void()>("tenon_cuda_sim_reset_counters")();
  }
  ~SimulatedGpuTest() override { dlclose(library); }

  template <typename Function> Function *call(const char *name) {
    return reinterpret_cast<Function *>(dlsym(library, name));
  }
  /// Of the kernel @product.
  tenon_cuda_sim_counters getCounters() {
    tenon_cuda_sim_counters counters = {};
    auto get = call<int(const char *, tenon_cuda_sim_counters *)>("tenon_cuda_sim_get_counters");
    EXPECT_TRUE(get("tenon_product", &counters));
    return counters;
  }

  /// A program of one kernel, whose operands are %a and %b; `body` computes %0.
  static std::string writeProgram(llvm::StringRef left, llvm::StringRef right,
                                  llvm::StringRef result, llvm::StringRef schedule, int64_t blocks,
                                  llvm::StringRef body) {
    return llvm::formatv(R"(
      module {{
        func.func @main(%a: {0}, %b: {1}) -> {2} {{
          %0 = tenon.launch @product(%a, %b) : ({0}, {1}) -> {2}
          return %0 : {2}
        }
        tenon.kernel @product(%a: {0}, %b: {1}) -> {2} attributes {{strategy = "contraction",
            schedule = {3}, tasks = affine_map<() -> ({4})>} {{
          {5}
          tenon.yield %0 : {2}
        }
      })",
                         left, right, result, schedule, blocks, body);
  }

  std::vector<HostTensor> run(llvm::StringRef text, llvm::StringRef target,
                              std::vector<HostTensor> inputs) {
    LoadOptions options;
    options.stage = Stage::Kernels;
    mlir::OwningOpRef<mlir::ModuleOp> module = parse(text);
    (*module)->setAttr(kTargetAttrName, llvm::cantFail(lookupTarget(target, &context)));
    LoadedProgram program = llvm::cantFail(LoadedProgram::load(*module, options));
    auto results = program.run(inputs);
    EXPECT_TRUE(bool(results)) << llvm::toString(results.takeError());
    return std::move(*results);
  }

  HostTensor halves(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int> numbers,
                    const llvm::fltSemantics &semantics = llvm::APFloat::IEEEhalf()) {
    std::vector<uint16_t> words;
    for (int number : numbers) {
      llvm::APFloat half(semantics);
      half.convertFromAPInt(llvm::APInt(32, number, true), true,
                            llvm::APFloat::rmNearestTiesToEven);
      words.push_back(half.bitcastToAPInt().getZExtValue());
    }
    mlir::Type f16 = mlir::Float16Type::get(&context), bf16 = mlir::BFloat16Type::get(&context);
    return tensor<uint16_t>(shape, &semantics == &llvm::APFloat::IEEEhalf() ? f16 : bf16, words);
  }
  HostTensor bytes(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int> numbers,
                   bool isUnsigned = false) {
    auto signs = isUnsigned ? mlir::IntegerType::Unsigned : mlir::IntegerType::Signless;
    std::vector<int8_t> all(numbers.begin(), numbers.end());
    return tensor<int8_t>(shape, mlir::IntegerType::get(&context, 8, signs), all);
  }

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

/// Of rows of `a` and columns of the product that are rows of `b`.
inline std::vector<int> multiply(const Product &product, llvm::ArrayRef<int> a,
                                 llvm::ArrayRef<int> b) {
  std::vector<int> sums(product.rows * product.columns, 0);
  for (int64_t i = 0; i < product.rows; ++i)
    for (int64_t j = 0; j < product.columns; ++j)
      for (int64_t k = 0; k < product.depth; ++k)
        sums[i * product.columns + j] += a[i * product.depth + k] * b[j * product.depth + k];
  return sums;
}

inline std::vector<float> toFloats(llvm::ArrayRef<int> numbers) {
  return {numbers.begin(), numbers.end()};
}

} // namespace tenon::testing

#endif
