// Matrix products, and convolutions that no other strategy computes.

#include "passes/Codegen/Cpu/Kernels.h"
#include "passes/Codegen/Cpu/ScheduledStrategy.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

/// What computes the weights of a contraction in its kernel; null if they are read as they are.
DequantizeBlocksOp getNarrowWeights(Operation *root) {
  return root->getOperand(1).getDefiningOp<DequantizeBlocksOp>();
}

/// Any other matrix product or convolution.
class ContractionStrategy final : public ScheduledStrategy<ContractionScheduleAttr> {
public:
  StringRef getName() const override { return "contraction"; }
  FusionRules getFusionRules(Operation *root) const override {
    // Such rows are read from weights one by one, which parts of them are not for.
    bool hasParts = getContractionSizes(root).bfloatProducts > 1;
    return {.takesEpilogue = true,
            .takesUncertainRows = isa<ConvOp>(root) && !hasParts,
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
  MultipliedParts getMultipliedParts(KernelOp kernel) const override;
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
  bool takesCodes = !schedule.getPackWeights() || schedule.getFewRows() > 0;
  if (takesCodes && !multipliesCodes(schedule.getMma(), codeBits))
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
  if (mma.getProducts() > 1 && mma.getProducts() != sizes.bfloatProducts)
    return complain() << " with " << mma << ", which the op does not allow";
  if (schedule.getFewRows() > 0 && (!getNarrowWeights(root) || !schedule.getPackWeights()))
    return complain() << " with few_rows that does not decode weights for more rows";
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

MultipliedParts ContractionStrategy::getMultipliedParts(KernelOp kernel) const {
  auto schedule = dyn_cast_if_present<ContractionScheduleAttr>(kernel.getScheduleAttr());
  int64_t products = schedule ? schedule.getMma().getProducts() : 1;
  if (products == 1)
    return {};
  return {BFloat16Type::get(kernel.getContext()), products};
}

SmallVector<WeightForm> ContractionStrategy::getWeightForms(KernelOp kernel) const {
  auto schedule = cast<ContractionScheduleAttr>(kernel.getScheduleAttr());
  if (!schedule.getPacked())
    return {};
  Operation *root = getRoot(kernel, *this);
  DequantizeBlocksOp narrow = getNarrowWeights(root);
  if (!narrow) {
    auto conv = dyn_cast<ConvOp>(root);
    auto panels =
        PanelsAttr::get(kernel.getContext(), schedule.getPanelWidth(), conv ? conv.getGroups() : 1,
                        schedule.getMma().getInterleave(), schedule.getMergeTaps(),
                        schedule.getMma().getDepth(), schedule.getMma().getParts());
    if (SkipAttr skip = schedule.getSkip())
      return {{getWeights(root), SparsePanelsAttr::get(kernel.getContext(), panels, skip)}};
    return {{getWeights(root), panels}};
  }
  auto panels = PanelsAttr::get(kernel.getContext(), schedule.getPanelWidth(), /*groups=*/1,
                                /*interleave=*/1, /*mergeTaps=*/false, /*depth=*/1, /*parts=*/1);
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

} // namespace

std::unique_ptr<KernelStrategy> createContractionStrategy() {
  return std::make_unique<ContractionStrategy>();
}

} // namespace tenon::cpu
