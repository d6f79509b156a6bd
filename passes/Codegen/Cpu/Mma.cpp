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

protected:
  VectorType vectorOf(Type type, int64_t perLane = 1) const {
    return VectorType::get(lanes * perLane, type);
  }
  Value broadcast(Emitter &e, Value scalar) const {
    return vector::BroadcastOp::create(e, vectorOf(scalar.getType()), scalar);
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

  Operand prepareInput(Emitter &e, Value scalar) const override {
    return {broadcast(e, e.convert(scalar, types.accumulator, types.inputIsUnsigned))};
  }
  Operand prepareWeights(Emitter &e, Value vector) const override {
    return {e.convert(vector, types.accumulator, types.weightsAreUnsigned)};
  }
  Value multiplyAdd(Emitter &e, const Operand &input, const Operand &weights,
                    Value sum) const override {
    return e.multiplyAdd(input[0], weights[0], sum);
  }
};

/// vpmaddwd multiplies pairs of 16-bit integers and adds each pair's products. Pairs of bytes are
/// widened first, unless packing has done so.
class PairProducts final : public VectorMma {
public:
  using VectorMma::VectorMma;

  Operand prepareInput(Emitter &e, Value scalar) const override {
    return {widen(e, broadcast(e, scalar), types.inputIsUnsigned)};
  }
  Operand prepareWeights(Emitter &e, Value vector) const override {
    return {widen(e, vector, types.weightsAreUnsigned)};
  }
  Value multiplyAdd(Emitter &e, const Operand &input, const Operand &weights,
                    Value sum) const override {
    StringRef name = lanes == 4   ? "llvm.x86.sse2.pmadd.wd"
                     : lanes == 8 ? "llvm.x86.avx2.pmadd.wd"
                                  : "llvm.x86.avx512.pmaddw.d.512";
    return arith::AddIOp::create(e, sum, callIntrinsic(e, name, sum, {input[0], weights[0]}));
  }

private:
  Value widen(Emitter &e, Value pairs, bool isUnsigned) const {
    int64_t bits = getElementTypeOrSelf(pairs.getType()).getIntOrFloatBitWidth() / 2;
    Value elements = vector::BitCastOp::create(e, vectorOf(e.getIntegerType(bits), 2), pairs);
    return e.convert(elements, e.getI16Type(), isUnsigned);
  }
};

/// vpdpbusd: unsigned bytes of the input times signed bytes of the weights, four products added to
/// each sum.
class ByteProducts final : public VectorMma {
public:
  using VectorMma::VectorMma;

  Operand prepareInput(Emitter &e, Value scalar) const override {
    return prepareWeights(e, broadcast(e, scalar));
  }
  Operand prepareWeights(Emitter &e, Value vector) const override {
    return {vector::BitCastOp::create(e, vectorOf(e.getI8Type(), 4), vector)};
  }
  Value multiplyAdd(Emitter &e, const Operand &input, const Operand &weights,
                    Value sum) const override {
    std::string name = "llvm.x86.avx512.vpdpbusd." + std::to_string(lanes * 32);
    return callIntrinsic(e, name, sum, {sum, input[0], weights[0]});
  }
};

} // namespace

std::unique_ptr<Mma> createMma(MmaAttr mma, const MmaTypes &types, int64_t lanes) {
  switch (mma.getInstruction()) {
  case MmaInstruction::Fma:
    return std::make_unique<Fma>(types, lanes);
  case MmaInstruction::PairProducts:
    return std::make_unique<PairProducts>(types, lanes);
  case MmaInstruction::ByteProducts:
    return std::make_unique<ByteProducts>(types, lanes);
  }
  llvm_unreachable("no other instructions");
}

} // namespace tenon::cpu
