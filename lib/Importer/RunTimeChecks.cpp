// Checks of sizes at run time (see the header): `tenon.require` ops, unless types tell already.

#include "lib/Importer/RunTimeChecks.h"
#include "dialects/Tenon/SequenceTypes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon {

/// What is noted of a check.
static Attribute makeKey(NodeImporter &node, SizeRelation relation, AffineMap sizes) {
  Builder &b = node.builder();
  return b.getArrayAttr(
      {b.getI64IntegerAttr(static_cast<int64_t>(relation)), AffineMapAttr::get(sizes)});
}

static void require(NodeImporter &node, SizeRelation relation, AffineExpr left, AffineExpr right,
                    StringRef what) {
  if (node.hasFailed())
    return;
  AffineMap sizes = makeDimsMap({left, right}, node.context());
  if (node.noteCheck(makeKey(node, relation, sizes)))
    RequireOp::create(node.builder(), relation, sizes, what);
}

void requireAtLeast(NodeImporter &node, AffineExpr size, AffineExpr least, StringRef what) {
  if (isKnownNonNegative(size - least) || node.hasFailed())
    return;
  auto constant = dyn_cast<AffineConstantExpr>(size);
  if (constant && isa<AffineConstantExpr>(least))
    node.emitError() << what << " would be " << constant.getValue();
  else
    require(node, SizeRelation::AtLeast, size, least, what);
}

bool isNonNegativeHere(NodeImporter &node, AffineExpr expr) {
  AffineMap sizes = makeDimsMap({expr, node.expr(0)}, node.context());
  return isKnownNonNegative(expr) || node.isChecked(makeKey(node, SizeRelation::AtLeast, sizes));
}

void requireNonNegative(NodeImporter &node, AffineExpr expr, StringRef what) {
  requireAtLeast(node, expr, node.expr(0), what);
}

void requireEqual(NodeImporter &node, AffineExpr a, AffineExpr b, StringRef what) {
  if (dependsOnSymbols(a - b))
    require(node, SizeRelation::Equal, a, b, what);
}

namespace {

class SizeChecks {
public:
  explicit SizeChecks(NodeImporter &node) : node(node) {}

  void requireEqual(AffineExpr a, AffineExpr b, StringRef what) {
    tenon::requireEqual(node, a, b, what);
  }
  void requireEqual(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b, StringRef what) {
    for (auto [left, right] : llvm::zip(a, b))
      requireEqual(left, right, what);
  }
  /// The last dimensions of `to` are what `from` broadcasts to.
  void requireBroadcast(ArrayRef<AffineExpr> from, ArrayRef<AffineExpr> to) {
    for (auto [left, right] : llvm::zip(llvm::reverse(from), llvm::reverse(to))) {
      bool isBound = llvm::is_contained({left, right}, node.findBroadcast(left, right));
      if (!isa<AffineConstantExpr>(left) && dependsOnSymbols(left - right) && !isBound)
        require(node, SizeRelation::Broadcasts, left, right, "sizes");
    }
  }
  /// Positions for a gather or scatter reach over no dimension but the axis.
  void requireInside(ArrayRef<AffineExpr> indices, ArrayRef<AffineExpr> dims, int64_t axis) {
    for (auto [number, index, dim] : llvm::enumerate(indices, dims))
      if (static_cast<int64_t>(number) != axis && dependsOnSymbols(dim - index))
        require(node, SizeRelation::AtLeast, dim, index, "the size of a dimension with indices");
  }

  /// Gathers clamp positions to the dimension, which must have one then, unless nothing is
  /// gathered.
  void requireReadable(Value indices, AffineExpr dim) {
    AffineExpr count = product(getDims(indices.getType()), node.context());
    requireNonNegative(node, count * (dim - 1), "positions gathered from none");
  }

private:
  NodeImporter &node;
};

} // namespace

static DimExprs dimsOf(Value value) { return getDims(value.getType()); }

static void checkMatMul(SizeChecks checks, MatMulOp op) {
  // Batch dimensions have been brought to common sizes.
  DimExprs lhs = dimsOf(op.getLhs()), rhs = dimsOf(op.getRhs());
  checks.requireEqual(lhs.back(), rhs[rhs.size() - 2], "inner dimensions");
}

static void checkConcat(SizeChecks checks, ConcatOp op) {
  for (Value input : op.getInputs()) {
    DimExprs dims = dimsOf(input), to = dimsOf(op);
    dims.erase(dims.begin() + op.getAxis());
    to.erase(to.begin() + op.getAxis());
    checks.requireEqual(dims, to, "sizes besides the axis");
  }
}

static void checkScatterND(SizeChecks checks, ScatterNDOp op) {
  DimExprs expected = dimsOf(op.getIndices()), dims = dimsOf(op.getOperand());
  auto tuple = cast<AffineConstantExpr>(expected.pop_back_val()).getValue();
  expected.append(dims.begin() + tuple, dims.end());
  checks.requireEqual(dimsOf(op.getUpdates()), expected,
                      "sizes of updates and of what they replace");
}

void requireMatchingSizes(NodeImporter &node, Operation *op) {
  // Sizes inside of sequences are the run's to compare.
  if (llvm::any_of(op->getOperandTypes(), isHostType) ||
      llvm::all_of(op->getOperandTypes(), isStatic))
    return;
  OpBuilder::InsertionGuard guard(node.builder());
  node.builder().setInsertionPoint(op);
  SizeChecks checks(node);
  llvm::TypeSwitch<Operation *>(op)
      .Case<BroadcastOp>([&](BroadcastOp broadcast) {
        checks.requireBroadcast(dimsOf(broadcast.getOperand()), dimsOf(broadcast));
      })
      .Case<MatMulOp>([&](MatMulOp matmul) { checkMatMul(checks, matmul); })
      .Case<ConcatOp>([&](ConcatOp concat) { checkConcat(checks, concat); })
      .Case<ConvOp>([&](ConvOp conv) {
        DimExprs weights = dimsOf(conv.getWeights());
        checks.requireEqual(dimsOf(conv.getInput()).back(),
                            weights[weights.size() - 2] * conv.getGroups(), "channels");
      })
      .Case<GatherElementsOp>([&](GatherElementsOp gather) {
        checks.requireInside(dimsOf(gather.getIndices()), dimsOf(gather.getOperand()),
                             gather.getAxis());
        checks.requireReadable(gather.getIndices(), dimsOf(gather.getOperand())[gather.getAxis()]);
      })
      .Case<GatherOp>([&](GatherOp gather) {
        checks.requireReadable(gather.getIndices(), dimsOf(gather.getOperand())[gather.getAxis()]);
      })
      .Case<GatherNDOp>([&](GatherNDOp gather) {
        DimExprs dims = dimsOf(gather.getOperand());
        auto tuple = cast<AffineConstantExpr>(dimsOf(gather.getIndices()).back()).getValue();
        for (int64_t i = 0; i < tuple; ++i)
          checks.requireReadable(gather.getIndices(), dims[gather.getBatchDims() + i]);
      })
      .Case<TopKOp>([&](TopKOp topk) {
        requireNonNegative(node,
                           dimsOf(topk.getOperand())[topk.getAxis()] - topk.getCount().getResult(0),
                           "elements beyond the k that are chosen");
      })
      .Case<ScatterElementsOp>([&](ScatterElementsOp scatter) {
        checks.requireInside(dimsOf(scatter.getIndices()), dimsOf(scatter.getOperand()),
                             scatter.getAxis());
        checks.requireEqual(dimsOf(scatter.getUpdates()), dimsOf(scatter.getIndices()),
                            "sizes of updates and indices");
      })
      .Case<NonMaxSuppressionOp>([&](NonMaxSuppressionOp suppression) {
        DimExprs boxes = dimsOf(suppression.getBoxes()), scores = dimsOf(suppression.getScores());
        AffineExpr corners = getAffineConstantExpr(4, node.context());
        checks.requireEqual(boxes, {scores[0], scores[2], corners}, "sizes of boxes and scores");
      })
      .Case<ScatterNDOp>([&](ScatterNDOp scatter) { checkScatterND(checks, scatter); })
      .Case<LstmOp, GruOp, RnnOp>([&](auto cell) {
        AffineExpr batch = dimsOf(cell.getGates())[1];
        if (Value state = cell.getInitialHidden())
          checks.requireEqual(dimsOf(state)[1], batch, "batch sizes");
        if (Value lengths = cell.getLengths())
          checks.requireEqual(dimsOf(lengths)[0], batch, "batch sizes");
      });
}

} // namespace tenon
