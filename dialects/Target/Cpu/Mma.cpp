// The table of instructions that multiply and add. What each is in code is
// passes/Codegen/Cpu/Mma.cpp.

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon::cpu {

LogicalResult MmaAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                              MmaInstruction instruction, int64_t products) {
  bool hasParts = instruction == MmaInstruction::BFloatTiles && (products == 3 || products == 6);
  if (products == 1 || hasParts)
    return success();
  return emitError() << stringifyMmaInstruction(instruction) << " does not sum " << products
                     << " products of parts";
}

ArrayRef<MmaAttr::PartProduct> MmaAttr::getPartProducts() const {
  static constexpr PartProduct one[] = {{0, 0}}, three[] = {{1, 0}, {0, 0}, {0, 1}},
                               six[] = {{2, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 2}, {0, 0}};
  switch (getProducts()) {
  case 1:
    return one;
  case 3:
    return three;
  case 6:
    return six;
  }
  llvm_unreachable("no other numbers of products");
}

int64_t MmaAttr::getParts() const {
  int64_t largest = 0;
  for (PartProduct product : getPartProducts())
    largest = std::max(largest, product.input);
  return largest + 1;
}

bool MmaAttr::accepts(Type input, Type weights) const {
  if (getProducts() > 1)
    return input.isF32() && weights.isF32();
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
  if (getProducts() > 1)
    return BFloat16Type::get(getContext());
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
  // Of f32, and behind `fma`: a caller must ask for them.
  if (has("amx-bf16"))
    for (int64_t products : {3, 6})
      mmas.push_back(MmaAttr::get(getContext(), MmaInstruction::BFloatTiles, products));
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
