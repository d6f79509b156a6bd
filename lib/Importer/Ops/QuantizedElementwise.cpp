// The ops of com.microsoft on quantized tensors that compute in floats between a dequantization and
// a quantization.

#include "lib/Importer/Ops/Activations.h"
#include "lib/Importer/Ops/Quantize.h"
#include "lib/Importer/Ops/Windows.h"

using namespace mlir;

namespace tenon {
namespace {

/// An operand that must be there, though ones before it may be omitted. Null after an error.
Value get(NodeImporter &node, unsigned number) {
  Value operand = node.operand(number);
  if (!operand && !node.hasFailed())
    node.emitError() << "input " << number << " is missing";
  return operand;
}

Value getScale(NodeImporter &node, unsigned number) {
  Value scale = get(node, number);
  return scale ? toOneNumber(node, scale, "a scale") : scale;
}

/// A zero point; null where it is omitted, which means 0, and after an error.
Value getZero(NodeImporter &node, unsigned number) {
  Value zero = node.operand(number);
  return zero && checkQuantized(node, zero) ? toOneNumber(node, zero, "a zero point") : Value();
}

/// A quantized operand: the tensor, then scale and zero point.
Value read(NodeImporter &node, unsigned first) {
  Value q = get(node, first), scale = getScale(node, first + 1), zero = getZero(node, first + 2);
  bool isGood = !node.hasFailed() && checkQuantized(node, q);
  return isGood ? dequantize(node, q, scale, zero) : Value();
}

/// `x` in the scale and zero point of operands `first` and `first + 1`.
Results write(NodeImporter &node, Value x, unsigned first) {
  Value scale = getScale(node, first), zero = getZero(node, first + 1);
  Type type = node.elementType(zero ? zero : node.operand(0));
  return {{x && scale ? quantize(node, x, scale, zero, type) : Value()}};
}

/// The same with halves rounded to even once the zero point is added: ONNX Runtime computes some
/// ops in the result's scale and rounds what comes out.
Results writeRoundedLast(NodeImporter &node, Value x, unsigned first) {
  TensorMath m(node);
  Value zero = getZero(node, first + 1);
  Type type = node.elementType(zero ? zero : node.operand(0));
  Value y = m.div(x, getScale(node, first));
  if (zero && y)
    y = m.add(y, node.cast(zero, node.elementType(y)));
  return {{y ? quantize(node, y, m.scalar(y, 1), /*zero=*/nullptr, type) : Value()}};
}

template <typename OpT> Results importBinaryQuantized(NodeImporter &node) {
  return writeRoundedLast(node, node.infer<OpT>({read(node, 0), read(node, 3)}), 6);
}

Results importSigmoid(NodeImporter &node) {
  return write(node, node.infer<SigmoidOp>(read(node, 0)), 3);
}

Results importLeakyRelu(NodeImporter &node) {
  return write(node, buildLeakyRelu(node, read(node, 0), node.getFloat("alpha", 0.01)), 3);
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

Results importAveragePool(NodeImporter &node) {
  TensorMath m(node);
  bool channelsLast = node.getBool("channels_last", false);
  if (channelsLast)
    node.setOperand(0, m.toChannelsFirst(node.operand(0)));
  Value x = read(node, 0), mean = x ? buildAveragePool(node, x) : x;
  return writeRoundedLast(node, channelsLast ? m.toChannelsLast(mean) : mean, 3);
}

Results importReduceMean(NodeImporter &node) {
  TensorMath m(node);
  Value x = read(node, 0);
  if (!x)
    return failure();
  std::optional<NodeImporter::Ints> axes = getAxes(node, ~0u, node.rank(x));
  if (node.hasFailed())
    return failure();
  if (!axes || axes->empty())
    axes = countUp(node.rank(x));
  Value mean = m.mean(x, *axes);
  return write(node, node.getBool("keepdims", true) ? mean : m.squeeze(mean, *axes), 3);
}

Results importWhere(NodeImporter &node) {
  return write(node, TensorMath(node).select(node.operand(0), read(node, 1), read(node, 4)), 7);
}

// Operands: output scale and zero point, then tensor, scale and zero point for each input.
Results importConcat(NodeImporter &node) {
  SmallVector<Value> parts;
  for (unsigned i = 2; i < node.numOperands(); i += 3)
    parts.push_back(read(node, i));
  if (parts.empty() || !parts.front())
    return failure();
  int64_t axis = node.getAxis("axis", std::nullopt, node.rank(parts.front()));
  return write(node, TensorMath(node).concat(parts, axis), 0);
}

// Operands: two tensors, each with its zero point. The product is not quantized.
Results importMulInteger(NodeImporter &node) {
  Value a = node.operand(0), b = node.operand(2);
  if (!checkQuantized(node, a) || !checkQuantized(node, b))
    return failure();
  return {{TensorMath(node).mul(subtractZero(node, a, node.operand(1)),
                                subtractZero(node, b, node.operand(3)))}};
}

// The sum of bytes in 32 bits of the same sign.
Results importReduceSumInteger(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  if (!checkQuantized(node, x))
    return failure();
  bool isUnsigned = node.elementType(x).isUnsignedInteger();
  NodeImporter::Ints axes = node.getInts("axes");
  for (int64_t &axis : axes)
    axis = node.normalizeAxis(axis, node.rank(x));
  if (node.hasFailed())
    return failure();
  Value sum = m.sum(node.cast(x, node.builder().getI32Type()), axes);
  if (!node.getBool("keepdims", true))
    sum = m.squeeze(sum, axes);
  return {{isUnsigned ? node.cast(sum, node.builder().getIntegerType(32, false)) : sum}};
}

} // namespace

// Zero points may be omitted, and scales follow them: those are looked for when they are used.
void registerQuantizedElementwiseOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("QLinearAdd", {2, 8}, importBinaryQuantized<AddOp>);
  add("QLinearMul", {2, 8}, importBinaryQuantized<MulOp>);
  add("QLinearSigmoid", {2, 5}, importSigmoid);
  add("QLinearLeakyRelu", {2, 5}, importLeakyRelu);
  add("QLinearSoftmax", {2, 5}, importSoftmax);
  add("QLinearGlobalAveragePool", 5, importGlobalAveragePool);
  add("QLinearAveragePool", {2, 5}, importAveragePool);
  add("QLinearReduceMean", {2, 5}, importReduceMean);
  add("QLinearWhere", 9, importWhere);
  add("MulInteger", {3, 4}, importMulInteger);
  add("ReduceSumInteger", 1, importReduceSumInteger);
  add("QLinearConcat", {5, Arity::unbounded}, importConcat);
}

} // namespace tenon
