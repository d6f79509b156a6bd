// Whatever schedule a strategy offers to a tuner, its kernels are right: each is checked by the
// strategy, compiled and compared with a plain computation.
#include "dialects/Target/KernelStrategy.h"
#include "mlir/Parser/Parser.h"
#include "passes/Codegen/Passes.h"
#include "test/unit/codegen/KernelChecks.h"
#include <cmath>

using namespace mlir;
using namespace tenon;
using namespace tenon::testing;

namespace {

/// A kernel `k` of one result, its operands, and what it computes of them.
struct Case {
  std::string text;
  std::vector<std::vector<float>> operands;
  std::vector<double> expected;
  /// The number of schedules to be offered at least.
  size_t alternatives = 2;
};

std::vector<float> randomValues(size_t count, uint32_t seed) {
  std::vector<float> values(count);
  for (float &value : values) {
    seed = seed * 1664525 + 1013904223;
    value = static_cast<float>(seed >> 8) / (1 << 23) - 1;
  }
  return values;
}

void expectRight(KernelOp kernel, cpu::TargetAttr target, const Case &c) {
  FailureOr<OwningOpRef<ModuleOp>> module = generateKernel(kernel, target);
  ASSERT_TRUE(succeeded(module));
  CompiledKernel compiled = CompiledKernel::compile(**module, "k", target);
  ASSERT_TRUE(compiled);
  for (int64_t tasks : {1, 3}) {
    // What a kernel writes beyond its result is noticed.
    std::vector<float> output(c.expected.size() + 16, -77.0f);
    std::vector<const void *> arguments;
    for (const std::vector<float> &operand : c.operands)
      arguments.push_back(operand.data());
    arguments.push_back(output.data());
    Scratch scratch(kernel, tasks);
    scratch.addTo(arguments);
    for (int64_t task = 0; task < tasks; ++task)
      compiled(const_cast<void *const *>(arguments.data()), task, tasks);
    for (size_t i = 0; i < c.expected.size(); ++i)
      ASSERT_NEAR(output[i], c.expected[i], 2e-5) << "element " << i << ", " << tasks << " tasks";
    for (size_t i = c.expected.size(); i < output.size(); ++i)
      ASSERT_EQ(output[i], -77.0f) << "writes past the end";
  }
}

/// Every schedule that the kernel's strategy offers, for every target.
void expectAllRight(const Case &c) {
  for (const std::string &name : runnableTargets()) {
    std::unique_ptr<MLIRContext> context = createKernelContext();
    context->getOrLoadDialect<TenonDialect>();
    cpu::TargetAttr target = findTarget(name, *context);
    OwningOpRef<ModuleOp> source = parseSourceString<ModuleOp>(c.text, context.get());
    ASSERT_TRUE(source);
    (*source)->setAttr(kTargetAttrName, target);
    KernelOp kernel = *source->getOps<KernelOp>().begin();
    const KernelStrategy *strategy = TargetStrategies::of(target)->lookup(kernel);
    ASSERT_NE(strategy, nullptr);
    llvm::SmallSetVector<Attribute, 16> schedules;
    strategy->enumerate(kernel, target,
                        [&](ScheduleAttrInterface schedule) { schedules.insert(schedule); });
    EXPECT_GE(schedules.size(), c.alternatives);
    EXPECT_TRUE(schedules.contains(strategy->choose(kernel, target)));
    for (Attribute schedule : schedules) {
      std::string text;
      llvm::raw_string_ostream(text) << schedule;
      SCOPED_TRACE(name + ": " + text);
      kernel.setScheduleAttr(cast<ScheduleAttrInterface>(schedule));
      assignScratch(kernel, *strategy);
      ASSERT_TRUE(succeeded(strategy->verify(kernel)));
      expectRight(kernel, target, c);
      if (::testing::Test::HasFatalFailure())
        return;
    }
  }
}

double relu(double value) { return std::max(value, 0.0); }

/// relu(x * w), w as it is or transposed.
Case product(int64_t m, int64_t n, int64_t k, bool transposed) {
  std::string rows = std::to_string(m), columns = std::to_string(n), depth = std::to_string(k);
  std::string x = "tensor<" + rows + "x" + depth + "xf32>",
              y = "tensor<" + rows + "x" + columns + "xf32>";
  std::string w =
      "tensor<" + (transposed ? columns + "x" + depth : depth + "x" + columns) + "xf32>";
  Case c;
  c.text = "tenon.kernel @k(%x: " + x + ", %w: " + w + ") -> " + y +
           " attributes {strategy = \"contraction\"} {\n  %0 = tenon.matmul %x, %w " +
           (transposed ? "{transposeRhs} " : "") + ": (" + x + ", " + w + ") -> " + y +
           "\n  %1 = tenon.relu %0 : (" + y + ") -> " + y + "\n  tenon.yield %1 : " + y + "\n}\n";
  c.operands = {randomValues(m * k, 1), randomValues(k * n, 2)};
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p)
        sum += double(c.operands[0][i * k + p]) * c.operands[1][transposed ? j * k + p : p * n + j];
      c.expected.push_back(relu(sum));
    }
  c.alternatives = 8;
  return c;
}

/// A convolution of an image of 9 x 9 with filters of 3 x 3 and stride 2, in groups of one channel
/// each or in one group.
Case convolution(int64_t channels, int64_t outputs, bool depthwise) {
  constexpr int64_t size = 9, out = 4;
  int64_t taken = depthwise ? 1 : channels;
  auto tensor = [](std::vector<int64_t> sizes) {
    std::string text = "tensor<";
    for (int64_t each : sizes)
      text += std::to_string(each) + "x";
    return text + "f32>";
  };
  std::string x = tensor({1, size, size, channels}), w = tensor({3, 3, taken, outputs});
  std::string y = tensor({1, out, out, outputs});
  Case c;
  c.text =
      "tenon.kernel @k(%x: " + x + ", %w: " + w + ") -> " + y + " attributes {strategy = \"" +
      (depthwise ? "depthwise" : "contraction") +
      "\"} {\n  %0 = tenon.conv %x, %w {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, "
      "groups = " +
      std::to_string(depthwise ? channels : 1) + "} : (" + x + ", " + w + ") -> " + y +
      "\n  tenon.yield %0 : " + y + "\n}\n";
  c.operands = {randomValues(size * size * channels, 3), randomValues(9 * taken * outputs, 4)};
  for (int64_t line = 0; line < out; ++line)
    for (int64_t column = 0; column < out; ++column)
      for (int64_t o = 0; o < outputs; ++o) {
        double sum = 0;
        for (int64_t tap = 0; tap < 9; ++tap)
          for (int64_t p = 0; p < taken; ++p) {
            int64_t pixel = (2 * line + tap / 3) * size + 2 * column + tap % 3;
            sum += double(c.operands[0][pixel * channels + (depthwise ? o : p)]) *
                   c.operands[1][(tap * taken + p) * outputs + o];
          }
        c.expected.push_back(sum);
      }
  c.alternatives = 8;
  return c;
}

TEST(Strategies, Products) { expectAllRight(product(26, 70, 33, /*transposed=*/false)); }

TEST(Strategies, ProductsWithTransposedWeights) {
  expectAllRight(product(13, 40, 21, /*transposed=*/true));
}

TEST(Strategies, ProductsOfOneRow) { expectAllRight(product(1, 70, 33, /*transposed=*/false)); }

TEST(Strategies, Convolutions) { expectAllRight(convolution(7, 20, /*depthwise=*/false)); }

TEST(Strategies, DepthwiseConvolutions) { expectAllRight(convolution(20, 20, /*depthwise=*/true)); }

TEST(Strategies, Rows) {
  Case c;
  c.text = R"(
    tenon.kernel @k(%x: tensor<5x37xf32>) -> tensor<5x37xf32> attributes {strategy = "rows"} {
      %0 = tenon.relu %x : (tensor<5x37xf32>) -> tensor<5x37xf32>
      tenon.yield %0 : tensor<5x37xf32>
    })";
  c.operands = {randomValues(5 * 37, 5)};
  for (float value : c.operands[0])
    c.expected.push_back(relu(value));
  c.alternatives = 4;
  expectAllRight(c);
}

} // namespace
