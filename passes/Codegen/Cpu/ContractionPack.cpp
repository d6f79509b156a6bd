// Packing turns strided reads into sequential ones: a microkernel reads one input element of every
// row, and every weight vector of a panel, per channel. Both are transposed in registers, a square
// of vectors at a time; stores write whole vectors in ascending order, so that each overwrites what
// the one before it wrote too far, and the last one needs slack behind the buffer.
#include "passes/Codegen/Cpu/ContractionPack.h"
#include "passes/Codegen/Cpu/LaneExchange.h"

using namespace mlir;

namespace tenon::cpu {

ScratchLayout::ScratchLayout(ContractionScheduleAttr schedule, int64_t taps, bool hasCodes)
    : mma(schedule.getMma()) {
  int64_t lanes = schedule.getLanes(), panelWidth = schedule.getPanelWidth();
  tilePositions = schedule.getTileRows() * schedule.getTileLines();
  if (mma.hasTiles())
    tilePositions = llvm::alignTo(tilePositions, MmaAttr::tileRows);
  if (skipsColumns(schedule)) {
    tilePositions = llvm::alignTo(tilePositions, lanes);
    columnSums = tilePositions * panelWidth;
  }
  interleave = mma.getInterleave();
  depth = mma.getDepth();
  if (schedule.getPackInput()) {
    // What goes with blocks is no more than there are channels, or steps.
    bool hasBlocks = hasCodes && (interleave > 1 || !schedule.getPackWeights());
    inputTile = tilePositions * taps * mma.getParts() * (hasBlocks ? 2 : 1);
    inputTiles = std::max<int64_t>(1, schedule.getBlockTiles());
    // Whole vectors of positions fit exactly.
    if (!columnSums)
      slack = std::max(slack, lanes * tilePositions + lanes);
  }
  if (schedule.getPackWeights()) {
    weightPanel = panelWidth * taps * (hasCodes && interleave > 1 ? 2 : 1);
    slack = std::max(slack, lanes * panelWidth);
  }
}

ScratchBytes ScratchLayout::bytes(int64_t elementBytes) const {
  // Whole cache lines, so that tasks do not share any.
  auto lines = [](int64_t bytes) { return int64_t(llvm::alignTo(bytes, 64)); };
  int64_t stepBytes = mma.getStepBytes(elementBytes);
  int64_t step = (inputTile * inputTiles + weightPanel) * stepBytes;
  if (interleave == 1)
    return {lines((slack + columnSums) * stepBytes), lines(step)};
  // The last steps may be for fewer channels.
  return {lines(slack * stepBytes + step * depth), lines(llvm::divideCeil(step, interleave))};
}

PackEmitter::PackEmitter(ModuleOp module, const NormalizedContraction &contraction,
                         ContractionScheduleAttr schedule, StringRef namePrefix)
    : module(module), contraction(contraction), spec(contraction.spec), schedule(schedule),
      namePrefix(namePrefix), lanes(schedule.getLanes()), panelWidth(schedule.getPanelWidth()) {}

void PackEmitter::emitTransposedCopy(Emitter &e, ArrayRef<Value> rows, Type type, Type packedType,
                                     bool isUnsigned, Value packed, Value pitch) {
  Type packedStep = contraction.getStepType(packedType);
  Value zero = e.i64(0), width = e.i64(lanes);
  Value steps = e.div(contraction.sumChannels, e.i64(contraction.interleave));
  Value wholeEnd = e.mul(e.div(steps, width), width);
  auto loadSteps = [&](Value row, Value k, Value mask) -> Value {
    auto stored = VectorType::get(lanes, contraction.getStepType(type));
    Value pointer = e.offsetPointer(row, type, e.mul(k, contraction.interleave));
    Value loaded = e.maskedLoad(stored, pointer, mask, type);
    if (contraction.interleave == 1)
      return e.convert(loaded, packedType, isUnsigned);
    if (type == packedType)
      return loaded;
    Value channels = splitChannels(e, loaded, contraction.interleave, packedType, isUnsigned);
    return vector::BitCastOp::create(e, VectorType::get(lanes, packedStep), channels);
  };
  auto copyBlock = [&](Value k, Value mask) {
    SmallVector<SmallVector<Value>> squares;
    for (size_t first = 0; first < rows.size(); first += lanes) {
      SmallVector<Value> square;
      for (Value row : rows.drop_front(first).take_front(lanes))
        square.push_back(loadSteps(row, k, mask));
      square.resize(lanes);
      squares.push_back(emitTranspose(e, square));
    }
    Value to = e.offsetPointer(packed, packedStep, e.mul(k, pitch));
    for (int64_t channel = 0; channel < lanes; ++channel) {
      Value row = e.offsetPointer(to, packedStep, e.mul(pitch, channel));
      for (auto [number, square] : llvm::enumerate(squares))
        e.store(square[channel], e.offsetPointer(row, packedStep, int64_t(number) * lanes));
    }
  };
  e.loop(zero, wholeEnd, width, [&](Value k) { copyBlock(k, nullptr); });
  Value rest = e.sub(steps, wholeEnd);
  if (isConstant(rest, 0))
    return;
  e.ifThen(e.less(wholeEnd, steps), [&] { copyBlock(wholeEnd, e.laneMask(lanes, rest)); });
}

/// One function serves every number of rows in a line: rows that do not exist repeat the last one.
void PackEmitter::emitPackInput(Emitter &e, int64_t lines, Value rows, Value input, Value packed) {
  int64_t most = constantOf(rows).value_or(schedule.getTileRows());
  Value last = e.sub(rows, e.i64(1));
  SmallVector<Value> offsets;
  for (int64_t line = 0; line < lines; ++line)
    for (int64_t row = 0; row < most; ++row)
      offsets.push_back(e.add(e.mul(contraction.height.step, line),
                              e.mul(contraction.width.step, e.min(e.i64(row), last))));
  Value pitch = e.mul(rows, lines);
  if (skipsColumns(schedule))
    pitch = e.mul(e.ceilDiv(pitch, e.i64(lanes)), lanes);
  Type step = contraction.getStepType(contraction.packedInputType);
  contraction.forTaps(e, input, {}, [&](Value tapInput, Value tap, ValueRange) {
    SmallVector<Value> pointers;
    for (Value offset : offsets)
      pointers.push_back(e.offsetPointer(tapInput, spec.inputType, offset));
    Value before = e.mul(e.mul(tap, contraction.sumSteps), pitch);
    emitTransposedCopy(e, pointers, spec.inputType, contraction.packedInputType,
                       spec.inputIsUnsigned, e.offsetPointer(packed, step, before), pitch);
    return SmallVector<Value>();
  });
}

// The order of additions is the same for vectors of any length: eight sums, which are added in
// order.
void PackEmitter::emitPackForCodes(Emitter &e, Value rows, Value input, Value packed) {
  constexpr int64_t width = 8;
  BlockCodes codes(spec, schedule);
  CodeInput layout(codes);
  Type f32 = e.getF32Type();
  auto vectorType = VectorType::get(width, f32);
  auto shiftsFrom = [&](int64_t first) -> Value {
    SmallVector<float> shifts;
    for (int64_t i = 0; i < width; ++i)
      shifts.push_back(1 / codes.shiftOf((first + i) % codes.perLane()));
    return arith::ConstantOp::create(e, DenseElementsAttr::get(vectorType, ArrayRef(shifts)));
  };
  Value zero = arith::ConstantOp::create(e, e.getZeroAttr(vectorType));
  // `count` channels from `first` on, which has the code of this number in its lane.
  auto copy = [&](Value row, Value to, Value first, int64_t number, int64_t count, Value sum) {
    Value mask = e.laneMask(width, e.i64(count));
    Value x = e.maskedLoad(vectorType, e.offsetPointer(row, f32, first), mask);
    Value shifted = arith::MulFOp::create(e, x, shiftsFrom(number));
    e.maskedStore(shifted, e.offsetPointer(to, f32, first), mask);
    return arith::AddFOp::create(e, sum, x).getResult();
  };
  e.loop(e.i64(0), rows, e.i64(1), [&](Value row) {
    Value from = e.offsetPointer(input, f32, e.mul(row, contraction.width.step));
    Value to = e.offsetPointer(packed, f32, e.mul(row, layout.channels));
    Value sums = e.offsetPointer(packed, f32, layout.sums(e, rows, row));
    auto copyBlock = [&](Value block, int64_t size) {
      Value first = e.mul(block, codes.blockSize());
      int64_t trip = std::max(width, codes.perLane()), whole = size / trip * trip;
      Value sum =
          e.loop(e.i64(0), e.i64(whole), e.i64(trip), zero, [&](Value k, ValueRange carried) {
            Value sum = carried[0];
            for (int64_t i = 0; i < trip; i += width)
              sum = copy(from, to, e.add(first, e.add(k, i)), i, width, sum);
            return SmallVector<Value>{sum};
          })[0];
      for (int64_t k = whole; k < size; k += width)
        sum = copy(from, to, e.add(first, k), k - whole, std::min(width, size - k), sum);
      Value total = vector::ReductionOp::create(e, vector::CombiningKind::ADD, sum);
      e.store(total, e.offsetPointer(sums, f32, block));
    };
    int64_t whole = layout.channels / codes.blockSize(), rest = layout.channels % codes.blockSize();
    e.loop(e.i64(0), e.i64(whole), e.i64(1),
           [&](Value block) { copyBlock(block, codes.blockSize()); });
    if (rest > 0)
      copyBlock(e.i64(whole), rest);
  });
}

void PackEmitter::packInput(Emitter &emitter, int64_t lines, int64_t rows, Value input,
                            Value packed) {
  // Where one line's end is inside a tile depends on the number of rows, so that it must be known.
  bool anyRows = lines == 1;
  auto [it, isNew] = inputFunctions.try_emplace({lines, anyRows ? 0 : rows});
  if (isNew) {
    Type pointer = input.getType();
    it->second = outlineFunction(
        emitter, module, namePrefix + "_pack_input", {pointer, pointer, emitter.getI64Type()},
        [&](Emitter &e, ValueRange arguments) {
          Value count = anyRows ? arguments[2] : e.i64(rows);
          if (roundsInput(spec, schedule))
            return emitRound(e, count, arguments[0], arguments[1]);
          if (spec.codes && !schedule.getPackWeights())
            return emitPackForCodes(e, count, arguments[0], arguments[1]);
          emitPackInput(e, lines, count, arguments[0], arguments[1]);
        },
        /*noalias=*/2);
  }
  it->second.call(emitter, {input, packed, emitter.i64(rows)});
}

void PackEmitter::forPanelRows(Emitter &e, Value rows, Value columns,
                               llvm::function_ref<void(Value, ArrayRef<Value>)> copyRow) {
  auto copyRows = [&](bool masked) {
    SmallVector<Value> masks(schedule.getTileVectors());
    if (masked)
      for (auto [v, mask] : llvm::enumerate(masks))
        mask = e.laneMask(lanes, e.sub(columns, e.i64(v * lanes)));
    e.loop(e.i64(0), rows, e.i64(1), [&](Value row) { copyRow(row, masks); });
  };
  e.ifThen(e.less(columns, e.i64(panelWidth)), [&] { copyRows(true); }, [&] { copyRows(false); });
}

void PackEmitter::emitPackRowMajor(Emitter &e, Value weights, Value columns, Value packed) {
  Value rows = e.mul(e.mul(contraction.depth.kernel, contraction.height.kernel),
                     e.mul(contraction.width.kernel, spec.inChannels));
  forPanelRows(e, rows, columns, [&](Value row, ArrayRef<Value> masks) {
    Value from = e.offsetPointer(weights, spec.weightType, e.mul(row, spec.weightRowStride));
    Value to = e.offsetPointer(packed, spec.accumulatorType, e.mul(row, panelWidth));
    for (auto [v, mask] : llvm::enumerate(masks)) {
      Value vector = e.maskedLoad(VectorType::get(lanes, spec.weightType),
                                  e.offsetPointer(from, spec.weightType, v * lanes), mask);
      e.store(e.convert(vector, spec.accumulatorType, spec.weightsAreUnsigned),
              e.offsetPointer(to, spec.accumulatorType, v * lanes));
    }
  });
}

/// Each step is made of as many rows of weights, one in each part of its integers.
void PackEmitter::emitInterleaveRows(Emitter &e, Value weights, Value columns, Value packed) {
  int64_t interleave = contraction.interleave;
  int64_t bits = contraction.packedWeightType.getIntOrFloatBitWidth();
  Value steps = contraction.sumSteps, channels = contraction.sumChannels;
  Value last = e.sub(channels, e.i64(1));
  Type stepType = contraction.getStepType(contraction.packedWeightType);
  // Floats as the bits that they are.
  Type stored = isa<FloatType>(spec.weightType) ? e.getIntegerType(bits) : spec.weightType;
  auto vectorType = VectorType::get(lanes, stepType);
  auto splat = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        e, DenseElementsAttr::get(vectorType, cast<Attribute>(e.getIntegerAttr(stepType, value))));
  };
  auto copyStep = [&](Value row, ArrayRef<Value> masks) {
    Value channel = e.mul(e.rem(row, steps), interleave);
    Value base = e.mul(e.div(row, steps), channels);
    Value to = e.offsetPointer(packed, stepType, e.mul(row, panelWidth));
    for (auto [v, mask] : llvm::enumerate(masks)) {
      Value step = splat(0);
      for (int64_t i = 0; i < interleave; ++i) {
        Value number = e.add(channel, i);
        Value offset = e.mul(e.add(base, e.min(number, last)), spec.weightRowStride);
        Value from = e.offsetPointer(weights, spec.weightType, e.add(offset, v * lanes));
        Value part = e.maskedLoad(VectorType::get(lanes, stored), from, mask);
        part = e.convert(part, e.getIntegerType(bits), spec.weightsAreUnsigned);
        part = e.convert(part, stepType, /*isUnsigned=*/true);
        part = arith::ShLIOp::create(e, part, splat(i * bits));
        Value isThere = e.compare(arith::CmpIPredicate::sle, number, last);
        step = arith::OrIOp::create(e, step, e.select(isThere, part, splat(0)));
      }
      e.store(step, e.offsetPointer(to, stepType, v * lanes));
    }
  };
  forPanelRows(e, contraction.countPanelRows(e), columns, copyStep);
}

void PackEmitter::emitPackTransposed(Emitter &e, Value weights, Value columns, Value packed) {
  Value last = e.sub(columns, e.i64(1));
  for (int64_t v = 0; v < schedule.getTileVectors(); ++v) {
    // Columns that do not exist repeat the last one; nobody looks at their sums.
    SmallVector<Value> pointers;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      Value column = e.min(e.i64(v * lanes + lane), last);
      pointers.push_back(
          e.offsetPointer(weights, spec.weightType, e.mul(column, spec.weightRowStride)));
    }
    Value to =
        e.offsetPointer(packed, contraction.getStepType(contraction.packedWeightType), v * lanes);
    emitTransposedCopy(e, pointers, spec.weightType, contraction.packedWeightType,
                       spec.weightsAreUnsigned, to, e.i64(panelWidth));
    emitLastStep(e, pointers, to);
  }
  emitMissingSteps(e, packed);
}

/// Steps that an instruction with tiles reads behind those that there are.
void PackEmitter::emitMissingSteps(Emitter &e, Value packed) {
  if (schedule.getMma().getDepth() == 1)
    return;
  Type stepType = contraction.getStepType(contraction.packedWeightType);
  auto vectorType = VectorType::get(lanes, stepType);
  Value zeros = arith::ConstantOp::create(e, e.getZeroAttr(vectorType));
  Value first = e.ceilDiv(contraction.sumChannels, e.i64(contraction.interleave));
  e.loop(first, contraction.sumSteps, e.i64(1), [&](Value step) {
    Value row = e.offsetPointer(packed, stepType, e.mul(step, panelWidth));
    for (int64_t v = 0; v < schedule.getTileVectors(); ++v)
      e.store(zeros, e.offsetPointer(row, stepType, v * lanes));
  });
}

void PackEmitter::emitDecode(Emitter &e, Value panel, Value channel, Value packed) {
  BlockCodes codes(spec, schedule);
  Type f32 = e.getF32Type();
  auto decodeBlock = [&](Value block, int64_t size) {
    SmallVector<Value> scales, zeros;
    for (int64_t v = 0; v < schedule.getTileVectors(); ++v) {
      scales.push_back(codes.scale(e, channel, block, v));
      zeros.push_back(codes.zero(e, channel, block, v));
    }
    Value firstStep = e.mul(block, codes.blockSize() / codes.perLane());
    Value to = e.offsetPointer(packed, f32, e.mul(block, codes.blockSize() * panelWidth));
    auto decodeStep = [&](Value step, int64_t count) {
      Value rows = e.offsetPointer(to, f32, e.mul(step, codes.perLane() * panelWidth));
      for (int64_t v = 0; v < schedule.getTileVectors(); ++v) {
        Value lane = codes.load(e, panel, e.add(firstStep, step), v);
        for (int64_t i = 0; i < count; ++i) {
          Value weight = codes.take(e, lane, i);
          if (codes.hasZeros())
            weight = arith::SubFOp::create(e, weight, zeros[v]);
          e.store(arith::MulFOp::create(e, weight, scales[v]),
                  e.offsetPointer(rows, f32, i * panelWidth + v * lanes));
        }
      }
    };
    e.loop(e.i64(0), e.i64(size / codes.perLane()), e.i64(1),
           [&](Value step) { decodeStep(step, codes.perLane()); });
    if (int64_t rest = size % codes.perLane())
      decodeStep(e.i64(size / codes.perLane()), rest);
  };
  int64_t whole = codes.channels() / codes.blockSize();
  e.loop(e.i64(0), e.i64(whole), e.i64(1),
         [&](Value block) { decodeBlock(block, codes.blockSize()); });
  if (int64_t rest = codes.channels() % codes.blockSize())
    decodeBlock(e.i64(whole), rest);
}

/// The step of which only some channels exist, if there is one: of all columns, to its row of the
/// panel at `packed`.
void PackEmitter::emitLastStep(Emitter &e, ArrayRef<Value> columns, Value packed) {
  Value interleave = e.i64(contraction.interleave);
  Value full = e.div(spec.inChannels, interleave), rest = e.rem(spec.inChannels, interleave);
  if (isConstant(rest, 0))
    return;
  Type stepType = contraction.getStepType(contraction.packedWeightType);
  Value to = e.offsetPointer(packed, stepType, e.mul(full, panelWidth));
  Value unused = e.sub(e.i64(stepType.getIntOrFloatBitWidth()),
                       e.mul(rest, contraction.packedWeightType.getIntOrFloatBitWidth()));
  e.ifThen(e.less(e.i64(0), rest), [&] {
    // The channels that loading repeats are shifted out.
    Value shift = e.convert(unused, stepType);
    for (auto [number, column] : llvm::enumerate(columns)) {
      Value from = e.offsetPointer(column, spec.weightType, e.mul(full, interleave));
      Value step = loadSomeChannels(e, spec.weightType, contraction.packedWeightType,
                                    spec.weightsAreUnsigned, from, contraction.interleave, rest);
      step = arith::ShLIOp::create(e, step, shift);
      e.store(arith::ShRUIOp::create(e, step, shift),
              e.offsetPointer(to, stepType, int64_t(number)));
    }
  });
}

void PackEmitter::packWeights(Emitter &emitter, Value weights, Value columns, Value packed) {
  if (!weightFunction) {
    Type pointer = weights.getType();
    weightFunction = outlineFunction(
        emitter, module, namePrefix + "_pack_weights", {pointer, emitter.getI64Type(), pointer},
        [&](Emitter &e, ValueRange arguments) {
          if (roundsInput(spec, schedule))
            emitDecodeBytes(e, arguments[0], arguments[1], arguments[2]);
          else if (spec.codes)
            emitDecode(e, arguments[0], arguments[1], arguments[2]);
          else if (spec.weightLayout == WeightLayout::RowMajor && contraction.interleave > 1)
            emitInterleaveRows(e, arguments[0], arguments[1], arguments[2]);
          else if (spec.weightLayout == WeightLayout::RowMajor)
            emitPackRowMajor(e, arguments[0], arguments[1], arguments[2]);
          else
            emitPackTransposed(e, arguments[0], arguments[1], arguments[2]);
        },
        /*noalias=*/3);
  }
  weightFunction->call(emitter, {weights, columns, packed});
}

} // namespace tenon::cpu
