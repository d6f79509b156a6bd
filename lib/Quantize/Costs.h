// How long kernels take, measured, and the records of it.
#ifndef TENON_LIB_QUANTIZE_COSTS_H
#define TENON_LIB_QUANTIZE_COSTS_H

#include "lib/Calibration/DataSource.h"
#include "lib/Quantize/Groups.h"
#include "lib/Session/Session.h"
#include <map>

namespace tenon::quantize {

/// The time of one kernel's launches in a run, in nanoseconds, and the bytes that they read and
/// write.
struct KernelCost {
  double time = 0;
  int64_t bytes = 0;
};

/// By the names of kernels.
using KernelCosts = std::map<std::string, KernelCost>;

/// Runs a model on a sample at least five times, a small one for a tenth of a second. Of each
/// kernel the least time counts: what is more, others on the machine took.
llvm::Expected<KernelCosts> measureKernels(Session &session, Sample &sample);

/// Whether a time is less than another by more than measurements of the same kernels differ.
bool isFaster(double time, double other);

/// Of all kernels.
double totalTime(const KernelCosts &kernels);

/// The time of each group's launches. Those of one kernel take the same time each.
std::vector<double> sumByGroup(const KernelCosts &kernels,
                               llvm::ArrayRef<driver::LaunchReport> launches,
                               const NodeOwners &owners, size_t groups);

/// Nanoseconds for a byte that a kernel reads or writes, where that is all it does; 0 if no kernel
/// tells.
double estimateByteTime(const KernelCosts &kernels);

/// Measurements that are kept in a file and used again: of a model of one structure, on one target,
/// with one number of threads. A file that cannot be read is started anew, and one that cannot be
/// written stays as it is.
class CostRecords {
public:
  /// No path: nothing is kept.
  explicit CostRecords(std::string path) : path(std::move(path)) {}
  /// The file in the user's folder of caches; empty if there is none.
  static std::string getDefaultPath();

  std::optional<KernelCosts> find(llvm::StringRef key) const;
  void add(llvm::StringRef key, const KernelCosts &kernels);

private:
  std::string path;
};

} // namespace tenon::quantize

#endif
