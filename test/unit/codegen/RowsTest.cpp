// Kernels without a contraction, compiled and run on small tensors.
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Parser/Parser.h"
#include "passes/Codegen/Passes.h"
#include "test/unit/codegen/KernelChecks.h"
#include <cmath>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace tenon;
using namespace tenon::testing;

namespace {

constexpr float kUnwritten = -77.0f;

/// A copy of numbers that begins, or ends, where a page may not be touched.
class GuardedCopy {
public:
  GuardedCopy(const std::vector<float> &values, bool guardsFront) {
    size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE)), bytes = values.size() * sizeof(float);
    size_t room = llvm::alignTo(std::max<size_t>(bytes, 1), page);
    mappedBytes = room + 2 * page;
    void *memory = mmap(nullptr, mappedBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mapping = memory == MAP_FAILED ? nullptr : static_cast<char *>(memory);
    if (!mapping || mprotect(mapping + page, room, PROT_READ | PROT_WRITE) != 0)
      return;
    begin = mapping + page + (guardsFront ? 0 : room - bytes);
    std::copy(values.begin(), values.end(), reinterpret_cast<float *>(begin));
  }
  GuardedCopy(const GuardedCopy &) = delete;
  ~GuardedCopy() { munmap(mapping, mappedBytes); }

  const void *data() const { return begin; }

private:
  char *mapping = nullptr, *begin = nullptr;
  size_t mappedBytes = 0;
};

/// Runs the kernel `k` of the text on `input` for every target and several numbers of tasks, and
/// gives each result to `check`. `symbols` are the values of its shape symbols. Reading in front of
/// the input, or behind it, ends the process.
void runKernel(const std::string &text, const std::vector<float> &input, size_t outputSize,
               llvm::function_ref<void(const std::vector<float> &)> check,
               llvm::ArrayRef<int64_t> symbols = {}) {
  std::unique_ptr<MLIRContext> context = createKernelContext();
  context->getOrLoadDialect<TenonDialect>();
  OwningOpRef<ModuleOp> source = parseSourceString<ModuleOp>(text, context.get());
  ASSERT_TRUE(source);
  for (const std::string &name : runnableTargets()) {
    cpu::TargetAttr target = findTarget(name, *context);
    auto module = generateKernel(*source->getOps<KernelOp>().begin(), target);
    ASSERT_TRUE(succeeded(module));
    CompiledKernel kernel = CompiledKernel::compile(**module, "k", target);
    ASSERT_TRUE(kernel);
    for (int64_t tasks : {1, 3}) {
      GuardedCopy guarded(input, /*guardsFront=*/tasks == 1);
      ASSERT_NE(guarded.data(), nullptr);
      // What a kernel writes beyond its result, or in two tasks, is noticed.
      std::vector<float> output(outputSize + 16, kUnwritten);
      for (int64_t task = 0; task < tasks; ++task) {
        std::vector<float> written(output.size(), kUnwritten);
        std::vector<const void *> arguments = {guarded.data(), written.data()};
        for (int64_t symbol : symbols)
          arguments.push_back(reinterpret_cast<const void *>(symbol));
        kernel(const_cast<void *const *>(arguments.data()), task, tasks);
        for (size_t i = 0; i < written.size(); ++i) {
          if (written[i] == kUnwritten)
            continue;
          ASSERT_EQ(output[i], kUnwritten) << name << ": two tasks write element " << i;
          output[i] = written[i];
        }
      }
      for (size_t i = outputSize; i < output.size(); ++i)
        ASSERT_EQ(output[i], kUnwritten) << name << " writes past the end";
      output.resize(outputSize);
      check(output);
    }
  }
}

std::vector<float> countUp(size_t size) {
  std::vector<float> values(size);
  for (size_t i = 0; i < size; ++i)
    values[i] = static_cast<float>(i % 8191);
  return values;
}

/// Checks that `output` is `input` [batch, rows, columns] turned to [batch, columns, rows] plus
/// `added`.
void checkTransposed(const std::vector<float> &input, const std::vector<float> &output,
                     int64_t batch, int64_t rows, int64_t columns, float added) {
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        ASSERT_EQ(output[(b * columns + c) * rows + r], input[(b * rows + r) * columns + c] + added)
            << batch << "x" << rows << "x" << columns << " at " << b << ", " << r << ", " << c;
}

std::string transposeText(const std::string &from, const std::string &to, bool adds) {
  std::string text = "tenon.kernel @k(%x: " + from + ") -> " + to +
                     " attributes {strategy = \"rows\"} {\n"
                     "%c = tenon.constant dense<1.0> : tensor<f32>\n"
                     "%0 = tenon.add %x, %c : (" +
                     from + ", tensor<f32>) -> " + from +
                     "\n"
                     "%1 = tenon.transpose %0 {permutation = array<i64: 0, 2, 1>} : (" +
                     from + ") -> " + to + "\n";
  if (adds)
    text += "%2 = tenon.add %1, %c : (" + to + ", tensor<f32>) -> " + to + "\n";
  return text + "tenon.yield " + (adds ? "%2" : "%1") + " : " + to + "\n}";
}

void expectTransposed(int64_t batch, int64_t rows, int64_t columns, bool adds) {
  auto shape = [&](int64_t a, int64_t b) {
    return "tensor<" + std::to_string(batch) + "x" + std::to_string(a) + "x" + std::to_string(b) +
           "xf32>";
  };
  std::string text = transposeText(shape(rows, columns), shape(columns, rows), adds);
  std::vector<float> input = countUp(batch * rows * columns);
  runKernel(text, input, input.size(), [&](const std::vector<float> &output) {
    checkTransposed(input, output, batch, rows, columns, adds ? 2 : 1);
  });
}

/// The same with sizes that only a run tells; `rows` is a number if the text has it.
void expectTransposedAtRunTime(int64_t batch, int64_t rows, int64_t columns, bool knowsRows) {
  std::string number = knowsRows ? std::to_string(rows) : "?";
  std::string expr = knowsRows ? number : "s1";
  std::string from =
      "tensor<?x" + number + "x?xf32, affine_map<()[s0, s1, s2] -> (s0, " + expr + ", s2)>>";
  std::string to =
      "tensor<?x?x" + number + "xf32, affine_map<()[s0, s1, s2] -> (s0, s2, " + expr + ")>>";
  std::string text = transposeText(from, to, !knowsRows);
  text.replace(text.find("strategy"), 0, "num_symbols = 3 : i64, ");
  std::vector<float> input = countUp(batch * rows * columns);
  runKernel(text, input, input.size(),
            [&](const std::vector<float> &output) {
              checkTransposed(input, output, batch, rows, columns, knowsRows ? 1 : 2);
            },
            {batch, rows, columns});
}

TEST(Transpose, WholeTiles) { expectTransposed(2, 32, 48, false); }

TEST(Transpose, TilesThatStartEarly) {
  expectTransposed(3, 17, 37, false);
  expectTransposed(1, 50, 16, true);
}

TEST(Transpose, FewRowsAreInterleaved) {
  for (int64_t rows : {2, 3, 4})
    expectTransposed(2, rows, 35, false);
}

TEST(Transpose, TilesWithFewColumns) {
  for (int64_t rows : {5, 12, 15}) {
    expectTransposed(2, rows, 35, false);
    expectTransposed(3, rows, 16, true);
    expectTransposedAtRunTime(2, rows, 33, /*knowsRows=*/true);
  }
}

TEST(Transpose, ShortDimensions) {
  expectTransposed(2, 5, 7, true);
  expectTransposed(2, 3, 35, true);
  expectTransposed(2, 35, 3, false);
}

TEST(Transpose, SizesOfARun) {
  for (int64_t columns : {3, 16, 35}) {
    for (int64_t rows : {5, 33})
      expectTransposedAtRunTime(2, rows, columns, /*knowsRows=*/false);
    expectTransposedAtRunTime(2, 3, columns, /*knowsRows=*/true);
  }
}

// Every second element, of lines that end with the last one read or behind it, with whole vectors
// and a rest; nothing outside is read.
TEST(Slice, EverySecondElement) {
  for (int64_t size : {6, 63, 64, 300}) {
    int64_t half = (size + 1) / 2;
    std::string from = "tensor<3x" + std::to_string(size) + "xf32>";
    std::string to = "tensor<3x" + std::to_string(half) + "xf32>";
    std::string text =
        "tenon.kernel @k(%x: " + from + ") -> " + to + " attributes {strategy = \"rows\"} {\n" +
        "%0 = tenon.slice %x {starts = affine_map<() -> (0, 0)>, " +
        "steps = array<i64: 1, 2>} : (" + from + ") -> " + to + "\ntenon.yield %0 : " + to + "\n}";
    std::vector<float> input = countUp(3 * size);
    runKernel(text, input, 3 * half, [&](const std::vector<float> &output) {
      for (int64_t row = 0; row < 3; ++row)
        for (int64_t i = 0; i < half; ++i)
          ASSERT_EQ(output[row * half + i], input[row * size + 2 * i]) << size << " at " << i;
    });
  }
}

// Above the first row and below the last one no lane is inside; what all lanes read at one address
// lies outside then.
TEST(Guard, ReadsNothingWhereNoLaneIs) {
  std::string text = R"(
    tenon.kernel @k(%x: tensor<1x5x1x1xf32>) -> tensor<1x1x5x70xf32> attributes {strategy = "rows"} {
      %0 = tenon.broadcast %x : (tensor<1x5x1x1xf32>) -> tensor<1x5x70x1xf32>
      %1 = tenon.max_pool %0 {dilations = array<i64: 1, 1>, kernel = array<i64: 3, 3>, low = affine_map<() -> (1, 1)>, strides = array<i64: 1, 1>} : (tensor<1x5x70x1xf32>) -> tensor<1x5x70x1xf32>
      %2 = tenon.transpose %1 {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x5x70x1xf32>) -> tensor<1x1x5x70xf32>
      tenon.yield %2 : tensor<1x1x5x70xf32>
    })";
  runKernel(text, countUp(5), 5 * 70, [&](const std::vector<float> &output) {
    for (int64_t row = 0; row < 5; ++row)
      for (int64_t column = 0; column < 70; ++column)
        ASSERT_EQ(output[row * 70 + column], std::min<float>(row + 1, 4)) << row << ", " << column;
  });
}

// Where a part of a concatenation has no elements, positions in it are not divided by its sizes.
TEST(Guard, DividesByNoSizeWhereNoLaneIs) {
  std::string text = R"(
    tenon.kernel @k(%x: tensor<2x?x?xf32, affine_map<()[s0, s1] -> (2, s0, s1)>>) -> tensor<2x?xf32, affine_map<()[s0, s1] -> (2, s0 * s1 + 40)>> attributes {num_symbols = 2 : i64, strategy = "rows"} {
      %0 = tenon.reshape %x : (tensor<2x?x?xf32, affine_map<()[s0, s1] -> (2, s0, s1)>>) -> tensor<2x?xf32, affine_map<()[s0, s1] -> (2, s0 * s1)>>
      %ones = tenon.constant dense<1.0> : tensor<2x40xf32>
      %1 = tenon.concat %0, %ones {axis = 1 : i64} : (tensor<2x?xf32, affine_map<()[s0, s1] -> (2, s0 * s1)>>, tensor<2x40xf32>) -> tensor<2x?xf32, affine_map<()[s0, s1] -> (2, s0 * s1 + 40)>>
      tenon.yield %1 : tensor<2x?xf32, affine_map<()[s0, s1] -> (2, s0 * s1 + 40)>>
    })";
  for (auto [a, b] : {std::pair<int64_t, int64_t>(3, 5), {3, 0}, {0, 5}, {0, 0}}) {
    std::vector<float> input = countUp(2 * a * b);
    auto check = [&, part = a * b](const std::vector<float> &output) {
      for (int64_t row = 0; row < 2; ++row)
        for (int64_t i = 0; i < part + 40; ++i)
          ASSERT_EQ(output[row * (part + 40) + i], i < part ? input[row * part + i] : 1) << i;
    };
    runKernel(text, input, 2 * (a * b + 40), check, {a, b});
  }
}

// NaN comes through wherever in its row it is, and is in no other row; lanes lie along rows, or are
// rows.
TEST(Reduction, ExtremaPropagateNaN) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (int64_t size : {5, 64, 777})
    for (int64_t axis : {0, 1})
      for (std::string kind : {"max", "min"}) {
        std::string numbers = std::to_string(size);
        std::string from = "tensor<" + (axis ? "4x" + numbers : numbers + "x4") + "xf32>";
        std::string to = axis ? "tensor<4x1xf32>" : "tensor<1x4xf32>";
        std::string text = "tenon.kernel @k(%x: " + from + ") -> " + to +
                           " attributes {strategy = \"rows\"} {\n%0 = tenon.reduce " + kind +
                           " %x {axes = array<i64: " + std::to_string(axis) + ">} : (" + from +
                           ") -> " + to + "\ntenon.yield %0 : " + to + "\n}";
        std::vector<float> input(4 * size);
        auto at = [&](int64_t row, int64_t i) -> float & {
          return input[axis ? row * size + i : i * 4 + row];
        };
        for (int64_t row = 0; row < 4; ++row)
          for (int64_t i = 0; i < size; ++i)
            at(row, i) = static_cast<float>((i * 31 + row * 11) % size);
        at(1, 0) = at(2, size / 2) = at(3, size - 1) = nan;
        runKernel(text, input, 4, [&](const std::vector<float> &output) {
          ASSERT_EQ(output[0], kind == "max" ? size - 1 : 0);
          for (int64_t row = 1; row < 4; ++row)
            ASSERT_TRUE(std::isnan(output[row])) << kind << " of " << from << ", row " << row;
        });
      }
}

// Rows longer than one trip: the powers wait in the result.
TEST(Softmax, LongRows) {
  for (int64_t size : {5, 64, 777}) {
    std::string full = "tensor<4x" + std::to_string(size) + "xf32>";
    std::string text =
        "tenon.kernel @k(%x: " + full + ") -> " + full + " attributes {strategy = \"rows\"} {\n" +
        "%0 = tenon.reduce max %x {axes = array<i64: 1>} : (" + full + ") -> tensor<4x1xf32>\n" +
        "%1 = tenon.sub %x, %0 : (" + full + ", tensor<4x1xf32>) -> " + full + "\n" +
        "%2 = tenon.exp %1 : (" + full + ") -> " + full + "\n" +
        "%3 = tenon.reduce sum %2 {axes = array<i64: 1>} : (" + full + ") -> tensor<4x1xf32>\n" +
        "%4 = tenon.div %2, %3 : (" + full + ", tensor<4x1xf32>) -> " + full + "\n" +
        "tenon.yield %4 : " + full + "\n}";
    std::vector<float> input(4 * size);
    for (size_t i = 0; i < input.size(); ++i)
      input[i] = std::sin(static_cast<float>(i)) * 5;
    runKernel(text, input, input.size(), [&](const std::vector<float> &output) {
      for (int64_t row = 0; row < 4; ++row) {
        double sum = 0;
        for (int64_t i = 0; i < size; ++i)
          sum += std::exp(static_cast<double>(input[row * size + i]));
        for (int64_t i = 0; i < size; ++i) {
          double expected = std::exp(static_cast<double>(input[row * size + i])) / sum;
          ASSERT_NEAR(output[row * size + i], expected, 2e-6 * expected) << "row of " << size;
        }
      }
    });
  }
}

/// Constants around x + 1: the frame is filled, the inside computed, in every order of sizes.
void expectFramed(int64_t rows, int64_t columns, std::array<int64_t, 2> low,
                  std::array<int64_t, 2> high) {
  auto shape = [](int64_t a, int64_t b) {
    return "tensor<2x" + std::to_string(a) + "x" + std::to_string(b) + "xf32>";
  };
  int64_t wholeRows = low[0] + rows + high[0], wholeColumns = low[1] + columns + high[1];
  std::string inside = shape(rows, columns), whole = shape(wholeRows, wholeColumns);
  std::string text = "tenon.kernel @k(%x: " + inside + ") -> " + whole +
                     " attributes {strategy = \"rows\"} {\n"
                     "%one = tenon.constant dense<1.0> : tensor<f32>\n"
                     "%zero = tenon.constant dense<0.0> : tensor<f32>\n"
                     "%0 = tenon.add %x, %one : (" +
                     inside + ", tensor<f32>) -> " + inside +
                     "\n%1 = tenon.pad %0, %zero {low = affine_map<() -> (0, " +
                     std::to_string(low[0]) + ", " + std::to_string(low[1]) + ")>} : (" + inside +
                     ", tensor<f32>) -> " + whole + "\ntenon.yield %1 : " + whole + "\n}";
  std::vector<float> input = countUp(2 * rows * columns);
  runKernel(text, input, 2 * wholeRows * wholeColumns, [&](const std::vector<float> &output) {
    size_t at = 0;
    for (int64_t batch = 0; batch < 2; ++batch)
      for (int64_t row = -low[0]; row < rows + high[0]; ++row)
        for (int64_t column = -low[1]; column < columns + high[1]; ++column, ++at) {
          bool isInside = row >= 0 && row < rows && column >= 0 && column < columns;
          float expected = isInside ? input[(batch * rows + row) * columns + column] + 1 : 0;
          ASSERT_EQ(output[at], expected) << batch << ", " << row << ", " << column;
        }
  });
}

TEST(Frame, AroundRows) {
  expectFramed(5, 48, {1, 0}, {1, 0});
  expectFramed(20, 7, {0, 1}, {2, 0});
  expectFramed(3, 33, {2, 1}, {1, 3});
  expectFramed(1, 1, {0, 0}, {0, 70});
}

// A part of a larger tensor is written with its frame, and nothing else is.
TEST(Frame, InsideLargerTensor) {
  std::string text = R"(
    tenon.kernel @k(%x: tensor<3x20xf32>) -> tensor<9x50xf32> attributes {strategy = "rows"} {
      %zero = tenon.constant dense<0.0> : tensor<f32>
      %0 = tenon.neg %x : (tensor<3x20xf32>) -> tensor<3x20xf32>
      %1 = tenon.pad %0, %zero {low = affine_map<() -> (1, 0)>} : (tensor<3x20xf32>, tensor<f32>) -> tensor<5x21xf32>
      %2 = tenon.insert %1 {low = affine_map<() -> (2, 7)>} : (tensor<5x21xf32>) -> tensor<9x50xf32>
      tenon.yield %2 : tensor<9x50xf32>
    })";
  std::vector<float> input = countUp(3 * 20);
  runKernel(text, input, 9 * 50, [&](const std::vector<float> &output) {
    for (int64_t row = 0; row < 9; ++row)
      for (int64_t column = 0; column < 50; ++column) {
        bool isPart = row >= 2 && row < 7 && column >= 7 && column < 28;
        bool isInside = isPart && row >= 3 && row < 6 && column < 27;
        float expected = isInside ? -input[(row - 3) * 20 + column - 7] : 0;
        ASSERT_EQ(output[row * 50 + column], isPart ? expected : kUnwritten)
            << row << ", " << column;
      }
  });
}

// Tiles of a transpose store into the middle like everyone else.
TEST(Frame, AroundTransposedTiles) {
  std::string text = R"(
    tenon.kernel @k(%x: tensor<3x40xf32>) -> tensor<42x3xf32> attributes {strategy = "rows"} {
      %zero = tenon.constant dense<0.0> : tensor<f32>
      %0 = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<3x40xf32>) -> tensor<40x3xf32>
      %1 = tenon.pad %0, %zero {low = affine_map<() -> (1, 0)>} : (tensor<40x3xf32>, tensor<f32>) -> tensor<42x3xf32>
      tenon.yield %1 : tensor<42x3xf32>
    })";
  std::vector<float> input = countUp(3 * 40);
  runKernel(text, input, 42 * 3, [&](const std::vector<float> &output) {
    for (int64_t row = 0; row < 42; ++row)
      for (int64_t column = 0; column < 3; ++column)
        ASSERT_EQ(output[row * 3 + column],
                  row == 0 || row == 41 ? 0 : input[column * 40 + row - 1]);
  });
}

// Softmax keeps its powers in the result, wherever that is.
TEST(Frame, AroundSoftmax) {
  std::string text = R"(
    tenon.kernel @k(%x: tensor<3x20xf32>) -> tensor<3x22xf32> attributes {strategy = "rows"} {
      %zero = tenon.constant dense<0.0> : tensor<f32>
      %0 = tenon.exp %x : (tensor<3x20xf32>) -> tensor<3x20xf32>
      %1 = tenon.reduce sum %0 {axes = array<i64: 1>} : (tensor<3x20xf32>) -> tensor<3x1xf32>
      %2 = tenon.div %0, %1 : (tensor<3x20xf32>, tensor<3x1xf32>) -> tensor<3x20xf32>
      %3 = tenon.pad %2, %zero {low = affine_map<() -> (0, 1)>} : (tensor<3x20xf32>, tensor<f32>) -> tensor<3x22xf32>
      tenon.yield %3 : tensor<3x22xf32>
    })";
  runKernel(text, std::vector<float>(3 * 20, 1.0f), 3 * 22, [&](const std::vector<float> &output) {
    for (int64_t row = 0; row < 3; ++row)
      for (int64_t column = 0; column < 22; ++column)
        ASSERT_NEAR(output[row * 22 + column], column == 0 || column == 21 ? 0 : 0.05, 1e-6);
  });
}

} // namespace
