// What tenon._compiler has for tenon.quantize.
#ifndef TENON_PYTHON_QUANTIZER_H
#define TENON_PYTHON_QUANTIZER_H

#include "lib/Calibration/DataSource.h"
#include "lib/Driver/Driver.h"
#include <nanobind/nanobind.h>

namespace tenon::python {

struct QuantizeArguments {
  /// Target and shapes.
  driver::CompileOptions compile;
  /// None of them: all is in the first of the allowed precisions, whatever that loses.
  std::vector<std::string> budgets;
  std::vector<std::string> allow;
  /// A callable of (run, samples), or None; of (what, done, planned), or None.
  nanobind::object metric, progress;
  quantize::DataOptions samples;
  int32_t threads = 0;
  bool repair = true;
  /// "time" or "size".
  std::string objective;
  /// One of each budget, or a single one: .so, .onnx or .precision.json; empty writes nothing.
  std::vector<std::string> outputs;
};

/// Quantizes with samples in files or, if there are no paths, from an iterable of dicts of arrays.
/// Gives a dict of each budget: whether it holds, the recipe and the report as JSON, and a text; or
/// the error. What the caller's code raises goes on to the caller.
nanobind::list quantizeModel(const std::shared_ptr<ModelFile> &model, nanobind::object data,
                             const std::vector<std::string> &paths,
                             const QuantizeArguments &arguments);

} // namespace tenon::python

#endif
