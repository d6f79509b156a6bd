// Registration of the dialect, and what its attributes compute.

#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Target/TargetKind.h"
#include "dialects/Tenon/NarrowFloat.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Target/Cuda/CudaDialect.cpp.inc"
#include "dialects/Target/Cuda/CudaEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Target/Cuda/CudaAttributes.cpp.inc"

namespace tenon::cuda {

namespace {

/// The dialect's interface.
struct CudaKind : TargetKind {
  using TargetKind::TargetKind;
  llvm::Expected<TargetAttrInterface> lookup(StringRef name) const override {
    llvm::Expected<TargetAttr> target = lookupTarget(name, getContext());
    if (!target)
      return target.takeError();
    return *target;
  }
  /// The columns of a block's tile.
  int64_t getChannelMultiple(TargetAttrInterface) const override { return 64; }
};

} // namespace

void CudaDialect::initialize() {
  addInterfaces<CudaKind>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Target/Cuda/CudaAttributes.cpp.inc"
      >();
}

std::string TargetAttr::getTargetName() const { return ("cuda:" + getName()).str(); }

SmallVector<MmaAttrInterface> TargetAttr::getMmas() const {
  return {MmaAttr::get(getContext(), MmaInstruction::Mma),
          MmaAttr::get(getContext(), MmaInstruction::Fma)};
}

// Arithmetic on halves would round between ops that fusion puts into one kernel, and is done in f32
// like a CPU's, so that both give the same results. Integers of any width are computed with in
// registers.
Type TargetAttr::getComputeType(Type element) const {
  if (auto floating = dyn_cast<FloatType>(element)) {
    if (floating.getWidth() < 32)
      return Float32Type::get(getContext());
    return floating.getWidth() <= 64 ? element : Type();
  }
  auto integer = dyn_cast<IntegerType>(element);
  return integer && integer.getWidth() <= 64 ? element : Type();
}

bool MmaAttr::accepts(Type input, Type weights) const {
  switch (getInstruction()) {
  case MmaInstruction::Fma:
    return true;
  case MmaInstruction::Mma:
  case MmaInstruction::MmaSparse:
  case MmaInstruction::Wgmma:
  case MmaInstruction::WgmmaSparse:
    if (isa<IntegerType>(input))
      return input.getIntOrFloatBitWidth() == 8 && isa<IntegerType>(weights) &&
             weights.getIntOrFloatBitWidth() == 8;
    if (isFloat8(input))
      return isFloat8(weights) && !isSparse();
    return input == weights && (input.isF16() || input.isBF16());
  case MmaInstruction::MmaTf32:
  case MmaInstruction::Mma3xTf32:
  case MmaInstruction::WgmmaTf32:
    return input.isF32() && weights.isF32();
  }
  llvm_unreachable("no other instructions");
}

int64_t MmaAttr::getInterleave() const {
  switch (getInstruction()) {
  case MmaInstruction::Fma:
    return 1;
  case MmaInstruction::Mma:
  case MmaInstruction::MmaSparse:
  case MmaInstruction::Wgmma:
  case MmaInstruction::WgmmaSparse:
    return 16;
  case MmaInstruction::MmaTf32:
  case MmaInstruction::Mma3xTf32:
  case MmaInstruction::WgmmaTf32:
    return 8;
  }
  llvm_unreachable("no other instructions");
}

FloatType MmaAttr::getPart() const {
  switch (getInstruction()) {
  case MmaInstruction::Fma:
  case MmaInstruction::Mma:
  case MmaInstruction::MmaSparse:
  case MmaInstruction::Wgmma:
  case MmaInstruction::WgmmaSparse:
    return nullptr;
  case MmaInstruction::MmaTf32:
  case MmaInstruction::Mma3xTf32:
  case MmaInstruction::WgmmaTf32:
    return FloatTF32Type::get(getContext());
  }
  llvm_unreachable("no other instructions");
}

} // namespace tenon::cuda
