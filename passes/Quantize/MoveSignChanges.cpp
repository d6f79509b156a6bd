// Makes bytes of the sign that contractions read.
//
// Where an instruction takes only unsigned bytes (vpdpbusd), tenon-form-integer-contractions moves
// signed ones by 128 in front of the product, and the other way round:
//
//   y = cast_u8(cast_i32(pad(q, z)) + 128),   q = cast_s8(v)
//
// That would be a pass over the tensor of its own. The change goes up through whatever only moves
// elements, to where the bytes are made of floats, and costs nothing there:
//
//   y = pad(u, z + 128),   u = cast_u8(v + 128)
//
// All that read q read u then, less 128: only one of them is in memory.

#include "dialects/Tenon/DecomposeBuilder.h"
#include "passes/Graph/RewriteToRest.h"
#include "passes/Quantize/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_MOVESIGNCHANGESPASS
#include "passes/Quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// cast_byte(cast_i32(source) - offset), which holds what bytes of the other sign do.
struct SignChange {
  Value source;
  int64_t offset;
  Type type;

  static std::optional<SignChange> match(CastOp op);
  /// The same of another value.
  Value of(const DecomposeBuilder &make, Value other) const {
    Value wide = make.cast(other, make.b.getI32Type());
    return make.cast(make.make<SubOp>({wide, make.scalar(wide, offset)}), type);
  }
};

std::optional<SignChange> SignChange::match(CastOp op) {
  auto difference = op.getOperand().getDefiningOp<SubOp>();
  auto wide = difference ? difference.getLhs().getDefiningOp<CastOp>() : nullptr;
  if (!wide || !op.getTo().isInteger(8) || !wide.getTo().isSignlessInteger(32) ||
      !getElementTypeOrSelf(wide.getOperand()).isInteger(8))
    return std::nullopt;
  std::optional<double> offset = getSplat(difference.getRhs());
  if (!offset || difference.getType() != wide.getType() ||
      *offset != (op.getTo().isUnsignedInteger() ? -128 : 128) ||
      op.getTo() == getElementTypeOrSelf(wide.getOperand()))
    return std::nullopt;
  return SignChange{wide.getOperand(), static_cast<int64_t>(*offset), op.getTo()};
}

/// change(move(x, ...)) -> move(change(x), ...)
struct MoveUp : OpRewritePattern<CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &rewriter) const override {
    std::optional<SignChange> change = SignChange::match(op);
    Operation *mover = change ? change->source.getDefiningOp() : nullptr;
    if (!mover || !mover->hasTrait<MovesElements>() || mover->getNumResults() != 1 ||
        mover->getNumRegions() != 0)
      return rewriter.notifyMatchFailure(op, "no change of sign of what only moves elements");
    if (!mover->hasOneUse() || !op.getOperand().hasOneUse() ||
        !op.getOperand().getDefiningOp()->getOperand(0).hasOneUse())
      return rewriter.notifyMatchFailure(op, "others read the elements, too");
    rewriter.setInsertionPoint(mover);
    DecomposeBuilder make{rewriter, mover->getLoc()};
    SmallVector<Value> operands(mover->getOperands());
    for (Value &operand : operands)
      if (getElementTypeOrSelf(operand) == getElementTypeOrSelf(change->source))
        operand = change->of(make, operand);
    Operation *moved = rewriter.clone(*mover);
    rewriter.modifyOpInPlace(moved, [&] {
      moved->setOperands(operands);
      moved->getResult(0).setType(op.getType());
    });
    rewriter.replaceOp(op, moved->getResults());
    return success();
  }
};

/// The bytes that a value was made of for another change: v = cast_f32(bytes) + offset.
Value findBytes(Value value, const SignChange &change) {
  auto sum = value.getDefiningOp<AddOp>();
  auto wide = sum ? sum.getLhs().getDefiningOp<CastOp>() : nullptr;
  bool isMade = wide && getSplat(sum.getRhs()) == change.offset &&
                getElementTypeOrSelf(wide.getOperand()) == change.type &&
                wide.getType() == sum.getType();
  return isMade ? wide.getOperand() : Value();
}

/// change(cast_byte(v)) -> cast_byte(v - offset), and other readers of the byte read this one.
struct MakeOther : OpRewritePattern<CastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &rewriter) const override {
    std::optional<SignChange> change = SignChange::match(op);
    auto made = change ? change->source.getDefiningOp<CastOp>() : nullptr;
    if (!made || !getElementTypeOrSelf(made.getOperand()).isF32())
      return rewriter.notifyMatchFailure(op, "no change of sign of what floats become");
    Value value = made.getOperand();
    ElementRange range = getElementRange(value);
    if (!range.isIntegral || !range.within(getElementRange(made.getTo())))
      return rewriter.notifyMatchFailure(op, "the byte may not hold the float");
    if (Value bytes = findBytes(value, *change)) {
      rewriter.replaceOp(op, bytes);
      return success();
    }
    rewriter.setInsertionPointAfterValue(value);
    DecomposeBuilder make{rewriter, op.getLoc()};
    Value moved = make.make<SubOp>({value, make.scalar(value, change->offset)});
    Value bytes = make.cast(moved, op.getTo());
    rewriter.replaceOp(op, bytes);
    auto isOther = [&](OpOperand &use) {
      return use.getOwner() != moved.getDefiningOp() && use.getOwner() != made;
    };
    bool hasOthers = llvm::any_of(value.getUses(), isOther) || !made->use_empty();
    if (!hasOthers)
      return success();
    Value wide = make.cast(bytes, rewriter.getF32Type());
    Value same = make.make<AddOp>({wide, make.scalar(wide, change->offset)});
    rewriter.replaceUsesWithIf(value, same, isOther);
    rewriter.modifyOpInPlace(made, [&] {
      made.getOperandMutable().assign(same);
      made->moveAfter(same.getDefiningOp());
    });
    return success();
  }
};

struct MoveSignChanges : impl::MoveSignChangesPassBase<MoveSignChanges> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<MoveUp, MakeOther>(&getContext());
    if (failed(rewriteToRest(getOperation(), std::move(patterns), "changes of sign do")))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon
