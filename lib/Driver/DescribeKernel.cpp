// What reports say of a kernel (see the header).

#include "lib/Driver/DescribeKernel.h"
#include "dialects/Target/KernelStrategy.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace tenon::driver {

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
  auto [part, summands] = strategy ? strategy->getMultipliedParts(kernel) : MultipliedParts();
  if (summands > 1)
    return other + " (" + std::to_string(summands) + " x " + nameOf(part) + ")";
  if (part)
    return nameOf(part);
  return input == other ? input : input + " x " + other;
}

std::string remarksOf(KernelOp kernel) {
  FailureOr<TargetStrategies> strategies = TargetStrategies::of(kernel);
  const KernelStrategy *strategy = succeeded(strategies) ? strategies->lookup(kernel) : nullptr;
  if (!strategy)
    return {};
  SmallVector<std::string> remarks = {strategy->describeZeros(kernel, strategies->getTarget()),
                                      strategy->describeObstacle(kernel, strategies->getTarget())};
  llvm::erase_if(remarks, [](const std::string &remark) { return remark.empty(); });
  return llvm::join(remarks, ", ");
}

} // namespace tenon::driver
