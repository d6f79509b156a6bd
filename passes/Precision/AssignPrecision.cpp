// Lets contractions multiply numbers of 16 bits where the caller asks for it.
//
//   %r = tenon.relu %s : f32                 %n  = tenon.cast (tenon.relu %s) to bf16
//   %y = tenon.matmul %r, %w : f32     ->    %y  = tenon.matmul %n, (tenon.cast %w to bf16) : f32
//   %z = tenon.add %r, %b : f32              %z  = tenon.add (tenon.cast %n to f32), %b : f32
//
// Weights are rounded for all targets. The input is rounded only where the target gains by it:
// where one of its instructions takes such elements as they are, or where reading takes the time.
// Elsewhere the op would convert each element as often as it reads it, and to round it and widen it
// again would cost something and gain nothing.
//
// What a lowered op multiplies is rounded where it is computed, and all readers get the rounded
// value. There are two exceptions. What the model takes or gives, or control flow passes on, is in
// memory as f32 and is multiplied as it is. And what norms compute is rounded for those only who
// multiply it. So sums, norms, softmax and whatever else computes stay f32, and so does the
// residual stream of a transformer, wherever its norms stand; the activations of a convolutional
// network become 16 bits wide, shortcuts included.
//
// An input of int8 is no cast: it has a scale for each block of each row, and the kernel that
// multiplies it finds these where it packs its input. Here the product only learns that it may do
// so.
//
// tf32 is no type of numbers in memory: the op only learns that it may round what it multiplies.
// Likewise with products of f32 that are sums of products of bf16.
//
// Rounding moves up through ops that only move elements, to what computes them: nothing is copied
// in order to be rounded.

#include "dialects/Target/KernelStrategy.h"
#include "dialects/Target/MultipliedType.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/Precision/Passes.h"
#include "passes/Precision/PrecisionRule.h"

namespace tenon {

#define GEN_PASS_DEF_ASSIGNPRECISIONPASS
#include "passes/Precision/Passes.h.inc"

using namespace mlir;

namespace {

Value castTo(OpBuilder &b, Value value, Type element) {
  auto type = cast<RankedTensorType>(value.getType()).clone(element);
  return CastOp::create(b, value.getLoc(), type, value, element);
}

bool isF32(Value value) { return getElementTypeOrSelf(value).isF32(); }

/// Whether the op's result holds elements of its operands in other places.
bool isMovement(Operation *op) {
  return op && op->hasTrait<MovesElements>() && !isa<PointwiseOpInterface>(op);
}

/// Whether the elements are given to the model's caller, or to another turn of a loop.
bool isGivenAway(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) {
    return user->hasTrait<OpTrait::IsTerminator>() ||
           (isMovement(user) && isGivenAway(user->getResult(0)));
  });
}

/// Whether the value is in memory as f32, whoever else reads it.
bool isPassedOn(Value value) {
  return isa<BlockArgument>(value) || value.getDefiningOp()->getNumRegions() > 0 ||
         isGivenAway(value);
}

bool mayBeRounded(Value value) {
  if (!isF32(value) || isConstantValue(value))
    return true;
  return !isPassedOn(value);
}

/// Whether the rounded value is made of rounded operands.
bool movesRounded(Value value) {
  Operation *op = value.getDefiningOp();
  return isMovement(op) && llvm::all_of(op->getOperands(), mayBeRounded);
}

/// Whether whoever does not multiply the value reads it as it was computed: what named ops make of
/// whole rows, as norms do.
bool staysExact(Value value) {
  return value.getDefiningOp<DecomposeOpInterface>() &&
         !value.getDefiningOp<PointwiseOpInterface>();
}

/// Gives the operands of one op their type.
class Lowering {
public:
  Lowering(PrecisionOpInterface op, FloatType type, const TargetStrategies &strategies)
      : op(op), type(type), strategies(strategies) {}

  void run();

private:
  bool gainsByRoundedInput();
  Value round(Value value);
  Value roundAtSource(Value value);
  Value moveRounded(Operation *movement);

  PrecisionOpInterface op;
  FloatType type;
  const TargetStrategies &strategies;
};

} // namespace

/// The rounded value; null if it stays as it is.
Value Lowering::round(Value value) {
  if (!isF32(value))
    return nullptr;
  auto widened = value.getDefiningOp<CastOp>();
  if (widened && getElementTypeOrSelf(widened.getOperand()) == type)
    return widened.getOperand();
  if (isConstantValue(value))
    return roundAtSource(value);
  if (isPassedOn(value))
    return nullptr;
  return movesRounded(value) ? moveRounded(value.getDefiningOp()) : roundAtSource(value);
}

/// Rounds a value where it is computed.
Value Lowering::roundAtSource(Value value) {
  OpBuilder b(op.getContext());
  b.setInsertionPointAfterValue(value);
  Value narrow = castTo(b, value, type);
  if (!isConstantValue(value) && !staysExact(value))
    value.replaceAllUsesExcept(castTo(b, narrow, b.getF32Type()), narrow.getDefiningOp());
  return narrow;
}

/// The movement of rounded operands.
Value Lowering::moveRounded(Operation *movement) {
  IRMapping mapping;
  for (OpOperand &operand : movement->getOpOperands()) {
    // Rounding may replace the operand by what is widened from it.
    if (Value rounded = round(operand.get()))
      mapping.map(operand.get(), rounded);
  }
  OpBuilder b(op.getContext());
  b.setInsertionPointAfter(movement);
  Operation *twin = b.clone(*movement, mapping);
  Value result = twin->getResult(0);
  result.setType(cast<RankedTensorType>(result.getType()).clone(type));
  return result;
}

void Lowering::run() {
  // Whatever stays f32 in memory may be rounded where it is multiplied.
  op->setAttr(kMultipliedTypeAttrName, TypeAttr::get(type));
  for (OpOperand *operand : op.getMultipliedWeights())
    if (Value narrow = round(operand->get()))
      operand->set(narrow);
  OpOperand &input = op.getMultipliedInput();
  if (gainsByRoundedInput())
    if (Value narrow = round(input.get()))
      input.set(narrow);
  auto isWide = [](OpOperand *operand) { return isF32(operand->get()); };
  bool multipliesPowers = isa<AttentionOp>(op); // by values, and has them as f32
  if (!multipliesPowers && !isWide(&input) && llvm::none_of(op.getMultipliedWeights(), isWide))
    op->removeAttr(kMultipliedTypeAttrName);
}

/// Whether the target computes the op better with a rounded input: tries it.
bool Lowering::gainsByRoundedInput() {
  OpOperand &input = op.getMultipliedInput();
  if (!isF32(input.get()))
    return false;
  OpBuilder b(op);
  Value wide = input.get(), narrow = castTo(b, wide, type);
  input.set(narrow);
  const KernelStrategy *strategy = strategies.find(op);
  bool gains = strategy && strategy->readsHalves(op, strategies.getTarget());
  input.set(wide);
  narrow.getDefiningOp()->erase();
  return gains;
}

namespace {

struct AssignPrecision : impl::AssignPrecisionPassBase<AssignPrecision> {
  using AssignPrecisionPassBase::AssignPrecisionPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    for (const std::string &text : rules) {
      llvm::Expected<PrecisionRule> rule = PrecisionRule::parse(text);
      if (!rule)
        return emitError(UnknownLoc::get(context)) << llvm::toString(rule.takeError());
      parsed.push_back(std::move(*rule));
    }
    return success();
  }

  void runOnOperation() override {
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    SmallVector<std::pair<PrecisionOpInterface, FloatType>> ops;
    getOperation().walk([&](PrecisionOpInterface op) {
      Precision precision = findPrecision(op, parsed);
      allowRounding(op, precision);
      allowTf32(op, precision);
      allowBFloatProducts(op, precision);
      FloatType type = getType(&getContext(), precision);
      // Weights of a few bits would be several times as large as halves.
      if (getElementTypeOrSelf(op->getResult(0)).isF32() && type.getWidth() < 32 &&
          !multipliesQuantized(op))
        ops.push_back({op, type});
    });
    for (auto [op, type] : ops)
      Lowering(op, type, *strategies).run();
    numLowered += ops.size();
    IRRewriter rewriter(&getContext());
    if (!ops.empty())
      (void)runRegionDCE(rewriter, getOperation().getBody());
  }

  /// Whether the input of a product may become bytes, as the model, a rule, or `exact` says.
  void allowRounding(Operation *op, Precision precision) {
    auto matmul = dyn_cast<MatMulOp>(op);
    if (!matmul)
      return;
    if (exact)
      matmul.setMayRoundInput(false);
    else if (precision == Precision::I8)
      matmul.setMayRoundInput(true);
  }

  /// Lets a target round what it multiplies to tf32: its numbers stay as they are in memory.
  void allowTf32(PrecisionOpInterface op, Precision precision) {
    if (precision != Precision::TF32 || !isF32(op->getResult(0)) || multipliesQuantized(op))
      return;
    op->setAttr(kMultipliedTypeAttrName, TypeAttr::get(FloatTF32Type::get(&getContext())));
    ++numLowered;
  }

  /// Lets a target sum products from such of bf16, but for those of attention, whose operands both
  /// come from a run.
  void allowBFloatProducts(PrecisionOpInterface op, Precision precision) {
    int64_t products = countBFloatProducts(precision);
    if (products == 1 || !isa<MatMulOp, ConvOp>(op) || !isF32(op->getResult(0)) ||
        multipliesQuantized(op))
      return;
    op->setAttr(kBFloatProductsAttrName, Builder(op.getContext()).getI64IntegerAttr(products));
    ++numLowered;
  }

  SmallVector<PrecisionRule> parsed;
};

} // namespace

} // namespace tenon
