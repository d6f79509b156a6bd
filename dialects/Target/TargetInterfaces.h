// Interfaces of the attributes that say for what, and how, kernels are compiled.
#ifndef TENON_DIALECTS_TARGET_TARGETINTERFACES_H
#define TENON_DIALECTS_TARGET_TARGETINTERFACES_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

#include "dialects/Target/TargetInterfaces.h.inc"

namespace tenon {

/// The attribute of a module that names its target.
inline constexpr llvm::StringLiteral kTargetAttrName = "tenon.target";

/// What the module that `op` is in is compiled for. Without `tenon.target` there, an error on `op`.
mlir::FailureOr<TargetAttrInterface> getTarget(mlir::Operation *op);

/// The processor of a program for the target (TargetAttrInterface::getHost).
inline TargetAttrInterface getHost(TargetAttrInterface target) {
  return mlir::cast<TargetAttrInterface>(target.getHost());
}

/// Whether kernels compute in memory of their own, so that the program moves what it reads itself.
inline bool hasOwnMemory(TargetAttrInterface target) { return target.getHost() != target; }

/// The same, as the kind of target that the caller is for; an error on `op` if it is another kind.
template <typename AttrT> mlir::FailureOr<AttrT> getTargetAs(mlir::Operation *op) {
  mlir::FailureOr<TargetAttrInterface> target = getTarget(op);
  if (mlir::failed(target))
    return mlir::failure();
  if (auto attribute = mlir::dyn_cast<AttrT>(*target))
    return attribute;
  return op->emitError() << "is compiled for " << target->getTargetName()
                         << ", which takes no code of this kind";
}

} // namespace tenon

#endif
