// What a device takes for work of which only the amount is known: a model good enough to choose
// between devices, not to choose between schedules.
#ifndef TENON_DIALECTS_TARGET_DEVICECOSTS_H
#define TENON_DIALECTS_TARGET_DEVICECOSTS_H

#include "dialects/Target/TargetInterfaces.h"
#include "mlir/IR/DialectInterface.h"

namespace tenon {

/// The work of one launch.
struct LaunchWork {
  double flops = 0, bytes = 0;
  /// Of the numbers that are multiplied or computed.
  mlir::Type element;
};

/// An interface of the dialect of target attributes. Times are nanoseconds.
class DeviceCosts : public mlir::DialectInterface::Base<DeviceCosts> {
public:
  explicit DeviceCosts(mlir::Dialect *dialect) : Base(dialect) {}

  /// Of a launch, what precedes and follows it included.
  virtual double getLaunchTime(TargetAttrInterface target, const LaunchWork &work) const = 0;
  /// To bring so many bytes to the host's memory, or from there; nothing where it is the same.
  virtual double getTransferTime(TargetAttrInterface target, double bytes) const { return 0; }
};

} // namespace tenon

#endif
