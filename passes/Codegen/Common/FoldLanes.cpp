#include "passes/Codegen/Common/FoldLanes.h"
#include "dialects/Tenon/Reduction.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon {

Value foldLanes(Emitter &e, Value vector, llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t width = cast<VectorType>(vector.getType()).getNumElements() / 2; width > 0;
       width /= 2) {
    auto half = [&](int64_t from) -> Value {
      return vector::ShuffleOp::create(e, vector, vector,
                                       llvm::to_vector(llvm::seq(from, from + width)));
    };
    vector = combine(half(0), half(width));
  }
  return vector::ExtractOp::create(e, vector, ArrayRef<int64_t>{0});
}

// Whether there is a NaN is found out beside the chain of halves, which so takes one instruction
// for each.
Value foldExtremum(Emitter &e, bool isMax, Value most, Value nan) {
  Value isNaN = arith::CmpFOp::create(e, arith::CmpFPredicate::UNO, nan, nan);
  Value hasNaN = vector::ReductionOp::create(e, vector::CombiningKind::OR, isNaN);
  most = foldLanes(e, most,
                   [&](Value a, Value b) { return emitExtremum(e, e.getLoc(), isMax, a, b); });
  auto type = cast<FloatType>(most.getType());
  Value none = arith::ConstantOp::create(
      e, e.getFloatAttr(type, llvm::APFloat::getQNaN(type.getFloatSemantics())));
  return arith::SelectOp::create(e, hasNaN, none, most);
}

} // namespace tenon
