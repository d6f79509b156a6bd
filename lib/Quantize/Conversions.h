// The nodes and constants with which ONNX says that a tensor is quantized.
#ifndef TENON_LIB_QUANTIZE_CONVERSIONS_H
#define TENON_LIB_QUANTIZE_CONVERSIONS_H

#include "lib/Editing/ModelEditor.h"
#include "lib/Quantize/Recipe.h"

namespace tenon::quantize {

/// A tensor whose elements are these numbers.
template <typename Number>
Tensor makeTensor(int32_t dtype, llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<Number> numbers) {
  Tensor tensor = llvm::cantFail(Tensor::create(dtype, dims));
  for (size_t i = 0; i < numbers.size(); ++i)
    tensor.setElement(static_cast<int64_t>(i), static_cast<double>(numbers[i]));
  return tensor;
}

/// The elements of a tensor of f32.
llvm::MutableArrayRef<float> floatsOf(Tensor &tensor);
llvm::ArrayRef<float> floatsOf(const Tensor &tensor);

/// Adds QuantizeLinear and DequantizeLinear behind a tensor that is computed. The entry has one
/// scale. Returns the name of the result.
std::string addConversions(ModelEditor &model, const TensorRecipe &entry);
/// The same with a scale and a zero point that are values of the model.
std::string addConversions(ModelEditor &model, const std::string &name, const std::string &scale,
                           const std::string &zeroPoint);

struct DequantizedConstant {
  /// The result of DequantizeLinear.
  std::string value;
  std::vector<float> scales;
};

/// Adds DequantizeLinear of a constant's codes. An error if the entry does not fit the constant.
llvm::Expected<DequantizedConstant> addDequantizedConstant(ModelEditor &model,
                                                           const TensorRecipe &entry);

/// Lets a Gather read the codes of its table, and adds DequantizeLinear of the rows. An error if
/// the entry does not fit the table.
llvm::Error quantizeTable(ModelEditor &model, onnx::NodeProto &gather, const TensorRecipe &entry);

/// Adds DequantizeLinear of a bias whose scales are these, one or one for each element. Returns
/// the name of the result; an empty one if the bias does not fit into 32 bits.
std::string addDequantizedBias(ModelEditor &model, llvm::StringRef name, const Tensor &bias,
                               llvm::ArrayRef<float> scales);

/// A cast of a value to f32 under the name `result`.
void addWidening(ModelEditor &model, llvm::StringRef value, llvm::StringRef result);

} // namespace tenon::quantize

#endif
