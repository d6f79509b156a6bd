// A microkernel that multiplies codes of a few bits as they are (BlockCodes.h).
#include "passes/Codegen/Cpu/MicrokernelBody.h"

using namespace mlir;

namespace tenon::cpu {

/// Products with codes, without decoding them: each block is summed by itself, and
///
///   sum over k of x[k] (q[k] - zero) scale = (sum over k of x[k] q[k] - zero * sum over k of x[k])
///   scale
///
/// A step takes the channels of one lane.
auto MicrokernelEmitter::Body::emitCodes(Sums totals) -> Sums {
  BlockCodes codes(spec, schedule);
  int64_t whole = codes.channels() / codes.blockSize();
  totals = emitter.loop(emitter.i64(0), emitter.i64(whole), emitter.i64(1), totals,
                        [&](Value block, ValueRange carried) {
                          return emitBlock(codes, block, codes.blockSize(), Sums(carried));
                        });
  if (int64_t rest = codes.channels() % codes.blockSize())
    totals = emitBlock(codes, emitter.i64(whole), rest, std::move(totals));
  return totals;
}

auto MicrokernelEmitter::Body::emitBlock(const BlockCodes &codes, Value block, int64_t size,
                                         Sums totals) -> Sums {
  /// Blocks of so many steps of all rows are straight code.
  constexpr int64_t shortBlock = 4;
  Value first = emitter.mul(block, codes.blockSize() / codes.perLane());
  int64_t steps = size / codes.perLane();
  Value nothing = arith::ConstantOp::create(emitter, emitter.getZeroAttr(vectorType));
  Sums sums(totals.size(), nothing);
  if (steps * shape.rows <= shortBlock) {
    for (int64_t step = 0; step < steps; ++step)
      sums = emitCodeStep(codes, emitter.add(first, step), codes.perLane(), std::move(sums));
  } else {
    sums = emitter.loop(emitter.i64(0), emitter.i64(steps), emitter.i64(1), sums,
                        [&](Value step, ValueRange carried) {
                          return emitCodeStep(codes, emitter.add(first, step), codes.perLane(),
                                              Sums(carried));
                        });
  }
  if (int64_t rest = size % codes.perLane())
    sums = emitCodeStep(codes, emitter.add(first, steps), rest, std::move(sums));

  CodeInput layout(codes);
  Type f32 = emitter.getF32Type();
  Value rows = emitter.i64(shape.lines * shape.rows);
  for (int64_t v = 0; v < shape.vectors; ++v) {
    Value scale = codes.scale(emitter, operands.place.channel, block, v);
    Value zero = codes.zero(emitter, operands.place.channel, block, v);
    if (zero)
      zero = arith::NegFOp::create(emitter, zero);
    for (int64_t row = 0; row < shape.lines * shape.rows; ++row) {
      int64_t number = row * shape.vectors + v;
      Value sum = sums[number];
      if (zero) {
        Value at = emitter.add(layout.sums(emitter, rows, emitter.i64(row)), block);
        Value inputs = emitter.load(f32, emitter.offsetPointer(operands.input, f32, at));
        inputs = vector::BroadcastOp::create(emitter, vectorType, inputs);
        sum = emitter.multiplyAdd(zero, inputs, sum);
      }
      totals[number] = emitter.multiplyAdd(sum, scale, totals[number]);
    }
  }
  return totals;
}

/// `count` channels, whose codes lie in one lane of each output channel.
auto MicrokernelEmitter::Body::emitCodeStep(const BlockCodes &codes, Value step, int64_t count,
                                            Sums sums) -> Sums {
  Type f32 = emitter.getF32Type();
  if (operands.prefetch)
    parent.prefetchNext(emitter, operands, step);
  SmallVector<Value> lanesOf;
  for (int64_t v = 0; v < shape.vectors; ++v)
    lanesOf.push_back(codes.load(emitter, operands.weights, step, v));
  Value first = emitter.mul(step, codes.perLane());
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<Value> inputs;
    for (Value offset : rowOffsets) {
      Value at = emitter.add(emitter.add(first, i), offset);
      Value x = emitter.load(f32, emitter.offsetPointer(operands.input, f32, at));
      inputs.push_back(vector::BroadcastOp::create(emitter, vectorType, x));
    }
    for (int64_t v = 0; v < shape.vectors; ++v) {
      Value code = codes.takeShifted(emitter, lanesOf[v], i);
      for (auto [row, x] : llvm::enumerate(inputs)) {
        Value &sum = sums[row * shape.vectors + v];
        sum = emitter.multiplyAdd(code, x, sum);
      }
    }
  }
  return sums;
}

} // namespace tenon::cpu
