// Branches and loops of the host function, as blocks.

#include "dialects/Tenon/SequenceTypes.h"
#include "passes/Codegen/Host/HostLowering.h"

using namespace mlir;

namespace tenon {

LogicalResult HostLowering::lower(IfOp op) {
  Value condition =
      em.compare(arith::CmpIPredicate::ne, loadElement(op.getCondition(), 0), em.i64(0));
  Block *thenBlock = newBlock(), *elseBlock = newBlock(), *after = newBlock();
  em.create<LLVM::CondBrOp>(condition, thenBlock, elseBlock);
  // A result is a pointer and, where its size depends on the branch, its dimensions.
  SmallVector<std::pair<unsigned, unsigned>> sizes; // result, dimension
  for (OpResult result : op->getResults()) {
    after->addArgument(pointerType, op.getLoc());
    for (auto [number, dim] : llvm::enumerate(getDims(result.getType())))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(dim);
          symbol && !symbols.contains(symbol.getPosition()))
        sizes.push_back({result.getResultNumber(), number});
  }
  for (size_t i = 0; i < sizes.size(); ++i)
    after->addArgument(i64, op.getLoc());
  for (auto [region, block] :
       {std::pair(&op.getThenRegion(), thenBlock), std::pair(&op.getElseRegion(), elseBlock)}) {
    em.setInsertionPointToStart(block);
    if (failed(lowerBlock(region->front())))
      return failure();
    auto terminator = region->front().getTerminator();
    SmallVector<Value> yielded = yieldedPointers(terminator);
    for (auto [result, dim] : sizes)
      yielded.push_back(value(getDims(terminator->getOperand(result).getType())[dim]));
    branch(after, yielded);
  }
  em.setInsertionPointToStart(after);
  for (auto [result, pointer] : llvm::zip(op->getResults(), after->getArguments()))
    pointers[result] = pointer;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    AffineExpr dim = getDims(op->getResult(size.first).getType())[size.second];
    symbols.try_emplace(cast<AffineSymbolExpr>(dim).getPosition(),
                        after->getArgument(op->getNumResults() + i));
  }
  return success();
}

Value HostLowering::carry(Value value) {
  Value bytes = bytesOf(value.getType());
  Value buffer = allocate(bytes);
  copy(buffer, pointerOf(value), bytes);
  return buffer;
}

// Carried tensors live in buffers of their own, into which each iteration's results are copied: the
// buffers inside the body are the same ones in every iteration. Of other values, each iteration
// owns a reference.
LogicalResult HostLowering::lower(LoopOp op) {
  Location loc = op.getLoc();
  size_t numCarried = op.getInits().size(), numStacks = op.getStacks().size();
  Value limit =
      op.getMax() ? loadElement(op.getMax(), 0) : em.i64(std::numeric_limits<int64_t>::max());
  Value condition = op.getCondition() ? loadElement(op.getCondition(), 0) : em.i64(1);
  Value counter = isRemote ? allocate(em.i64(sizeof(int64_t))) : stackSlots(1);

  // What goes around: the iteration, the condition, carried pointers and sizes, stacks.
  SmallVector<Value> init = {em.i64(0), condition};
  for (Value value : op.getInits()) {
    if (isHostValue(value))
      retain(pointerOf(value));
    init.push_back(isHostValue(value) ? pointerOf(value) : carry(value));
  }
  for (Value tensor : op.getInits())
    for (AffineExpr dim : getDims(tensor.getType()))
      init.push_back(value(dim));
  for (size_t i = 0; i < numStacks; ++i)
    init.append({em.create<LLVM::ZeroOp>(pointerType), em.i64(0)});
  for (Value stack : op.getStacks())
    for (size_t i = 1; i < getDims(stack.getType()).size(); ++i)
      init.push_back(em.i64(0));

  Block *header = newBlock(), *body = newBlock(), *after = newBlock();
  for (Value initial : init)
    header->addArgument(initial.getType(), loc);
  branch(header, init);
  em.setInsertionPointToStart(header);
  auto arguments = header->getArguments();
  Value more = em.create<arith::AndIOp>(
      em.less(arguments[0], limit), em.compare(arith::CmpIPredicate::ne, arguments[1], em.i64(0)));
  em.create<LLVM::CondBrOp>(more, body, after);

  // Body.
  em.setInsertionPointToStart(body);
  if (isRemote)
    transfer(TENON_TRANSFER_TO_DEVICE, counter, inSlots({arguments[0]}), em.i64(sizeof(int64_t)));
  else
    em.store(arguments[0], counter);
  pointers[op.getIteration()] = counter;
  size_t next = 2 + numCarried;
  for (auto [i, argument] : llvm::enumerate(op.getCarried())) {
    pointers[argument] = arguments[2 + i];
    size_t rank = getDims(argument.getType()).size();
    SmallVector<Value> sizes(arguments.slice(next, rank));
    bindDims(argument.getType(), sizes);
    next += rank;
  }
  size_t firstStack = next;
  if (failed(lowerBlock(op.getBody().front())))
    return failure();
  ValueRange yielded = op.getYielded();
  SmallVector<Value> carriedNext, sizesNext, stackNext, stackSizes;
  SmallVector<Value> sources = yieldedPointers(op.getBody().front().getTerminator());
  // New buffers first: a carried value may be yielded in another's place.
  for (size_t i = 0; i < numCarried; ++i) {
    Value tensor = yielded[1 + i];
    carriedNext.push_back(isHostValue(tensor) ? sources[1 + i] : carry(tensor));
    for (AffineExpr dim : getDims(tensor.getType()))
      sizesNext.push_back(value(dim));
  }
  for (size_t i = 0; i < numStacks; ++i) {
    Value tensor = yielded[1 + numCarried + i];
    Value bytes = bytesOf(tensor.getType());
    Value stack = arguments[firstStack + 2 * i], capacity = arguments[firstStack + 2 * i + 1];
    Value used = em.mul(arguments[0], bytes), needed = em.add(used, bytes);
    // Full: move to twice the room.
    Block *grow = newBlock(), *append = newBlock();
    append->addArgument(pointerType, loc);
    append->addArgument(i64, loc);
    em.create<LLVM::CondBrOp>(em.less(capacity, needed), grow, ValueRange(), append,
                              ValueRange{stack, capacity});
    em.setInsertionPointToStart(grow);
    Value larger = em.max(em.mul(needed, 2), em.mul(bytes, 16));
    Value moved = allocate(larger);
    copy(moved, stack, used);
    release(stack);
    branch(append, {moved, larger});
    em.setInsertionPointToStart(append);
    Value place = em.offsetPointer(append->getArgument(0), em.getI8Type(), used);
    copy(place, pointerOf(tensor), bytes);
    stackNext.append({append->getArgument(0), append->getArgument(1)});
    for (AffineExpr dim : getDims(tensor.getType()))
      stackSizes.push_back(value(dim));
  }
  for (size_t i = 0; i < numCarried; ++i)
    if (!isHostValue(op.getInits()[i]))
      release(arguments[2 + i]);
  SmallVector<Value> values = {em.add(arguments[0], 1), loadElement(yielded[0], 0)};
  for (const SmallVector<Value> &part : {carriedNext, sizesNext, stackNext, stackSizes})
    llvm::append_range(values, part);
  branch(header, values);

  // Results.
  em.setInsertionPointToStart(after);
  next = 2 + numCarried;
  for (auto [i, result] : llvm::enumerate(op.getFinals())) {
    pointers[result] = arguments[2 + i];
    size_t rank = getDims(result.getType()).size();
    bindDims(result.getType(), SmallVector<Value>(arguments.slice(next, rank)));
    next += rank;
  }
  next = firstStack + 2 * numStacks;
  for (auto [i, result] : llvm::enumerate(op.getStacks())) {
    Value stack = arguments[firstStack + 2 * i];
    // No iteration leaves no stack, but readers expect some address.
    pointers[result] = em.create<LLVM::SelectOp>(isNull(stack), counter, stack);
    size_t rank = getDims(result.getType()).size();
    SmallVector<Value> sizes = {arguments[0]};
    llvm::append_range(sizes, arguments.slice(next, rank - 1));
    bindDims(result.getType(), sizes);
    next += rank - 1;
  }
  return success();
}

} // namespace tenon
