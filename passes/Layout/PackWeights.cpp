// Packs constant weights: [K, N] -> pad N to panels -> [K, P, NR] -> transpose -> [P, K, NR], and
// the same per group and kernel position for convolutions.

#include "passes/Layout/Passes.h"
#include "passes/Schedule/Cpu/Choose.h"

namespace tenon {

#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/Layout/Passes.h.inc"

using namespace mlir;

namespace {

/// Tells which values will be constants once constants are folded.
class ConstantValues {
public:
  bool contains(Value value) {
    Operation *op = value.getDefiningOp();
    return op && contains(op);
  }

private:
  bool contains(Operation *op) {
    if (auto found = known.find(op); found != known.end())
      return found->second;
    auto isIn = [this](Value operand) { return contains(operand); };
    bool result =
        isa<ConstantOp>(op) || (isa<ElementalOpInterface>(op) && op->getNumOperands() > 0 &&
                                llvm::all_of(op->getOperands(), isIn));
    return known[op] = result;
  }

  llvm::DenseMap<Operation *, bool> known;
};

class WeightPacker {
public:
  WeightPacker(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value reshape(Value value, ArrayRef<int64_t> shape) {
    Type element = getElementTypeOrSelf(value.getType());
    return ReshapeOp::create(b, loc, RankedTensorType::get(shape, element), value);
  }

  /// The value with 1s in front of its dimensions, up to this rank.
  Value raise(Value value, int64_t rank) {
    DimExprs dims = getDims(value.getType());
    if (static_cast<int64_t>(dims.size()) >= rank)
      return value;
    dims.insert(dims.begin(), rank - dims.size(), getAffineConstantExpr(1, b.getContext()));
    return ReshapeOp::create(b, loc, makeTensorType(dims, getElementTypeOrSelf(value.getType())),
                             value);
  }

  /// Pads the last dimension to a multiple of `width` with zeros.
  Value padLast(Value value, int64_t width) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    int64_t padded = llvm::alignTo(shape.back(), width);
    if (padded == shape.back())
      return value;
    shape.back() = padded;
    DimExprs low(shape.size(), getAffineConstantExpr(0, b.getContext()));
    auto scalar = RankedTensorType::get({}, type.getElementType());
    Value zero = ConstantOp::create(
        b, loc, scalar,
        DenseElementsAttr::get(scalar, Attribute(b.getZeroAttr(type.getElementType()))));
    return PadOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), value, zero,
                         AffineMapAttr::get(makeDimsMap(low, b.getContext())),
                         PadModeAttr::get(b.getContext(), PadMode::Constant));
  }

  Value transpose(Value value, ArrayRef<int64_t> permutation) {
    return TransposeOp::create(b, loc, value, b.getDenseI64ArrayAttr(permutation));
  }

  /// [K, N] -> [P, K, NR].
  Value packMatrix(Value weights, int64_t width) {
    int64_t depth = cast<RankedTensorType>(weights.getType()).getDimSize(0);
    Value padded = padLast(weights, width);
    int64_t columns = cast<RankedTensorType>(padded.getType()).getDimSize(1);
    return transpose(reshape(padded, {depth, columns / width, width}), {1, 0, 2});
  }

  /// [kernel..., C / g, O] -> [g, P, kernel..., C / g, NR].
  Value packKernel(Value weights, int64_t groups, int64_t width) {
    SmallVector<int64_t> shape(cast<RankedTensorType>(weights.getType()).getShape());
    int64_t outputs = shape.pop_back_val() / groups;
    SmallVector<int64_t> grouped = shape;
    grouped.append({groups, outputs});
    Value padded = padLast(reshape(weights, grouped), width);
    int64_t panels = llvm::divideCeil(outputs, width);
    SmallVector<int64_t> split = shape;
    split.append({groups, panels, width});
    int64_t inner = shape.size();
    SmallVector<int64_t> permutation = {inner, inner + 1};
    llvm::append_range(permutation, llvm::seq<int64_t>(0, inner));
    permutation.push_back(inner + 2);
    return transpose(reshape(padded, split), permutation);
  }

  /// [3, 3, C, O] -> G w G^T over the first two dimensions: [m + 2, m + 2, C, O].
  Value transformFilters(Value weights, int64_t outputTile) {
    auto type = cast<RankedTensorType>(weights.getType());
    int64_t points = outputTile + 2, channels = type.getDimSize(2), outputs = type.getDimSize(3);
    SmallVector<float> values(cpu::getWinogradFilterTransform(outputTile));
    auto matrixType = RankedTensorType::get({points, 3}, type.getElementType());
    Value matrix = ConstantOp::create(b, loc, matrixType,
                                      DenseElementsAttr::get(matrixType, ArrayRef<float>(values)));
    auto transformFirst = [&](Value tensor, int64_t rest) {
      return MatMulOp::create(b, loc, ValueRange{matrix, reshape(tensor, {3, rest})},
                              MatMulOp::Properties())
          .getResult();
    };
    Value lines = transformFirst(weights, 3 * channels * outputs);
    Value turned = transpose(reshape(lines, {points, 3, channels * outputs}), {1, 0, 2});
    Value both = transformFirst(turned, points * channels * outputs);
    Value straight = transpose(reshape(both, {points, points, channels * outputs}), {1, 0, 2});
    return reshape(straight, {points, points, channels, outputs});
  }

private:
  OpBuilder &b;
  Location loc;
};

struct PackWeights : impl::PackWeightsPassBase<PackWeights> {
  using PackWeightsPassBase::PackWeightsPassBase;

  void runOnOperation() override {
    constants = {};
    FailureOr<cpu::TargetAttr> target = getTargetAs<cpu::TargetAttr>(getOperation());
    if (failed(target))
      return signalPassFailure();
    SmallVector<Operation *> contractions;
    getOperation().walk([&](Operation *op) {
      if (isa<MatMulOp, ConvOp>(op))
        contractions.push_back(op);
    });
    for (Operation *op : contractions)
      pack(op, *target);
  }

  /// NR of the schedule that the contraction will get once its weights are packed.
  static int64_t panelWidth(Operation *op, cpu::TargetAttr target) {
    cpu::ContractionSizes sizes = cpu::getContractionSizes(op);
    sizes.weightLayout = cpu::WeightLayout::Packed;
    return cpu::chooseContraction(target, sizes).getPanelWidth();
  }

  /// The output tile of minimal filtering, or 0 for direct summation.
  static int64_t winogradTile(ConvOp op, cpu::TargetAttr target) {
    auto areAll = [](ArrayRef<int64_t> values, int64_t expected) {
      return values.size() == 2 &&
             llvm::all_of(values, [&](int64_t value) { return value == expected; });
    };
    if (!areAll(op.getKernelSizes(), 3) || !areAll(op.getStrides(), 1) ||
        !areAll(op.getDilations(), 1) || op.getGroups() != 1 ||
        !getElementTypeOrSelf(op.getType()).isF32())
      return 0;
    return cpu::chooseWinogradTile(target, cpu::getContractionSizes(op));
  }

  void pack(Operation *op, cpu::TargetAttr target) {
    Value weights = op->getOperand(1);
    if (!isStatic(weights.getType()) || !constants.contains(weights))
      return;
    // What depends on constants alone is folded by the processor that compiles, whose kernels read
    // panels of another width than those of the processor compiled for.
    if (constants.contains(op->getResult(0)))
      return;
    OpBuilder b(op);
    WeightPacker packer(b, op->getLoc());
    if (auto conv = dyn_cast<ConvOp>(op)) {
      if (conv.getPacked() || conv.isDepthwise())
        return;
      int64_t width = panelWidth(op, target), channels = conv.getOutputChannels();
      if (int64_t outputTile = winogradTile(conv, target)) {
        weights = packer.transformFilters(weights, outputTile);
        width =
            cpu::chooseWinograd(target, outputTile, cpu::getContractionSizes(op)).getPanelWidth();
        conv.setWinograd(outputTile);
      }
      conv.getWeightsMutable().assign(packer.packKernel(weights, conv.getGroups(), width));
      conv.setPacked(width);
      conv.setChannels(channels);
    } else {
      auto matmul = cast<MatMulOp>(op);
      if (matmul.getPacked() || !matmul.sharesRhs())
        return;
      int64_t width = panelWidth(op, target);
      ArrayRef<int64_t> shape = cast<RankedTensorType>(weights.getType()).getShape();
      // Packing drops the batch dimensions of the weights, which the result may have had from them.
      matmul.getLhsMutable().assign(packer.raise(matmul.getLhs(), shape.size()));
      Value matrix = packer.reshape(weights, shape.take_back(2));
      if (matmul.getTransposeRhs())
        matrix = packer.transpose(matrix, {1, 0});
      int64_t columns = cast<RankedTensorType>(matrix.getType()).getDimSize(1);
      matmul.getRhsMutable().assign(packer.packMatrix(matrix, width));
      matmul.setTransposeRhs(false);
      matmul.setPacked(width);
      matmul.setColumns(columns);
    }
    ++numPacked;
  }

  ConstantValues constants;
};

} // namespace

} // namespace tenon
