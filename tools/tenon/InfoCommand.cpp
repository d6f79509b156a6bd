// `tenon info`: what a model takes and gives, what it is made of, and what it needs.

#include "lib/Importer/OpRegistry.h"
#include "lib/Importer/TensorData.h"
#include "tools/tenon/Commands.h"
#include "tools/tenon/Devices.h"
#include "tools/tenon/ModelOptions.h"
#include "llvm/Support/raw_ostream.h"
#include <map>

namespace tenon::cli {

static constexpr Option ownOptions[] = {
    {"--no-compile", false, "of an ONNX model, only what its file says"},
    {"--ops", false,
     "instead of a model: every operator that is imported, and since which version"},
    checkOption,
};
static constexpr auto infoOptions = joinOptions(ownOptions, openOptions, helpOptions);

/// "1.24 MB"; small numbers stay exact.
static std::string formatBytes(uint64_t bytes) {
  if (bytes < 10000)
    return std::to_string(bytes) + " bytes";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f MB", static_cast<double>(bytes) * 1e-6);
  return text;
}

/// Counts as people say them: "3.1 G".
static std::string formatCount(int64_t count) {
  if (count == 0)
    return "-";
  auto value = static_cast<double>(count);
  llvm::StringRef unit = "";
  for (llvm::StringRef next : {"k", "M", "G", "T"}) {
    if (value < 1000)
      break;
    value /= 1000;
    unit = next;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit.empty() ? "%.0f" : "%.3g ", value);
  return text + unit.str();
}

/// Operators by name, those of graphs in attributes included.
static void countOps(const onnx::GraphProto &graph, std::map<std::string, int64_t> &counts) {
  for (const onnx::NodeProto &node : graph.node()) {
    ++counts[node.domain().empty() || node.domain() == "ai.onnx"
                 ? node.op_type()
                 : node.domain() + "." + node.op_type()];
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_g())
        countOps(attribute.g(), counts);
      for (const onnx::GraphProto &inner : attribute.graphs())
        countOps(inner, counts);
    }
  }
}

static void printOnnx(const ModelFile &file) {
  const onnx::ModelProto &model = file.proto();
  llvm::outs() << "ONNX: IR version " << model.ir_version() << ", opsets";
  for (const onnx::OperatorSetIdProto &opset : model.opset_import())
    llvm::outs() << " " << (opset.domain().empty() ? "ai.onnx" : opset.domain()) << " "
                 << opset.version();
  if (!model.producer_name().empty())
    llvm::outs() << ", made by " << model.producer_name() << " " << model.producer_version();
  llvm::outs() << "\n";
  std::map<std::string, int64_t> counts;
  countOps(model.graph(), counts);
  std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
  llvm::sort(sorted, [](auto &a, auto &b) {
    return std::tie(b.second, a.first) < std::tie(a.second, b.first);
  });
  int64_t total = 0;
  for (auto &[name, count] : sorted)
    total += count;
  llvm::outs() << total << " nodes:";
  for (auto [i, entry] : llvm::enumerate(sorted))
    llvm::outs() << (i ? ", " : " ") << entry.second << " " << entry.first;
  llvm::outs() << "\n";
}

static std::string describeType(const onnx::TypeProto &value) {
  switch (value.value_case()) {
  case onnx::TypeProto::kSequenceType:
    return "sequence(" + describeType(value.sequence_type().elem_type()) + ")";
  case onnx::TypeProto::kOptionalType:
    return "optional(" + describeType(value.optional_type().elem_type()) + ")";
  case onnx::TypeProto::kMapType:
    return std::string("map(") + tenon_dtype_name(value.map_type().key_type()) + "," +
           describeType(value.map_type().value_type()) + ")";
  case onnx::TypeProto::kTensorType:
    break;
  default:
    return "of unknown kind";
  }
  const auto &type = value.tensor_type();
  std::string text = tenon_dtype_name(type.elem_type());
  if (!type.has_shape())
    return text;
  text += "[";
  for (auto [axis, dim] : llvm::enumerate(type.shape().dim())) {
    text += axis ? "," : "";
    text += hasSize(dim)              ? std::to_string(dim.dim_value())
            : dim.dim_param().empty() ? "?"
                                      : dim.dim_param();
  }
  return text + "]";
}

static void printOnnxSignature(const onnx::GraphProto &graph) {
  for (const onnx::ValueInfoProto &input : graph.input())
    llvm::outs() << "input " << input.name() << ": " << describeType(input.type()) << "\n";
  for (const onnx::ValueInfoProto &output : graph.output())
    llvm::outs() << "output " << output.name() << ": " << describeType(output.type()) << "\n";
}

static llvm::Error printStates(const Session &session) {
  for (int32_t i = 0; i < tenon_model_num_states(session.model()); ++i) {
    tenon_state_info info;
    if (tenon_model_state(session.model(), i, &info) != TENON_OK)
      return runtimeError();
    llvm::outs() << "state " << session.input(info.input).name << " = "
                 << session.output(info.output).name << "\n";
  }
  return llvm::Error::success();
}

/// "256 threads, 40 registers, 8704 bytes shared, 75% occupancy".
static std::string describeUsage(const tenon_kernel_usage &usage) {
  if (!usage.block_threads)
    return "on the host";
  std::string text = std::to_string(usage.block_threads) + " threads";
  if (!usage.registers)
    return text;
  text += ", " + std::to_string(usage.registers) + " registers";
  if (usage.spilled_bytes)
    text += " (" + std::to_string(usage.spilled_bytes) + " bytes spilled)";
  return text + ", " + std::to_string(usage.shared_bytes) + " bytes shared, " +
         std::to_string(usage.resident_blocks) + " blocks at a time";
}

/// What kernels take of a GPU.
static llvm::Error printUsage(const tenon_model *model) {
  bool isKnown = false;
  for (int64_t i = 0; i < tenon_model_num_kernels(model); ++i) {
    tenon_kernel_info info;
    tenon_kernel_usage usage;
    if (tenon_model_kernel(model, i, &info) != TENON_OK ||
        tenon_model_kernel_usage(model, i, &usage) != TENON_OK)
      return runtimeError();
    isKnown |= usage.registers > 0;
    llvm::outs() << "  " << info.name << ": " << describeUsage(usage) << "\n";
  }
  if (!isKnown)
    llvm::outs() << "registers are not known: compile with --assemble, where there is ptxas\n";
  return llvm::Error::success();
}

/// "brought to the host: 2 tensors, 1.2 kB; to the device: none".
static void printTransfers(const driver::TransferReport &transfers) {
  auto describe = [](int64_t count, int64_t bytes) {
    return count ? std::to_string(count) + (count == 1 ? " tensor, " : " tensors, ") +
                       formatBytes(bytes)
                 : std::string("nothing");
  };
  llvm::outs() << "brought to the host: " << describe(transfers.toHost, transfers.bytesToHost)
               << "; to the device: " << describe(transfers.toDevice, transfers.bytesToDevice)
               << "; beside inputs and outputs\n";
}

static llvm::Error printCompiled(const Session &session, const driver::CompileReport *report) {
  const tenon_model *model = session.model();
  for (size_t i = 0; i < session.numInputs(); ++i)
    llvm::outs() << "input " << session.input(i).name << ": " << describeSignature(session.input(i))
                 << "\n";
  for (size_t i = 0; i < session.numOutputs(); ++i)
    llvm::outs() << "output " << session.output(i).name << ": "
                 << describeSignature(session.output(i)) << "\n";
  if (llvm::Error error = printStates(session))
    return error;
  llvm::outs() << "target: " << tenon_model_target(model) << "\n"
               << "compiler: " << tenon_model_compiler_version(model) << "\n"
               << "checksum of the ONNX file: "
               << llvm::format_hex_no_prefix(tenon_model_checksum(model), 16) << "\n"
               << "checksum of the code: "
               << llvm::format_hex_no_prefix(tenon_model_code_checksum(model), 16)
               << ", of the weights: "
               << llvm::format_hex_no_prefix(tenon_model_weights_checksum(model), 16) << "\n"
               << "memory: workspace " << formatBytes(tenon_model_workspace_size(model));
  if (report)
    llvm::outs() << " (arena " << formatBytes(report->arenaBytes) << ", lower bound "
                 << formatBytes(report->arenaLowerBound) << ")";
  int32_t threads = tenon_context_threads(session.context());
  llvm::outs() << ", scratch of " << threads << " threads "
               << formatBytes(tenon_model_scratch_size(model, threads)) << ", weights "
               << formatBytes(tenon_model_weights_size(model)) << "\n";

  if (report)
    for (const DeadChannels &dead : report->deadChannels)
      llvm::outs() << describeDeadChannels(dead) << "\n";

  llvm::StringMap<driver::KernelReport> reports;
  if (report)
    for (const driver::KernelReport &kernel : report->kernels)
      reports[kernel.name] = kernel;
  int64_t count = tenon_model_num_kernels(model);
  llvm::outs() << count << " kernels" << (count ? ":\n" : "\n");
  if (count)
    llvm::outs() << (report ? "launches " : "")
                 << "     FLOP      bytes   precision  kernel (nodes)\n";
  for (int64_t i = 0; i < count; ++i) {
    tenon_kernel_info info;
    if (tenon_model_kernel(model, i, &info) != TENON_OK)
      return runtimeError();
    if (report)
      llvm::outs() << llvm::format("%8lld ",
                                   static_cast<long long>(reports.lookup(info.name).launches));
    llvm::outs() << llvm::format("%9s %10s %11s  ", formatCount(info.flops).c_str(),
                                 formatCount(info.bytes).c_str(),
                                 tenon_model_kernel_precision(model, i))
                 << info.name;
    if (*info.nodes)
      llvm::outs() << " (" << info.nodes << ")";
    if (std::string remarks = reports.lookup(info.name).remarks; !remarks.empty())
      llvm::outs() << ", " << remarks;
    llvm::outs() << "\n";
  }
  if (!tenon_model_has_device(model) || !count)
    return llvm::Error::success();
  if (report)
    printTransfers(report->transfers);
  llvm::outs() << "a thread block of the GPU, and what a multiprocessor holds of it:\n";
  return printUsage(model);
}

/// One line per entry of the registry: domain, name, first version that the entry imports.
static void printOps() {
  OpRegistry::all().forEach([](llvm::StringRef domain, llvm::StringRef name, int64_t version) {
    llvm::outs() << (domain.empty() ? "ai.onnx" : domain) << " " << name << " " << version << "\n";
  });
}

static llvm::Error info(const Arguments &arguments) {
  if (arguments.has("--ops")) {
    printOps();
    return llvm::Error::success();
  }
  tenon_context_options options{};
  options.threads = 1;
  if (arguments.positional().size() == 1 && isOnnxFile(arguments.positional().front())) {
    llvm::Expected<std::shared_ptr<ModelFile>> file =
        ModelFile::open(arguments.positional().front());
    if (!file)
      return file.takeError();
    printOnnx(**file);
    if (arguments.has("--no-compile")) {
      printOnnxSignature((*file)->graph());
      return llvm::Error::success();
    }
    driver::CompileReport report;
    llvm::Expected<Session> session = openModel(arguments, options, &report);
    return session ? printCompiled(*session, &report) : session.takeError();
  }
  llvm::Expected<Session> session = openModel(arguments, options);
  return session ? printCompiled(*session, nullptr) : session.takeError();
}

int runInfo(llvm::ArrayRef<const char *> arguments) {
  return runCommand(arguments, infoOptions, "usage: tenon info MODEL.{so,onnx} [options]\n", info);
}

} // namespace tenon::cli
