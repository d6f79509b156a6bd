// One contraction with concrete sizes: builds its kernel, makes its data, knows the right answer.
// Shared by the tests and the benchmark of the contraction emitter.
#ifndef TENON_TEST_UNIT_CODEGEN_CONTRACTIONCASE_H
#define TENON_TEST_UNIT_CODEGEN_CONTRACTIONCASE_H

#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Cpu/Contraction.h"
#include "passes/Schedule/Cpu/Choose.h"
#include "test/unit/codegen/KernelJit.h"
#include "test/unit/codegen/Scalars.h"
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace tenon::testing {

enum class ZeroPoints { None, Integers, Floats };

inline int64_t product(const std::vector<int64_t> &values) {
  return std::accumulate(values.begin(), values.end(), int64_t(1), std::multiplies<>());
}

struct ContractionCase {
  int64_t batch = 1, group = 1;
  std::vector<int64_t> outSpatial, kernel, stride, dilation;
  int64_t inChannels = 1, outChannels = 1;
  cpu::WeightLayout layout = cpu::WeightLayout::Packed;
  bool weightsPerBatch = false;
  /// Use the depthwise emitter: groups of one channel each.
  bool depthwise = false;
  /// Use the Winograd emitter with this output tile.
  int64_t winograd = 0;
  Scalar inputType = Scalar::F32, weightType = Scalar::F32, sumType = Scalar::F32;
  /// Sizes are known only when the kernel runs.
  bool dynamic = false;
  /// Elements between rows of the input beyond what the sizes need.
  int64_t rowPadding = 0;
  bool relu = true;
  /// The kernel may add in another order.
  bool exact = true;
  /// Weights are codes of so many bits with parameters for each block along K; 0: they are none.
  int64_t codeBits = 0, blockSize = 0;
  ZeroPoints zeroPoints = ZeroPoints::Integers;
  bool codesAreSigned = false;
  /// The input may be rounded to bytes in blocks like these.
  bool mayRoundInput = false;
  /// Of f32: products of bf16 of which each product may be the sum.
  int64_t bfloatProducts = 1;
  /// Powers of two from the least to the largest by which numbers of f32 are multiplied.
  int64_t exponents = 0;
  /// Fields of the schedule, such as "tile_rows = 6, pack_input = true", instead of the cost
  /// model's.
  std::string schedule;

  static ContractionCase matmul(int64_t m, int64_t n, int64_t k);
  /// Square image and kernel, 2-D.
  static ContractionCase conv(int64_t out, int64_t inChannels, int64_t outChannels, int64_t kernel,
                              int64_t stride = 1);
  static ContractionCase depthwiseConv(int64_t out, int64_t channels, int64_t kernel,
                                       int64_t stride = 1);
  std::string name() const;
  /// Multiplications and additions.
  double flops() const;
  cpu::ContractionSizes sizes(mlir::MLIRContext &context) const;
  std::vector<int64_t> inputSpatial() const;
};

/// Behind the output, which nobody may write.
constexpr int64_t guardBytes = 256;
constexpr unsigned char guardPattern = 0xAB;

/// A case with data, ready to run: out = relu(contraction + bias).
class ContractionRun {
public:
  ContractionRun(const ContractionCase &description, llvm::StringRef target);
  explicit operator bool() const { return bool(kernel); }
  void run(int64_t task = 0, int64_t tasks = 1) { kernel(arguments.data(), task, tasks); }
  /// Fills the output, and some memory behind it, with a pattern that no result has.
  void clearOutput();
  /// Compares the output with a plain computation in the same order of additions; empty if it is
  /// the same, otherwise what differs.
  std::string check() const;

  cpu::ContractionScheduleAttr schedule;
  CompiledKernel kernel;

private:
  void buildKernel();
  void emit(Emitter &emitter, mlir::ModuleOp module, const cpu::ContractionSpec &spec,
            mlir::Value task, mlir::Value tasks, cpu::EpilogueFn epilogue);
  void makeData();
  void packWeights();
  /// Codes and their parameters.
  void makeCodes();
  int64_t countBlocks() const {
    return (description.inChannels + description.blockSize - 1) / description.blockSize;
  }
  /// The sum of products of a row of input with column `n` of coded weights, as the schedule has
  /// it.
  float multiplyCodes(const double *x, int64_t n) const;
  /// The same of an input that is rounded to bytes.
  float multiplyBytes(const double *x, int64_t n) const;
  /// Channels that lie together in packed weights.
  void transformFilters();
  double inputAt(int64_t index) const;

  ContractionCase description;
  /// Before the attributes, which live in it.
  std::unique_ptr<mlir::MLIRContext> context;
  cpu::TargetAttr target;
  int64_t outputSize = 0;
  /// Values as the kernel sees them, after rounding to their type; weights as [b][g][taps][K][N].
  std::vector<double> inputValues, weightValues, biasValues;
  /// Codes as they are in memory [K][N], and parameters [blocks][N].
  std::vector<double> codeValues, scaleValues, zeroValues;
  std::vector<char> input, weights, scales, zeros, bias, output, scratch;
  std::vector<void *> arguments;
};

} // namespace tenon::testing

#endif // TENON_TEST_UNIT_CODEGEN_CONTRACTIONCASE_H
