// Decides which kernels a device computes and which its host.
//
// Each launch costs something on either side, and so does each value that one side computes and the
// other reads: once, however many read it. The cheapest of all placements is a minimum cut of a
// graph (Stone 1977): the source is the device, the sink the host, and the cut goes through
//
//   device -> launch   by what the launch takes on the host
//   launch -> host     by what it takes on the device
//   writer -> a        by the transfer to the host, a -> each launch that reads: infinite
//   each reader -> b   infinite, b -> writer: by the transfer to the device
//
// where a and b are nodes of their own for each value. What the program's caller gives and gets,
// and what control flow passes on, is on the device, as it is where nothing is placed
// (PlanTransfers).

#include "dialects/Target/KernelStrategy.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Schedule/MinimumCut.h"
#include "passes/Schedule/Passes.h"
#include "passes/Schedule/Work.h"

namespace tenon {

#define GEN_PASS_DEF_PLACEKERNELSPASS
#include "passes/Schedule/Passes.h.inc"

using namespace mlir;

/// What sizes are taken for that only a run tells, and the turns of a loop.
static constexpr int64_t assumedSize = 128;
static constexpr double assumedTurns = 10;

namespace {

class Placer {
public:
  Placer(func::FuncOp function, const TargetStrategies &strategies)
      : function(function), kernels(function->getParentOp()), strategies(strategies),
        device(strategies.getTarget()), host(getHost(device)) {}

  LogicalResult run();

  int64_t numOnHost = 0;

private:
  LogicalResult addLaunch(LaunchOp launch);
  void addValue(Value value);
  double getTransferTime(Value value) const;
  const KernelStrategy *findHostStrategy(KernelOp kernel) const;
  void moveToHost(LaunchOp launch);

  func::FuncOp function;
  SymbolTable kernels;
  const TargetStrategies &strategies;
  TargetAttrInterface device, host;
  MinimumCut cut;
  llvm::MapVector<Operation *, MinimumCut::Node> launches;
  /// Of kernels that a device computes otherwise, the host's copy.
  llvm::DenseMap<Operation *, KernelOp> moved;
};

} // namespace

static const DeviceCosts *getCosts(TargetAttrInterface target) {
  return target.getDialect().getRegisteredInterface<DeviceCosts>();
}

/// How often a run gets there.
static double countTurns(Block *block) {
  double turns = 1;
  for (Operation *op = block->getParentOp(); op; op = op->getParentOp())
    if (isa<LoopOp>(op))
      turns *= assumedTurns;
  return turns;
}

/// Whether the host computes with all that is in a kernel as it is: some devices have arithmetic on
/// numbers that others widen before.
static bool hasTypes(TargetAttrInterface host, KernelOp kernel) {
  auto isThere = [&](Type type) {
    Type element = getElementTypeOrSelf(type);
    return host.getComputeType(element) == element;
  };
  return llvm::all_of(kernel.getEntryBlock(), [&](Operation &op) {
    return llvm::all_of(op.getOperandTypes(), isThere) &&
           llvm::all_of(op.getResultTypes(), isThere);
  });
}

/// The strategy by which the host computes a kernel; null if it has none.
const KernelStrategy *Placer::findHostStrategy(KernelOp kernel) const {
  if (!hasTypes(host, kernel))
    return nullptr;
  const KernelStrategy *current = strategies.lookup(kernel);
  Operation *root = getRoot(kernel, *current);
  auto computes = [&](const KernelStrategy &strategy) {
    if (!strategy.runsOnHost())
      return false;
    bool matches = root && !strategy.isElemental() ? strategy.match(root, device)
                                                   : !root && strategy.isElemental();
    return matches && strategy.canCompute(kernel);
  };
  for (const auto &strategy : device.getDialect().getRegisteredInterface<KernelStrategies>()->get())
    if (computes(*strategy))
      return strategy.get();
  return nullptr;
}

LogicalResult Placer::addLaunch(LaunchOp launch) {
  auto kernel = kernels.lookup<KernelOp>(launch.getKernel());
  const KernelStrategy *strategy = strategies.lookup(kernel);
  if (!strategy)
    return failure();
  MinimumCut::Node node = launches[launch] = cut.addNode();
  if (strategy->runsOnHost()) {
    cut.addEdge(node, MinimumCut::sink, MinimumCut::infinite);
    return success();
  }
  LaunchWork work = estimateWork(launch, kernel, assumedSize);
  double turns = countTurns(launch->getBlock());
  cut.addEdge(node, MinimumCut::sink, turns * getCosts(device)->getLaunchTime(device, work));
  cut.addEdge(MinimumCut::source, node,
              findHostStrategy(kernel) ? turns * getCosts(host)->getLaunchTime(host, work)
                                       : MinimumCut::infinite);
  return success();
}

double Placer::getTransferTime(Value value) const {
  return countTurns(value.getParentBlock()) *
         getCosts(device)->getTransferTime(device,
                                           estimateBytes(value.getType(), function, assumedSize));
}

/// Calls `visit` with all uses of a value, and of what is the same memory.
static void forEachUse(Value value, function_ref<void(OpOperand &)> visit) {
  for (OpOperand &use : value.getUses())
    if (auto reshape = dyn_cast<ReshapeOp>(use.getOwner()))
      forEachUse(reshape, visit);
    else
      visit(use);
}

void Placer::addValue(Value value) {
  Operation *op = value.getDefiningOp();
  if (op && isa<ConstantOp, ReshapeOp>(op))
    return;
  auto writer = op ? launches.find(op) : launches.end();
  bool isLaunched = writer != launches.end();
  MinimumCut::Node from = isLaunched ? writer->second : MinimumCut::source;
  SmallVector<MinimumCut::Node> readers;
  bool isPassedOn = false;
  forEachUse(value, [&](OpOperand &use) {
    auto reader = launches.find(use.getOwner());
    if (reader != launches.end())
      readers.push_back(reader->second);
    else
      isPassedOn = true;
  });
  double time = getTransferTime(value);
  if (!readers.empty()) {
    MinimumCut::Node toHost = cut.addNode();
    cut.addEdge(from, toHost, time);
    for (MinimumCut::Node reader : readers)
      cut.addEdge(toHost, reader, MinimumCut::infinite);
  }
  if (!isLaunched)
    return;
  MinimumCut::Node toDevice = isPassedOn ? MinimumCut::source : cut.addNode();
  cut.addEdge(toDevice, from, time);
  if (!isPassedOn)
    for (MinimumCut::Node reader : readers)
      cut.addEdge(reader, toDevice, MinimumCut::infinite);
}

/// Lets the host compute a launch's kernel, of which other launches may stay.
void Placer::moveToHost(LaunchOp launch) {
  auto kernel = kernels.lookup<KernelOp>(launch.getKernel());
  if (strategies.lookup(kernel)->runsOnHost())
    return;
  KernelOp &twin = moved[kernel];
  if (!twin) {
    twin = kernel.clone();
    twin.setSymName((kernel.getSymName() + "_host").str());
    twin.setStrategy(findHostStrategy(kernel)->getName());
    kernels.insert(twin, std::next(kernel->getIterator()));
  }
  launch.setKernel(twin.getSymName());
  ++numOnHost;
}

LogicalResult Placer::run() {
  WalkResult added =
      function.walk([&](LaunchOp launch) -> WalkResult { return addLaunch(launch); });
  if (added.wasInterrupted())
    return failure();
  function.walk([&](Block *block) {
    for (BlockArgument argument : block->getArguments())
      addValue(argument);
    for (Operation &op : *block)
      for (Value result : op.getResults())
        addValue(result);
  });
  cut.solve();
  for (auto [op, node] : launches)
    if (!cut.isWithSource(node))
      moveToHost(cast<LaunchOp>(op));
  for (auto [kernel, twin] : moved)
    if (SymbolTable::symbolKnownUseEmpty(kernel, function))
      kernels.erase(kernel);
  return success();
}

namespace {

struct PlaceKernels : impl::PlaceKernelsPassBase<PlaceKernels> {
  using PlaceKernelsPassBase::PlaceKernelsPassBase;

  void runOnOperation() override {
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    if (!hasOwnMemory(strategies->getTarget()))
      return;
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      Placer placer(function, *strategies);
      if (failed(placer.run()))
        return signalPassFailure();
      numOnHost += placer.numOnHost;
    }
  }
};

} // namespace

} // namespace tenon
