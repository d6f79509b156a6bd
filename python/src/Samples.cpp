// See the header.
#include "python/src/Samples.h"
#include "python/src/Arrays.h"
#include <cmath>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;
using namespace tenon::quantize;

namespace tenon::python {

std::string CaughtException::translate(llvm::Error error) {
  std::string message = llvm::toString(std::move(error));
  if (exception)
    std::rethrow_exception(exception);
  return message;
}

void CaughtException::raise(llvm::Error error) {
  throw nb::value_error(translate(std::move(error)).c_str());
}

/// An array as the value of an input.
static Tensor toTensor(const InputType &input, nb::handle array) {
  std::vector<tenon_dim_info> dims;
  for (int64_t dim : input.dims)
    dims.push_back({dim, nullptr});
  tenon_tensor_info info = {};
  info.name = input.name.c_str();
  info.dtype = input.dtype;
  info.rank = static_cast<int32_t>(dims.size());
  info.dims = dims.data();
  Feed feed(info, array);
  if (feed.tensor().memory != TENON_HOST_MEMORY)
    throw nb::value_error(("input '" + input.name + "': samples are in the host's memory").c_str());
  return Tensor::copy(feed.tensor());
}

/// A sample from a dict of arrays, or from the array of a model's only input.
static Sample toSample(llvm::ArrayRef<InputType> inputs, nb::handle object, int64_t number) {
  Sample sample{"sample " + std::to_string(number), {}, {}};
  if (!nb::isinstance<nb::dict>(object)) {
    if (inputs.size() != 1)
      throw nb::type_error(("sample " + std::to_string(number) +
                            ": expected a dict of arrays by the names of inputs")
                               .c_str());
    sample.inputs.emplace_back(toTensor(inputs.front(), object));
    return sample;
  }
  auto dict = nb::borrow<nb::dict>(object);
  for (const InputType &input : inputs) {
    if (!dict.contains(input.name.c_str()))
      throw nb::value_error(
          ("sample " + std::to_string(number) + ": no array for input '" + input.name + "'")
              .c_str());
    sample.inputs.emplace_back(toTensor(input, dict[input.name.c_str()]));
  }
  bool isInput = llvm::any_of(inputs, [](const InputType &input) { return input.name == "label"; });
  if (dict.contains("label") && !isInput)
    sample.label = nb::cast<int64_t>(nb::int_(dict["label"]));
  return sample;
}

static llvm::Expected<std::unique_ptr<DataSource>>
spoolIterable(nb::handle iterable, const std::vector<InputType> &inputs, int64_t limit) {
  nb::iterator iterator = nb::iter(iterable);
  int64_t number = 0;
  auto next = [&]() -> llvm::Expected<std::optional<Sample>> {
    if (iterator == nb::iterator::sentinel())
      return std::nullopt;
    Sample sample = toSample(inputs, *iterator, number++);
    ++iterator;
    return sample;
  };
  return spoolSamples(next, inputs, limit);
}

/// A sample as Python sees it.
static nb::dict toDict(Sample &sample, llvm::ArrayRef<InputType> inputs) {
  nb::dict dict;
  for (auto [value, input] : llvm::zip_equal(sample.inputs, inputs))
    dict[input.name.c_str()] = copyToArray(value.tensor.view());
  if (sample.label && !dict.contains("label"))
    dict["label"] = *sample.label;
  return dict;
}

/// The outputs of a run as a dict.
static nb::dict runSession(Session &session, llvm::ArrayRef<InputType> inputs, nb::handle feeds) {
  Sample sample = toSample(inputs, feeds, 0);
  llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = session.view(sample.inputs);
  if (!outputs)
    throw nb::value_error(llvm::toString(outputs.takeError()).c_str());
  nb::dict dict;
  for (auto [number, output] : llvm::enumerate(*outputs))
    dict[session.output(number).name] = copyToArray(output.tensor);
  return dict;
}

/// Calls `metric(run, samples)`; both are valid only during the call.
static double callMetric(nb::handle metric, Session &session, DataSource &data) {
  nb::object run = nb::cpp_function(
      [&](nb::handle feeds) { return runSession(session, data.getInputs(), feeds); });
  nb::object read = nb::cpp_function([&](int64_t index) {
    llvm::Expected<Sample> sample = data.read(index);
    if (!sample)
      throw nb::value_error(llvm::toString(sample.takeError()).c_str());
    return toDict(*sample, data.getInputs());
  });
  nb::object samples =
      nb::module_::import_("builtins")
          .attr("map")(read, nb::module_::import_("builtins").attr("range")(data.size()));
  nb::object found = metric(run, samples);
  double value = 0;
  if (!nb::try_cast(found, value))
    throw nb::type_error(
        ("metric: expected a number, found " + std::string(nb::repr(found).c_str())).c_str());
  if (!std::isfinite(value))
    throw nb::value_error(
        ("metric: expected a finite number, found " + formatNumber(value)).c_str());
  return value;
}

llvm::Expected<std::unique_ptr<DataSource>>
openSamples(const ModelFile &model, const ImportOptions &import, nb::handle iterable,
            const std::vector<std::string> &paths, const DataOptions &options) {
  llvm::Expected<std::vector<InputType>> inputs = getInputTypes(model, import);
  if (!inputs)
    return inputs.takeError();
  return paths.empty() ? spoolIterable(iterable, *inputs, options.limit)
                       : openData(paths, *inputs, options);
}

Metric makeMetric(const nb::object &callable, CaughtException &caught) {
  if (callable.is_none())
    return {};
  return [&](Session &session, DataSource &heldBack) {
    return caught.call<double>(
        [&]() -> llvm::Expected<double> { return callMetric(callable, session, heldBack); });
  };
}

std::function<void(llvm::StringRef, int64_t, int64_t)> makeProgress(const nb::object &callable) {
  if (callable.is_none())
    return {};
  return [&](llvm::StringRef what, int64_t done, int64_t planned) {
    nb::gil_scoped_acquire lock;
    callable(what.str(), done, planned);
  };
}

} // namespace tenon::python
