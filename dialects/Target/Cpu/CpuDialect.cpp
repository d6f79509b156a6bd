// Registration of the dialect, and what its attributes compute.

#include "dialects/Target/Cpu/CpuDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Target/Cpu/CpuDialect.cpp.inc"
#include "dialects/Target/Cpu/CpuEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Target/Cpu/CpuAttributes.cpp.inc"

namespace tenon::cpu {

void CpuDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Target/Cpu/CpuAttributes.cpp.inc"
      >();
}

std::string TargetAttr::getTargetName() const { return ("cpu:" + getName()).str(); }

bool TargetAttr::has(StringRef feature) const {
  return getFeatures() && llvm::any_of(getFeatures().getAsRange<StringAttr>(),
                                       [&](StringAttr each) { return each.getValue() == feature; });
}

} // namespace tenon::cpu
