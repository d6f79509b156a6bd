// Weights as matrices (see the header).

#include "lib/Quantize/WeightMatrix.h"
#include "lib/Editing/Attributes.h"
#include <cmath>

namespace tenon::quantize {

std::optional<WeightLayout> WeightLayout::find(const onnx::NodeProto &node,
                                               llvm::ArrayRef<int64_t> dims) {
  llvm::StringRef type = node.op_type();
  if (type == "Conv" && dims.size() >= 3) {
    int64_t columns = 1;
    for (int64_t dim : dims.drop_front())
      columns *= dim;
    return WeightLayout{dims[0], columns, getInt(node, "group", 1), columns, 1};
  }
  if (dims.size() != 2 || (type != "MatMul" && type != "Gemm"))
    return std::nullopt;
  if (getInt(node, "transB", 0))
    return WeightLayout{dims[0], dims[1], 1, dims[1], 1};
  return WeightLayout{dims[1], dims[0], 1, 1, dims[1]};
}

ScaleGrid::ScaleGrid(llvm::ArrayRef<int64_t> dims, const TensorRecipe &entry)
    : kind(!entry.axis       ? Kind::One
           : entry.blockSize ? Kind::Blocks
                             : Kind::Axis) {
  if (kind == Kind::One)
    return;
  size = dims[*entry.axis];
  for (int64_t dim : dims.drop_front(*entry.axis + 1))
    inner *= dim;
  blockSize = std::max<int64_t>(entry.blockSize, 1);
}

size_t ScaleGrid::find(int64_t position) const {
  if (kind == Kind::One)
    return 0;
  int64_t index = position / inner % size;
  if (kind == Kind::Axis)
    return index;
  int64_t blocks = (size + blockSize - 1) / blockSize;
  return ((position / inner / size) * blocks + index / blockSize) * inner + position % inner;
}

int64_t CodedWeight::encode(int64_t position, float value) const {
  int64_t code = std::llrint(value / scales[position]) + zeroPoints[position];
  return std::clamp(code, least, largest);
}

llvm::Expected<CodedWeight> CodedWeight::create(const Tensor &constant, const WeightLayout &layout,
                                                const TensorRecipe &entry) {
  llvm::Expected<QuantizedConstant> quantized = quantizeConstant(constant, entry);
  if (!quantized)
    return quantized.takeError();
  CodedWeight weight;
  weight.layout = layout;
  auto *values = reinterpret_cast<const float *>(constant.bytes.data());
  int64_t count = constant.numElements();
  weight.values.assign(values, values + count);
  CodeRange range{entry.dtype, /*symmetric=*/true};
  bool isSymmetric = llvm::all_of(quantized->zeroPoints, [](int64_t zero) { return zero == 0; });
  range.symmetric = isSymmetric && !entry.blockSize;
  weight.least = range.least();
  weight.largest = range.largest();
  ScaleGrid grid(constant.dims, entry);
  for (int64_t i = 0; i < count; ++i) {
    size_t at = grid.find(i);
    weight.codes.push_back(quantized->getCode(i, entry.dtype));
    weight.scales.push_back(quantized->scales[at]);
    weight.zeroPoints.push_back(quantized->zeroPoints.empty() ? 0 : quantized->zeroPoints[at]);
  }
  return weight;
}

// An entry with codes says all scales, also those that followed from the weights before.
void CodedWeight::store(const Tensor &constant, TensorRecipe &entry) const {
  ScaleGrid grid(constant.dims, entry);
  size_t count = grid.count(constant.numElements());
  entry.scales.assign(count, 1);
  entry.zeroPoints.assign(count, 0);
  entry.codes.clear();
  for (size_t i = 0; i < codes.size(); ++i) {
    size_t at = grid.find(static_cast<int64_t>(i));
    entry.scales[at] = scales[i];
    entry.zeroPoints[at] = zeroPoints[i];
    entry.codes.push_back(static_cast<int8_t>(codes[i]));
  }
  if (llvm::all_of(entry.zeroPoints, [](int64_t zero) { return zero == 0; }))
    entry.zeroPoints.clear();
}

} // namespace tenon::quantize
