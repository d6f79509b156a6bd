// Sequences, optionals, maps and pictures: pointers to objects of the runtime, whose heads are read
// here.
//
// A block of the program owns a reference to each object that an op in it makes, or that it takes
// as an argument of a loop's body: memory planning says where it ends (`tenon.release`,
// `consumes`). What ends a block gives its own objects on, and takes another reference to those
// from outside.

#include "dialects/Tenon/SequenceTypes.h"
#include "passes/Codegen/Host/HostLowering.h"
#include "passes/Memory/Lifetimes.h"
#include "passes/Memory/ReleaseObjects.h"

using namespace mlir;

namespace tenon {

static constexpr char mark[] = {TENON_VALUE_MARK, 0};

Value HostLowering::i32(int64_t number) {
  return em.create<arith::ConstantOp>(em.getI32IntegerAttr(static_cast<int32_t>(number)));
}

Value HostLowering::callObjectService(Value service, ValueRange arguments) {
  SmallVector<Value> all = {exec};
  llvm::append_range(all, arguments);
  Value object = callService(service, pointerType, all);
  returnIf(isNull(object), TENON_EXEC_OUT_OF_MEMORY);
  return object;
}

void HostLowering::retain(Value object) {
  callService(field(&tenon_exec::retain, pointerType), Type(), {exec, object});
}

void HostLowering::releaseObject(Value object) {
  callService(field(&tenon_exec::release_object, pointerType), Type(), {exec, object});
}

Value HostLowering::lengthOf(Value list) {
  return objectField(pointerOf(list), &tenon_object::length, i64);
}

/// How many bytes an element of a tensor, or of those in a list, takes.
static int64_t elementBytesOf(Type type) { return getElementBytes(getInnerElementType(type)); }

SmallVector<Value> HostLowering::sizesOf(Type tensor) {
  SmallVector<Value> sizes;
  for (AffineExpr dim : getDims(tensor))
    sizes.push_back(value(dim));
  return sizes;
}

Value HostLowering::newReference(Value element) {
  if (isHostValue(element)) {
    retain(pointerOf(element));
    return pointerOf(element);
  }
  SmallVector<Value> sizes = sizesOf(element.getType());
  return callObjectService(field(&tenon_exec::make_tensor, pointerType),
                           {i32(elementBytesOf(element.getType())), i32(sizes.size()),
                            inSlots(sizes), pointerOf(element)});
}

SmallVector<Value> HostLowering::yieldedPointers(Operation *terminator) {
  SmallVector<Value> yielded;
  llvm::SmallDenseSet<Value> given;
  for (Value value : terminator->getOperands()) {
    if (isHostValue(value) && (!givesReference(value, terminator) || !given.insert(value).second))
      retain(pointerOf(value));
    yielded.push_back(pointerOf(value));
  }
  return yielded;
}

Value HostLowering::checkedPosition(Value position, Value length, bool isInsertion) {
  Value found = loadElement(position, 0);
  Value isNegative = em.less(found, em.i64(0));
  Value fromStart = em.select(isNegative, em.add(found, length), found);
  Value end = isInsertion ? em.add(length, 1) : length;
  Value isBefore = em.less(fromStart, em.i64(0));
  Value isBehind = em.compare(arith::CmpIPredicate::sge, fromStart, end);
  failIf(em.create<arith::OrIOp>(isBefore, isBehind), TENON_EXEC_BAD_VALUE,
         Twine("position ") + mark + " is out of range in a sequence of " + mark + " elements",
         {found, length});
  return fromStart;
}

void HostLowering::lower(SequenceConstructOp op) {
  SmallVector<Value> elements;
  for (Value element : op.getElements())
    elements.push_back(newReference(element));
  pointers[op] = callObjectService(field(&tenon_exec::make_sequence, pointerType),
                                   {em.i64(elements.size()), inSlots(elements)});
}

void HostLowering::lower(SequenceInsertOp op) {
  Value length = lengthOf(op.getSequence());
  Value position =
      op.getPosition() ? checkedPosition(op.getPosition(), length, /*isInsertion=*/true) : length;
  Value element = newReference(op.getElement());
  pointers[op] = callObjectService(
      field(&tenon_exec::insert, pointerType),
      {pointerOf(op.getSequence()), position, element, i32(op.getConsumes() ? 1 : 0)});
}

void HostLowering::lower(SequenceEraseOp op) {
  Value length = lengthOf(op.getSequence()), position;
  if (op.getPosition()) {
    position = checkedPosition(op.getPosition(), length, /*isInsertion=*/false);
  } else {
    failIf(em.less(length, em.i64(1)), TENON_EXEC_BAD_VALUE, "the sequence is empty");
    position = em.sub(length, em.i64(1));
  }
  pointers[op] =
      callObjectService(field(&tenon_exec::erase, pointerType),
                        {pointerOf(op.getSequence()), position, i32(op.getConsumes() ? 1 : 0)});
}

void HostLowering::bindTensor(Value tensor, Value object) {
  Value dims = objectField(object, &tenon_object::dims, pointerType);
  SmallVector<Value> sizes;
  for (size_t i = 0; i < getDims(tensor.getType()).size(); ++i)
    sizes.push_back(em.load(i64, em.offsetPointer(dims, i64, i)));
  bindDims(tensor.getType(), sizes);
  pointers[tensor] = objectField(object, &tenon_object::data, pointerType);
}

void HostLowering::lower(SequenceAtOp op) {
  Value length = lengthOf(op.getSequence()), position = em.i64(0);
  if (op.getPosition())
    position = checkedPosition(op.getPosition(), length, /*isInsertion=*/false);
  else
    failIf(em.less(length, em.i64(1)), TENON_EXEC_BAD_VALUE, "the optional has no element");
  Value elements = objectField(pointerOf(op.getSequence()), &tenon_object::elements, pointerType);
  Value element = em.load(pointerType, em.offsetPointer(elements, pointerType, position));
  if (isHostValue(op.getElement())) {
    pointers[op] = element;
  } else {
    if (isa<UnrankedTensorType>(getListElement(op.getSequence().getType())))
      checkRank(element, getDims(op.getElement().getType()).size());
    ownObjects[op.getElement()] = element;
    bindTensor(op.getElement(), element);
  }
  retain(element);
}

void HostLowering::checkRank(Value tensor, int64_t expected) {
  Value rank =
      em.create<arith::ExtSIOp>(i64, objectField(tensor, &tenon_object::rank, em.getI32Type()));
  failIf(em.compare(arith::CmpIPredicate::ne, rank, em.i64(expected)), TENON_EXEC_BAD_SHAPE,
         Twine("the element has rank ") + mark + ", but must have rank " + Twine(expected), rank);
}

void HostLowering::lower(SequenceLengthOp op) {
  Value slot = stackSlots(1);
  em.store(lengthOf(op.getSequence()), slot);
  pointers[op] = slot;
}

void HostLowering::lower(SequenceConcatOp op) {
  Value sequence = pointerOf(op.getSequence());
  int64_t rank = op.getType().getRank();
  Value axis = i32(op.getAxis()), newAxis = i32(op.getNewAxis() ? 1 : 0);
  Value dims = inSlots(SmallVector<Value>(rank, em.i64(0)));
  Value status = callService(field(&tenon_exec::concat_dims, pointerType), em.getI32Type(),
                             {exec, sequence, i32(rank), axis, newAxis, dims, describeNodeInRun()});
  returnIf(em.compare(arith::CmpIPredicate::ne, status, i32(0)), TENON_EXEC_BAD_VALUE);
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < rank; ++i)
    sizes.push_back(em.load(i64, em.offsetPointer(dims, i64, i)));
  bindDims(op.getType(), sizes);
  pointers[op] = allocate(bytesOf(op.getType()));
  callService(field(&tenon_exec::concat, pointerType), Type(),
              {exec, sequence, axis, newAxis, pointers[op]});
}

void HostLowering::lower(SequenceSplitOp op) {
  Value sizes, count = em.i64(-1);
  if (!op.getSizes()) {
    sizes = stackSlots(1);
    em.store(em.i64(1), sizes);
  } else {
    sizes = pointerOf(op.getSizes());
    if (op.getSizes().getType().getRank() == 1)
      count = value(getDims(op.getSizes().getType()).front());
  }
  SmallVector<Value> dims = sizesOf(op.getOperand().getType());
  pointers[op] =
      callObjectService(field(&tenon_exec::split, pointerType),
                        {i32(elementBytesOf(op.getOperand().getType())), i32(dims.size()),
                         inSlots(dims), pointerOf(op.getOperand()), i32(op.getAxis()), sizes, count,
                         i32(op.getDropsAxis() ? 1 : 0), describeNodeInRun()});
}

void HostLowering::lower(MapEntriesOp op) {
  Value parts = objectField(pointerOf(op.getMap()), &tenon_object::elements, pointerType);
  for (OpResult result : op->getResults()) {
    Value object = em.load(pointerType,
                           em.offsetPointer(parts, pointerType, int64_t(result.getResultNumber())));
    bindTensor(result, object);
    ownObjects[result] = object;
    retain(object);
  }
}

static_assert(int32_t(PixelFormat::Grey) == TENON_PIXELS_GREY &&
              int32_t(PixelFormat::RGB) == TENON_PIXELS_RGB &&
              int32_t(PixelFormat::BGR) == TENON_PIXELS_BGR);

/// The pixels lie in an object, as a tensor that is read from a sequence.
void HostLowering::lower(DecodeImageOp op) {
  Value object = callObjectService(field(&tenon_exec::decode_image, pointerType),
                                   {pointerOf(op.getBytes()), bytesOf(op.getBytes().getType()),
                                    i32(int64_t(op.getFormat())), describeNodeInRun()});
  ownObjects[op.getPixels()] = object;
  bindTensor(op.getPixels(), object);
}

void HostLowering::lower(ReleaseOp op) {
  Value buffer = op.getBuffer();
  if (isHostValue(buffer))
    return releaseObject(pointerOf(buffer));
  if (Value object = ownObjects.lookup(buffer))
    return releaseObject(object);
  Value own = ownMemory.lookup(buffer);
  Value memory = own ? own : pointerOf(buffer);
  isa_and_present<HostAttr>(getPlace(buffer)) ? releaseOnHost(memory) : release(memory);
}

void HostLowering::writeObject(int64_t number, Value object) {
  Value status = callService(field(&tenon_exec::output_object, pointerType), em.getI32Type(),
                             {exec, i32(number), pointerOf(object)});
  returnIf(em.compare(arith::CmpIPredicate::ne, status, i32(0)), TENON_EXEC_OUT_OF_MEMORY);
}

int64_t countSequenceSlots(Operation *op) {
  size_t most = 0;
  for (Type type : op->getOperandTypes())
    most = std::max(most, getDims(type).size());
  for (Type type : op->getResultTypes())
    most = std::max(most, getDims(type).size());
  return std::max<int64_t>(most, op->getNumOperands());
}

} // namespace tenon
