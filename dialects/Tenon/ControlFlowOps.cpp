// Control flow: what must agree between regions, operands and results.

#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/BitVector.h"

using namespace mlir;

namespace tenon {

/// Fails if a yielded value cannot be what `to` describes. Sequences may be described by more than
/// they hold.
static LogicalResult checkFlow(Operation *op, Type from, Type to, StringRef what, unsigned number) {
  if (areCompatibleTypes(from, to) || (isHostType(to) && joinHostTypes(from, to) == to))
    return success();
  return op->emitOpError(what) << " " << number << " has type " << from << " for " << to;
}

/// Whether a dimension of `result` is a symbol that the value behind it does not have there.
static bool bindsSymbol(Type result, Type source) {
  DimExprs dims = getDims(result), sources = getDims(source);
  return llvm::any_of(llvm::zip_equal(dims, sources), [](auto pair) {
    return isa<AffineSymbolExpr>(std::get<0>(pair)) && std::get<0>(pair) != std::get<1>(pair);
  });
}

void IfOp::getEffects(SmallVectorImpl<EffectInstance> &effects) {
  for (Region *region : {&getThenRegion(), &getElseRegion()})
    for (auto [result, value] :
         llvm::zip_equal(getOutputs(), region->front().getTerminator()->getOperands()))
      if (bindsSymbol(result.getType(), value.getType()))
        return (void)effects.emplace_back(MemoryEffects::Write::get(), ShapeSymbols::get());
}

void LoopOp::getEffects(SmallVectorImpl<EffectInstance> &effects) {
  bool binds = llvm::any_of(llvm::zip_equal(getFinals(), getInits()), [](auto pair) {
    return bindsSymbol(std::get<0>(pair).getType(), std::get<1>(pair).getType());
  });
  // Stacks are as long as there are iterations.
  binds |= llvm::any_of(getStacks(), [](Value stack) {
    return isa<AffineSymbolExpr>(getDims(stack.getType()).front());
  });
  if (binds)
    effects.emplace_back(MemoryEffects::Write::get(), ShapeSymbols::get());
}

LogicalResult IfOp::verifyRegions() {
  for (Region *region : {&getThenRegion(), &getElseRegion()}) {
    bool isThen = region == &getThenRegion();
    ValueRange yielded = region->front().getTerminator()->getOperands();
    if (yielded.size() != getNumResults())
      return emitOpError(isThen ? "then" : "else")
             << " region yields " << yielded.size() << " values for " << getNumResults()
             << " results";
    for (auto [number, value] : llvm::enumerate(yielded))
      if (failed(checkFlow(*this, value.getType(), getResult(number).getType(),
                           isThen ? "then value" : "else value", number)))
        return failure();
  }
  return success();
}

LogicalResult LoopOp::verifyRegions() {
  Block &block = getBody().front();
  size_t carried = getInits().size();
  auto isScalar = [](Type type, unsigned width) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getElementType().isInteger(width) && tensor.hasStaticShape() &&
           tensor.getNumElements() == 1;
  };
  if (block.getNumArguments() != carried + 1)
    return emitOpError("body takes ")
           << block.getNumArguments() << " arguments, the loop carries " << carried << " values";
  if (!isScalar(block.getArgument(0).getType(), 64))
    return emitOpError("body's first argument is the iteration, tensor<i64>, not ")
           << block.getArgument(0).getType();
  ValueRange yielded = getYielded();
  if (yielded.size() != getNumResults() + 1)
    return emitOpError("body yields ")
           << yielded.size() << " values for a condition and " << getNumResults() << " results";
  if (!isScalar(yielded[0].getType(), 1))
    return emitOpError("body yields ") << yielded[0].getType() << " as condition";
  for (size_t i = 0; i < carried; ++i) {
    Type inside = block.getArgument(i + 1).getType();
    if (failed(checkFlow(*this, getInits()[i].getType(), inside, "initial value", i)) ||
        failed(checkFlow(*this, yielded[i + 1].getType(), inside, "carried value", i)) ||
        failed(
            checkFlow(*this, yielded[i + 1].getType(), getResult(i).getType(), "carried value", i)))
      return failure();
  }
  for (size_t i = carried; i < getNumResults(); ++i) {
    auto stack = dyn_cast<RankedTensorType>(getResult(i).getType());
    DimExprs dims = getDims(getResult(i).getType());
    if (dims.empty())
      return emitOpError("result ") << i << " stacks values and needs rank 1 or more";
    Type slice = makeTensorType(ArrayRef(dims).drop_front(), stack.getElementType());
    if (failed(checkFlow(*this, yielded[i + 1].getType(), slice, "stacked value", i - carried)))
      return failure();
  }
  return success();
}

namespace {

/// Exporters carry what a body reads from outside, weights above all: `w` where w is yielded as it
/// came. Such a value is the initial one everywhere. One that nothing reads goes too.
///
/// Both only where the argument's and the result's type have no symbols of their own, which other
/// values may refer to.
struct DropCarriedValues : OpRewritePattern<LoopOp> {
  using OpRewritePattern::OpRewritePattern;

  static bool hasOneType(LoopOp op, size_t i) {
    Type type = op.getInits()[i].getType();
    return op.getCarried()[i].getType() == type && op.getFinals()[i].getType() == type;
  }
  static bool isInvariant(LoopOp op, size_t i) {
    return op.getYielded()[1 + i] == op.getCarried()[i] && hasOneType(op, i);
  }
  static bool isUnread(LoopOp op, size_t i) {
    return op.getCarried()[i].use_empty() && op.getFinals()[i].use_empty() && hasOneType(op, i);
  }

  LogicalResult matchAndRewrite(LoopOp op, PatternRewriter &rewriter) const override {
    size_t numCarried = op.getInits().size();
    llvm::BitVector dropped(op.getNumResults());
    for (size_t i = 0; i < numCarried; ++i)
      if (isInvariant(op, i) || isUnread(op, i))
        dropped.set(i);
    if (dropped.none())
      return rewriter.notifyMatchFailure(op, "every carried value changes and is read");

    SmallVector<Value> inits, replacements;
    SmallVector<Type> types;
    for (auto [i, result] : llvm::enumerate(op.getOutputs())) {
      if (dropped[i])
        continue;
      types.push_back(result.getType());
      if (i < numCarried)
        inits.push_back(op.getInits()[i]);
    }
    auto loop = LoopOp::create(rewriter, op.getLoc(), types, op.getMax(), op.getCondition(), inits);
    for (size_t i = 0; i < numCarried; ++i)
      if (dropped[i])
        rewriter.replaceAllUsesWith(op.getCarried()[i], op.getInits()[i]);
    Block &body = op.getBody().front();
    rewriter.modifyOpInPlace(body.getTerminator(), [&] {
      for (int i = dropped.find_last(); i >= 0; i = dropped.find_prev(i))
        body.getTerminator()->eraseOperand(1 + i);
    });
    rewriter.inlineRegionBefore(op.getBody(), loop.getBody(), loop.getBody().end());
    for (int i = dropped.find_last(); i >= 0; i = dropped.find_prev(i))
      loop.getBody().eraseArgument(1 + i);
    size_t next = 0;
    for (size_t i = 0; i < op.getNumResults(); ++i)
      replacements.push_back(dropped[i] ? op.getInits()[i] : loop.getResult(next++));
    rewriter.replaceOp(op, replacements);
    return success();
  }
};

} // namespace

void LoopOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropCarriedValues>(context);
}

} // namespace tenon
