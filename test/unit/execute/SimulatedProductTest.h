// Kernels of products on the simulated GPU, and what its counters tell of them.
#ifndef TENON_TEST_UNIT_EXECUTE_SIMULATEDPRODUCTTEST_H
#define TENON_TEST_UNIT_EXECUTE_SIMULATEDPRODUCTTEST_H

#include "test/unit/execute/SimulatedTest.h"
#include "llvm/Support/FormatVariadic.h"

namespace tenon::testing {

/// [rows x depth] * [depth x columns].
struct Product {
  int64_t rows, columns, depth;
};

class SimulatedProductTest : public SimulatedTest {
protected:
  using SimulatedTest::getCounters;
  tenon_cuda_sim_counters getCounters() { return getCounters("product"); }

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

  HostTensor halves(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int> numbers,
                    const llvm::fltSemantics &semantics = llvm::APFloat::IEEEhalf()) {
    mlir::Type f16 = mlir::Float16Type::get(&context), bf16 = mlir::BFloat16Type::get(&context);
    return tensor<uint16_t>(shape, &semantics == &llvm::APFloat::IEEEhalf() ? f16 : bf16,
                            toWords(numbers, semantics));
  }
  HostTensor bytes(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int> numbers,
                   bool isUnsigned = false) {
    auto signs = isUnsigned ? mlir::IntegerType::Unsigned : mlir::IntegerType::Signless;
    std::vector<int8_t> all(numbers.begin(), numbers.end());
    return tensor<int8_t>(shape, mlir::IntegerType::get(&context, 8, signs), all);
  }
};

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
