// The element emitter of kernels (see the header).

#include "passes/Codegen/Common/KernelEmitter.h"
#include "dialects/Tenon/NarrowFloat.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace tenon {

KernelEmitter::KernelEmitter(KernelOp kernel, ModuleOp module, Emitter builder)
    : ElementEmitter(em, kernel.getLoc(), 1), kernel(kernel), module(module),
      em(std::move(builder)) {
  scopes.push_back(Scope{.known = {}, .lanes = 1});
}

void KernelEmitter::bind(ValueRange pointers, ValueRange symbolValues) {
  llvm::append_range(symbols, symbolValues);
  for (BlockArgument argument : kernel.getEntryBlock().getArguments()) {
    arguments[argument] = makeBuffer(pointers.front(), argument.getType());
    pointers = pointers.drop_front();
  }
  for (Value yielded : kernel.getEntryBlock().getTerminator()->getOperands()) {
    addResult(yielded, pointers.front());
    pointers = pointers.drop_front();
  }
}

void KernelEmitter::fillFrames() {
  for (const Frame &frame : std::exchange(frames, {}))
    fill(frame);
}

void KernelEmitter::finish() {
  fillFrames();
  LLVM::ReturnOp::create(em, em.getLoc(), ValueRange{});
}

Value KernelEmitter::value(AffineExpr expr) {
  return em.evaluate(expr, [&](unsigned symbol) { return symbols[symbol]; });
}

void KernelEmitter::ifSizesAgree(const SizePairs &pairs, function_ref<void()> agreeing,
                                 function_ref<void()> otherwise) {
  Value agree = arith::ConstantOp::create(em, em.getLoc(), em.getBoolAttr(true));
  for (auto [size, wide] : pairs)
    agree = em.create<arith::AndIOp>(
        agree, em.compare(arith::CmpIPredicate::eq, value(size), value(wide)));
  // Neither version may use what only the other has computed.
  auto emitVersion = [&](function_ref<void()> body) {
    auto saved = sources;
    withLanes(numLanes, mask, body);
    sources = std::move(saved);
  };
  em.ifThen(agree, [&] { emitVersion(agreeing); }, [&] { emitVersion(otherwise); });
}

void KernelEmitter::withAgreeingLanes(function_ref<void()> body) {
  SizePairs pairs;
  for (BroadcastOp op : kernel.getOps<BroadcastOp>())
    if (op.isLastUncertain())
      pairs.push_back({getDims(op.getOperand().getType()).back(), getDims(op.getType()).back()});
  if (pairs.empty())
    return body();
  auto withFlag = [&] {
    doSizesAgree = true;
    body();
    doSizesAgree = false;
  };
  ifSizesAgree(pairs, withFlag, body);
}

//===-- Reuse of elements --===//

void KernelEmitter::inScope(function_ref<void()> body) {
  scopes.push_back(Scope{.known = {}, .lanes = numLanes});
  body();
  scopes.pop_back();
}

void KernelEmitter::withLanes(int64_t lanes, Value newMask, function_ref<void()> body) {
  int64_t savedLanes = std::exchange(numLanes, lanes);
  Value savedMask = std::exchange(mask, newMask);
  inScope(body);
  numLanes = savedLanes;
  mask = savedMask;
}

Value KernelEmitter::element(Value tensor, ArrayRef<LaneIndex> index) {
  for (const Scope &scope : llvm::reverse(scopes)) {
    if (scope.lanes != numLanes)
      break;
    auto found = scope.known.find(tensor.getAsOpaquePointer());
    if (found == scope.known.end())
      continue;
    for (const Known &known : found->second)
      if (ArrayRef(known.index) == index)
        return known.element;
  }
  Value result = compute(tensor, index);
  scopes.back().known[tensor.getAsOpaquePointer()].push_back(
      {SmallVector<LaneIndex>(index), result});
  return result;
}

Value KernelEmitter::compute(Value tensor, ArrayRef<LaneIndex> index) {
  if (auto source = sources.find(tensor); source != sources.end())
    return broadcast(source->second(index));
  if (isa<BlockArgument>(tensor))
    return load(argument(tensor), index);
  if (auto constant = tensor.getDefiningOp<ConstantOp>())
    return constantElement(constant);
  auto op = cast<ElementalOpInterface>(tensor.getDefiningOp());
  return computeElement(op, cast<OpResult>(tensor).getResultNumber(), index);
}

Value KernelEmitter::computeElement(ElementalOpInterface op, unsigned result,
                                    ArrayRef<LaneIndex> index) {
  return op.emitElement(*this, result, index);
}

// Fusion leaves just splat constants inside kernels.
Value KernelEmitter::constantElement(ConstantOp constant) {
  auto elements = cast<DenseElementsAttr>(constant.getValue());
  Type type = elements.getElementType();
  TypedAttr attr;
  if (auto floating = dyn_cast<FloatType>(type)) {
    APFloat value = elements.getSplatValue<APFloat>();
    bool losesInfo;
    auto compute = cast<FloatType>(computeType(type));
    value.convert(compute.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
    attr = em.getFloatAttr(compute, value);
  } else {
    attr = em.getIntegerAttr(computeType(type), elements.getSplatValue<APInt>());
  }
  if (numLanes > 1)
    attr = DenseElementsAttr::get(cast<ShapedType>(laneType(type)), attr);
  return arith::ConstantOp::create(em, em.getLoc(), attr);
}

//===-- Control --===//

Value KernelEmitter::guarded(Value condition, function_ref<Value()> inner, Value otherwise) {
  if (matchPattern(condition, m_One()))
    return inner();
  otherwise = broadcast(otherwise);
  if (isa<VectorType>(condition.getType())) {
    Value result;
    Value narrowed = mask ? em.create<arith::AndIOp>(condition, mask) : condition;
    bool outside = std::exchange(mayHaveNoLanes, true);
    withLanes(numLanes, narrowed, [&] { result = inner(); });
    mayHaveNoLanes = outside;
    return arith::SelectOp::create(em, em.getLoc(), condition, result, otherwise);
  }
  auto branch = scf::IfOp::create(em, em.getLoc(), otherwise.getType(), condition,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(em);
  em.setInsertionPointToStart(branch.thenBlock());
  inScope([&] { scf::YieldOp::create(em, em.getLoc(), inner()); });
  em.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(em, em.getLoc(), otherwise);
  return branch.getResult(0);
}

SmallVector<Value> KernelEmitter::loop(Value count, ValueRange init,
                                       function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  SmallVector<Value> result;
  inScope([&] { result = em.loop(em.i64(0), count, em.i64(1), init, body); });
  return result;
}

//===-- Memory --===//

LaneIndex KernelEmitter::offset(const Buffer &buffer, ArrayRef<LaneIndex> index) {
  LaneIndex result = this->index(0);
  for (auto [part, stride] : llvm::zip_equal(index, buffer.strides))
    result = add(result, mul(part, value(stride)));
  return result;
}

// Booleans are bytes in memory; half precision is computed in f32.
Value KernelEmitter::toCompute(Value stored, Type elementType) {
  Type type = computeType(elementType);
  if (auto vector = dyn_cast<VectorType>(stored.getType()))
    type = vector.clone(type);
  if (stored.getType() == type)
    return stored;
  if (elementType.isInteger(1)) {
    Value zero = arith::ConstantOp::create(em, em.getLoc(), em.getZeroAttr(stored.getType()));
    return em.create<arith::CmpIOp>(arith::CmpIPredicate::ne, stored, zero);
  }
  if (isNarrowFloat(elementType))
    return decodeFloats(stored, cast<FloatType>(elementType));
  if (isa<IntegerType>(elementType)) // less than a byte
    return em.create<arith::TruncIOp>(type, stored);
  return em.create<arith::ExtFOp>(type, stored);
}

Value KernelEmitter::toStorage(Value computed, Type elementType) {
  Type type = getStorageType(elementType);
  if (auto vector = dyn_cast<VectorType>(computed.getType()))
    type = vector.clone(type);
  if (computed.getType() == type)
    return computed;
  if (elementType.isInteger(1))
    return em.create<arith::ExtUIOp>(type, computed);
  if (isNarrowFloat(elementType))
    return encodeFloats(computed, cast<FloatType>(elementType));
  if (isa<IntegerType>(elementType))
    return elementType.isUnsignedInteger() ? Value(em.create<arith::ExtUIOp>(type, computed))
                                           : Value(em.create<arith::ExtSIOp>(type, computed));
  return em.create<arith::TruncFOp>(type, computed);
}

Value KernelEmitter::decodeFloats(Value stored, FloatType type) {
  return decodeNarrow(em, em.getLoc(), stored, type);
}

Value KernelEmitter::encodeFloats(Value computed, FloatType type) {
  return encodeNarrow(em, em.getLoc(), computed, type);
}

Value KernelEmitter::fullMask() {
  if (mask)
    return mask;
  auto type = VectorType::get({numLanes}, em.getI1Type());
  return arith::ConstantOp::create(em, em.getLoc(), DenseElementsAttr::get(type, true));
}

Value KernelEmitter::lanePointers(const Buffer &buffer, LaneIndex offset) {
  auto pointers = VectorType::get({numLanes}, LLVM::LLVMPointerType::get(em.getContext()));
  return em.create<LLVM::GEPOp>(pointers, getStorageType(buffer.elementType), buffer.pointer,
                                ArrayRef<LLVM::GEPArg>{toElement(offset)});
}

/// One element, at an address that a guard may keep every lane from.
Value KernelEmitter::loadForAllLanes(const Buffer &buffer, Value base) {
  Type storage = getStorageType(buffer.elementType);
  auto read = [&] { return em.load(storage, em.offsetPointer(buffer.pointer, storage, base)); };
  if (!mayHaveNoLanes || (buffer.hasElements && isConstant(base, 0)))
    return read();
  Value isRead = em.create<vector::ReductionOp>(vector::CombiningKind::OR, mask);
  auto branch = em.create<scf::IfOp>(storage, isRead, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(em);
  em.setInsertionPointToStart(branch.thenBlock());
  em.create<scf::YieldOp>(read());
  em.setInsertionPointToStart(branch.elseBlock());
  Value nothing = em.create<arith::ConstantOp>(em.getZeroAttr(storage));
  em.create<scf::YieldOp>(nothing);
  return branch.getResult(0);
}

Value KernelEmitter::loadNeighbours(VectorType type, const Buffer &buffer, LaneIndex position) {
  Value pointer = em.offsetPointer(buffer.pointer, type.getElementType(), position.base);
  return mask ? em.maskedLoad(type, pointer, mask) : em.load(type, pointer);
}

void KernelEmitter::storeNeighbours(Value stored, const Buffer &buffer, LaneIndex position) {
  Type storage = getElementTypeOrSelf(stored.getType());
  Value pointer = em.offsetPointer(buffer.pointer, storage, position.base);
  if (mask)
    em.maskedStore(stored, pointer, mask);
  else
    em.store(stored, pointer);
}

Value KernelEmitter::load(const Buffer &buffer, ArrayRef<LaneIndex> index) {
  Type storage = getStorageType(buffer.elementType);
  LaneIndex position = offset(buffer, index);
  if (position.isUniform())
    return broadcast(toCompute(loadForAllLanes(buffer, position.base), buffer.elementType));
  auto type = VectorType::get({numLanes}, storage);
  if (!position.general && position.stride == 1)
    return toCompute(loadNeighbours(type, buffer, position), buffer.elementType);
  if (!position.general && position.stride == 2)
    if (Value stored = loadEverySecond(type, buffer, position.base))
      return toCompute(stored, buffer.elementType);
  Value gathered = em.gather(type, lanePointers(buffer, position), fullMask());
  return toCompute(gathered, buffer.elementType);
}

void KernelEmitter::store(const Buffer &buffer, ArrayRef<LaneIndex> index, Value element) {
  Type storage = getStorageType(buffer.elementType);
  LaneIndex position = offset(buffer, index);
  Value stored = toStorage(element, buffer.elementType);
  if (!isa<VectorType>(stored.getType())) {
    em.store(stored, em.offsetPointer(buffer.pointer, storage, position.base));
    return;
  }
  if (!position.general && position.stride == 1)
    return storeNeighbours(stored, buffer, position);
  em.scatter(stored, lanePointers(buffer, position), fullMask());
}

} // namespace tenon
