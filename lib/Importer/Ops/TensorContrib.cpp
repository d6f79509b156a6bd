// Ops of com.microsoft that move, compare or sample tensors and are no fusion: ExpandDims,
// UnfoldTensor, CDist, NGramRepeatBlock, CropAndResize, TorchEmbedding, SampleOp.

#include "lib/Importer/Ops/RunTimeAxes.h"
#include "lib/Importer/Ops/TokenScores.h"

using namespace mlir;

namespace tenon {

static Results importExpandDims(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), axis = node.operand(1);
  if (std::optional<NodeImporter::Ints> known = node.constantInts(axis)) {
    if (known->size() != 1)
      return node.emitError() << "needs one axis, got " << known->size();
    return {{m.unsqueeze(x, node.normalizeAxis(known->front(), node.rank(x) + 1))}};
  }
  return {{unsqueezeAtRunTime(node, x, node.reshape(m.toScalar(axis), node.expr(1)))}};
}

// Windows along a dimension, whose positions become the last dimension.
static Results importUnfoldTensor(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  int64_t rank = node.rank(x), axis = node.getAxis("dim", -1, rank);
  int64_t size = node.getInt("size"), step = node.getInt("step", 1);
  constexpr int64_t most = int64_t(1) << 31;
  if (node.hasFailed())
    return failure();
  if (rank == 0 || size < 1 || size >= most || step < 1 || step >= most)
    return node.emitError() << "windows of " << size << " in steps of " << step << " do not fit "
                            << x.getType();
  AffineExpr room = node.dim(x, axis) - size;
  requireNonNegative(node, room, "positions that the window leaves");
  AffineExpr count = room.floorDiv(step) + 1;
  Value start = m.mul(m.iotaAlong(2, 0, count), static_cast<double>(step));
  Value windows = m.gather(x, m.add(start, m.iotaAlong(2, 1, node.expr(size))), axis);
  NodeImporter::Ints permutation = countUp(rank + 1);
  std::rotate(permutation.begin() + axis + 1, permutation.begin() + axis + 2, permutation.end());
  return {{m.transpose(windows, permutation)}};
}

// The distance of each row of A from each row of B.
static Results importCDist(NodeImporter &node) {
  TensorMath m(node);
  Value a = node.operand(0), b = node.operand(1);
  StringRef metric = node.getString("metric", "sqeuclidean");
  if (metric != "sqeuclidean" && metric != "euclidean")
    return node.emitAttributeError("metric") << "'" << metric << "' is not supported";
  if (node.rank(a) != 2 || node.rank(b) != 2)
    return node.emitError() << "needs matrices, not " << a.getType() << " and " << b.getType();
  Value difference = m.sub(m.unsqueeze(a, {1}), m.unsqueeze(b, {0}));
  Value square = m.squeeze(m.sum(m.mul(difference, difference), 2), {2});
  return {{metric == "euclidean" ? m.sqrt(square) : square}};
}

// A token that would repeat an n-gram behind the last n - 1 ones gets the score minus infinity.
// Operands: tokens [B, S], scores [B, V].
static Results importNGramRepeatBlock(NodeImporter &node) {
  TensorMath m(node);
  Value tokens = node.cast(node.operand(0), node.builder().getI64Type()), scores = node.operand(1);
  int64_t size = node.getInt("ngram_size");
  if (node.hasFailed())
    return failure();
  if (size < 1 || size > mostTokensOfNGram || node.rank(tokens) != 2 || node.rank(scores) != 2)
    return node.emitError() << "n-grams of " << size << " do not fit " << tokens.getType()
                            << " and " << scores.getType();
  DimExprs dims = node.dims(scores);
  dims[0] = node.dim(tokens, 0);
  scores = m.sized(scores, dims, "scores");
  Value repeats = markRepeats(node, tokens, size, dims);
  return {{m.select(repeats, m.scalar(scores, -HUGE_VAL), scores)}};
}

namespace {

/// CropAndResize: each crop's rows and columns lie evenly between two corners of its box.
class Cropper {
public:
  explicit Cropper(NodeImporter &node) : n(node), m(node) {}

  Results import();

private:
  Value place(int64_t d, AffineExpr count);
  Value read(Value rows, Value columns);

  NodeImporter &n;
  TensorMath m;
  Value image, boxes, batch; // [N, H, W, C], [R, 4] and [R]
};

} // namespace

/// Where `count` positions of each crop lie in spatial dimension `d`: [R, count].
Value Cropper::place(int64_t d, AffineExpr count) {
  Type type = n.elementType(boxes);
  Value last = n.cast(m.shapeScalar(n.dim(image, d + 1) - 1), type);
  Value first = m.slice(boxes, 1, d, 1), end = m.slice(boxes, 1, d + 2, 1);
  Value gaps = n.cast(m.shapeScalar(count - 1), type);
  Value step = m.div(m.mul(m.sub(end, first), last), m.max(gaps, 1));
  Value offset = m.mul(n.cast(m.iotaAlong(2, 1, count), type), step);
  // A single position is in the middle.
  Value middle = m.mul(m.mul(m.add(first, end), 0.5), last);
  return m.select(m.equal(gaps, 0.0), middle, m.add(m.mul(first, last), offset));
}

/// The image at rows [R, h] and columns [R, w] that are in it: [R, h, w, C].
Value Cropper::read(Value rows, Value columns) {
  Type i64 = n.builder().getI64Type();
  if (!rows || !columns)
    return nullptr;
  DimExprs dims = {n.dim(rows, 0), n.dim(rows, 1), n.dim(columns, 1), n.expr(1)};
  auto clamped = [&](Value index, int64_t d) {
    index = m.max(m.min(n.cast(index, i64), m.shapeScalar(n.dim(image, d) - 1)), 0.0);
    return index;
  };
  Value tuples = m.concat({m.broadcast(m.unsqueeze(n.cast(batch, i64), {1, 2, 3}), dims),
                           m.broadcast(m.unsqueeze(clamped(rows, 1), {2, 3}), dims),
                           m.broadcast(m.unsqueeze(clamped(columns, 2), {1, 3}), dims)},
                          3);
  return n.infer<GatherNDOp>({image, tuples}, n.attr("batchDims", 0));
}

Results Cropper::import() {
  StringRef mode = n.getString("mode", "bilinear");
  image = m.toChannelsLast(n.operand(0));
  boxes = n.operand(1);
  batch = n.operand(2);
  if (mode != "bilinear" && mode != "nearest")
    return n.emitAttributeError("mode") << "unknown mode '" << mode << "'";
  if (n.hasFailed())
    return failure();
  if (n.rank(image) != 4 || n.rank(boxes) != 2 || n.rank(batch) != 1)
    return n.emitError() << "images need rank 4, boxes rank 2 and their numbers rank 1";
  std::optional<DimExprs> size = n.contentsOrBind(n.operand(3), "crop_size");
  if (!size || size->size() != 2)
    return n.hasFailed() ? failure() : n.emitError() << "crop_size needs two numbers";
  boxes = m.sized(boxes, {n.dim(boxes, 0), n.expr(4)}, "boxes");
  batch = m.sized(batch, n.dim(boxes, 0), "numbers of images");
  Value rows = place(0, (*size)[0]), columns = place(1, (*size)[1]);
  if (n.hasFailed())
    return failure();
  auto isInside = [&](Value place, int64_t d) {
    Value last = n.cast(m.shapeScalar(n.dim(image, d) - 1), n.elementType(place));
    return m.logicalAnd(m.lessEqual(m.scalar(place, 0), place), m.lessEqual(place, last));
  };
  Value inside = m.logicalAnd(m.unsqueeze(isInside(rows, 1), {2, 3}),
                              m.unsqueeze(isInside(columns, 2), {1, 3}));
  Value result;
  if (mode == "nearest") {
    result = read(m.floor(m.add(rows, 0.5)), m.floor(m.add(columns, 0.5)));
  } else {
    Value top = m.floor(rows), left = m.floor(columns);
    Value down = m.unsqueeze(m.sub(rows, top), {2, 3});
    Value right = m.unsqueeze(m.sub(columns, left), {1, 3});
    auto mix = [&](Value a, Value b, Value share) { return m.add(a, m.mul(m.sub(b, a), share)); };
    auto line = [&](Value row) { return mix(read(row, left), read(row, m.ceil(columns)), right); };
    result = mix(line(top), line(m.ceil(rows)), down);
  }
  if (!result)
    return failure();
  Value outside = m.scalar(result, n.getFloat("extrapolation_value", 0));
  return {{m.toChannelsFirst(m.select(inside, result, outside))}};
}

// Operands: images [N, C, H, W], boxes [R, 4] (top, left, bottom, right), numbers of images [R],
// sizes of a crop [2].
static Results importCropAndResize(NodeImporter &node) { return Cropper(node).import(); }

// Operands: the table, indices, and two that training uses.
static Results importTorchEmbedding(NodeImporter &node) {
  return {{TensorMath(node).gather(node.operand(0), node.operand(1), 0)}};
}

// The operand itself: an example of an operator in ONNX Runtime.
static Results importSampleOp(NodeImporter &node) { return {{node.operand(0)}}; }

void registerTensorContribOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("ExpandDims", 2, importExpandDims);
  add("UnfoldTensor", 1, importUnfoldTensor);
  add("CDist", 2, importCDist);
  add("NGramRepeatBlock", 2, importNGramRepeatBlock);
  add("CropAndResize", 4, importCropAndResize);
  add("SampleOp", 1, importSampleOp);
  add("TorchEmbedding", {2, 4}, importTorchEmbedding);
}

} // namespace tenon
