// Checks of sizes at run time (see the header). A check binds a symbol that nothing else uses:
// binding ends the run if the value is too small.
//
//     a = b          both a - b and b - a are bound
//     a = b or a = 1 the same for (a - 1) (a - b)

#include "lib/Importer/RunTimeChecks.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon {

void requireNonNegative(NodeImporter &node, AffineExpr expr, StringRef what) {
  if (isKnownNonNegative(expr) || node.hasFailed())
    return;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    node.emitError() << what << " would be " << constant.getValue();
    return;
  }
  if (!node.noteCheck(expr))
    return;
  auto type = RankedTensorType::get({1}, node.builder().getI64Type());
  Value checked =
      node.make<ShapeTensorOp>(type, {}, node.attr("contents", ArrayRef<AffineExpr>(expr)));
  auto symbol = cast<AffineSymbolExpr>(node.addSymbol(what));
  if (checked)
    BindSymbolOp::create(node.builder(), checked, /*position=*/0, symbol.getPosition(),
                         /*minimum=*/0);
}

namespace {

class SizeChecks {
public:
  explicit SizeChecks(NodeImporter &node) : node(node) {}

  void requireZero(AffineExpr expr) {
    requireNonNegative(node, expr, "mismatch");
    requireNonNegative(node, expr * -1, "mismatch");
  }
  /// Constants that differ are what verifiers report.
  void requireEqual(AffineExpr a, AffineExpr b) {
    if (dependsOnSymbols(a - b))
      requireZero(a - b);
  }
  void requireEqual(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b) {
    for (auto [left, right] : llvm::zip(a, b))
      requireEqual(left, right);
  }
  /// The last dimensions of `to` are what `from` broadcasts to.
  void requireBroadcast(ArrayRef<AffineExpr> from, ArrayRef<AffineExpr> to) {
    for (auto [left, right] : llvm::zip(llvm::reverse(from), llvm::reverse(to)))
      if (!isa<AffineConstantExpr>(left) && dependsOnSymbols(left - right))
        requireZero((left - 1) * (left - right));
  }
  /// Positions for a gather or scatter reach over no dimension but the axis.
  void requireInside(ArrayRef<AffineExpr> indices, ArrayRef<AffineExpr> dims, int64_t axis) {
    for (auto [number, index, dim] : llvm::enumerate(indices, dims))
      if (static_cast<int64_t>(number) != axis && dependsOnSymbols(dim - index))
        requireNonNegative(node, dim - index, "mismatch");
  }

private:
  NodeImporter &node;
};

} // namespace

static DimExprs dimsOf(Value value) { return getDims(value.getType()); }

static void checkMatMul(SizeChecks checks, MatMulOp op) {
  DimExprs lhs = dimsOf(op.getLhs()), rhs = dimsOf(op.getRhs()), to = dimsOf(op);
  checks.requireEqual(lhs.back(), rhs[rhs.size() - 2]);
  for (DimExprs *dims : {&lhs, &rhs, &to})
    dims->pop_back_n(2);
  checks.requireBroadcast(lhs, to);
  checks.requireBroadcast(rhs, to);
}

static void checkConcat(SizeChecks checks, ConcatOp op) {
  for (Value input : op.getInputs()) {
    DimExprs dims = dimsOf(input), to = dimsOf(op);
    dims.erase(dims.begin() + op.getAxis());
    to.erase(to.begin() + op.getAxis());
    checks.requireEqual(dims, to);
  }
}

static void checkScatterND(SizeChecks checks, ScatterNDOp op) {
  DimExprs expected = dimsOf(op.getIndices()), dims = dimsOf(op.getOperand());
  auto tuple = cast<AffineConstantExpr>(expected.pop_back_val()).getValue();
  expected.append(dims.begin() + tuple, dims.end());
  checks.requireEqual(dimsOf(op.getUpdates()), expected);
}

void requireMatchingSizes(NodeImporter &node, Operation *op) {
  if (llvm::all_of(op->getOperandTypes(), isStatic))
    return;
  OpBuilder::InsertionGuard guard(node.builder());
  node.builder().setInsertionPoint(op);
  SizeChecks checks(node);
  llvm::TypeSwitch<Operation *>(op)
      .Case<PointwiseOpInterface, BroadcastOp, LayerNormOp, RMSNormOp>([&](auto) {
        for (Value operand : op->getOperands())
          checks.requireBroadcast(dimsOf(operand), dimsOf(op->getResult(0)));
      })
      .Case<MatMulOp>([&](MatMulOp matmul) { checkMatMul(checks, matmul); })
      .Case<ConcatOp>([&](ConcatOp concat) { checkConcat(checks, concat); })
      .Case<ConvOp>([&](ConvOp conv) {
        DimExprs weights = dimsOf(conv.getWeights());
        checks.requireEqual(dimsOf(conv.getInput()).back(),
                            weights[weights.size() - 2] * conv.getGroups());
      })
      .Case<GatherElementsOp>([&](GatherElementsOp gather) {
        checks.requireInside(dimsOf(gather.getIndices()), dimsOf(gather.getOperand()),
                             gather.getAxis());
      })
      .Case<ScatterElementsOp>([&](ScatterElementsOp scatter) {
        checks.requireInside(dimsOf(scatter.getIndices()), dimsOf(scatter.getOperand()),
                             scatter.getAxis());
        checks.requireEqual(dimsOf(scatter.getUpdates()), dimsOf(scatter.getIndices()));
      })
      .Case<ScatterNDOp>([&](ScatterNDOp scatter) { checkScatterND(checks, scatter); })
      .Case<LstmOp, GruOp, RnnOp>([&](auto cell) {
        AffineExpr batch = dimsOf(cell.getGates())[1];
        if (Value state = cell.getInitialHidden())
          checks.requireEqual(dimsOf(state)[1], batch);
        if (Value lengths = cell.getLengths())
          checks.requireEqual(dimsOf(lengths)[0], batch);
      });
}

} // namespace tenon
