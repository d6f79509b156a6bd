// Integer and float instructions against plain C++.

#include "SimulatorTest.h"
#include <cfenv>
#include <cmath>

namespace tenon::sim {

using Words = std::vector<uint32_t>;
using Longs = std::vector<uint64_t>;

static const Words someA{0, 1, 0xffffffff, 0x80000000, 12345, 0x7fffffff, 77, 0xfedcba98};
static const Words someB{5, 0xffffffff, 2, 0x80000000, 678, 1, 0xffffff00, 13};

static int32_t s(uint32_t value) { return static_cast<int32_t>(value); }

TEST_F(SimulatorTest, ComputesWithIntegersOf32Bits) {
  auto check = [&](const char *text, auto expected) {
    Words results = compute<uint32_t, uint32_t>(text, {someA, someB});
    for (size_t i = 0; i < someA.size(); ++i)
      EXPECT_EQ(results[i], static_cast<uint32_t>(expected(someA[i], someB[i])))
          << text << " of " << someA[i] << " and " << someB[i];
  };
  check("add.u32 %r9, %r1, %r2;", [](auto a, auto b) { return a + b; });
  check("sub.s32 %r9, %r1, %r2;", [](auto a, auto b) { return a - b; });
  check("mul.lo.u32 %r9, %r1, %r2;", [](auto a, auto b) { return a * b; });
  check("mul.hi.s32 %r9, %r1, %r2;",
        [](auto a, auto b) { return uint64_t(int64_t(s(a)) * s(b)) >> 32; });
  check("mul.hi.u32 %r9, %r1, %r2;", [](auto a, auto b) { return uint64_t(a) * b >> 32; });
  check("mad.lo.s32 %r9, %r1, %r2, %r1;", [](auto a, auto b) { return a * b + a; });
  check("add.sat.s32 %r9, %r1, %r2;", [](auto a, auto b) {
    return std::min<int64_t>(std::max<int64_t>(int64_t(s(a)) + s(b), INT32_MIN), INT32_MAX);
  });
  check("div.u32 %r9, %r1, %r2;", [](auto a, auto b) { return a / b; });
  check("div.s32 %r9, %r1, %r2;", [](auto a, auto b) { return int64_t(s(a)) / s(b); });
  check("rem.s32 %r9, %r1, %r2;", [](auto a, auto b) { return int64_t(s(a)) % s(b); });
  check("min.s32 %r9, %r1, %r2;", [](auto a, auto b) { return std::min(s(a), s(b)); });
  check("max.u32 %r9, %r1, %r2;", [](auto a, auto b) { return std::max(a, b); });
  check("and.b32 %r9, %r1, %r2;", [](auto a, auto b) { return a & b; });
  check("xor.b32 %r9, %r1, %r2;", [](auto a, auto b) { return a ^ b; });
  check("not.b32 %r9, %r1;", [](auto a, auto) { return ~a; });
  check("shl.b32 %r9, %r1, %r2;", [](auto a, auto b) { return b > 31 ? 0 : a << b; });
  check("shr.s32 %r9, %r1, %r2;", [](auto a, auto b) { return s(a) >> std::min(b, 31u); });
  check("shr.u32 %r9, %r1, %r2;", [](auto a, auto b) { return b > 31 ? 0 : a >> b; });
  check("shf.l.wrap.b32 %r9, %r1, %r2, 8;", [](auto a, auto b) { return b << 8 | a >> 24; });
  check("shf.r.clamp.b32 %r9, %r1, %r2, 40;", [](auto, auto b) { return b; });
  check("abs.s32 %r9, %r1;", [](auto a, auto) { return a >> 31 ? -a : a; });
  check("popc.b32 %r9, %r1;", [](auto a, auto) { return std::popcount(a); });
  check("clz.b32 %r9, %r1;", [](auto a, auto) { return std::countl_zero(a); });
  check("bfe.u32 %r9, %r1, 4, 8;", [](auto a, auto) { return a >> 4 & 255; });
  check("bfe.s32 %r9, %r1, 28, 8;", [](auto a, auto) { return s(a) >> 28; });
  check("bfi.b32 %r9, %r1, %r2, 8, 12;",
        [](auto a, auto b) { return (b & ~0xfff00u) | (a & 0xfff) << 8; });
  check("bfind.u32 %r9, %r1;", [](auto a, auto) { return a ? 31 - std::countl_zero(a) : ~0; });
  check("prmt.b32 %r9, %r1, %r2, 0x7021;", [](auto a, auto b) {
    return (a >> 8 & 255) | (a >> 16 & 255) << 8 | (a & 255) << 16 | (b & 0xff000000);
  });
  check("prmt.b32 %r9, %r1, %r2, 0x8888;", [](auto a, auto) { return a & 128 ? ~0 : 0; });
  check("lop3.b32 %r9, %r1, %r2, 0xf0f0f0f0, 0xe8;", [](auto a, auto b) {
    return (a & b) | (a & 0xf0f0f0f0) | (b & 0xf0f0f0f0); // the majority
  });
  check("mul24.lo.s32 %r9, %r1, %r2;",
        [](auto a, auto b) { return int64_t(s(a << 8) >> 8) * (s(b << 8) >> 8); });
  check("sad.s32 %r9, %r1, %r2, 7;",
        [](auto a, auto b) { return std::abs(int64_t(s(a)) - s(b)) + 7; });
  check("dp4a.s32.u32 %r9, %r1, %r2, 9;", [](auto a, auto b) {
    int32_t sum = 9;
    for (int i = 0; i < 32; i += 8)
      sum += int8_t(a >> i) * uint8_t(b >> i);
    return sum;
  });
  check("setp.lt.s32 %p1, %r1, %r2;\nselp.b32 %r9, 1, 2, %p1;",
        [](auto a, auto b) { return s(a) < s(b) ? 1 : 2; });
  check(
      "setp.eq.u32 %p0, 1, 2;\nsetp.hs.and.u32 %p1|%p2, %r1, %r2, %p0;\nselp.b32 %r9, 1, 2, %p1;\n"
      "@%p2 add.u32 %r9, %r9, 10;",
      [](auto, auto) { return 2; });
}

TEST_F(SimulatorTest, ComputesWithIntegersOf64Bits) {
  Longs a{0, 1, ~0ull, 1ull << 63, 123456789012345}, b{7, ~0ull, 3, 2, 0xfedcba9876543210};
  auto check = [&](const char *text, auto expected) {
    Longs results = compute<uint64_t, uint64_t>(text, {a, b});
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_EQ(results[i], static_cast<uint64_t>(expected(a[i], b[i]))) << text << " at " << i;
  };
  check("add.s64 %d19, %d10, %d11;", [](auto x, auto y) { return x + y; });
  check("mul.hi.u64 %d19, %d10, %d11;",
        [](auto x, auto y) { return static_cast<unsigned __int128>(x) * y >> 64; });
  check("rem.u64 %d19, %d10, %d11;", [](auto x, auto y) { return x % y; });
  check("mov.b64 {%r3, %r4}, %d10;\nmov.b64 {%r5, %r6}, %d11;\nadd.cc.u32 %r3, %r3, %r5;\n"
        "addc.u32 %r4, %r4, %r6;\nmov.b64 %d19, {%r3, %r4};",
        [](auto x, auto y) { return x + y; });
  check("mov.b64 {%r3, %r4}, %d10;\nmov.b64 {%r5, %r6}, %d11;\nsub.cc.u32 %r3, %r3, %r5;\n"
        "subc.u32 %r4, %r4, %r6;\nmov.b64 %d19, {%r3, %r4};",
        [](auto x, auto y) { return x - y; });
  check("shr.s64 %d19, %d10, 3;", [](auto x, auto) { return int64_t(x) >> 3; });
  check("cvt.u32.u64 %r5, %d10;\nmad.wide.u32 %d19, %r5, %r5, %d11;",
        [](auto x, auto y) { return uint64_t(uint32_t(x)) * uint32_t(x) + y; });
  check("mov.b64 {%r5, %r6}, %d10;\nmov.b64 %d19, {%r6, %r5};",
        [](auto x, auto) { return x << 32 | x >> 32; });
}

static float f(uint32_t bits) { return std::bit_cast<float>(bits); }
static uint32_t u(float value) { return std::bit_cast<uint32_t>(value); }

static const Words floatsA{u(0),      u(-0.0f), u(1.5f), u(-2.25f),   u(INFINITY), u(NAN),
                           u(1e-40f), u(3e38f), u(0.1f), u(16777216), u(-7.5f),    u(2.5f)};
static const Words floatsB{u(1),    u(3),     u(0.3f), u(1e-3f), u(2),    u(1),
                           u(0.5f), u(3e38f), u(0.7f), u(1.0f),  u(0.5f), u(NAN)};

/// Equal bits, or both NaN, which must be the canonical one.
static void expectFloat(uint32_t actual, float expected, const char *text, size_t i) {
  if (std::isnan(expected))
    EXPECT_EQ(actual, 0x7fffffffu) << text << " at " << i;
  else
    EXPECT_EQ(actual, u(expected))
        << text << " at " << i << ": " << f(actual) << " for " << expected;
}

TEST_F(SimulatorTest, ComputesWithFloats) {
  auto check = [&](const char *text, auto expected) {
    Words results = compute<uint32_t, uint32_t>(text, {floatsA, floatsB});
    for (size_t i = 0; i < floatsA.size(); ++i)
      expectFloat(results[i], expected(f(floatsA[i]), f(floatsB[i])), text, i);
  };
  auto in = [](int mode, auto compute) {
    return [mode, compute](float a, float b) {
      volatile float x = a, y = b;
      std::fesetround(mode);
      volatile float result = compute(x, y);
      std::fesetround(FE_TONEAREST);
      return float(result);
    };
  };
  auto flushed = [](float a) {
    return std::fpclassify(a) == FP_SUBNORMAL ? std::copysign(0.f, a) : a;
  };
  check("add.rn.f32 %r9, %r1, %r2;", [](float a, float b) { return a + b; });
  check("add.ftz.f32 %r9, %r1, %r2;",
        [&](float a, float b) { return flushed(flushed(a) + flushed(b)); });
  check("mul.ftz.f32 %r9, %r1, %r2;",
        [&](float a, float b) { return flushed(flushed(a) * flushed(b)); });
  check("sub.sat.f32 %r9, %r1, %r2;",
        [](float a, float b) { return a - b > 0 ? std::min(a - b, 1.0f) : 0.0f; });
  check("fma.rn.f32 %r9, %r1, %r2, %r1;", [](float a, float b) { return std::fma(a, b, a); });
  check("div.rn.f32 %r9, %r1, %r2;", [](float a, float b) { return a / b; });
  check("add.rz.f32 %r9, %r1, %r2;",
        in(FE_TOWARDZERO, [](volatile float &a, volatile float &b) { return a + b; }));
  check("mul.rp.f32 %r9, %r1, %r2;",
        in(FE_UPWARD, [](volatile float &a, volatile float &b) { return a * b; }));
  check("div.rm.f32 %r9, %r1, %r2;",
        in(FE_DOWNWARD, [](volatile float &a, volatile float &b) { return a / b; }));
  check("min.f32 %r9, %r1, %r2;", [](float a, float b) {
    return std::isnan(a) ? b : std::isnan(b) ? a : a < b ? a : b;
  });
  check("max.NaN.f32 %r9, %r1, %r2;", [](float a, float b) {
    return std::isnan(a) || std::isnan(b) ? NAN : a > b ? a : b;
  });
  check("neg.f32 %r9, %r1;\nadd.f32 %r9, %r9, 0f00000000;", [](float a, float) { return -a + 0; });
  check("sqrt.rn.f32 %r9, %r2;", [](float, float b) { return std::sqrt(b); });
  check("rcp.rn.f32 %r9, %r2;", [](float, float b) { return 1 / b; });
  check("copysign.f32 %r9, %r2, %r1;\nadd.f32 %r9, %r9, 0f00000000;",
        [](float a, float b) { return std::copysign(a, b) + 0; });
  check("setp.gtu.f32 %p1, %r1, %r2;\nselp.f32 %r9, 0f3F800000, 0f00000000, %p1;",
        [](float a, float b) { return std::isnan(a) || std::isnan(b) || a > b ? 1.f : 0.f; });
  check("setp.ne.f32 %p1, %r1, %r2;\nselp.f32 %r9, 0f3F800000, 0f00000000, %p1;",
        [](float a, float b) { return !std::isnan(a) && !std::isnan(b) && a != b ? 1.f : 0.f; });
}

// The error that PTX documents for .approx is relative for some, absolute for others.
TEST_F(SimulatorTest, ApproximatesWithinTheDocumentedError) {
  Words inputs;
  for (int i = -14; i < 15; ++i)
    inputs.push_back(u(i * 0.37f + 0.01f));
  struct Case {
    const char *text;
    double (*function)(double);
    double relative, absolute;
  };
  for (const Case &test : {
           Case{"ex2.approx.ftz.f32 %r9, %r1;", [](double x) { return std::exp2(x); }, 0x1p-22, 0},
           Case{"lg2.approx.f32 %r9, %r1;", [](double x) { return std::log2(x); }, 0x1p-22,
                0x1p-21},
           Case{"sin.approx.f32 %r9, %r1;", [](double x) { return std::sin(x); }, 0, 0x1p-20},
           Case{"cos.approx.f32 %r9, %r1;", [](double x) { return std::cos(x); }, 0, 0x1p-20},
           Case{"tanh.approx.f32 %r9, %r1;", [](double x) { return std::tanh(x); }, 0x1p-11, 0},
           Case{"rcp.approx.ftz.f32 %r9, %r1;", [](double x) { return 1 / x; }, 0x1p-23, 0},
           Case{"rsqrt.approx.f32 %r9, %r1;", [](double x) { return 1 / std::sqrt(x); }, 0x1p-22,
                0},
       }) {
    Words results = compute<uint32_t, uint32_t>(test.text, {inputs});
    for (size_t i = 0; i < inputs.size(); ++i) {
      double expected = test.function(f(inputs[i]));
      if (std::isnan(expected))
        EXPECT_EQ(results[i], 0x7fffffffu) << test.text;
      else
        EXPECT_NEAR(f(results[i]), expected,
                    std::max(test.absolute, test.relative * std::fabs(expected)))
            << test.text << " of " << f(inputs[i]);
    }
  }
}

TEST_F(SimulatorTest, ConvertsBetweenTypes) {
  auto check = [&](const char *text, auto expected) {
    Words results = compute<uint32_t, uint32_t>(text, {floatsA});
    for (size_t i = 0; i < floatsA.size(); ++i)
      EXPECT_EQ(results[i], static_cast<uint32_t>(expected(f(floatsA[i])))) << text << " at " << i;
  };
  check("cvt.rzi.s32.f32 %r9, %r1;", [](float a) {
    return std::isnan(a) ? 0 : a >= 0x1p31f ? INT32_MAX : int32_t(a);
  });
  check("cvt.rni.s32.f32 %r9, %r1;", [](float a) {
    return std::isnan(a) ? 0 : a >= 0x1p31f ? INT32_MAX : int32_t(std::nearbyint(a));
  });
  check("cvt.rmi.u32.f32 %r9, %r1;", [](float a) {
    return std::isnan(a) || a < 0 ? 0 : a >= 0x1p32f ? UINT32_MAX : uint32_t(std::floor(a));
  });
  check("cvt.rzi.s8.f32 %r9, %r1;", [](float a) {
    return std::isnan(a) ? 0 : int32_t(std::min(127.f, std::max(-128.f, std::trunc(a))));
  });
  check("cvt.rn.f16.f32 %h9, %r1;\ncvt.f32.f16 %r9, %h9;", [](float a) {
    return std::isnan(a) ? 0x7fffffff : u(static_cast<float>(static_cast<_Float16>(a)));
  });
  check("cvt.rn.bf16x2.f32 %r9, %r1, %r1;\nshl.b32 %r9, %r9, 16;", [](float a) {
    if (std::isnan(a))
      return 0x7fff0000u;
    uint32_t bits = u(a);
    return (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  });
  check("cvt.rna.tf32.f32 %r9, %r1;", [](float a) {
    return std::isnan(a) ? 0x7fffe000 : std::isinf(a) ? u(a) : (u(a) + 0x1000) & 0xffffe000;
  });
}

TEST_F(SimulatorTest, ConvertsToFloatsOf8Bits) {
  start("sm_90a");
  // e4m3: 1.0 = 0x38, 448 = 0x7e; e5m2: 1.0 = 0x3c, 57344 = 0x7b.
  Words inputs{u(1), u(-1), u(448), u(1000), u(NAN), u(0x1p-9f), u(0x1p-10f), u(17), u(19)};
  Words e4m3{0x38, 0xb8, 0x7e, 0x7e, 0x7f, 1, 0, 0x58, 0x5a},
      e5m2{0x3c, 0xbc, 0x5f, 0x64, 0x7f, 0x18, 0x14, 0x4c, 0x4d};
  Words a = compute<uint32_t, uint32_t>("cvt.rn.satfinite.e4m3x2.f32 %h9, %r1, "
                                        "0f00000000;\ncvt.u32.u16 %r9, %h9;\nshr.u32 %r9, %r9, 8;",
                                        {inputs});
  Words b = compute<uint32_t, uint32_t>(
      "cvt.rn.satfinite.e5m2x2.f32 %h9, 0f00000000, %r1;\ncvt.u32.u16 %r9, %h9;", {inputs});
  EXPECT_EQ(a, e4m3);
  EXPECT_EQ(b, e5m2);
}

TEST_F(SimulatorTest, ExtendsNarrowIntegers) {
  Words inputs{0, 127, 128, 255, 0x8000, 0xffff, 0x12345678};
  auto check = [&](const char *text, auto expected) {
    Words results = compute<uint32_t, uint32_t>(text, {inputs});
    for (size_t i = 0; i < inputs.size(); ++i)
      EXPECT_EQ(results[i], static_cast<uint32_t>(expected(inputs[i]))) << text;
  };
  check("cvt.s32.s8 %r9, %r1;", [](uint32_t a) { return int8_t(a); });
  check("cvt.u32.u16 %r9, %r1;", [](uint32_t a) { return uint16_t(a); });
  check("cvt.u16.u32 %h9, %r1;\ncvt.s32.s16 %r9, %h9;", [](uint32_t a) { return int16_t(a); });
  check("cvt.sat.u8.s32 %r9, %r1;", [](uint32_t a) { return std::min(a, 255u); });
  check("cvt.rn.f32.u32 %r9, %r1;", [](uint32_t a) { return u(float(a)); });
  check("cvt.pack.sat.s8.s32.b32 %r9, %r1, 5, 0x1122;",
        [](uint32_t a) { return 0x11220000u | uint8_t(std::min(a, 127u)) << 8 | 5; });
}

TEST_F(SimulatorTest, ComputesWithPairsOfHalves) {
  auto pair = [](float low, float high) {
    auto l = std::bit_cast<uint16_t>(static_cast<_Float16>(low)),
         h = std::bit_cast<uint16_t>(static_cast<_Float16>(high));
    return uint32_t(h) << 16 | l;
  };
  Words a{pair(1.5f, -2), pair(0.1f, 60000), pair(1e-7f, 3)},
      b{pair(2, 4), pair(0.7f, 60000), pair(0.5f, -3)};
  Words sums = compute<uint32_t, uint32_t>("add.rn.f16x2 %r9, %r1, %r2;", {a, b});
  Words products = compute<uint32_t, uint32_t>("fma.rn.f16x2 %r9, %r1, %r2, %r2;", {a, b});
  for (size_t i = 0; i < a.size(); ++i)
    for (unsigned shift : {0, 16}) {
      auto x = std::bit_cast<_Float16>(uint16_t(a[i] >> shift)),
           y = std::bit_cast<_Float16>(uint16_t(b[i] >> shift));
      EXPECT_EQ(uint16_t(sums[i] >> shift),
                std::bit_cast<uint16_t>(static_cast<_Float16>(float(x) + float(y))));
      EXPECT_EQ(uint16_t(products[i] >> shift), std::bit_cast<uint16_t>(static_cast<_Float16>(
                                                    std::fma(double(x), double(y), double(y)))));
    }
}

} // namespace tenon::sim
