// Convolutions that are no plain contractions: with transformed filters, and of one filter per
// channel.

#include "passes/Codegen/Cpu/Kernels.h"
#include "passes/Codegen/Cpu/ScheduledStrategy.h"
#include "passes/Codegen/Cpu/Winograd.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

/// Whether rounding to the halves of the root's input takes one instruction a vector, as to f16,
/// and not seven, as to bf16 (docs/cpu-codegen.md).
bool roundsAtOnce(PrecisionOpInterface root, TargetAttrInterface target) {
  return getElementTypeOrSelf(root.getMultipliedInput().get()).isF16() &&
         cast<TargetAttr>(target).convertsHalves();
}

/// Floats, or bytes so that sums of four times their products fit 32 bits.
bool canTransform(ConvOp conv) {
  if (getElementTypeOrSelf(conv.getType()).isF32())
    return true;
  Type input = getElementTypeOrSelf(conv.getInput()),
       weights = getElementTypeOrSelf(conv.getWeights());
  if (!input.isInteger(8) || !weights.isInteger(8) ||
      !getElementTypeOrSelf(conv.getType()).isInteger(32))
    return false;
  auto largest = [](Type type) { return type.isUnsignedInteger() ? 255.0 : 128.0; };
  int64_t channels = getConstantOr(getDims(conv.getInput().getType()).back(), -1);
  return channels >= 0 && 4 * 9 * channels * largest(input) * largest(weights) < double(1u << 31);
}

/// A convolution of 3x3 whose filters are known when the model is compiled, and transformed then.
class WinogradStrategy final : public ScheduledStrategy<WinogradScheduleAttr> {
public:
  StringRef getName() const override { return "winograd"; }
  bool match(Operation *op, TargetAttrInterface target) const override {
    return computes(op) && isPackable(*getWeights(op)) &&
           chooseWinogradTile(cast<TargetAttr>(target), getContractionSizes(op));
  }
  FusionRules getFusionRules(Operation *) const override {
    return {.takesEpilogue = true, .writesAnywhere = true, .mergesDimensions = true};
  }
  bool readsSlice(OpOperand &operand) const override { return isInputOfConv(operand); }
  // The transformation of a tile converts it.
  bool readsHalves(PrecisionOpInterface root, TargetAttrInterface target) const override {
    return roundsAtOnce(root, target);
  }
  OpOperand *getWeights(Operation *root) const override { return &root->getOpOperand(1); }
  SmallVector<WeightForm> getWeightForms(KernelOp kernel) const override {
    auto schedule = cast<WinogradScheduleAttr>(kernel.getScheduleAttr());
    return {
        {getWeights(getRoot(kernel, *this)),
         WinogradFiltersAttr::get(kernel.getContext(), schedule.getOutputTile(),
                                  schedule.getPanelWidth(), schedule.getMma().getInterleave())}};
  }
  void emit(KernelEmitter &emitter) const override { emitWinogradKernel(emitter); }

protected:
  bool computes(Operation *op) const override {
    auto areAll = [](ArrayRef<int64_t> values, int64_t expected) {
      return values.size() == 2 &&
             llvm::all_of(values, [&](int64_t value) { return value == expected; });
    };
    auto conv = dyn_cast<ConvOp>(op);
    return conv && areAll(conv.getKernelSizes(), 3) && areAll(conv.getStrides(), 1) &&
           areAll(conv.getDilations(), 1) && conv.getGroups() == 1 && canTransform(conv);
  }
  WinogradScheduleAttr chooseFor(Operation *root, TargetAttr target) const override {
    ContractionSizes sizes = getContractionSizes(root);
    return chooseWinograd(target, chooseWinogradTile(target, sizes), sizes);
  }
  AffineExpr getScratchOf(Operation *root, WinogradScheduleAttr schedule) const override {
    return getBytes(winogradScratchBytes(schedule), root);
  }
  LogicalResult verifyRoot(KernelOp kernel, Operation *root,
                           WinogradScheduleAttr schedule) const override {
    bool isInteger = isa<IntegerType>(getElementTypeOrSelf(root->getOperand(0)));
    MmaInstruction needed = isInteger ? MmaInstruction::PairProducts : MmaInstruction::Fma;
    if (schedule.getMma().getInstruction() != needed ||
        (isInteger && schedule.getOutputTile() != 2))
      return root->emitError("has a schedule in @")
             << kernel.getSymName() << " with " << schedule.getMma() << " and tiles of "
             << schedule.getOutputTile() << " outputs, which filters of these types are not for";
    return verifyWeights(kernel, root, getWeightForms(kernel));
  }
};

/// A convolution with a filter for each channel.
class DepthwiseStrategy final : public ScheduledStrategy<DepthwiseScheduleAttr> {
public:
  StringRef getName() const override { return "depthwise"; }
  FusionRules getFusionRules(Operation *) const override {
    return {.takesEpilogue = true, .takesUncertainRows = true, .writesAnywhere = true};
  }
  bool readsSlice(OpOperand &operand) const override { return isInputOfConv(operand); }
  // Memory bounds it more than arithmetic does.
  bool readsHalves(PrecisionOpInterface root, TargetAttrInterface target) const override {
    return roundsAtOnce(root, target);
  }
  void emit(KernelEmitter &emitter) const override {
    emitWhereRowsAgree(emitter, emitDepthwiseKernel);
  }

  void enumerate(KernelOp kernel, TargetAttrInterface target,
                 function_ref<void(ScheduleAttrInterface)> take) const override {
    enumerateDepthwise(cast<TargetAttr>(target),
                       getDepthwiseSizes(cast<ConvOp>(getRoot(kernel, *this))), take);
  }

protected:
  bool computes(Operation *op) const override {
    auto conv = dyn_cast<ConvOp>(op);
    return conv && conv.isDepthwise();
  }
  DepthwiseScheduleAttr chooseFor(Operation *root, TargetAttr target) const override {
    return chooseDepthwise(target, getDepthwiseSizes(cast<ConvOp>(root)));
  }
  LogicalResult verifyRoot(KernelOp kernel, Operation *root,
                           DepthwiseScheduleAttr schedule) const override {
    MmaAttr mma = schedule.getMma();
    Type input = getElementTypeOrSelf(root->getOperand(0)),
         weights = getElementTypeOrSelf(root->getOperand(1));
    bool hasCode = mma.getInterleave() == 1 ||
                   (mma.getInterleave() == 4 && mma.getRows() == 1 && !mma.hasTiles());
    if (!hasCode || !mma.accepts(input, weights))
      return root->emitError("has a schedule in @")
             << kernel.getSymName() << " with " << mma << ", which multiplies no " << input
             << " by " << weights << " of single channels";
    return success();
  }
};

} // namespace

std::unique_ptr<KernelStrategy> createWinogradStrategy() {
  return std::make_unique<WinogradStrategy>();
}

std::unique_ptr<KernelStrategy> createDepthwiseStrategy() {
  return std::make_unique<DepthwiseStrategy>();
}

} // namespace tenon::cpu
