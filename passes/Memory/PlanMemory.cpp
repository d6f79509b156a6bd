// Plans the arena.
//
// Time is the position of ops in a walk of the function. A buffer lives from its launch to the last
// use of any value that shares it: reshapes are views, and the result of an `if` is whatever buffer
// the branch yields. A buffer from outside a loop lives to the end of the loop that uses it, since
// the next iteration may use it again. Launches that write parts of one tensor share the buffer of
// the first of them, its home.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Memory/Arena.h"
#include "passes/Memory/Passes.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace tenon {

#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/Memory/Passes.h.inc"

using namespace mlir;

namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kAtRunTime = -1;

class Planner {
public:
  explicit Planner(func::FuncOp function) : function(function) {}

  LogicalResult run();

  int64_t numStatic = 0, numDynamic = 0;

private:
  void numberOps();
  void findAliases();
  int64_t lastUse(Value value);
  void placeOutputs();
  void releaseAfterLastUse(Value value);
  std::vector<Value> membersOf(Value value);

  func::FuncOp function;
  llvm::DenseMap<Operation *, int64_t> position, endPosition;
  llvm::EquivalenceClasses<void *> aliases;
  /// Values in whose class a buffer from a branch is.
  llvm::DenseSet<Value> fromBranch;
  /// The function result that a launch result is written to directly.
  llvm::DenseMap<Value, int64_t> outputOf;
};

/// Bytes of a result's buffer, or nothing if they depend on the run.
std::optional<int64_t> constantBytes(LaunchOp launch, unsigned number) {
  auto type = cast<RankedTensorType>(launch.getResult(number).getType());
  DimExprs dims = getDims(type);
  if (launch.getCapacities() && number < launch.getCapacities()->size())
    dims = DimExprs(cast<AffineMapAttr>((*launch.getCapacities())[number]).getValue().getResults());
  auto sizes = getConstantDims(dims);
  if (!sizes)
    return std::nullopt;
  int64_t bytes = std::max(1u, getStorageType(type.getElementType()).getIntOrFloatBitWidth() / 8);
  for (int64_t size : *sizes)
    bytes *= size;
  return llvm::alignTo(std::max<int64_t>(bytes, 1), kAlignment);
}

/// The first of the launches that write parts of the tensor.
Value homeOf(Value value) {
  while (auto launch = value.getDefiningOp<LaunchOp>()) {
    if (!launch.getDestination())
      break;
    value = launch.getDestination();
  }
  return value;
}

} // namespace

void Planner::numberOps() {
  int64_t next = 0;
  std::function<void(Operation *)> visit = [&](Operation *op) {
    position[op] = next++;
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Operation &inner : block)
          visit(&inner);
    endPosition[op] = next++;
  };
  for (Operation &op : function.getBody().front())
    visit(&op);
}

void Planner::findAliases() {
  function.walk([&](Operation *op) {
    auto alias = [&](Value a, Value b) {
      aliases.unionSets(a.getAsOpaquePointer(), b.getAsOpaquePointer());
    };
    if (auto reshape = dyn_cast<ReshapeOp>(op))
      alias(reshape.getResult(), reshape.getOperand());
    if (auto launch = dyn_cast<LaunchOp>(op); launch && launch.getDestination())
      alias(launch.getResult(0), launch.getDestination());
    if (auto branch = dyn_cast<IfOp>(op))
      for (Region *region : {&branch.getThenRegion(), &branch.getElseRegion()})
        for (auto [result, yielded] :
             llvm::zip(branch.getResults(), region->front().getTerminator()->getOperands())) {
          alias(result, yielded);
          fromBranch.insert(result);
        }
  });
}

std::vector<Value> Planner::membersOf(Value value) {
  std::vector<Value> members = {value};
  auto found = aliases.findLeader(value.getAsOpaquePointer());
  if (found == aliases.member_end())
    return members;
  members.clear();
  for (; found != aliases.member_end(); ++found)
    members.push_back(Value::getFromOpaquePointer(*found));
  return members;
}

/// The last position at which the buffer of `value` is in use.
int64_t Planner::lastUse(Value value) {
  int64_t last = position.lookup(value.getDefiningOp());
  for (Value member : membersOf(value)) {
    if (Operation *definition = member.getDefiningOp())
      last = std::max(last, position.lookup(definition));
    for (Operation *user : member.getUsers()) {
      last = std::max(last, position.lookup(user));
      // A loop around the use, but not around the launch, may come back to it.
      for (Operation *parent = user->getParentOp(); parent && parent != function;
           parent = parent->getParentOp()) {
        bool holdsLaunch = parent->isAncestor(value.getDefiningOp());
        if (isa<LoopOp>(parent) && !holdsLaunch)
          last = std::max(last, endPosition.lookup(parent));
      }
    }
  }
  return last;
}

// A function result that a top-level launch makes, as it is or reshaped, is written in place. A
// reshape may need sizes that are bound only after the launch: such results are copied.
void Planner::placeOutputs() {
  Block &body = function.getBody().front();
  llvm::SmallDenseSet<AffineExpr> ofArguments;
  for (Type type : function.getArgumentTypes())
    collectSymbols(type, ofArguments);
  for (auto [number, returned] : llvm::enumerate(body.getTerminator()->getOperands())) {
    Value source = returned;
    while (auto reshape = source.getDefiningOp<ReshapeOp>())
      source = reshape.getOperand();
    source = homeOf(source);
    auto launch = source.getDefiningOp<LaunchOp>();
    if (!launch || launch.getCapacities() || launch->getBlock() != &body ||
        outputOf.contains(source))
      continue;
    llvm::SmallDenseSet<AffineExpr> known = ofArguments, needed;
    collectSymbols(source.getType(), known);
    collectSymbols(returned.getType(), needed);
    if (llvm::all_of(needed, [&](AffineExpr symbol) { return known.contains(symbol); }))
      outputOf[source] = number;
  }
}

void Planner::releaseAfterLastUse(Value value) {
  Operation *launch = value.getDefiningOp();
  Block *home = launch->getBlock();
  Operation *last = launch;
  for (Value member : membersOf(value)) {
    if (fromBranch.contains(member))
      return; // which buffer it is depends on the branch: freed when the run ends
    for (Operation *user : member.getUsers()) {
      Operation *inHome = home->findAncestorOpInBlock(*user);
      if (!inHome || inHome->hasTrait<OpTrait::IsTerminator>())
        return; // yielded or returned: copied by what it is given to
      if (last->isBeforeInBlock(inHome))
        last = inHome;
    }
  }
  OpBuilder b(function.getContext());
  b.setInsertionPointAfter(last);
  ReleaseOp::create(b, launch->getLoc(), value);
}

LogicalResult Planner::run() {
  numberOps();
  findAliases();
  placeOutputs();
  std::vector<Interval> intervals;
  llvm::DenseMap<Operation *, SmallVector<int64_t>> placements;
  SmallVector<OpResult> owners; // of the intervals
  SmallVector<Value> dynamic;
  function.walk([&](LaunchOp launch) {
    SmallVector<int64_t> &placement = placements[launch];
    for (OpResult result : launch->getResults()) {
      placement.push_back(kAtRunTime);
      if (homeOf(result) != result)
        continue;
      if (auto output = outputOf.find(result); output != outputOf.end()) {
        placement.back() = -2 - output->second;
      } else if (auto bytes = constantBytes(launch, result.getResultNumber())) {
        intervals.push_back({position.lookup(launch), lastUse(result), *bytes});
        owners.push_back(result);
      } else {
        dynamic.push_back(result);
      }
    }
  });
  int64_t arena = placeInArena(intervals);
  if (!isValidPlacement(intervals, arena))
    return function.emitError("buffers in use at the same time overlap");
  Builder b(function.getContext());
  function->setAttr("tenon.arena_bytes", b.getI64IntegerAttr(arena));
  function->setAttr("tenon.arena_lower_bound", b.getI64IntegerAttr(getLowerBound(intervals)));
  for (auto [interval, owner] : llvm::zip(intervals, owners))
    placements[owner.getOwner()][owner.getResultNumber()] = interval.offset;
  function.walk([&](LaunchOp launch) {
    if (launch.getDestination()) {
      auto home = cast<OpResult>(homeOf(launch.getDestination()));
      placements[launch][0] = placements[home.getOwner()][home.getResultNumber()];
    }
    launch.setPlacement(placements[launch]);
  });
  for (Value value : dynamic)
    releaseAfterLastUse(value);
  numStatic = intervals.size();
  numDynamic = dynamic.size();
  return success();
}

namespace {

struct PlanMemory : impl::PlanMemoryPassBase<PlanMemory> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      Planner planner(function);
      if (failed(planner.run()))
        return signalPassFailure();
      numStatic += planner.numStatic;
      numDynamic += planner.numDynamic;
    }
  }
};

} // namespace

} // namespace tenon
