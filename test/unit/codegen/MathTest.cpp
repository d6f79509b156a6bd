// Measures the expanded math functions against libm in f64, over samples of all 2^32 floats at a
// fixed stride and over special values, as scalars and as vectors of several widths.
//   TENON_MATH_STRIDE=1 makes it exhaustive; TENON_MATH_TABLE=1 prints the errors found.
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/Codegen/Cpu/TargetMath.h"
#include "test/unit/codegen/KernelJit.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

using namespace mlir;
using namespace tenon;

namespace {

constexpr int64_t kBlock = 1 << 15;
const float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kSpecials[] = {0.0f,
                           -0.0f,
                           kInf,
                           -kInf,
                           kNan,
                           1.0f,
                           -1.0f,
                           0x1p-149f,
                           -0x1p-149f,
                           0x1p-126f,
                           -0x1p-126f,
                           0x1.fffffep127f,
                           -0x1.fffffep127f,
                           0.5f,
                           -0.5f,
                           2.0f,
                           -2.0f,
                           3.0f,
                           -3.0f,
                           88.7228f,
                           88.7229f,
                           88.8f,
                           -87.34f,
                           -103.9f,
                           -104.1f,
                           127.99f,
                           128.0f,
                           -149.0f,
                           -150.1f,
                           0x1.fffffep-1f,
                           0x1.000002p0f,
                           1e5f,
                           -1e5f,
                           1e10f,
                           89.4f,
                           89.42f,
                           -89.4f,
                           1e30f,
                           -1e30f,
                           9.01f,
                           -9.01f};

using Builder = Value (*)(OpBuilder &, Location, ValueRange);
using Reference = double (*)(double, double);

/// One function: how kernels ask for it, what it should give, and how wrong it may be.
struct Function {
  const char *name;
  Builder build;
  Reference reference;
  double maxUlp;
  bool binary = false;
  bool atMostOne = false;
};

template <typename OpTy> Value buildOp(OpBuilder &b, Location loc, ValueRange x) {
  if constexpr (OpTy::template hasTrait<OpTrait::OneOperand>())
    return OpTy::create(b, loc, x[0]);
  else
    return OpTy::create(b, loc, x[0], x[1]);
}

template <double (*f)(double)> double unary(double x, double) { return f(x); }

const Function kFunctions[] = {
    {"exp", buildOp<math::ExpOp>, unary<std::exp>, 2},
    {"exp2", buildOp<math::Exp2Op>, unary<std::exp2>, 2},
    {"expm1", buildOp<math::ExpM1Op>, unary<std::expm1>, 2},
    {"sinh", buildOp<math::SinhOp>, unary<std::sinh>, 3},
    {"cosh", buildOp<math::CoshOp>, unary<std::cosh>, 3},
    {"tanh", buildOp<math::TanhOp>, unary<std::tanh>, 6, false, true},
    {"erf", buildOp<math::ErfOp>, unary<std::erf>, 6, false, true},
    {"log", buildOp<math::LogOp>, unary<std::log>, 2},
    {"log2", buildOp<math::Log2Op>, unary<std::log2>, 2},
    {"log10", buildOp<math::Log10Op>, unary<std::log10>, 2},
    {"log1p", buildOp<math::Log1pOp>, unary<std::log1p>, 2},
    {"asinh", buildOp<math::AsinhOp>, unary<std::asinh>, 4},
    {"acosh", buildOp<math::AcoshOp>, unary<std::acosh>, 4},
    {"atanh", buildOp<math::AtanhOp>, unary<std::atanh>, 4},
    {"cbrt", buildOp<math::CbrtOp>, unary<std::cbrt>, 2},
    {"sin", buildOp<math::SinOp>, unary<std::sin>, 2},
    {"cos", buildOp<math::CosOp>, unary<std::cos>, 2},
    {"tan", buildOp<math::TanOp>, unary<std::tan>, 4},
    {"asin", buildOp<math::AsinOp>, unary<std::asin>, 3},
    {"acos", buildOp<math::AcosOp>, unary<std::acos>, 3},
    {"atan", buildOp<math::AtanOp>, unary<std::atan>, 3},
    {"rsqrt", buildOp<math::RsqrtOp>, [](double x, double) { return 1 / std::sqrt(x); }, 2},
    {"erfc", buildOp<math::ErfcOp>, unary<std::erfc>, 3},
    {"pow", buildOp<math::PowFOp>, [](double x, double y) { return std::pow(x, y); }, 2, true},
    {"atan2", buildOp<math::Atan2Op>, [](double y, double x) { return std::atan2(y, x); }, 4, true},
    {"maximumf", buildOp<arith::MaximumFOp>,
     [](double x, double y) {
       return std::isnan(x + y) && (std::isnan(x) || std::isnan(y)) ? NAN : std::fmax(x, y);
     },
     0, true},
    {"minimumf", buildOp<arith::MinimumFOp>,
     [](double x, double y) { return std::isnan(x) || std::isnan(y) ? NAN : std::fmin(x, y); }, 0,
     true},
    // The building block of the sigmoid and its relatives.
    {"sigmoid",
     [](OpBuilder &b, Location loc, ValueRange x) -> Value {
       ImplicitLocOpBuilder builder(loc, b);
       // Below that the sigmoid is subnormal, and exp(-x) overflows.
       Num limited = select(-87 > Num(builder, x[0]), -87, Num(builder, x[0]));
       Num e = {builder, math::ExpOp::create(b, loc, (-limited).get())};
       return (1 / (1 + e)).get();
     },
     [](double x, double) { return 1 / (1 + std::exp(-(x < -87 ? -87 : x))); }, 4},
};

/// for i in [0, kBlock) step width: out[i] = f(in0[i], in1[i])
OwningOpRef<ModuleOp> buildKernel(MLIRContext &context, const Function &function, Type element,
                                  int64_t width) {
  Location loc = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  Type pointer = LLVM::LLVMPointerType::get(&context);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&context),
                                          {pointer, b.getI64Type(), b.getI64Type()});
  auto kernel = LLVM::LLVMFuncOp::create(b, loc, "kernel", type);
  Block *entry = kernel.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  auto index = [&](int64_t v) -> Value {
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(v));
  };
  Type value = width == 1 ? element : VectorType::get(width, element);
  SmallVector<Value> buffers;
  for (int32_t i = 0; i < 3; ++i) {
    Value slot = LLVM::GEPOp::create(b, loc, pointer, pointer, entry->getArgument(0),
                                     ArrayRef<LLVM::GEPArg>{i});
    buffers.push_back(LLVM::LoadOp::create(b, loc, pointer, slot));
  }
  auto loop = scf::ForOp::create(b, loc, index(0), index(kBlock), index(width));
  auto at = [&](Value base) -> Value {
    return LLVM::GEPOp::create(b, loc, pointer, element, base,
                               ArrayRef<LLVM::GEPArg>{loop.getInductionVar()});
  };
  b.setInsertionPointToStart(loop.getBody());
  unsigned alignment = element.getIntOrFloatBitWidth() / 8;
  Value x = LLVM::LoadOp::create(b, loc, value, at(buffers[0]), alignment);
  Value y = LLVM::LoadOp::create(b, loc, value, at(buffers[1]), alignment);
  Value result = function.build(b, loc, {x, y});
  LLVM::StoreOp::create(b, loc, result, at(buffers[2]), alignment);
  b.setInsertionPointAfter(loop);
  LLVM::ReturnOp::create(b, loc, ValueRange());
  return module;
}

/// |got - want| in units of f32's last place at `want`; 0 for equal specials, infinity otherwise.
double ulpError(float got, double want) {
  float rounded = static_cast<float>(want);
  if (std::isnan(rounded) || std::isnan(got))
    return std::isnan(rounded) == std::isnan(got) ? 0 : kInf;
  if (got == rounded)
    return 0;
  if (std::isinf(got)) // as far from the largest float as the next one would be
    want = std::isinf(want) ? want : std::copysign(std::fabs(want), got);
  double limit = std::ldexp(1.0, 128);
  double reached = std::isinf(got) ? std::copysign(limit, got) : got;
  double wanted = std::isinf(rounded) ? std::copysign(limit, want) : want;
  int exponent = std::max(std::ilogb(std::min(std::fabs(wanted), limit / 2)), -126);
  return std::fabs(reached - wanted) / std::ldexp(1.0, exponent - 23);
}

struct Configuration {
  const char *target;
  int64_t width;
};

class Math : public ::testing::TestWithParam<std::tuple<Function, Configuration>> {};

std::vector<float> sampleX(uint64_t stride) {
  std::vector<float> x(std::begin(kSpecials), std::end(kSpecials));
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += stride) {
    uint32_t pattern = bits;
    float v;
    std::memcpy(&v, &pattern, 4);
    x.push_back(v);
  }
  x.resize((x.size() + kBlock - 1) / kBlock * kBlock, 1.0f);
  return x;
}

/// Partners for binary functions: every pair of specials, then floats of all sizes next to each x.
void samplePairs(std::vector<float> &x, std::vector<float> &y, size_t count) {
  x.clear(), y.clear();
  for (float a : kSpecials)
    for (float b : kSpecials)
      x.push_back(a), y.push_back(b);
  uint64_t state = 88172645463325252ull;
  auto next = [&] {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
  };
  while (x.size() < count || x.size() % kBlock) {
    uint64_t r = next();
    uint32_t bits = r >> 32;
    float any;
    std::memcpy(&any, &bits, 4);
    float unit = std::ldexp(float(next() >> 40), -24);
    // A third of arbitrary floats, a third of moderate ones, a third of integers as exponents.
    switch (r % 3) {
    case 0:
      x.push_back(any), y.push_back(std::ldexp(unit - 0.5f, int(next() % 40) - 10));
      break;
    case 1:
      x.push_back(unit * 8), y.push_back(std::ldexp(unit * 97 - int(unit * 97) - 0.5f, 7));
      break;
    default:
      x.push_back((unit - 0.5f) * 40), y.push_back(int(next() % 41) - 20);
      break;
    }
  }
}

TEST_P(Math, AgreesWithLibm) {
  const auto &[function, configuration] = GetParam();
  auto context = tenon::testing::createKernelContext();
  cpu::TargetAttr target = tenon::testing::findTarget(configuration.target, *context);
  bool wide = target.has("avx512f");
  if (wide && !__builtin_cpu_supports("avx512f"))
    GTEST_SKIP() << "this CPU has no AVX-512";
  auto module =
      buildKernel(*context, function, Float32Type::get(context.get()), configuration.width);
  ASSERT_TRUE(succeeded(expandMath(*module, cpu::getMathOptions(target))));
  auto kernel = tenon::testing::CompiledKernel::compile(*module, "kernel", target);
  ASSERT_TRUE(bool(kernel));

  const char *strideText = std::getenv("TENON_MATH_STRIDE");
  uint64_t stride = strideText ? std::strtoull(strideText, nullptr, 10) : 8191;
  std::vector<float> x, y;
  if (function.binary)
    samplePairs(x, y, (uint64_t(1) << 32) / stride);
  else
    x = sampleX(stride), y = x;
  std::vector<float> out(kBlock);
  double worst = 0, worstX = 0, worstY = 0, worstGot = 0;
  for (size_t start = 0; start < x.size(); start += kBlock) {
    void *arguments[] = {x.data() + start, y.data() + start, out.data()};
    kernel(arguments);
    for (int64_t i = 0; i < kBlock; ++i) {
      float a = x[start + i], b = y[start + i];
      double want = function.reference(a, b);
      double error = ulpError(out[i], want);
      if (error == 0 && want == 0 && function.maxUlp > 0)
        EXPECT_EQ(std::signbit(out[i]), std::signbit(want))
            << function.name << "(" << a << ", " << b << ")";
      if (function.atMostOne)
        ASSERT_FALSE(std::fabs(out[i]) > 1) << function.name << "(" << a << ") = " << out[i];
      if (error > worst)
        worst = error, worstX = a, worstY = b, worstGot = out[i];
    }
  }
  EXPECT_LE(worst, function.maxUlp)
      << function.name << "(" << worstX << ", " << worstY << ") = " << worstGot << ", not "
      << function.reference(worstX, worstY);
  if (std::getenv("TENON_MATH_TABLE"))
    std::printf("%-10s %s x%-3ld %6.2f ulp at %a, %a\n", function.name, configuration.target,
                configuration.width, worst, worstX, worstY);
}

const Configuration kConfigurations[] = {
    {"x86-64-v3", 1}, {"x86-64-v3", 8}, {"x86-64-v4", 4}, {"x86-64-v4", 16}, {"x86-64-v4", 64}};

std::string testName(const ::testing::TestParamInfo<Math::ParamType> &info) {
  const auto &[function, configuration] = info.param;
  return std::string(function.name) + "_v" + configuration.target[8] + "_" +
         std::to_string(configuration.width);
}

INSTANTIATE_TEST_SUITE_P(Functions, Math,
                         ::testing::Combine(::testing::ValuesIn(kFunctions),
                                            ::testing::ValuesIn(kConfigurations)),
                         testName);

using Reference1 = float (*)(float);

/// A use of an op with a constant operand, or in a short form, with its exact f32 result.
struct Special {
  const char *name;
  Builder build;
  Reference1 reference;
};

Value constantLike(OpBuilder &b, Location loc, Value x, double c) {
  ImplicitLocOpBuilder builder(loc, b);
  return Num(builder, x).like(c);
}

template <typename OpTy, int exponentTimes2, bool constantFirst = false>
Value withConstant(OpBuilder &b, Location loc, ValueRange x) {
  Value c = constantLike(b, loc, x[0], exponentTimes2 / 2.0);
  return constantFirst ? OpTy::create(b, loc, c, x[0]) : OpTy::create(b, loc, x[0], c);
}

const Special kSpecialForms[] = {
    {"pow1", withConstant<math::PowFOp, 2>, [](float x) { return x; }},
    {"square", withConstant<math::PowFOp, 4>, [](float x) { return x * x; }},
    {"cube", withConstant<math::PowFOp, 6>, [](float x) { return x * x * x; }},
    {"reciprocal", withConstant<math::PowFOp, -2>, [](float x) { return 1 / x; }},
    {"root", withConstant<math::PowFOp, 1>,
     [](float x) { return x == -kInf ? kInf : std::sqrt(x) + 0.0f; }},
    {"relu", withConstant<arith::MaximumFOp, 0>,
     [](float x) { return std::isnan(x) ? x : std::fmax(x, 0.0f); }},
    {"reluSwapped", withConstant<arith::MaximumFOp, 0, true>,
     [](float x) { return std::isnan(x) ? x : std::fmax(x, 0.0f); }},
    {"cap", withConstant<arith::MinimumFOp, 12>,
     [](float x) { return std::isnan(x) ? x : std::fmin(x, 6.0f); }},
    {"maxnum", withConstant<arith::MaxNumFOp, 2>, [](float x) { return std::fmax(x, 1.0f); }},
    {"minnumSwapped", withConstant<arith::MinNumFOp, 2, true>,
     [](float x) { return std::fmin(x, 1.0f); }},
    {"clamp",
     [](OpBuilder &b, Location loc, ValueRange x) -> Value {
       return math::ClampFOp::create(b, loc, x[0], constantLike(b, loc, x[0], -1),
                                     constantLike(b, loc, x[0], 2));
     },
     [](float x) { return std::isnan(x) ? x : std::fmin(std::fmax(x, -1.0f), 2.0f); }},
};

// Constant operands select cheaper forms, which must agree exactly.
TEST(MathSpecialForms, AreExact) {
  std::vector<float> x = sampleX(131071);
  std::vector<float> out(kBlock);
  for (const Special &form : kSpecialForms) {
    for (int64_t width : {1, 8}) {
      auto context = tenon::testing::createKernelContext();
      Function function{form.name, form.build, nullptr, 0};
      auto module = buildKernel(*context, function, Float32Type::get(context.get()), width);
      ASSERT_TRUE(succeeded(expandMath(*module)));
      auto kernel = tenon::testing::CompiledKernel::compile(
          *module, "kernel", tenon::testing::findTarget("x86-64-v3", *context));
      ASSERT_TRUE(bool(kernel)) << form.name;
      for (size_t start = 0; start < x.size(); start += kBlock) {
        void *arguments[] = {x.data() + start, x.data() + start, out.data()};
        kernel(arguments);
        for (int64_t i = 0; i < kBlock; ++i)
          ASSERT_EQ(ulpError(out[i], form.reference(x[start + i])), 0)
              << form.name << "(" << x[start + i] << ") = " << out[i];
      }
    }
  }
}

// Integer powers, modulo 2^32, with the reciprocals of negative exponents.
TEST(MathInteger, Powers) {
  auto context = tenon::testing::createKernelContext();
  Function function{"ipowi", buildOp<math::IPowIOp>, nullptr, 0};
  auto module = buildKernel(*context, function, IntegerType::get(context.get(), 32), 8);
  ASSERT_TRUE(succeeded(expandMath(*module)));
  auto kernel = tenon::testing::CompiledKernel::compile(
      *module, "kernel", tenon::testing::findTarget("x86-64-v3", *context));
  ASSERT_TRUE(bool(kernel));
  std::vector<int32_t> x(kBlock), n(kBlock), out(kBlock);
  for (int64_t i = 0; i < kBlock; ++i)
    x[i] = i % 23 - 11, n[i] = i / 23 % 17 - 3;
  void *arguments[] = {x.data(), n.data(), out.data()};
  kernel(arguments);
  for (int64_t i = 0; i < kBlock; ++i) {
    uint32_t want = 1;
    for (int32_t k = 0; k < n[i]; ++k)
      want *= static_cast<uint32_t>(x[i]);
    if (n[i] < 0)
      want = x[i] == 1 ? 1 : x[i] == -1 ? (n[i] % 2 ? -1 : 1) : 0;
    ASSERT_EQ(out[i], static_cast<int32_t>(want)) << x[i] << " to the power " << n[i];
  }
}

// f64 goes to libm lane by lane and must be libm's result exactly.
TEST(MathF64, IsLibm) {
  for (int64_t width : {1, 4}) {
    for (const Function &function : kFunctions) {
      if (function.maxUlp == 0 || StringRef(function.name) == "sigmoid")
        continue;
      auto context = tenon::testing::createKernelContext();
      auto module = buildKernel(*context, function, Float64Type::get(context.get()), width);
      ASSERT_TRUE(succeeded(expandMath(*module)));
      auto kernel = tenon::testing::CompiledKernel::compile(
          *module, "kernel", tenon::testing::findTarget("x86-64-v3", *context));
      ASSERT_TRUE(bool(kernel));
      std::vector<double> x(kBlock), y(kBlock), out(kBlock);
      for (int64_t i = 0; i < kBlock; ++i)
        x[i] = (i - kBlock / 2) * 0.001, y[i] = (i % 97) * 0.1;
      void *arguments[] = {x.data(), y.data(), out.data()};
      kernel(arguments);
      for (int64_t i = 0; i < kBlock; ++i) {
        double want = function.reference(x[i], y[i]);
        ASSERT_TRUE(out[i] == want || (std::isnan(out[i]) && std::isnan(want)))
            << function.name << "(" << x[i] << ") = " << out[i] << ", not " << want;
      }
    }
  }
}

} // namespace
