// Conversions of floats of 8 bits (cvt with .e4m3x2 and .e5m2x2) against what their codes mean, for
// all codes and for all places where rounding changes.

#include "SimulatorTest.h"
#include <cmath>

namespace tenon::sim {

using Words = std::vector<uint32_t>;

namespace {

/// The OCP's specification of floats of 8 bits: bias 7 and one NaN for each sign, or bias 15,
/// infinities and three.
struct Kind {
  const char *name;
  int mantissaBits, bias;
  /// The largest finite number.
  uint32_t largest;

  float valueOf(uint32_t code) const {
    uint32_t magnitude = code & 127;
    float sign = code & 128 ? -1.0f : 1.0f;
    if (magnitude > largest)
      return mantissaBits == 2 && magnitude == largest + 1 ? sign * INFINITY : NAN;
    int exponent = int(magnitude >> mantissaBits),
        mantissa = int(magnitude) & ((1 << mantissaBits) - 1);
    float unit = std::ldexp(1.0f, std::max(exponent, 1) - bias - mantissaBits);
    return sign * unit * float(mantissa + (exponent ? 1 << mantissaBits : 0));
  }

  /// The code next to a number, of two the one that is even, by looking at all of them.
  uint32_t roundOf(float value) const {
    if (value != value)
      return 127;
    uint32_t best = 0;
    constexpr double beyondAll = 1e6; // from there on doubles do not tell distances
    double magnitude = std::min(std::fabs(double(value)), beyondAll);
    for (uint32_t code = 1; code <= largest; ++code) {
      double own = std::fabs(magnitude - valueOf(code)),
             least = std::fabs(magnitude - valueOf(best));
      if (own < least || (own == least && code % 2 == 0))
        best = code;
    }
    return best | (std::signbit(value) ? 128 : 0);
  }
};

constexpr Kind kinds[] = {{"e4m3", 3, 7, 0x7e}, {"e5m2", 2, 15, 0x7b}};

class Float8Test : public SimulatorTest {
protected:
  void SetUp() override {
    start("sm_89");
    version = "8.1";
  }

  /// What statements make of each word in %r1, in %r9: a warp at a time.
  Words computeAll(const std::string &statements, const Words &inputs) {
    Words results;
    for (size_t first = 0; first < inputs.size(); first += 32) {
      Words warp(32, 0);
      std::copy_n(inputs.begin() + first, std::min<size_t>(32, inputs.size() - first),
                  warp.begin());
      Words some = compute<uint32_t, uint32_t>(statements, {warp});
      results.insert(results.end(), some.begin(), some.end());
    }
    results.resize(inputs.size());
    return results;
  }
};

} // namespace

static uint32_t bitsOf(float value) { return std::bit_cast<uint32_t>(value); }

TEST_F(Float8Test, WidensAllCodes) {
  for (const Kind &kind : kinds) {
    Words codes;
    for (uint32_t code = 0; code < 256; ++code)
      codes.push_back(code | (255 - code) << 8);
    std::string convert =
        "cvt.u16.u32 %h1, %r1;\ncvt.rn.f16x2." + std::string(kind.name) + "x2 %r9, %h1;";
    Words pairs = computeAll(convert, codes);
    for (uint32_t code = 0; code < 256; ++code)
      for (auto [half, own] :
           {std::pair(pairs[code] & 0xffff, code), {pairs[code] >> 16, 255 - code}}) {
        float expected = kind.valueOf(own);
        auto value = static_cast<float>(std::bit_cast<_Float16>(static_cast<uint16_t>(half)));
        if (expected != expected)
          EXPECT_TRUE(value != value) << kind.name << " " << own;
        else
          EXPECT_EQ(bitsOf(value), bitsOf(expected)) << kind.name << " " << own;
      }
  }
}

TEST_F(Float8Test, RoundsToTheNearest) {
  for (const Kind &kind : kinds) {
    std::vector<float> values = {0, NAN, INFINITY, 1e-30f, 1e30f, 0x1p-24f};
    for (uint32_t code = 0; code <= kind.largest; ++code) {
      float value = kind.valueOf(code);
      // As far beyond the largest number as the middle to the next one would be.
      float next =
          code < kind.largest ? kind.valueOf(code + 1) : 2 * value - kind.valueOf(code - 1);
      float middle = (value + next) / 2;
      values.insert(values.end(), {value, middle, std::nextafter(middle, 0.0f),
                                   std::nextafter(middle, INFINITY)});
    }
    Words inputs;
    for (float value : values)
      inputs.push_back(bitsOf(value));
    std::string convert = "mov.b32 %f1, %r1;\nneg.f32 %f2, %f1;\ncvt.rn.satfinite." +
                          std::string(kind.name) + "x2.f32 %h9, %f2, %f1;\ncvt.u32.u16 %r9, %h9;";
    Words pairs = computeAll(convert, inputs);
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(pairs[i] & 255, kind.roundOf(values[i])) << kind.name << " " << values[i];
      if (values[i] == values[i])
        EXPECT_EQ(pairs[i] >> 8, kind.roundOf(-values[i])) << kind.name << " " << -values[i];
    }
  }
}

TEST_F(Float8Test, RefusesWhatThereIsNot) {
  struct {
    const char *target, *version, *statement, *message;
  } wrong[] = {
      {"sm_89", "8.0", "cvt.rn.satfinite.e4m3x2.f32 %h1, %f1, %f2;", "needs PTX 8.1"},
      {"sm_86", "8.4", "cvt.rn.f16x2.e4m3x2 %r1, %h1;", "needs the target sm_89"},
      {"sm_89", "8.4", "cvt.rn.e5m2x2.f32 %h1, %f1, %f2;", "is .rn.satfinite"},
      {"sm_89", "8.4", "cvt.rn.bf16x2.e5m2x2 %r1, %h1;", "no conversion from .e5m2x2 to .bf16x2"},
      {"sm_89", "8.3",
       "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2, %r3, "
       "%r4}, {%r5, %r6}, {%f1, %f2, %f3, %f4};",
       "needs PTX 8.4"},
      {"sm_86", "8.4",
       "mma.sync.aligned.m16n8k32.row.col.f32.e5m2.e4m3.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2, %r3, "
       "%r4}, {%r5, %r6}, {%f1, %f2, %f3, %f4};",
       "needs the target sm_89"},
      {"sm_89", "8.4",
       "mma.sync.aligned.m16n8k16.row.col.f32.e4m3.e4m3.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2}, "
       "{%r5}, {%f1, %f2, %f3, %f4};",
       "needs PTX 8.7"}};
  for (const auto &each : wrong) {
    start(each.target);
    version = each.version;
    void *module = nullptr;
    EXPECT_EQ(loadText(kernel(each.statement), &module), InvalidPtx) << each.statement;
    EXPECT_HAS(log, each.message);
  }
}

} // namespace tenon::sim
