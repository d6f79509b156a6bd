// See SparseWeights.h. The form is that of dialects/Target/Cpu/SparsePanels.h.

#include "passes/Codegen/Cpu/SparseWeights.h"

using namespace mlir;

namespace tenon::cpu {

Value SparseWeights::panel(Emitter &e, Value number) const {
  return list(e, base, e.mul(number, form.panelLists));
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

SmallVector<Value> SparseWeights::forColumn(Emitter &e, Value panel, Value number,
                                            ValueRange initial, WeightBody body) const {
  Value start = list(e, panel, number);
  Value first = loadNumber(e, start, e.i64(0), 4), end = loadNumber(e, start, e.i64(1), 4);
  Type byte = e.getI8Type();
  Value rows = e.offsetPointer(base, byte, form.rowsOffset());
  Value values = e.offsetPointer(base, byte, form.valuesOffset());
  return e.loop(first, end, e.i64(1), initial, [&](Value weight, ValueRange carried) {
    return body(loadNumber(e, rows, weight, form.rowBytes()),
                e.load(type, e.offsetPointer(values, type, weight)), carried);
  });
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
