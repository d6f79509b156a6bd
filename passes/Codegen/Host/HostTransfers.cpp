// What the program does where kernels compute in memory of their own: it copies through the runtime
// between that and the host's memory, where kernels of the host compute and where it reads the
// numbers that it needs itself.

#include "passes/Codegen/Host/HostLowering.h"
#include "passes/Memory/Lifetimes.h"

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

void HostLowering::lower(TransferOp op) {
  Value bytes = bytesOf(op.getType());
  pointers[op] = memoryAt(op.getPlace(0), [&] { return bytes; });
  int32_t direction =
      op.getSide() == Side::Host ? TENON_TRANSFER_TO_HOST : TENON_TRANSFER_TO_DEVICE;
  transfer(direction, pointers[op], pointerOf(op.getOperand()), bytes);
}

static ConstantOp findConstant(Value tensor) {
  while (auto reshape = tensor.getDefiningOp<ReshapeOp>())
    tensor = reshape.getOperand();
  return tensor.getDefiningOp<ConstantOp>();
}

bool HostLowering::isOnHost(Value tensor) {
  return !isRemote || findConstant(tensor) || isa_and_present<HostAttr>(getPlace(tensor));
}

Value HostLowering::pointerOnHost(Value tensor) {
  ConstantOp constant = isRemote ? findConstant(tensor) : ConstantOp();
  if (!constant)
    return pointerOf(tensor);
  return em.offsetPointer(hostWeights, em.getI8Type(), offsets.lookup(constant));
}

} // namespace tenon
