// Lays out the weights of kernels as their schedules read them.
//
// Where a kernel's weights are known when the model is compiled (`tenon.weights` on its argument),
// the schedule may say in which form its code likes to read them. The ops that write this form go
// in front of each launch, and are folded with the weights; in the kernel, `tenon.unpack` gives the
// weights their own form back, for whoever does not read them in the other one:
//
//   %y = tenon.launch @k(%x, %w)              %p = reshape, pad, transpose of %w
//                                     ->      %y = tenon.launch @k(%x, %p)
//   @k(%a, %b): matmul %a, %b                 @k(%a, %b): matmul %a, (unpack %b)
//
// Of weights that the kernel dequantizes, this is done to codes, scales and zero points, each in
// its own form.

#include "dialects/Target/KernelStrategy.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Layout/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/Layout/Passes.h.inc"

using namespace mlir;

namespace {

class WeightPacker {
public:
  explicit WeightPacker(ModuleOp module) {
    module.walk(
        [&](LaunchOp launch) { launches[launch.getKernelAttr().getAttr()].push_back(launch); });
  }

  LogicalResult pack(KernelOp kernel, Operation *root, ArrayRef<WeightForm> forms);

private:
  LogicalResult pack(KernelOp kernel, const WeightForm &form, bool isTransposed);
  /// The weights in this form, behind what computes them; null if it does not hold them.
  Value build(Value weights, bool isTransposed, WeightLayoutAttrInterface layout);

  llvm::DenseMap<StringAttr, SmallVector<LaunchOp>> launches;
  /// By weights and form, as they are and transposed.
  llvm::DenseMap<std::pair<Value, Attribute>, Value> built[2];
};

/// The permutation that swaps the last two of `rank` dimensions.
SmallVector<int64_t> swapLast(int64_t rank) {
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(permutation[rank - 1], permutation[rank - 2]);
  return permutation;
}

} // namespace

Value WeightPacker::build(Value weights, bool isTransposed, WeightLayoutAttrInterface layout) {
  Value &packed = built[isTransposed][{weights, layout}];
  if (packed)
    return packed;
  OpBuilder b(weights.getContext());
  b.setInsertionPointAfterValue(weights);
  Value straight = weights;
  if (isTransposed)
    straight = TransposeOp::create(
        b, weights.getLoc(), weights,
        b.getDenseI64ArrayAttr(swapLast(cast<RankedTensorType>(weights.getType()).getRank())));
  packed = layout.buildPacking(b, weights.getLoc(), straight);
  if (straight != weights && straight.use_empty())
    straight.getDefiningOp()->erase();
  return packed;
}

/// The type with its last two dimensions swapped.
static RankedTensorType transposed(RankedTensorType type) {
  SmallVector<int64_t> shape(type.getShape());
  std::swap(shape.back(), shape[shape.size() - 2]);
  return RankedTensorType::get(shape, type.getElementType());
}

/// Lets the root of a kernel take its right operand as it is instead of transposed; whether it took
/// it so. What is dequantized is transposed with its operands.
static bool straighten(Operation *root) {
  auto matmul = dyn_cast<MatMulOp>(root);
  if (!matmul || !matmul.getTransposeRhs())
    return false;
  matmul.setTransposeRhs(false);
  if (auto dequantize = matmul.getRhs().getDefiningOp<DequantizeBlocksOp>()) {
    auto type = cast<RankedTensorType>(dequantize.getType());
    dequantize.getResult().setType(transposed(type));
    dequantize.setAxis(2 * type.getRank() - 3 - dequantize.getAxis());
  }
  return true;
}

LogicalResult WeightPacker::pack(KernelOp kernel, Operation *root, ArrayRef<WeightForm> forms) {
  if (forms.empty())
    return success();
  bool isTransposed = straighten(root);
  for (const WeightForm &form : forms)
    if (failed(pack(kernel, form, isTransposed)))
      return failure();
  return success();
}

LogicalResult WeightPacker::pack(KernelOp kernel, const WeightForm &form, bool isTransposed) {
  auto [operand, layout] = form;
  OpOperand &weights = *operand;
  auto argument = cast<BlockArgument>(weights.get());
  auto type = cast<RankedTensorType>(argument.getType());
  if (isTransposed)
    type = transposed(type);
  // Who else reads the weights reads them as they are.
  unsigned number = argument.getArgNumber();
  bool isShared = !argument.hasOneUse();
  RankedTensorType packedType = layout.getPackedType(type);
  if (isShared) {
    number = kernel.getNumArguments();
    (void)kernel.insertArgument(number, packedType, {}, argument.getLoc());
  } else {
    SmallVector<Type> inputs(kernel.getArgumentTypes());
    inputs[number] = packedType;
    kernel.setFunctionType(FunctionType::get(kernel.getContext(), inputs, kernel.getResultTypes()));
    argument.setType(packedType);
  }
  OpBuilder b = OpBuilder::atBlockBegin(&kernel.getEntryBlock());
  weights.set(UnpackOp::create(b, weights.getOwner()->getLoc(), type,
                               kernel.getEntryBlock().getArgument(number), layout));
  for (LaunchOp launch : launches.lookup(kernel.getSymNameAttr())) {
    Value packed = build(launch.getInputs()[argument.getArgNumber()], isTransposed, layout);
    if (!packed)
      return launch.emitError("has weights that ") << layout << " does not hold";
    if (isShared)
      launch.getInputsMutable().append(packed);
    else
      launch.getInputsMutable()[number].set(packed);
  }
  return success();
}

namespace {

struct PackWeights : impl::PackWeightsPassBase<PackWeights> {
  using PackWeightsPassBase::PackWeightsPassBase;

  void runOnOperation() override {
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    WeightPacker packer(getOperation());
    for (KernelOp kernel : getOperation().getOps<KernelOp>()) {
      const KernelStrategy *strategy = strategies->lookup(kernel);
      if (!strategy)
        return signalPassFailure();
      Operation *root = getRoot(kernel, *strategy);
      if (!root || !kernel.getSchedule())
        continue;
      SmallVector<WeightForm> forms = strategy->getWeightForms(kernel);
      llvm::erase_if(
          forms, [](const WeightForm &form) { return !isa<BlockArgument>(form.weights->get()); });
      if (failed(packer.pack(kernel, root, forms)))
        return signalPassFailure();
      numPacked += forms.size();
    }
  }
};

} // namespace

} // namespace tenon
