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
  LogicalResult checkLaunch(LaunchOp launch);
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

/// The place of the buffer that a result is in, if its launch says one.
static Attribute placeOf(Value value) {
  auto launch = value.getDefiningOp<LaunchOp>();
  return launch ? launch.getPlace(cast<OpResult>(value).getResultNumber()) : Attribute();
}

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
  auto launch = cast<LaunchOp>(result.getOwner());
  std::optional<int64_t> bytes = getBufferBytes(launch, result.getResultNumber());
  if (!bytes)
    return launch.emitError("has a result at ")
           << offset << " of the arena, but its size depends on the run: " << result.getType();
  if (offset % kBufferAlignment != 0 || *bytes > arenaBytes || offset > arenaBytes - *bytes)
    return launch.emitError("has a result of ")
           << *bytes << " bytes at " << offset << ", with an arena of " << arenaBytes
           << " bytes in units of " << kBufferAlignment;
  buffers.push_back({{lifetimes.begin(launch), lifetimes.lastUse(result), *bytes, offset}, result});
  return success();
}

LogicalResult PlacementChecks::checkResult(OpResult result, Attribute place) {
  auto launch = cast<LaunchOp>(result.getOwner());
  if (launch.getDestination()) {
    Attribute home = placeOf(getHome(result));
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

LogicalResult PlacementChecks::checkLaunch(LaunchOp launch) {
  std::optional<ArrayAttr> places = launch.getPlacement();
  if (!places || places->size() != launch.getNumResults())
    return launch.emitError("needs one place for each of its ")
           << launch.getNumResults() << " results";
  LogicalResult result = success();
  auto kernel = kernels.lookup<KernelOp>(launch.getKernel());
  if (kernel.getScratch() && !kernel.getScratch()->isConstant() && !launch.getAllocatesScratch())
    result = launch.emitError("uses scratch memory of the context, but how much @")
             << kernel.getSymName() << " needs depends on the run";
  for (auto [each, place] : llvm::zip_equal(launch->getResults(), *places))
    if (failed(checkResult(each, place)))
      result = failure();
  return result;
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
  function.walk([&](LaunchOp launch) {
    if (failed(checkLaunch(launch)))
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
