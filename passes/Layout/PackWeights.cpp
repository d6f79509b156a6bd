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

  void pack(KernelOp kernel, OpOperand &weights, WeightLayoutAttrInterface layout);

private:
  /// The weights in this form, behind what computes them.
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
  return packed = layout.buildPacking(b, weights.getLoc(), straight);
}

void WeightPacker::pack(KernelOp kernel, OpOperand &weights, WeightLayoutAttrInterface layout) {
  auto argument = cast<BlockArgument>(weights.get());
  auto type = cast<RankedTensorType>(argument.getType());
  auto matmul = dyn_cast<MatMulOp>(weights.getOwner());
  bool isTransposed = matmul && matmul.getTransposeRhs();
  if (isTransposed) {
    SmallVector<int64_t> shape(type.getShape());
    std::swap(shape.back(), shape[shape.size() - 2]);
    type = RankedTensorType::get(shape, type.getElementType());
    matmul.setTransposeRhs(false);
  }
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
    if (isShared)
      launch.getInputsMutable().append(packed);
    else
      launch.getInputsMutable()[number].set(packed);
  }
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
      OpOperand *weights = root ? strategy->getWeights(root) : nullptr;
      if (!weights || !kernel.getSchedule() || !isa<BlockArgument>(weights->get()))
        continue;
      if (WeightLayoutAttrInterface layout = strategy->getWeightLayout(kernel)) {
        packer.pack(kernel, *weights, layout);
        ++numPacked;
      }
    }
  }
};

} // namespace

} // namespace tenon
