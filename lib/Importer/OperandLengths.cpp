// Operands that tell shapes are lists: of axes, sizes, pads. A list is an input like any other, and
// its type may leave its length open. But import must know ranks, so it must know these lengths,
// and nearly always something else tells them:
//
// - the operand that they are about: Resize has a scale for each dimension, Pad two pads;
// - another list of the node, an attribute, or the number of outputs: Slice has as many ends as
//   starts, Split a size for each part;
// - the rank of the result, if the model declares it: Reshape has a size for each dimension.
//
// So an operand of open length becomes one of known length here, with a check at run time, before
// its node is imported. Lists of Slice and Pad that nothing tells the length of are spread over all
// dimensions. A rank that nothing tells is an error.

#include "lib/Importer/OperandLengths.h"
#include "dialects/Tenon/SequenceTypes.h"
#include "lib/Importer/Ops/RunTimeAxes.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace tenon {

static bool isList(NodeImporter &node, unsigned number) {
  Value operand = node.operand(number);
  return operand && !isHostValue(operand) && node.rank(operand) == 1;
}

/// Whether operand `number` is a list whose length only a run tells.
static bool isOpen(NodeImporter &node, unsigned number) {
  return isList(node, number) && !node.type(node.operand(number)).hasStaticShape();
}

/// The length of the list if it is known.
static std::optional<int64_t> getLength(NodeImporter &node, unsigned number) {
  if (!isList(node, number) || isOpen(node, number))
    return std::nullopt;
  return node.type(node.operand(number)).getNumElements();
}

static void setLength(NodeImporter &node, unsigned number, int64_t length, StringRef what) {
  if (!isOpen(node, number) || length < 0)
    return;
  Value list = node.operand(number);
  requireEqual(node, node.dim(list, 0), node.expr(length), ("length of " + what).str());
  node.setOperand(number, node.reshape(list, node.expr(length)));
}

/// The declared rank of the result; an error where there is none.
static std::optional<int64_t> getRank(NodeImporter &node, StringRef what) {
  std::optional<int64_t> rank = node.declaredRank(0);
  if (!rank)
    node.emitError() << "the rank of the result depends on the length of " << what
                     << ", which only a run tells; the model must declare the type of '"
                     << node.outputName(0) << "'";
  return rank;
}

/// As many elements as dimensions of the result.
template <unsigned number> static void fixToResult(NodeImporter &node) {
  if (isOpen(node, number))
    if (auto rank = getRank(node, "the list of sizes"))
      setLength(node, number, *rank, "the list of sizes");
}

/// As many elements as dimensions of the first operand.
template <unsigned number> static void fixToOperand(NodeImporter &node) {
  setLength(node, number, node.rank(node.operand(0)), "a list with an element per dimension");
}

/// The operand may have more dimensions than the shape, which ones in front then complete.
static void fixExpand(NodeImporter &node) {
  if (!isOpen(node, 1))
    return;
  std::optional<int64_t> rank = getRank(node, "the shape");
  if (!rank || *rank > node.rank(node.operand(0)))
    return setLength(node, 1, rank.value_or(-1), "the shape");
  Value shape = node.operand(1);
  AffineExpr length = node.expr(node.rank(node.operand(0)));
  AffineExpr missing = length - node.dim(shape, 0);
  requireNonNegative(node, missing, "dimensions of the operand beyond those of the shape");
  TensorMath m(node);
  node.setOperand(1, m.pad(shape, missing, length, m.scalar(shape, 1)));
}

static void fixSqueeze(NodeImporter &node) {
  if (isOpen(node, 1))
    if (auto rank = getRank(node, "axes"))
      setLength(node, 1, node.rank(node.operand(0)) - *rank, "axes");
}

static void fixUnsqueeze(NodeImporter &node) {
  if (isOpen(node, 1))
    if (auto rank = getRank(node, "axes"))
      setLength(node, 1, *rank - node.rank(node.operand(0)), "axes");
}

static void fixTopK(NodeImporter &node) { setLength(node, 1, 1, "k"); }

static void fixSplit(NodeImporter &node) { setLength(node, 1, node.numOutputs(), "split"); }

/// As many elements as the attribute has axes, or as there are dimensions.
static int64_t countAxes(NodeImporter &node) {
  return node.hasAttribute("axes") ? node.getInts("axes").size() : node.rank(node.operand(0));
}

static void fixCenterCropPad(NodeImporter &node) {
  setLength(node, 1, countAxes(node), "the shape");
}

/// Of scales and sizes, a node of versions that know both has one; the other may be empty.
static void fixResize(NodeImporter &node) {
  if (node.opset() < 11)
    return fixToOperand<1>(node);
  int64_t count = countAxes(node);
  if (isOpen(node, 2) && node.operand(3)) {
    requireEqual(node, node.dim(node.operand(2), 0), node.expr(0),
                 "length of scales besides sizes");
    node.setOperand(2, nullptr);
  }
  setLength(node, 1, 2 * count, "roi");
  setLength(node, 2, count, "scales");
  setLength(node, 3, count, "sizes");
}

static void fixSlice(NodeImporter &node) {
  TensorMath m(node);
  constexpr unsigned starts = 1, ends = 2, axes = 3, steps = 4;
  std::optional<int64_t> length;
  bool isAnyOpen = false;
  for (unsigned number : {starts, ends, axes, steps}) {
    isAnyOpen |= isOpen(node, number);
    if (!length)
      length = getLength(node, number);
  }
  if (!isAnyOpen)
    return;
  if (length) {
    for (unsigned number : {starts, ends, axes, steps})
      setLength(node, number, *length, "a list of a slice");
    return;
  }
  AffineExpr open = node.dim(node.operand(starts), 0);
  for (unsigned number : {ends, axes, steps})
    if (isOpen(node, number))
      requireEqual(node, node.dim(node.operand(number), 0), open, "lengths of a slice's lists");
  int64_t rank = node.rank(node.operand(0));
  Value along =
      node.operand(axes) ? node.operand(axes) : m.iota(open, 0, node.builder().getI64Type());
  auto spread = [&](unsigned number, int64_t otherwise) {
    if (Value values = node.operand(number))
      node.setOperand(number, spreadOverAxes(node, along, values, rank,
                                             node.makeInts(SmallVector<int64_t>(rank, otherwise))));
  };
  spread(starts, 0);
  spread(ends, std::numeric_limits<int64_t>::max());
  spread(steps, 1);
  if (node.operand(axes))
    node.setOperand(axes, nullptr);
}

static void fixPad(NodeImporter &node) {
  TensorMath m(node);
  constexpr unsigned pads = 1, axes = 3;
  int64_t rank = node.rank(node.operand(0));
  if (!node.operand(axes))
    return setLength(node, pads, 2 * rank, "pads");
  if (std::optional<int64_t> length = getLength(node, axes))
    return setLength(node, pads, 2 * *length, "pads");
  if (std::optional<int64_t> length = getLength(node, pads))
    return setLength(node, axes, *length / 2, "axes");
  if (!isOpen(node, axes) || !isOpen(node, pads))
    return;
  Value all = node.operand(pads), along = node.operand(axes);
  AffineExpr count = node.dim(along, 0);
  requireEqual(node, node.dim(all, 0), count * 2, "length of pads");
  Value none = node.makeInts(SmallVector<int64_t>(rank, 0));
  auto spread = [&](AffineExpr start) {
    return spreadOverAxes(node, along, m.slice(all, 0, start, count), rank, none);
  };
  Value low = spread(node.expr(0)), high = spread(count);
  node.setOperand(pads, low && high ? m.concat({low, high}, 0) : Value());
  node.setOperand(axes, nullptr);
}

/// The result has two dimensions before those of the image.
static void fixCol2Im(NodeImporter &node) {
  constexpr unsigned image = 1, block = 2;
  std::optional<int64_t> length = getLength(node, image);
  if (!length)
    length = getLength(node, block);
  if (!length)
    if (auto rank = getRank(node, "the image's shape"))
      length = *rank - 2;
  for (unsigned number : {image, block})
    setLength(node, number, length.value_or(-1), "the shape of image or block");
}

void fixOperandLengths(NodeImporter &node) {
  if (!node.domain().empty() || !llvm::any_of(countUp(node.numOperands()),
                                              [&](int64_t number) { return isOpen(node, number); }))
    return;
  using Rule = void (*)(NodeImporter &);
  Rule rule = llvm::StringSwitch<Rule>(node.opType())
                  .Case("Reshape", fixToResult<1>)
                  .Case("ConstantOfShape", fixToResult<0>)
                  .Case("AffineGrid", fixToResult<1>)
                  .Case("Expand", fixExpand)
                  .Case("Squeeze", fixSqueeze)
                  .Case("Unsqueeze", fixUnsqueeze)
                  .Cases({"Tile", "Upsample"}, fixToOperand<1>)
                  .Case("MaxUnpool", fixToOperand<2>)
                  .Case("TopK", fixTopK)
                  .Case("Split", fixSplit)
                  .Case("CenterCropPad", fixCenterCropPad)
                  .Case("Col2Im", fixCol2Im)
                  .Case("Resize", fixResize)
                  .Case("Slice", fixSlice)
                  .Case("Pad", fixPad)
                  .Default(nullptr);
  if (rule)
    rule(node);
}

} // namespace tenon
