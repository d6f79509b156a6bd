// Quantization: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, and the ops on quantized
// tensors, written as integer contractions between conversions:
//
//     q = saturate(round(x / scale) + zero)        x = (q - zero) * scale
//     QLinearMatMul: round((a - za)·(b - zb) * (sa sb / sy)) + zy, the product in i32

#include "dialects/Tenon/NarrowFloat.h"
#include "lib/Importer/ElementTypes.h"
#include "lib/Importer/Ops/Contractions.h"
#include "lib/Importer/Ops/Quantize.h"

using namespace mlir;

namespace tenon {

Value spreadParameter(NodeImporter &node, Value parameter, Value tensor, int64_t axis,
                      int64_t blockSize) {
  TensorMath m(node);
  if (!parameter || !tensor)
    return nullptr;
  int64_t rank = node.rank(tensor), parameterRank = node.rank(parameter);
  RankedTensorType type = node.type(parameter);
  bool isOne = parameterRank == 1 && rank <= 1 && blockSize == 0 && axis >= rank;
  if (parameterRank == 0 || node.hasElements(parameter, 1) || isOne)
    return m.toScalar(parameter);
  if (axis < 0 || axis >= rank) {
    node.emitError() << "axis " << axis << " is not a dimension of " << tensor.getType();
    return nullptr;
  }
  if (parameterRank == 1 && blockSize == 0) {
    DimExprs dims(rank, node.expr(1));
    dims[axis] = node.dim(parameter, 0);
    return node.reshape(parameter, dims);
  }
  auto isEmpty = [](AffineExpr size) {
    auto constant = dyn_cast<AffineConstantExpr>(size);
    return constant && constant.getValue() < 1;
  };
  AffineExpr size = node.dim(tensor, axis);
  AffineExpr blocks = parameterRank == rank ? node.dim(parameter, axis) : node.expr(0);
  if (isEmpty(blocks) || isEmpty(size) || blockSize < 0) {
    node.emitError() << "blocks " << type << " do not fit " << tensor.getType();
    return nullptr;
  }
  requireNonNegative(node, blocks - 1, "blocks beyond the first");
  AffineExpr perBlock = blockSize == 0 ? size.ceilDiv(blocks) : node.expr(blockSize);
  Value position = m.iota(size, 0, node.builder().getI64Type());
  Value number = m.min(m.div(position, m.shapeScalar(perBlock)), m.shapeScalar(blocks - 1));
  return m.gather(parameter, number, axis);
}

/// The operands of a conversion, without a zero point that is null.
static SmallVector<Value> withZero(Value value, Value scale, Value zero) {
  SmallVector<Value> operands = {value, scale};
  if (zero)
    operands.push_back(zero);
  return operands;
}

bool checkQuantized(NodeImporter &node, Value q) {
  auto type = dyn_cast<IntegerType>(node.elementType(q));
  if (type && type.getWidth() > 1)
    return true;
  node.emitError() << "quantized numbers are integers, not " << q.getType();
  return false;
}

Value quantize(NodeImporter &node, Value x, Value scale, Value zero, Type type) {
  if (x && scale && isa<IntegerType>(type) && node.elementType(x).isF32())
    return node.infer<QuantizeOp>(withZero(x, scale, zero), node.attr("to", TypeAttr::get(type)));
  return quantizeQuotient(node, TensorMath(node).div(x, scale), zero, type);
}

Value quantizeQuotient(NodeImporter &node, Value quotient, Value zero, Type type, bool saturate) {
  TensorMath m(node);
  auto shift = [&](Value value) {
    return zero ? m.add(value, node.cast(zero, node.elementType(value))) : value;
  };
  if (isa<IntegerType>(type)) {
    ElementRange all = getElementRange(type);
    return node.cast(m.clamp(shift(node.infer<RoundOp>(quotient)), all.low, all.high), type);
  }
  return node.infer<CastOp>(shift(quotient),
                            {node.attr("to", TypeAttr::get(type)),
                             node.attr("saturate", node.builder().getBoolAttr(saturate))});
}

Value subtractZero(NodeImporter &node, Value q, Value zero) {
  for (Value value : {q, zero})
    if (value && !checkQuantized(node, value))
      return nullptr;
  Type i32 = node.builder().getI32Type();
  Value wide = node.cast(q, i32);
  return zero ? TensorMath(node).sub(wide, node.cast(zero, i32)) : wide;
}

Value dequantize(NodeImporter &node, Value q, Value scale, Value zero) {
  TensorMath m(node);
  Type type = node.elementType(scale);
  bool isFloat = isa<FloatType>(node.elementType(q));
  if (isFloat && !(type.isF32() && isFloat8(node.elementType(q)))) {
    Value x = node.cast(q, type);
    return m.mul(zero ? m.sub(x, node.cast(zero, type)) : x, scale);
  }
  if (!type.isF32())
    return m.mul(node.cast(subtractZero(node, q, zero), type), scale);
  return node.infer<DequantizeOp>(withZero(q, scale, zero));
}

static int64_t getQuantizationAxis(NodeImporter &node, Value x) {
  int64_t rank = node.rank(x), axis = node.getInt("axis", 1);
  return axis < 0 ? axis + rank : axis;
}

/// An element type that an attribute may leave open, which 0 does as well; null then.
static Type getOptionalType(NodeImporter &node, StringRef name) {
  return node.getInt(name, 0) == 0 ? Type() : node.getElementType(name);
}

/// The element type of QuantizeLinear's result; null after an error.
static Type getQuantizedType(NodeImporter &node) {
  Value zero = node.operand(2);
  Type given = getOptionalType(node, "output_dtype");
  Type type = zero    ? node.elementType(zero)
              : given ? given
                      : node.builder().getIntegerType(8, /*isSigned=*/false);
  if (given && given != type)
    node.emitAttributeError("output_dtype")
        << "is " << describeElementType(given) << ", but the zero point has type "
        << describeElementType(type);
  auto floating = dyn_cast<FloatType>(type);
  auto integer = dyn_cast<IntegerType>(type);
  bool isNarrow = floating ? floating.getWidth() <= 8 : integer && integer.getWidth() <= 16;
  if (!isNarrow || type.isInteger(1))
    node.emitError() << "cannot quantize to " << describeElementType(type);
  return node.hasFailed() ? Type() : type;
}

/// The type in which QuantizeLinear divides: that of the scale from version 23 on, unless
/// `precision` names another. Before, ONNX left it open, and f32 rounds halves only once.
static Type getQuotientType(NodeImporter &node, Value x, Value scale) {
  Type f32 = node.builder().getF32Type();
  if (node.domain().empty() && node.opset() >= 23) {
    Type type = getOptionalType(node, "precision");
    type = type ? type : node.elementType(scale);
    return isa<FloatType>(type) ? type : f32;
  }
  return node.elementType(x).isF64() ? node.elementType(x) : f32;
}

/// x / scale in `type`. Halves divide in f32, which rounds as their own division would, and keep
/// the type of what computes with them.
static Value divideIn(NodeImporter &node, Value x, Value scale, Type type) {
  TensorMath m(node);
  Type wide = type.isF64() ? type : node.builder().getF32Type();
  auto round = [&](Value value) { return node.cast(node.cast(value, type), wide); };
  return round(m.div(round(x), round(scale)));
}

static Results importQuantizeLinear(NodeImporter &node) {
  Value x = node.operand(0), zero = node.operand(2);
  int64_t axis = getQuantizationAxis(node, x), blockSize = node.getInt("block_size", 0);
  Type type = getQuantizedType(node);
  Value scale = spreadParameter(node, node.operand(1), x, axis, blockSize);
  if (!type || !scale)
    return failure();
  Type precision = getQuotientType(node, x, scale);
  zero = spreadParameter(node, zero, x, axis, blockSize);
  if (precision.isF32() && isa<IntegerType>(type))
    return {{quantize(node, node.cast(x, precision), node.cast(scale, precision), zero, type)}};
  Value quotient = divideIn(node, x, scale, precision);
  return {{quantizeQuotient(node, quotient, zero, type, node.getBool("saturate", true))}};
}

/// Whether parameters are those of each block of `blockSize` positions, as their shapes tell, and q
/// has integers of a byte or less.
static bool isInBlocks(NodeImporter &node, Value q, Value scale, Value zero, int64_t axis,
                       int64_t blockSize) {
  auto type = q ? dyn_cast<IntegerType>(node.elementType(q)) : nullptr;
  if (!type || type.getWidth() < 2 || type.getWidth() > 8 || !scale || blockSize < 1 || axis < 0 ||
      axis >= node.rank(q) || (zero && node.elementType(zero) != type))
    return false;
  DimExprs dims = node.dims(q);
  dims[axis] = dims[axis].ceilDiv(blockSize);
  return node.dims(scale) == dims && (!zero || node.dims(zero) == dims);
}

static Results importDequantizeLinear(NodeImporter &node) {
  Value q = node.operand(0);
  int64_t axis = getQuantizationAxis(node, q), blockSize = node.getInt("block_size", 0);
  if (isInBlocks(node, q, node.operand(1), node.operand(2), axis, blockSize)) {
    Type type = getOptionalType(node, "output_dtype");
    Value wideScale = node.cast(node.operand(1), node.builder().getF32Type());
    Value x = node.infer<DequantizeBlocksOp>(
        withZero(q, wideScale, node.operand(2)),
        {node.attr("axis", axis), node.attr("block_size", blockSize)});
    return {{node.cast(x, type ? type : node.elementType(node.operand(1)))}};
  }
  Value scale = spreadParameter(node, node.operand(1), q, axis, blockSize);
  Type result = getOptionalType(node, "output_dtype");
  if (!scale || node.hasFailed())
    return failure();
  Value wideScale = node.cast(scale, node.builder().getF32Type());
  Value x =
      dequantize(node, q, wideScale, spreadParameter(node, node.operand(2), q, axis, blockSize));
  return {{node.cast(x, result ? result : node.elementType(scale))}};
}

Value toOneNumber(NodeImporter &node, Value parameter, StringRef what) {
  if (parameter && node.type(parameter).hasStaticShape() && !node.hasElements(parameter, 1)) {
    node.emitError() << what << " must be one number, not " << parameter.getType();
    return nullptr;
  }
  return TensorMath(node).toScalar(parameter);
}

DynamicallyQuantized quantizeDynamically(NodeImporter &node, Value x) {
  TensorMath m(node);
  SmallVector<int64_t> axes = countUp(node.rank(x));
  Value low = m.min(m.toScalar(m.reduce(ReduceKind::Min, x, axes)), 0);
  Value high = m.max(m.toScalar(m.reduce(ReduceKind::Max, x, axes)), 0);
  Value span = m.sub(high, low);
  Value scale = m.select(m.equal(span, 0.0), m.scalar(span, 1), m.div(span, 255));
  Value zero = node.infer<RoundOp>(m.clamp(m.neg(m.div(low, scale)), 0, 255));
  Type u8 = node.builder().getIntegerType(8, /*isSigned=*/false);
  zero = node.cast(zero, u8);
  return {quantize(node, x, scale, zero, u8), scale, zero};
}

static Results importDynamicQuantizeLinear(NodeImporter &node) {
  auto [values, scale, zero] = quantizeDynamically(node, node.operand(0));
  return {{values, scale, zero}};
}

Value alignWithMatrix(NodeImporter &node, Value parameter, int64_t axisFromEnd) {
  if (!parameter || node.rank(parameter) != 1)
    return parameter;
  if (node.hasElements(parameter, 1))
    return node.reshape(parameter, {});
  return axisFromEnd == 2 ? TensorMath(node).unsqueeze(parameter, {1}) : parameter;
}

Value multiplyQuantized(NodeImporter &node, Value a, Value zeroA, Value b, Value zeroB) {
  return buildMatMul(node, subtractZero(node, a, alignWithMatrix(node, zeroA, 2)),
                     subtractZero(node, b, alignWithMatrix(node, zeroB, 1)));
}

Value scaleSums(NodeImporter &node, Value sums, Value scale) {
  Type f32 = node.builder().getF32Type();
  if (!sums || !scale)
    return nullptr;
  return TensorMath(node).mul(node.cast(sums, f32), node.cast(scale, f32));
}

Value requantize(NodeImporter &node, Value sums, Value scale, Value outputScale, Value outputZero) {
  TensorMath m(node);
  Type f32 = node.builder().getF32Type();
  if (!sums || !scale || !outputScale || !outputZero)
    return nullptr;
  Value factor = m.div(node.cast(scale, f32), node.cast(outputScale, f32));
  Value scaled = scaleSums(node, sums, factor);
  return quantize(node, scaled, m.scalar(scaled, 1), outputZero, node.elementType(outputZero));
}

static Results importQLinearMatMul(NodeImporter &node) {
  TensorMath m(node);
  Value sum =
      multiplyQuantized(node, node.operand(0), node.operand(2), node.operand(3), node.operand(5));
  Value scale =
      m.mul(alignWithMatrix(node, node.operand(1), 2), alignWithMatrix(node, node.operand(4), 1));
  return {{requantize(node, sum, scale, alignWithMatrix(node, node.operand(6), 2),
                      alignWithMatrix(node, node.operand(7), 2))}};
}

static Results importMatMulInteger(NodeImporter &node) {
  return {{multiplyQuantized(node, node.operand(0), node.operand(2), node.operand(1),
                             node.operand(3))}};
}

/// A value per output channel, [O] or one, to broadcast with [N, O, spatial...].
static Value alongOutputChannels(NodeImporter &node, Value value, int64_t rank) {
  if (!value || node.rank(value) == 0)
    return value;
  if (node.hasElements(value, 1))
    return node.reshape(value, {});
  return TensorMath(node).alongChannels(value, rank);
}

static Value convolve(NodeImporter &node, Value x, Value zeroX, Value weights, Value zeroW) {
  if (zeroX)
    zeroX = node.reshape(zeroX, {});
  if (zeroW && node.rank(zeroW) == 1 && node.dim(zeroW, 0) != node.expr(1)) {
    DimExprs dims(node.rank(weights), node.expr(1));
    dims[0] = node.dim(zeroW, 0);
    zeroW = node.reshape(zeroW, dims);
  } else if (zeroW) {
    zeroW = node.reshape(zeroW, {});
  }
  return buildConvolution(node, x, subtractZero(node, weights, zeroW), /*bias=*/nullptr, zeroX);
}

static Results importConvInteger(NodeImporter &node) {
  return {{convolve(node, node.operand(0), node.operand(2), node.operand(1), node.operand(3))}};
}

/// That of com.microsoft may have its channels last, though not in the weights.
static Results importQLinearConv(NodeImporter &node) {
  TensorMath m(node);
  bool channelsLast = !node.domain().empty() && node.getBool("channels_last", false);
  Value x = channelsLast ? m.toChannelsFirst(node.operand(0)) : node.operand(0);
  int64_t rank = node.rank(x);
  Value sum = convolve(node, x, node.operand(2), node.operand(3), node.operand(5));
  if (Value bias = node.operand(8))
    sum = m.add(sum, alongOutputChannels(node, bias, rank));
  Value weightScale = alongOutputChannels(node, node.operand(4), rank);
  Value scale = m.mul(toOneNumber(node, node.operand(1), "the scale of the input"), weightScale);
  Value y =
      requantize(node, sum, scale, toOneNumber(node, node.operand(6), "the scale of the result"),
                 toOneNumber(node, node.operand(7), "the zero point of the result"));
  return {{channelsLast ? m.toChannelsLast(y) : y}};
}

void registerQuantizationOps(OpRegistry &registry) {
  registry.add("QuantizeLinear", 10, {2, 3}, importQuantizeLinear);
  registry.add("DequantizeLinear", 10, {2, 3}, importDequantizeLinear);
  registry.add("com.microsoft", "QuantizeLinear", 1, {2, 3}, importQuantizeLinear);
  registry.add("com.microsoft", "DequantizeLinear", 1, {2, 3}, importDequantizeLinear);
  registry.add("DynamicQuantizeLinear", 11, 1, importDynamicQuantizeLinear);
  registry.add("QLinearMatMul", 10, 8, importQLinearMatMul);
  registry.add("MatMulInteger", 10, {2, 4}, importMatMulInteger);
  registry.add("ConvInteger", 10, {2, 4}, importConvInteger);
  registry.add("QLinearConv", 10, {8, 9}, importQLinearConv);
  registry.add("com.microsoft", "QLinearConv", 1, {8, 9}, importQLinearConv);
}

} // namespace tenon
