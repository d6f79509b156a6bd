// Attention with few queries on the simulated GPU: its keys are taken in parts, which a second
// kernel joins. Graphs, so that the cost model has to want it.
#include "test/unit/execute/SimulatedTest.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;

namespace {

constexpr int64_t heads = 4, keyHeads = 2, keys = 700, depth = 32, width = 48;

/// What is added to the scores of keys: whole parts of them do not count, nor do the last ones.
std::vector<float> makeBias() {
  std::vector<float> bias(keys);
  for (int64_t key = 0; key < keys; ++key)
    bias[key] = (key >= 100 && key < 420) || key >= 690 ? -HUGE_VALF : float(key % 7) / 4;
  return bias;
}

class AttentionPartsTest : public SimulatedTest {
protected:
  /// Of numbers of a type; `attributes` are the op's, `order` that of the result.
  static std::string write(StringRef number, StringRef attributes, StringRef result) {
    return formatv(R"(
      module {{
        func.func @main(%q: tensor<1x{0}x1x{3}x{5}>, %k: tensor<1x{1}x{2}x{3}x{5}>,
                        %v: tensor<1x{1}x{2}x{4}x{5}>, %b: tensor<1x1x1x{2}xf32>) -> {7} {{
          %0 = tenon.attention %q, %k, %v bias %b {{scale = 0.05 {6}}
             : (tensor<1x{0}x1x{3}x{5}>, tensor<1x{1}x{2}x{3}x{5}>, tensor<1x{1}x{2}x{4}x{5}>,
                tensor<1x1x1x{2}xf32>) -> {7}
          return %0 : {7}
        }
      })",
                   heads, keyHeads, keys, depth, width, number, attributes, result);
  }

  template <typename ConvertT>
  std::vector<HostTensor> makeInputs(mlir::Type number, ConvertT convert, ArrayRef<float> bias) {
    auto input = [&](int64_t count, int64_t rows, int64_t columns, unsigned seed) {
      auto values = convert(makeNumbers(count * rows * columns, -4, 4, seed));
      return tensor<typename decltype(values)::value_type>({1, count, rows, columns}, number,
                                                           values);
    };
    return list(input(heads, 1, depth, 1), input(keyHeads, keys, depth, 2),
                input(keyHeads, keys, width, 3), floats({1, 1, 1, keys}, bias));
  }

  static std::vector<float> attend(ArrayRef<float> bias) {
    std::vector<int> q = makeNumbers(heads * depth, -4, 4, 1),
                     k = makeNumbers(keyHeads * keys * depth, -4, 4, 2),
                     v = makeNumbers(keyHeads * keys * width, -4, 4, 3);
    std::vector<float> results;
    for (int64_t head = 0; head < heads; ++head) {
      int64_t ofKeys = head * keyHeads / heads * keys;
      std::vector<double> powers;
      double sum = 0;
      for (int64_t key = 0; key < keys; ++key) {
        int product = 0;
        for (int64_t i = 0; i < depth; ++i)
          product += q[head * depth + i] * k[(ofKeys + key) * depth + i];
        powers.push_back(std::exp(product * 0.05 + bias[key]));
        sum += powers.back();
      }
      for (int64_t column = 0; column < width; ++column) {
        double result = 0;
        for (int64_t key = 0; key < keys; ++key)
          result += powers[key] * v[(ofKeys + key) * width + column];
        results.push_back(float(result / sum));
      }
    }
    return results;
  }

  /// On both kinds of GPUs, in two kernels.
  template <typename ConvertT>
  void check(StringRef text, mlir::Type number, ConvertT convert, ArrayRef<float> expected,
             ArrayRef<float> bias, double tolerance) {
    for (StringRef target : {"cuda:sm_80", "cuda:sm_90a"}) {
      call<void()>("tenon_cuda_sim_reset_counters")();
      auto results = run(text, target, makeInputs(number, convert, bias), Stage::Target);
      EXPECT_GT(getCounters("join_attention_only").warp_instructions, 0u);
      std::vector<float> actual = floatsOf(results[0]);
      ASSERT_EQ(actual.size(), expected.size());
      for (size_t i = 0; i < actual.size(); ++i)
        ASSERT_NEAR(actual[i], expected[i], tolerance) << target.str() << " " << i;
    }
  }
};

std::vector<float> toFloats(ArrayRef<int> numbers) { return {numbers.begin(), numbers.end()}; }

constexpr StringLiteral plainResult = "tensor<1x4x1x48xf32>";

TEST_F(AttentionPartsTest, OfFloatsByMultiplyAdds) {
  std::vector<float> bias = makeBias();
  check(write("f32", "", plainResult), mlir::Float32Type::get(&context), toFloats, attend(bias),
        bias, 1e-5);
}

TEST_F(AttentionPartsTest, OfHalvesOnMatrixUnits) {
  std::vector<float> bias = makeBias();
  check(write("f16", "", plainResult), mlir::Float16Type::get(&context), toHalves, attend(bias),
        bias, 1e-5);
  check(write("f16", ", tenon.multiplied_type = f16", plainResult),
        mlir::Float16Type::get(&context), toHalves, attend(bias), bias, 4e-3);
}

TEST_F(AttentionPartsTest, OfRoundedFloats) {
  std::vector<float> bias = makeBias();
  check(write("f32", ", tenon.multiplied_type = tf32", plainResult),
        mlir::Float32Type::get(&context), toFloats, attend(bias), bias, 4e-3);
}

// A result that lies in another order, and rows that have nothing to take part of.
TEST_F(AttentionPartsTest, OrdersAndRowsOfNothing) {
  std::string text = write("f16", ", resultOrder = array<i64: 0, 2, 1, 3>", "tensor<1x1x4x48xf32>");
  std::vector<float> bias = makeBias(), nothing(keys, -HUGE_VALF);
  check(text, mlir::Float16Type::get(&context), toHalves, attend(bias), bias, 1e-5);
  check(write("f16", ", zeroEmptyRows", plainResult), mlir::Float16Type::get(&context), toHalves,
        std::vector<float>(heads * width, 0), nothing, 0);
  auto results =
      run(write("f32", "", plainResult), "cuda:sm_80",
          makeInputs(mlir::Float32Type::get(&context), toFloats, nothing), Stage::Target);
  for (float result : floatsOf(results[0]))
    EXPECT_TRUE(std::isnan(result));
}

// The number of blocks changes no bit, and parts may be more than there are steps of keys.
TEST_F(AttentionPartsTest, AnyNumberOfBlocksGivesTheSame) {
  std::vector<float> first;
  for (int64_t blocks : {1, 3, 32}) {
    std::string text = formatv(R"(
      module {{
        func.func @main(%q: tensor<4x1x32xf16>, %k: tensor<2x700x32xf16>, %v: tensor<2x700x48xf16>)
            -> tensor<16x4x1x50xf32> {{
          %0 = tenon.launch @parts(%q, %k, %v)
             : (tensor<4x1x32xf16>, tensor<2x700x32xf16>, tensor<2x700x48xf16>) -> tensor<16x4x1x50xf32>
          return %0 : tensor<16x4x1x50xf32>
        }
        tenon.kernel @parts(%q: tensor<4x1x32xf16>, %k: tensor<2x700x32xf16>, %v: tensor<2x700x48xf16>)
            -> tensor<16x4x1x50xf32> attributes {{strategy = "attention",
            schedule = #cuda.attention_tile_schedule<tile_rows = 16, slices = 4, mma = <mma>>,
            tasks = affine_map<() -> ({0})>} {{
          %0 = tenon.attention %q, %k, %v {{scale = 0.05, keyParts = 16}
             : (tensor<4x1x32xf16>, tensor<2x700x32xf16>, tensor<2x700x48xf16>) -> tensor<16x4x1x50xf32>
          tenon.yield %0 : tensor<16x4x1x50xf32>
        }
      })",
                               blocks);
    mlir::Type f16 = mlir::Float16Type::get(&context);
    auto input = [&](int64_t count, int64_t rows, int64_t columns, unsigned seed) {
      std::vector<uint16_t> values = toHalves(makeNumbers(count * rows * columns, -4, 4, seed));
      return tensor<uint16_t>({count, rows, columns}, f16, values);
    };
    auto results = run(text, "cuda:sm_90a",
                       list(input(heads, 1, depth, 1), input(keyHeads, keys, depth, 2),
                            input(keyHeads, keys, width, 3)));
    std::vector<float> all = floatsOf(results[0]);
    if (first.empty())
      first = all;
    EXPECT_EQ(all, first) << blocks;
    // 700 keys are 11 steps of 64, one for each of the first parts.
    for (int64_t part = 0; part < 16; ++part) {
      const float *state = &all[part * heads * (width + 2) + width];
      EXPECT_EQ(std::isinf(state[0]), part >= 11) << part;
      EXPECT_EQ(state[1] == 0, part >= 11) << part;
    }
  }
}

} // namespace
