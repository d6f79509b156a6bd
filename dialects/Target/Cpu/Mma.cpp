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
  case MmaInstruction::ByteTiles:
    return input.isInteger(8) && weights.isInteger(8);
  case MmaInstruction::BFloatProducts:
    return input.isBF16() && weights.isBF16();
  }
  llvm_unreachable("no other instructions");
}

int64_t MmaAttr::getInterleave() const {
  switch (getInstruction()) {
  case MmaInstruction::Fma:
    return 1;
  case MmaInstruction::PairProducts:
  case MmaInstruction::BFloatProducts:
    return 2;
  case MmaInstruction::ByteProducts:
  case MmaInstruction::ByteTiles:
    return 4;
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
    return element;
  }
  llvm_unreachable("no other instructions");
}

SmallVector<MmaAttrInterface> TargetAttr::getMmas() const {
  SmallVector<MmaAttrInterface> mmas;
  auto add = [&](MmaInstruction instruction) {
    mmas.push_back(MmaAttr::get(getContext(), instruction));
  };
  if (has("amx-int8"))
    add(MmaInstruction::ByteTiles);
  if (has("avx512vnni") || has("avxvnni"))
    add(MmaInstruction::ByteProducts);
  if (getVectorBits() == 512 ? has("avx512bw") : has("avx2"))
    add(MmaInstruction::PairProducts);
  if (has("avx512bf16"))
    add(MmaInstruction::BFloatProducts);
  add(MmaInstruction::Fma);
  return mmas;
}

MmaAttr chooseMma(TargetAttr target, Type input, Type weights, bool mayUseTiles) {
  for (MmaAttrInterface each : target.getMmas()) {
    auto mma = cast<MmaAttr>(each);
    if (mma.accepts(input, weights) && (mayUseTiles || !mma.hasTiles()))
      return mma;
  }
  llvm_unreachable("one takes all types");
}

} // namespace tenon::cpu
