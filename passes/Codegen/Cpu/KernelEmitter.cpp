// The element emitter for CPU kernels (see the header).

#include "passes/Codegen/Cpu/KernelEmitter.h"
#include "dialects/Tenon/ByteTables.h"
#include "passes/Codegen/Cpu/ByteTables.h"
#include "passes/Schedule/Cpu/Choose.h"

using namespace mlir;

namespace tenon::cpu {

/// Builds the kernel's entry, which unpacks `args`, and the function it calls, whose pointers are
/// known not to alias; the emitter stands in the latter.
static Emitter startFunction(KernelOp kernel, ModuleOp module) {
  MLIRContext *context = kernel.getContext();
  OpBuilder b(context);
  b.setInsertionPointToEnd(module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(context);
  auto none = LLVM::LLVMVoidType::get(context);
  Type i64 = b.getI64Type();
  size_t numBuffers = kernel.getArgumentTypes().size() + kernel.getResultTypes().size() +
                      (kernel.getScratch() ? 1 : 0) + (usesStrings(kernel) ? 1 : 0);
  SmallVector<Type> types(numBuffers, pointer);
  types.append(kernel.getNumSymbols() + 2, i64);
  auto body =
      LLVM::LLVMFuncOp::create(b, kernel.getLoc(), (kernel.getSymName() + ".body").str(),
                               LLVM::LLVMFunctionType::get(none, types), LLVM::Linkage::Internal);
  for (size_t i = 0; i < numBuffers; ++i)
    body.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
  Block *bodyBlock = body.addEntryBlock(b);

  auto function = LLVM::LLVMFuncOp::create(b, kernel.getLoc(), kernel.getSymName(),
                                           LLVM::LLVMFunctionType::get(none, {pointer, i64, i64}));
  Block *entry = function.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  Emitter em(b, kernel.getLoc());
  SmallVector<Value> values;
  for (auto [slot, type] : llvm::enumerate(ArrayRef(types).drop_back(2)))
    values.push_back(em.load(type, em.offsetPointer(entry->getArgument(0), i64, slot)));
  values.append({entry->getArgument(1), entry->getArgument(2)});
  em.create<LLVM::CallOp>(body, values);
  em.create<LLVM::ReturnOp>(ValueRange{});
  em.setInsertionPointToStart(bodyBlock);
  return em;
}

KernelEmitter::KernelEmitter(KernelOp kernel, ModuleOp module, TargetAttr target)
    : tenon::KernelEmitter(kernel, module, startFunction(kernel, module)), target(target),
      rows(dyn_cast_if_present<RowsScheduleAttr>(kernel.getScheduleAttr())) {
  if (!rows)
    rows = chooseRows(target);
  ArrayRef<BlockArgument> values = em.getInsertionBlock()->getArguments();
  ArrayRef<BlockArgument> pointers = values.take_front(values.size() - kernel.getNumSymbols() - 2);
  task = values[values.size() - 2];
  tasks = values.back();
  SmallVector<Value> places(pointers), sizes(values.drop_front(pointers.size()).drop_back(2));
  bind(places, sizes);
  if (usesStrings(kernel)) {
    strings = pointers.back();
    pointers = pointers.drop_back();
  }
  if (std::optional<AffineMap> bytes = kernel.getScratch())
    scratch =
        em.offsetPointer(pointers.back(), em.getI8Type(), em.mul(task, value(bytes->getResult(0))));
  if (!hasByteTables(target))
    return;
  for (GatherOp gather : kernel.getOps<GatherOp>())
    if (readsByteTable(gather) && isa<BlockArgument>(gather.getOperand()))
      setSource(gather, [this, gather](ArrayRef<LaneIndex> index) mutable {
        return emitTableRead(em, this->target, argument(gather.getOperand()).pointer,
                             element(gather.getIndices(), index));
      });
}

/// Elements 0, 2, ... 2 L - 2 from `base` on: from two vectors that end with the last of them,
/// which is several times faster than a gather.
Value KernelEmitter::loadEverySecond(VectorType type, const Buffer &buffer, Value base) {
  Value pointer = em.offsetPointer(buffer.pointer, type.getElementType(), base);
  Value behind = em.offsetPointer(pointer, type.getElementType(), numLanes - 1);
  // Lane k of the first vector is element k, of the second one element k + L - 1.
  SmallVector<int64_t> chosen, firstMask(numLanes, numLanes), secondMask(numLanes, numLanes);
  for (int64_t lane = 0; lane < numLanes; ++lane) {
    bool isFirst = 2 * lane < numLanes;
    int64_t source = isFirst ? 2 * lane : 2 * lane - (numLanes - 1);
    chosen.push_back(isFirst ? source : numLanes + source);
    (isFirst ? firstMask : secondMask)[source] = lane;
  }
  auto loadPart = [&](Value from, ArrayRef<int64_t> maskLanes) -> Value {
    if (!mask)
      return em.load(type, from);
    Value none = em.create<arith::ConstantOp>(em.getZeroAttr(mask.getType()));
    return em.maskedLoad(type, from, em.create<vector::ShuffleOp>(mask, none, maskLanes));
  };
  return em.create<vector::ShuffleOp>(loadPart(pointer, firstMask), loadPart(behind, secondMask),
                                      chosen);
}

} // namespace tenon::cpu
