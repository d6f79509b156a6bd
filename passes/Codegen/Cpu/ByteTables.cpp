// Tables of 256 bytes in registers.
//
// x86-64: four registers of 64 bytes. vpermi2b picks from two of them by the lower seven bits of a
// code, the eighth says which pair it is. AArch64: sixteen registers of 16 bytes. tbl picks from
// four of them, and gives 0 for codes beyond; tbx keeps what it had there instead, so that the
// codes go down by 64 for each next four.

#include "passes/Codegen/Cpu/ByteTables.h"
#include "dialects/Tenon/ByteTables.h"

using namespace mlir;

namespace tenon::cpu {

static Value callIntrinsic(Emitter &e, StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(e, result, e.getStringAttr(name), operands).getResult(0);
}

bool hasByteTables(TargetAttr target) { return target.has("avx512vbmi") || target.has("neon"); }

static SmallVector<Value> loadTable(Emitter &e, Value table, VectorType part) {
  SmallVector<Value> parts;
  for (int64_t first = 0; first < kByteValues; first += part.getNumElements())
    parts.push_back(e.load(part, e.offsetPointer(table, part.getElementType(), first)));
  return parts;
}

static Value permute(Emitter &e, Value table, Value codes) {
  Type type = codes.getType();
  SmallVector<Value> parts = loadTable(e, table, cast<VectorType>(type));
  auto pick = [&](Value low, Value high) {
    return callIntrinsic(e, "llvm.x86.avx512.vpermi2var.qi.512", type, {low, codes, high});
  };
  Value zero = e.create<arith::ConstantOp>(e.getZeroAttr(type));
  Value isBehind = e.create<arith::CmpIOp>(arith::CmpIPredicate::slt, codes, zero);
  return e.create<arith::SelectOp>(isBehind, pick(parts[2], parts[3]), pick(parts[0], parts[1]));
}

static Value pickByFours(Emitter &e, Value table, Value codes) {
  constexpr int64_t registers = 4;
  Type type = codes.getType();
  int64_t bytes = registers * cast<VectorType>(type).getNumElements();
  Value step = e.create<arith::ConstantOp>(
      DenseElementsAttr::get(cast<ShapedType>(type), static_cast<int8_t>(bytes)));
  SmallVector<Value> parts = loadTable(e, table, cast<VectorType>(type));
  Value result;
  for (ArrayRef<Value> rest = parts; !rest.empty(); rest = rest.drop_front(registers)) {
    SmallVector<Value> operands(rest.take_front(registers));
    operands.push_back(codes);
    if (result)
      operands.insert(operands.begin(), result);
    StringRef name = result ? "llvm.aarch64.neon.tbx4.v16i8" : "llvm.aarch64.neon.tbl4.v16i8";
    result = callIntrinsic(e, name, type, operands);
    codes = e.create<arith::SubIOp>(codes, step);
  }
  return result;
}

Value emitTableRead(Emitter &e, TargetAttr target, Value table, Value codes) {
  auto type = dyn_cast<VectorType>(codes.getType());
  if (!type) {
    Value place = e.create<arith::ExtUIOp>(e.getI64Type(), codes);
    return e.load(e.getI8Type(), e.offsetPointer(table, e.getI8Type(), place));
  }
  int64_t lanes = type.getNumElements(), width = target.has("neon") ? 16 : 64;
  assert(lanes <= width && "a register holds all lanes");
  SmallVector<int64_t> widen(width, 0);
  for (int64_t lane = 0; lane < lanes; ++lane)
    widen[lane] = lane;
  if (lanes < width)
    codes = e.create<vector::ShuffleOp>(codes, codes, widen);
  Value found = target.has("neon") ? pickByFours(e, table, codes) : permute(e, table, codes);
  if (lanes < width)
    found = e.create<vector::ShuffleOp>(found, found, ArrayRef(widen).take_front(lanes));
  return found;
}

} // namespace tenon::cpu
