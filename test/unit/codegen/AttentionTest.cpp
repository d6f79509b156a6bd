// Attention kernels, compiled and run, against sums in double precision.
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Parser/Parser.h"
#include "passes/Codegen/Passes.h"
#include "passes/Schedule/Cpu/Choose.h"
#include "test/unit/codegen/KernelChecks.h"
#include <cmath>

using namespace mlir;
using namespace tenon;
using namespace tenon::testing;

namespace {

/// An attention and the form in which its kernel gets it.
struct Case {
  int64_t batch, heads, keyHeads, queries, keys, depth, width;
  /// Heads behind positions in memory: [B, S, H, d].
  bool headsInside = false;
  /// Keys are [d, T].
  bool keysAreColumns = false;
  /// Rank 3, without batch.
  bool flat = false;
  bool bias = false, mask = false, zeroEmptyRows = false, addsOne = false;
  /// Numbers of queries and keys are symbols.
  bool dynamic = false;
  /// Instead of the schedule's; 0: what it says.
  int64_t keyBlock = 0, groupBlocks = 0;
  /// Not empty: queries, keys and values are bf16, and the schedule is for this target.
  std::string bfloatTarget;

  std::string type(ArrayRef<int64_t> sizes, ArrayRef<std::string> symbolic,
                   StringRef element) const {
    std::string shape, map;
    for (size_t i = flat ? 1 : 0; i < sizes.size(); ++i) {
      bool isSymbol = dynamic && !symbolic[i].empty();
      shape += (isSymbol ? "?" : std::to_string(sizes[i])) + "x";
      map += (map.empty() ? "" : ", ") + (isSymbol ? symbolic[i] : std::to_string(sizes[i]));
    }
    bool encodes = shape.find('?') != std::string::npos;
    return "tensor<" + shape + element.str() +
           (encodes ? ", affine_map<()[s0, s1] -> (" + map + ")>>" : ">");
  }
  std::string rowsType(int64_t numHeads, int64_t rows, int64_t size, StringRef symbol,
                       StringRef element) const {
    std::string s = symbol.str();
    return headsInside ? type({batch, rows, numHeads, size}, {"", s, "", ""}, element)
                       : type({batch, numHeads, rows, size}, {"", "", s, ""}, element);
  }
  bool hasHalves() const { return !bfloatTarget.empty(); }
  std::string kernel() const;
  std::string name() const { return kernel(); }
};

std::string Case::kernel() const {
  StringRef element = hasHalves() ? "bf16" : "f32";
  std::string q = rowsType(heads, queries, depth, "s0", element);
  std::string k = keysAreColumns ? type({batch, keyHeads, depth, keys}, {"", "", "", "s1"}, element)
                                 : rowsType(keyHeads, keys, depth, "s1", element);
  std::string v = rowsType(keyHeads, keys, width, "s1", element);
  std::string r = rowsType(heads, queries, width, "s0", "f32");
  std::string m = type({batch, 1, 1, keys}, {"", "", "", "s1"}, "i1");
  std::string b = type({1, heads, queries, keys}, {"", "", "s0", "s1"}, "f32");
  std::string swap = "array<i64: 0, 2, 1, 3>";
  std::string attributes = "scale = 3.0e-1";
  if (mask)
    attributes += ", masked = 0xFFF0000000000000 : f64";
  if (headsInside)
    attributes += ", queryOrder = " + swap + ", valueOrder = " + swap + ", resultOrder = " + swap;
  if (headsInside && !keysAreColumns)
    attributes += ", keyOrder = " + swap;
  if (keysAreColumns)
    attributes += flat ? ", keyOrder = array<i64: 0, 2, 1>" : ", keyOrder = array<i64: 0, 1, 3, 2>";
  if (zeroEmptyRows)
    attributes += ", zeroEmptyRows";
  std::string signature = "%q: " + q + ", %k: " + k + ", %v: " + v,
              operands = q + ", " + k + ", " + v;
  std::string extra;
  if (mask)
    signature += ", %m: " + m, operands += ", " + m, extra += " mask %m";
  if (bias)
    signature += ", %b: " + b, operands += ", " + b, extra += " bias %b";
  std::string text =
      "tenon.kernel @k(" + signature + ") -> " + r +
      " attributes {strategy = \"attention\", num_symbols = " + std::string(dynamic ? "2" : "0") +
      " : i64} {\n%0 = tenon.attention %q, %k, %v" + extra + " {" + attributes + "} : (" +
      operands + ") -> " + r + "\n";
  if (addsOne)
    text += "%c = tenon.constant dense<1.0> : tensor<f32>\n%1 = tenon.add %0, %c : (" + r +
            ", tensor<f32>) -> " + r + "\n";
  return text + "tenon.yield " + (addsOne ? "%1" : "%0") + " : " + r + "\n}";
}

std::vector<float> randomFloats(size_t size, unsigned seed) {
  std::vector<float> values(size);
  for (size_t i = 0; i < size; ++i) {
    seed = seed * 1664525 + 1013904223;
    values[i] = static_cast<float>(static_cast<int32_t>(seed) >> 8) / (1 << 22);
  }
  return values;
}

/// Makes each a number of bf16, and returns these.
std::vector<uint16_t> cutToHalves(std::vector<float> &values) {
  std::vector<uint16_t> halves;
  for (float &value : values) {
    uint32_t bits = llvm::bit_cast<uint32_t>(value) & 0xFFFF0000;
    halves.push_back(bits >> 16);
    value = llvm::bit_cast<float>(bits);
  }
  return halves;
}

struct Tensors {
  std::vector<float> queries, keys, values, bias, result;
  /// Queries, keys and values once more, if they are of bf16.
  std::vector<uint16_t> halves[3];
  std::vector<int8_t> mask;
};

Tensors makeTensors(const Case &c) {
  Tensors t;
  t.queries = randomFloats(c.batch * c.heads * c.queries * c.depth, 1);
  t.keys = randomFloats(c.batch * c.keyHeads * c.keys * c.depth, 2);
  t.values = randomFloats(c.batch * c.keyHeads * c.keys * c.width, 3);
  if (c.hasHalves())
    for (auto [halves, floats] : llvm::zip(t.halves, std::array{&t.queries, &t.keys, &t.values}))
      halves = cutToHalves(*floats);
  t.bias = randomFloats(c.heads * c.queries * c.keys, 4);
  for (int64_t i = 0; i < c.batch * c.keys; ++i)
    t.mask.push_back(c.zeroEmptyRows ? i >= c.keys : i % 3 != 1);
  t.result.resize(c.batch * c.heads * c.queries * c.width);
  return t;
}

/// Fills in `result`.
void computeReference(const Case &c, Tensors &t) {
  auto at = [&](int64_t heads, int64_t rows, int64_t size, int64_t b, int64_t h, int64_t r,
                int64_t i) {
    return c.headsInside ? ((b * rows + r) * heads + h) * size + i
                         : ((b * heads + h) * rows + r) * size + i;
  };
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t s = 0; s < c.queries; ++s) {
        int64_t keyHead = h / (c.heads / c.keyHeads);
        std::vector<double> scores(c.keys);
        double largest = -HUGE_VAL, sum = 0;
        for (int64_t k = 0; k < c.keys; ++k) {
          for (int64_t i = 0; i < c.depth; ++i)
            scores[k] +=
                double(t.queries[at(c.heads, c.queries, c.depth, b, h, s, i)]) *
                t.keys[c.keysAreColumns ? ((b * c.keyHeads + keyHead) * c.depth + i) * c.keys + k
                                        : at(c.keyHeads, c.keys, c.depth, b, keyHead, k, i)];
          scores[k] *= 0.3;
          if (c.mask && !t.mask[b * c.keys + k])
            scores[k] = -HUGE_VAL;
          if (c.bias)
            scores[k] += t.bias[(h * c.queries + s) * c.keys + k];
          largest = std::max(largest, scores[k]);
        }
        for (double &score : scores)
          sum += score = largest == -HUGE_VAL ? 0 : std::exp(score - largest);
        for (int64_t i = 0; i < c.width; ++i) {
          double value = 0;
          for (int64_t k = 0; k < c.keys; ++k)
            value += scores[k] * t.values[at(c.keyHeads, c.keys, c.width, b, keyHead, k, i)];
          t.result[at(c.heads, c.queries, c.width, b, h, s, i)] =
              (sum == 0 ? 0 : value / sum) + (c.addsOne ? 1 : 0);
        }
      }
}

void expectRight(const Case &c, const std::string &targetName) {
  std::unique_ptr<MLIRContext> context = createKernelContext();
  context->getOrLoadDialect<TenonDialect>();
  cpu::TargetAttr target = findTarget(targetName, *context);
  OwningOpRef<ModuleOp> source = parseSourceString<ModuleOp>(c.kernel(), context.get());
  ASSERT_TRUE(source) << c.name();
  KernelOp op = *source->getOps<KernelOp>().begin();
  auto attention = *op.getOps<AttentionOp>().begin();
  cpu::TargetAttr scheduled = c.hasHalves() ? findTarget(c.bfloatTarget, *context) : target;
  cpu::AttentionScheduleAttr chosen =
      cpu::chooseAttention(scheduled, cpu::getAttentionSizes(attention));
  op.setScheduleAttr(cpu::AttentionScheduleAttr::get(
      context.get(), chosen.getScores(), chosen.getValues(), chosen.getLanes(),
      chosen.getRowBlock(), c.keyBlock ? c.keyBlock : chosen.getKeyBlock(),
      c.groupBlocks ? c.groupBlocks : chosen.getGroupBlocks(), chosen.getPackKeys(),
      chosen.getPackValues()));
  assignScratch(op, *TargetStrategies::of(target)->lookup(op));
  auto module = generateKernel(op, target);
  ASSERT_TRUE(succeeded(module)) << c.name();
  CompiledKernel kernel = CompiledKernel::compile(**module, "k", target);
  ASSERT_TRUE(kernel);
  Tensors t = makeTensors(c);
  computeReference(c, t);
  // Powers may be off by 2^-9 of themselves, and a result then by that of the largest value.
  const float tolerance = c.hasHalves() ? 4e-3f : 4e-6f;
  std::vector<float> first;
  for (int64_t tasks : {1, 3, 8}) {
    // What a kernel writes beyond its result is noticed.
    std::vector<float> output(t.result.size() + 16, -77.0f);
    std::vector<const void *> arguments = {t.queries.data(), t.keys.data(), t.values.data()};
    if (c.hasHalves())
      arguments = {t.halves[0].data(), t.halves[1].data(), t.halves[2].data()};
    if (c.mask)
      arguments.push_back(t.mask.data());
    if (c.bias)
      arguments.push_back(t.bias.data());
    arguments.push_back(output.data());
    Scratch scratch(op, tasks);
    scratch.addTo(arguments);
    if (c.dynamic)
      for (int64_t size : {c.queries, c.keys})
        arguments.push_back(reinterpret_cast<const void *>(size));
    for (int64_t task = 0; task < tasks; ++task)
      kernel(const_cast<void *const *>(arguments.data()), task, tasks);
    ASSERT_TRUE(areTilesReleased());
    for (size_t i = t.result.size(); i < output.size(); ++i)
      ASSERT_EQ(output[i], -77.0f) << c.name() << " writes past the end";
    output.resize(t.result.size());
    for (size_t i = 0; i < output.size(); ++i)
      ASSERT_NEAR(output[i], t.result[i], tolerance) << targetName << " at " << i << "\n"
                                                     << c.name();
    if (first.empty())
      first = output;
    ASSERT_EQ(first, output) << tasks << " tasks differ from one\n" << c.name();
  }
}

void expectRight(const Case &c) {
  for (const std::string &target : runnableTargets())
    expectRight(c, target);
}

/// With numbers of bf16, for targets that multiply them as pairs and as tiles.
void expectRightHalves(Case c) {
  c.bfloatTarget = "znver4";
  if (llvm::is_contained(runnableTargets(), "x86-64-v4"))
    expectRight(c, "x86-64-v4");
  c.bfloatTarget = "sapphirerapids";
  if (llvm::is_contained(runnableTargets(), "x86-64-v4"))
    expectRight(c, "x86-64-v4");
}

Case withSizes(int64_t batch, int64_t heads, int64_t keyHeads, int64_t queries, int64_t keys,
               int64_t depth, int64_t width) {
  Case c;
  c.batch = batch;
  c.heads = heads;
  c.keyHeads = keyHeads;
  c.queries = queries;
  c.keys = keys;
  c.depth = depth;
  c.width = width;
  return c;
}

TEST(Attention, WholeRows) {
  expectRight(withSizes(2, 3, 3, 26, 64, 32, 32));
  expectRight(withSizes(1, 2, 2, 61, 197, 64, 48));
}

TEST(Attention, SmallSizes) {
  expectRight(withSizes(2, 2, 2, 7, 7, 4, 4));
  expectRight(withSizes(16, 4, 4, 1, 1, 1, 1));
  expectRight(withSizes(1, 1, 1, 3, 5, 20, 33));
}

TEST(Attention, HeadsBehindPositions) {
  Case c = withSizes(2, 3, 3, 50, 37, 16, 24);
  c.headsInside = true;
  expectRight(c);
}

TEST(Attention, KeysAsColumns) {
  for (int64_t queries : {2, 20, 60}) {
    Case c = withSizes(1, 2, 2, queries, 45, 16, 16);
    c.keysAreColumns = true;
    expectRight(c);
  }
}

TEST(Attention, WithoutBatch) {
  Case c = withSizes(1, 5, 5, 9, 40, 16, 16);
  c.flat = true;
  expectRight(c);
  c.keysAreColumns = true;
  expectRight(c);
}

TEST(Attention, SharedHeads) {
  expectRight(withSizes(1, 8, 2, 20, 40, 16, 16));
  // One query: the heads of a group are rows of one product.
  expectRight(withSizes(2, 8, 2, 1, 70, 32, 32));
  expectRight(withSizes(1, 12, 1, 1, 70, 32, 32));
}

TEST(Attention, MaskAndBias) {
  for (int64_t queries : {1, 14, 50}) {
    Case c = withSizes(2, 2, 2, queries, 53, 16, 16);
    c.bias = true;
    expectRight(c);
    c.mask = true;
    expectRight(c);
    c.bias = false;
    c.addsOne = true;
    expectRight(c);
  }
}

TEST(Attention, QueriesWithoutKeys) {
  Case c = withSizes(2, 2, 2, 6, 40, 16, 16);
  c.mask = c.zeroEmptyRows = true;
  expectRight(c);
  c.keyBlock = 16;
  expectRight(c);
}

// Blocks of keys, the last one partial, and groups of row blocks.
TEST(Attention, BlocksOfKeys) {
  for (int64_t keys : {96, 101}) {
    Case c = withSizes(1, 2, 2, 50, keys, 16, 40);
    c.keyBlock = 32;
    c.groupBlocks = 2;
    expectRight(c);
    c.mask = c.bias = true;
    expectRight(c);
  }
  expectRight(withSizes(1, 1, 1, 14, 1300, 64, 64));
}

TEST(Attention, SizesKnownAtRunTime) {
  for (auto [queries, keys] : {std::pair(1, 1), {1, 40}, {40, 600}}) {
    Case c = withSizes(2, 4, 2, queries, keys, 16, 16);
    c.dynamic = true;
    expectRight(c);
  }
  Case c = withSizes(2, 4, 2, 5, 33, 16, 16);
  c.dynamic = c.keysAreColumns = true;
  expectRight(c);
  c.keysAreColumns = false;
  c.headsInside = c.bias = true;
  expectRight(c);
}

TEST(Attention, Halves) {
  for (auto [queries, keys] : {std::pair(61, 197), {7, 45}})
    expectRightHalves(withSizes(2, 3, 3, queries, keys, 32, 48));
  Case c = withSizes(1, 4, 2, 26, 64, 33, 20);
  c.headsInside = c.bias = true;
  expectRightHalves(c);
  c.keysAreColumns = true;
  expectRightHalves(c);
}

TEST(Attention, HalvesInBlocksOfKeys) {
  Case c = withSizes(1, 2, 2, 50, 101, 64, 64);
  c.keyBlock = 32;
  c.groupBlocks = 2;
  c.mask = c.zeroEmptyRows = true;
  expectRightHalves(c);
}

TEST(Attention, HalvesOfSizesKnownAtRunTime) {
  Case c = withSizes(2, 4, 2, 40, 600, 16, 16);
  c.dynamic = true;
  expectRightHalves(c);
  c = withSizes(2, 4, 2, 5, 40, 16, 16);
  c.dynamic = c.keysAreColumns = true;
  expectRightHalves(c);
}

// What multiplies halves as they are does so in both products.
TEST(Attention, HalvesAreMultipliedAsTheyAre) {
  std::unique_ptr<MLIRContext> context = createKernelContext();
  cpu::AttentionSizes sizes;
  sizes.queryCount = sizes.keyCount = 128;
  sizes.depth = sizes.width = sizes.queryRowStride = 64;
  sizes.elementBits = 16;
  sizes.halves = BFloat16Type::get(context.get());
  for (auto [name, instruction] : {std::pair("znver4", cpu::MmaInstruction::BFloatProducts),
                                   {"sapphirerapids", cpu::MmaInstruction::BFloatTiles},
                                   {"x86-64-v4", cpu::MmaInstruction::Fma}}) {
    auto schedule = cpu::chooseAttention(findTarget(name, *context), sizes);
    EXPECT_EQ(schedule.getScores().getMma().getInstruction(), instruction) << name;
    EXPECT_EQ(schedule.getValues().getMma().getInstruction(), instruction) << name;
  }
}

} // namespace
