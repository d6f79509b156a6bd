// Leaves out products of a convolution's filters with padding.
//
// Where dilation is large beside the image, most taps of a filter lie outside of it: with a
// dilation of 24, all but one of 3x3 on an image of 14x14. Taps that see nothing but padding go:
//
//   conv(pad(x), w) {dilations = 24}  ->  conv(x, w[1:2, 1:2])
//
// Of the others, each sees some of the image from some positions. If that is little of all that is
// multiplied, and what is saved is worth several kernels, each tap becomes a convolution of 1x1 at
// the positions where it sees the image:
//
//   conv(pad(x), w) {dilations = 12}  ->  sum over taps t of pad(conv(x[...], w[t]))
//
// Sums run over channels within taps as before, but over taps afterwards. A weight that is infinite
// or no number makes a result NaN only where it is multiplied with more than padding.

#include "mlir/IR/PatternMatch.h"
#include "passes/Graph/Matching.h"
#include "passes/Graph/Passes.h"
#include "passes/Graph/RewriteToRest.h"

namespace tenon {

#define GEN_PASS_DEF_DROPDEADTAPSPASS
#include "passes/Graph/Passes.h.inc"

using namespace mlir;

namespace {

/// Of output positions or taps along one dimension, those from `begin` to `end`.
struct Range {
  int64_t begin = 0, end = 0;

  int64_t size() const { return std::max<int64_t>(end - begin, 0); }
};

/// What a convolution does along one spatial dimension.
struct Axis {
  /// Of the image, how much zeros come before it, and of the result.
  int64_t size, low, outputs;
  int64_t taps, stride, dilation;

  /// Positions from which a tap sees the image.
  Range livePositions(int64_t tap) const {
    int64_t first = low - tap * dilation; // times stride: what reads the image's first element
    return {std::max<int64_t>(llvm::divideCeilSigned(first, stride), 0),
            std::min(llvm::divideFloorSigned(size - 1 + first, stride) + 1, outputs)};
  }
  /// Taps between the first and the last that see the image from anywhere.
  Range liveTaps() const;
  int64_t countLive() const {
    int64_t count = 0;
    for (int64_t tap = 0; tap < taps; ++tap)
      count += livePositions(tap).size();
    return count;
  }
};

Range Axis::liveTaps() const {
  Range live = {taps, 0};
  for (int64_t tap = 0; tap < taps; ++tap)
    if (livePositions(tap).size() > 0)
      live = {std::min(live.begin, tap), tap + 1};
  return live;
}

/// A convolution of known sizes whose input has zeros around it.
class PaddedConvolution {
public:
  static std::optional<PaddedConvolution> match(ConvOp conv);

  const SmallVector<Axis> &getAxes() const { return axes; }
  bool isWhole() const;
  /// The convolution with the taps that see the image.
  Value buildLive(OpBuilder &b);
  /// The sum of those of each tap.
  Value buildTapByTap(OpBuilder &b);

private:
  explicit PaddedConvolution(ConvOp conv) : conv(conv) {}

  /// The image, channels last.
  Value buildImage(OpBuilder &b);
  Value slice(OpBuilder &b, Value value, ArrayRef<Range> ranges, size_t first);
  Value pad(OpBuilder &b, Value value, ArrayRef<int64_t> low, ArrayRef<int64_t> sizes);
  Value convolve(OpBuilder &b, Value image, Value weights, ArrayRef<int64_t> outputs);
  Value buildTap(OpBuilder &b, Value image, ArrayRef<int64_t> tap);

  ConvOp conv;
  PadOp padding;
  /// Between padding and convolution; null if there is none.
  TransposeOp transpose;
  SmallVector<Axis> axes;
};

} // namespace

std::optional<PaddedConvolution> PaddedConvolution::match(ConvOp conv) {
  PaddedConvolution result(conv);
  result.transpose = conv.getInput().getDefiningOp<TransposeOp>();
  Value padded = result.transpose ? result.transpose.getOperand() : conv.getInput();
  result.padding = padded.getDefiningOp<PadOp>();
  if (!result.padding || result.padding.getMode() != PadMode::Constant ||
      getSplat(result.padding.getValue()) != 0.0)
    return std::nullopt;
  DimExprs before = getDims(result.padding.getOperand().getType()),
           after = getDims(conv.getInput().getType()), outputs = getDims(conv.getType());
  ArrayRef<AffineExpr> low = result.padding.getLow().getResults();
  size_t rank = before.size();
  for (size_t dim = 0; dim < rank; ++dim) {
    size_t from = result.transpose ? result.transpose.getPermutation()[dim] : dim;
    bool isSpatial = dim > 0 && dim + 1 < rank;
    if (!isSpatial) {
      if (before[from] != after[dim])
        return std::nullopt;
      continue;
    }
    size_t spatial = dim - 1;
    Axis axis = {getConstantOr(before[from], -1), getConstantOr(low[from], -1),
                 getConstantOr(outputs[dim], -1), conv.getKernelSizes()[spatial],
                 conv.getStrides()[spatial],      conv.getDilations()[spatial]};
    // Unknown sizes, or parts of the image that are cut off.
    if (axis.size < 0 || axis.low < 0 || axis.outputs < 1 ||
        getConstantOr(after[dim], -1) < axis.size + axis.low)
      return std::nullopt;
    result.axes.push_back(axis);
  }
  return result;
}

bool PaddedConvolution::isWhole() const {
  return llvm::all_of(axes, [](const Axis &axis) { return axis.liveTaps().size() == axis.taps; });
}

Value PaddedConvolution::buildImage(OpBuilder &b) {
  Value image = padding.getOperand();
  if (!transpose)
    return image;
  DimExprs dims = getDims(image.getType()), turned;
  for (int64_t from : transpose.getPermutation())
    turned.push_back(dims[from]);
  return TransposeOp::create(b, conv.getLoc(),
                             makeTensorType(turned, getElementTypeOrSelf(image.getType())), image,
                             transpose.getPermutation());
}

/// The part of a tensor that has these ranges of the dimensions from `first` on.
Value PaddedConvolution::slice(OpBuilder &b, Value value, ArrayRef<Range> ranges, size_t first) {
  DimExprs dims = getDims(value.getType());
  DimExprs starts(dims.size(), b.getAffineConstantExpr(0));
  bool isAll = true;
  for (auto [number, range] : llvm::enumerate(ranges)) {
    AffineExpr &dim = dims[first + number];
    isAll &= range.begin == 0 && getConstantOr(dim, -1) == range.size();
    dim = b.getAffineConstantExpr(range.size());
    starts[first + number] = b.getAffineConstantExpr(range.begin);
  }
  if (isAll)
    return value;
  return SliceOp::create(
      b, conv.getLoc(), makeTensorType(dims, getElementTypeOrSelf(value.getType())), value,
      makeDimsMap(starts, b.getContext()), SmallVector<int64_t>(starts.size(), 1));
}

/// The tensor with zeros around its spatial dimensions, or less of it.
Value PaddedConvolution::pad(OpBuilder &b, Value value, ArrayRef<int64_t> low,
                             ArrayRef<int64_t> sizes) {
  DimExprs dims = getDims(value.getType());
  DimExprs lows(dims.size(), b.getAffineConstantExpr(0));
  bool isSame = true;
  for (size_t i = 0; i < low.size(); ++i) {
    isSame &= low[i] == 0 && getConstantOr(dims[i + 1], -1) == sizes[i];
    lows[i + 1] = b.getAffineConstantExpr(low[i]);
    dims[i + 1] = b.getAffineConstantExpr(sizes[i]);
  }
  if (isSame)
    return value;
  auto scalar = RankedTensorType::get({}, getElementTypeOrSelf(value.getType()));
  Value zero =
      ConstantOp::create(b, conv.getLoc(), scalar, cast<ElementsAttr>(b.getZeroAttr(scalar)));
  return PadOp::create(b, conv.getLoc(), makeTensorType(dims, scalar.getElementType()), value, zero,
                       makeDimsMap(lows, b.getContext()), PadMode::Constant);
}

Value PaddedConvolution::convolve(OpBuilder &b, Value image, Value weights,
                                  ArrayRef<int64_t> outputs) {
  DimExprs dims = getDims(conv.getType());
  for (auto [number, size] : llvm::enumerate(outputs))
    dims[number + 1] = b.getAffineConstantExpr(size);
  return ConvOp::create(b, conv.getLoc(),
                        makeTensorType(dims, getElementTypeOrSelf(conv.getType())), image, weights,
                        conv.getStrides(), conv.getDilations(), conv.getGroups());
}

Value PaddedConvolution::buildLive(OpBuilder &b) {
  SmallVector<Range> taps;
  SmallVector<int64_t> low, sizes, outputs;
  for (const Axis &axis : axes) {
    taps.push_back(axis.liveTaps());
    low.push_back(axis.low - taps.back().begin * axis.dilation);
    sizes.push_back((axis.outputs - 1) * axis.stride + (taps.back().size() - 1) * axis.dilation +
                    1);
    outputs.push_back(axis.outputs);
  }
  Value image = pad(b, buildImage(b), low, sizes);
  return convolve(b, image, slice(b, conv.getWeights(), taps, 0), outputs);
}

/// What one tap adds to the result.
Value PaddedConvolution::buildTap(OpBuilder &b, Value image, ArrayRef<int64_t> tap) {
  SmallVector<Range> taps, rows;
  SmallVector<int64_t> low, sizes, outputs;
  for (auto [axis, number] : llvm::zip_equal(axes, tap)) {
    Range live = axis.livePositions(number);
    int64_t first = live.begin * axis.stride + number * axis.dilation - axis.low;
    taps.push_back({number, number + 1});
    rows.push_back({first, first + (live.size() - 1) * axis.stride + 1});
    low.push_back(live.begin);
    outputs.push_back(live.size());
    sizes.push_back(axis.outputs);
  }
  Value part = convolve(b, slice(b, image, rows, 1), slice(b, conv.getWeights(), taps, 0), outputs);
  return pad(b, part, low, sizes);
}

Value PaddedConvolution::buildTapByTap(OpBuilder &b) {
  Value image = buildImage(b), sum;
  SmallVector<int64_t> tap(axes.size(), 0);
  auto visit = [&](auto &self, size_t dim) -> void {
    if (dim < axes.size()) {
      for (tap[dim] = 0; tap[dim] < axes[dim].taps; ++tap[dim])
        self(self, dim + 1);
      return;
    }
    Value part = buildTap(b, image, tap);
    sum = sum ? AddOp::create(b, conv.getLoc(), conv.getType(), sum, part).getResult() : part;
  };
  visit(visit, 0);
  return sum;
}

namespace {

struct DropUnseenTaps : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    std::optional<PaddedConvolution> padded = PaddedConvolution::match(op);
    if (!padded || padded->isWhole())
      return rewriter.notifyMatchFailure(op, "each tap sees some of the image");
    if (llvm::any_of(padded->getAxes(),
                     [](const Axis &axis) { return axis.liveTaps().size() == 0; }))
      return rewriter.notifyMatchFailure(op, "no tap sees the image");
    rewriter.replaceOp(op, padded->buildLive(rewriter));
    return success();
  }
};

struct SplitTaps : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    /// More of all products than this are worth one convolution, and fewer that are saved for each
    /// tap are not worth a kernel of its own.
    constexpr double largestShare = 0.6, fewestSaved = 1e6;
    std::optional<PaddedConvolution> padded = PaddedConvolution::match(op);
    if (!padded || !padded->isWhole() || op.isDepthwise() ||
        !isa<FloatType>(getElementTypeOrSelf(op.getType())))
      return rewriter.notifyMatchFailure(op, "no float convolution of a padded image");
    double share = 1, taps = 1;
    for (const Axis &axis : padded->getAxes()) {
      share *= double(axis.countLive()) / double(axis.taps * axis.outputs);
      taps *= double(axis.taps);
    }
    double products = double(cast<CostOpInterface>(*op).getFlops()) / 2;
    if (share > largestShare || products * (1 - share) < fewestSaved * taps)
      return rewriter.notifyMatchFailure(op, "splitting taps saves too little");
    rewriter.replaceOp(op, padded->buildTapByTap(rewriter));
    return success();
  }
};

struct DropDeadTaps : impl::DropDeadTapsPassBase<DropDeadTaps> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DropUnseenTaps, SplitTaps>(&getContext());
    if (failed(rewriteToRest(getOperation(), std::move(patterns), "taps do")))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon
