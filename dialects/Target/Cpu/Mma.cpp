// The table of instructions that multiply and add. What each is in code is
// passes/Codegen/Cpu/Mma.cpp.

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon::cpu {

bool MmaAttr::accepts(Type input, Type weights) const {
  switch (getInstruction()) {
  case MmaInstruction::Fma:
    return true;
  case MmaInstruction::PairProducts: {
    // Unsigned integers of 16 bits would be taken for signed ones.
    auto fits = [](Type type) { return isNarrowInteger(type) && !type.isUnsignedInteger(16); };
    return fits(input) && fits(weights);
  }
  case MmaInstruction::ByteProducts:
    return input.isUnsignedInteger(8) && weights.isInteger(8) && !weights.isUnsignedInteger();
  case MmaInstruction::BytePairs:
  case MmaInstruction::ByteDots:
    return input.isInteger(8) && weights.isInteger(8) &&
           input.isUnsignedInteger() == weights.isUnsignedInteger();
  case MmaInstruction::ByteTiles:
  case MmaInstruction::MixedByteDots:
  case MmaInstruction::ByteRowPairs:
    return input.isInteger(8) && weights.isInteger(8);
  case MmaInstruction::BFloatProducts:
  case MmaInstruction::BFloatTiles:
  case MmaInstruction::BFloatDots:
    return input.isBF16() && weights.isBF16();
  }
  llvm_unreachable("no other instructions");
}

bool MmaAttr::takesUnsignedBytes() const {
  Type byte = IntegerType::get(getContext(), 8);
  return !accepts(byte, byte);
}

int64_t MmaAttr::getInterleave() const {
  switch (getInstruction()) {
  case MmaInstruction::Fma:
    return 1;
  case MmaInstruction::PairProducts:
  case MmaInstruction::BFloatProducts:
  case MmaInstruction::BFloatTiles:
  case MmaInstruction::BytePairs:
  case MmaInstruction::BFloatDots:
    return 2;
  case MmaInstruction::ByteProducts:
  case MmaInstruction::ByteTiles:
  case MmaInstruction::ByteDots:
  case MmaInstruction::MixedByteDots:
    return 4;
  case MmaInstruction::ByteRowPairs:
    return 8;
  }
  llvm_unreachable("no other instructions");
}

Type MmaAttr::getPackedType(Type element, Type accumulator) const {
  switch (getInstruction()) {
  case MmaInstruction::Fma:
    return accumulator;
  case MmaInstruction::PairProducts:
    return IntegerType::get(getContext(), 16);
  case MmaInstruction::ByteProducts:
  case MmaInstruction::ByteTiles:
  case MmaInstruction::BFloatProducts:
  case MmaInstruction::BFloatTiles:
  case MmaInstruction::BytePairs:
  case MmaInstruction::ByteDots:
  case MmaInstruction::MixedByteDots:
  case MmaInstruction::BFloatDots:
  case MmaInstruction::ByteRowPairs:
    return element;
  }
  llvm_unreachable("no other instructions");
}

int64_t MmaAttr::getStepBytes(int64_t accumulatorBytes) const {
  switch (getInstruction()) {
  case MmaInstruction::Fma:
    return accumulatorBytes;
  case MmaInstruction::BytePairs:
    return 2;
  case MmaInstruction::ByteRowPairs:
    return 8;
  default:
    return 4;
  }
}

SmallVector<MmaAttrInterface> TargetAttr::getMmas() const {
  SmallVector<MmaAttrInterface> mmas;
  auto add = [&](MmaInstruction instruction) {
    mmas.push_back(MmaAttr::get(getContext(), instruction));
  };
  if (has("amx-int8"))
    add(MmaInstruction::ByteTiles);
  if (has("amx-bf16"))
    add(MmaInstruction::BFloatTiles);
  if (has("avx512vnni") || has("avxvnni"))
    add(MmaInstruction::ByteProducts);
  if (getVectorBits() == 512 ? has("avx512bw") : has("avx2"))
    add(MmaInstruction::PairProducts);
  if (has("avx512bf16") && !getSlowBf16Pairs())
    add(MmaInstruction::BFloatProducts);
  if (has("i8mm")) {
    add(MmaInstruction::ByteRowPairs);
    add(MmaInstruction::MixedByteDots);
  }
  if (has("dotprod"))
    add(MmaInstruction::ByteDots);
  else if (has("neon"))
    add(MmaInstruction::BytePairs);
  if (has("bf16"))
    add(MmaInstruction::BFloatDots);
  add(MmaInstruction::Fma);
  if (has("avx512bf16") && getSlowBf16Pairs())
    add(MmaInstruction::BFloatProducts);
  return mmas;
}

MmaAttr chooseMma(TargetAttr target, Type input, Type weights, ProductSize size) {
  MmaAttr chosen;
  for (MmaAttrInterface each : target.getMmas()) {
    auto mma = cast<MmaAttr>(each);
    if (!mma.accepts(input, weights) || (mma.hasTiles() && size != ProductSize::WholeTiles))
      continue;
    if (mma.getRows() > 1 && size == ProductSize::FewRows)
      continue;
    bool takesMore =
        size == ProductSize::FewRows && chosen && mma.getInterleave() > chosen.getInterleave();
    if (!chosen || takesMore)
      chosen = mma;
  }
  assert(chosen && "one takes all types");
  return chosen;
}

MmaAttr chooseByteMma(TargetAttr target) {
  MLIRContext *context = target.getContext();
  Type weights = IntegerType::get(context, 8);
  Type unsignedByte = IntegerType::get(context, 8, IntegerType::Unsigned);
  for (MmaAttrInterface each : target.getMmas()) {
    auto mma = cast<MmaAttr>(each);
    if (mma.getInterleave() == 4 && mma.getRows() == 1 && !mma.hasTiles() &&
        (mma.accepts(weights, weights) || mma.accepts(unsignedByte, weights)))
      return mma;
  }
  return nullptr;
}

} // namespace tenon::cpu
