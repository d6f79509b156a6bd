// The code of each instruction.
//
// Interleaved channels come as one integer that holds all that a lane of a sum takes, the first in
// the lowest bits.

#include "passes/Codegen/Cpu/Mma.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

class VectorMma : public Mma {
public:
  VectorMma(const MmaTypes &types, int64_t lanes) : types(types), lanes(lanes) {}

  /// As weights, unless the two differ.
  Value prepareInput(Emitter &e, Value scalar) const override {
    return prepareWeights(e, broadcast(e, scalar));
  }

protected:
  Value broadcast(Emitter &e, Value scalar) const {
    return vector::BroadcastOp::create(e, VectorType::get(lanes, scalar.getType()), scalar);
  }
  Value callIntrinsic(Emitter &e, StringRef name, Value sum, ValueRange operands) const {
    return LLVM::CallIntrinsicOp::create(e, sum.getType(), e.getStringAttr(name), operands)
        .getResult(0);
  }

  MmaTypes types;
  int64_t lanes;
};

/// One channel at a time: operands widen, and one instruction, or a multiplication and an addition
/// of integers, does the rest.
class Fma final : public VectorMma {
public:
  using VectorMma::VectorMma;

  Value prepareInput(Emitter &e, Value scalar) const override {
    return broadcast(e, e.convert(scalar, types.accumulator, types.inputIsUnsigned));
  }
  Value prepareWeights(Emitter &e, Value vector) const override {
    return e.convert(vector, types.accumulator, types.weightsAreUnsigned);
  }
  Value multiplyAdd(Emitter &e, Value input, Value weights, Value sum) const override {
    return e.multiplyAdd(input, weights, sum);
  }
};

/// vpmaddwd multiplies pairs of 16-bit integers and adds each pair's products. Pairs of bytes are
/// widened first, unless packing has done so.
class PairProducts final : public VectorMma {
public:
  using VectorMma::VectorMma;

  Value prepareInput(Emitter &e, Value scalar) const override {
    return splitChannels(e, broadcast(e, scalar), 2, e.getI16Type(), types.inputIsUnsigned);
  }
  Value prepareWeights(Emitter &e, Value vector) const override {
    return splitChannels(e, vector, 2, e.getI16Type(), types.weightsAreUnsigned);
  }
  Value multiplyAdd(Emitter &e, Value input, Value weights, Value sum) const override {
    StringRef name = lanes == 4   ? "llvm.x86.sse2.pmadd.wd"
                     : lanes == 8 ? "llvm.x86.avx2.pmadd.wd"
                                  : "llvm.x86.avx512.pmaddw.d.512";
    return arith::AddIOp::create(e, sum, callIntrinsic(e, name, sum, {input, weights}));
  }
};

/// vpdpbusd: unsigned bytes of the input times signed bytes of the weights, four products added to
/// each sum.
class ByteProducts final : public VectorMma {
public:
  using VectorMma::VectorMma;

  Value prepareWeights(Emitter &e, Value vector) const override {
    return splitChannels(e, vector, 4, e.getI8Type(), types.weightsAreUnsigned);
  }
  Value multiplyAdd(Emitter &e, Value input, Value weights, Value sum) const override {
    std::string name = "llvm.x86.avx512.vpdpbusd." + std::to_string(lanes * 32);
    return callIntrinsic(e, name, sum, {sum, input, weights});
  }
};

/// vdpbf16ps: pairs of bf16, whose two products are added to each sum.
class BFloatProducts final : public VectorMma {
public:
  using VectorMma::VectorMma;

  Value prepareWeights(Emitter &e, Value vector) const override {
    return vector::BitCastOp::create(e, VectorType::get(2 * lanes, e.getBF16Type()), vector);
  }
  Value multiplyAdd(Emitter &e, Value input, Value weights, Value sum) const override {
    std::string name = "llvm.x86.avx512bf16.dpbf16ps." + std::to_string(lanes * 32);
    return callIntrinsic(e, name, sum, {sum, input, weights});
  }
};

} // namespace

Value splitChannels(Emitter &e, Value vector, int64_t interleave, Type channel, bool isUnsigned) {
  auto type = cast<VectorType>(vector.getType());
  Type stored = e.getIntegerType(type.getElementTypeBitWidth() / interleave);
  auto channels = VectorType::get(type.getDimSize(0) * interleave, stored);
  return e.convert(vector::BitCastOp::create(e, channels, vector), channel, isUnsigned);
}

std::unique_ptr<Mma> createMma(MmaAttr mma, const MmaTypes &types, int64_t lanes) {
  switch (mma.getInstruction()) {
  case MmaInstruction::Fma:
    return std::make_unique<Fma>(types, lanes);
  case MmaInstruction::PairProducts:
    return std::make_unique<PairProducts>(types, lanes);
  case MmaInstruction::ByteProducts:
    return std::make_unique<ByteProducts>(types, lanes);
  case MmaInstruction::BFloatProducts:
    return std::make_unique<BFloatProducts>(types, lanes);
  case MmaInstruction::ByteTiles:
  case MmaInstruction::BFloatTiles:
    break; // ContractionTiles.cpp
  }
  llvm_unreachable("no other instructions on vectors");
}

} // namespace tenon::cpu
