// The nodes and constants with which ONNX says that a tensor is quantized (see the header).

#include "lib/Quantize/Conversions.h"
#include "lib/Editing/Attributes.h"
#include "lib/Quantize/QuantizeConstant.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>

namespace tenon::quantize {

llvm::MutableArrayRef<float> floatsOf(Tensor &tensor) {
  return {reinterpret_cast<float *>(tensor.bytes.data()), tensor.bytes.size() / sizeof(float)};
}

llvm::ArrayRef<float> floatsOf(const Tensor &tensor) {
  return {reinterpret_cast<const float *>(tensor.bytes.data()),
          tensor.bytes.size() / sizeof(float)};
}

/// The operator set that has the conversions in the form needed: ONNX has those with scales for
/// each index of an axis from version 13 on, before that ONNX Runtime's own set does.
static llvm::StringRef getDomain(ModelEditor &model, bool hasAxis) {
  if (model.getOpset() >= (hasAxis ? 13 : 10))
    return "";
  model.setOpset("com.microsoft", 1);
  return "com.microsoft";
}

std::string addConversions(ModelEditor &model, const TensorRecipe &entry) {
  const std::string &name = entry.name;
  int64_t zeroPoint = entry.zeroPoints.empty() ? 0 : entry.zeroPoints.front();
  std::string scale =
      model.addConstant(name + "_scale", makeTensor<float>(TENON_FLOAT, {}, entry.scales));
  std::string zero =
      model.addConstant(name + "_zero_point", makeTensor<int64_t>(entry.dtype, {}, zeroPoint));
  std::string codes = model.makeName(name + "_quantized");
  std::string result = model.makeName(name + "_dequantized");
  llvm::StringRef domain = getDomain(model, /*hasAxis=*/false);
  model.addNode("QuantizeLinear", name + "_QuantizeLinear", {name, scale, zero}, {codes}, domain);
  model.addNode("DequantizeLinear", name + "_DequantizeLinear", {codes, scale, zero}, {result},
                domain);
  return result;
}

/// DequantizeLinear of a constant, whose name the others are made from.
static std::string addDequantize(ModelEditor &model, llvm::StringRef name, const Tensor &codes,
                                 const Tensor &scales, const Tensor &zeros,
                                 std::optional<int64_t> axis) {
  std::string operand = model.addConstant((name + "_quantized").str(), codes);
  std::string scale = model.addConstant((name + "_scale").str(), scales);
  std::string zero = model.addConstant((name + "_zero_point").str(), zeros);
  std::string result = model.makeName((name + "_dequantized").str());
  onnx::NodeProto &node =
      model.addNode("DequantizeLinear", (name + "_DequantizeLinear").str(), {operand, scale, zero},
                    {result}, getDomain(model, axis.has_value()));
  if (axis)
    setInt(node, "axis", *axis);
  return result;
}

llvm::Expected<DequantizedConstant> addDequantizedConstant(ModelEditor &model,
                                                           const TensorRecipe &entry) {
  llvm::Expected<Tensor> constant = model.readConstant(entry.name);
  if (!constant)
    return constant.takeError();
  llvm::Expected<QuantizedConstant> quantized = quantizeConstant(*constant, entry);
  if (!quantized)
    return quantized.takeError();
  Tensor codes = llvm::cantFail(Tensor::create(entry.dtype, quantized->dims));
  for (size_t i = 0; i < quantized->codes.size(); ++i)
    codes.setElement(static_cast<int64_t>(i),
                     static_cast<double>(quantized->getCode(i, entry.dtype)));
  const std::vector<int64_t> &dims = quantized->parameterDims;
  std::string value = addDequantize(
      model, entry.name, codes, makeTensor<float>(TENON_FLOAT, dims, quantized->scales),
      makeTensor<int64_t>(entry.dtype, dims, quantized->zeroPoints), entry.axis);
  return DequantizedConstant{std::move(value), std::move(quantized->scales)};
}

std::string addDequantizedBias(ModelEditor &model, llvm::StringRef name, const Tensor &bias,
                               llvm::ArrayRef<float> scales) {
  std::vector<int64_t> codes;
  for (auto [i, value] : llvm::enumerate(floatsOf(bias))) {
    double code = std::nearbyint(double(value) / scales[scales.size() == 1 ? 0 : i]);
    if (!(std::abs(code) <= std::numeric_limits<int32_t>::max()))
      return "";
    codes.push_back(static_cast<int64_t>(code));
  }
  bool hasAxis = scales.size() != 1;
  std::vector<int64_t> dims = hasAxis ? bias.dims : std::vector<int64_t>();
  std::vector<int64_t> zeros(scales.size(), 0);
  return addDequantize(model, name, makeTensor<int64_t>(TENON_INT32, bias.dims, codes),
                       makeTensor<float>(TENON_FLOAT, dims, scales),
                       makeTensor<int64_t>(TENON_INT32, dims, zeros),
                       hasAxis ? std::optional<int64_t>(0) : std::nullopt);
}

void addWidening(ModelEditor &model, llvm::StringRef value, llvm::StringRef result) {
  onnx::NodeProto &cast =
      model.addNode("Cast", (value + "_Cast").str(), {value.str()}, {result.str()});
  setInt(cast, "to", TENON_FLOAT);
}

} // namespace tenon::quantize
