// Where the program gives up its references to sequences, optionals and maps.
//
// A block owns a reference to each object that one of its ops makes, and to each that it gets as an
// argument of a loop's body. It gives it up after the last use in the block or in regions of its
// ops; what its terminator gives on is not given up. A sequence whose last use is an insertion or
// removal becomes its result, so that a loop which appends to one does not copy it:
//
//     %t = sequence_insert %s, %x; release %s   ->   %t = sequence_insert %s, %x {consumes}
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
    if (!last || last->isBeforeInBlock(here))
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

static bool releaseObject(Value value, Block &block) {
  Operation *last = findLastUser(value, block);
  if (last && last->hasTrait<OpTrait::IsTerminator>())
    return false;
  if (last && canConsume(last, value)) {
    last->setAttr("consumes", UnitAttr::get(value.getContext()));
    return true;
  }
  OpBuilder b(value.getContext());
  if (last)
    b.setInsertionPointAfter(last);
  else if (Operation *definition = value.getDefiningOp())
    b.setInsertionPointAfter(definition);
  else
    b.setInsertionPointToStart(&block);
  ReleaseOp::create(b, value.getLoc(), value);
  return true;
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
