// A look at the weights of a model, in the file's own memory: a few elements of most channels are
// enough to tell that they are neither zero nor like others.

#include "lib/Editing/Attributes.h"
#include "lib/Importer/ElementTypes.h"
#include "lib/Prune/DeadChannels.h"
#include "lib/Prune/EinsumEquation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringMap.h"
#include <cstring>

using namespace llvm;

namespace tenon {
namespace {

/// Weights as they lie in the file: floating point, or bytes whose zero point is zero.
struct Weights {
  ArrayRef<char> bytes;
  SmallVector<int64_t> dims;
  int64_t elementBytes;
  /// The bits that tell numbers from zero.
  uint64_t magnitude;

  uint64_t load(int64_t element) const {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + element * elementBytes, elementBytes);
    return bits;
  }
  bool isZero(int64_t element) const { return (load(element) & magnitude) == 0; }
  /// The elements of the slices along an axis, the last of its two numbers first.
  std::pair<int64_t, int64_t> getStrides(size_t axis) const {
    int64_t inner = 1;
    for (int64_t size : ArrayRef(dims).drop_front(axis + 1))
      inner *= size;
    return {inner, inner * dims[axis]};
  }
};

} // namespace

static std::optional<Weights> viewWeights(const onnx::TensorProto &tensor, ModelFile &file) {
  Weights weights;
  switch (static_cast<ElementKind>(tensor.data_type())) {
  case ElementKind::Float:
  case ElementKind::Float16:
  case ElementKind::BFloat16:
  case ElementKind::Double:
    weights.elementBytes = getElementBits(tensor.data_type()) / 8;
    weights.magnitude = (uint64_t(1) << (weights.elementBytes * 8 - 1)) - 1;
    break;
  case ElementKind::Int8:
  case ElementKind::UInt8:
    weights.elementBytes = 1;
    weights.magnitude = 0xFF;
    break;
  default:
    return std::nullopt;
  }
  weights.dims.assign(tensor.dims().begin(), tensor.dims().end());
  uint64_t size = weights.elementBytes;
  for (int64_t each : weights.dims)
    if (each <= 0 || (size *= each) > uint64_t(1) << 40)
      return std::nullopt;
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL) {
    Expected<ArrayRef<char>> bytes = file.externalElements(tensor, size);
    if (!bytes) {
      consumeError(bytes.takeError()); // the importer reports it
      return std::nullopt;
    }
    weights.bytes = *bytes;
  } else if (tensor.has_raw_data()) {
    weights.bytes = ArrayRef(tensor.raw_data().data(), tensor.raw_data().size());
  } else if (weights.elementBytes == 4) {
    weights.bytes = ArrayRef(reinterpret_cast<const char *>(tensor.float_data().data()),
                             tensor.float_data_size() * sizeof(float));
  }
  if (weights.bytes.size() != size)
    return std::nullopt;
  return weights;
}

/// Whether a slice along an axis is all zeros.
static bool hasZeroSlice(const Weights &weights, size_t axis) {
  auto [inner, step] = weights.getStrides(axis);
  int64_t elements = weights.bytes.size() / weights.elementBytes;
  return any_of(seq(weights.dims[axis]), [&, inner = inner, step = step](int64_t position) {
    for (int64_t block = position * inner; block < elements; block += step)
      for (int64_t element : seq(block, block + inner))
        if (!weights.isZero(element))
          return false;
    return true;
  });
}

/// Whether two slices along an axis are equal. Few are where their first elements are: enough of
/// them that slices of sparse weights differ, too.
static bool hasEqualSlices(const Weights &weights, size_t axis) {
  constexpr int64_t mostCompared = 64;
  auto [inner, step] = weights.getStrides(axis);
  int64_t size = weights.dims[axis], elements = weights.bytes.size() / weights.elementBytes;
  SmallVector<uint64_t> hashes(size);
  for (int64_t block = 0, compared = 0; block < elements && compared < mostCompared; block += step)
    for (int64_t element = 0; element < inner && compared < mostCompared; ++element, ++compared)
      for (int64_t position : seq(size))
        hashes[position] = hashes[position] * 0x9E3779B97F4A7C15 +
                           weights.load(block + position * inner + element) + 1;
  auto areEqual = [&, inner = inner, step = step](int64_t position, int64_t other) {
    for (int64_t block = 0; block < elements; block += step)
      if (std::memcmp(weights.bytes.data() + (block + position * inner) * weights.elementBytes,
                      weights.bytes.data() + (block + other * inner) * weights.elementBytes,
                      inner * weights.elementBytes) != 0)
        return false;
    return true;
  };
  DenseMap<uint64_t, SmallVector<int64_t, 1>> byHash;
  for (int64_t position : seq(size)) {
    // Less a bit, since the map keeps two keys for itself.
    SmallVector<int64_t, 1> &others = byHash[hashes[position] >> 1];
    if (any_of(others, [&](int64_t other) { return areEqual(position, other); }))
      return true;
    others.push_back(position);
  }
  return false;
}

static std::optional<size_t> getEinsumResultAxis(const onnx::NodeProto &node) {
  auto equation = EinsumEquation::parse(getString(node, "equation", ""));
  if (!equation || equation->operands.size() != 2 || equation->operands[1].size() != 2)
    return std::nullopt;
  return StringRef(equation->result).contains(equation->operands[1][1]) ? 1 : 0;
}

/// The axis of the weights that makes the channels of a node's result.
static std::optional<size_t> getResultAxis(const onnx::NodeProto &node, size_t rank) {
  StringRef type = node.op_type();
  if (rank < 2)
    return std::nullopt;
  if (type == "Conv" || type == "FusedConv")
    return 0;
  if (type == "ConvTranspose")
    return 1;
  if (type == "Gemm")
    return getInt(node, "transB", 0) ? 0 : 1;
  if (type == "MatMul")
    return rank - 1;
  if (type == "Einsum" && rank == 2)
    return getEinsumResultAxis(node);
  return std::nullopt;
}

/// Whether zeros stand for zero in what is dequantized.
static bool isZeroPoint(const onnx::NodeProto &node,
                        const StringMap<const onnx::TensorProto *> &constants) {
  if (node.input_size() < 3 || node.input(2).empty())
    return true;
  const onnx::TensorProto *zeros = constants.lookup(node.input(2));
  return zeros && zeros->data_location() != onnx::TensorProto::EXTERNAL &&
         all_of(zeros->raw_data(), [](char byte) { return byte == 0; }) &&
         all_of(zeros->int32_data(), [](int32_t number) { return number == 0; });
}

/// Constants, and what is dequantized from constants where zeros are zero, by their names.
static StringMap<const onnx::TensorProto *> listConstants(const onnx::GraphProto &graph) {
  StringMap<const onnx::TensorProto *> constants;
  for (const onnx::TensorProto &tensor : graph.initializer())
    constants[tensor.name()] = &tensor;
  for (const onnx::NodeProto &node : graph.node())
    if (node.op_type() == "Constant" && node.output_size() == 1)
      if (const onnx::AttributeProto *value = findAttribute(node, "value"))
        constants[node.output(0)] = &value->t();
  for (const onnx::NodeProto &node : graph.node())
    if (node.op_type() == "DequantizeLinear" && node.input_size() > 1 &&
        isZeroPoint(node, constants))
      if (const onnx::TensorProto *values = constants.lookup(node.input(0)))
        constants[node.output(0)] = values;
  return constants;
}

bool mayHaveDeadChannels(const std::shared_ptr<ModelFile> &model) {
  StringMap<const onnx::TensorProto *> constants = listConstants(model->graph());
  for (const onnx::NodeProto &node : model->graph().node()) {
    const onnx::TensorProto *tensor =
        node.input_size() > 1 ? constants.lookup(node.input(1)) : nullptr;
    bool isNorm = node.op_type() == "BatchNormalization";
    if (!tensor || (!isNorm && !getResultAxis(node, tensor->dims_size())))
      continue;
    std::optional<Weights> weights = viewWeights(*tensor, *model);
    if (!weights)
      continue;
    if (isNorm && weights->dims.size() == 1 && hasZeroSlice(*weights, 0))
      return true;
    std::optional<size_t> axis = getResultAxis(node, weights->dims.size());
    // Channels are read on the other of two axes, by convolutions on that of the first two.
    if (axis &&
        (hasZeroSlice(*weights, *axis) || hasZeroSlice(*weights, *axis == 0 ? 1 : *axis - 1) ||
         hasEqualSlices(*weights, *axis)))
      return true;
  }
  return false;
}

} // namespace tenon
