// How codes of 2, 4 or 8 bits become floats.
//
// A lane of 32 bits holds neighbouring channels of an output. What a mask leaves of it is a code
// times a power of two, and an integer that f32 holds: no shift is needed where the input is
// divided by that power beforehand. So a weight takes an "and", a conversion and a multiply-add.

#include "passes/Codegen/Cpu/BlockCodes.h"

using namespace mlir;

namespace tenon::cpu {

BlockCodes::BlockCodes(const ContractionSpec &spec, ContractionScheduleAttr schedule)
    : weights(*spec.codes), inChannels(*constantOf(spec.inChannels)), lanes(schedule.getLanes()) {}

Value BlockCodes::integers(Emitter &e, int64_t value) const {
  auto type = VectorType::get(lanes, e.getI32Type());
  APInt bits(CodePanelsAttr::laneBits, value);
  return arith::ConstantOp::create(e, DenseElementsAttr::get(type, bits));
}

Value BlockCodes::offset(Emitter &e, Value row, int64_t rows, int64_t number) const {
  int64_t channel = number * lanes, width = weights.panelWidth;
  return e.add(e.mul(row, width), channel / width * width * rows + channel % width);
}

Value BlockCodes::load(Emitter &e, Value panel, Value step, int64_t number) const {
  Type lane = e.getI32Type();
  Value pointer = e.offsetPointer(panel, lane, offset(e, step, steps(), number));
  return e.load(VectorType::get(lanes, lane), pointer, /*stored=*/e.getI8Type());
}

/// Code `i` where it is, or down where the first one is if it is the last one.
Value BlockCodes::masked(Emitter &e, Value codes, int64_t i) const {
  if (i + 1 == perLane())
    return arith::ShRUIOp::create(e, codes, integers(e, weights.bits * i));
  int64_t mask = ((int64_t(1) << weights.bits) - 1) << (weights.bits * i);
  return arith::AndIOp::create(e, codes, integers(e, mask));
}

Value BlockCodes::takeShifted(Emitter &e, Value codes, int64_t i) const {
  return e.convert(masked(e, codes, i), e.getF32Type());
}

Value BlockCodes::take(Emitter &e, Value codes, int64_t i) const {
  Value code = masked(e, codes, i);
  if (i > 0 && i + 1 < perLane())
    code = arith::ShRUIOp::create(e, code, integers(e, weights.bits * i));
  return e.convert(code, e.getF32Type());
}

// Two bytes move to the upper half, then every second code to the upper byte of its half.
Value BlockCodes::takeBytes(Emitter &e, Value codes, int64_t step) const {
  int64_t bits = weights.bits;
  if (bits == 8)
    return codes;
  if (step > 0)
    codes = arith::ShRUIOp::create(e, codes, integers(e, 4 * bits * step));
  if (4 * (step + 1) < perLane())
    codes = arith::AndIOp::create(e, codes, integers(e, (int64_t(1) << 4 * bits) - 1));
  auto spread = [&](int64_t distance, int64_t mask) {
    Value moved = arith::ShLIOp::create(e, codes, integers(e, distance));
    codes = arith::AndIOp::create(e, arith::OrIOp::create(e, codes, moved), integers(e, mask));
  };
  spread(16 - 2 * bits, ((int64_t(1) << 2 * bits) - 1) * 0x10001);
  spread(8 - bits, ((int64_t(1) << bits) - 1) * 0x1010101);
  return codes;
}

Value BlockCodes::takeOfBytes(Emitter &e, Value codes, int64_t part) const {
  if (part > 0)
    codes = arith::ShRUIOp::create(e, codes, integers(e, weights.bits * part));
  if (perByte() > 1)
    codes = arith::AndIOp::create(e, codes,
                                  integers(e, ((int64_t(1) << weights.bits) - 1) * 0x1010101));
  return codes;
}

Value BlockCodes::parameter(Emitter &e, Value from, Type type, Value channel, Value block,
                            int64_t number) const {
  Value panel = e.offsetPointer(from, type, e.mul(channel, blocks()));
  Value pointer = e.offsetPointer(panel, type, offset(e, block, blocks(), number));
  return e.load(VectorType::get(lanes, type), pointer, type);
}

Value BlockCodes::scale(Emitter &e, Value channel, Value block, int64_t number) const {
  return parameter(e, weights.scales, e.getF32Type(), channel, block, number);
}

Value BlockCodes::zero(Emitter &e, Value channel, Value block, int64_t number) const {
  auto type = VectorType::get(lanes, e.getF32Type());
  Value bias;
  if (weights.bias != 0)
    bias = arith::ConstantOp::create(
        e, DenseElementsAttr::get(type, cast<Attribute>(e.getF32FloatAttr(weights.bias))));
  if (!weights.zeros)
    return bias;
  Value zeros = parameter(e, weights.zeros, weights.zeroType, channel, block, number);
  // Through 32 bits: there is an instruction for these. Bytes may hold more than a narrow integer.
  if (weights.zeroType.isInteger(8))
    zeros = e.convert(zeros, e.getI32Type(), weights.zerosAreUnsigned);
  if (weights.zeroType.isInteger(8) && weights.bits < 8 && !weights.zerosAreUnsigned) {
    Value unused = integers(e, CodePanelsAttr::laneBits - weights.bits);
    zeros = arith::ShRSIOp::create(e, arith::ShLIOp::create(e, zeros, unused), unused);
  }
  zeros = e.convert(zeros, e.getF32Type());
  return bias ? arith::AddFOp::create(e, zeros, bias).getResult() : zeros;
}

Value BlockCodes::zeroWords(Emitter &e, Value channel, Value block, int64_t number) const {
  auto bias = static_cast<int64_t>(weights.bias);
  if (!weights.zeros)
    return bias == 0 ? Value() : integers(e, bias);
  Value zeros = parameter(e, weights.zeros, weights.zeroType, channel, block, number);
  zeros = e.convert(zeros, e.getI32Type(), /*isUnsigned=*/true);
  // Bytes may hold more than a narrow integer.
  zeros = arith::AddIOp::create(e, zeros, integers(e, bias));
  return arith::AndIOp::create(e, zeros, integers(e, (int64_t(1) << weights.bits) - 1));
}

Value BlockCodes::zeroBytes(Emitter &e, Value channel, Value block, int64_t number) const {
  if (!weights.zeros && weights.bias != 0)
    return integers(e, static_cast<int64_t>(weights.bias) * 0x1010101);
  Value zeros = zeroWords(e, channel, block, number);
  if (!zeros)
    return nullptr;
  for (int64_t distance : {8, 16})
    zeros = arith::OrIOp::create(e, zeros, arith::ShLIOp::create(e, zeros, integers(e, distance)));
  return zeros;
}

} // namespace tenon::cpu
