// The code of each instruction.
//
// Interleaved channels come as one integer that holds all that a lane of a sum takes, the first in
// the lowest bits.

#include "passes/Codegen/Cpu/Mma.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

Value callIntrinsic(Emitter &e, StringRef name, Type result, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(e, result, e.getStringAttr(name), operands).getResult(0);
}

/// One row at a time.
class VectorMma : public Mma {
public:
  VectorMma(const MmaTypes &types, int64_t lanes) : types(types), lanes(lanes) {}

  Value prepareInput(Emitter &e, ValueRange scalars) const final {
    return prepareRow(e, scalars.front());
  }
  void multiplyAdd(Emitter &e, Value input, Value weights,
                   MutableArrayRef<Value> sums) const final {
    sums.front() = multiplyAddRow(e, input, weights, sums.front());
  }

protected:
  /// As weights, unless the two differ.
  virtual Value prepareRow(Emitter &e, Value scalar) const {
    return prepareWeights(e, broadcast(e, scalar));
  }
  virtual Value multiplyAddRow(Emitter &e, Value input, Value weights, Value sum) const = 0;

  Value broadcast(Emitter &e, Value scalar) const {
    return vector::BroadcastOp::create(e, VectorType::get(lanes, scalar.getType()), scalar);
  }

  MmaTypes types;
  int64_t lanes;
};

/// One channel at a time: operands widen, and one instruction, or a multiplication and an addition
/// of integers, does the rest.
class Fma final : public VectorMma {
public:
  using VectorMma::VectorMma;

  Value prepareRow(Emitter &e, Value scalar) const override {
    return broadcast(e, e.convert(scalar, types.accumulator, types.inputIsUnsigned));
  }
  Value prepareWeights(Emitter &e, Value vector) const override {
    return e.convert(vector, types.accumulator, types.weightsAreUnsigned);
  }
  Value multiplyAddRow(Emitter &e, Value input, Value weights, Value sum) const override {
    return e.multiplyAdd(input, weights, sum);
  }
};

/// vpmaddwd multiplies pairs of 16-bit integers and adds each pair's products. Pairs of bytes are
/// widened first, unless packing has done so.
class PairProducts final : public VectorMma {
public:
  using VectorMma::VectorMma;

  Value prepareRow(Emitter &e, Value scalar) const override {
    return splitChannels(e, broadcast(e, scalar), 2, e.getI16Type(), types.inputIsUnsigned);
  }
  Value prepareWeights(Emitter &e, Value vector) const override {
    return splitChannels(e, vector, 2, e.getI16Type(), types.weightsAreUnsigned);
  }
  Value multiplyAddRow(Emitter &e, Value input, Value weights, Value sum) const override {
    StringRef name = lanes == 4   ? "llvm.x86.sse2.pmadd.wd"
                     : lanes == 8 ? "llvm.x86.avx2.pmadd.wd"
                                  : "llvm.x86.avx512.pmaddw.d.512";
    return arith::AddIOp::create(e, sum, callIntrinsic(e, name, sum.getType(), {input, weights}));
  }
};

/// Some channels at once, which are bytes for the instruction.
template <int64_t channels> class BytesMma : public VectorMma {
public:
  using VectorMma::VectorMma;

  Value prepareWeights(Emitter &e, Value vector) const final {
    return splitChannels(e, vector, channels, e.getI8Type(), types.weightsAreUnsigned);
  }
};

/// vpdpbusd: unsigned bytes of the input times signed bytes of the weights, four products added to
/// each sum.
class ByteProducts final : public BytesMma<4> {
public:
  using BytesMma::BytesMma;

  Value multiplyAddRow(Emitter &e, Value input, Value weights, Value sum) const override {
    std::string name = "llvm.x86.avx512.vpdpbusd." + std::to_string(lanes * 32);
    return callIntrinsic(e, name, sum.getType(), {sum, input, weights});
  }
};

/// smull and sadalp: products of bytes of one sign fit 16 bits, and are added to 32 in pairs.
class BytePairs final : public BytesMma<2> {
public:
  using BytesMma::BytesMma;

  Value multiplyAddRow(Emitter &e, Value input, Value weights, Value sum) const override {
    std::string sign = types.weightsAreUnsigned ? "u" : "s";
    Type wide = VectorType::get(2 * lanes, e.getI16Type());
    Value products =
        callIntrinsic(e, "llvm.aarch64.neon." + sign + "mull.v8i16", wide, {input, weights});
    return arith::AddIOp::create(e, sum,
                                 callIntrinsic(e, "llvm.aarch64.neon." + sign + "addlp.v4i32.v8i16",
                                               sum.getType(), {products}));
  }
};

/// sdot, udot, usdot: bytes, four products added to each sum.
class ByteDots final : public BytesMma<4> {
public:
  using BytesMma::BytesMma;

  Value multiplyAddRow(Emitter &e, Value input, Value weights, Value sum) const override {
    StringRef name = "usdot";
    if (types.inputIsUnsigned == types.weightsAreUnsigned)
      name = types.inputIsUnsigned ? "udot" : "sdot";
    else if (types.weightsAreUnsigned) // usdot's first operand has no sign
      std::swap(input, weights);
    return callIntrinsic(e, ("llvm.aarch64.neon." + name + ".v4i32.v16i8").str(), sum.getType(),
                         {sum, input, weights});
  }
};

/// smmla, ummla, usmmla: 2 x 8 bytes of input times 8 x 2 of weights. Vectors of sums that two rows
/// share hold
///
///     row 0 column 0, row 0 column 1, row 1 column 0, row 1 column 1   and columns 2 and 3
///
/// or, as usmmla's first operand has no sign, columns and rows change places with the operands.
class ByteRowPairs final : public Mma {
public:
  ByteRowPairs(const MmaTypes &types, int64_t lanes)
      : types(types), lanes(lanes), swaps(types.weightsAreUnsigned && !types.inputIsUnsigned) {}

  Value prepareInput(Emitter &e, ValueRange scalars) const override {
    auto type = VectorType::get(2, scalars.front().getType());
    Value rows = vector::FromElementsOp::create(e, type, scalars);
    return vector::BitCastOp::create(e, VectorType::get(16, e.getI8Type()), rows);
  }
  Value prepareWeights(Emitter &e, Value vector) const override {
    return vector::BitCastOp::create(e, VectorType::get(8 * lanes, e.getI8Type()), vector);
  }
  void multiplyAdd(Emitter &e, Value input, Value weights,
                   MutableArrayRef<Value> sums) const override {
    StringRef sign = types.inputIsUnsigned != types.weightsAreUnsigned ? "us"
                     : types.inputIsUnsigned                           ? "u"
                                                                       : "s";
    std::string name = ("llvm.aarch64.neon." + sign + "mmla.v4i32.v16i8").str();
    for (auto [half, sum] : llvm::enumerate(sums)) {
      auto bytes = llvm::to_vector(llvm::seq<int64_t>(16 * half, 16 * half + 16));
      Value columns = vector::ShuffleOp::create(e, weights, weights, bytes);
      sum = callIntrinsic(e, name, sum.getType(),
                          {sum, swaps ? columns : input, swaps ? input : columns});
    }
  }
  void separateRows(Emitter &e, MutableArrayRef<Value> sums) const override {
    SmallVector<int64_t> first{0, 1, 4, 5}, second{2, 3, 6, 7};
    if (swaps)
      first = {0, 2, 4, 6}, second = {1, 3, 5, 7};
    Value row = vector::ShuffleOp::create(e, sums[0], sums[1], first);
    sums[1] = vector::ShuffleOp::create(e, sums[0], sums[1], second);
    sums[0] = row;
  }

private:
  MmaTypes types;
  int64_t lanes;
  bool swaps;
};

/// vdpbf16ps and bfdot: pairs of bf16, whose two products are added to each sum.
class BFloatProducts final : public VectorMma {
public:
  BFloatProducts(const MmaTypes &types, int64_t lanes, StringRef name)
      : VectorMma(types, lanes), name(name) {}

  Value prepareWeights(Emitter &e, Value vector) const override {
    return vector::BitCastOp::create(e, VectorType::get(2 * lanes, e.getBF16Type()), vector);
  }
  Value multiplyAddRow(Emitter &e, Value input, Value weights, Value sum) const override {
    return callIntrinsic(e, name, sum.getType(), {sum, input, weights});
  }

private:
  std::string name;
};

} // namespace

Value splitChannels(Emitter &e, Value vector, int64_t interleave, Type channel, bool isUnsigned) {
  auto type = cast<VectorType>(vector.getType());
  Type stored = e.getIntegerType(type.getElementTypeBitWidth() / interleave);
  auto channels = VectorType::get(type.getDimSize(0) * interleave, stored);
  return e.convert(vector::BitCastOp::create(e, channels, vector), channel, isUnsigned);
}

MmaTypes getByteTypes(MmaAttr mma) {
  return {IntegerType::get(mma.getContext(), 32), mma.takesUnsignedBytes(), false};
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
    return std::make_unique<BFloatProducts>(
        types, lanes, "llvm.x86.avx512bf16.dpbf16ps." + std::to_string(lanes * 32));
  case MmaInstruction::BytePairs:
    return std::make_unique<BytePairs>(types, lanes);
  case MmaInstruction::ByteDots:
  case MmaInstruction::MixedByteDots:
    return std::make_unique<ByteDots>(types, lanes);
  case MmaInstruction::ByteRowPairs:
    return std::make_unique<ByteRowPairs>(types, lanes);
  case MmaInstruction::BFloatDots:
    return std::make_unique<BFloatProducts>(types, lanes, "llvm.aarch64.neon.bfdot.v4f32.v8bf16");
  case MmaInstruction::ByteTiles:
  case MmaInstruction::BFloatTiles:
    break; // ContractionTiles.cpp
  }
  llvm_unreachable("no other instructions on vectors");
}

} // namespace tenon::cpu
