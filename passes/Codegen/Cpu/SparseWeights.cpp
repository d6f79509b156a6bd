// See SparseWeights.h. The form is that of dialects/Target/Cpu/SparsePanels.h.

#include "passes/Codegen/Cpu/SparseWeights.h"

using namespace mlir;

namespace tenon::cpu {

Value SparseWeights::panel(Emitter &e, Value number, Value taps) const {
  return e.offsetPointer(base, e.getI32Type(), e.mul(number, taps));
}

Value SparseWeights::loadNumber(Emitter &e, Value pointer, Value index) const {
  Type i32 = e.getI32Type();
  return e.convert(e.load(i32, e.offsetPointer(pointer, i32, index)), e.getI64Type(),
                   /*isUnsigned=*/true);
}

SmallVector<Value> SparseWeights::forBlocks(Emitter &e, Value panel, Value tap, ValueRange initial,
                                            BlockBody body) const {
  Value first = loadNumber(e, panel, tap), end = loadNumber(e, panel, e.add(tap, 1));
  Type byte = e.getI8Type();
  Value rows = e.offsetPointer(base, byte, form.rowsOffset());
  Value values = e.offsetPointer(base, byte, form.valuesOffset());
  return e.loop(first, end, e.i64(1), initial, [&](Value block, ValueRange carried) {
    Value offset = e.mul(block, form.rowElements * form.elementBytes);
    return body(loadNumber(e, rows, block), e.offsetPointer(values, byte, offset), carried);
  });
}

} // namespace tenon::cpu
