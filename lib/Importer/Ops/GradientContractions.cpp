// Derivatives of matrix products and convolutions, which are such products again.

#include "lib/Importer/Ops/GradientRules.h"

using namespace mlir;

namespace tenon {

using Values = NodeImporter::Values;

/// With the last two dimensions swapped.
static Value swapMatrix(NodeImporter &node, Value value) {
  NodeImporter::Ints order = countUp(node.rank(value));
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return TensorMath(node).transpose(value, order);
}

static Value multiply(NodeImporter &node, Value a, Value b) { return node.infer<MatMulOp>({a, b}); }

// y = a b: dy/da = g b^T, dy/db = a^T g.
static Values differentiateMatMul(NodeImporter &node, MatMulOp op, Value gradient) {
  Value a = op.getLhs(), b = op.getRhs();
  gradient = node.cast(gradient, node.elementType(a));
  Value plain = op.getTransposeRhs() ? b : swapMatrix(node, b);
  Value toA = multiply(node, gradient, node.cast(plain, node.elementType(a)));
  Value toB = op.getTransposeRhs() ? multiply(node, swapMatrix(node, gradient), a)
                                   : multiply(node, swapMatrix(node, a), gradient);
  return {toA, node.cast(toB, node.elementType(b))};
}

namespace {
/// A convolution as a sum of products, one for each position of its kernel: what the position sees
/// of the input, [groups, windows, channels], times its weights, [groups, channels, outputs].
class ConvTaps {
public:
  ConvTaps(NodeImporter &node, ConvOp op, Value gradient)
      : m(node), node(node), op(op), dims(node.dims(op.getInput())),
        windowDims(node.dims(op.getResult())), gradient(toGroups(gradient)) {}

  Values differentiate();

private:
  /// [..., groups * n] to [groups, product of ..., n].
  Value toGroups(Value value);
  /// Where position `tap` of the kernel starts in each spatial dimension.
  SmallVector<int64_t> getOffset(int64_t tap);
  Value see(ArrayRef<int64_t> offset);
  /// What windows give to each position of the input.
  Value place(Value windows, ArrayRef<int64_t> offset);

  TensorMath m;
  NodeImporter &node;
  ConvOp op;
  DimExprs dims, windowDims;
  Value gradient;
};
} // namespace

Value ConvTaps::toGroups(Value value) {
  int64_t groups = op.getGroups();
  DimExprs sizes = node.dims(value);
  AffineExpr channels = sizes.pop_back_val().floorDiv(groups);
  value = node.reshape(value, {product(sizes, node.context()), node.expr(groups), channels});
  return m.transpose(value, {1, 0, 2});
}

SmallVector<int64_t> ConvTaps::getOffset(int64_t tap) {
  SmallVector<int64_t> kernel = op.getKernelSizes(), offset(kernel.size());
  for (int64_t d = kernel.size() - 1; d >= 0; --d) {
    offset[d] = tap % kernel[d] * op.getDilations()[d];
    tap /= kernel[d];
  }
  return offset;
}

Value ConvTaps::see(ArrayRef<int64_t> offset) {
  Value seen = op.getInput();
  for (auto [d, start] : llvm::enumerate(offset))
    seen = m.slice(seen, d + 1, node.expr(start), windowDims[d + 1], op.getStrides()[d]);
  return toGroups(seen);
}

Value ConvTaps::place(Value windows, ArrayRef<int64_t> offset) {
  DimExprs sizes = windowDims, low(dims.size(), node.expr(0));
  sizes.back() = dims.back();
  Value placed = node.reshape(m.transpose(windows, {1, 0, 2}), sizes);
  for (auto [d, start] : llvm::enumerate(offset)) {
    placed = m.spreadOut(placed, d + 1, op.getStrides()[d]);
    low[d + 1] = node.expr(start);
  }
  return m.pad(placed, low, dims);
}

Values ConvTaps::differentiate() {
  DimExprs weightDims = node.dims(op.getWeights());
  AffineExpr channels = weightDims[weightDims.size() - 2], outputs = weightDims.back();
  SmallVector<int64_t> kernel = op.getKernelSizes();
  int64_t taps = 1;
  for (int64_t size : kernel)
    taps *= size;
  Value weights = node.reshape(op.getWeights(), {node.expr(taps), channels, outputs});
  Value toInput;
  Values toWeights;
  for (int64_t tap = 0; tap < taps; ++tap) {
    SmallVector<int64_t> offset = getOffset(tap);
    Value own = toGroups(node.reshape(m.slice(weights, 0, tap, 1), {channels, outputs}));
    Value placed = place(multiply(node, gradient, swapMatrix(node, own)), offset);
    toInput = toInput ? m.add(toInput, placed) : placed;
    Value product = multiply(node, swapMatrix(node, see(offset)), gradient);
    toWeights.push_back(
        node.reshape(m.transpose(product, {1, 0, 2}), {node.expr(1), channels, outputs}));
  }
  return {toInput, node.reshape(m.concat(toWeights, 0), weightDims)};
}

static Values differentiateConv(NodeImporter &node, ConvOp op, Value gradient) {
  return ConvTaps(node, op, gradient).differentiate();
}

void addContractionGradients(GradientRules &rules) {
  rules.add<MatMulOp>(differentiateMatMul);
  rules.add<ConvOp>(differentiateConv);
}

} // namespace tenon
