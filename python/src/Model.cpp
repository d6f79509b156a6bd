// Feeds come by name or by position; outputs for which Python gives arrays, or whose shape is known
// before the run, are written by the model straight into arrays, others are copied out of the
// context.
#include "python/src/Model.h"
#include <algorithm>

namespace nb = nanobind;

namespace tenon::python {

/// Whether results of this signature have one size, so that room for them can be made before a run.
static bool hasKnownSize(const tenon_tensor_info &info) {
  return isLaidOutAlike(info.dtype) && !info.num_kinds &&
         std::all_of(info.dims, info.dims + info.rank,
                     [](const tenon_dim_info &dim) { return dim.value >= 0; });
}

static std::vector<Port> getPorts(const tenon_model *model, int32_t count,
                                  const tenon_tensor_info *(*get)(const tenon_model *, int32_t)) {
  std::vector<Port> ports;
  for (int32_t i = 0; i < count; ++i) {
    const tenon_tensor_info &info = *get(model, i);
    nb::str name(info.name);
    ports.push_back({&info, name, hasKnownSize(info) ? nb::object(getShape(info)) : nb::none()});
  }
  return ports;
}

/// The given arrays, and for outputs of known size one to write to; None for the others.
static std::vector<nb::object> makeOutputs(const std::vector<Port> &ports,
                                           const Destinations &destinations,
                                           std::vector<tenon_tensor> &outputs) {
  std::vector<nb::object> arrays;
  arrays.reserve(ports.size());
  outputs.assign(ports.size(), {});
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (destinations[i]) {
      arrays.push_back(destinations[i]->getArray());
      outputs[i] = destinations[i]->tensor();
    } else if (ports[i].size.is_none()) {
      arrays.push_back(nb::none());
    } else {
      arrays.push_back(makeArray(ports[i].info->dtype, ports[i].size));
      outputs[i] = getRoom(arrays.back());
    }
  }
  return arrays;
}

static tenon_status runUnlocked(tenon_context *context, const std::vector<tenon_tensor> &inputs,
                                std::vector<tenon_tensor> &outputs) {
  nb::gil_scoped_release release;
  return tenon_run(context, inputs.data(), inputs.size(), outputs.data(), outputs.size());
}

static tenon_status runUnlocked(tenon_context *context, const std::vector<tenon_value> &inputs,
                                std::vector<tenon_value> &outputs) {
  nb::gil_scoped_release release;
  return tenon_run_values(context, inputs.data(), inputs.size(), outputs.data(), outputs.size());
}

static bool isTensor(const Port &port) { return port.info->num_kinds == 0; }

static std::vector<tenon_tensor> getTensors(const std::vector<Feed> &feeds) {
  std::vector<tenon_tensor> tensors;
  tensors.reserve(feeds.size());
  for (const Feed &feed : feeds)
    tensors.push_back(feed.tensor());
  return tensors;
}

Model::Model(const std::string &path, int32_t threads, bool pin, bool checkWeights) {
  tenon_model *loaded = nullptr;
  tenon_load_options options = {};
  options.check_weights = checkWeights;
  check(tenon_model_load_with(path.c_str(), &options, &loaded));
  model = ModelHandle(loaded, tenon_model_free);
  inputs = getPorts(loaded, tenon_model_num_inputs(loaded), tenon_model_input);
  outputs = getPorts(loaded, tenon_model_num_outputs(loaded), tenon_model_output);
  hasValues = !std::all_of(inputs.begin(), inputs.end(), isTensor) ||
              !std::all_of(outputs.begin(), outputs.end(), isTensor);
  contexts = std::make_shared<ContextPool>(model, threads, pin);
}

/// The beginning of messages: "the model has no input 'c'; its inputs are 'a', 'b'".
static std::string listNames(const std::vector<Port> &ports) {
  std::string names;
  for (const Port &port : ports)
    names += (names.empty() ? "'" : ", '") + std::string(port.info->name) + "'";
  return names;
}

/// The values of a dict in the order of the ports, null where there is none. `what` is input or
/// output, for the message about names that no port has.
static std::vector<nb::object> sortByPort(nb::dict byName, const std::vector<Port> &ports,
                                          const std::string &what) {
  std::vector<nb::object> values;
  values.reserve(ports.size());
  size_t found = 0;
  for (const Port &port : ports) {
    values.push_back(nb::borrow(PyDict_GetItemWithError(byName.ptr(), port.name.ptr())));
    found += values.back().is_valid();
  }
  if (found == byName.size())
    return values;
  for (auto [key, value] : byName) {
    bool isKnown = std::any_of(ports.begin(), ports.end(),
                               [&](const Port &port) { return port.name.equal(key); });
    if (!isKnown)
      throw nb::value_error(("the model has no " + what + " '" + nb::str(key).c_str() + "'; its " +
                             what + "s are " + listNames(ports))
                                .c_str());
  }
  return values;
}

std::vector<nb::object> Model::sortFeeds(nb::handle feeds) const {
  std::vector<nb::object> values;
  if (nb::isinstance<nb::dict>(feeds)) {
    values = sortByPort(nb::borrow<nb::dict>(feeds), inputs, "input");
  } else if (nb::isinstance<nb::list>(feeds) || nb::isinstance<nb::tuple>(feeds)) {
    if (nb::len(feeds) != inputs.size())
      throw nb::value_error(("expected " + std::to_string(inputs.size()) + " inputs (" +
                             listNames(inputs) + "), found " + std::to_string(nb::len(feeds)))
                                .c_str());
    for (nb::handle value : feeds)
      values.push_back(nb::borrow(value));
  } else {
    throw nb::type_error("expected feeds as a dict by name or a list in the inputs' order");
  }
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!values[i].is_valid())
      throw nb::value_error((std::string("missing input '") + inputs[i].info->name + "'").c_str());
  return values;
}

std::vector<Feed> Model::makeFeeds(nb::handle feeds) const {
  std::vector<nb::object> values = sortFeeds(feeds);
  std::vector<Feed> result;
  result.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    result.emplace_back(*inputs[i].info, values[i]);
  return result;
}

Destinations Model::makeDestinations(nb::handle given) const {
  Destinations result(outputs.size());
  if (given.is_none())
    return result;
  if (!nb::isinstance<nb::dict>(given))
    throw nb::type_error("expected outputs as a dict of arrays by name");
  std::vector<nb::object> values = sortByPort(nb::borrow<nb::dict>(given), outputs, "output");
  for (size_t i = 0; i < outputs.size(); ++i)
    if (values[i].is_valid() && isTensor(outputs[i]))
      result[i].emplace(*outputs[i].info, values[i]);
    else if (values[i].is_valid())
      throw nb::type_error((std::string("output '") + outputs[i].info->name + "': is a " +
                            getKindName(*outputs[i].info) + ", which no array can hold")
                               .c_str());
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

nb::dict Model::runValues(nb::handle feeds, nb::handle given) {
  std::vector<nb::object> objects = sortFeeds(feeds);
  std::deque<ValueFeed> held;
  std::vector<tenon_value> read, written(outputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    read.push_back(held.emplace_back(*inputs[i].info, objects[i]).value());
  Destinations destinations = makeDestinations(given);
  for (size_t i = 0; i < outputs.size(); ++i)
    if (destinations[i])
      written[i].tensor = destinations[i]->tensor();
  ContextHandle context = contexts->take();
  tenon_status status = runUnlocked(context.get(), read, written);
  nb::dict results;
  std::string misfit;
  for (size_t i = 0; i < outputs.size() && status == TENON_OK; ++i) {
    if (destinations[i] && misfit.empty())
      misfit = destinations[i]->describeMisfit(written[i].tensor);
    results[outputs[i].name] =
        destinations[i] ? destinations[i]->getArray() : copyToObject(written[i]);
  }
  contexts->give(std::move(context));
  check(status);
  if (!misfit.empty())
    throw nb::value_error(misfit.c_str());
  return results;
}

/// Keeps a context busy as long as Python has the object.
static nb::object makeOwner(std::shared_ptr<ContextPool> pool, ContextHandle context) {
  auto lease = std::make_unique<ContextLease>(std::move(pool), std::move(context));
  nb::capsule owner(lease.get(),
                    [](void *held) noexcept { delete static_cast<ContextLease *>(held); });
  (void)lease.release();
  return owner;
}

nb::dict Model::runOnDevice(nb::handle feeds, nb::handle given) {
  std::vector<Feed> held = makeFeeds(feeds);
  Destinations destinations = makeDestinations(given);
  std::vector<tenon_tensor> read = getTensors(held), written(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i)
    if (destinations[i])
      written[i] = destinations[i]->tensor();
    else
      written[i].memory = TENON_DEVICE_MEMORY;
  ContextHandle taken = contexts->take();
  tenon_context *context = taken.get();
  nb::object owner = makeOwner(contexts, std::move(taken));
  check(runUnlocked(context, read, written));
  if (std::string misfit = describeMisfits(destinations, written); !misfit.empty())
    throw nb::value_error(misfit.c_str());
  nb::dict results;
  for (size_t i = 0; i < outputs.size(); ++i)
    results[outputs[i].name] =
        destinations[i] ? destinations[i]->getArray() : exportTensor(written[i], owner);
  return results;
}

nb::dict Model::run(nb::handle feeds, nb::handle given, bool onDevice) {
  if (onDevice && hasValues)
    throw nb::type_error("on_device is for models whose inputs and outputs are all tensors");
  if (onDevice)
    return runOnDevice(feeds, given);
  if (hasValues)
    return runValues(feeds, given);
  std::vector<Feed> held = makeFeeds(feeds);
  Destinations destinations = makeDestinations(given);
  std::vector<tenon_tensor> read = getTensors(held), written;
  std::vector<nb::object> arrays = makeOutputs(outputs, destinations, written);
  ContextHandle context = contexts->take();
  tenon_status status = runUnlocked(context.get(), read, written);
  nb::dict results;
  std::string misfit;
  if (status == TENON_OK) {
    misfit = describeMisfits(destinations, written);
    for (size_t i = 0; i < outputs.size(); ++i)
      results[outputs[i].name] = arrays[i].is_none() ? copyToArray(written[i]) : arrays[i];
  }
  contexts->give(std::move(context));
  check(status);
  if (!misfit.empty())
    throw nb::value_error(misfit.c_str());
  return results;
}

std::unique_ptr<Bound> Model::bind(nb::handle feeds, nb::handle given) {
  if (hasValues)
    throw nb::type_error("bind is for models whose inputs and outputs are all tensors; call run");
  std::vector<Feed> held = makeFeeds(feeds);
  Destinations destinations = makeDestinations(given);
  return std::make_unique<Bound>(model, outputs, contexts->take(), std::move(held),
                                 std::move(destinations));
}

Bound::Bound(ModelHandle model, std::vector<Port> ports, ContextHandle context,
             std::vector<Feed> feeds, Destinations destinations)
    : model(std::move(model)), ports(std::move(ports)), context(std::move(context)),
      feeds(std::move(feeds)), destinations(std::move(destinations)),
      hasDestinations(std::any_of(this->destinations.begin(), this->destinations.end(),
                                  [](const auto &given) { return given.has_value(); })),
      inputs(getTensors(this->feeds)) {
  prepareOutputs();
}

void Bound::prepareOutputs() {
  arrays = makeOutputs(ports, destinations, outputs);
  shapes.assign(arrays.size(), {-1}); // none yet
  isInPlace.clear();
  for (const nb::object &array : arrays)
    isInPlace.push_back(!array.is_none());
}

nb::dict Bound::run() {
  for (size_t i = 0; i < feeds.size(); ++i)
    if (feeds[i].isCopy()) {
      feeds[i].readAgain();
      inputs[i] = feeds[i].tensor();
    }
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
  bool isCopied = !isInPlace[number] && (hasDestinations || !isLaidOutAlike(output.dtype));
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
  results[ports[number].name] = arrays[number];
}

} // namespace tenon::python
