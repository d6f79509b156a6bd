// Registration of the dialect, and what its attributes compute.

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Target/TargetKind.h"
#include "dialects/Target/TargetTables.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Target/Cpu/CpuDialect.cpp.inc"
#include "dialects/Target/Cpu/CpuEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Target/Cpu/CpuAttributes.cpp.inc"

namespace tenon::cpu {

namespace {

struct CpuKind : TargetKind {
  using TargetKind::TargetKind;
  llvm::Expected<TargetAttrInterface> lookup(StringRef name) const override {
    llvm::Expected<TargetAttr> target = lookupTarget(name, getContext());
    if (!target)
      return target.takeError();
    return *target;
  }
  int64_t getChannelMultiple(TargetAttrInterface target) const override {
    return cast<TargetAttr>(target).getLanes(32);
  }
};

struct CpuTables : TargetTables {
  using TargetTables::TargetTables;
  std::optional<int64_t> getReadCost(TargetAttrInterface target) const override {
    auto cpu = cast<TargetAttr>(target);
    if (cpu.has("avx512vbmi"))
      return 8; // two of vpermi2b and a blend
    if (cpu.has("avx512bw"))
      return 14; // two of vpermi2w, which are three instructions each on many processors
    if (cpu.has("neon"))
      return 14; // four of tbl and tbx, which read four registers each
    return std::nullopt;
  }
};

} // namespace

void CpuDialect::initialize() {
  addInterfaces<CpuKind, CpuTables>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Target/Cpu/CpuAttributes.cpp.inc"
      >();
}

std::string TargetAttr::getTargetName() const { return ("cpu:" + getName()).str(); }

// Every processor converts narrow floats to f32, computes, and rounds; integers of any width are
// computed with in registers.
Type TargetAttr::getComputeType(Type element) const {
  if (auto floating = dyn_cast<FloatType>(element)) {
    if (floating.getWidth() < 32)
      return Float32Type::get(getContext());
    return floating.getWidth() <= 64 ? element : Type();
  }
  auto integer = dyn_cast<IntegerType>(element);
  return integer && integer.getWidth() <= 64 ? element : Type();
}

Attribute TargetAttr::getHost() const { return *this; }

bool TargetAttr::has(StringRef feature) const {
  return getFeatures() && llvm::any_of(getFeatures().getAsRange<StringAttr>(),
                                       [&](StringAttr each) { return each.getValue() == feature; });
}

} // namespace tenon::cpu
