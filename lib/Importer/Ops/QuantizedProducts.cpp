// Products of quantized matrices that give floats, and QGemm, which may. Each is an integer product
// of com.microsoft between conversions:
//
//     DynamicQuantizeMatMul: quantize(A) · (B - zb) * (sa sb) + bias
//     MatMulIntegerToFloat:  (A - za) · (B - zb) * (sa sb) + bias
//     QGemm:                 quantize(((A - za) · (B - zb) + C) * (alpha sa sb))

#include "lib/Importer/Ops/Contractions.h"
#include "lib/Importer/Ops/Quantize.h"

using namespace mlir;

namespace tenon {

/// `sums` as numbers of the scale of B, which like that of A broadcasts with them, plus a bias that
/// may be null.
static Results finish(NodeImporter &node, Value sums, Value scaleA, Value scaleB, Value bias) {
  TensorMath m(node);
  Type type = node.elementType(scaleB), f32 = node.builder().getF32Type();
  scaleA = alignWithMatrix(node, scaleA, 1);
  scaleB = alignWithMatrix(node, scaleB, 1);
  if (!scaleA || !scaleB)
    return failure();
  if (!m.isFloat(scaleA) || !m.isFloat(scaleB))
    return node.emitError() << "scales are floats, not " << scaleA.getType() << " and "
                            << scaleB.getType();
  Value scale = m.mul(node.cast(scaleA, f32), node.cast(scaleB, f32));
  Value y = scaleSums(node, sums, scale);
  if (bias)
    y = m.add(y, node.cast(bias, f32));
  return {{node.cast(y, type)}};
}

// Operands: A, B, the scale of B, its zero point, bias.
static Results importDynamicQuantizeMatMul(NodeImporter &node) {
  DynamicallyQuantized a = quantizeDynamically(node, node.operand(0));
  Value sums = multiplyQuantized(node, a.values, a.zero, node.operand(1), node.operand(3));
  return finish(node, sums, a.scale, node.operand(2), node.operand(4));
}

// Operands: A, B, their scales, their zero points, bias.
static Results importMatMulIntegerToFloat(NodeImporter &node) {
  Value zeroA = node.operand(4);
  if (zeroA)
    zeroA = toOneNumber(node, zeroA, "the zero point of A");
  Value sums = multiplyQuantized(node, node.operand(0), zeroA, node.operand(1), node.operand(5));
  return finish(node, sums, node.operand(2), node.operand(3), node.operand(6));
}

// Operands: A, its scale and zero point, B, its scale and zero point, C, the scale and the zero
// point of the result, which is one of floats where the last is absent.
static Results importQGemm(NodeImporter &node) {
  TensorMath m(node);
  Value a = node.operand(0), b = node.operand(3), addend = node.operand(6);
  Value outputScale = node.operand(7), outputZero = node.operand(8);
  if (!prepareGemm(node, a, b, addend))
    return failure();
  Value zeroA = toOneNumber(node, node.operand(2), "the zero point of A");
  Value scaleA = toOneNumber(node, node.operand(1), "the scale of A");
  Value sums = multiplyQuantized(node, a, zeroA, b, node.operand(5));
  if (addend)
    sums = m.add(sums, addend);
  Value scale =
      m.mul(m.mul(scaleA, node.getFloat("alpha", 1)), alignWithMatrix(node, node.operand(4), 1));
  if (outputScale)
    outputScale = toOneNumber(node, outputScale, "the scale of the result");
  if (node.hasFailed())
    return failure();
  if (!outputZero)
    return {{scaleSums(node, sums, outputScale ? m.div(scale, outputScale) : scale)}};
  if (!outputScale)
    return node.emitError() << "has a zero point of the result, but no scale";
  outputZero = toOneNumber(node, outputZero, "the zero point of the result");
  return {{requantize(node, sums, scale, outputScale, outputZero)}};
}

/// The product of matrices of 16 bits, in 32.
static Results importMatMulInteger16(NodeImporter &node) {
  return {{multiplyQuantized(node, node.operand(0), nullptr, node.operand(1), nullptr)}};
}

void registerQuantizedProductOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("DynamicQuantizeMatMul", {3, 5}, importDynamicQuantizeMatMul);
  add("MatMulIntegerToFloat", {4, 7}, importMatMulIntegerToFloat);
  add("QGemm", {6, 9}, importQGemm);
  add("MatMulInteger16", 2, importMatMulInteger16);
}

} // namespace tenon
