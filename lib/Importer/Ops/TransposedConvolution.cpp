// Transposed convolution as a plain one followed by a regrouping of its channels.
//
// Along one dimension, input position i and kernel tap t add to position i * s + t * d of the full
// result, of which `low` positions are cut off in front. Written as p * s + r, all result positions
// with one p and r = 0 ... s - 1 come from the same few inputs: with t * d = q * s + r,
//
//   full[p * s + r] = sum over q of x[p - q] * w'[q][r]
//
// which is a convolution with stride 1 and s times the channels, one set for each phase r. w' holds
// w with zeros where no tap is; no zeros are put between inputs. In several dimensions:
//
//   [N, H, W, C] -> pad, conv -> [N, H', W', groups, s, s, O] -> [N, H' * s, W' * s, groups * O]
//
// The alternative, a convolution over an input with zeros between its positions, computes s^2 times
// as many products.

#include "lib/Importer/Ops/Contractions.h"
#include "lib/Importer/Ops/Windows.h"
#include "lib/Importer/RunTimeSizes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon {

namespace {

/// One dimension of a transposed convolution.
struct TransposedDim {
  int64_t kernel, stride, dilation; // kernel is 0 if only a run tells it
  /// How many results an input adds to, from the first to the last.
  AffineExpr reach;
  AffineExpr inputSize, resultSize;
  /// How much of the full result to cut off in front.
  AffineExpr low;
};

/// How one dimension is computed.
struct Phases {
  int64_t stride;
  /// Taps q of the plain convolution, and positions from one to the next.
  int64_t taps, dilation;
  /// Positions from one kernel tap to the next in w', and where in w' the first one lies.
  int64_t spacing, shift;
  /// Zeros in front of the input.
  int64_t low;
  /// Positions p, and the first of their count * stride results that counts. If that is only known
  /// at run time, all positions that inputs reach.
  AffineExpr count, start;
};

} // namespace

// Cutting off moves taps to other phases, which may save the slice at the end, but also take one
// more tap: then only whole strides are cut off here.
static Phases splitIntoPhases(const TransposedDim &dim) {
  Phases phases;
  int64_t stride = phases.stride = dim.stride, reach = (dim.kernel - 1) * dim.dilation;
  auto tapsIfCut = [&](int64_t cut) {
    return llvm::divideFloorSigned(reach - cut, stride) - llvm::divideFloorSigned(-cut, stride) + 1;
  };
  auto low = dyn_cast<AffineConstantExpr>(dim.low);
  int64_t cut = low ? low.getValue() : 0;
  if (tapsIfCut(cut) > tapsIfCut(0))
    cut = llvm::divideFloorSigned(cut, stride) * stride;
  phases.taps = stride == 1 ? dim.kernel : tapsIfCut(cut);
  phases.dilation = stride == 1 ? dim.dilation : 1;
  phases.spacing = stride == 1 ? 1 : dim.dilation;
  phases.shift = llvm::mod(-cut, stride);
  phases.low = llvm::divideFloorSigned(reach - cut, stride);
  phases.start = dim.low - cut;
  phases.count = low ? (dim.resultSize + phases.start + (stride - 1)).floorDiv(stride)
                     : dim.inputSize + (phases.taps - 1) * phases.dilation;
  return phases;
}

/// Weights [C, O / groups, kernel...] as w' [taps..., C / groups, groups * strides... * O /
/// groups], turned around.
static Value splitWeights(NodeImporter &node, Value weights, ArrayRef<Phases> phases,
                          int64_t groups) {
  TensorMath m(node);
  DimExprs dims = node.dims(weights), low(dims.size(), node.expr(0));
  for (auto [d, phase] : llvm::enumerate(phases)) {
    weights = m.spreadOut(weights, d + 2, phase.spacing);
    dims[d + 2] = dims[d + 2] * phase.spacing;
  }
  for (auto [d, phase] : llvm::enumerate(phases)) {
    low[d + 2] = node.expr(phase.shift);
    dims[d + 2] = node.expr(phase.taps * phase.stride);
  }
  weights = m.pad(weights, low, dims);

  AffineExpr inputs = dims[0].floorDiv(groups), outputs = dims[1];
  DimExprs split = {node.expr(groups), inputs, outputs}, result;
  SmallVector<int64_t> permutation, phaseAxes;
  for (auto [d, phase] : llvm::enumerate(phases)) {
    split.append({node.expr(phase.taps), node.expr(phase.stride)});
    permutation.push_back(3 + 2 * d);
    phaseAxes.push_back(4 + 2 * d);
    result.push_back(node.expr(phase.taps));
    outputs = outputs * phase.stride;
  }
  permutation.append({1, 0});
  llvm::append_range(permutation, phaseAxes);
  permutation.push_back(2);
  result.append({inputs, outputs * groups});
  Value turned = node.reshape(m.transpose(node.reshape(weights, split), permutation), result);
  for (auto [d, phase] : llvm::enumerate(phases))
    if (phase.taps > 1)
      turned = m.slice(turned, d, node.expr(phase.taps - 1), node.expr(phase.taps), -1);
  return turned;
}

/// [N, counts..., groups * strides... * O / groups] to [N, counts * strides..., O].
static Value joinPhases(NodeImporter &node, Value result, ArrayRef<Phases> phases, int64_t groups,
                        AffineExpr outputs) {
  if (!result || llvm::all_of(phases, [](const Phases &phase) { return phase.stride == 1; }))
    return result;
  AffineExpr batch = node.dims(result).front();
  int64_t rank = phases.size();
  DimExprs split = {batch}, joined = {batch};
  SmallVector<int64_t> permutation = {0};
  for (auto [d, phase] : llvm::enumerate(phases)) {
    split.push_back(phase.count);
    permutation.append({static_cast<int64_t>(d) + 1, rank + 2 + static_cast<int64_t>(d)});
    joined.push_back(phase.count * phase.stride);
  }
  split.push_back(node.expr(groups));
  for (const Phases &phase : phases)
    split.push_back(node.expr(phase.stride));
  split.push_back(outputs.floorDiv(groups));
  permutation.append({rank + 1, 2 * rank + 2});
  joined.push_back(outputs);
  TensorMath m(node);
  return node.reshape(m.transpose(node.reshape(result, split), permutation), joined);
}

static Value buildTransposedConv(NodeImporter &node, Value x, Value weights,
                                 ArrayRef<TransposedDim> dims, int64_t groups) {
  if (!x || !weights)
    return nullptr;
  TensorMath m(node);
  SmallVector<Phases> phases = llvm::map_to_vector(dims, splitIntoPhases);
  DimExprs padded = node.dims(x), low(padded.size(), node.expr(0));
  SmallVector<int64_t> strides(dims.size(), 1), dilations;
  for (auto [d, phase] : llvm::enumerate(phases)) {
    low[d + 1] = node.expr(phase.low);
    padded[d + 1] = phase.count + (phase.taps - 1) * phase.dilation;
    dilations.push_back(phase.dilation);
  }
  AffineExpr outputs = node.dims(weights)[1] * groups;
  Value sums = buildChannelsLastConv(node, m.pad(x, low, padded),
                                     splitWeights(node, weights, phases, groups), strides,
                                     dilations, groups);
  Value result = joinPhases(node, sums, phases, groups, outputs);
  if (!result)
    return nullptr;
  DimExprs resultDims = node.dims(result), offset(resultDims.size(), node.expr(0));
  for (auto [d, dim] : llvm::enumerate(dims)) {
    if (isa<AffineConstantExpr>(phases[d].start)) {
      result = m.slice(result, d + 1, phases[d].start, dim.resultSize);
    } else { // may lie outside in part
      offset[d + 1] = -phases[d].start;
    }
    resultDims[d + 1] = dim.resultSize;
  }
  return m.pad(result, offset, resultDims);
}

// Weights of sizes that only a run tells: a convolution of the input with zeros between its
// positions and weights that are turned around.
static Value buildOpenTransposedConv(NodeImporter &node, Value x, Value weights,
                                     ArrayRef<TransposedDim> dims, int64_t groups) {
  TensorMath m(node);
  if (!x || !weights)
    return nullptr;
  DimExprs low(node.rank(x), node.expr(0)), kernel = node.dims(weights);
  SmallVector<int64_t> strides(dims.size(), 1), dilations;
  SmallVector<int64_t> permutation = {0, 2, 1};
  for (auto [d, dim] : llvm::enumerate(dims)) {
    x = m.spreadOut(x, d + 1, dim.stride);
    weights = m.slice(weights, d + 2, kernel[d + 2] - 1, kernel[d + 2], -1);
    low[d + 1] = dim.reach - 1 - dim.low;
    dilations.push_back(dim.dilation);
    permutation.push_back(d + 3);
  }
  DimExprs sizes = node.dims(x);
  for (auto [d, dim] : llvm::enumerate(dims))
    sizes[d + 1] = dim.resultSize + dim.reach - 1;
  // [C, O / groups, kernel...] to [O, C / groups, kernel...].
  DimExprs split = kernel, turned = kernel;
  split[0] = kernel[0].floorDiv(groups);
  split.insert(split.begin(), node.expr(groups));
  turned[0] = kernel[1] * groups;
  turned[1] = split[1];
  requireEqual(node, kernel[0] % groups, node.expr(0), "channels that groups leave, and 0,");
  weights = node.reshape(m.transpose(node.reshape(weights, split), permutation), turned);
  return buildGatheredConv(node, m.pad(x, low, sizes), weights, strides, dilations,
                           node.expr(groups));
}

/// The pads in front of all dimensions, then those behind: from `operand`, or the attribute if that
/// is null. Nothing after an error.
static std::optional<DimExprs> readPads(NodeImporter &node, Value operand, size_t rank) {
  DimExprs none(2 * rank, node.expr(0));
  if (operand)
    return node.contentsOrBind(operand, "pads");
  if (node.getString("auto_pad", "NOTSET") != "NOTSET" || !node.hasAttribute("pads"))
    return none;
  DimExprs pads;
  for (int64_t pad : node.getInts("pads"))
    pads.push_back(node.expr(pad));
  return pads.empty() ? none : pads;
}

/// Cuts and sizes from explicit pads, or from the shape that the result shall have.
static LogicalResult readPadding(NodeImporter &node, Value padsOperand,
                                 MutableArrayRef<TransposedDim> dims) {
  size_t rank = dims.size();
  StringRef autoPad = node.getString("auto_pad", "NOTSET");
  bool isSame = autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER";
  NodeImporter::Ints shape = node.getInts("output_shape", NodeImporter::Ints());
  NodeImporter::Ints noExtra(rank, 0);
  NodeImporter::Ints extra = node.getInts("output_padding", noExtra);
  std::optional<DimExprs> pads = readPads(node, padsOperand, rank);
  if (extra.empty())
    extra = noExtra;
  if (shape.size() == rank + 2)
    shape.erase(shape.begin(), shape.begin() + 2);
  if (!pads || pads->size() != 2 * rank || extra.size() != rank ||
      (!shape.empty() && shape.size() != rank) || node.hasFailed()) {
    node.emitError() << "pads, output_padding or output_shape do not fit " << rank
                     << " spatial dimensions";
    return failure();
  }
  for (auto [d, dim] : llvm::enumerate(dims)) {
    AffineExpr reach = dim.reach, spread = dim.inputSize * dim.stride;
    AffineExpr full = spread + (reach - dim.stride + extra[d]);
    if (shape.empty() && !isSame) {
      dim.low = (*pads)[d];
      dim.resultSize = full - (*pads)[d] - (*pads)[rank + d];
      requireNonNegative(node, dim.resultSize, "a size of the result");
      continue;
    }
    // What there is too much of, which does not depend on the size for SAME. Nothing is added.
    AffineExpr wanted = shape.empty() ? spread : node.expr(shape[d]);
    AffineExpr total = atLeastZero(node, full - wanted, "pads");
    dim.resultSize = shape.empty() ? full - total : wanted;
    dim.low = autoPad == "SAME_UPPER" ? total.floorDiv(2) : total.ceilDiv(2);
  }
  return success();
}

/// `pads` is null where they are an attribute.
static Results buildConvTranspose(NodeImporter &node, Value pads, Value bias) {
  TensorMath m(node);
  Value x = node.operand(0), weights = node.operand(1);
  int64_t groups = node.getInt("group", 1);
  bool isOpen = !node.type(weights).hasStaticShape() && node.rank(weights) >= 3;
  std::optional<NodeImporter::Ints> kernel =
      isOpen ? NodeImporter::Ints(node.rank(weights) - 2, 0) : getKernelSizes(node, weights);
  if (!kernel)
    return failure();
  size_t rank = kernel->size();
  int64_t channels = node.rank(x) > 1 ? node.type(x).getDimSize(1) : 0;
  if (node.rank(x) != static_cast<int64_t>(rank) + 2 || groups < 1 ||
      (!isOpen &&
       ((!ShapedType::isDynamic(channels) && channels != node.type(weights).getDimSize(0)) ||
        node.type(weights).getDimSize(0) % groups != 0))) {
    node.emitError() << "weights " << weights.getType() << " in " << groups << " groups do not fit "
                     << x.getType();
    return failure();
  }
  auto strides = getSpatialInts(node, "strides", rank);
  auto dilations = getSpatialInts(node, "dilations", rank);
  if (!strides || !dilations)
    return failure();
  SmallVector<TransposedDim> dims;
  for (size_t d = 0; d < rank; ++d) {
    AffineExpr reach = (node.dims(weights)[d + 2] - 1) * (*dilations)[d] + 1;
    dims.push_back({(*kernel)[d], (*strides)[d], (*dilations)[d], reach, node.dims(x)[d + 2],
                    nullptr, nullptr});
  }
  if (failed(readPadding(node, pads, dims)) || node.hasFailed())
    return failure();
  Value result = (isOpen ? buildOpenTransposedConv : buildTransposedConv)(node, m.toChannelsLast(x),
                                                                          weights, dims, groups);
  if (bias)
    result = m.add(result, bias);
  return {{m.toChannelsFirst(result)}};
}

static Results importConvTranspose(NodeImporter &node) {
  return buildConvTranspose(node, /*pads=*/nullptr, node.operand(2));
}

static Results importDynamicPads(NodeImporter &node) {
  return buildConvTranspose(node, node.operand(2), node.operand(3));
}

void registerTransposedConvolutionOps(OpRegistry &registry) {
  registry.add("ConvTranspose", 1, {2, 3}, importConvTranspose);
  registry.add("com.microsoft", "ConvTransposeWithDynamicPads", 1, {2, 4}, importDynamicPads);
}

} // namespace tenon
