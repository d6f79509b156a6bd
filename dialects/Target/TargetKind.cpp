// Targets by their names.

#include "dialects/Target/TargetKind.h"
#include "mlir/IR/MLIRContext.h"

using namespace mlir;

namespace tenon {

/// What runs the compiler itself, and models wherever nothing else is said.
static constexpr StringLiteral kDefaultKind = "cpu";

static const TargetKind *findKind(StringRef name, MLIRContext *context) {
  Dialect *dialect = context->getLoadedDialect(name);
  return dialect ? dialect->getRegisteredInterface<TargetKind>() : nullptr;
}

llvm::Expected<TargetAttrInterface> lookupTarget(StringRef name, MLIRContext *context) {
  if (const TargetKind *kind = findKind(name, context))
    return kind->lookup("native");
  auto [kindName, device] = name.split(':');
  if (!name.contains(':'))
    std::tie(kindName, device) = std::pair<StringRef, StringRef>(kDefaultKind, name);
  if (const TargetKind *kind = findKind(kindName, context))
    return kind->lookup(device);
  return llvm::createStringError("target '" + name + "' is of an unknown kind, '" + kindName + "'");
}

int64_t getChannelMultiple(TargetAttrInterface target) {
  return target.getDialect().getRegisteredInterface<TargetKind>()->getChannelMultiple(target);
}

} // namespace tenon
