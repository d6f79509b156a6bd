// Both models side by side (see the header).

#include "lib/Quantize/ComparePrecision.h"
#include "lib/Calibration/Floats.h"
#include "lib/Editing/ModelEditor.h"
#include "lib/Editing/ValueTypes.h"
#include "lib/Quantize/Costs.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

namespace tenon::quantize {

std::vector<const TensorComparison *> PrecisionComparison::sortByLoss() const {
  std::vector<const TensorComparison *> sorted;
  for (const TensorComparison &tensor : tensors)
    sorted.push_back(&tensor);
  llvm::sort(sorted, [](const TensorComparison *a, const TensorComparison *b) {
    return std::tuple(a->loss.sqnr(), a->depth, llvm::StringRef(a->tensor)) <
           std::tuple(b->loss.sqnr(), b->depth, llvm::StringRef(b->tensor));
  });
  return sorted;
}

namespace {

/// One call of comparePrecision.
class Comparison {
public:
  Comparison(const std::shared_ptr<ModelFile> &reference, const ComparedModel &lowered,
             DataSource &data, const CalibrateOptions &options)
      : reference(reference), lowered(lowered), data(data), options(options), original(reference),
        changed(lowered.file) {}

  llvm::Expected<PrecisionComparison> run();

private:
  /// One call of a kernel of the lowered model.
  struct Launch {
    llvm::StringSet<> nodes;
    std::string precision;
    double time;
  };

  ProbeOptions probeOf(const ComparedModel &model) const {
    ProbeOptions probe = options.probe;
    probe.compile.precision = model.precision;
    return probe;
  }
  llvm::Error measureReference(Sample &sample);
  llvm::Error measureLowered(Sample &sample);
  llvm::Error findTensors();
  void addResults(const Launch &launch);
  std::string findOriginal(llvm::StringRef value) const;
  llvm::Error compareRound(llvm::ArrayRef<std::string> names);
  llvm::Error compareSample(ProbedModel &first, ProbedModel &second, Sample &sample,
                            llvm::ArrayRef<std::string> names);

  const std::shared_ptr<ModelFile> &reference;
  const ComparedModel &lowered;
  DataSource &data;
  const CalibrateOptions &options;
  ModelEditor original, changed;
  llvm::StringMap<ValueType> types;
  std::vector<Launch> launched;
  llvm::StringMap<TensorComparison> found;
  int64_t done = 0, planned = 0;
  PrecisionComparison result;
};

} // namespace

llvm::Error Comparison::measureReference(Sample &sample) {
  auto loaded = loadModel(reference, options.probe);
  if (!loaded)
    return loaded.takeError();
  auto costs = measureKernels(loaded->first, sample);
  if (!costs)
    return costs.takeError();
  result.timeBefore = totalTime(*costs);
  result.kernelsBefore = static_cast<int64_t>(costs->size());
  result.weightsBefore = loaded->second.weightsBytes;
  return llvm::Error::success();
}

/// What each kernel computes with, by its name.
static llvm::StringMap<std::string> findPrecisions(const tenon_model *model) {
  llvm::StringMap<std::string> precisions;
  for (int64_t i = 0; i < tenon_model_num_kernels(model); ++i) {
    tenon_kernel_info info = {};
    const char *precision = tenon_model_kernel_precision(model, i);
    if (precision && tenon_model_kernel(model, i, &info) == TENON_OK)
      precisions[info.name] = precision;
  }
  return precisions;
}

llvm::Error Comparison::measureLowered(Sample &sample) {
  auto loaded = loadModel(lowered.file, probeOf(lowered));
  if (!loaded)
    return loaded.takeError();
  auto costs = measureKernels(loaded->first, sample);
  if (!costs)
    return costs.takeError();
  result.timeAfter = totalTime(*costs);
  result.kernelsAfter = static_cast<int64_t>(costs->size());
  result.weightsAfter = loaded->second.weightsBytes;
  llvm::StringMap<std::string> precisions = findPrecisions(loaded->first.model());
  llvm::StringMap<int64_t> launches;
  for (const driver::LaunchReport &launch : loaded->second.launches)
    ++launches[launch.kernel];
  for (const driver::LaunchReport &launch : loaded->second.launches) {
    double time = costs->at(launch.kernel).time / static_cast<double>(launches[launch.kernel]);
    Launch &entry = launched.emplace_back(Launch{{}, precisions[launch.kernel], time});
    for (const std::string &node : launch.nodes)
      entry.nodes.insert(node);
  }
  return llvm::Error::success();
}

/// The tensor of the original that a value of the lowered model stands for: what is quantized and
/// dequantized has the name of what it was.
std::string Comparison::findOriginal(llvm::StringRef value) const {
  while (!types.contains(value)) {
    const onnx::NodeProto *node = changed.findProducer(value);
    if (!node || (node->op_type() != "QuantizeLinear" && node->op_type() != "DequantizeLinear" &&
                  node->op_type() != "Cast"))
      return "";
    value = node->input(0);
  }
  return value.str();
}

/// Adds what a kernel computes for others.
void Comparison::addResults(const Launch &launch) {
  for (const onnx::NodeProto &node : changed.graph().node()) {
    if (!launch.nodes.contains(getNodeName(node)))
      continue;
    for (const std::string &value : node.output()) {
      bool isSeen = changed.isOutput(value) || changed.isReadBySubgraph(value) ||
                    llvm::any_of(changed.getUses(value), [&](const ModelEditor::Use &use) {
                      return !launch.nodes.contains(getNodeName(*use.node));
                    });
      std::string name = isSeen ? findOriginal(value) : "";
      auto type = types.find(name);
      if (name.empty() || type == types.end() || !isFloatingPoint(type->second.dtype) ||
          original.isConstant(name) || original.isInput(name))
        continue;
      TensorComparison &tensor = found[name];
      tensor.tensor = name;
      tensor.precision = launch.precision;
      tensor.time = launch.time;
      tensor.isOutput = original.isOutput(name);
    }
  }
}

llvm::Error Comparison::findTensors() {
  auto inferred = inferValueTypes(reference, options.probe.compile.import);
  if (!inferred)
    return inferred.takeError();
  types = std::move(*inferred);
  for (const Launch &launch : launched)
    addResults(launch);
  if (found.empty())
    return makeError(reference->name() + " and " + lowered.file->name() +
                     " have no tensor of floating point numbers in common");
  for (auto [number, node] : llvm::enumerate(original.graph().node()))
    for (const std::string &value : node.output())
      if (auto tensor = found.find(value); tensor != found.end()) {
        tensor->second.node = getNodeName(node).str();
        tensor->second.op = node.op_type();
        tensor->second.depth = static_cast<int64_t>(number);
      }
  return llvm::Error::success();
}

llvm::Error Comparison::compareSample(ProbedModel &first, ProbedModel &second, Sample &sample,
                                      llvm::ArrayRef<std::string> names) {
  auto expected = first.run(sample);
  if (!expected)
    return expected.takeError();
  auto got = second.run(sample);
  if (!got)
    return got.takeError();
  std::vector<float> storage;
  for (auto [name, a, b] : llvm::zip_equal(names, *expected, *got)) {
    TensorComparison &tensor = found[name];
    if (llvm::Error error = tensor.loss.add(a, b))
      return makeError(sample.origin + ": tensor '" + name +
                       "' of the lowered model: " + llvm::toString(std::move(error)));
    tensor.reference.add(toFloats(a, storage));
    tensor.lowered.add(toFloats(b, storage));
  }
  return llvm::Error::success();
}

llvm::Error Comparison::compareRound(llvm::ArrayRef<std::string> names) {
  auto first = ProbedModel::compile(reference, names, options.probe);
  if (!first)
    return first.takeError();
  auto second = ProbedModel::compile(lowered.file, names, probeOf(lowered));
  if (!second)
    return second.takeError();
  for (int64_t i = 0; i < data.size(); ++i) {
    llvm::Expected<Sample> sample = data.read(i);
    if (!sample)
      return sample.takeError();
    if (llvm::Error error = compareSample(*first, *second, *sample, names))
      return error;
    if (options.progress)
      options.progress(++done, planned);
  }
  return llvm::Error::success();
}

llvm::Expected<PrecisionComparison> Comparison::run() {
  if (data.size() == 0)
    return makeError("there is no sample to compare " + reference->name() + " with");
  llvm::Expected<Sample> sample = data.read(0);
  if (!sample)
    return sample.takeError();
  if (llvm::Error error = measureReference(*sample))
    return std::move(error);
  if (llvm::Error error = measureLowered(*sample))
    return std::move(error);
  if (llvm::Error error = findTensors())
    return std::move(error);
  std::vector<TensorComparison *> ordered;
  for (auto &entry : found)
    ordered.push_back(&entry.second);
  llvm::sort(ordered, [](const TensorComparison *a, const TensorComparison *b) {
    return std::pair(a->depth, a->tensor) < std::pair(b->depth, b->tensor);
  });
  std::vector<std::string> names;
  for (const TensorComparison *tensor : ordered)
    names.push_back(tensor->tensor);
  std::vector<std::vector<std::string>> rounds = divideTensors(names, types, options.bytesPerRound);
  planned = static_cast<int64_t>(rounds.size()) * data.size();
  for (const std::vector<std::string> &round : rounds)
    if (llvm::Error error = compareRound(round))
      return std::move(error);
  result.model = reference->name().str();
  result.samples = data.size();
  for (TensorComparison *tensor : ordered)
    result.tensors.push_back(std::move(*tensor));
  return std::move(result);
}

llvm::Expected<PrecisionComparison> comparePrecision(const std::shared_ptr<ModelFile> &reference,
                                                     const ComparedModel &lowered, DataSource &data,
                                                     const CalibrateOptions &options) {
  return Comparison(reference, lowered, data, options).run();
}

/// "12.3 dB", or words where there is no number.
static std::string formatDecibels(double decibels) {
  if (std::isinf(decibels))
    return decibels > 0 ? "exact" : "broken";
  return llvm::formatv("{0:F1} dB", decibels);
}

std::string formatComparison(const PrecisionComparison &comparison, int64_t limit) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << comparison.model << " in " << comparison.precision << " against fp32, on "
      << comparison.samples << (comparison.samples == 1 ? " sample\n" : " samples\n");
  out << llvm::formatv("kernels {0:F3} ms -> {1:F3} ms, weights {2:F2} MB -> {3:F2} MB\n",
                       comparison.timeBefore / 1e6, comparison.timeAfter / 1e6,
                       static_cast<double>(comparison.weightsBefore) / 1e6,
                       static_cast<double>(comparison.weightsAfter) / 1e6);
  out << llvm::formatv("{0,10} {1,9} {2,8} {3,-22} {4,9} {5,-10} {6}\n", "SQNR", "cosine",
                       "largest", "range in fp32", "us", "computes", "tensor (node, operator)");
  std::vector<const TensorComparison *> sorted = comparison.sortByLoss();
  if (limit && limit < static_cast<int64_t>(sorted.size()))
    sorted.resize(limit);
  for (const TensorComparison *tensor : sorted) {
    std::string range =
        llvm::formatv("{0:F3} to {1:F3}", tensor->reference.min(), tensor->reference.max());
    out << llvm::formatv("{0,10} {1,9:F6} {2,7:F2}% {3,-22} {4,9:F1} {5,-10} {6} ({7}, {8})",
                         formatDecibels(tensor->loss.sqnr()), tensor->loss.cosine(),
                         100 * tensor->loss.relativeError(), range, tensor->time / 1e3,
                         tensor->precision, tensor->tensor, tensor->node, tensor->op)
        << (tensor->isOutput ? ", output\n" : "\n");
  }
  return text;
}

} // namespace tenon::quantize
