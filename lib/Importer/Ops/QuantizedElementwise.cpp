// The ops of com.microsoft on quantized tensors that compute in floats between a dequantization and
// a quantization.

#include "lib/Importer/Ops/Quantize.h"

using namespace mlir;

namespace tenon {
namespace {

/// A quantized operand: the tensor, then scale and zero point.
Value read(NodeImporter &node, unsigned first) {
  return dequantize(node, node.operand(first), node.operand(first + 1), node.operand(first + 2));
}

/// `x` in the scale and zero point of operands `first` and `first + 1`.
Results write(NodeImporter &node, Value x, unsigned first) {
  Value zero = node.operand(first + 1);
  Type type = node.elementType(zero ? zero : node.operand(0));
  return {{x ? quantize(node, x, node.operand(first), zero, type) : Value()}};
}

template <typename OpT> Results importBinaryQuantized(NodeImporter &node) {
  return write(node, node.infer<OpT>({read(node, 0), read(node, 3)}), 6);
}

Results importSigmoid(NodeImporter &node) {
  return write(node, node.infer<SigmoidOp>(read(node, 0)), 3);
}

Results importLeakyRelu(NodeImporter &node) {
  TensorMath m(node);
  Value x = read(node, 0);
  double alpha = node.getFloat("alpha", 0.01);
  return write(node, m.select(m.less(x, 0.0), m.mul(x, alpha), x), 3);
}

// Opsets before 13 normalize over all dimensions from the axis on.
Results importSoftmax(NodeImporter &node) {
  Value x = read(node, 0);
  if (!x)
    return failure();
  int64_t rank = node.rank(x), opset = node.getInt("opset", 13);
  int64_t axis = node.getAxis("axis", opset < 13 ? 1 : -1, rank);
  if (node.hasFailed())
    return failure();
  DimExprs dims = node.dims(x);
  Value flat = x;
  if (opset < 13 && axis != rank - 1) {
    flat = node.reshape(x, {product(ArrayRef(dims).take_front(axis), node.context()),
                            product(ArrayRef(dims).drop_front(axis), node.context())});
    axis = 1;
  }
  Value result = node.infer<SoftmaxOp>(flat, node.attr("axis", axis));
  return write(node, result ? node.reshape(result, dims) : Value(), 3);
}

Results importGlobalAveragePool(NodeImporter &node) {
  Value x = read(node, 0);
  if (!x)
    return failure();
  bool channelsLast = node.getBool("channels_last", false);
  SmallVector<int64_t> axes;
  for (int64_t axis = 1; axis < node.rank(x); ++axis)
    if (axis != (channelsLast ? node.rank(x) - 1 : 1))
      axes.push_back(axis);
  return write(node, TensorMath(node).mean(x, axes), 3);
}

// Operands: output scale and zero point, then tensor, scale and zero point for each input.
Results importConcat(NodeImporter &node) {
  SmallVector<Value> parts;
  for (unsigned i = 2; i + 2 < node.numOperands(); i += 3)
    parts.push_back(read(node, i));
  if (parts.empty() || !parts.front())
    return failure();
  int64_t axis = node.getAxis("axis", std::nullopt, node.rank(parts.front()));
  Value zero = node.operand(1), joined = TensorMath(node).concat(parts, axis);
  return {
      {joined ? quantize(node, joined, node.operand(0), zero, node.elementType(zero)) : Value()}};
}

} // namespace

void registerQuantizedElementwiseOps(OpRegistry &registry) {
  auto add = [&](StringRef name, Arity inputs, ImportFunction import) {
    registry.add("com.microsoft", name, 1, inputs, import);
  };
  add("QLinearAdd", {7, 8}, importBinaryQuantized<AddOp>);
  add("QLinearMul", {7, 8}, importBinaryQuantized<MulOp>);
  add("QLinearSigmoid", {4, 5}, importSigmoid);
  add("QLinearLeakyRelu", {4, 5}, importLeakyRelu);
  add("QLinearSoftmax", 5, importSoftmax);
  add("QLinearGlobalAveragePool", 5, importGlobalAveragePool);
  add("QLinearConcat", {5, Arity::unbounded}, importConcat);
}

} // namespace tenon
