// Groups ops into kernels.
//
// A kernel reads buffers, computes, and writes buffers. Every value between ops of one kernel stays
// in registers, so fusing saves a write and a read of memory per value. The pass visits the ops of
// a block from last to first. An op whose result someone outside its consumers' kernel needs starts
// a kernel of its own (its seed); any other op joins the kernel of its consumers if the rules in
// `canJoin` allow it. Since all users of a joining op are in the kernel already, launches can never
// wait for each other in a circle.
//
// What may stand around an op that a strategy of its own computes, the kernel's root, is up to the
// target's strategies (KernelStrategy.h): the pass knows no device.
//
// A pad or an insert that ends a kernel is only a frame around what the kernel computes: code
// generation writes straight into the middle of it. So an op whose strategy stores elements
// anywhere may join under it. Likewise, a slice is only another way to look at memory, and so is a
// gather that picks whole matrices: some strategies read through them.
//
// Where the results of two roots meet, the epilogue of each is in its own kernel.
//
// Small splat constants are copied into the kernels that use them.
//
// Where the root's strategy reads weights as narrow as they are quantized, their dequantization
// belongs to the kernel, a copy of it to each if there are several: so it stands right in front of
// the root, which else has only buffers there.

#include "dialects/Target/KernelStrategy.h"
#include "dialects/Tenon/ByteTables.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Matchers.h"
#include "passes/Fusion/Passes.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

namespace tenon {

#define GEN_PASS_DEF_FORMKERNELSPASS
#include "passes/Fusion/Passes.h.inc"

using namespace mlir;

namespace {

/// A kernel in the making.
struct Group {
  Operation *seed;
  /// The op whose result the kernel computes: the seed, or what is under the seed's frame. Null as
  /// long as the kernel is nothing but a frame.
  Operation *computed = nullptr;
  /// In reverse order of the block.
  llvm::SetVector<Operation *> ops;
  /// The op that has a strategy of its own, and that strategy; null as long as there is none.
  Operation *root = nullptr;
  const KernelStrategy *strategy = nullptr;
  FusionRules rules;
  /// What the kernel's reductions reduce; set with the first one.
  std::optional<DimExprs> rowDims;
  SmallVector<int64_t> rowAxes;

  /// Whether `op` is part of the frame around what the kernel computes.
  bool isAround(Operation *op) const;
};

class KernelFormer {
public:
  KernelFormer(ModuleOp module, const TargetStrategies &strategies, bool marksWeights)
      : module(module), strategies(strategies), marksWeights(marksWeights), symbolTable(module) {}

  LogicalResult run(Block &block);

  int64_t numKernels = 0, numFused = 0;

private:
  void add(Operation *op, Group &group);
  bool canJoin(Operation *op, Group &group);
  bool canJoinRoot(Operation *op, Group &group);
  bool canJoinReduction(ReduceOp op, Group &group);
  bool canJoinElement(Operation *op, Group &group);
  bool canJoinView(Operation *op, Group &group);
  bool endsOtherRoot(Operation *op, const Group &group);
  /// The op that computes the weights of a group's root, if its strategy reads them narrow.
  DequantizeBlocksOp getNarrowWeights(const Group &group);
  bool canBeFramed(Operation *op);
  void outline(Group &group);
  SmallVector<Type> extraResults(const KernelResources &resources);
  void setResources(const KernelResources &resources, LaunchOp launch);
  std::string nameFor(const Group &group);

  ModuleOp module;
  const TargetStrategies &strategies;
  bool marksWeights;
  SymbolTable symbolTable;
};

/// Ops that stay in the function: the host executes them.
bool staysInFunction(Operation *op) {
  return op->hasTrait<HostOp>() || !isa<TenonDialect>(op->getDialect());
}

bool isSplat(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant)
    return false;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  return elements && elements.isSplat();
}

bool isPointwise(Operation *op) {
  auto elemental = dyn_cast<ElementalOpInterface>(op);
  return (elemental && elemental.isPointwise()) || readsByteTable(op);
}

/// Whether the op, at the end of a kernel, only says where the result's elements go.
bool isFrame(Operation *op) {
  auto pad = dyn_cast<PadOp>(op);
  return isa<InsertOp>(op) || (pad && pad.isFrame());
}

bool isView(Operation *op) {
  auto slice = dyn_cast<SliceOp>(op);
  return slice && slice.isView();
}

/// Whether the value is in memory in any case.
bool isInMemory(Value value) {
  Operation *op = value.getDefiningOp();
  return !op || !value.hasOneUse() || !isa<ElementalOpInterface>(op) ||
         cast<ElementalOpInterface>(op).isExpensiveElement();
}

/// Whether the op is a broadcast that only a run may find to be one, of whole vectors: an epilogue
/// reads through it.
bool repeatsRows(Operation *op) {
  auto broadcast = dyn_cast<BroadcastOp>(op);
  return broadcast && !broadcast.getDifferences().empty() && !broadcast.isLastUncertain();
}

DimExprs resultDims(Operation *op) { return getDims(op->getResult(0).getType()); }

/// Number of elements, or -1.
int64_t countElements(Type type) {
  return isStatic(type) ? cast<RankedTensorType>(type).getNumElements() : -1;
}

bool Group::isAround(Operation *op) const {
  // The frame joins first, from the outside in.
  return llvm::find(ops, op) < llvm::find(ops, computed);
}

} // namespace

/// Whether the elements of `op` are written to `dims`, one for one, through this broadcast if that
/// does nothing in this run.
static bool mayKeepShape(Operation *op, BroadcastOp broadcast, ArrayRef<AffineExpr> dims) {
  return repeatsRows(broadcast) && resultDims(broadcast) == dims &&
         getDims(broadcast.getOperand().getType()) == resultDims(op);
}

// Whether the op's strategy stores elements one by one, anywhere.
bool KernelFormer::canBeFramed(Operation *op) {
  const KernelStrategy *strategy = strategies.find(op);
  return strategy && op->getNumResults() == 1 && strategy->getFusionRules(op).writesAnywhere;
}

// A root under pointwise ops of exactly its shape: they become its epilogue.
bool KernelFormer::canJoinRoot(Operation *op, Group &group) {
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
bool KernelFormer::canJoinReduction(ReduceOp op, Group &group) {
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
bool KernelFormer::canJoinView(Operation *op, Group &group) {
  if (!group.root)
    return true;
  if (!group.rules.takesEpilogue || !isInMemory(op->getOperand(0)))
    return false;
  if (!llvm::is_contained(op->getUsers(), group.root))
    return true;
  return op->hasOneUse() && group.strategy->readsSlice(*op->use_begin());
}

/// Whether `op` picks what the group's root reads where it is.
static bool isPicked(Operation *op, const Group &group) {
  return isa<GatherOp>(op) && group.root && op->hasOneUse() && *op->user_begin() == group.root &&
         group.strategy->readsPicked(*op->use_begin());
}

/// Who in the group reads the elements of `op`, seen through slices and picks.
static void collectReaders(Operation *op, const Group &group,
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
bool KernelFormer::endsOtherRoot(Operation *op, const Group &group) {
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
static bool computesRowValue(Operation *op, const Group &group) {
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
bool KernelFormer::canJoinElement(Operation *op, Group &group) {
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

DequantizeBlocksOp KernelFormer::getNarrowWeights(const Group &group) {
  OpOperand *weights = group.root ? group.strategy->getWeights(group.root) : nullptr;
  if (!weights || !weights->get().getDefiningOp<DequantizeBlocksOp>() ||
      !group.strategy->readsNarrow(*weights))
    return nullptr;
  return weights->get().getDefiningOp<DequantizeBlocksOp>();
}

bool KernelFormer::canJoin(Operation *op, Group &group) {
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

void KernelFormer::add(Operation *op, Group &group) {
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

LogicalResult KernelFormer::run(Block &block) {
  std::vector<std::unique_ptr<Group>> groups;
  llvm::DenseMap<Operation *, Group *> groupOf;
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        if (failed(run(inner)))
          return failure();
    if (staysInFunction(&op))
      continue;
    if (!isa<InsertOp>(op) && !strategies.find(&op))
      return op.emitOpError("has no way to be computed");
    Group *common = nullptr;
    bool joins = !op.use_empty();
    for (Operation *user : op.getUsers()) {
      Group *group = groupOf.lookup(user);
      joins &= group && (!common || common == group);
      common = group;
    }
    if (joins && op.getNumResults() == 1 && canJoin(&op, *common)) {
      add(&op, *common);
      groupOf[&op] = common;
      ++numFused;
      continue;
    }
    auto &group = groups.emplace_back(std::make_unique<Group>());
    group->seed = &op;
    add(&op, *group);
    groupOf[&op] = group.get();
  }
  for (auto &group : llvm::reverse(groups))
    outline(*group);
  return success();
}

std::string KernelFormer::nameFor(const Group &group) {
  SmallVector<StringRef> parts;
  for (Operation *op : llvm::reverse(group.ops)) {
    StringRef name = op->getName().stripDialect();
    if (parts.size() < 5 && (parts.empty() || parts.back() != name))
      parts.push_back(name);
  }
  // An op's own name may be that of the function of libm which its kernel calls.
  if (parts.size() == 1)
    parts.push_back("only");
  return llvm::join(parts, "_");
}

// What a kernel reports is a further result of its launch.
SmallVector<Type> KernelFormer::extraResults(const KernelResources &resources) {
  MLIRContext *context = module.getContext();
  SmallVector<Type> types;
  if (resources.reportSlots)
    types.push_back(RankedTensorType::get({resources.reportSlots}, IntegerType::get(context, 64)));
  return types;
}

void KernelFormer::setResources(const KernelResources &resources, LaunchOp launch) {
  MLIRContext *context = module.getContext();
  SmallVector<Attribute> capacities;
  for (const DimExprs &dims : resources.capacities)
    capacities.push_back(AffineMapAttr::get(makeDimsMap(dims, context)));
  if (!capacities.empty())
    launch.setCapacitiesAttr(ArrayAttr::get(context, capacities));
}

void KernelFormer::outline(Group &group) {
  MLIRContext *context = module.getContext();
  OpBuilder b(group.seed);
  SmallVector<Operation *> ops = llvm::to_vector(llvm::reverse(group.ops));

  // Inputs: whatever comes from outside, each once.
  llvm::SetVector<Value> inputs;
  llvm::SetVector<Value> constants;
  auto insert = dyn_cast<InsertOp>(group.seed);
  Value destination = insert ? insert.getDestination() : Value();
  if (insert)
    insert.getDestinationMutable().clear();
  DequantizeBlocksOp narrow = getNarrowWeights(group);
  if (narrow && !group.ops.contains(narrow))
    narrow = nullptr;
  for (Operation *op : ops)
    for (Value operand : op->getOperands())
      if (!operand.getDefiningOp() || !group.ops.contains(operand.getDefiningOp())) {
        bool copies = isSplat(operand) && op != group.root && op != narrow;
        (copies ? constants : inputs).insert(operand);
      }

  const KernelStrategy &strategy = group.root ? *group.strategy : strategies.getElemental();
  KernelResources resources = group.root ? strategy.getResources(group.root) : KernelResources();
  OpOperand *weights = group.root ? strategy.getWeights(group.root) : nullptr;
  SmallVector<Value> packable;
  if (marksWeights && weights && isPackable(*weights)) {
    if (narrow)
      llvm::append_range(packable, narrow->getOperands());
    else
      packable.push_back(weights->get());
  }

  // The kernel numbers the symbols that it sees on its own.
  llvm::MapVector<unsigned, unsigned> symbols;
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](AffineMapAttr attr) -> Attribute {
    DimExprs exprs;
    for (AffineExpr expr : attr.getValue().getResults()) {
      llvm::DenseMap<AffineExpr, AffineExpr> map;
      expr.walk([&](AffineExpr part) {
        if (auto symbol = dyn_cast<AffineSymbolExpr>(part)) {
          unsigned next = symbols.size();
          auto [entry, isNew] = symbols.insert({symbol.getPosition(), next});
          map[part] = getAffineSymbolExpr(entry->second, context);
        }
      });
      exprs.push_back(expr.replace(map));
    }
    return AffineMapAttr::get(makeDimsMap(exprs, context));
  });

  SmallVector<Type> inputTypes, resultTypes;
  for (Value input : inputs)
    inputTypes.push_back(replacer.replace(input.getType()));
  SmallVector<Value> outputs(group.seed->getResults());
  for (Value output : outputs)
    resultTypes.push_back(replacer.replace(output.getType()));
  SmallVector<Type> extraTypes = extraResults(resources);
  for (Type extra : extraTypes)
    resultTypes.push_back(replacer.replace(extra));

  OpBuilder moduleBuilder = OpBuilder::atBlockEnd(module.getBody());
  // Errors about the kernel name the first node: that of the op that it is there for.
  SmallVector<Location> locations = {(group.root ? group.root : group.seed)->getLoc()};
  for (Operation *op : ops)
    locations.push_back(op->getLoc());
  Location loc = FusedLoc::get(context, locations);
  auto type = FunctionType::get(context, inputTypes, resultTypes);
  auto kernel = KernelOp::create(moduleBuilder, loc, nameFor(group), type, strategy.getName(), 0);
  symbolTable.insert(kernel);

  IRMapping mapping;
  mapping.map(inputs.getArrayRef(), kernel.getEntryBlock().getArguments());
  OpBuilder body = OpBuilder::atBlockEnd(&kernel.getEntryBlock());
  for (Value constant : constants)
    body.clone(*constant.getDefiningOp(), mapping);
  for (Operation *op : ops)
    replacer.recursivelyReplaceElementsIn(body.clone(*op, mapping), /*replaceAttrs=*/true,
                                          /*replaceLocs=*/false, /*replaceTypes=*/true);
  SmallVector<Value> yielded;
  for (Value output : outputs)
    yielded.push_back(mapping.lookup(output));
  for (Type extra : ArrayRef(resultTypes).drop_front(outputs.size()))
    yielded.push_back(UninitializedOp::create(body, loc, extra));
  YieldOp::create(body, loc, yielded);
  kernel.setNumSymbols(symbols.size());
  for (Value known : packable)
    if (auto argument = dyn_cast<BlockArgument>(mapping.lookup(known)))
      kernel.setArgAttr(argument.getArgNumber(), kWeightsAttrName, UnitAttr::get(context));

  DimExprs given;
  for (auto &[original, number] : symbols)
    given.push_back(getAffineSymbolExpr(original, context));
  AffineMapAttr symbolMap;
  if (!given.empty())
    symbolMap = AffineMapAttr::get(makeDimsMap(given, context));
  SmallVector<Type> launchTypes(ValueRange(outputs).getTypes());
  launchTypes.append(extraTypes);
  auto launch =
      LaunchOp::create(b, loc, launchTypes, kernel.getSymName(), inputs.getArrayRef(), symbolMap);
  if (destination)
    launch.getDestinationMutable().assign(destination);
  setResources(resources, launch);
  if (auto broadcast = dyn_cast<BroadcastOp>(group.seed); broadcast && ops.size() == 1)
    if (DimExprs differences = broadcast.getDifferences(); !differences.empty())
      launch.setDifferencesAttr(AffineMapAttr::get(makeDimsMap(differences, context)));
  for (auto [output, result] : llvm::zip(outputs, launch.getOutputs()))
    output.replaceAllUsesWith(result);
  for (Operation *op : llvm::reverse(ops))
    op->erase();
  ++numKernels;
}

/// Gives every user of narrow weights a dequantization of its own.
static void copyNarrowWeights(ModuleOp module, const TargetStrategies &strategies) {
  SmallVector<DequantizeBlocksOp> ops;
  for (auto function : module.getOps<func::FuncOp>())
    function.walk([&](DequantizeBlocksOp op) {
      if (!op->use_empty() && !op->hasOneUse() && isReadNarrow(op, strategies))
        ops.push_back(op);
    });
  for (DequantizeBlocksOp op : ops)
    for (OpOperand &use : llvm::make_early_inc_range(llvm::drop_begin(op->getUses())))
      use.set(OpBuilder(op).clone(*op)->getResult(0));
}

namespace {

struct FormKernels : impl::FormKernelsPassBase<FormKernels> {
  using FormKernelsPassBase::FormKernelsPassBase;

  void runOnOperation() override {
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    copyNarrowWeights(getOperation(), *strategies);
    KernelFormer former(getOperation(), *strategies, marksWeights);
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      for (Block &block : function.getBody())
        if (failed(former.run(block)))
          return signalPassFailure();
    numKernels += former.numKernels;
    numFused += former.numFused;
  }
};

} // namespace

} // namespace tenon
