// Computes in a wider type what a model computes in halves that the target has no arithmetic for.
//
// Without such arithmetic, every kernel converts what it reads and rounds what it writes. On CPUs,
// which compute in f32, converting inside of a contraction costs a third of its time, as each
// element is read many times; and rounding loses digits. So the values between nodes become wide:
//
//   %1 = tenon.conv %x, %w : (f16, f16) -> f16        %x1, %w1 = tenon.cast %x, %w to f32
//                                               ->    %1 = tenon.conv %x1, %w1 : (f32, f32) -> f32
//   %2 = tenon.relu %1 : f16                          %2 = tenon.relu %1 : f32
//   return %2                                         return (tenon.cast %2 to f16)
//
// Halves remain where they pay or are asked for:
//
//   - arguments, results, what control flow passes on, and explicit casts,
//   - what only moves elements that are halves: a decoder's cache is not widened to be lengthened,
//   - weights, and keys and values of attention: halves are half of the bytes, in the file as well,
//     and each vector of them is converted for as many rows as a tile has. What is computed at run
//     time is converted by packing,
//   - what an instruction of the target multiplies as it is.
//
// Ops are visited in order. `wide` maps a half to the value that it is rounded from; what needs the
// half reads the rounding, which is dead otherwise.

#include "dialects/Target/KernelStrategy.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Graph/Matching.h"
#include "passes/Graph/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_WIDENHALVESPASS
#include "passes/Graph/Passes.h.inc"

using namespace mlir;

namespace {

Type withElement(Type type, Type element) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), element, tensor.getEncoding());
}

Value castTo(OpBuilder &b, Value value, Type element) {
  return CastOp::create(b, value.getLoc(), withElement(value.getType(), element), value, element);
}

/// Whether the op computes with elements as they are; some widen what they read by themselves.
bool computes(Operation *op) {
  if (isa<CastOp, BitCastOp, DequantizeOp>(op))
    return false;
  return isa<PointwiseOpInterface, MatMulOp, ConvOp, ReduceOp, SoftmaxOp, LayerNormOp, RMSNormOp,
             AveragePoolOp, AttentionOp>(op);
}

class Widener {
public:
  Widener(func::FuncOp function, TargetAttrInterface target)
      : function(function), target(target), strategies(TargetStrategies::of(target)) {}

  /// The number of ops that became wide.
  int64_t run();

private:
  /// What arithmetic on a value's elements is done in.
  Type wideElement(Value value) { return target.getComputeType(getElementTypeOrSelf(value)); }
  /// Whether the target has no arithmetic on a value's elements.
  bool isHalf(Value value) {
    Type wide = wideElement(value);
    return wide && wide != getElementTypeOrSelf(value);
  }
  bool isWorthwhile(Operation *op);
  bool staysHalf(OpOperand &operand);
  Value widened(Value half);
  void widen(Operation *op);

  func::FuncOp function;
  TargetAttrInterface target;
  std::optional<TargetStrategies> strategies;
  /// The wide values that halves are rounded from.
  llvm::DenseMap<Value, Value> wide;
  /// The same for halves that are no roundings.
  llvm::DenseMap<Value, Value> casts;
};

} // namespace

bool Widener::isWorthwhile(Operation *op) {
  auto isHalfOperand = [&](Value operand) { return isHalf(operand); };
  if (llvm::none_of(op->getOperands(), isHalfOperand) ||
      llvm::all_of(op->getOperands(), isConstantValue))
    return false;
  if (!op->hasTrait<MovesElements>())
    return computes(op);
  bool any = false;
  for (Value operand : op->getOperands()) {
    bool isWide = wide.contains(operand);
    if (isHalf(operand) && !isWide && !isConstantValue(operand))
      return false;
    any |= isWide;
  }
  return any;
}

bool Widener::staysHalf(OpOperand &operand) {
  auto multiplies = dyn_cast<PrecisionOpInterface>(operand.getOwner());
  if (!multiplies)
    return false;
  bool isWeight = llvm::is_contained(multiplies.getMultipliedWeights(), &operand);
  if (isWeight && !wide.contains(operand.get()))
    return true;
  if (!isWeight && &operand != &multiplies.getMultipliedInput())
    return false;
  const KernelStrategy *strategy = strategies ? strategies->find(multiplies) : nullptr;
  return strategy && strategy->multipliesHalves(multiplies, target);
}

Value Widener::widened(Value half) {
  if (Value known = wide.lookup(half))
    return known;
  Value &cast = casts[half];
  if (!cast) {
    OpBuilder b(half.getContext());
    b.setInsertionPointAfterValue(half);
    cast = castTo(b, half, wideElement(half));
  }
  return cast;
}

void Widener::widen(Operation *op) {
  IRMapping mapping;
  for (OpOperand &operand : op->getOpOperands())
    if (isHalf(operand.get()) && !staysHalf(operand))
      mapping.map(operand.get(), widened(operand.get()));
  OpBuilder b(op);
  Operation *twin = b.clone(*op, mapping);
  for (auto [result, widerResult] : llvm::zip(op->getResults(), twin->getResults())) {
    if (!isHalf(result)) {
      result.replaceAllUsesWith(widerResult);
      continue;
    }
    widerResult.setType(withElement(result.getType(), wideElement(result)));
    Value rounded = castTo(b, widerResult, getElementTypeOrSelf(result));
    wide[rounded] = widerResult;
    result.replaceAllUsesWith(rounded);
  }
  op->erase();
}

int64_t Widener::run() {
  SmallVector<Operation *> ops;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
  int64_t numWidened = 0;
  for (Operation *op : ops)
    if (isWorthwhile(op)) {
      widen(op);
      ++numWidened;
    }
  for (auto [rounded, value] : wide)
    if (rounded.use_empty())
      rounded.getDefiningOp()->erase();
  return numWidened;
}

namespace {

struct WidenHalves : impl::WidenHalvesPassBase<WidenHalves> {
  void runOnOperation() override {
    FailureOr<TargetAttrInterface> target = getTarget(getOperation());
    if (failed(target))
      return signalPassFailure();
    numWidened += Widener(getOperation(), *target).run();
  }
};

} // namespace

} // namespace tenon
