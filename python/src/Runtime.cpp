// The extension module tenon._runtime: names and documentation of what Model.h offers.
#include "python/src/Model.h"
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;
using namespace tenon::python;

namespace {

/// One entry of a model's signature.
struct TensorInfo {
  std::string name, kind, dtype;
  nb::tuple shape;
};

struct KernelInfo {
  std::string name, nodes;
  int64_t flops, bytes;
};

std::vector<TensorInfo> getInfos(const Model &model, int32_t count,
                                 const tenon_tensor_info *(*get)(const tenon_model *, int32_t)) {
  std::vector<TensorInfo> infos;
  for (int32_t i = 0; i < count; ++i) {
    const tenon_tensor_info &info = *get(model.get(), i);
    infos.push_back({info.name, getKindName(info), getNumpyName(info.dtype), getShape(info)});
  }
  return infos;
}

std::vector<TensorInfo> getInputs(const Model &model) {
  return getInfos(model, tenon_model_num_inputs(model.get()), tenon_model_input);
}

std::vector<TensorInfo> getOutputs(const Model &model) {
  return getInfos(model, tenon_model_num_outputs(model.get()), tenon_model_output);
}

/// Names of outputs by those of the inputs whose next values they are.
nb::dict getStates(const Model &model) {
  nb::dict states;
  for (int32_t i = 0; i < tenon_model_num_states(model.get()); ++i) {
    tenon_state_info info;
    check(tenon_model_state(model.get(), i, &info));
    states[tenon_model_input(model.get(), info.input)->name] =
        tenon_model_output(model.get(), info.output)->name;
  }
  return states;
}

std::vector<KernelInfo> getKernels(const Model &model) {
  std::vector<KernelInfo> kernels;
  for (int64_t i = 0; i < tenon_model_num_kernels(model.get()); ++i) {
    tenon_kernel_info info;
    check(tenon_model_kernel(model.get(), i, &info));
    kernels.push_back({info.name, info.nodes ? info.nodes : "", info.flops, info.bytes});
  }
  return kernels;
}

std::string describe(const TensorInfo &info) {
  std::string kind = info.kind == "tensor" ? "" : "', kind='" + info.kind;
  return "TensorInfo(name='" + info.name + kind + "', dtype='" + info.dtype +
         "', shape=" + nb::str(info.shape).c_str() + ")";
}

} // namespace

NB_MODULE(_runtime, m) {
  m.doc() = "Loads and runs compiled models.";
  m.def("runtime_version", [] { return tenon_runtime_version(); }, "The runtime's version.");

  nb::class_<TensorInfo>(m, "TensorInfo", "An input or output of a model.")
      .def_ro("name", &TensorInfo::name)
      .def_ro("kind", &TensorInfo::kind,
              "'tensor', or what it is: 'sequence', 'optional', 'map', or one of them in another, "
              "'sequence(map)'. dtype and shape are those of the tensors inside then.")
      .def_ro("dtype", &TensorInfo::dtype, "numpy's name of the element type, e.g. 'float32'.")
      .def_ro(
          "shape", &TensorInfo::shape,
          "A tuple with a number for each fixed size, a name for each free one (equal names are "
          "equal sizes), and None where a free size has no name.")
      .def("__repr__", describe);

  nb::class_<KernelInfo>(m, "KernelInfo", "A kernel of a model.")
      .def_ro("name", &KernelInfo::name)
      .def_ro("nodes", &KernelInfo::nodes, "The ONNX nodes it computes, comma separated.")
      .def_ro("flops", &KernelInfo::flops, "Per call; 0 if unknown.")
      .def_ro("bytes", &KernelInfo::bytes, "Read and written per call; 0 if unknown.")
      .def("__repr__", [](const KernelInfo &k) { return "KernelInfo(name='" + k.name + "')"; });

  nb::class_<Bound>(
      m, "Bound",
      "A model's run with fixed arrays, made by Model.bind. Calling it runs the model "
      "on what the input arrays hold at that moment.")
      .def(
          "__call__", &Bound::run,
          "Runs the model. Returns the outputs by name: the same arrays at each call, overwritten, "
          "unless a shape changes. One thread at a time.")
      .def("profile", &Bound::profile, "runs"_a = 10,
           "Runs the model `runs` times and returns a list with (name, calls, milliseconds in all) "
           "for each of its kernels.");

  nb::class_<Model>(m, "Model",
                    "A compiled model. Any number of threads may run it at the same time.")
      .def(
          "run", &Model::run, "feeds"_a, "outputs"_a = nb::none(), nb::kw_only(),
          "on_device"_a = false,
          "Runs the model and returns its outputs as a dict of numpy arrays by name; sequences are "
          "lists, optionals None or what they hold, and maps dicts.\n\n"
          "feeds is a dict of arrays by input name, or a list of arrays in the inputs' order. "
          "Arrays "
          "are read in place: another dtype is a TypeError and another layout or shape a "
          "ValueError. Other Python threads continue while the model runs.\n\n"
          "outputs is a dict with arrays by output name that results are written to; the others "
          "get "
          "new ones. An array may be both an input and the output that is its next value (states); "
          "any other overlap is a ValueError.\n\n"
          "Arrays of other libraries are taken through `__dlpack__`, without a copy; those of a "
          "model on a GPU may be in its memory. With on_device its outputs stay there: they are "
          "objects with `__dlpack__`, each of which holds memory of its own until it is gone.")
      .def(
          "bind", &Model::bind, "feeds"_a, "outputs"_a = nb::none(),
          "Returns a callable that runs the model on these arrays, in place, without checking them "
          "again and without allocating: for loops where microseconds count. outputs is as for "
          "run; "
          "with some given, results whose shape only a run tells are new arrays in each run.")
      .def_prop_ro("inputs", getInputs, "A list of TensorInfo.")
      .def_prop_ro("outputs", getOutputs, "A list of TensorInfo.")
      .def_prop_ro(
          "states", getStates,
          "A dict with the output for each input whose next value it is: one array may be both.")
      .def_prop_ro("kernels", getKernels, "A list of KernelInfo.")
      .def_prop_ro("name", [](const Model &m) { return tenon_model_name(m.get()); })
      .def_prop_ro(
          "target", [](const Model &m) { return tenon_model_target(m.get()); },
          "The instruction set whose code was chosen, e.g. 'cpu:x86-64-v4'.")
      .def_prop_ro("threads", &Model::countThreads, "How many threads a run uses.")
      .def_prop_ro("workspace_bytes",
                   [](const Model &m) { return tenon_model_workspace_size(m.get()); })
      .def_prop_ro("weights_bytes",
                   [](const Model &m) { return tenon_model_weights_size(m.get()); })
      .def("__repr__", [](const Model &m) {
        return std::string("<tenon.Model '") + tenon_model_name(m.get()) + "' for " +
               tenon_model_target(m.get()) + ">";
      });

  m.def(
      "load",
      [](nb::object path, int32_t threads, bool pin, bool check) {
        nb::object text = nb::module_::import_("os").attr("fspath")(path);
        return std::make_unique<Model>(nb::cast<std::string>(text), threads, pin, check);
      },
      "path"_a, "threads"_a = 1, nb::kw_only(), "pin"_a = false, "check"_a = false,
      "Loads a compiled model from a shared library.\n\n"
      "A run uses `threads` threads (0: one for each core that this process may use), each kept on "
      "one CPU if `pin` is true. A file that differs from what was compiled is a ValueError; its "
      "weights are compared only if `check` is true, because that reads all of them. Checksums "
      "find accidents: the file's code is trusted as any library's is.");
}
