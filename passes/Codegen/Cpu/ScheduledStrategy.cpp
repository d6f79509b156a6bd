// What strategies with schedules share (see the header).

#include "passes/Codegen/Cpu/ScheduledStrategy.h"

using namespace mlir;

namespace tenon::cpu {

LogicalResult complainAboutSchedule(KernelOp kernel) {
  return kernel.emitError("has no schedule for its strategy, ") << kernel.getStrategy();
}

/// An operand lies in memory as the schedule says that it is read.
static LogicalResult verifyForm(KernelOp kernel, Operation *root, Value weights,
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

LogicalResult verifyWeights(KernelOp kernel, Operation *root, ArrayRef<WeightForm> forms) {
  if (forms.empty())
    return verifyForm(kernel, root, root->getOperand(1), nullptr);
  for (const WeightForm &form : forms)
    if (failed(verifyForm(kernel, root, form.weights->get(), form.layout)))
      return failure();
  return success();
}

/// The channels that one group of a matrix product or convolution sums over.
static AffineExpr getInChannels(Operation *root) {
  AffineExpr channels = getDims(root->getOperand(0).getType()).back();
  auto conv = dyn_cast<ConvOp>(root);
  return conv ? channels.floorDiv(conv.getGroups()) : channels;
}

AffineExpr getBytes(ScratchBytes scratch, Operation *root) {
  return getInChannels(root) * scratch.perChannel + scratch.fixed;
}

bool isInputOfConv(OpOperand &operand) {
  auto conv = dyn_cast<ConvOp>(operand.getOwner());
  return conv && operand.getOperandNumber() == conv.getInputMutable().getOperandNumber();
}

} // namespace tenon::cpu
