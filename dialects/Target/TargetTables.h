// What a kind of devices has for functions of a byte that are given as tables.
#ifndef TENON_DIALECTS_TARGET_TARGETTABLES_H
#define TENON_DIALECTS_TARGET_TARGETTABLES_H

#include "dialects/Target/TargetInterfaces.h"
#include "mlir/IR/DialectInterface.h"
#include <optional>

namespace tenon {

/// An interface of the dialect of targets that have such instructions.
class TargetTables : public mlir::DialectInterface::Base<TargetTables> {
public:
  explicit TargetTables(mlir::Dialect *dialect) : Base(dialect) {}

  /// How many instructions read bytes for the lanes of a vector from a table of 256, converting
  /// them included: a function that takes more is worth a table. None if nothing is.
  virtual std::optional<int64_t> getReadCost(TargetAttrInterface target) const = 0;
};

} // namespace tenon

#endif
