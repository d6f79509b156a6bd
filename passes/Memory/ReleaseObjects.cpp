// Where the program gives up its references to sequences, optionals and maps.
//
// A block owns a reference to each object that one of its ops makes, and to each that it gets as an
// argument of a loop's body. It gives it up after the last use in the block or in regions of its
// ops; what its terminator gives on is not given up. A sequence whose last use is an insertion or
// removal becomes its result, so that a loop which appends to one does not copy it:
//
//     %t = sequence_insert %s, %x; release %s   ->   %t = sequence_insert %s, %x {consumes}
//
// Where the last use is in an `if`, its branches have the reference, so that each can do the same.
//
// Arguments of the function are the caller's.

#include "passes/Memory/ReleaseObjects.h"
#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

/// The last op of the block that uses the value, itself or in a region; null if none does.
static Operation *findLastUser(Value value, Block &block) {
  Operation *last = nullptr;
  for (Operation *user : value.getUsers()) {
    Operation *here = block.findAncestorOpInBlock(*user);
    if (here && (!last || last->isBeforeInBlock(here)))
      last = here;
  }
  return last;
}

/// Whether the op can take the sequence over: it is what it changes, and nothing else that it
/// reads.
static bool canConsume(Operation *op, Value value) {
  return isa<SequenceInsertOp, SequenceEraseOp>(op) && op->getOperand(0) == value &&
         llvm::count(op->getOperands(), value) == 1;
}

/// Ends the block's reference. How many ops do that.
static int64_t releaseObject(Value value, Block &block) {
  Operation *last = findLastUser(value, block);
  if (last && last->hasTrait<OpTrait::IsTerminator>())
    return 0;
  if (auto branch = dyn_cast_if_present<IfOp>(last))
    return releaseObject(value, branch.getThenRegion().front()) +
           releaseObject(value, branch.getElseRegion().front());
  if (last && canConsume(last, value)) {
    last->setAttr("consumes", UnitAttr::get(value.getContext()));
    return 1;
  }
  OpBuilder b(value.getContext());
  if (last)
    b.setInsertionPointAfter(last);
  else if (Operation *definition = value.getDefiningOp();
           definition && definition->getBlock() == &block)
    b.setInsertionPointAfter(definition);
  else
    b.setInsertionPointToStart(&block);
  ReleaseOp::create(b, value.getLoc(), value);
  return 1;
}

bool givesReference(Value object, Operation *terminator) {
  Block *block = terminator->getBlock();
  while (block != object.getParentBlock()) {
    auto branch = dyn_cast<IfOp>(block->getParentOp());
    if (!branch || findLastUser(object, *branch->getBlock()) != branch)
      return false;
    block = branch->getBlock();
  }
  // The caller's objects are not the program's to give.
  return !isa<BlockArgument>(object) || !isa<func::FuncOp>(block->getParentOp());
}

int64_t releaseObjects(func::FuncOp function) {
  int64_t count = 0;
  function.walk([&](Block *block) {
    SmallVector<Value> owned;
    if (!isa<func::FuncOp>(block->getParentOp()))
      llvm::append_range(owned, block->getArguments());
    for (Operation &op : *block)
      llvm::append_range(owned, op.getResults());
    for (Value value : owned)
      if (isHostValue(value))
        count += releaseObject(value, *block);
  });
  return count;
}

} // namespace tenon
