// See SparseWeights.h. The form is that of dialects/Target/Cpu/SparsePanels.h.

#include "passes/Codegen/Cpu/SparseWeights.h"

using namespace mlir;

namespace tenon::cpu {

Value SparseWeights::panel(Emitter &e, Value number) const {
  return e.offsetPointer(base, e.getI8Type(), e.mul(number, form.panelBytes()));
}

Value SparseWeights::list(Emitter &e, Value panel, Value tap) const {
  return e.offsetPointer(panel, e.getI8Type(), e.mul(tap, form.listBytes()));
}

/// One of several numbers of so many bytes.
static Value loadNumber(Emitter &e, Value pointer, Value index, int64_t bytes) {
  Type type = e.getIntegerType(bytes * 8);
  return e.convert(e.load(type, e.offsetPointer(pointer, type, index)), e.getI64Type(),
                   /*isUnsigned=*/true);
}

SmallVector<Value> SparseWeights::forBlocks(Emitter &e, Value panel, Value tap, ValueRange initial,
                                            BlockBody body) const {
  Value start = list(e, panel, tap);
  Value first = loadNumber(e, start, e.i64(0), 4), end = loadNumber(e, start, e.i64(1), 4);
  Type byte = e.getI8Type();
  Value rows = e.offsetPointer(base, byte, form.rowsOffset());
  Value values = e.offsetPointer(base, byte, form.valuesOffset());
  return e.loop(first, end, e.i64(1), initial, [&](Value block, ValueRange carried) {
    Value offset = e.mul(block, form.rowElements * form.elementBytes);
    return body(loadNumber(e, rows, block, form.rowBytes()), e.offsetPointer(values, byte, offset),
                carried);
  });
}

Value SparseWeights::firstOfPanel(Emitter &e, Value panel) const {
  return loadNumber(e, panel, e.i64(0), form.headBytes());
}

SmallVector<Value> SparseWeights::forColumn(Emitter &e, Value panel, Value number, Value &at,
                                            ValueRange initial, WeightBody body) const {
  Value start = list(e, e.offsetPointer(panel, e.getI8Type(), form.headBytes()), number);
  return form.hasMasks() ? forBits(e, start, at, initial, body)
                         : forRows(e, start, at, initial, body);
}

// The lowest bit tells the next weight, and is taken out.
SmallVector<Value> SparseWeights::forBits(Emitter &e, Value list, Value &at, ValueRange initial,
                                          WeightBody body) const {
  Type word = e.getI64Type();
  Value bits = e.convert(e.load(e.getIntegerType(form.maskBytes() * 8), list, e.getI8Type()), word,
                         /*isUnsigned=*/true);
  Value count = LLVM::CtPopOp::create(e, word, bits);
  SmallVector<Value> carried{bits};
  llvm::append_range(carried, initial);
  carried = e.loop(e.i64(0), count, e.i64(1), carried, [&](Value number, ValueRange values) {
    Value row = LLVM::CountTrailingZerosOp::create(e, word, values[0], /*is_zero_poison=*/true);
    Value others = arith::AndIOp::create(e, values[0], e.sub(values[0], e.i64(1)));
    SmallVector<Value> next{others};
    llvm::append_range(next, body(row, loadWeight(e, e.add(at, number)), values.drop_front()));
    return next;
  });
  at = e.add(at, count);
  return SmallVector<Value>(llvm::drop_begin(carried));
}

SmallVector<Value> SparseWeights::forRows(Emitter &e, Value list, Value &at, ValueRange initial,
                                          WeightBody body) const {
  Value first = at;
  at = e.add(at, loadNumber(e, list, e.i64(0), form.listBytes()));
  Value rows = e.offsetPointer(base, e.getI8Type(), form.rowsOffset());
  return e.loop(first, at, e.i64(1), initial, [&](Value number, ValueRange carried) {
    return body(loadNumber(e, rows, number, form.rowBytes()), loadWeight(e, number), carried);
  });
}

Value SparseWeights::loadWeight(Emitter &e, Value number) const {
  Value values = e.offsetPointer(base, e.getI8Type(), form.valuesOffset());
  return e.load(type, e.offsetPointer(values, type, number));
}

Value SparseWeights::first(Emitter &e, Value list) const { return e.load(e.getI64Type(), list); }

Value SparseWeights::expand(Emitter &e, Value list, Value row, int64_t column, VectorType vector,
                            Value &at) const {
  Type byte = e.getI8Type();
  int64_t count = vector.getNumElements() * vector.getElementTypeBitWidth() / 8 / form.elementBytes;
  Value place = e.add(e.mul(row, form.maskBytes()), form.headBytes() + column / 8);
  Value bits = e.load(e.getIntegerType(count), e.offsetPointer(list, byte, place), byte);
  Value mask = LLVM::BitcastOp::create(e, VectorType::get(count, e.getI1Type()), bits);
  auto elements = VectorType::get(count, type);
  Value none = arith::ConstantOp::create(e, e.getZeroAttr(elements));
  Value values = e.offsetPointer(e.offsetPointer(base, byte, form.valuesOffset()), type, at);
  Value expanded = LLVM::masked_expandload::create(e, elements, values, mask, none)->getResult(0);
  Value kept = LLVM::CtPopOp::create(e, bits.getType(), bits);
  at = e.add(at, e.convert(kept, e.getI64Type(), /*isUnsigned=*/true));
  return LLVM::BitcastOp::create(e, vector, expanded);
}

} // namespace tenon::cpu
