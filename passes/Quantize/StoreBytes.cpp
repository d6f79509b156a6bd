// Stores quantized values as bytes.
//
// Between ops of one kernel, what a network quantizes is a float that happens to be a small integer
// (tenon-simplify-quantization). Between kernels it is best a byte: a quarter of the memory, and
// what the next contraction reads. Kernels are cut where a value has several readers. So where a
// value of small integers, or what is dequantized from it, has several, each reads it through bytes
// and dequantizes it by itself:
//
//     y = (v - z) * s, read by f and g   ->   q = cast_u8(v)
//                                             f((cast_f32(q) - z) * s), g((cast_f32(q) - z) * s)
//
// Likewise where what two contractions compute meets: each has a kernel of its own, and the first
// one's result goes through memory.
//
// Where the readers end in one kernel after all, the steps through bytes go again when kernels are
// simplified. Nothing changes in the results.

#include "dialects/Tenon/ByteTables.h"
#include "dialects/Tenon/DecomposeBuilder.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/Quantize/Passes.h"
#include "llvm/ADT/SetVector.h"

namespace tenon {

#define GEN_PASS_DEF_STOREBYTESPASS
#include "passes/Quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// A value of small integers, what is dequantized from it, and who reads any of that.
class StoredValue {
public:
  explicit StoredValue(Value value) : value(value) { collect(value); }

  bool hasSeveralReaders() const { return readers.size() > 1; }
  /// Whether the one reader joins the value with what a later contraction computes.
  bool meetsLaterContraction() const;
  /// Lets all read the value as one of that type, which may be its own.
  void store(Type type);

private:
  void collect(Value source);

  Value value;
  /// Ops that dequantize, each after the one that it reads.
  llvm::SetVector<Operation *> steps;
  llvm::SetVector<Operation *> readers;
};

bool isByte(Value value) { return getElementTypeOrSelf(value).isInteger(8); }

/// The byte type that holds all elements of a tensor; null if none does, or if they are no
/// integers.
Type findByteType(Value value) {
  if (getDims(value.getType()).empty())
    return nullptr;
  if (isByte(value))
    return getElementTypeOrSelf(value);
  // What is widened from bytes has them in memory already.
  auto cast = value.getDefiningOp<CastOp>();
  if (!getElementTypeOrSelf(value).isF32() || (cast && isByte(cast.getOperand())))
    return nullptr;
  ElementRange range = getElementRange(value);
  if (!range.isIntegral)
    return nullptr;
  MLIRContext *context = value.getContext();
  for (Type type :
       {IntegerType::get(context, 8, IntegerType::Unsigned), IntegerType::get(context, 8)})
    if (range.within(getElementRange(type)))
      return type;
  return nullptr;
}

/// Whether the op is a step of dequantization: arithmetic with constants that is done again as
/// cheaply as its result is read.
bool isStep(Operation *op, Value source) {
  if (op->getNumResults() != 1 || isByte(op->getResult(0)))
    return false;
  if (isa<CastOp>(op))
    return true;
  if (!isa<AddOp, SubOp, MulOp>(op) ||
      getDims(op->getResult(0).getType()) != getDims(source.getType()))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return operand == source || operand.getDefiningOp<ConstantOp>();
  });
}

} // namespace

void StoredValue::collect(Value source) {
  for (Operation *user : source.getUsers()) {
    if (!isStep(user, source))
      readers.insert(user);
    else if (steps.insert(user))
      collect(user->getResult(0));
  }
}

void StoredValue::store(Type type) {
  OpBuilder b(value.getContext());
  b.setInsertionPointAfterValue(value);
  Location loc = value.getLoc();
  Value bytes = DecomposeBuilder{b, loc}.cast(value, type);
  for (Operation *reader : readers) {
    // Who wants the bytes gets them.
    auto cast = dyn_cast<CastOp>(reader);
    if (cast && cast.getType() == bytes.getType() && cast.getOperand() == value) {
      cast.replaceAllUsesWith(bytes);
      continue;
    }
    b.setInsertionPoint(reader);
    IRMapping mapping;
    mapping.map(value, DecomposeBuilder{b, loc}.cast(bytes, getElementTypeOrSelf(value)));
    for (Operation *step : steps)
      b.clone(*step, mapping);
    for (OpOperand &operand : reader->getOpOperands())
      operand.set(mapping.lookupOrDefault(operand.get()));
  }
}

static bool isPointwise(Operation *op) {
  auto elemental = dyn_cast<ElementalOpInterface>(op);
  return (elemental && elemental.isPointwise()) || readsByteTable(op);
}

/// The contractions of which the op is the epilogue: through pointwise ops with one reader each.
static void findContractions(Value value, SmallVectorImpl<Operation *> &found) {
  Operation *op = value.getDefiningOp();
  if (!op || !op->hasOneUse())
    return;
  if (isa<MatMulOp, ConvOp>(op))
    return found.push_back(op);
  if (isPointwise(op))
    for (Value operand : op->getOperands())
      findContractions(operand, found);
}

bool StoredValue::meetsLaterContraction() const {
  if (readers.size() != 1)
    return false;
  SmallVector<Operation *> own, others;
  findContractions(value, own);
  if (own.empty() || !isPointwise(readers.front()))
    return false;
  for (Value operand : readers.front()->getOperands())
    if (operand != value && !steps.contains(operand.getDefiningOp()))
      findContractions(operand, others);
  return llvm::any_of(others, [&](Operation *other) {
    return llvm::all_of(own, [&](Operation *each) {
      return each->getBlock() == other->getBlock() && each->isBeforeInBlock(other);
    });
  });
}

namespace {

struct StoreBytes : impl::StoreBytesPassBase<StoreBytes> {
  void runOnOperation() override {
    SmallVector<std::pair<Value, Type>> candidates;
    auto consider = [&](Value value) {
      if (isa<RankedTensorType>(value.getType()))
        if (Type type = findByteType(value))
          candidates.push_back({value, type});
    };
    llvm::for_each(getOperation().getArguments(), consider);
    getOperation().walk([&](Operation *op) {
      if (!isa<ConstantOp>(op))
        llvm::for_each(op->getResults(), consider);
    });
    for (auto [value, type] : candidates)
      if (StoredValue stored(value); stored.hasSeveralReaders() || stored.meetsLaterContraction())
        stored.store(type);
    // What nobody reads any more.
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, getOperation().getBody());
  }
};

} // namespace

} // namespace tenon
