// Values of the host function, and its calls of the runtime (see the header).

#include "passes/Codegen/Host/HostLowering.h"
#include "dialects/Tenon/NodeLocation.h"

using namespace mlir;

namespace tenon {

Value HostLowering::value(AffineExpr expr) {
  return em.evaluate(expr, [&](unsigned symbol) { return symbols.lookup(symbol); });
}

Value HostLowering::count(ArrayRef<AffineExpr> dims) {
  Value result = em.i64(1);
  for (AffineExpr dim : dims)
    result = em.mul(result, value(dim));
  return result;
}

// Sizes may be whatever data says. Floating point has room for their product.
Value HostLowering::bytesOf(ArrayRef<AffineExpr> dims, Type elementType) {
  int64_t size = getElementBytes(getElementTypeOrSelf(elementType));
  Value bytes = em.mul(count(dims), size);
  if (getConstantDims(dims))
    return bytes;
  constexpr int64_t most = int64_t(1) << 62;
  auto real = [&](double number) {
    return em.create<arith::ConstantOp>(em.getF64FloatAttr(number)).getResult();
  };
  Value estimate = real(static_cast<double>(size));
  for (AffineExpr dim : dims) {
    Value factor = em.create<arith::SIToFPOp>(em.getF64Type(), value(dim));
    estimate = em.create<arith::MulFOp>(estimate, factor);
  }
  Value fits = em.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, estimate,
                                        real(static_cast<double>(most)));
  return em.select(fits, bytes, em.i64(most));
}

Value HostLowering::bytesOf(Type type) { return bytesOf(getDims(type), type); }

Value HostLowering::loadElement(Value tensor, int64_t position) {
  Type elementType = getElementTypeOrSelf(tensor.getType());
  Type storage = getStorageType(elementType);
  Value loaded = em.load(storage, em.offsetPointer(pointerOf(tensor), storage, position));
  if (storage == i64)
    return loaded;
  bool isUnsigned = elementType.isUnsignedInteger() || elementType.isInteger(1);
  return isUnsigned ? Value(em.create<arith::ExtUIOp>(i64, loaded))
                    : Value(em.create<arith::ExtSIOp>(i64, loaded));
}

void HostLowering::bindDims(Type type, ArrayRef<Value> sizes) {
  for (auto [dim, size] : llvm::zip_equal(getDims(type), sizes))
    if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
      symbols.try_emplace(symbol.getPosition(), size);
}

//===-- The runtime --===//

Value HostLowering::callService(Value service, Type result, ValueRange arguments) {
  SmallVector<Value> operands = {service};
  llvm::append_range(operands, arguments);
  auto type = LLVM::LLVMFunctionType::get(result ? result : LLVM::LLVMVoidType::get(context),
                                          llvm::to_vector(arguments.getTypes()));
  auto call = em.create<LLVM::CallOp>(type, operands);
  return result ? call.getResult() : Value();
}

Value HostLowering::stackSlots(Type type, int64_t count) {
  OpBuilder::InsertionGuard guard(em);
  em.setInsertionPointToStart(entry);
  return em.create<LLVM::AllocaOp>(pointerType, type, em.i64(std::max<int64_t>(count, 1)), 8);
}

void HostLowering::returnIf(Value condition, int32_t code) {
  Block *failed = newBlock(), *next = newBlock();
  em.create<LLVM::CondBrOp>(condition, failed, next);
  em.setInsertionPointToStart(failed);
  em.create<LLVM::ReturnOp>(Value(em.create<arith::ConstantOp>(em.getI32IntegerAttr(code))));
  em.setInsertionPointToStart(next);
}

/// "node 'x' (Add): ".
static std::string describeNode(Location location) {
  NodeOrigin origin = getNodeOrigin(location);
  if (origin.node.empty())
    return "";
  std::string type = origin.opType.empty() ? "" : " (" + origin.opType.str() + ")";
  return "node '" + origin.node.str() + "'" + type + ": ";
}

void HostLowering::failIf(Value condition, int32_t code, const Twine &message, ValueRange values) {
  Block *failed = newBlock(), *next = newBlock();
  em.create<LLVM::CondBrOp>(condition, failed, next);
  em.setInsertionPointToStart(failed);
  std::string text = describeNode(em.getLoc()) + message.str();
  text.push_back('\0');
  std::string name = "message." + std::to_string(numStrings++);
  auto type = LLVM::LLVMArrayType::get(em.getI8Type(), text.size());
  {
    OpBuilder::InsertionGuard guard(em);
    em.setInsertionPointToStart(module.getBody());
    em.create<LLVM::GlobalOp>(type, /*isConstant=*/true, LLVM::Linkage::Private, name,
                              em.getStringAttr(text));
  }
  Value pointer = em.create<LLVM::AddressOfOp>(pointerType, name);
  Value number = em.create<arith::ConstantOp>(em.getI32IntegerAttr(code));
  Value status;
  if (values.empty()) {
    status = callService(field(&tenon_exec::fail, pointerType), em.getI32Type(),
                         {exec, number, pointer});
  } else {
    Value slots = stackSlots(i64, values.size());
    for (auto [i, value] : llvm::enumerate(values))
      em.store(value, em.offsetPointer(slots, i64, i));
    Value count = em.create<arith::ConstantOp>(em.getI32IntegerAttr(values.size()));
    status = callService(field(&tenon_exec::fail_values, pointerType), em.getI32Type(),
                         {exec, number, pointer, slots, count});
  }
  em.create<LLVM::ReturnOp>(status);
  em.setInsertionPointToStart(next);
}

Value HostLowering::isNull(Value pointer) {
  Value null = em.create<LLVM::ZeroOp>(pointer.getType());
  return em.create<LLVM::ICmpOp>(LLVM::ICmpPredicate::eq, pointer, null);
}

Value HostLowering::allocate(Value bytes) {
  Value block = callService(field(&tenon_exec::alloc, pointerType), pointerType, {exec, bytes});
  returnIf(isNull(block), TENON_EXEC_OUT_OF_MEMORY);
  return block;
}

void HostLowering::release(Value pointer) {
  callService(field(&tenon_exec::release, pointerType), Type(), {exec, pointer});
}

Value HostLowering::outputBuffer(int64_t number, Type type) {
  DimExprs dims = getDims(type);
  Value slots = stackSlots(i64, dims.size());
  for (auto [i, dim] : llvm::enumerate(dims))
    em.store(value(dim), em.offsetPointer(slots, i64, i));
  Value index = em.create<arith::ConstantOp>(em.getI32IntegerAttr(number));
  Value buffer =
      callService(field(&tenon_exec::output, pointerType), pointerType, {exec, index, slots});
  returnIf(isNull(buffer), TENON_EXEC_OUT_OF_MEMORY);
  return buffer;
}

} // namespace tenon
