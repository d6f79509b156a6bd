// What the program does where kernels compute in memory of their own: it copies through the
// runtime, reads the numbers that it needs itself, and gives kernels that the host runs copies of
// their operands.
//
// A kernel of the host waits for all that is launched before it, since it reads what that has
// written. What it reports (a status, and the sizes that only it knows) stays with the host.

#include "passes/Codegen/Host/HostLowering.h"

using namespace mlir;

namespace tenon {

void HostLowering::transfer(int32_t direction, Value to, Value from, Value bytes) {
  Value kind = em.create<arith::ConstantOp>(em.getI32IntegerAttr(direction));
  Value code = callService(field(&tenon_exec::transfer, pointerType), em.getI32Type(),
                           {exec, kind, to, from, bytes});
  Value ok = em.create<arith::ConstantOp>(em.getI32IntegerAttr(TENON_EXEC_OK));
  Block *failed = newBlock(), *next = newBlock();
  em.create<LLVM::CondBrOp>(em.create<LLVM::ICmpOp>(LLVM::ICmpPredicate::ne, code, ok), failed,
                            next);
  em.setInsertionPointToStart(failed);
  em.create<LLVM::ReturnOp>(code);
  em.setInsertionPointToStart(next);
}

void HostLowering::copy(Value to, Value from, Value bytes) {
  if (isRemote)
    return transfer(TENON_TRANSFER_ON_DEVICE, to, from, bytes);
  em.create<LLVM::MemcpyOp>(to, from, bytes, /*isVolatile=*/false);
}

Value HostLowering::allocateOnHost(Value bytes) {
  Value block =
      callService(field(&tenon_exec::host_alloc, pointerType), pointerType, {exec, bytes});
  returnIf(isNull(block), TENON_EXEC_OUT_OF_MEMORY);
  return block;
}

void HostLowering::releaseOnHost(Value pointer) {
  callService(field(&tenon_exec::host_release, pointerType), Type(), {exec, pointer});
}

bool HostLowering::runsOnHost(KernelOp kernel) {
  if (!isRemote)
    return false;
  const KernelStrategy *strategy = strategies->lookup(kernel);
  return strategy && strategy->runsOnHost();
}

HostLowering::HostCopies HostLowering::bringToHost(LaunchOp op) {
  HostCopies copies;
  for (Value input : op.getInputs()) {
    Value bytes = bytesOf(input.getType());
    copies.inputs.push_back(allocateOnHost(bytes));
    transfer(TENON_TRANSFER_TO_HOST, copies.inputs.back(), pointerOf(input), bytes);
  }
  for (auto [number, output] : llvm::enumerate(op.getOutputs()))
    copies.outputs.push_back(allocateOnHost(bytesOfResult(op, number)));
  return copies;
}

void HostLowering::bringBack(LaunchOp op, const HostCopies &copies, size_t numResults) {
  for (auto [number, copy] : llvm::enumerate(copies.outputs)) {
    Value output = op.getOutputs()[number];
    if (number < numResults)
      transfer(TENON_TRANSFER_TO_DEVICE, pointers[output], copy, bytesOf(output.getType()));
    releaseOnHost(copy);
  }
  for (Value copy : copies.inputs)
    releaseOnHost(copy);
}

} // namespace tenon
