// Brings values to the memory of who reads them, where kernels compute in memory of their own.
//
// First every kernel of the host gets its operands there, from where they were computed or by a
// transfer. Then what the host has computed, and somebody else reads, goes to the device.

#include "dialects/Target/KernelStrategy.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Dominance.h"
#include "passes/Memory/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_PLANTRANSFERSPASS
#include "passes/Memory/Passes.h.inc"

using namespace mlir;

namespace {

class TransferPlanner {
public:
  TransferPlanner(func::FuncOp function, const TargetStrategies &strategies)
      : function(function), kernels(function->getParentOp()), strategies(strategies) {}

  LogicalResult run();

  int64_t numToHost = 0, numToDevice = 0;

private:
  LogicalResult findLaunches();
  bool isOnHost(Value value);
  bool mayReadHost(OpOperand &use);
  Value onHost(Value value, Operation *reader);
  Value bringToHost(Value value, Operation *reader);
  void bringToDevice(OpResult result);
  TransferOp createTransfer(OpBuilder &b, Location loc, Value value, Side side);

  func::FuncOp function;
  SymbolTable kernels;
  const TargetStrategies &strategies;
  /// Of kernels of the host.
  llvm::SetVector<Operation *> launches;
  /// What of a value was brought to the host.
  llvm::DenseMap<Value, SmallVector<TransferOp>> copies;
};

} // namespace

LogicalResult TransferPlanner::findLaunches() {
  LogicalResult result = success();
  function.walk([&](LaunchOp launch) {
    const KernelStrategy *strategy =
        strategies.lookup(kernels.lookup<KernelOp>(launch.getKernel()));
    if (!strategy)
      result = failure();
    else if (strategy->runsOnHost())
      launches.insert(launch);
  });
  return result;
}

/// Whether the host has computed the value, or it is in both memories.
bool TransferPlanner::isOnHost(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getOperand();
  Operation *op = value.getDefiningOp();
  return op && (isa<ConstantOp>(op) || launches.contains(op));
}

/// Whether what reads the value finds it in either memory: the program itself.
bool TransferPlanner::mayReadHost(OpOperand &use) {
  Operation *op = use.getOwner();
  if (launches.contains(op) || isa<BindSymbolOp>(op))
    return true;
  if (auto branch = dyn_cast<IfOp>(op))
    return use.get() == branch.getCondition();
  if (auto loop = dyn_cast<LoopOp>(op))
    return &use == loop.getMaxMutable().begin() || &use == loop.getConditionMutable().begin();
  // The condition that a loop's body gives.
  if (isa<YieldOp>(op) && isa<LoopOp>(op->getParentOp()))
    return use.getOperandNumber() == 0;
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return llvm::all_of(reshape->getUses(), [&](OpOperand &use) { return mayReadHost(use); });
  return isa<TransferOp>(op);
}

TransferOp TransferPlanner::createTransfer(OpBuilder &b, Location loc, Value value, Side side) {
  ArrayAttr placement;
  if (side == Side::Host)
    placement = b.getArrayAttr(HostAttr::get(b.getContext()));
  ++(side == Side::Host ? numToHost : numToDevice);
  return TransferOp::create(b, loc, value.getType(), value, side, placement);
}

/// The op before which a value is brought to a reader: the outermost loop around that which does
/// not hold the value.
static Operation *findPlace(Value value, Operation *reader) {
  Operation *place = reader;
  for (Operation *parent = reader->getParentOp();
       parent && !parent->isAncestor(value.getParentBlock()->getParentOp());
       parent = parent->getParentOp())
    if (isa<LoopOp>(parent))
      place = parent;
  return place;
}

Value TransferPlanner::bringToHost(Value value, Operation *reader) {
  DominanceInfo dominance(function);
  for (TransferOp copy : copies[value])
    if (dominance.properlyDominates(copy.getResult(), reader))
      return copy;
  OpBuilder b(findPlace(value, reader));
  TransferOp copy = createTransfer(b, reader->getLoc(), value, Side::Host);
  copies[value].push_back(copy);
  return copy;
}

/// The value for a kernel of the host.
Value TransferPlanner::onHost(Value value, Operation *reader) {
  if (isOnHost(value))
    return value;
  auto reshape = value.getDefiningOp<ReshapeOp>();
  if (!reshape)
    return bringToHost(value, reader);
  Value operand = onHost(reshape.getOperand(), reader);
  OpBuilder b(reader);
  Operation *twin = b.clone(*reshape);
  twin->setOperand(0, operand);
  return twin->getResult(0);
}

/// Gives what the host has computed to those who read it on the device.
void TransferPlanner::bringToDevice(OpResult result) {
  auto needsCopy = [&](OpOperand &use) { return !mayReadHost(use); };
  if (llvm::none_of(result.getUses(), needsCopy))
    return;
  OpBuilder b(function.getContext());
  b.setInsertionPointAfter(result.getOwner());
  TransferOp copy = createTransfer(b, result.getLoc(), result, Side::Device);
  result.replaceUsesWithIf(
      copy, [&](OpOperand &use) { return use.getOwner() != copy && needsCopy(use); });
}

LogicalResult TransferPlanner::run() {
  if (failed(findLaunches()))
    return failure();
  Builder b(function.getContext());
  Attribute host = HostAttr::get(function.getContext());
  for (Operation *op : launches) {
    for (OpOperand &operand : op->getOpOperands()) {
      auto reshape = operand.get().getDefiningOp<ReshapeOp>();
      operand.set(onHost(operand.get(), op));
      if (reshape && reshape->use_empty())
        reshape.erase();
    }
    SmallVector<Attribute> places(op->getNumResults(), host);
    cast<LaunchOp>(op).setPlacementAttr(b.getArrayAttr(places));
  }
  for (Operation *op : launches)
    for (OpResult result : op->getResults())
      bringToDevice(result);
  return success();
}

namespace {

struct PlanTransfers : impl::PlanTransfersPassBase<PlanTransfers> {
  using PlanTransfersPassBase::PlanTransfersPassBase;

  void runOnOperation() override {
    // Without a target it is a program for a processor, as with a processor as the target.
    auto target = getOperation()->getAttrOfType<TargetAttrInterface>(kTargetAttrName);
    if (!target || !hasOwnMemory(target))
      return;
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      TransferPlanner planner(function, *strategies);
      if (failed(planner.run()))
        return signalPassFailure();
      numToHost += planner.numToHost;
      numToDevice += planner.numToDevice;
    }
  }
};

} // namespace

} // namespace tenon
