// Registers are named here: LLVM's own allocation of them takes its time, and cannot keep them from
// one function to the next.
#include "passes/Codegen/Cpu/TileRegisters.h"

using namespace mlir;

namespace tenon::cpu {

static void call(Emitter &e, StringRef name, ArrayRef<int64_t> tiles, ValueRange operands = {}) {
  SmallVector<Value> arguments;
  for (int64_t tile : tiles)
    arguments.push_back(arith::ConstantOp::create(e, e.getI8IntegerAttr(tile)));
  llvm::append_range(arguments, operands);
  LLVM::CallIntrinsicOp::create(e, e.getStringAttr("llvm.x86." + name), arguments);
}

TileRegisters::TileRegisters(Emitter &e, MmaAttr mma) : areSet(mma.hasTiles()) {
  if (!areSet)
    return;
  // What ldtilecfg reads: a palette, then for each register the bytes of a row, in 16 bits from
  // byte 16 on, and the rows, in 8 bits from byte 48 on.
  constexpr int64_t size = 64, registers = 8;
  SmallVector<int8_t> bytes(size, 0);
  bytes[0] = 1;
  for (int64_t i = 0; i < registers; ++i) {
    bytes[16 + 2 * i] = MmaAttr::tileBytes;
    bytes[48 + i] = MmaAttr::tileRows;
  }
  auto type = VectorType::get(size, e.getI8Type());
  Value array = e.stackArray(e.getI8Type(), size, /*alignment=*/64);
  e.store(arith::ConstantOp::create(e, DenseElementsAttr::get(type, ArrayRef(bytes))), array);
  call(e, "ldtilecfg", {}, array);
}

void TileRegisters::release(Emitter &e) {
  if (areSet)
    call(e, "tilerelease", {});
}

void TileRegisters::clear(Emitter &e, int64_t tile) { call(e, "tilezero", tile); }

void TileRegisters::load(Emitter &e, int64_t tile, Value pointer, Value pitch) {
  call(e, "tileloadd64", tile, {pointer, pitch});
}

void TileRegisters::store(Emitter &e, int64_t tile, Value pointer, Value pitch) {
  call(e, "tilestored64", tile, {pointer, pitch});
}

void TileRegisters::multiplyAdd(Emitter &e, MmaAttr mma, const MmaTypes &types, int64_t sums,
                                int64_t input, int64_t weights) {
  auto sign = [](bool isUnsigned) { return isUnsigned ? "u" : "s"; };
  std::string name = mma.getInstruction() == MmaInstruction::BFloatTiles
                         ? "tdpbf16ps"
                         : std::string("tdpb") + sign(types.inputIsUnsigned) +
                               sign(types.weightsAreUnsigned) + "d";
  call(e, name, {sums, input, weights});
}

} // namespace tenon::cpu
