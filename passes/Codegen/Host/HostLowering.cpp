// Values of the host function, and its calls of the runtime (see the header).

#include "passes/Codegen/Host/HostLowering.h"
#include "dialects/Tenon/NodeLocation.h"
#include "dialects/Tenon/SequenceTypes.h"

using namespace mlir;

namespace tenon {

Value HostLowering::value(AffineExpr expr) {
  return em.evaluate(expr, [&](unsigned symbol) { return symbols.lookup(symbol); });
}

// Sizes may be whatever data says. Floating point has room for their product.
Value HostLowering::productOf(ArrayRef<Value> sizes) {
  constexpr int64_t most = int64_t(1) << 62;
  auto real = [&](double number) {
    return em.create<arith::ConstantOp>(em.getF64FloatAttr(number)).getResult();
  };
  Value result = em.i64(1);
  for (Value size : sizes)
    result = em.mul(result, size);
  if (constantOf(result))
    return result;
  Value estimate = real(1);
  for (Value size : sizes) {
    Value factor = em.create<arith::SIToFPOp>(em.getF64Type(), size);
    estimate = em.create<arith::MulFOp>(estimate, factor);
  }
  Value fits = em.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, estimate,
                                        real(static_cast<double>(most)));
  return em.select(fits, result, em.i64(most));
}

Value HostLowering::bytesOf(ArrayRef<AffineExpr> dims, Type elementType) {
  SmallVector<Value> sizes = {em.i64(getElementBytes(getElementTypeOrSelf(elementType)))};
  for (AffineExpr dim : dims)
    sizes.push_back(value(dim));
  return productOf(sizes);
}

Value HostLowering::bytesOf(Type type) { return bytesOf(getDims(type), type); }

Value HostLowering::loadElement(Value tensor, int64_t position) {
  Type elementType = getElementTypeOrSelf(tensor.getType());
  Type storage = getStorageType(elementType);
  bool isHere = isOnHost(tensor);
  Value pointer =
      em.offsetPointer(isHere ? pointerOnHost(tensor) : pointerOf(tensor), storage, position);
  if (!isHere) {
    Value here = stackSlots(1);
    transfer(TENON_TRANSFER_TO_HOST, here, pointer, em.i64(getElementBytes(elementType)));
    pointer = here;
  }
  Value loaded = em.load(storage, pointer);
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

Value HostLowering::stackSlots(int64_t count) {
  OpBuilder::InsertionGuard guard(em);
  em.setInsertionPointToStart(entry);
  return em.stackArray(i64, count);
}

int64_t HostLowering::countSlots() {
  size_t most = 2; // of an error about two sizes
  for (Type type : function.getResultTypes())
    most = std::max(most, getDims(type).size());
  function.walk([&](LaunchOp launch) {
    size_t symbols = launch.getSymbols() ? launch.getSymbols()->getNumResults() : 0;
    size_t buffers =
        launch.getInputs().size() + launch.getOutputs().size() + /*scratch or strings*/ 1;
    most = std::max(most, buffers + symbols);
  });
  function.walk([&](Operation *op) {
    if (llvm::any_of(op->getOperands(), isHostValue) || llvm::any_of(op->getResults(), isHostValue))
      most = std::max(most, static_cast<size_t>(countSequenceSlots(op)));
  });
  return static_cast<int64_t>(most);
}

Value HostLowering::makeSlots() {
  numSlots = countSlots();
  int64_t bytes = numSlots * int64_t(sizeof(int64_t));
  return bytes <= kLargestStackArray ? stackSlots(numSlots) : allocate(em.i64(bytes));
}

Value HostLowering::inSlots(ValueRange values) {
  assert(static_cast<int64_t>(values.size()) <= numSlots && "countSlots misses a use");
  for (auto [i, value] : llvm::enumerate(values))
    em.store(value, em.offsetPointer(slots, i64, i));
  return slots;
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

Value HostLowering::makeText(StringRef text) {
  std::string terminated = text.str();
  terminated.push_back('\0');
  std::string name = "message." + std::to_string(numStrings++);
  auto type = LLVM::LLVMArrayType::get(em.getI8Type(), terminated.size());
  {
    OpBuilder::InsertionGuard guard(em);
    em.setInsertionPointToStart(module.getBody());
    em.create<LLVM::GlobalOp>(type, /*isConstant=*/true, LLVM::Linkage::Private, name,
                              em.getStringAttr(terminated));
  }
  return em.create<LLVM::AddressOfOp>(pointerType, name);
}

Value HostLowering::describeNodeInRun() { return makeText(describeNode(em.getLoc())); }

void HostLowering::failIf(Value condition, int32_t code, const Twine &message, ValueRange values) {
  Block *failed = newBlock(), *next = newBlock();
  em.create<LLVM::CondBrOp>(condition, failed, next);
  em.setInsertionPointToStart(failed);
  Value pointer = makeText(describeNode(em.getLoc()) + message.str());
  Value number = em.create<arith::ConstantOp>(em.getI32IntegerAttr(code));
  Value status;
  if (values.empty()) {
    status = callService(field(&tenon_exec::fail, pointerType), em.getI32Type(),
                         {exec, number, pointer});
  } else {
    Value list = inSlots(values);
    Value count = em.create<arith::ConstantOp>(em.getI32IntegerAttr(values.size()));
    status = callService(field(&tenon_exec::fail_values, pointerType), em.getI32Type(),
                         {exec, number, pointer, list, count});
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
  SmallVector<Value> dims;
  for (AffineExpr dim : getDims(type))
    dims.push_back(value(dim));
  Value sizes = inSlots(dims);
  Value index = em.create<arith::ConstantOp>(em.getI32IntegerAttr(number));
  Value buffer =
      callService(field(&tenon_exec::output, pointerType), pointerType, {exec, index, sizes});
  returnIf(isNull(buffer), TENON_EXEC_OUT_OF_MEMORY);
  return buffer;
}

} // namespace tenon
