// Kernels are written with `math` ops; this replaces them by arithmetic before the conversion to
// LLVM, which would scalarise each into calls to libm:
//
//   %y = math.exp %x : vector<16xf32>
//     ->  clamp, two FMAs of range reduction, a degree-5 polynomial, one multiplication by 2^n
//
// f64 stays with libm, lane by lane: no kernel that matters computes in f64, and its results are
// expected to be libm's. So do sin, cos and tan for lanes beyond 2^50, in a branch that is never
// taken in practice.
//
// The NaN-propagating arith.maximumf costs five instructions on CPUs because of NaN and the sign of
// zero. Kernels do not promise an order of -0 and +0, so a compare and select will do: one
// instruction if an operand is known not to be NaN (as in ReLU), three instructions otherwise.
#include "passes/Codegen/Common/ExpandMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Codegen/Passes.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace tenon {

#define GEN_PASS_DEF_EXPANDMATHPASS
#include "passes/Codegen/Passes.h.inc"

/// libm's `name` with `count` arguments of type `element`, declared in the enclosing module.
static LLVM::LLVMFuncOp declareLibm(OpBuilder &b, Operation *user, StringRef name, Type element,
                                    size_t count) {
  Operation *table = SymbolTable::getNearestSymbolTable(user);
  if (Operation *known = SymbolTable::lookupSymbolIn(table, name))
    return cast<LLVM::LLVMFuncOp>(known);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&table->getRegion(0).front());
  auto type = LLVM::LLVMFunctionType::get(element, SmallVector<Type>(count, element));
  return LLVM::LLVMFuncOp::create(b, user->getLoc(), name, type);
}

/// Calls libm's `name` (its f64 name; f32 adds an f) for each lane.
static Value callLibm(ImplicitLocOpBuilder &b, Operation *user, StringRef name,
                      ValueRange operands) {
  Type type = operands[0].getType();
  Type element = getElementTypeOrSelf(type);
  std::string symbol = name.str() + (element.isF32() ? "f" : "");
  LLVM::LLVMFuncOp callee = declareLibm(b, user, symbol, element, operands.size());
  auto vector = dyn_cast<VectorType>(type);
  if (!vector)
    return LLVM::CallOp::create(b, callee, operands).getResult();
  Value result = operands[0];
  for (int64_t i = 0; i < vector.getNumElements(); ++i) {
    SmallVector<Value> lane;
    for (Value operand : operands)
      lane.push_back(vector::ExtractOp::create(b, operand, i));
    Value value = LLVM::CallOp::create(b, callee, lane).getResult();
    result = vector::InsertOp::create(b, value, result, i);
  }
  return result;
}

namespace {

/// How one function is computed in f32, and what libm calls it.
struct Recipe {
  StringRef libm;
  Num (*unary)(Num, const MathOptions &) = nullptr;
  Num (*binary)(Num, Num, const MathOptions &) = nullptr;
  /// The f32 form only holds for |x| below kTrigonometricLimit.
  bool limited = false;
};

template <typename OpTy> struct ExpandFunction : OpRewritePattern<OpTy> {
  ExpandFunction(MLIRContext *context, Recipe recipe, MathOptions options)
      : OpRewritePattern<OpTy>(context), recipe(recipe), options(options) {}

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Type type = op->getResult(0).getType();
    Type element = getElementTypeOrSelf(type);
    if (auto vector = dyn_cast<VectorType>(type); vector && vector.getRank() != 1)
      return rewriter.notifyMatchFailure(op, "only scalars and 1-D vectors are expanded");
    if (element.getIntOrFloatBitWidth() > 64)
      return rewriter.notifyMatchFailure(op, "no libm function for this width");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    if (element.isF64()) {
      rewriter.replaceOp(op, callLibm(b, op, recipe.libm, op->getOperands()));
      return success();
    }
    SmallVector<Num> operands;
    for (Value operand : op->getOperands())
      operands.push_back(element.isF32() ? Num(b, operand) : toF32({b, operand}));
    Num result = compute(b, op, operands);
    if (!element.isF32())
      result = {b, arith::TruncFOp::create(b, type, result)};
    rewriter.replaceOp(op, result.get());
    return success();
  }

  Num compute(ImplicitLocOpBuilder &b, Operation *op, ArrayRef<Num> x) const {
    if (recipe.binary)
      return recipe.binary(x[0], x[1], options);
    if (!recipe.unary)
      return {b, callLibm(b, op, recipe.libm, x[0].get())};
    Num fast = recipe.unary(x[0], options);
    return recipe.limited ? callBeyondLimit(b, op, x[0], fast) : fast;
  }

  /// fast, but libm's result where |x| >= kTrigonometricLimit.
  Num callBeyondLimit(ImplicitLocOpBuilder &b, Operation *op, Num x, Num fast) const {
    Num beyond = abs(x) >= kTrigonometricLimit;
    if (!options.hasLibm)
      return select(beyond, std::numeric_limits<double>::quiet_NaN(), fast);
    Value any = beyond;
    if (isa<VectorType>(x.type()))
      any = vector::ReductionOp::create(b, vector::CombiningKind::OR, beyond);
    auto branch = scf::IfOp::create(b, x.type(), any, /*withElseRegion=*/true);
    b.setInsertionPointToStart(branch.thenBlock());
    Num exact = {b, callLibm(b, op, recipe.libm, x.get())};
    scf::YieldOp::create(b, select(beyond, exact, fast).get());
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, fast.get());
    b.setInsertionPointAfter(branch);
    return {b, branch.getResult(0)};
  }

  Recipe recipe;
  MathOptions options;
};

/// The constant that `value` is or is a splat of.
static std::optional<double> getSplatNumber(Value value) {
  Attribute attribute;
  if (!matchPattern(value, m_Constant(&attribute)))
    return std::nullopt;
  if (auto splat = dyn_cast<SplatElementsAttr>(attribute))
    attribute = splat.getSplatValue<Attribute>();
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return number.getValueAsDouble();
  return std::nullopt;
}

/// x^c for the exponents that models have in their norms and losses.
struct ExpandConstantPower : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::PowFOp op, PatternRewriter &rewriter) const override {
    std::optional<double> exponent = getSplatNumber(op.getRhs());
    if (!exponent)
      return rewriter.notifyMatchFailure(op, "the exponent is not a constant");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Num x = {b, op.getLhs()};
    auto root = [&] { // pow makes +0 of -0 and +inf of -inf, and sqrt does not
      double infinity = std::numeric_limits<double>::infinity();
      return select(x == -infinity, infinity, sqrt(x) + 0);
    };
    std::optional<Num> result;
    if (*exponent == 1)
      result = x;
    else if (*exponent == 2)
      result = x * x;
    else if (*exponent == 3)
      result = x * x * x;
    else if (*exponent == -1)
      result = 1 / x;
    else if (*exponent == 0.5)
      result = root();
    else if (*exponent == -0.5)
      result = 1 / root();
    if (!result)
      return rewriter.notifyMatchFailure(op, "no short form for this exponent");
    rewriter.replaceOp(op, result->get());
    return success();
  }
};

/// rsqrt(x) = 1 / sqrt(x): two instructions, both correctly rounded.
struct ExpandRsqrt : OpRewritePattern<math::RsqrtOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::RsqrtOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, (1 / sqrt({b, op.getOperand()})).get());
    return success();
  }
};

struct ExpandSincos : OpRewritePattern<math::SincosOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::SincosOp op, PatternRewriter &rewriter) const override {
    Value sine = math::SinOp::create(rewriter, op.getLoc(), op.getOperand());
    Value cosine = math::CosOp::create(rewriter, op.getLoc(), op.getOperand());
    rewriter.replaceOp(op, {sine, cosine});
    return success();
  }
};

struct ExpandClamp : OpRewritePattern<math::ClampFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ClampFOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Num x = {b, op.getValue()}, low = {b, op.getMin()}, high = {b, op.getMax()};
    x = select(low > x, low, x);
    rewriter.replaceOp(op, select(high < x, high, x).get());
    return success();
  }
};

/// Integer powers by squaring, modulo 2^width; 1/x^n is 0 but for x = 1 and -1.
struct ExpandIntegerPower : OpRewritePattern<math::IPowIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::IPowIOp op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Num x = {b, op.getLhs()}, n = {b, op.getRhs()};
    int64_t width = getElementTypeOrSelf(x.type()).getIntOrFloatBitWidth();
    auto bound = [&](int64_t v) -> Value {
      return arith::ConstantOp::create(b, b.getI64IntegerAttr(v));
    };
    Value one = x.like(1);
    auto loop =
        scf::ForOp::create(b, bound(0), bound(width), bound(1), ValueRange{one, x, n},
                           [](OpBuilder &builder, Location loc, Value, ValueRange state) {
                             ImplicitLocOpBuilder b(loc, builder);
                             Num product = {b, state[0]}, power = {b, state[1]},
                                 rest = {b, state[2]};
                             product = select((rest & 1) == 0, product, product * power);
                             scf::YieldOp::create(b, ValueRange{product, power * power, rest >> 1});
                           });
    Num result = {b, loop.getResult(0)};
    Num vanishes = (n < 0) & ((x > 1) | (x < -1) | (x == 0));
    rewriter.replaceOp(op, select(vanishes, 0, result).get());
    return success();
  }
};

/// max(x, y): y > x ? y : x is one instruction and gives x if either is NaN. With keepNaN the
/// result is NaN if an operand is; otherwise it is the other operand.
template <typename OpTy, bool isMaximum, bool keepNaN>
struct ExpandMinMax : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Num x = {b, op.getLhs()}, y = {b, op.getRhs()};
    auto pick = [](Num x, Num y) { return select(isMaximum ? x > y : x < y, x, y); };
    auto known = [](Num v) {
      std::optional<double> c = getSplatNumber(v);
      return c && !std::isnan(*c);
    };
    // pick returns its second operand if either is NaN.
    std::optional<Num> result;
    if (known(y))
      result = keepNaN ? pick(y, x) : pick(x, y);
    else if (known(x))
      result = keepNaN ? pick(x, y) : pick(y, x);
    else if (keepNaN)
      result = select(isNaN(x), x, pick(x, y));
    if (!result)
      return rewriter.notifyMatchFailure(op, "LLVM's own expansion is as short");
    rewriter.replaceOp(op, result->get());
    return success();
  }
};

/// Rounding half to even and becoming an integer are one instruction, of the rounding mode that all
/// arithmetic assumes.
struct RoundToInteger : OpRewritePattern<arith::FPToSIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::FPToSIOp op, PatternRewriter &rewriter) const override {
    auto round = op.getIn().getDefiningOp<math::RoundEvenOp>();
    if (!round || !getElementTypeOrSelf(round.getType()).isF32() ||
        !getElementTypeOrSelf(op.getType()).isInteger(32))
      return rewriter.notifyMatchFailure(op, "no f32 is rounded to 32 bits");
    rewriter.replaceOpWithNewOp<LLVM::LrintOp>(op, op.getType(), round.getOperand());
    return success();
  }
};

struct ExpandMath : impl::ExpandMathPassBase<ExpandMath> {
  using ExpandMathPassBase::ExpandMathPassBase;

  void runOnOperation() override {
    if (failed(expandMath(getOperation(), getOptions())))
      signalPassFailure();
  }

  MathOptions getOptions() {
    auto target = getOperation()->getAttrOfType<TargetAttrInterface>(kTargetAttrName);
    auto *math = target ? target.getDialect().getRegisteredInterface<TargetMath>() : nullptr;
    return math ? math->getOptions(target) : MathOptions();
  }
};

} // namespace

template <Num (*function)(Num)> static Num plain(Num x, const MathOptions &) { return function(x); }

template <typename OpTy>
static void add(RewritePatternSet &patterns, const MathOptions &options, Recipe recipe) {
  patterns.add<ExpandFunction<OpTy>>(patterns.getContext(), recipe, options);
}

static void populatePatterns(RewritePatternSet &patterns, const MathOptions &options) {
  add<math::ExpOp>(patterns, options, {.libm = "exp", .unary = expF32});
  add<math::Exp2Op>(patterns, options, {.libm = "exp2", .unary = exp2F32});
  add<math::ExpM1Op>(patterns, options, {.libm = "expm1", .unary = plain<expm1F32>});
  add<math::SinhOp>(patterns, options, {.libm = "sinh", .unary = sinhF32});
  add<math::CoshOp>(patterns, options, {.libm = "cosh", .unary = coshF32});
  add<math::PowFOp>(patterns, options, {.libm = "pow", .binary = powF32});
  add<math::TanhOp>(patterns, options, {.libm = "tanh", .unary = plain<tanhF32>});
  add<math::ErfOp>(patterns, options, {.libm = "erf", .unary = plain<erfF32>});
  add<math::ErfcOp>(patterns, options, {.libm = "erfc"});
  add<math::LogOp>(patterns, options, {.libm = "log", .unary = plain<logF32>});
  add<math::Log2Op>(patterns, options, {.libm = "log2", .unary = plain<log2F32>});
  add<math::Log10Op>(patterns, options, {.libm = "log10", .unary = plain<log10F32>});
  add<math::Log1pOp>(patterns, options, {.libm = "log1p", .unary = plain<log1pF32>});
  add<math::AsinhOp>(patterns, options, {.libm = "asinh", .unary = plain<asinhF32>});
  add<math::AcoshOp>(patterns, options, {.libm = "acosh", .unary = plain<acoshF32>});
  add<math::AtanhOp>(patterns, options, {.libm = "atanh", .unary = plain<atanhF32>});
  add<math::CbrtOp>(patterns, options, {.libm = "cbrt", .unary = plain<cbrtF32>});
  add<math::SinOp>(patterns, options, {.libm = "sin", .unary = plain<sinF32>, .limited = true});
  add<math::CosOp>(patterns, options, {.libm = "cos", .unary = plain<cosF32>, .limited = true});
  add<math::TanOp>(patterns, options, {.libm = "tan", .unary = plain<tanF32>, .limited = true});
  add<math::AsinOp>(patterns, options, {.libm = "asin", .unary = plain<asinF32>});
  add<math::AcosOp>(patterns, options, {.libm = "acos", .unary = plain<acosF32>});
  add<math::AtanOp>(patterns, options, {.libm = "atan", .unary = plain<atanF32>});
  auto atan2 = [](Num y, Num x, const MathOptions &) { return atan2F32(y, x); };
  add<math::Atan2Op>(patterns, options, {.libm = "atan2", .binary = atan2});

  MLIRContext *context = patterns.getContext();
  patterns.add<ExpandConstantPower>(context, /*benefit=*/2);
  patterns.add<ExpandRsqrt, ExpandSincos, ExpandClamp, ExpandIntegerPower>(context);
  // Without a library two instructions do it: the one is a function where there is no instruction.
  if (options.hasLibm)
    patterns.add<RoundToInteger>(context);
  patterns.add<
      ExpandMinMax<arith::MaximumFOp, true, true>, ExpandMinMax<arith::MinimumFOp, false, true>,
      ExpandMinMax<arith::MaxNumFOp, true, false>, ExpandMinMax<arith::MinNumFOp, false, false>>(
      context);
}

LogicalResult expandMath(ModuleOp root, const MathOptions &options) {
  RewritePatternSet patterns(root.getContext());
  populatePatterns(patterns, options);
  // The patterns leave nothing to fold, and LLVM removes repeated constants.
  GreedyRewriteConfig config;
  config.enableFolding(false).enableConstantCSE(false).setRegionSimplificationLevel(
      GreedySimplifyRegionLevel::Disabled);
  return applyPatternsGreedily(root, std::move(patterns), config);
}

} // namespace tenon
