// Keeps the weights of products as narrow as they are quantized.
//
// Where only the weights of a model are quantized, they are dequantized constants, and folding them
// would make them floats of four times their size. Products with few rows take the time that
// reading their weights takes. A dequantization with one scale for each output, or one for all, is
// one in blocks as long as a sum:
//
//   matmul(x, dequantize(q, scale, zero)) -> matmul(x, dequantize_blocks(q, scale, zero))
//
// and stays what it is until kernels form, if the target reads weights like this
// (FoldConstants.cpp). What is computed stays the same, but for the rounding of sums
// (docs/numerics.md).
//
// Rows that are gathered from a quantized table are dequantized after it:
//
//   gather(dequantize(q, scale, zero), i) -> dequantize(gather(q, i), gather(scale, i),
//   gather(zero, i))

#include "dialects/Tenon/DecomposeBuilder.h"
#include "passes/Graph/RewriteToRest.h"
#include "passes/Quantize/Parameters.h"
#include "passes/Quantize/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_KEEPWEIGHTSNARROWPASS
#include "passes/Quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// The constant narrow integers that a value is dequantized from; null if it is not.
DequantizeOp getDequantizedConstant(Value value) {
  auto op = value.getDefiningOp<DequantizeOp>();
  bool isKept = op && readsIntegers(op) && isConstantValue(op.getOperand()) &&
                isConstantValue(op.getScale()) &&
                (!op.getZero() || isConstantValue(op.getZero())) && isStatic(op.getType()) &&
                op.getOperand().getType().getShape() == op.getType().getShape() &&
                getElementTypeOrSelf(op.getOperand()).getIntOrFloatBitWidth() <= 8;
  return isKept ? op : DequantizeOp();
}

/// The dimensions of a parameter as those of a tensor of this rank.
DimExprs alignDims(Value parameter, size_t rank) {
  DimExprs dims = getDims(parameter.getType());
  dims.insert(dims.begin(), rank - dims.size(), getAffineConstantExpr(1, parameter.getContext()));
  return dims;
}

struct DequantizeInProduct : OpRewritePattern<MatMulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatMulOp op, PatternRewriter &rewriter) const override {
    DequantizeOp source = getDequantizedConstant(op.getRhs());
    if (!source || source.getType().getRank() != 2 || source.getType().getNumElements() == 0)
      return rewriter.notifyMatchFailure(op, "right operand is no matrix of quantized constants");
    int64_t axis = op.getTransposeRhs() ? 1 : 0;
    auto one = rewriter.getAffineConstantExpr(1);
    DimExprs dims = getDims(source.getType());
    dims[axis] = one;
    SmallVector<Value> operands = {source.getOperand(), source.getScale()};
    if (source.getZero())
      operands.push_back(source.getZero());
    for (Value parameter : llvm::drop_begin(operands))
      if (alignDims(parameter, 2)[axis] != one)
        return rewriter.notifyMatchFailure(op, "parameters differ within a sum");
    DecomposeBuilder make{rewriter, op.getLoc()};
    for (Value &parameter : MutableArrayRef(operands).drop_front())
      parameter = make.broadcast(make.reshape(parameter, alignDims(parameter, 2)), dims);
    Value blocks = DequantizeBlocksOp::create(
        rewriter, source.getLoc(), source.getType(), operands[0], operands[1],
        operands.size() > 2 ? operands[2] : Value(), axis, source.getType().getDimSize(axis));
    rewriter.modifyOpInPlace(op, [&] { op.getRhsMutable().assign(blocks); });
    return success();
  }
};

/// A parameter of a table [rows, ...] of which op gathers rows, as it broadcasts with these.
Value gatherParameter(PatternRewriter &rewriter, GatherOp op, Value parameter) {
  if (!parameter)
    return parameter;
  DimExprs dims = alignDims(parameter, cast<RankedTensorType>(op.getOperand().getType()).getRank());
  DecomposeBuilder make{rewriter, op.getLoc()};
  if (getConstantOr(dims.front(), 0) == 1)
    return make.reshape(parameter, ArrayRef(dims).drop_front());
  DimExprs chosen = getDims(op.getIndices().getType());
  chosen.append(dims.begin() + 1, dims.end());
  return GatherOp::create(rewriter, op.getLoc(),
                          makeTensorType(chosen, getElementTypeOrSelf(parameter)),
                          make.reshape(parameter, dims), op.getIndices(), op.getAxis());
}

struct GatherQuantized : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(GatherOp op, PatternRewriter &rewriter) const override {
    DequantizeOp source = getDequantizedConstant(op.getOperand());
    if (!source || isConstantValue(op.getIndices()) || op.getAxis() != 0)
      return rewriter.notifyMatchFailure(op, "gathers no rows of quantized constants");
    auto type = cast<RankedTensorType>(op.getType());
    Value rows = GatherOp::create(rewriter, op.getLoc(),
                                  type.clone(getElementTypeOrSelf(source.getOperand())),
                                  source.getOperand(), op.getIndices(), op.getAxis());
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, type, rows,
                                              gatherParameter(rewriter, op, source.getScale()),
                                              gatherParameter(rewriter, op, source.getZero()));
    return success();
  }
};

struct KeepWeightsNarrow : impl::KeepWeightsNarrowPassBase<KeepWeightsNarrow> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DequantizeInProduct, GatherQuantized>(&getContext());
    if (failed(rewriteToRest(getOperation(), std::move(patterns), "quantized weights do")))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon
