// Steps of a microkernel that reads weights without their zeros (SparsePanels.h). Zeros of single
// columns have a microkernel of their own (ContractionColumns.cpp).
#include "passes/Codegen/Cpu/MicrokernelBody.h"
#include "passes/Codegen/Cpu/SparseWeights.h"

using namespace mlir;

namespace tenon::cpu {

/// The steps of one tap whose weights are not all zero.
auto MicrokernelEmitter::Body::emitKeptBlocks(Value input, Value tap, Sums sums) -> Sums {
  return SparseWeights(spec).forBlocks(
      emitter, operands.weights, tap, sums, [&](Value row, Value weights, ValueRange carried) {
        Value here = emitter.offsetPointer(input, inputType, emitter.mul(row, inputStep));
        return emitStep(here, weights, /*unrolled=*/0, Sums(carried));
      });
}

/// All steps of one tap, whose weights are put back to their places between zeros.
auto MicrokernelEmitter::Body::emitKeptWeights(Value input, Value tap, Sums sums) -> Sums {
  SparseWeights sparse(spec);
  Value list = sparse.list(emitter, operands.weights, tap);
  sums.push_back(sparse.first(emitter, list));
  auto step = [&](Value row, Value here, int64_t unrolled, Sums carried) {
    Value at = carried.pop_back_val();
    SmallVector<Value> weights;
    for (int64_t v = 0; v < shape.vectors; ++v) {
      Value vector = sparse.expand(emitter, list, row, v * lanes * contraction.interleave,
                                   VectorType::get(lanes, weightType), at);
      weights.push_back(parent.mma->prepareWeights(emitter, vector));
    }
    carried = multiplyStep(here, weights, unrolled, std::move(carried));
    carried.push_back(at);
    return carried;
  };
  Value steps = contraction.sumSteps, trip = emitter.i64(unroll);
  Value mainEnd = emitter.mul(emitter.div(steps, trip), trip);
  auto visit = [&](Value from, Value to, int64_t count) {
    sums = emitter.loop(from, to, emitter.i64(count), sums, [&](Value k, ValueRange carried) {
      Value here = emitter.offsetPointer(input, inputType, emitter.mul(k, inputStep));
      Sums next(carried);
      for (int64_t u = 0; u < count; ++u)
        next = step(emitter.add(k, u), here, u, std::move(next));
      return next;
    });
  };
  visit(emitter.i64(0), mainEnd, unroll);
  visit(mainEnd, steps, 1);
  sums.pop_back();
  return sums;
}

} // namespace tenon::cpu
