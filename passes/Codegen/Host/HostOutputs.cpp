// The end of a run: results that no launch wrote are copied into the caller's memory.
//
// The output of a state may lie in the memory of its input (dialects/Tenon/States.h). So the other
// outputs come first: writing them changes no input. The output of a state is written when nothing
// that is still to be copied may lie in the memory of its input. Where states wait for each other
// in a circle, one value is put aside:
//
//     out0 = in1, out1 = in0   ->   aside = in1; out1 = in0; out0 = aside

#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/States.h"
#include "passes/Codegen/Host/HostLowering.h"
#include "passes/Memory/Lifetimes.h"

using namespace mlir;

namespace tenon {

namespace {

/// A result that is still to be copied.
struct PendingOutput {
  int64_t number;
  Value tensor, source;
  /// The outputs in whose states' inputs the source may lie.
  SmallVector<int64_t> mayLieIn;

  bool waitsFor(const PendingOutput &other) const {
    return number != other.number && llvm::is_contained(other.mayLieIn, number);
  }
};

} // namespace

static llvm::DenseSet<int64_t> outputsInPlace(func::FuncOp function) {
  llvm::DenseSet<int64_t> written;
  for (BufferOpInterface op : function.getOps<BufferOpInterface>())
    for (Attribute place : op.getPlacementAttr())
      if (auto output = dyn_cast<OutputAttr>(place))
        written.insert(output.getNumber());
  return written;
}

/// For each member of a class of values that may share memory with a state's input: its output.
static llvm::DenseMap<Value, SmallVector<int64_t>> findStateMemory(func::FuncOp function) {
  llvm::DenseMap<Value, SmallVector<int64_t>> found;
  SmallVector<State> states = getStates(function);
  if (states.empty())
    return found;
  Lifetimes lifetimes(function);
  for (State state : states)
    for (Value member : lifetimes.membersOf(function.getArgument(state.input)))
      found[member].push_back(state.output);
  return found;
}

/// Takes out one whose memory none of the others may need. Nothing if all wait.
static std::optional<PendingOutput> takeReady(SmallVectorImpl<PendingOutput> &pending) {
  auto *ready = llvm::find_if(pending, [&](const PendingOutput &output) {
    return llvm::none_of(pending,
                         [&](const PendingOutput &other) { return output.waitsFor(other); });
  });
  if (ready == pending.end())
    return std::nullopt;
  PendingOutput result = *ready;
  pending.erase(ready);
  return result;
}

// One that another waits for.
static PendingOutput &findObstacle(MutableArrayRef<PendingOutput> pending) {
  auto *obstacle = llvm::find_if(pending, [&](const PendingOutput &output) {
    return llvm::any_of(pending,
                        [&](const PendingOutput &other) { return other.waitsFor(output); });
  });
  assert(obstacle != pending.end() && "where all wait, somebody is waited for");
  return *obstacle;
}

void HostLowering::copyUnlessSame(Value to, Value from, Value bytes) {
  Block *differ = newBlock(), *after = newBlock();
  em.create<LLVM::CondBrOp>(em.create<LLVM::ICmpOp>(LLVM::ICmpPredicate::ne, to, from), differ,
                            after);
  em.setInsertionPointToStart(differ);
  copy(to, from, bytes);
  branch(after);
  em.setInsertionPointToStart(after);
}

void HostLowering::writeOutput(int64_t number, Value tensor, Value source, bool mayBeThere) {
  Value buffer = outputBuffer(number, tensor.getType());
  Value bytes = bytesOf(tensor.getType());
  if (mayBeThere)
    copyUnlessSame(buffer, source, bytes);
  else
    copy(buffer, source, bytes);
}

void HostLowering::writeOutputs(func::ReturnOp op) {
  llvm::DenseSet<int64_t> written = outputsInPlace(function);
  llvm::DenseMap<Value, SmallVector<int64_t>> stateMemory = findStateMemory(function);
  SmallVector<PendingOutput> pending;
  for (auto [index, tensor] : llvm::enumerate(op.getOperands())) {
    auto number = static_cast<int64_t>(index);
    if (written.contains(number))
      continue;
    if (isHostValue(tensor))
      writeObject(number, tensor);
    else if (getStateInput(function, number))
      pending.push_back({number, tensor, pointerOf(tensor), stateMemory.lookup(tensor)});
    else
      writeOutput(number, tensor, pointerOf(tensor), /*mayBeThere=*/false);
  }
  while (!pending.empty()) {
    if (std::optional<PendingOutput> ready = takeReady(pending)) {
      writeOutput(ready->number, ready->tensor, ready->source,
                  llvm::is_contained(ready->mayLieIn, ready->number));
      continue;
    }
    PendingOutput &obstacle = findObstacle(pending);
    Value bytes = bytesOf(obstacle.tensor.getType()), aside = allocate(bytes);
    copy(aside, obstacle.source, bytes);
    obstacle.source = aside;
    obstacle.mayLieIn.clear();
  }
}

} // namespace tenon
