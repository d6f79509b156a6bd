// Merges dimensions that a kernel need not tell apart.
//
// Two neighbouring dimensions can be one if every tensor of the kernel either has both in full or
// repeats along both, and if reductions go over both or neither: then the elements along the two
// lie at one stride in every buffer. Long loops over one dimension leave no rests, vectors do not
// stop at the ends of short rows, and kernels that differ only in how they split a dimension become
// equal.
//
//   [1,24,56,56] + [1,24,56,56]  ->  [75264] + [75264]
//   [8,16,16,32] + [32]          ->  [2048,32] + [32]
//   [8,16,64] . [64,32] + [32]   ->  [128,64] . [64,32] + [32]
//
// In a matrix product with one right operand for all batches, the leading dimensions are rows like
// any other; without them, what follows the product need not split the number of a row.
//
// In the host function, reshapes bring operands and results to the kernel's types and back; they
// are views.

#include "dialects/Target/KernelStrategy.h"
#include "dialects/Tenon/ByteTables.h"
#include "passes/Fusion/Passes.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace tenon {

#define GEN_PASS_DEF_COLLAPSEDIMENSIONSPASS
#include "passes/Fusion/Passes.h.inc"

using namespace mlir;

namespace {

bool isOne(AffineExpr dim) {
  auto constant = dyn_cast<AffineConstantExpr>(dim);
  return constant && constant.getValue() == 1;
}

/// How the dimensions of a kernel's common shape merge.
class Collapse {
public:
  /// Finds the groups; fails if the kernel has ops that tell all dimensions apart.
  static std::optional<Collapse> of(KernelOp kernel);

  bool isTrivial() const { return groups.size() == shape.size(); }

  /// The type with merged dimensions, of a tensor that broadcasts to the common shape.
  RankedTensorType apply(Type type) const;
  /// Whether the argument keeps its type.
  bool isFixed(BlockArgument argument) const {
    return argument == fixed || tables.contains(argument) ||
           (narrow && llvm::is_contained(narrow->getOperands(), Value(argument)));
  }
  /// Whether the op's result keeps its type.
  bool isFixed(Operation *op) const { return narrow && op == narrow; }
  /// The groups that consist of these dimensions of the common shape.
  SmallVector<int64_t> apply(ArrayRef<int64_t> axes) const;

private:
  LogicalResult addTensor(Type type);
  LogicalResult addProduct(MatMulOp op);
  LogicalResult addTable(GatherOp op);
  void group(ArrayRef<Type> types, ArrayRef<int64_t> reducedAxes);

  /// What every tensor of the kernel broadcasts to.
  DimExprs shape;
  /// First dimension of each group, in order.
  SmallVector<size_t> groups;
  /// The matrix product, its operand that every row reads alike, and what only it reads.
  MatMulOp product;
  Value fixed, rows;
  /// Tables of functions, which are read anywhere.
  llvm::SmallPtrSet<Value, 2> tables;
  /// What computes that operand in the kernel, if anything does.
  DequantizeBlocksOp narrow;
};

} // namespace

LogicalResult Collapse::addTensor(Type type) {
  DimExprs dims = getDims(type);
  if (dims.size() > shape.size())
    shape.insert(shape.begin(), dims.size() - shape.size(),
                 getAffineConstantExpr(1, type.getContext()));
  for (auto [own, common] : llvm::zip(llvm::reverse(dims), llvm::reverse(shape))) {
    if (isOne(common))
      common = own;
    else if (!isOne(own) && own != common)
      return failure();
  }
  return success();
}

void Collapse::group(ArrayRef<Type> types, ArrayRef<int64_t> reducedAxes) {
  // What tells dimensions apart: one entry per tensor, whether it has the dimension in full, and
  // whether reductions go over it. Dimensions of size 1 are like any other.
  std::optional<SmallVector<bool>> present;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    std::optional<SmallVector<bool>> own;
    if (!isOne(shape[dim])) {
      own.emplace();
      for (Type type : types) {
        DimExprs dims = getDims(type);
        size_t missing = shape.size() - dims.size();
        own->push_back(dim >= missing && dims[dim - missing] == shape[dim]);
      }
      own->push_back(llvm::is_contained(reducedAxes, dim));
    }
    bool isColumns = product && dim + 1 == shape.size();
    if (dim == 0 || isColumns || (own && present && *own != *present)) {
      groups.push_back(dim);
      present = own;
    } else if (own) {
      present = own;
    }
  }
}

// Left operand and result must have the same rows, one by one.
LogicalResult Collapse::addProduct(MatMulOp op) {
  DimExprs lhs = getDims(op.getLhs().getType()), result = getDims(op.getType());
  size_t rhsRank = getDims(op.getRhs().getType()).size();
  narrow = op.getRhs().getDefiningOp<DequantizeBlocksOp>();
  bool isRead = narrow ? llvm::all_of(narrow->getOperands(), llvm::IsaPred<BlockArgument>)
                       : isa<BlockArgument>(op.getRhs());
  if (product || !isa<BlockArgument>(op.getLhs()) || !isRead || !op.getRhs().hasOneUse() ||
      rhsRank != 2 || ArrayRef(lhs).drop_back() != ArrayRef(result).drop_back())
    return failure();
  product = op;
  fixed = op.getRhs();
  if (op.getLhs().hasOneUse())
    rows = op.getLhs();
  return success();
}

// Nothing else may read the table, which keeps its type.
LogicalResult Collapse::addTable(GatherOp op) {
  Value table = op.getOperand();
  bool isShared = !llvm::all_of(table.getUsers(), readsByteTable) || table == op.getIndices();
  if (!isa<BlockArgument>(table) || isShared)
    return failure();
  tables.insert(table);
  return success();
}

std::optional<Collapse> Collapse::of(KernelOp kernel) {
  Collapse collapse;
  SmallVector<Type> types;
  ReduceOp reduce;
  for (Operation &op : kernel.getEntryBlock()) {
    if (auto next = dyn_cast<ReduceOp>(op)) {
      if (reduce && (next.getAxes() != reduce.getAxes() ||
                     next.getOperand().getType() != reduce.getOperand().getType()))
        return std::nullopt;
      reduce = next;
    } else if (auto matmul = dyn_cast<MatMulOp>(op)) {
      if (failed(collapse.addProduct(matmul)))
        return std::nullopt;
    } else if (readsByteTable(&op)) {
      if (failed(collapse.addTable(cast<GatherOp>(op))))
        return std::nullopt;
    } else if (isa<DequantizeBlocksOp>(op)) {
      continue; // its product tells whether it may be here
    } else if (!isa<PointwiseOpInterface, ConstantOp, YieldOp>(op)) {
      return std::nullopt;
    }
    llvm::append_range(types, op.getResultTypes());
  }
  if (!kernel.getOps<DequantizeBlocksOp>().empty() && !collapse.narrow)
    return std::nullopt;
  for (BlockArgument argument : kernel.getEntryBlock().getArguments())
    if (!collapse.isFixed(argument) && argument != collapse.rows)
      types.push_back(argument.getType());
  for (Type type : types)
    if (failed(collapse.addTensor(type)))
      return std::nullopt;
  if (collapse.product && (reduce || collapse.shape != getDims(collapse.product.getType())))
    return std::nullopt;
  if (reduce &&
      (getDims(reduce.getOperand().getType()) != collapse.shape ||
       llvm::all_of(reduce.getAxes(), [&](int64_t axis) { return isOne(collapse.shape[axis]); })))
    return std::nullopt;
  collapse.group(types, reduce ? reduce.getAxes() : ArrayRef<int64_t>());
  return collapse;
}

RankedTensorType Collapse::apply(Type type) const {
  DimExprs dims = getDims(type), merged;
  size_t missing = shape.size() - dims.size();
  for (size_t number = 0; number < groups.size(); ++number) {
    size_t end = number + 1 < groups.size() ? groups[number + 1] : shape.size();
    if (end <= missing)
      continue;
    size_t begin = std::max(groups[number], missing);
    merged.push_back(
        tenon::product(ArrayRef(dims).slice(begin - missing, end - begin), type.getContext()));
  }
  return makeTensorType(merged, getElementTypeOrSelf(type));
}

SmallVector<int64_t> Collapse::apply(ArrayRef<int64_t> axes) const {
  SmallVector<int64_t> merged;
  for (int64_t axis : axes) {
    if (isOne(shape[axis]))
      continue; // part of a group that may not be reduced
    auto after = llvm::upper_bound(groups, static_cast<size_t>(axis));
    merged.push_back(after - groups.begin() - 1);
  }
  llvm::sort(merged);
  merged.erase(llvm::unique(merged), merged.end());
  return merged;
}

/// Gives all values in the kernel their new types.
static void collapseKernel(KernelOp kernel, const Collapse &collapse) {
  SmallVector<Type> inputs, outputs;
  for (BlockArgument argument : kernel.getEntryBlock().getArguments()) {
    if (!collapse.isFixed(argument))
      argument.setType(collapse.apply(argument.getType()));
    inputs.push_back(argument.getType());
  }
  for (Operation &op : kernel.getEntryBlock()) {
    if (auto reduce = dyn_cast<ReduceOp>(op))
      reduce.setAxes(collapse.apply(reduce.getAxes()));
    if (collapse.isFixed(&op))
      continue;
    for (Value result : op.getResults())
      result.setType(collapse.apply(result.getType()));
    if (auto constant = dyn_cast<ConstantOp>(op))
      constant.setValueAttr(
          cast<DenseElementsAttr>(constant.getValue()).resizeSplat(constant.getType()));
  }
  for (Value output : kernel.getEntryBlock().getTerminator()->getOperands())
    outputs.push_back(output.getType());
  kernel.setFunctionType(FunctionType::get(kernel.getContext(), inputs, outputs));
}

/// Puts views around the launch.
static void collapseLaunch(LaunchOp launch, KernelOp kernel, const Collapse &collapse) {
  OpBuilder b(launch);
  for (OpOperand &input : launch.getInputsMutable()) {
    if (collapse.isFixed(kernel.getArgument(input.getOperandNumber())))
      continue;
    Type type = collapse.apply(input.get().getType());
    input.set(b.createOrFold<ReshapeOp>(launch.getLoc(), type, input.get()));
  }
  b.setInsertionPointAfter(launch);
  for (Value output : launch.getOutputs()) {
    Type original = output.getType(), type = collapse.apply(original);
    if (type == original)
      continue;
    output.setType(type);
    auto view = ReshapeOp::create(b, launch.getLoc(), original, output);
    output.replaceAllUsesExcept(view, view);
  }
}

namespace {

struct CollapseDimensions : impl::CollapseDimensionsPassBase<CollapseDimensions> {
  void runOnOperation() override {
    llvm::DenseMap<StringAttr, SmallVector<LaunchOp>> launches;
    getOperation().walk(
        [&](LaunchOp launch) { launches[launch.getKernelAttr().getAttr()].push_back(launch); });
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    for (KernelOp kernel : getOperation().getOps<KernelOp>()) {
      const KernelStrategy *strategy = strategies->lookup(kernel);
      if (!strategy)
        return signalPassFailure();
      if (!strategy->getFusionRules(getRoot(kernel, *strategy)).mergesDimensions)
        continue;
      std::optional<Collapse> collapse = Collapse::of(kernel);
      if (!collapse || collapse->isTrivial())
        continue;
      collapseKernel(kernel, *collapse);
      for (LaunchOp launch : launches.lookup(kernel.getSymNameAttr()))
        collapseLaunch(launch, kernel, *collapse);
      ++numCollapsed;
    }
  }
};

} // namespace

} // namespace tenon
