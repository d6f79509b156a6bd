// Tables of 256 bytes in registers.
//
// x86-64: four registers of 64 bytes. vpermi2b picks from two of them by the lower seven bits of a
// code, the eighth says which pair it is; without it, vpermi2w does so with words. AArch64: sixteen
// registers of 16 bytes. tbl picks from four of them, and gives 0 for codes beyond; tbx keeps what
// it had there instead, so that the codes go down by 64 for each next four.

#include "passes/Codegen/Cpu/ByteTables.h"
#include "dialects/Tenon/ByteTables.h"

using namespace mlir;

namespace tenon::cpu {

static Value callIntrinsic(Emitter &e, StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(e, result, e.getStringAttr(name), operands).getResult(0);
}

bool hasByteTables(TargetAttr target) { return target.has("avx512bw") || target.has("neon"); }

static SmallVector<Value> loadTable(Emitter &e, Value table, VectorType part) {
  SmallVector<Value> parts;
  int64_t count = kByteValues * 8 / part.getElementTypeBitWidth();
  for (int64_t first = 0; first < count; first += part.getNumElements())
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

/// The same with words of two bytes, of which the lowest bit of a code says which one it means.
static Value permuteWords(Emitter &e, Value table, Value codes) {
  auto type = VectorType::get(cast<VectorType>(codes.getType()).getShape(), e.getI16Type());
  auto splat = [&](int16_t value) -> Value {
    return e.create<arith::ConstantOp>(DenseElementsAttr::get(type, value));
  };
  SmallVector<Value> parts = loadTable(e, table, type);
  Value wide = e.create<arith::ExtUIOp>(type, codes);
  Value place = e.create<arith::ShRUIOp>(wide, splat(1));
  auto pick = [&](Value low, Value high) {
    return callIntrinsic(e, "llvm.x86.avx512.vpermi2var.hi.512", type, {low, place, high});
  };
  Value isBehind = e.create<arith::CmpIOp>(arith::CmpIPredicate::uge, wide, splat(kByteValues / 2));
  Value words =
      e.create<arith::SelectOp>(isBehind, pick(parts[2], parts[3]), pick(parts[0], parts[1]));
  Value bits = e.create<arith::ShLIOp>(e.create<arith::AndIOp>(wide, splat(1)), splat(3));
  return e.create<arith::TruncIOp>(codes.getType(), e.create<arith::ShRUIOp>(words, bits));
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
  auto read = target.has("neon") ? pickByFours : target.has("avx512vbmi") ? permute : permuteWords;
  int64_t lanes = type.getNumElements(), width = read == pickByFours ? 16
                                                 : read == permute   ? 64
                                                                     : 32;
  // Registers full of codes, which the last lanes may repeat.
  Value found;
  for (int64_t first = 0; first < lanes; first += width) {
    SmallVector<int64_t> chosen, joined;
    for (int64_t lane = 0; lane < width; ++lane)
      chosen.push_back(std::min(first + lane, lanes - 1));
    for (int64_t lane = 0; lane < std::min(first + width, lanes); ++lane)
      joined.push_back(lane);
    Value part = read(e, table, e.create<vector::ShuffleOp>(codes, codes, chosen));
    found = e.create<vector::ShuffleOp>(found ? found : part, part, joined);
  }
  return found;
}

} // namespace tenon::cpu
