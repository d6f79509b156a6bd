// Places of results in memory, as they are written in the IR: by the planner, by hand or by a
// tuner. A result has the size of its type, lies in the arena or in an output of its size, and
// shares its bytes with nothing that is in use at the same time. The output of a state may share
// those of its input.

#include "dialects/Tenon/States.h"
#include "passes/Memory/Arena.h"
#include "passes/Memory/Lifetimes.h"
#include "passes/Pipelines/StageChecks.h"

using namespace mlir;

namespace tenon {

namespace {

class PlacementChecks {
public:
  PlacementChecks(func::FuncOp function, int64_t arenaBytes)
      : function(function), kernels(function->getParentOp()), lifetimes(function),
        arenaBytes(arenaBytes) {}

  LogicalResult run();

private:
  LogicalResult checkScratch(LaunchOp launch);
  LogicalResult checkPlaces(BufferOpInterface op);
  LogicalResult checkSides(LaunchOp launch);
  LogicalResult checkSides(TransferOp transfer);
  LogicalResult checkResult(OpResult result, Attribute place);
  LogicalResult checkOutput(OpResult result, int64_t output);
  LogicalResult checkArena(OpResult result, int64_t offset);
  LogicalResult checkOverlaps();

  func::FuncOp function;
  SymbolTable kernels;
  Lifetimes lifetimes;
  int64_t arenaBytes;
  /// Of what lies in the arena, and whose it is.
  std::vector<std::pair<Interval, OpResult>> buffers;
};

} // namespace

LogicalResult PlacementChecks::checkOutput(OpResult result, int64_t output) {
  Operation *launch = result.getOwner();
  if (output >= static_cast<int64_t>(function.getNumResults()))
    return launch->emitError("has a result at output ")
           << output << " of a function with " << function.getNumResults();
  Type type = function.getResultTypes()[output];
  auto sizes = getConstantDims(getDims(result.getType())), room = getConstantDims(getDims(type));
  bool fits = getElementTypeOrSelf(type) == getElementTypeOrSelf(result.getType());
  if (sizes && room)
    fits &= llvm::product_of(*sizes) == llvm::product_of(*room);
  if (!fits)
    return launch->emitError("has a result of ")
           << result.getType() << " at output " << output << ", which is " << type;
  Value input = getStateInput(function, output);
  if (input && lifetimes.isUsedFrom(launch, input))
    return launch->emitError("has a result at output ")
           << output << ", where input " << cast<BlockArgument>(input).getArgNumber()
           << " may lie, a state that is in use then or later";
  return success();
}

LogicalResult PlacementChecks::checkArena(OpResult result, int64_t offset) {
  Operation *launch = result.getOwner();
  std::optional<int64_t> bytes = getBufferBytes(result);
  if (!bytes)
    return launch->emitError("has a result at ")
           << offset << " of the arena, but its size depends on the run: " << result.getType();
  if (offset % kBufferAlignment != 0 || *bytes > arenaBytes || offset > arenaBytes - *bytes)
    return launch->emitError("has a result of ")
           << *bytes << " bytes at " << offset << ", with an arena of " << arenaBytes
           << " bytes in units of " << kBufferAlignment;
  buffers.push_back({{lifetimes.begin(launch), lifetimes.lastUse(result), *bytes, offset}, result});
  return success();
}

LogicalResult PlacementChecks::checkResult(OpResult result, Attribute place) {
  auto launch = dyn_cast<LaunchOp>(result.getOwner());
  if (launch && launch.getDestination()) {
    Attribute home = getPlace(getHome(result));
    if (home && home != place)
      return launch.emitError("has a result at ")
             << place << " that is a part of a tensor at " << home;
    return success();
  }
  if (auto output = dyn_cast<OutputAttr>(place))
    return checkOutput(result, output.getNumber());
  if (auto arena = dyn_cast<ArenaAttr>(place))
    return checkArena(result, arena.getOffset());
  return success();
}

LogicalResult PlacementChecks::checkPlaces(BufferOpInterface op) {
  ArrayAttr places = op.getPlacementAttr();
  if (!places || places.size() != op->getNumResults())
    return op.emitError("needs one place for each of its ") << op->getNumResults() << " results";
  LogicalResult result = success();
  for (auto [each, place] : llvm::zip_equal(op->getResults(), places))
    if (failed(checkResult(each, place)))
      result = failure();
  return result;
}

LogicalResult PlacementChecks::checkScratch(LaunchOp launch) {
  auto kernel = kernels.lookup<KernelOp>(launch.getKernel());
  if (kernel.getScratch() && !kernel.getScratch()->isConstant() && !launch.getAllocatesScratch())
    return launch.emitError("uses scratch memory of the context, but how much @")
           << kernel.getSymName() << " needs depends on the run";
  return success();
}

static bool isOnHost(Value value) { return isa_and_present<HostAttr>(getPlace(value)); }

/// A kernel reads and writes one memory. Constants are in both.
LogicalResult PlacementChecks::checkSides(LaunchOp launch) {
  bool isHosts = llvm::any_of(launch.getResults(), isOnHost);
  for (Value result : launch.getResults())
    if (isOnHost(result) != isHosts)
      return launch.emitError("has results in memory of the host and others elsewhere");
  for (Value input : launch.getInputs()) {
    bool isConstant = isConstantValue(input);
    if (isOnHost(input) != isHosts && !(isHosts && isConstant))
      return launch.emitError("reads a value of type ")
             << input.getType() << (isHosts ? " that is not" : " that is")
             << " in memory of the host, where its results are" << (isHosts ? "" : " not");
  }
  return success();
}

LogicalResult PlacementChecks::checkSides(TransferOp transfer) {
  bool isToHost = transfer.getSide() == Side::Host;
  if (isOnHost(transfer.getOperand()) == isToHost || isOnHost(transfer.getResult()) != isToHost)
    return transfer.emitError("does not lead ")
           << (isToHost ? "to" : "from") << " memory of the host";
  return success();
}

LogicalResult PlacementChecks::checkOverlaps() {
  LogicalResult result = success();
  llvm::stable_sort(buffers,
                    [](const auto &a, const auto &b) { return a.first.begin < b.first.begin; });
  for (auto [number, buffer] : llvm::enumerate(buffers)) {
    auto [interval, value] = buffer;
    for (auto [other, otherValue] : ArrayRef(buffers).drop_front(number + 1)) {
      if (other.begin > interval.end)
        break;
      if (other.offset >= interval.offset + interval.bytes ||
          interval.offset >= other.offset + other.bytes)
        continue;
      InFlightDiagnostic error = otherValue.getOwner()->emitError("has a result at ")
                                 << other.offset << " to " << other.offset + other.bytes
                                 << " while another is in use there";
      error.attachNote(value.getLoc()) << "the other one is at " << interval.offset << " to "
                                       << interval.offset + interval.bytes;
      result = error;
    }
  }
  return result;
}

LogicalResult PlacementChecks::run() {
  LogicalResult result = success();
  function.walk([&](BufferOpInterface op) {
    if (failed(checkPlaces(op)))
      result = failure();
  });
  auto check = [&](auto op) {
    if (failed(checkSides(op)))
      result = failure();
  };
  function.walk([&](TransferOp transfer) { check(transfer); });
  function.walk([&](LaunchOp launch) {
    check(launch);
    if (failed(checkScratch(launch)))
      result = failure();
  });
  return failed(result) ? result : checkOverlaps();
}

LogicalResult verifyPlacements(ModuleOp module) {
  LogicalResult result = success();
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    auto bytes = function->getAttrOfType<IntegerAttr>("tenon.arena_bytes");
    if (!bytes)
      result = function.emitError("has no 'tenon.arena_bytes'");
    else if (failed(PlacementChecks(function, bytes.getInt()).run()))
      result = failure();
  }
  return result;
}

} // namespace tenon
