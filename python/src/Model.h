// A loaded model as Python sees it. Runs may come from any number of Python threads: each takes an
// idle context or makes a new one, and the interpreter's lock is free while the model computes.
#ifndef TENON_PYTHON_MODEL_H
#define TENON_PYTHON_MODEL_H

#include "python/src/Contexts.h"
#include "python/src/Values.h"
#include <optional>

namespace tenon::python {

/// For each output the array that the caller gave for it, if any.
using Destinations = std::vector<std::optional<Destination>>;

/// An input or output of a model, with what of it Python would make anew in each run.
struct Port {
  const tenon_tensor_info *info;
  nanobind::str name;
  nanobind::object size; // an output's sizes as a tuple; None: only a run tells them, or a string's
};

/// A model's run with fixed input and output arrays, for callers to whom microseconds matter.
class Bound {
public:
  Bound(ModelHandle model, std::vector<Port> ports, ContextHandle context, std::vector<Feed> feeds,
        Destinations destinations);
  /// Runs the model on what the input arrays now hold and returns the output arrays by name. They
  /// are the same ones every time, unless a shape changes.
  nanobind::dict run();

  /// Runs the model `runs` times and gives for each kernel, in the model's order, how often it ran
  /// and the milliseconds that it took in all.
  nanobind::list profile(int32_t runs);

private:
  void prepareOutputs();
  void collectOutputs();
  void collect(size_t number);

  ModelHandle model;       // outlives the context
  std::vector<Port> ports; // of outputs
  ContextHandle context;
  std::vector<Feed> feeds;
  Destinations destinations;
  bool hasDestinations;
  std::vector<tenon_tensor> inputs, outputs;
  std::vector<nanobind::object> arrays;
  std::vector<std::vector<int64_t>> shapes; // of `arrays`
  std::vector<bool> isInPlace;              // an array that the model always writes to
  nanobind::dict results;
};

class Model {
public:
  Model(const std::string &path, int32_t threads, bool pin, bool checkWeights);

  /// Outputs that are not given are numpy arrays, or stay in the device's memory (`onDevice`).
  nanobind::dict run(nanobind::handle feeds, nanobind::handle outputs, bool onDevice);
  std::unique_ptr<Bound> bind(nanobind::handle feeds, nanobind::handle outputs);

  const tenon_model *get() const { return model.get(); }
  int32_t countThreads() const { return contexts->countThreads(); }

private:
  /// The values for all inputs, in their order.
  std::vector<nanobind::object> sortFeeds(nanobind::handle feeds) const;
  std::vector<Feed> makeFeeds(nanobind::handle feeds) const;
  /// A run with inputs or outputs that are no tensors.
  nanobind::dict runValues(nanobind::handle feeds, nanobind::handle outputs);
  nanobind::dict runOnDevice(nanobind::handle feeds, nanobind::handle outputs);
  Destinations makeDestinations(nanobind::handle outputs) const;

  ModelHandle model;
  std::vector<Port> inputs, outputs;
  bool hasValues; // that are no tensors
  std::shared_ptr<ContextPool> contexts;
};

} // namespace tenon::python

#endif // TENON_PYTHON_MODEL_H
