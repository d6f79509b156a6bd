// Products in two parts (see the header).

#include "lib/Quantize/SplitProducts.h"
#include "lib/Editing/Attributes.h"
#include "lib/Quantize/Conversions.h"

namespace tenon::quantize {

bool canSplitOutliers(const onnx::NodeProto &node) {
  return (node.op_type() == "MatMul" || node.op_type() == "Gemm") &&
         getInt(node, "transA", 0) == 0 && getFloat(node, "alpha", 1) == 1;
}

llvm::Expected<std::string> addRest(ModelEditor &model, const TensorRecipe &entry,
                                    int64_t channels) {
  std::vector<float> mask(channels, 1);
  for (int64_t outlier : entry.outliers) {
    if (outlier >= channels)
      return makeError("entry of tensor '" + entry.name + "': there is no channel " +
                       llvm::Twine(outlier) + " of " + llvm::Twine(channels));
    mask[outlier] = 0;
  }
  std::string factors =
      model.addConstant(entry.name + "_mask", makeTensor<float>(TENON_FLOAT, channels, mask));
  std::string rest = model.makeName(entry.name + "_rest");
  model.addNode("Mul", rest + "_Mul", {entry.name, factors}, {rest});
  return rest;
}

/// The rows of a weight that channels of the other operand multiply, one below another.
static Tensor takeRows(const Tensor &weight, llvm::ArrayRef<int64_t> rows, bool isTransposed) {
  int64_t depth = weight.dims[isTransposed ? 1 : 0], columns = weight.dims[isTransposed ? 0 : 1];
  llvm::ArrayRef<float> values = floatsOf(weight);
  std::vector<float> taken;
  for (int64_t row : rows)
    for (int64_t column = 0; column < columns; ++column)
      taken.push_back(values[isTransposed ? column * depth + row : row * columns + column]);
  return makeTensor<float>(TENON_FLOAT, {static_cast<int64_t>(rows.size()), columns}, taken);
}

llvm::Error addOutlierProduct(ModelEditor &model, onnx::NodeProto &node,
                              const TensorRecipe &entry) {
  llvm::Expected<Tensor> weight = model.readConstant(node.input(1));
  if (!weight)
    return weight.takeError();
  if (!canSplitOutliers(node) || weight->dims.size() != 2 || node.input(0) != entry.name)
    return makeError("outliers of tensor '" + entry.name +
                     "' are for products of matrices that are constants");
  std::string input = node.input(0), result = node.output(0);
  std::string main = model.makeName(result + "_main"), part = model.makeName(input + "_outliers"),
              product = model.makeName(result + "_outliers");
  std::string channels = model.addConstant(
      part + "_channels", makeTensor<int64_t>(TENON_INT64, int64_t(entry.outliers.size()),
                                              llvm::ArrayRef(entry.outliers)));
  std::string rows = model.addConstant(
      node.input(1) + "_outliers",
      takeRows(*weight, entry.outliers, node.op_type() == "Gemm" && getInt(node, "transB", 0)));
  model.renameResult(node, 0, main);
  setInt(model.addNode("Gather", part + "_Gather", {input, channels}, {part}), "axis", -1);
  model.addNode("MatMul", product + "_MatMul", {part, rows}, {product});
  model.addNode("Add", result + "_Add", {main, product}, {result});
  return llvm::Error::success();
}

} // namespace tenon::quantize
