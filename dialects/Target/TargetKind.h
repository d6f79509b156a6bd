// Kinds of devices, and targets by their names.
#ifndef TENON_DIALECTS_TARGET_TARGETKIND_H
#define TENON_DIALECTS_TARGET_TARGETKIND_H

#include "dialects/Target/TargetInterfaces.h"
#include "mlir/IR/DialectInterface.h"
#include "llvm/Support/Error.h"

namespace tenon {

/// A kind of devices, called like the dialect that has this interface.
class TargetKind : public mlir::DialectInterface::Base<TargetKind> {
public:
  explicit TargetKind(mlir::Dialect *dialect) : Base(dialect) {}

  /// The device of this kind that is called so, "native" being that of this machine; an error if
  /// there is none.
  virtual llvm::Expected<TargetAttrInterface> lookup(llvm::StringRef name) const = 0;

  /// How many output channels of f32 a contraction computes side by side on a device of this kind:
  /// numbers of channels that are no multiples of it waste a part of their last vector or tile.
  virtual int64_t getChannelMultiple(TargetAttrInterface target) const = 0;
};

/// The same of a target of any kind.
int64_t getChannelMultiple(TargetAttrInterface target);

/// What `--target` names: "KIND:NAME", "KIND" for that of this machine, or "NAME" alone for a
/// processor. Dialects of kinds must be loaded.
llvm::Expected<TargetAttrInterface> lookupTarget(llvm::StringRef name, mlir::MLIRContext *context);

} // namespace tenon

#endif
