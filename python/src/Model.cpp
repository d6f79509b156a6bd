// Feeds come by name or by position; outputs for which Python gives arrays, or whose shape is known
// before the run, are written by the model straight into arrays, others are copied out of the
// context.
#include "python/src/Model.h"
#include <algorithm>

namespace nb = nanobind;

namespace tenon::python {

/// The sizes of a signature without free dimensions.
static bool getStaticDims(const tenon_tensor_info &info, std::vector<int64_t> &dims) {
  for (int32_t i = 0; i < info.rank; ++i) {
    if (info.dims[i].value < 0)
      return false;
    dims.push_back(info.dims[i].value);
  }
  return info.dtype != TENON_STRING;
}

/// The given arrays, and for outputs of known shape one to write to; None for the others.
static std::vector<nb::object> makeOutputs(const tenon_model *model,
                                           const Destinations &destinations,
                                           std::vector<tenon_tensor> &outputs) {
  std::vector<nb::object> arrays;
  outputs.assign(tenon_model_num_outputs(model), {});
  for (size_t i = 0; i < outputs.size(); ++i) {
    const tenon_tensor_info &info = *tenon_model_output(model, i);
    if (destinations[i]) {
      arrays.push_back(destinations[i]->getArray());
      outputs[i] = destinations[i]->tensor();
      continue;
    }
    std::vector<int64_t> dims;
    if (!getStaticDims(info, dims)) {
      arrays.push_back(nb::none());
      continue;
    }
    arrays.push_back(makeArray(info.dtype, info.rank, dims.data()));
    outputs[i].data = getData(arrays.back());
    outputs[i].capacity = tenon_tensor_bytes(info.dtype, info.rank, dims.data());
  }
  return arrays;
}

static tenon_status runUnlocked(tenon_context *context, const std::vector<tenon_tensor> &inputs,
                                std::vector<tenon_tensor> &outputs) {
  nb::gil_scoped_release release;
  return tenon_run(context, inputs.data(), inputs.size(), outputs.data(), outputs.size());
}

static std::vector<tenon_tensor> getTensors(const std::vector<Feed> &feeds) {
  std::vector<tenon_tensor> tensors;
  for (const Feed &feed : feeds)
    tensors.push_back(feed.tensor());
  return tensors;
}

Model::Model(const std::string &path, int32_t threads, bool pin, bool checkWeights)
    : threads(threads), pin(pin) {
  tenon_model *loaded = nullptr;
  tenon_load_options options = {};
  options.check_weights = checkWeights;
  check(tenon_model_load_with(path.c_str(), &options, &loaded));
  model = ModelHandle(loaded, tenon_model_free);
  // Now, so that the first run is not the one that starts threads, and bad options are refused
  // here.
  idle.push_back(createContext());
  this->threads = tenon_context_threads(idle.back().get());
}

ContextHandle Model::createContext() const {
  tenon_context_options options = {};
  options.threads = threads;
  options.pin_threads = pin;
  tenon_context *context = nullptr;
  check(tenon_context_create(model.get(), &options, &context));
  return ContextHandle(context, tenon_context_free);
}

ContextHandle Model::takeContext() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!idle.empty()) {
      ContextHandle context = std::move(idle.back());
      idle.pop_back();
      return context;
    }
  }
  return createContext();
}

void Model::returnContext(ContextHandle context) {
  std::lock_guard<std::mutex> lock(mutex);
  idle.push_back(std::move(context));
}

/// "'a', 'b'" for messages.
static std::string listNames(const tenon_model *model, int32_t count,
                             const tenon_tensor_info *(*get)(const tenon_model *, int32_t)) {
  std::string names;
  for (int32_t i = 0; i < count; ++i)
    names += std::string(i ? ", '" : "'") + get(model, i)->name + "'";
  return names;
}

static std::string listInputs(const tenon_model *model) {
  return listNames(model, tenon_model_num_inputs(model), tenon_model_input);
}

static std::string listOutputs(const tenon_model *model) {
  return listNames(model, tenon_model_num_outputs(model), tenon_model_output);
}

std::vector<Feed> Model::makeFeeds(nb::handle feeds) const {
  int32_t count = tenon_model_num_inputs(model.get());
  std::vector<nb::object> values(count);
  if (nb::isinstance<nb::dict>(feeds)) {
    for (auto [key, value] : nb::borrow<nb::dict>(feeds)) {
      std::string name = nb::str(key).c_str();
      int32_t index = tenon_model_find_input(model.get(), name.c_str());
      if (index < 0)
        throw nb::value_error(
            ("the model has no input '" + name + "'; its inputs are " + listInputs(model.get()))
                .c_str());
      values[index] = nb::borrow(value);
    }
  } else if (nb::isinstance<nb::list>(feeds) || nb::isinstance<nb::tuple>(feeds)) {
    int32_t given = nb::len(feeds);
    if (given != count)
      throw nb::value_error(("expected " + std::to_string(count) + " inputs (" +
                             listInputs(model.get()) + "), found " + std::to_string(given))
                                .c_str());
    for (int32_t i = 0; i < count; ++i)
      values[i] = feeds[i];
  } else {
    throw nb::type_error("expected feeds as a dict by name or a list in the inputs' order");
  }
  std::vector<Feed> result;
  for (int32_t i = 0; i < count; ++i) {
    const tenon_tensor_info &info = *tenon_model_input(model.get(), i);
    if (!values[i].is_valid())
      throw nb::value_error((std::string("missing input '") + info.name + "'").c_str());
    result.emplace_back(info, values[i]);
  }
  return result;
}

Destinations Model::makeDestinations(nb::handle outputs) const {
  Destinations result(tenon_model_num_outputs(model.get()));
  if (outputs.is_none())
    return result;
  if (!nb::isinstance<nb::dict>(outputs))
    throw nb::type_error("expected outputs as a dict of arrays by name");
  for (auto [key, value] : nb::borrow<nb::dict>(outputs)) {
    std::string name = nb::str(key).c_str();
    int32_t index = tenon_model_find_output(model.get(), name.c_str());
    if (index < 0)
      throw nb::value_error(
          ("the model has no output '" + name + "'; its outputs are " + listOutputs(model.get()))
              .c_str());
    result[index].emplace(*tenon_model_output(model.get(), index), value);
  }
  return result;
}

/// What is wrong with the shapes of given arrays after a run; else empty.
static std::string describeMisfits(const Destinations &destinations,
                                   const std::vector<tenon_tensor> &outputs) {
  for (size_t i = 0; i < outputs.size(); ++i)
    if (std::string misfit = destinations[i] ? destinations[i]->describeMisfit(outputs[i]) : "";
        !misfit.empty())
      return misfit;
  return "";
}

nb::dict Model::run(nb::handle feeds, nb::handle given) {
  std::vector<Feed> held = makeFeeds(feeds);
  Destinations destinations = makeDestinations(given);
  std::vector<tenon_tensor> inputs = getTensors(held), outputs;
  std::vector<nb::object> arrays = makeOutputs(model.get(), destinations, outputs);
  ContextHandle context = takeContext();
  tenon_status status = runUnlocked(context.get(), inputs, outputs);
  nb::dict results;
  std::string misfit;
  if (status == TENON_OK) {
    misfit = describeMisfits(destinations, outputs);
    for (size_t i = 0; i < outputs.size(); ++i)
      results[tenon_model_output(model.get(), i)->name] =
          arrays[i].is_none() ? copyToArray(outputs[i]) : arrays[i];
  }
  returnContext(std::move(context));
  check(status);
  if (!misfit.empty())
    throw nb::value_error(misfit.c_str());
  return results;
}

std::unique_ptr<Bound> Model::bind(nb::handle feeds, nb::handle outputs) {
  std::vector<Feed> held = makeFeeds(feeds);
  Destinations destinations = makeDestinations(outputs);
  return std::make_unique<Bound>(model, takeContext(), std::move(held), std::move(destinations));
}

Bound::Bound(ModelHandle model, ContextHandle context, std::vector<Feed> feeds,
             Destinations destinations)
    : model(std::move(model)), context(std::move(context)), feeds(std::move(feeds)),
      destinations(std::move(destinations)),
      hasDestinations(std::any_of(this->destinations.begin(), this->destinations.end(),
                                  [](const auto &given) { return given.has_value(); })),
      inputs(getTensors(this->feeds)) {
  prepareOutputs();
}

void Bound::prepareOutputs() {
  arrays = makeOutputs(model.get(), destinations, outputs);
  shapes.assign(arrays.size(), {-1}); // none yet
  isInPlace.clear();
  for (const nb::object &array : arrays)
    isInPlace.push_back(!array.is_none());
}

nb::dict Bound::run() {
  tenon_status status = runUnlocked(context.get(), inputs, outputs);
  if (status == TENON_BUFFER_TOO_SMALL && !hasDestinations) {
    // A shape grew: let the context provide the buffers once more.
    prepareOutputs();
    status = runUnlocked(context.get(), inputs, outputs);
  }
  check(status);
  collectOutputs();
  return results;
}

nb::list Bound::profile(int32_t runs) {
  check(tenon_profile_start(context.get()));
  for (int32_t i = 0; i < runs; ++i)
    run();
  tenon_profile_stop(context.get());
  nb::list kernels;
  for (int64_t i = 0; i < tenon_model_num_kernels(model.get()); ++i) {
    tenon_kernel_info info;
    tenon_kernel_profile measured;
    check(tenon_model_kernel(model.get(), i, &info));
    check(tenon_profile_kernel(context.get(), i, &measured));
    kernels.append(nb::make_tuple(info.name, measured.calls, measured.total_ns / 1e6));
  }
  return kernels;
}

/// Gives Python arrays of the right shapes; they change only where a shape does.
void Bound::collectOutputs() {
  if (std::string misfit = describeMisfits(destinations, outputs); !misfit.empty())
    throw nb::value_error(misfit.c_str());
  for (size_t i = 0; i < outputs.size(); ++i)
    collect(i);
}

void Bound::collect(size_t number) {
  tenon_tensor &output = outputs[number];
  // A run that fails for want of room may have written a given array, which may be a state: it
  // could not be repeated. So the context provides room.
  bool isCopied = !isInPlace[number] && (hasDestinations || output.dtype == TENON_STRING);
  std::vector<int64_t> &shape = shapes[number];
  if (!isCopied && std::equal(shape.begin(), shape.end(), output.dims, output.dims + output.rank))
    return;
  shape.assign(output.dims, output.dims + output.rank);
  if (!isInPlace[number]) {
    arrays[number] = copyToArray(output);
    // The next run writes there, if the shape stays.
    output.data = isCopied ? nullptr : getData(arrays[number]);
    output.capacity = isCopied ? 0 : output.bytes;
  }
  results[tenon_model_output(model.get(), number)->name] = arrays[number];
}

} // namespace tenon::python
