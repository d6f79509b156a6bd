// When the buffers of a program are in use (see the header).

#include "passes/Memory/Lifetimes.h"

using namespace mlir;

namespace tenon {

std::optional<int64_t> getBufferBytes(OpResult result) {
  auto type = cast<RankedTensorType>(result.getType());
  auto op = cast<BufferOpInterface>(result.getOwner());
  auto sizes = getConstantDims(op.getCapacity(result.getResultNumber()));
  if (!sizes)
    return std::nullopt;
  int64_t bytes = getElementBytes(type.getElementType());
  for (int64_t size : *sizes)
    bytes *= size;
  return llvm::alignTo(std::max<int64_t>(bytes, 1), kBufferAlignment);
}

Attribute getPlace(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getOperand();
  auto op = value.getDefiningOp<BufferOpInterface>();
  return op ? op.getPlace(cast<OpResult>(value).getResultNumber()) : Attribute();
}

Value getHome(Value value) {
  while (auto launch = value.getDefiningOp<LaunchOp>()) {
    if (!launch.getDestination())
      break;
    value = launch.getDestination();
  }
  return value;
}

Lifetimes::Lifetimes(func::FuncOp function) : function(function) {
  numberOps();
  findAliases();
}

void Lifetimes::numberOps() {
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

void Lifetimes::findAliases() {
  function.walk([&](Operation *op) {
    auto alias = [&](Value a, Value b) {
      aliases.unionSets(a.getAsOpaquePointer(), b.getAsOpaquePointer());
    };
    if (auto reshape = dyn_cast<ReshapeOp>(op))
      alias(reshape.getResult(), reshape.getOperand());
    if (auto launch = dyn_cast<LaunchOp>(op); launch && launch.getDestination())
      alias(launch.getResult(0), launch.getDestination());
    // The result may be the input itself; memory of its own is reserved all the same.
    if (auto launch = dyn_cast<LaunchOp>(op); launch && launch.getDifferences())
      alias(launch.getResult(0), launch.getInputs().front());
    if (auto branch = dyn_cast<IfOp>(op))
      for (Region *region : {&branch.getThenRegion(), &branch.getElseRegion()})
        for (auto [result, yielded] :
             llvm::zip(branch.getResults(), region->front().getTerminator()->getOperands())) {
          alias(result, yielded);
          fromBranch.insert(result);
        }
  });
}

std::vector<Value> Lifetimes::membersOf(Value value) const {
  std::vector<Value> members = {value};
  auto found = aliases.findLeader(value.getAsOpaquePointer());
  if (found == aliases.member_end())
    return members;
  members.clear();
  for (; found != aliases.member_end(); ++found)
    members.push_back(Value::getFromOpaquePointer(*found));
  return members;
}

int64_t Lifetimes::lastUse(Value value) const {
  Operation *launch = value.getDefiningOp();
  int64_t last = launch ? position.lookup(launch) : -1;
  for (Value member : membersOf(value)) {
    if (Operation *definition = member.getDefiningOp())
      last = std::max(last, position.lookup(definition));
    for (Operation *user : member.getUsers()) {
      last = std::max(last, position.lookup(user));
      // A loop around the use, but not around the launch, may come back to it.
      for (Operation *parent = user->getParentOp(); parent && parent != function;
           parent = parent->getParentOp()) {
        bool holdsLaunch = launch && parent->isAncestor(launch);
        if (isa<LoopOp>(parent) && !holdsLaunch)
          last = std::max(last, endPosition.lookup(parent));
      }
    }
  }
  return last;
}

} // namespace tenon
