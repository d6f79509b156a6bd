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
  return addConversions(model, name, scale, zero);
}

std::string addConversions(ModelEditor &model, const std::string &name, const std::string &scale,
                           const std::string &zeroPoint) {
  std::string codes = model.makeName(name + "_quantized");
  std::string result = model.makeName(name + "_dequantized");
  llvm::StringRef domain = getDomain(model, /*hasAxis=*/false);
  model.addNode("QuantizeLinear", name + "_QuantizeLinear", {name, scale, zeroPoint}, {codes},
                domain);
  model.addNode("DequantizeLinear", name + "_DequantizeLinear", {codes, scale, zeroPoint}, {result},
                domain);
  return result;
}

/// A constant's codes and what dequantizes them.
struct Codes {
  Tensor codes, scales, zeros;
};

/// DequantizeLinear of codes that are a value of the model. The names of the others are made from
/// `name`.
static void addDequantize(ModelEditor &model, llvm::StringRef name, const std::string &codes,
                          const Codes &parameters, std::optional<int64_t> axis,
                          const std::string &result) {
  std::string scale = model.addConstant((name + "_scale").str(), parameters.scales);
  std::string zero = model.addConstant((name + "_zero_point").str(), parameters.zeros);
  onnx::NodeProto &node =
      model.addNode("DequantizeLinear", (name + "_DequantizeLinear").str(), {codes, scale, zero},
                    {result}, getDomain(model, axis.has_value()));
  if (axis)
    setInt(node, "axis", *axis);
}

/// The same of codes that are a constant. Returns the name of the result.
static std::string addDequantize(ModelEditor &model, llvm::StringRef name, const Codes &codes,
                                 std::optional<int64_t> axis) {
  std::string operand = model.addConstant((name + "_quantized").str(), codes.codes);
  std::string result = model.makeName((name + "_dequantized").str());
  addDequantize(model, name, operand, codes, axis, result);
  return result;
}

static Codes toTensors(const QuantizedConstant &constant, int32_t dtype) {
  const std::vector<int64_t> &dims = constant.parameterDims;
  Codes result{llvm::cantFail(Tensor::create(dtype, constant.dims)),
               makeTensor<float>(TENON_FLOAT, dims, constant.scales),
               makeTensor<int64_t>(dtype, dims, constant.zeroPoints)};
  for (int64_t i = 0; i < static_cast<int64_t>(constant.codes.size()); ++i)
    result.codes.setElement(i, static_cast<double>(constant.getCode(i, dtype)));
  return result;
}

static llvm::Expected<QuantizedConstant> quantizeNamed(const ModelEditor &model,
                                                       const TensorRecipe &entry) {
  llvm::Expected<Tensor> constant = model.readConstant(entry.name);
  if (!constant)
    return constant.takeError();
  return quantizeConstant(*constant, entry);
}

llvm::Expected<DequantizedConstant> addDequantizedConstant(ModelEditor &model,
                                                           const TensorRecipe &entry) {
  llvm::Expected<QuantizedConstant> quantized = quantizeNamed(model, entry);
  if (!quantized)
    return quantized.takeError();
  std::string value =
      addDequantize(model, entry.name, toTensors(*quantized, entry.dtype), entry.axis);
  return DequantizedConstant{std::move(value), std::move(quantized->scales)};
}

llvm::Error quantizeTable(ModelEditor &model, onnx::NodeProto &gather, const TensorRecipe &entry) {
  if (entry.blockSize || entry.axis.value_or(1) != 1)
    return llvm::createStringError("entry of tensor '" + entry.name +
                                   "': the scales of a table are one, or one for each column");
  llvm::Expected<QuantizedConstant> quantized = quantizeNamed(model, entry);
  if (!quantized)
    return quantized.takeError();
  Codes codes = toTensors(*quantized, entry.dtype);
  std::string result = gather.output(0), rows = model.makeName(result + "_quantized");
  model.setOperand(gather, 0, model.addConstant(entry.name + "_quantized", codes.codes));
  model.renameResult(gather, 0, rows);
  addDequantize(model, result, rows, codes, entry.axis ? std::optional<int64_t>(-1) : std::nullopt,
                result);
  return llvm::Error::success();
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
  return addDequantize(model, name,
                       {makeTensor<int64_t>(TENON_INT32, bias.dims, codes),
                        makeTensor<float>(TENON_FLOAT, dims, scales),
                        makeTensor<int64_t>(TENON_INT32, dims, zeros)},
                       hasAxis ? std::optional<int64_t>(0) : std::nullopt);
}

void addWidening(ModelEditor &model, llvm::StringRef value, llvm::StringRef result) {
  onnx::NodeProto &cast =
      model.addNode("Cast", (value + "_Cast").str(), {value.str()}, {result.str()});
  setInt(cast, "to", TENON_FLOAT);
}

} // namespace tenon::quantize
