// Irregular ops: a call of a function of the kernel library, which is linked into the kernel's
// module and specialised there, since the tensors' sizes and the attributes are constants in the
// call.
//
// The kernel's last result, which fusion adds to the launch, is the int64 slots for the status and
// the result sizes that only the function knows.

#include "passes/Codegen/Cpu/Kernels.h"

using namespace mlir;

namespace tenon::cpu {

namespace {

class LibraryEmitter {
public:
  explicit LibraryEmitter(KernelEmitter &e)
      : e(e), em(e.em), pointer(LLVM::LLVMPointerType::get(em.getContext())), i64(em.getI64Type()),
        // LibTensor (lib/Target/KernelLibrary), which asserts this layout.
        tensorType(LLVM::LLVMStructType::getLiteral(em.getContext(), {pointer, pointer, i64})) {}

  void emit();

private:
  /// Fills in one LibTensor; returns the array of its dimensions.
  Value describe(Value tensors, size_t number, Value data, Type type);
  template <typename T> Value constants(Type type, ArrayRef<T> values, auto makeAttr) {
    Value result = em.stackArray(type, values.size());
    for (auto [i, value] : llvm::enumerate(values))
      em.store(em.create<arith::ConstantOp>(makeAttr(value)), em.offsetPointer(result, type, i));
    return result;
  }

  KernelEmitter &e;
  Emitter &em;
  Type pointer, i64, tensorType;
};

} // namespace

Value LibraryEmitter::describe(Value tensors, size_t number, Value data, Type type) {
  Value slot = em.offsetPointer(tensors, tensorType, number);
  DimExprs sizes = data ? getDims(type) : DimExprs();
  Value dims = em.stackArray(i64, sizes.size());
  for (auto [i, size] : llvm::enumerate(sizes))
    em.store(e.value(size), em.offsetPointer(dims, i64, i));
  em.store(data ? data : em.create<LLVM::ZeroOp>(pointer), slot);
  em.store(dims, em.offsetPointer(slot, i64, 1));
  em.store(em.i64(sizes.size()), em.offsetPointer(slot, i64, 2));
  return dims;
}

/// The operands by their position in the op's definition, null where an optional one is omitted.
static SmallVector<Value> getOperandSlots(Operation *op) {
  auto sizes = dyn_cast_or_null<DenseI32ArrayAttr>(op->getAttr("operandSegmentSizes"));
  if (!sizes)
    return op->getOperands();
  SmallVector<Value> slots;
  unsigned next = 0;
  for (int32_t size : sizes.asArrayRef()) {
    if (size == 0)
      slots.push_back(nullptr);
    for (int32_t i = 0; i < size; ++i)
      slots.push_back(op->getOperand(next++));
  }
  return slots;
}

void LibraryEmitter::emit() {
  auto op = *e.kernel.getOps<LibraryOpInterface>().begin();
  SmallVector<Value> operands = getOperandSlots(op);
  Value inputs = em.stackArray(tensorType, operands.size());
  for (auto [number, operand] : llvm::enumerate(operands))
    describe(inputs, number, operand ? e.argument(operand).pointer : Value(),
             operand ? operand.getType() : Type());
  Value outputs = em.stackArray(tensorType, op->getNumResults());
  SmallVector<Value> outputDims;
  for (auto [number, result] : llvm::enumerate(op->getResults()))
    outputDims.push_back(describe(outputs, number, e.result(number).pointer, result.getType()));

  SmallVector<int64_t> ints;
  SmallVector<double> floats;
  op.getLibraryArguments(ints, floats);
  Value intArray =
      constants<int64_t>(i64, ints, [&](int64_t v) { return em.getI64IntegerAttr(v); });
  Value floatArray =
      constants<double>(em.getF64Type(), floats, [&](double v) { return em.getF64FloatAttr(v); });
  size_t numResults = op->getNumResults();
  // What needs the strings of the run gets its memory from them, too.
  Value scratch = e.strings   ? e.strings
                  : e.scratch ? e.scratch
                              : Value(em.create<LLVM::ZeroOp>(pointer));

  SmallVector<Type> types = {pointer, pointer, pointer, pointer, pointer, i64, i64};
  auto functionType = LLVM::LLVMFunctionType::get(em.getI32Type(), types);
  LLVM::LLVMFuncOp function;
  {
    OpBuilder::InsertionGuard guard(em);
    em.setInsertionPointToStart(e.module.getBody());
    function = em.create<LLVM::LLVMFuncOp>(op.getLibraryFunction(), functionType);
  }
  Value status = em.create<LLVM::CallOp>(function, ValueRange{inputs, outputs, intArray, floatArray,
                                                              scratch, e.task, e.tasks})
                     .getResult();
  // Slot 0 has the status, zero before the launch, then come the sizes of all results.
  if (e.kernel.getNumResults() > numResults) {
    Value slots = e.result(numResults).pointer;
    Value code = em.create<arith::ExtSIOp>(i64, status);
    Value failed = em.compare(arith::CmpIPredicate::ne, code, em.i64(0));
    scf::IfOp::create(em, em.getLoc(), failed, [&](OpBuilder &builder, Location loc) {
      LLVM::StoreOp::create(builder, loc, code, slots);
      scf::YieldOp::create(builder, loc);
    });
    size_t slot = 1;
    for (auto [number, dims] : llvm::enumerate(outputDims)) {
      size_t rank = getDims(op->getResult(number).getType()).size();
      for (size_t i = 0; i < rank; ++i)
        em.store(em.load(i64, em.offsetPointer(dims, i64, i)),
                 em.offsetPointer(slots, i64, slot++));
    }
  }
}

void emitLibraryKernel(KernelEmitter &emitter) { LibraryEmitter(emitter).emit(); }

} // namespace tenon::cpu
