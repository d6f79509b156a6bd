// Launches of kernels: buffers for their results, their arguments, and what they report.

#include "passes/Codegen/Host/HostLowering.h"

using namespace mlir;

namespace tenon {

void HostLowering::lower(LaunchOp op) {
  bool isOutput = isa<OutputAttr>(op.getPlace(0)); // written to the caller's memory in any case
  if (op.getDifferences() && !isOutput)
    return launchWhereSizesDiffer(op);
  placeResults(op);
  launch(op);
}

void HostLowering::launchWhereSizesDiffer(LaunchOp op) {
  Value sum = em.i64(0);
  for (AffineExpr difference : op.getDifferences()->getResults())
    sum = em.create<arith::OrIOp>(sum, value(difference));
  Block *runs = newBlock(), *after = newBlock();
  after->addArguments({pointerType, pointerType}, {op.getLoc(), op.getLoc()});
  Value none = em.create<LLVM::ZeroOp>(pointerType);
  em.create<LLVM::CondBrOp>(em.compare(arith::CmpIPredicate::ne, sum, em.i64(0)), runs,
                            ValueRange(), after,
                            ValueRange{pointerOf(op.getInputs().front()), none});
  em.setInsertionPointToStart(runs);
  placeResults(op);
  launch(op);
  Value &pointer = pointers[op.getResult(0)];
  branch(after, {pointer, pointer});
  em.setInsertionPointToStart(after);
  pointer = after->getArgument(0);
  ownMemory[op.getResult(0)] = after->getArgument(1);
}

void HostLowering::placeResults(LaunchOp op) {
  for (auto [number, result] : llvm::enumerate(op.getOutputs())) {
    Value &pointer = pointers[result];
    Attribute place = op.getPlace(number);
    if (op.getDestination())
      pointer = pointerOf(op.getDestination());
    else
      pointer = memoryAt(place, [&] { return bytesOfResult(op, number); });
  }
}

Value HostLowering::memoryAt(Attribute place, function_ref<Value()> bytes) {
  if (auto inArena = dyn_cast<ArenaAttr>(place))
    return em.offsetPointer(arena, em.getI8Type(), inArena.getOffset());
  if (auto output = dyn_cast<OutputAttr>(place))
    return outputBuffer(output.getNumber(),
                        function.getFunctionType().getResult(output.getNumber()));
  return isa<HostAttr>(place) ? allocateOnHost(bytes()) : allocate(bytes());
}

Value HostLowering::bytesOfResult(LaunchOp op, size_t number) {
  return bytesOf(op.getCapacity(number), op.getOutputs()[number].getType());
}

Value HostLowering::valueInLaunch(LaunchOp op, AffineExpr expr) {
  return value(op.getSymbols() ? expr.replaceSymbols(op.getSymbols()->getResults()) : expr);
}

Value HostLowering::countTasks(LaunchOp op, KernelOp kernel) {
  if (!kernel.getTasks())
    return em.i64(1);
  Value tasks;
  for (AffineExpr expr : kernel.getTasks()->getResults()) {
    Value count = valueInLaunch(op, expr);
    tasks = tasks ? em.min(tasks, count) : count;
  }
  return em.max(tasks, em.i64(1));
}

Value HostLowering::scratchOf(LaunchOp op, KernelOp kernel, Value tasks) {
  if (!kernel.getScratch())
    return nullptr;
  if (!op.getAllocatesScratch())
    return field(&tenon_exec::scratch, pointerType);
  Value running = em.min(tasks, field(&tenon_exec::threads, i64));
  Value bytes = productOf({valueInLaunch(op, kernel.getScratch()->getResult(0)), running});
  return isRemote ? allocateOnHost(bytes) : allocate(bytes);
}

void HostLowering::launch(LaunchOp op) {
  auto program = function->getParentOfType<ModuleOp>();
  auto kernel = program.lookupSymbol<KernelOp>(op.getKernelAttr());
  SmallVector<Value> arguments;
  bool isHosts = isa<HostAttr>(op.getPlace(0));
  for (Value input : op.getInputs())
    arguments.push_back(isHosts ? pointerOnHost(input) : pointerOf(input));
  for (Value output : op.getOutputs())
    arguments.push_back(pointers[output]);
  Value tasks = countTasks(op, kernel), scratch = scratchOf(op, kernel, tasks);
  if (scratch)
    arguments.push_back(scratch);
  if (usesStrings(kernel))
    arguments.push_back(field(&tenon_exec::strings, pointerType));
  if (op.getSymbols())
    for (AffineExpr expr : op.getSymbols()->getResults()) {
      // What this launch itself binds has no value yet, and the kernel does not read it.
      auto symbol = dyn_cast<AffineSymbolExpr>(expr);
      bool isBound = !symbol || symbols.contains(symbol.getPosition());
      arguments.push_back(isBound ? value(expr) : em.i64(0));
    }
  // Of a library function's tasks, those that fail write their status.
  size_t numResults = op.getCapacities() ? op.getCapacities()->size() : op.getOutputs().size();
  Value report;
  if (op.getCapacities()) {
    report = arguments[op.getInputs().size() + numResults];
    em.store(em.i64(0), report);
  }
  Value list = inSlots(arguments), number = em.i64(kernelNumbers.lookup(op.getKernel()));
  callService(field(&tenon_exec::launch, pointerType), Type(), {exec, number, list, tasks});
  if (scratch && op.getAllocatesScratch())
    isRemote ? releaseOnHost(scratch) : release(scratch);

  // A library function reports its status, and sizes that nothing else knows.
  if (!op.getCapacities())
    return;
  Value status = em.load(i64, report);
  auto library = *kernel.getOps<LibraryOpInterface>().begin();
  failIf(em.compare(arith::CmpIPredicate::ne, status, em.i64(0)), TENON_EXEC_BAD_VALUE,
         library.getFailureReason());
  int64_t slot = 1;
  for (Value result : op.getOutputs().take_front(numResults)) {
    SmallVector<Value> sizes;
    for (size_t i = 0; i < getDims(result.getType()).size(); ++i)
      sizes.push_back(em.load(i64, em.offsetPointer(report, i64, slot++)));
    bindDims(result.getType(), sizes);
  }
}

} // namespace tenon
