// What a launch of a kernel costs.

#include "lib/Driver/Costs.h"
#include "dialects/Target/KernelStrategy.h"

using namespace mlir;

namespace tenon::driver {

int64_t bytesOf(KernelOp kernel) {
  int64_t sum = 0;
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes())) {
    std::optional<int64_t> bytes = countBytes(type);
    if (!bytes)
      return 0;
    sum += *bytes;
  }
  return sum;
}

int64_t flopsOf(KernelOp kernel) {
  int64_t flops = 0;
  for (Operation &op : kernel.getEntryBlock()) {
    if (auto costs = dyn_cast<CostOpInterface>(op)) {
      flops += costs.getFlops();
    } else if (isa<ElementalOpInterface>(op) && !isa<UnpackOp>(op)) {
      Value counted = isa<ReduceOp>(op) ? op.getOperand(0) : op.getResult(0);
      if (isStatic(counted.getType()))
        flops += cast<RankedTensorType>(counted.getType()).getNumElements();
    }
  }
  return flops;
}

/// The name of an element type: "f32", "u8", "bool".
static std::string nameOf(Type type) {
  if (type.isInteger(1))
    return "bool";
  std::string name;
  llvm::raw_string_ostream stream(name);
  // Integers are signed unless they say otherwise.
  if (auto integer = dyn_cast<IntegerType>(type))
    stream << (integer.isUnsigned() ? "u" : "i") << integer.getWidth();
  else
    stream << type;
  return name;
}

std::string precisionOf(KernelOp kernel) {
  auto products = kernel.getOps<PrecisionOpInterface>();
  if (products.empty()) {
    TypeRange results = kernel.getEntryBlock().getTerminator()->getOperandTypes();
    return nameOf(getElementTypeOrSelf(results.front()));
  }
  PrecisionOpInterface product = *products.begin();
  Type type = getElementTypeOrSelf(product.getMultipliedInput().get());
  FailureOr<TargetStrategies> strategies = TargetStrategies::of(kernel);
  const KernelStrategy *strategy = succeeded(strategies) ? strategies->lookup(kernel) : nullptr;
  if (Type rounded = strategy ? strategy->getRoundedInput(kernel) : Type())
    type = rounded;
  std::string input = nameOf(type);
  OpOperand *weights = product.getMultipliedWeights().front();
  Value multiplied = weights->get();
  // As narrow as they are read.
  if (auto narrow = multiplied.getDefiningOp<DequantizeBlocksOp>())
    multiplied = narrow.getOperand();
  std::string other = nameOf(getElementTypeOrSelf(multiplied));
  return input == other ? input : input + " x " + other;
}

std::string zerosOf(KernelOp kernel) {
  FailureOr<TargetStrategies> strategies = TargetStrategies::of(kernel);
  const KernelStrategy *strategy = succeeded(strategies) ? strategies->lookup(kernel) : nullptr;
  return strategy ? strategy->describeZeros(kernel, strategies->getTarget()) : std::string();
}

} // namespace tenon::driver
