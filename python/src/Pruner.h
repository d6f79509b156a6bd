// What tenon._compiler has for tenon.prune.
#ifndef TENON_PYTHON_PRUNER_H
#define TENON_PYTHON_PRUNER_H

#include "lib/Calibration/DataSource.h"
#include "lib/Prune/ChooseChannels.h"
#include <nanobind/nanobind.h>

namespace tenon::python {

struct PruneArguments {
  /// How much goes, and which; its multiple is that of `target` if it is 0.
  PruneOptions prune;
  std::string importance, target;
  ImportOptions import;
  std::optional<std::string> budget;
  std::string compensate;
  /// A callable of (run, samples), or None; of (what, done, planned), or None.
  nanobind::object metric, progress;
  quantize::DataOptions samples;
  int32_t threads = 0;
  std::string output;
};

/// Prunes by weights or, with paths or an iterable, by samples, and writes the smaller model. Gives
/// whether the budget holds, the report as JSON, and a text. What the caller's code raises goes on
/// to the caller.
nanobind::dict pruneModel(const std::shared_ptr<ModelFile> &model, nanobind::object data,
                          const std::vector<std::string> &paths, const PruneArguments &arguments);

} // namespace tenon::python

#endif
