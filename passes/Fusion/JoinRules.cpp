// Which ops may join a kernel: see FormKernels.cpp for what a kernel is.

#include "passes/Fusion/JoinRules.h"
#include "dialects/Tenon/ByteTables.h"

using namespace mlir;

namespace tenon {

static bool isPointwise(Operation *op) {
  auto elemental = dyn_cast<ElementalOpInterface>(op);
  return (elemental && elemental.isPointwise()) || readsByteTable(op);
}

/// Whether the op, at the end of a kernel, only says where the result's elements go.
static bool isFrame(Operation *op) {
  auto pad = dyn_cast<PadOp>(op);
  return isa<InsertOp>(op) || (pad && pad.isFrame());
}

static bool isView(Operation *op) {
  auto slice = dyn_cast<SliceOp>(op);
  return slice && slice.isView();
}

/// Whether the value is in memory in any case.
static bool isInMemory(Value value) {
  Operation *op = value.getDefiningOp();
  return !op || !value.hasOneUse() || !isa<ElementalOpInterface>(op) ||
         cast<ElementalOpInterface>(op).isExpensiveElement();
}

/// Whether the op is a broadcast that only a run may find to be one, of whole vectors: an epilogue
/// reads through it.
static bool repeatsRows(Operation *op) {
  auto broadcast = dyn_cast<BroadcastOp>(op);
  return broadcast && !broadcast.getDifferences().empty() && !broadcast.isLastUncertain();
}

static DimExprs resultDims(Operation *op) { return getDims(op->getResult(0).getType()); }

/// Number of elements, or -1.
static int64_t countElements(Type type) {
  return isStatic(type) ? cast<RankedTensorType>(type).getNumElements() : -1;
}

bool KernelGroup::isAround(Operation *op) const {
  // The frame joins first, from the outside in.
  return llvm::find(ops, op) < llvm::find(ops, computed);
}

/// Whether the elements of `op` are written to `dims`, one for one, through this broadcast if that
/// does nothing in this run.
static bool mayKeepShape(Operation *op, BroadcastOp broadcast, ArrayRef<AffineExpr> dims) {
  return repeatsRows(broadcast) && resultDims(broadcast) == dims &&
         getDims(broadcast.getOperand().getType()) == resultDims(op);
}

// Whether the op's strategy stores elements one by one, anywhere.
bool JoinRules::canBeFramed(Operation *op) const {
  const KernelStrategy *strategy = strategies.find(op);
  return strategy && op->getNumResults() == 1 && strategy->getFusionRules(op).writesAnywhere;
}

// A root under pointwise ops of exactly its shape: they become its epilogue.
bool JoinRules::canJoinRoot(Operation *op, const KernelGroup &group) const {
  FusionRules rules = strategies.find(op)->getFusionRules(op);
  if (group.root || group.rowDims || !rules.takesEpilogue)
    return false;
  DimExprs dims = resultDims(op), wide = resultDims(group.computed);
  bool hasBroadcast = false;
  bool fits = llvm::all_of(group.ops, [&](Operation *member) {
    bool usesRoot = false;
    SmallVector<Operation *> work = {member};
    while (!work.empty() && !usesRoot) {
      Operation *next = work.pop_back_val();
      for (Value operand : next->getOperands()) {
        usesRoot |= operand == op->getResult(0);
        if (Operation *producer = operand.getDefiningOp(); producer && group.ops.contains(producer))
          work.push_back(producer);
      }
    }
    if (!usesRoot || group.isAround(member))
      return true;
    if (auto broadcast = dyn_cast<BroadcastOp>(member))
      return hasBroadcast |= rules.takesUncertainRows && mayKeepShape(op, broadcast, wide);
    return isPointwise(member) && (resultDims(member) == dims || resultDims(member) == wide);
  });
  return fits && (wide == dims || hasBroadcast);
}

// All reductions of a kernel go over the same rows, and what depends on them is pointwise.
bool JoinRules::canJoinReduction(ReduceOp op, const KernelGroup &group) const {
  if (group.root)
    return false;
  DimExprs dims = getDims(op.getOperand().getType()), reduced = resultDims(op);
  SmallVector<int64_t> axes(op.getAxes());
  llvm::sort(axes);
  if (group.rowDims && (*group.rowDims != dims || group.rowAxes != axes))
    return false;
  // The members that depend on this reduction, in order: ops are visited from last to first.
  llvm::SmallPtrSet<Operation *, 16> dependent = {op};
  for (Operation *member : llvm::reverse(group.ops)) {
    bool depends = llvm::any_of(member->getOperands(), [&](Value operand) {
      return operand.getDefiningOp() && dependent.contains(operand.getDefiningOp());
    });
    if (!depends || group.isAround(member))
      continue;
    dependent.insert(member);
    DimExprs memberDims = resultDims(member);
    bool isRowShape = memberDims == dims || memberDims == reduced;
    if (!isRowShape || !(isPointwise(member) || isa<ReduceOp>(member)))
      return false;
  }
  DimExprs computedDims = resultDims(group.computed);
  return computedDims == dims || computedDims == reduced;
}

// Slices cost nothing where elements are read one by one, and where a root reads memory through
// them.
bool JoinRules::canJoinView(Operation *op, const KernelGroup &group) const {
  if (!group.root)
    return true;
  if (!group.rules.takesEpilogue || !isInMemory(op->getOperand(0)))
    return false;
  if (!llvm::is_contained(op->getUsers(), group.root))
    return true;
  return op->hasOneUse() && group.strategy->readsSlice(*op->use_begin());
}

/// Whether `op` picks what the group's root reads where it is.
static bool isPicked(Operation *op, const KernelGroup &group) {
  return isa<GatherOp>(op) && group.root && op->hasOneUse() && *op->user_begin() == group.root &&
         group.strategy->readsPicked(*op->use_begin());
}

/// Who in the group reads the elements of `op`, seen through slices and picks.
static void collectReaders(Operation *op, const KernelGroup &group,
                           SmallVectorImpl<Operation *> &readers) {
  for (Operation *user : op->getUsers()) {
    bool isSeenThrough = isView(user) || isPicked(user, group);
    if (isSeenThrough && user != group.seed && group.ops.contains(user))
      collectReaders(user, group, readers);
    else
      readers.push_back(user);
  }
}

// Whether `op` is the best end of a kernel around another root than the group's: all above it is
// that root's epilogue, and nothing there is narrower than the op's result. Two roots whose results
// meet are two kernels; what the first computes is stored as late, and so as narrow, as possible.
bool JoinRules::endsOtherRoot(Operation *op, const KernelGroup &group) const {
  auto getWidth = [](Operation *op) {
    return getStorageType(getElementTypeOrSelf(op->getResult(0))).getIntOrFloatBitWidth();
  };
  bool isUnderOther = false;
  llvm::SetVector<Operation *> above;
  above.insert(op);
  for (unsigned i = 0; i < above.size(); ++i)
    for (Value operand : above[i]->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (producer && producer == group.root)
        return false;
      if (!producer || !producer->hasOneUse() || above.size() > group.rules.maxOps)
        continue;
      if (strategies.isRoot(producer))
        isUnderOther |= strategies.find(producer)->getFusionRules(producer).takesEpilogue &&
                        resultDims(producer) == resultDims(op);
      else if (isPointwise(producer) && getWidth(producer) < getWidth(op))
        return false;
      else if (isPointwise(producer))
        above.insert(producer);
    }
  return isUnderOther;
}

/// Whether rows of the op's result are no rows of its operand.
static bool turnsRows(Operation *op) {
  auto transpose = dyn_cast<TransposeOp>(op);
  return transpose && !transpose.getPermutation().empty() &&
         transpose.getPermutation().back() !=
             static_cast<int64_t>(transpose.getPermutation().size()) - 1;
}

/// The reduction of rows from whose results `op` computes one number for each row, if only that
/// reads them; null if there is none.
static ReduceOp findReductionBehind(Operation *op) {
  for (Value operand : op->getOperands()) {
    Operation *producer = operand.getDefiningOp();
    if (!producer || !producer->hasOneUse() || resultDims(producer) != resultDims(op))
      continue;
    if (auto reduce = dyn_cast<ReduceOp>(producer))
      return reduce;
    if (isPointwise(producer))
      if (ReduceOp reduce = findReductionBehind(producer))
        return reduce;
  }
  return nullptr;
}

/// Whether `op` computes one number for each row of what the group computes, from a reduction of
/// that row: the kernel does so once, between its passes over the row.
static bool computesRowValue(Operation *op, const KernelGroup &group) {
  if (!isPointwise(op) || group.root)
    return false;
  ReduceOp reduce = findReductionBehind(op);
  if (!reduce)
    return false;
  DimExprs rowDims = getDims(reduce.getOperand().getType());
  return rowDims == group.rowDims.value_or(resultDims(group.computed));
}

// Elements are computed where they are needed, so a producer must not be needed much more often
// than it has elements, unless it is cheap.
bool JoinRules::canJoinElement(Operation *op, const KernelGroup &group) const {
  auto elemental = dyn_cast<ElementalOpInterface>(op);
  if (!elemental || elemental.isExpensiveElement())
    return false;
  if (group.root && !group.rules.takesEpilogue)
    return false;
  // In front of a root stand only buffers; its epilogue may read anything pointwise.
  SmallVector<Operation *> readers;
  collectReaders(op, group, readers);
  if (group.root && llvm::is_contained(readers, group.root))
    return false;
  if (group.root && !isPointwise(op) && !repeatsRows(op))
    return false;
  if (group.ops.size() > group.rules.maxOps)
    return false;
  if (group.root && endsOtherRoot(op, group))
    return false;
  for (Operation *reader : readers) {
    auto elemental = dyn_cast<ElementalOpInterface>(reader);
    if (elemental && elemental.isExpensiveElement() && !isa<ConcatOp, PadOp, ReduceOp>(reader))
      return false; // windows and sums of products read each element several times
  }
  if (computesRowValue(op, group))
    return true;
  int64_t elements = countElements(op->getResult(0).getType());
  for (Operation *user : op->getUsers()) {
    if (isa<ConcatOp, PadOp, InsertOp, ReduceOp>(user))
      continue;
    int64_t needed = countElements(user->getResult(0).getType());
    if (elements < 0 || needed < 0) {
      if (resultDims(user) != resultDims(op) && isPointwise(op) && isPointwise(user))
        return false;
      continue;
    }
    // Rows that are picked, some of them several times, are better vectors in memory.
    bool isPickedInRows = isa<GatherOp, GatherNDOp>(user) && turnsRows(op);
    if (needed > elements && elements > 1 && (isPointwise(op) || isPickedInRows))
      return false;
  }
  return true;
}

DequantizeBlocksOp JoinRules::getNarrowWeights(const KernelGroup &group) const {
  OpOperand *weights = group.root ? group.strategy->getWeights(group.root) : nullptr;
  if (!weights || !weights->get().getDefiningOp<DequantizeBlocksOp>() ||
      !group.strategy->readsNarrow(*weights))
    return nullptr;
  return weights->get().getDefiningOp<DequantizeBlocksOp>();
}

bool JoinRules::canJoin(Operation *op, const KernelGroup &group) const {
  if (!group.computed)
    return op == group.ops.back()->getOperand(0).getDefiningOp() && canBeFramed(op);
  if (isa<DequantizeBlocksOp>(op) && op == getNarrowWeights(group))
    return op->hasOneUse();
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return canJoinReduction(reduce, group);
  if (strategies.isRoot(op))
    return canJoinRoot(op, group);
  if (isView(op) && canJoinView(op, group))
    return true;
  if (isPicked(op, group))
    return llvm::all_of(op->getOperands(), isInMemory);
  return canJoinElement(op, group);
}

void JoinRules::add(Operation *op, KernelGroup &group) const {
  group.ops.insert(op);
  if (!group.computed && !isFrame(op))
    group.computed = op;
  if (strategies.isRoot(op)) {
    group.root = op;
    group.strategy = strategies.find(op);
    group.rules = group.strategy->getFusionRules(op);
  }
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    group.rowDims = getDims(reduce.getOperand().getType());
    group.rowAxes = SmallVector<int64_t>(reduce.getAxes());
    llvm::sort(group.rowAxes);
  }
}

} // namespace tenon
