// Products of weights of a few bits with an input that is rounded to bytes, block by block:
//
//   result = sum over blocks b of  sx[b] sw[b] (sum over k in b of qx[k] (qw[k] - zw[b]))
//
// The inner sum is exact in 32 bits. A tile of input is rounded when it is packed, with
//
//   sx[b] = max |x| / 127,  qx[k] = round(x[k] (127 / max |x|))
//
// and a panel of codes becomes signed bytes qw - zw, which the tiles of many rows then share. Where
// an instruction wants bytes of the input without a sign, these are qx + 128, and the sum of a
// block starts from -128 times the sum of its weights.
//
// Few rows multiply codes as they are, since decoding would be most of the work: a shift and a mask
// make bytes of a lane's codes, which are those without a sign then, and the sum of a block starts
// from -zw[b] times the sum of its qx.
#include "passes/Codegen/Cpu/ContractionPack.h"

using namespace mlir;

namespace tenon::cpu {

/// Added to a small number, it leaves that, rounded to even, in the lowest bits.
static constexpr float roundingShift = 12582912.0f; // 1.5 * 2^23
/// What bytes without a sign have more than those with one.
static constexpr int64_t byteOffset = 128;
/// The largest byte.
static constexpr float largestByte = 127;
/// Blocks of smaller numbers count as zeros: the inverse of their scale would be infinite.
static constexpr float smallestBlock = 0x1p-100f;

static Value splat(Emitter &e, int64_t lanes, Type type, Attribute value) {
  return arith::ConstantOp::create(e, DenseElementsAttr::get(VectorType::get(lanes, type), value));
}

static Value splat(Emitter &e, int64_t lanes, float value) {
  return splat(e, lanes, e.getF32Type(), e.getF32FloatAttr(value));
}

static Value splat(Emitter &e, int64_t lanes, int64_t value) {
  return splat(e, lanes, e.getI32Type(), e.getIntegerAttr(e.getI32Type(), value));
}

/// State while one microkernel's body is emitted.
struct MicrokernelEmitter::BlockBody {
  using Sums = SmallVector<Value>;

  BlockBody(const MicrokernelEmitter &parent, Emitter &e, const TileShape &shape,
            const TileOperands &operands)
      : parent(parent), e(e), shape(shape), operands(operands),
        codes(parent.contraction.spec, parent.schedule), layout(codes, parent.multipliesCodes()),
        lanes(parent.schedule.getLanes()), panelWidth(parent.schedule.getPanelWidth()) {}

  void emit();

private:
  Sums emitBlock(Value block, int64_t size, Sums totals);
  Sums emitStep(Value step, Sums sums);
  /// The channels of a lane of codes.
  Sums emitLane(Value lane, Sums sums);
  /// What the sums of a block start from.
  Sums emitStart(Value block);
  Sums emitSteps(Value block, int64_t size, Sums sums);
  Sums emitLanes(Value block, int64_t size, Sums sums);
  /// A vector of a panel's words.
  Value loadWords(Value row, int64_t number);

  const MicrokernelEmitter &parent;
  Emitter &e;
  TileShape shape;
  TileOperands operands;
  BlockCodes codes;
  RoundedInput layout;
  int64_t lanes, panelWidth;
};

Value MicrokernelEmitter::BlockBody::loadWords(Value row, int64_t number) {
  Type word = e.getI32Type();
  Value offset = e.add(e.mul(row, panelWidth), number * lanes);
  return e.load(VectorType::get(lanes, word), e.offsetPointer(operands.weights, word, offset),
                /*stored=*/word);
}

auto MicrokernelEmitter::BlockBody::emitStep(Value step, Sums sums) -> Sums {
  Type word = e.getI32Type();
  SmallVector<Value> weights;
  for (int64_t v = 0; v < shape.vectors; ++v)
    weights.push_back(parent.mma->prepareWeights(e, loadWords(step, v)));
  for (int64_t row = 0; row < shape.rows; ++row) {
    Value at = e.add(step, layout.row(row));
    Value bytes = e.load(word, e.offsetPointer(operands.input, word, at));
    Value input = parent.mma->prepareInput(e, bytes);
    for (int64_t v = 0; v < shape.vectors; ++v)
      parent.mma->multiplyAdd(e, input, weights[v],
                              MutableArrayRef(sums).slice(row * shape.vectors + v, 1));
  }
  return sums;
}

auto MicrokernelEmitter::BlockBody::emitLane(Value lane, Sums sums) -> Sums {
  bool swaps = parent.schedule.getMma().takesUnsignedBytes();
  if (operands.prefetch)
    parent.prefetchNext(e, operands, lane);
  SmallVector<Value> loaded;
  for (int64_t v = 0; v < shape.vectors; ++v)
    loaded.push_back(codes.load(e, operands.weights, lane, v));
  Type word = e.getI32Type();
  for (int64_t part = 0; part < codes.perByte(); ++part) {
    SmallVector<Value> inputs;
    Value at = e.add(e.mul(lane, codes.perByte()), part);
    for (int64_t row = 0; row < shape.rows; ++row)
      inputs.push_back(parent.mma->prepareInput(
          e, e.load(word, e.offsetPointer(operands.input, word, e.add(at, layout.row(row))))));
    for (int64_t v = 0; v < shape.vectors; ++v) {
      Value weights = parent.mma->prepareWeights(e, codes.takeOfBytes(e, loaded[v], part));
      for (auto [row, input] : llvm::enumerate(inputs))
        parent.mma->multiplyAdd(e, swaps ? weights : input, swaps ? input : weights,
                                MutableArrayRef(sums).slice(row * shape.vectors + v, 1));
    }
  }
  return sums;
}

auto MicrokernelEmitter::BlockBody::emitStart(Value block) -> Sums {
  Sums sums(shape.rows * shape.vectors, splat(e, lanes, int64_t(0)));
  Type word = e.getI32Type();
  auto words = VectorType::get(lanes, word);
  for (int64_t v = 0; v < shape.vectors; ++v) {
    Value start = layout.hasSums ? codes.zeroWords(e, operands.place.channel, block, v)
                                 : loadWords(e.add(block, layout.steps), v);
    if (!start)
      continue;
    for (int64_t row = 0; row < shape.rows; ++row) {
      Value &sum = sums[row * shape.vectors + v];
      if (!layout.hasSums) {
        sum = start;
        continue;
      }
      Value at = e.add(layout.sums(e, e.i64(shape.rows), e.i64(row)), block);
      Value inputs = e.load(word, e.offsetPointer(operands.input, word, at));
      inputs = vector::BroadcastOp::create(e, words, inputs);
      sum = arith::SubIOp::create(e, sum, arith::MulIOp::create(e, start, inputs));
    }
  }
  return sums;
}

auto MicrokernelEmitter::BlockBody::emitSteps(Value block, int64_t size, Sums sums) -> Sums {
  /// Steps that are straight code.
  constexpr int64_t unroll = 8;
  Value first = e.mul(block, codes.blockSize() / RoundedInput::step);
  auto emitSome = [&](Value from, int64_t count, Sums sums) {
    for (int64_t i = 0; i < count; ++i)
      sums = emitStep(e.add(from, i), std::move(sums));
    return sums;
  };
  int64_t steps = llvm::divideCeil(size, RoundedInput::step), whole = steps / unroll * unroll;
  sums = e.loop(e.i64(0), e.i64(whole), e.i64(unroll), sums, [&](Value step, ValueRange carried) {
    return emitSome(e.add(first, step), unroll, Sums(carried));
  });
  return emitSome(e.add(first, whole), steps - whole, std::move(sums));
}

auto MicrokernelEmitter::BlockBody::emitLanes(Value block, int64_t size, Sums sums) -> Sums {
  /// Blocks of so many lanes are straight code.
  constexpr int64_t shortBlock = 8;
  Value first = e.mul(block, codes.blockSize() / codes.perLane());
  int64_t count = llvm::divideCeil(size, codes.perLane());
  if (count > shortBlock)
    return e.loop(e.i64(0), e.i64(count), e.i64(1), sums, [&](Value lane, ValueRange carried) {
      return emitLane(e.add(first, lane), Sums(carried));
    });
  for (int64_t lane = 0; lane < count; ++lane)
    sums = emitLane(e.add(first, lane), std::move(sums));
  return sums;
}

auto MicrokernelEmitter::BlockBody::emitBlock(Value block, int64_t size, Sums totals) -> Sums {
  Sums sums = emitStart(block);
  sums = layout.hasSums ? emitLanes(block, size, std::move(sums))
                        : emitSteps(block, size, std::move(sums));
  Type f32 = e.getF32Type();
  auto vectorType = VectorType::get(lanes, f32);
  SmallVector<Value> scales;
  for (int64_t v = 0; v < shape.vectors; ++v)
    scales.push_back(codes.scale(e, operands.place.channel, block, v));
  for (int64_t row = 0; row < shape.rows; ++row) {
    Value at = e.add(layout.scales(e, e.i64(shape.rows), e.i64(row)), block);
    Value inputScale = e.load(f32, e.offsetPointer(operands.input, f32, at));
    inputScale = vector::BroadcastOp::create(e, vectorType, inputScale);
    for (int64_t v = 0; v < shape.vectors; ++v) {
      Value &total = totals[row * shape.vectors + v];
      Value scale = arith::MulFOp::create(e, inputScale, scales[v]);
      total = e.multiplyAdd(e.convert(sums[row * shape.vectors + v], f32), scale, total);
    }
  }
  return totals;
}

void MicrokernelEmitter::BlockBody::emit() {
  ChannelMasks masks(e, parent.contraction.spec, shape, lanes, operands.place.channel);
  Sums totals(shape.rows * shape.vectors, splat(e, lanes, 0.0f));
  int64_t whole = codes.channels() / codes.blockSize(), rest = codes.channels() % codes.blockSize();
  totals = e.loop(e.i64(0), e.i64(whole), e.i64(1), totals, [&](Value block, ValueRange carried) {
    return emitBlock(block, codes.blockSize(), Sums(carried));
  });
  if (rest > 0)
    totals = emitBlock(e.i64(whole), rest, std::move(totals));
  for (int64_t row = 0; row < shape.rows; ++row)
    parent.finish(e, operands.place, e.i64(0), e.i64(row),
                  ArrayRef(totals).slice(row * shape.vectors, shape.vectors), masks);
}

void MicrokernelEmitter::emitBlocks(Emitter &emitter, const TileShape &shape,
                                    const TileOperands &operands) const {
  BlockBody(*this, emitter, shape, operands).emit();
}

namespace {

/// Rounds rows of input to bytes.
class RowRounder {
public:
  RowRounder(Emitter &e, const BlockCodes &codes, int64_t lanes, bool isUnsigned)
      : e(e), codes(codes), lanes(lanes), isUnsigned(isUnsigned) {}

  /// A row of f32 to `bytes`, the scale of each block to `scales`, and, unless that is null, the
  /// sum of its bytes to `sums`.
  void round(Value row, Value bytes, Value scales, Value sums);
  /// Brings the bytes of each lane of codes into the order in which these are taken.
  void orderForCodes(Value bytes);

private:
  using Carried = SmallVector<Value>;

  void roundBlock(Value numbers, int64_t size, Value bytes, Value scale, Value sum);
  /// Calls `take` for each vector of a block with the number of its first element and the mask of
  /// those that there are (null: all), and what the call before it returned.
  Carried forVectors(int64_t size, Carried carried,
                     function_ref<Carried(Value first, Value mask, ValueRange carried)> take);
  Value load(Value numbers, Value first, Value mask) {
    Type f32 = e.getF32Type();
    return e.maskedLoad(VectorType::get(lanes, f32), e.offsetPointer(numbers, f32, first), mask);
  }

  Emitter &e;
  const BlockCodes &codes;
  int64_t lanes;
  bool isUnsigned;
};

} // namespace

auto RowRounder::forVectors(int64_t size, Carried carried,
                            function_ref<Carried(Value, Value, ValueRange)> take) -> Carried {
  /// Blocks of so many vectors are straight code.
  constexpr int64_t shortBlock = 4;
  int64_t whole = size / lanes * lanes;
  if (whole / lanes <= shortBlock)
    for (int64_t first = 0; first < whole; first += lanes)
      carried = take(e.i64(first), nullptr, carried);
  else
    carried = e.loop(e.i64(0), e.i64(whole), e.i64(lanes), carried,
                     [&](Value first, ValueRange values) { return take(first, nullptr, values); });
  if (whole < size)
    carried = take(e.i64(whole), e.laneMask(lanes, e.i64(size - whole)), carried);
  return carried;
}

void RowRounder::roundBlock(Value numbers, int64_t size, Value bytes, Value scale, Value sum) {
  Type f32 = e.getF32Type(), i32 = e.getI32Type(), byte = e.getI8Type();
  auto floats = VectorType::get(lanes, f32), words = VectorType::get(lanes, i32);
  // Magnitudes as the integers that their bits are: NaN is the largest, and so is its scale.
  Value magnitudeBits = splat(e, lanes, int64_t(0x7fffffff));
  Value largest = forVectors(size, {splat(e, lanes, int64_t(0))},
                             [&](Value first, Value mask, ValueRange carried) -> Carried {
                               Value bits =
                                   arith::BitcastOp::create(e, words, load(numbers, first, mask));
                               bits = arith::AndIOp::create(e, bits, magnitudeBits);
                               return {arith::MaxUIOp::create(e, carried[0], bits)};
                             })[0];
  largest = vector::ReductionOp::create(e, vector::CombiningKind::MAXUI, largest);
  largest = arith::BitcastOp::create(e, f32, largest);
  auto number = [&](float value) -> Value {
    return arith::ConstantOp::create(e, e.getF32FloatAttr(value));
  };
  Value zero = number(0), most = number(largestByte);
  Value isNothing =
      arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, largest, number(smallestBlock));
  e.store(e.select(isNothing, zero, arith::DivFOp::create(e, largest, most)), scale);
  Value factor = e.select(isNothing, zero, arith::DivFOp::create(e, most, largest));
  factor = vector::BroadcastOp::create(e, floats, factor);

  Value shift = splat(e, lanes, roundingShift + (isUnsigned ? byteOffset : 0));
  int64_t padded = llvm::alignTo(size, sum ? codes.perLane() : RoundedInput::step);
  Value nothing = splat(e, lanes, int64_t(0));
  Carried sums = forVectors(size, {nothing}, [&](Value first, Value mask, ValueRange carried) {
    Value rounded = e.multiplyAdd(load(numbers, first, mask), factor, shift);
    rounded = arith::BitcastOp::create(e, words, rounded);
    // A step's bytes that stand for no number stand for zeros.
    Value stored = mask ? e.laneMask(lanes, e.sub(e.i64(padded), first)) : Value();
    e.maskedStore(arith::TruncIOp::create(e, VectorType::get(lanes, byte), rounded),
                  e.offsetPointer(bytes, byte, first), stored);
    Value number = arith::SubIOp::create(e, rounded, arith::BitcastOp::create(e, words, shift));
    return Carried{arith::AddIOp::create(e, carried[0], number)};
  });
  if (sum)
    e.store(vector::ReductionOp::create(e, vector::CombiningKind::ADD, sums[0]), sum);
}

void RowRounder::round(Value row, Value bytes, Value scales, Value sums) {
  Type f32 = e.getF32Type(), word = e.getI32Type();
  auto roundAt = [&](Value block, int64_t size) {
    Value first = e.mul(block, codes.blockSize());
    roundBlock(e.offsetPointer(row, f32, first), size, e.offsetPointer(bytes, e.getI8Type(), first),
               e.offsetPointer(scales, f32, block),
               sums ? e.offsetPointer(sums, word, block) : Value());
  };
  int64_t whole = codes.channels() / codes.blockSize(), rest = codes.channels() % codes.blockSize();
  e.loop(e.i64(0), e.i64(whole), e.i64(1), [&](Value block) { roundAt(block, codes.blockSize()); });
  if (rest > 0)
    roundAt(e.i64(whole), rest);
}

void RowRounder::orderForCodes(Value bytes) {
  int64_t perLane = codes.perLane(), perByte = codes.perByte();
  if (perByte == 1)
    return;
  SmallVector<int64_t> order;
  for (int64_t part = 0; part < perByte; ++part)
    for (int64_t byte = 0; byte < RoundedInput::step; ++byte)
      order.push_back(byte * perByte + part);
  Type byte = e.getI8Type();
  e.loop(e.i64(0), e.i64(codes.steps()), e.i64(1), [&](Value lane) {
    Value place = e.offsetPointer(bytes, byte, e.mul(lane, perLane));
    Value natural = e.load(VectorType::get(perLane, byte), place);
    e.store(vector::ShuffleOp::create(e, natural, natural, order), place);
  });
}

void PackEmitter::emitRound(Emitter &e, Value rows, Value input, Value packed) {
  BlockCodes codes(spec, schedule);
  bool multipliesCodes = !schedule.getPackWeights();
  RoundedInput layout(codes, multipliesCodes);
  RowRounder rounder(e, codes, lanes, schedule.getMma().takesUnsignedBytes() && !multipliesCodes);
  Type word = e.getI32Type();
  e.loop(e.i64(0), rows, e.i64(1), [&](Value row) {
    Value from = e.offsetPointer(input, spec.inputType, e.mul(row, contraction.width.step));
    Value bytes = e.offsetPointer(packed, word, e.mul(row, layout.steps)), sums;
    if (multipliesCodes)
      sums = e.offsetPointer(packed, word, layout.sums(e, rows, row));
    rounder.round(from, bytes, e.offsetPointer(packed, word, layout.scales(e, rows, row)), sums);
    if (multipliesCodes)
      rounder.orderForCodes(bytes);
  });
}

void PackEmitter::emitDecodeBytes(Emitter &e, Value panel, Value channel, Value packed) {
  BlockCodes codes(spec, schedule);
  RoundedInput layout(codes, /*multipliesCodes=*/false);
  MmaTypes types = getByteTypes(schedule.getMma());
  std::unique_ptr<Mma> mma = createMma(schedule.getMma(), types, lanes);
  int64_t vectors = schedule.getTileVectors(), stepsPerLane = codes.perLane() / RoundedInput::step;
  Type word = e.getI32Type();
  auto words = VectorType::get(lanes, word);
  auto bytes = VectorType::get(lanes * RoundedInput::step, e.getI8Type());
  auto store = [&](Value value, Value row, int64_t v) {
    Value offset = e.add(e.mul(row, panelWidth), v * lanes);
    e.store(value, e.offsetPointer(packed, word, offset));
  };
  Value offset = arith::ConstantOp::create(
      e, e.getIntegerAttr(word, types.inputIsUnsigned ? byteOffset * 0x1010101 : 0));
  offset = mma->prepareInput(e, offset);

  auto decodeBlock = [&](Value block, int64_t size) {
    SmallVector<Value> zeros;
    for (int64_t v = 0; v < vectors; ++v) {
      Value zero = codes.zeroBytes(e, channel, block, v);
      zeros.push_back(zero ? vector::BitCastOp::create(e, bytes, zero).getResult() : Value());
    }
    // Sums of each channel's weights times the offset of inputs.
    SmallVector<Value> sums(vectors, splat(e, lanes, int64_t(0)));
    Value firstLane = e.mul(block, codes.blockSize() / codes.perLane());
    Value firstStep = e.mul(block, codes.blockSize() / RoundedInput::step);
    auto decodeLane = [&](Value lane, int64_t steps, SmallVector<Value> sums) {
      for (int64_t v = 0; v < vectors; ++v) {
        Value loaded = codes.load(e, panel, e.add(firstLane, lane), v);
        for (int64_t i = 0; i < steps; ++i) {
          Value weights = codes.takeBytes(e, loaded, i);
          if (zeros[v])
            weights = vector::BitCastOp::create(
                e, words,
                arith::SubIOp::create(e, vector::BitCastOp::create(e, bytes, weights), zeros[v]));
          store(weights, e.add(firstStep, e.add(e.mul(lane, stepsPerLane), i)), v);
          mma->multiplyAdd(e, offset, mma->prepareWeights(e, weights),
                           MutableArrayRef(sums).slice(v, 1));
        }
      }
      return sums;
    };
    int64_t steps = llvm::divideCeil(size, RoundedInput::step), whole = steps / stepsPerLane;
    sums = e.loop(e.i64(0), e.i64(whole), e.i64(1), sums, [&](Value lane, ValueRange carried) {
      return decodeLane(lane, stepsPerLane, SmallVector<Value>(carried));
    });
    sums = decodeLane(e.i64(whole), steps % stepsPerLane, std::move(sums));
    for (int64_t v = 0; v < vectors; ++v)
      store(arith::SubIOp::create(e, splat(e, lanes, int64_t(0)), sums[v]),
            e.add(block, layout.steps), v);
  };
  int64_t whole = codes.channels() / codes.blockSize(), rest = codes.channels() % codes.blockSize();
  e.loop(e.i64(0), e.i64(whole), e.i64(1),
         [&](Value block) { decodeBlock(block, codes.blockSize()); });
  if (rest > 0)
    decodeBlock(e.i64(whole), rest);
}

} // namespace tenon::cpu
