// Operators that ONNX had as experimental ones in its first operator sets, and models of those days
// still have: Affine, ImageScaler, Crop. Activations of that kind are with the others.

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

// alpha x + beta
static Results importAffine(NodeImporter &node) {
  TensorMath m(node);
  Value x = m.mul(node.operand(0), node.getFloat("alpha", 1));
  return {{m.add(x, node.getFloat("beta", 0))}};
}

// scale x + bias, which is one number for each channel.
static Results importImageScaler(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  SmallVector<float> bias = node.getFloats("bias", SmallVector<float>());
  if (!node.checkRank(x, 3))
    return failure();
  Value scaled = m.mul(x, node.getFloat("scale", 1));
  if (bias.empty())
    return {{scaled}};
  Value channels = m.constants(node.elementType(x), SmallVector<double>(bias.begin(), bias.end()));
  return {{m.add(scaled, m.alongChannels(channels, node.rank(x)))}};
}

// Cuts off borders [left, top, right, bottom], or what lies behind `scale` [height, width].
static Results importCrop(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  NodeImporter::Ints border = node.getInts("border");
  NodeImporter::Ints scale = node.getInts("scale", NodeImporter::Ints());
  auto isSize = [](int64_t size) { return size >= 0 && llvm::isInt<32>(size); };
  if (node.hasFailed())
    return failure();
  if (node.rank(x) != 4 || border.size() != 4 || (!scale.empty() && scale.size() != 2) ||
      !llvm::all_of(border, isSize) || !llvm::all_of(scale, isSize))
    return node.emitError() << "border and scale do not fit " << x.getType();
  for (int64_t d : {0, 1}) {
    int64_t before = border[1 - d], behind = border[3 - d];
    AffineExpr all = node.dim(x, d + 2);
    AffineExpr size = scale.empty() ? all - before - behind : node.expr(scale[d]);
    requireNonNegative(node, size, "what a border leaves");
    requireNonNegative(node, all - before - size, "what lies behind a crop");
    x = m.slice(x, d + 2, node.expr(before), size);
  }
  return {{x}};
}

void registerOldOps(OpRegistry &registry) {
  registry.add("Affine", 1, 1, importAffine);
  registry.add("ImageScaler", 1, 1, importImageScaler);
  registry.add("Crop", 1, 1, importCrop);
}

} // namespace tenon
