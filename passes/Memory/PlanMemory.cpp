// Plans the arena: buffers of constant size get a place there for the time that they are in use
// (Lifetimes.h tells when). All others, or all if they are to be separate, are allocated by the
// run. So are tensors that a sequence is joined to; those that are read from one lie in its memory,
// and release it. Scratch memory has no offsets: launches follow one another, so one region of the
// context serves all whose needs are constants, and the others allocate theirs.

#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/States.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Memory/Arena.h"
#include "passes/Memory/Lifetimes.h"
#include "passes/Memory/Passes.h"
#include "passes/Memory/ReleaseObjects.h"

namespace tenon {

#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/Memory/Passes.h.inc"

using namespace mlir;

namespace {

class Planner {
public:
  Planner(func::FuncOp function, bool separateBuffers)
      : function(function), kernels(function->getParentOp()), lifetimes(function),
        separateBuffers(separateBuffers) {}

  LogicalResult run();

  int64_t numStatic = 0, numDynamic = 0;

private:
  bool canWriteOutput(Operation *op, int64_t output);
  void placeOutputs();
  void placeScratch(LaunchOp launch);
  void releaseAfterLastUse(Value value);

  func::FuncOp function;
  SymbolTable kernels;
  Lifetimes lifetimes;
  bool separateBuffers;
  /// The function result that an op's result is written to directly.
  llvm::DenseMap<Value, int64_t> outputOf;
};

} // namespace

// Whether an output may be written when the launch runs. That of a state may lie in the memory of
// its input, which must not be in use any more.
bool Planner::canWriteOutput(Operation *op, int64_t output) {
  Value input = getStateInput(function, output);
  return !input || !lifetimes.isUsedFrom(op, input);
}

static bool hasCapacities(Operation *op) {
  auto launch = dyn_cast<LaunchOp>(op);
  return launch && launch.getCapacities();
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
    source = getHome(source);
    auto op = source.getDefiningOp<BufferOpInterface>();
    if (!op || hasCapacities(op) || op->getBlock() != &body || outputOf.contains(source) ||
        !canWriteOutput(op, number))
      continue;
    llvm::SmallDenseSet<AffineExpr> known = ofArguments, needed;
    collectSymbols(source.getType(), known);
    collectSymbols(returned.getType(), needed);
    if (llvm::all_of(needed, [&](AffineExpr symbol) { return known.contains(symbol); }))
      outputOf[source] = number;
  }
}

void Planner::placeScratch(LaunchOp launch) {
  auto kernel = kernels.lookup<KernelOp>(launch.getKernel());
  bool isKnown = !kernel.getScratch() || kernel.getScratch()->isConstant();
  launch.setAllocatesScratch(kernel.getScratch() && (separateBuffers || !isKnown));
}

void Planner::releaseAfterLastUse(Value value) {
  Operation *launch = value.getDefiningOp();
  Block *home = launch->getBlock();
  Operation *last = launch;
  for (Value member : lifetimes.membersOf(value)) {
    if (lifetimes.isFromBranch(member))
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
  placeOutputs();
  MLIRContext *context = function.getContext();
  std::vector<Interval> intervals;
  llvm::DenseMap<Operation *, SmallVector<Attribute>> placements;
  SmallVector<OpResult> owners; // of the intervals
  SmallVector<Value> dynamic;
  function.walk([&](LaunchOp launch) { placeScratch(launch); });
  function.walk([&](BufferOpInterface op) {
    SmallVector<Attribute> &placement = placements[op];
    for (OpResult result : op->getResults()) {
      placement.push_back(AllocatedAttr::get(context));
      if (getHome(result) != result)
        continue;
      if (Attribute place = getPlace(result); isa_and_present<HostAttr>(place)) {
        placement.back() = place;
        dynamic.push_back(result);
      } else if (auto output = outputOf.find(result); output != outputOf.end()) {
        placement.back() = OutputAttr::get(context, output->second);
      } else if (auto bytes = getBufferBytes(result); bytes && !separateBuffers) {
        intervals.push_back({lifetimes.begin(op), lifetimes.lastUse(result), *bytes});
        owners.push_back(result);
      } else {
        dynamic.push_back(result);
      }
    }
  });
  function.walk([&](Operation *op) {
    if (isa<SequenceAtOp, SequenceConcatOp, MapEntriesOp, DecodeImageOp>(op))
      for (Value result : op->getResults())
        if (!isHostValue(result))
          dynamic.push_back(result);
  });
  int64_t arena = placeInArena(intervals);
  if (!isValidPlacement(intervals, arena))
    return function.emitError("buffers in use at the same time overlap");
  Builder b(context);
  function->setAttr("tenon.arena_bytes", b.getI64IntegerAttr(arena));
  function->setAttr("tenon.arena_lower_bound", b.getI64IntegerAttr(getLowerBound(intervals)));
  for (auto [interval, owner] : llvm::zip(intervals, owners))
    placements[owner.getOwner()][owner.getResultNumber()] =
        ArenaAttr::get(context, interval.offset);
  function.walk([&](BufferOpInterface op) {
    if (auto home = cast<OpResult>(getHome(op->getResult(0))); home.getOwner() != op)
      placements[op][0] = placements[home.getOwner()][home.getResultNumber()];
    op.setPlacementAttr(b.getArrayAttr(placements[op]));
  });
  for (Value value : dynamic)
    releaseAfterLastUse(value);
  releaseObjects(function);
  numStatic = intervals.size();
  numDynamic = dynamic.size();
  return success();
}

namespace {

struct PlanMemory : impl::PlanMemoryPassBase<PlanMemory> {
  using PlanMemoryPassBase::PlanMemoryPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      Planner planner(function, separateBuffers);
      if (failed(planner.run()))
        return signalPassFailure();
      numStatic += planner.numStatic;
      numDynamic += planner.numDynamic;
    }
  }
};

} // namespace

} // namespace tenon
