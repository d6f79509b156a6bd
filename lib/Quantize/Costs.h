// How long kernels take, measured, and the records of it.
#ifndef TENON_LIB_QUANTIZE_COSTS_H
#define TENON_LIB_QUANTIZE_COSTS_H

#include "lib/Calibration/DataSource.h"
#include "lib/Quantize/Groups.h"
#include "lib/Session/Session.h"

namespace tenon::quantize {

/// The time of one kernel in a run, in nanoseconds, and what it reads and writes in it.
struct KernelCost {
  std::string nodes;
  double time = 0;
  int64_t bytes = 0;
};

/// Runs a model on a sample some times. Of each kernel the least time counts: what is more, others
/// on the machine took.
llvm::Expected<std::vector<KernelCost>> measureKernels(Session &session, Sample &sample,
                                                       int64_t runs = 10);

/// The time of each group's kernels; `rest` gets that of all others.
std::vector<double> sumByGroup(llvm::ArrayRef<KernelCost> kernels, const NodeOwners &owners,
                               size_t groups, double &rest);

/// Nanoseconds for a byte that a kernel reads or writes, where that is all it does; 0 if no kernel
/// tells.
double estimateByteTime(llvm::ArrayRef<KernelCost> kernels);

/// Measurements that are kept in a file and used again: of a model of one structure, on one target,
/// with one number of threads. A file that cannot be read is started anew, and one that cannot be
/// written stays as it is.
class CostRecords {
public:
  /// No path: nothing is kept.
  explicit CostRecords(std::string path) : path(std::move(path)) {}
  /// The file in the user's folder of caches; empty if there is none.
  static std::string getDefaultPath();

  std::optional<std::vector<KernelCost>> find(llvm::StringRef key) const;
  void add(llvm::StringRef key, llvm::ArrayRef<KernelCost> kernels);

private:
  std::string path;
};

} // namespace tenon::quantize

#endif
