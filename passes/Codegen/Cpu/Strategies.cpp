// What each strategy of a CPU computes, and how. The emitters are in files of their own; the cost
// model is passes/Schedule/Cpu.

#include "passes/Codegen/Cpu/Strategies.h"
#include "passes/Codegen/Common/RowPasses.h"
#include "passes/Codegen/Cpu/Attention.h"
#include "passes/Codegen/Cpu/Kernels.h"
#include "passes/Codegen/Cpu/Winograd.h"
#include "passes/Schedule/Cpu/Choose.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

/// The error for a kernel whose schedule is missing or of another kind.
LogicalResult complainAboutSchedule(KernelOp kernel) {
  return kernel.emitError("has no schedule for its strategy, ") << kernel.getStrategy();
}

/// An operand lies in memory as the schedule says that it is read.
LogicalResult verifyForm(KernelOp kernel, Operation *root, Value weights,
                         WeightLayoutAttrInterface layout) {
  auto unpack = weights.getDefiningOp<UnpackOp>();
  WeightLayoutAttrInterface found = unpack ? unpack.getLayout() : WeightLayoutAttrInterface();
  if (found == layout)
    return success();
  InFlightDiagnostic error = root->emitError("has weights ");
  if (found)
    error << "laid out as " << found;
  else
    error << "as they are";
  error << ", but the schedule of @" << kernel.getSymName() << " reads ";
  if (layout)
    return error << layout;
  return error << "them as they are";
}

/// The weights lie in memory as the schedule says that they are read.
LogicalResult verifyWeights(KernelOp kernel, Operation *root, ArrayRef<WeightForm> forms) {
  if (forms.empty())
    return verifyForm(kernel, root, root->getOperand(1), nullptr);
  for (const WeightForm &form : forms)
    if (failed(verifyForm(kernel, root, form.weights->get(), form.layout)))
      return failure();
  return success();
}

/// The channels that one group of a matrix product or convolution sums over.
AffineExpr getInChannels(Operation *root) {
  AffineExpr channels = getDims(root->getOperand(0).getType()).back();
  auto conv = dyn_cast<ConvOp>(root);
  return conv ? channels.floorDiv(conv.getGroups()) : channels;
}

AffineExpr getBytes(ScratchBytes scratch, Operation *root) {
  return getInChannels(root) * scratch.perChannel + scratch.fixed;
}

/// What computes the weights of a contraction in its kernel; null if they are read as they are.
DequantizeBlocksOp getNarrowWeights(Operation *root) {
  return root->getOperand(1).getDefiningOp<DequantizeBlocksOp>();
}

/// A strategy whose kernels have a root, and schedules of one kind.
template <typename ScheduleT> class ScheduledStrategy : public CpuStrategy {
public:
  bool match(Operation *op, TargetAttrInterface) const override { return computes(op); }
  ScheduleAttrInterface choose(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseFor(getRoot(kernel, *this), cast<TargetAttr>(target));
  }
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface) const override {
    return cpu::chooseTasks(kernel);
  }
  LogicalResult verify(KernelOp kernel) const override {
    auto schedule = dyn_cast_if_present<ScheduleT>(kernel.getScheduleAttr());
    Operation *root = getRoot(kernel, *this);
    if (!schedule || !root)
      return complainAboutSchedule(kernel);
    if (!computes(root))
      return root->emitError("is nothing that the strategy of @")
             << kernel.getSymName() << " computes: " << getName();
    return verifyRoot(kernel, root, schedule);
  }
  AffineExpr getScratchBytes(KernelOp kernel) const final {
    auto schedule = dyn_cast_if_present<ScheduleT>(kernel.getScheduleAttr());
    Operation *root = getRoot(kernel, *this);
    return schedule && root && computes(root) ? getScratchOf(root, schedule) : AffineExpr();
  }

protected:
  /// Whether there is code for kernels around `op`, worthwhile or not.
  virtual bool computes(Operation *op) const = 0;
  virtual ScheduleT chooseFor(Operation *root, TargetAttr target) const = 0;
  virtual LogicalResult verifyRoot(KernelOp kernel, Operation *root, ScheduleT schedule) const {
    return success();
  }
  virtual AffineExpr getScratchOf(Operation *root, ScheduleT schedule) const { return nullptr; }
};

/// Attention with pointwise ops on its result. Blocks of keys and values have a size that is known,
/// and rows that are read are contiguous.
class AttentionStrategy final : public ScheduledStrategy<AttentionScheduleAttr> {
public:
  StringRef getName() const override { return "attention"; }
  FusionRules getFusionRules(Operation *) const override { return {.takesEpilogue = true}; }
  bool multipliesHalves(Operation *root, TargetAttrInterface target) const override {
    return computes(root) &&
           chooseFor(root, cast<TargetAttr>(target)).getScores().getMma().getInterleave() > 1;
  }
  bool readsHalves(PrecisionOpInterface root, TargetAttrInterface target) const override {
    return multipliesHalves(root, target);
  }
  void emit(KernelEmitter &emitter) const override { emitAttentionKernel(emitter); }

protected:
  bool computes(Operation *op) const override;
  AttentionScheduleAttr chooseFor(Operation *root, TargetAttr target) const override {
    return chooseAttention(target, getAttentionSizes(cast<AttentionOp>(root)));
  }
  AffineExpr getScratchOf(Operation *root, AttentionScheduleAttr schedule) const override {
    AttentionSizes sizes = getAttentionSizes(cast<AttentionOp>(root));
    std::optional<int64_t> keyCount;
    if (sizes.keyCount >= 0)
      keyCount = sizes.keyCount;
    return getAffineConstantExpr(
        attentionScratchBytes(schedule, sizes.depth, sizes.width, keyCount), root->getContext());
  }
};

bool AttentionStrategy::computes(Operation *op) const {
  constexpr int64_t longestRow = 1024;
  auto attention = dyn_cast<AttentionOp>(op);
  if (!attention)
    return false;
  Type type = getElementTypeOrSelf(attention.getQueries());
  if (!type.isF32() && !type.isF16() && !type.isBF16())
    return false;
  DimExprs queries = attention.getQueryDims(), keys = attention.getKeyDims();
  int64_t last = queries.size() - 1;
  for (AffineExpr size : {queries.back(), attention.getValueDims().back()})
    if (getConstantOr(size, 0) < 1 || getConstantOr(size, 0) > longestRow)
      return false;
  AffineExpr heads = queries[last - 2], keyHeads = keys[last - 2];
  if (heads != keyHeads && (getConstantOr(heads, 0) < 1 || getConstantOr(keyHeads, 0) < 1))
    return false;
  return attention.getQueryPermutation()[last] == last &&
         attention.getValuePermutation()[last] == last &&
         attention.getResultPermutation()[last] == last &&
         (attention.getKeyPermutation()[last] == last ||
          attention.getKeyPermutation()[last - 1] == last);
}

/// Whether rounding to the halves of the root's input takes one instruction a vector, as to f16,
/// and not seven, as to bf16 (docs/cpu-codegen.md).
bool roundsAtOnce(PrecisionOpInterface root, TargetAttrInterface target) {
  return getElementTypeOrSelf(root.getMultipliedInput().get()).isF16() &&
         cast<TargetAttr>(target).convertsHalves();
}

/// A convolution reads its input through a slice: other starts, the same strides.
bool isInputOfConv(OpOperand &operand) {
  auto conv = dyn_cast<ConvOp>(operand.getOwner());
  return conv && operand.getOperandNumber() == conv.getInputMutable().getOperandNumber();
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

/// Any other matrix product or convolution.
class ContractionStrategy final : public ScheduledStrategy<ContractionScheduleAttr> {
public:
  StringRef getName() const override { return "contraction"; }
  FusionRules getFusionRules(Operation *root) const override {
    return {.takesEpilogue = true,
            .takesUncertainRows = isa<ConvOp>(root),
            .writesAnywhere = true,
            .mergesDimensions = true};
  }
  bool readsSlice(OpOperand &operand) const override { return isInputOfConv(operand); }
  bool multipliesHalves(Operation *root, TargetAttrInterface target) const override {
    ContractionSizes sizes = getContractionSizes(root);
    return isa_and_present<FloatType>(sizes.inputType) &&
           chooseContraction(cast<TargetAttr>(target), sizes).getMma().getInterleave() > 1;
  }
  bool readsHalves(PrecisionOpInterface root, TargetAttrInterface target) const override {
    return multipliesHalves(root, target);
  }
  OpOperand *getWeights(Operation *root) const override {
    auto matmul = dyn_cast<MatMulOp>(root);
    return !matmul || matmul.sharesRhs() ? &root->getOpOperand(1) : nullptr;
  }
  SmallVector<WeightBlock> getSkippableBlocks(KernelOp kernel,
                                              TargetAttrInterface target) const override;
  std::string describeZeros(KernelOp kernel, TargetAttrInterface target) const override {
    auto schedule = dyn_cast_if_present<ContractionScheduleAttr>(kernel.getScheduleAttr());
    Operation *root = getRoot(kernel, *this);
    if (!schedule || !root)
      return {};
    return cpu::describeZeros(cast<TargetAttr>(target), getContractionSizes(root), schedule);
  }
  bool readsPicked(OpOperand &operand) const override;
  bool readsNarrow(OpOperand &weights) const override;
  Type getRoundedInput(KernelOp kernel) const override;
  SmallVector<WeightForm> getWeightForms(KernelOp kernel) const override;
  bool canCompute(KernelOp kernel) const override;
  void emit(KernelEmitter &emitter) const override {
    emitWhereRowsAgree(emitter, emitContractionKernel);
  }

  void enumerate(KernelOp kernel, TargetAttrInterface target,
                 function_ref<void(ScheduleAttrInterface)> take) const override {
    enumerateContractions(cast<TargetAttr>(target), getContractionSizes(getRoot(kernel, *this)),
                          take);
  }

protected:
  bool computes(Operation *op) const override { return isa<MatMulOp, ConvOp>(op); }
  ContractionScheduleAttr chooseFor(Operation *root, TargetAttr target) const override {
    return chooseContraction(target, getContractionSizes(root));
  }
  AffineExpr getScratchOf(Operation *root, ContractionScheduleAttr schedule) const override {
    Type sum = getAccumulatorType(getElementTypeOrSelf(root->getOperand(0)));
    return getBytes(contractionScratchBytes(schedule, getContractionSizes(root).taps, sum,
                                            bool(getNarrowWeights(root))),
                    root);
  }
  LogicalResult verifyRoot(KernelOp kernel, Operation *root,
                           ContractionScheduleAttr schedule) const override {
    if (!canCompute(kernel))
      return root->emitError(
                 "has operands whose batches broadcast in part, which the strategy of @")
             << kernel.getSymName() << " does not compute";
    if (failed(verifyMma(kernel, root, schedule)))
      return failure();
    return verifyWeights(kernel, root, getWeightForms(kernel));
  }

private:
  LogicalResult verifyMma(KernelOp kernel, Operation *root, ContractionScheduleAttr schedule) const;
};

/// What code of tile registers needs.
static LogicalResult verifyTiles(const ContractionSizes &sizes, ContractionScheduleAttr schedule,
                                 function_ref<InFlightDiagnostic()> complain) {
  MmaAttr mma = schedule.getMma();
  if (!schedule.getPacked())
    return complain() << " with " << mma << ", which reads weights that are packed at compile time";
  int64_t tiles = llvm::divideCeil(schedule.getTileLines() * schedule.getTileRows(), mma.tileRows);
  if (schedule.getLanes() != mma.tileRows || tiles > 2 ||
      tiles * schedule.getTileVectors() > mma.sumTiles)
    return complain() << " whose tiles do not fit tile registers";
  if (!schedule.getPackInput() && !canReadTiles(sizes, schedule))
    return complain() << " that does not pack input of which tiles are not whole";
  return success();
}

/// What code needs that rounds its input to bytes.
static LogicalResult verifyRounding(TargetAttr target, ContractionScheduleAttr schedule,
                                    int64_t codeBits, function_ref<InFlightDiagnostic()> complain) {
  if (schedule.getMma() != chooseByteMma(target))
    return complain() << " with " << schedule.getMma()
                      << ", which does not multiply an input that is rounded to bytes";
  if (!schedule.getPacked() || !schedule.getPackInput())
    return complain() << " with " << schedule.getMma() << " that does not round its input";
  if (!schedule.getPackWeights() && !multipliesCodes(schedule.getMma(), codeBits))
    return complain() << " with " << schedule.getMma() << " that does not decode weights of "
                      << codeBits << " bits";
  return success();
}

/// What code needs that skips zeros of weights.
static LogicalResult verifySkip(const ContractionSizes &sizes, ContractionScheduleAttr schedule,
                                function_ref<InFlightDiagnostic()> complain) {
  MmaAttr mma = schedule.getMma();
  if (!schedule.getPacked() || sizes.hasCodes)
    return complain() << " that skips zeros of weights that are not packed";
  if (mma.hasTiles() || mma.getRows() > 1 || schedule.getMergeTaps() || sizes.inChannels < 0 ||
      sizes.inChannels % mma.getInterleave() != 0)
    return complain() << " with " << mma << ", which does not skip zeros of such weights";
  if (schedule.getSkip().getZeros() != Zeros::Columns)
    return success();
  if (sizes.taps > 1 || mma.getInterleave() > 1 || !schedule.getPackInput() ||
      schedule.getTileLines() > 1 || schedule.getBlockTiles() != 1)
    return complain() << " that skips zeros of columns, but does not pack input of one tap, one "
                         "line and tile at a time";
  return success();
}

LogicalResult ContractionStrategy::verifyMma(KernelOp kernel, Operation *root,
                                             ContractionScheduleAttr schedule) const {
  auto complain = [&] { return root->emitError("has a schedule in @") << kernel.getSymName(); };
  Type input = getElementTypeOrSelf(root->getOperand(0)),
       weights = getElementTypeOrSelf(root->getOperand(1));
  MmaAttr mma = schedule.getMma();
  ContractionSizes sizes = getContractionSizes(root);
  FailureOr<TargetAttrInterface> module = getTarget(kernel);
  if (failed(module))
    return failure();
  // A device's host is asked for it.
  auto target = cast<TargetAttr>(getHost(*module));
  if (!llvm::is_contained(target.getMmas(), mma))
    return complain() << " with " << mma << ", which " << target.getTargetName()
                      << " does not have";
  bool rounds = sizes.mayRoundInput && mma.getInterleave() > 1;
  if (rounds)
    return verifyRounding(target, schedule, sizes.weightBits, complain);
  if (!mma.accepts(input, weights))
    return complain() << " with " << mma << ", which does not multiply " << input << " by "
                      << weights;
  if (schedule.getMergeTaps() && (mma.getInterleave() == 1 || !sizes.tapsAreNeighbours))
    return complain() << " with merge_taps, but there is nothing to merge";
  if (schedule.getSkip() && failed(verifySkip(sizes, schedule, complain)))
    return failure();
  if (mma.hasTiles())
    return verifyTiles(sizes, schedule, complain);
  int64_t interleave = mma.getInterleave();
  if (interleave > 1 && !schedule.getPacked() && !schedule.getPackWeights())
    return complain() << " with " << mma << ", which reads packed weights only";
  if (interleave > 1 && schedule.getPackInput() &&
      (sizes.inChannels < 0 || sizes.inChannels % interleave != 0))
    return complain() << " that packs input, but not whole groups of " << interleave << " channels";
  if (getNarrowWeights(root) && !schedule.getPacked())
    return complain() << " that reads weights as they are, but there are codes of them";
  if (getNarrowWeights(root) && !schedule.getPackInput() && !schedule.getPackWeights())
    return complain() << " that neither decodes weights nor packs input for codes";
  return success();
}

// Where rows may not agree in a run, single weights are read as well (emitWhereRowsAgree).
SmallVector<WeightBlock> ContractionStrategy::getSkippableBlocks(KernelOp kernel,
                                                                 TargetAttrInterface target) const {
  if (!kernel.getOps<BroadcastOp>().empty())
    return {};
  return listSkippableBlocks(cast<TargetAttr>(target), getContractionSizes(getRoot(kernel, *this)));
}

// The matrices of batches, picked one by one.
bool ContractionStrategy::readsPicked(OpOperand &operand) const {
  auto matmul = dyn_cast<MatMulOp>(operand.getOwner());
  auto gather = operand.get().getDefiningOp<GatherOp>();
  if (!matmul || !gather || &operand != &matmul.getRhsMutable() || gather.getAxis() != 0 ||
      getElementTypeOrSelf(gather.getIndices()).isUnsignedInteger() || matmul.sharesRhs() ||
      getDims(gather.getOperand().getType()).size() != 3)
    return false;
  return ArrayRef(getDims(matmul.getType())).drop_back(2) ==
         ArrayRef(getDims(gather.getIndices().getType()));
}

// Products of f32 with constant codes of 2, 4 or 8 bits, in blocks of whole lanes along K.
bool ContractionStrategy::readsNarrow(OpOperand &weights) const {
  auto matmul = dyn_cast<MatMulOp>(weights.getOwner());
  auto dequantize = weights.get().getDefiningOp<DequantizeBlocksOp>();
  if (!matmul || !dequantize || &weights != &matmul.getRhsMutable() || !isPackable(weights) ||
      !getElementTypeOrSelf(matmul.getLhs()).isF32())
    return false;
  auto type = cast<RankedTensorType>(dequantize.getOperand().getType());
  int64_t bits = type.getElementTypeBitWidth(), depthDim = matmul.getTransposeRhs() ? 1 : 0;
  if (type.getRank() != 2 || static_cast<int64_t>(dequantize.getAxis()) != depthDim ||
      !llvm::is_contained({2, 4, 8}, bits) || type.getNumElements() == 0)
    return false;
  int64_t blockSize = dequantize.getBlockSize();
  return blockSize % CodePanelsAttr::getCodesPerLane(bits) == 0 ||
         blockSize >= type.getDimSize(depthDim);
}

Type ContractionStrategy::getRoundedInput(KernelOp kernel) const {
  auto schedule = dyn_cast_if_present<ContractionScheduleAttr>(kernel.getScheduleAttr());
  Operation *root = getRoot(kernel, *this);
  if (!schedule || !root || !getNarrowWeights(root) || schedule.getMma().getInterleave() == 1)
    return nullptr;
  return IntegerType::get(kernel.getContext(), 8);
}

SmallVector<WeightForm> ContractionStrategy::getWeightForms(KernelOp kernel) const {
  auto schedule = cast<ContractionScheduleAttr>(kernel.getScheduleAttr());
  if (!schedule.getPacked())
    return {};
  Operation *root = getRoot(kernel, *this);
  DequantizeBlocksOp narrow = getNarrowWeights(root);
  if (!narrow) {
    auto conv = dyn_cast<ConvOp>(root);
    auto panels = PanelsAttr::get(kernel.getContext(), schedule.getPanelWidth(),
                                  conv ? conv.getGroups() : 1, schedule.getMma().getInterleave(),
                                  schedule.getMergeTaps(), schedule.getMma().getDepth());
    if (SkipAttr skip = schedule.getSkip())
      return {{getWeights(root), SparsePanelsAttr::get(kernel.getContext(), panels, skip)}};
    return {{getWeights(root), panels}};
  }
  auto panels = PanelsAttr::get(kernel.getContext(), schedule.getPanelWidth(), /*groups=*/1,
                                /*interleave=*/1, /*mergeTaps=*/false, /*depth=*/1);
  SmallVector<WeightForm> forms = {
      {&narrow.getOperandMutable(),
       CodePanelsAttr::get(kernel.getContext(), schedule.getPanelWidth())},
      {&narrow.getScaleMutable(), panels}};
  for (OpOperand &zero : narrow.getZeroMutable())
    forms.push_back({&zero, panels});
  return forms;
}

// Products whose operands' batches broadcast against each other in part are computed element by
// element; all others have a regular place for every operand.
bool ContractionStrategy::canCompute(KernelOp kernel) const {
  for (MatMulOp op : kernel.getOps<MatMulOp>()) {
    DimExprs batch = getDims(op.getType());
    batch.truncate(batch.size() - 2);
    auto batchOf = [](Value operand, size_t matrixRank) {
      DimExprs dims = getDims(operand.getType());
      dims.truncate(dims.size() - matrixRank);
      return dims;
    };
    DimExprs lhs = batchOf(op.getLhs(), 2), rhs = batchOf(op.getRhs(), 2);
    auto sameElements = [&](const DimExprs &dims) {
      return product(dims, op.getContext()) == product(batch, op.getContext());
    };
    bool shares = product(lhs, op.getContext()) == getAffineConstantExpr(1, op.getContext());
    if (op.sharesRhs() ? !sameElements(lhs) : !sameElements(rhs) || !(sameElements(lhs) || shares))
      return false;
  }
  return true;
}

/// An irregular op, which a function of the kernel library computes.
class LibraryStrategy final : public CpuStrategy {
public:
  StringRef getName() const override { return "library"; }
  bool match(Operation *op, TargetAttrInterface) const override {
    return isa<LibraryOpInterface>(op);
  }
  KernelResources getResources(Operation *root) const override;
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface) const override {
    return {cast<LibraryOpInterface>(getRoot(kernel, *this)).getMaxTasks()};
  }
  AffineExpr getScratchBytes(KernelOp kernel) const override {
    auto op = dyn_cast_if_present<LibraryOpInterface>(getRoot(kernel, *this));
    return op ? op.getScratchBytes() : AffineExpr();
  }
  LogicalResult verify(KernelOp kernel) const override {
    return kernel.getSchedule() ? complainAboutSchedule(kernel) : success();
  }
  void emit(KernelEmitter &emitter) const override { emitLibraryKernel(emitter); }
};

KernelResources LibraryStrategy::getResources(Operation *root) const {
  auto op = cast<LibraryOpInterface>(root);
  KernelResources resources;
  resources.reportSlots = 1;
  for (auto [number, type] : llvm::enumerate(root->getResultTypes())) {
    resources.reportSlots += cast<RankedTensorType>(type).getRank();
    resources.capacities.push_back(op.getResultCapacity(number));
  }
  return resources;
}

/// Ops that tell their elements one by one, and reductions of rows.
class RowsStrategy final : public CpuStrategy {
public:
  StringRef getName() const override { return "rows"; }
  bool isElemental() const override { return true; }
  bool match(Operation *op, TargetAttrInterface) const override {
    return isa<ElementalOpInterface>(op);
  }
  FusionRules getFusionRules(Operation *) const override {
    return {.takesEpilogue = true, .writesAnywhere = true, .mergesDimensions = true};
  }
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface) const override {
    return cpu::chooseTasks(kernel);
  }
  ScheduleAttrInterface choose(KernelOp, TargetAttrInterface target) const override {
    return chooseRows(cast<TargetAttr>(target));
  }
  void enumerate(KernelOp, TargetAttrInterface target,
                 function_ref<void(ScheduleAttrInterface)> take) const override {
    enumerateRows(cast<TargetAttr>(target), take);
  }
  LogicalResult verify(KernelOp kernel) const override {
    bool isScheduled = isa_and_present<RowsScheduleAttr>(kernel.getScheduleAttr());
    return isScheduled ? success() : complainAboutSchedule(kernel);
  }
  AffineExpr getScratchBytes(KernelOp kernel) const override;
  void emit(KernelEmitter &emitter) const override { emitRowsKernel(emitter); }
};

// Rows of what waits for a later pass.
AffineExpr RowsStrategy::getScratchBytes(KernelOp kernel) const {
  if (kernel.getOps<ReduceOp>().empty())
    return nullptr;
  RowPasses passes(kernel);
  int64_t slots = llvm::count_if(passes.chooseKept(/*mayUseScratch=*/true),
                                 [](const KeptValue &value) { return !value.inResult; });
  return slots ? getAffineConstantExpr(slots * passes.getSlotBytes(), kernel.getContext())
               : AffineExpr();
}

KernelStrategies::Ordered makeStrategies() {
  KernelStrategies::Ordered strategies;
  strategies.push_back(std::make_unique<AttentionStrategy>());
  strategies.push_back(std::make_unique<WinogradStrategy>());
  strategies.push_back(std::make_unique<DepthwiseStrategy>());
  strategies.push_back(std::make_unique<ContractionStrategy>());
  strategies.push_back(std::make_unique<LibraryStrategy>());
  strategies.push_back(std::make_unique<RowsStrategy>());
  return strategies;
}

/// The dialect's interface.
struct CpuStrategies : KernelStrategies {
  explicit CpuStrategies(Dialect *dialect) : KernelStrategies(dialect, makeStrategies()) {}
};

} // namespace

void registerStrategies(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *, CpuDialect *dialect) { dialect->addInterfaces<CpuStrategies>(); });
}

} // namespace tenon::cpu
