// A microkernel computes `lines x rows` output positions by `vectors` vectors of output channels,
// with all sums in registers:
//
//   for tap in taps:                      // structured loops; single taps leave none
//     for k in channels, unrolled:
//       w[v] = load weights               // shared by all rows
//       for row in tile: a = broadcast input[row][k]
//         sum[row][v] = fma(a, w[v], sum[row][v])
//   epilogue(sum[row][v])                 // bias, activation, residual, store: the caller's
//
// What stands for `fma` may take several channels at once (Mma.h): then k counts such steps, and
// the last one may have fewer.
//
// Sums run over taps and channels in one fixed order whatever the tile's shape, so that how rows
// are grouped into tiles, and tiles into tasks, never changes a result.
#include "passes/Codegen/Cpu/ContractionPack.h"
#include "passes/Codegen/Cpu/LaneExchange.h"
#include "passes/Codegen/Cpu/SparseWeights.h"

using namespace mlir;

namespace tenon::cpu {

/// The unroll factor of the loop over `channels` (unknown: none). `limit` is 0 if there is none.
static int64_t chooseUnroll(std::optional<int64_t> channels, int64_t wanted, int64_t limit,
                            int64_t accumulators) {
  // Without any channels there is a loop without trips.
  if (!channels || *channels == 0)
    return wanted;
  // Short loops disappear as long as the code stays within the instruction cache.
  bool isShort = *channels * accumulators <= 256 || *channels <= wanted;
  if (isShort && (!limit || *channels <= limit))
    return *channels;
  // A divisor spares the remainder loop.
  for (int64_t factor : {wanted, wanted + 1, wanted + 2, wanted + 3, wanted - 1, wanted - 2})
    if (factor > 1 && *channels % factor == 0 && (!limit || factor <= limit))
      return factor;
  return limit ? std::min(wanted, limit) : wanted;
}

/// When width taps are part of the channel loop, neighbouring rows read the same input elements, a
/// step of the convolution apart. LLVM would load those once per trip and, as they are too many to
/// keep, spill them; trips no longer than the step have none.
static int64_t unrollLimit(const NormalizedContraction &contraction) {
  int64_t step = contraction.mergesWidthTaps ? constantOf(contraction.width.step).value_or(0) : 0;
  return step % contraction.interleave == 0 ? step / contraction.interleave : 0;
}

Value loadSomeChannels(Emitter &e, Type type, Type part, bool isUnsigned, Value pointer,
                       int64_t interleave, Value count) {
  int64_t bits = part.getIntOrFloatBitWidth();
  Type whole = e.getIntegerType(interleave * bits);
  Value result, last = e.sub(count, e.i64(1));
  // As bits, whatever they stand for. An infinity times zero would be NaN.
  bool isFloat = isa<FloatType>(type);
  if (isFloat)
    type = part = e.getIntegerType(bits);
  for (int64_t i = 0; i < interleave; ++i) {
    Value channel = e.load(type, e.offsetPointer(pointer, type, e.min(e.i64(i), last)));
    channel = e.convert(e.convert(channel, part, isUnsigned), whole, /*isUnsigned=*/true);
    if (i > 0 && isFloat)
      channel = e.select(e.less(e.i64(i), count), channel,
                         arith::ConstantOp::create(e, e.getIntegerAttr(whole, 0)));
    if (i > 0) {
      Value shift = arith::ConstantOp::create(e, e.getIntegerAttr(whole, i * bits));
      channel = arith::OrIOp::create(e, result, arith::ShLIOp::create(e, channel, shift));
    }
    result = channel;
  }
  return result;
}

MicrokernelEmitter::MicrokernelEmitter(ModuleOp module, const NormalizedContraction &contraction,
                                       ContractionScheduleAttr schedule, EpilogueFn epilogue,
                                       StringRef namePrefix)
    : module(module), contraction(contraction), schedule(schedule), epilogue(epilogue),
      namePrefix(namePrefix) {
  const ContractionSpec &spec = contraction.spec;
  MmaTypes types{spec.accumulatorType, spec.inputIsUnsigned, spec.weightsAreUnsigned};
  if (roundsInput(spec, schedule))
    types = getByteTypes(schedule.getMma());
  if (!schedule.getMma().hasTiles())
    mma = createMma(schedule.getMma(), types, schedule.getLanes());
}

SmallVector<Value *> MicrokernelEmitter::passedNumbers(TileOperands &operands) const {
  TilePlace &place = operands.place;
  SmallVector<Value *> numbers{&place.channel};
  auto passUnlessOne = [&](Value size, Value &coordinate) {
    if (!isConstant(size, 1))
      numbers.push_back(&coordinate);
  };
  passUnlessOne(contraction.batch, place.batch);
  passUnlessOne(contraction.spec.group, place.group);
  passUnlessOne(contraction.depth.size, place.depth);
  passUnlessOne(contraction.height.size, place.height);
  passUnlessOne(contraction.width.size, place.width);
  if (schedule.getMma().hasTiles())
    numbers.append({&operands.lines, &operands.rows});
  return numbers;
}

ChannelMasks::ChannelMasks(Emitter &emitter, const ContractionSpec &spec, const TileShape &shape,
                           int64_t lanes, Value firstChannel)
    : lanes(lanes) {
  if (!shape.masked)
    return;
  if (std::optional<int64_t> channels = constantOf(spec.outChannels))
    count = emitter.i64((shape.vectors - 1) * lanes + *channels % lanes);
  else
    count = emitter.sub(spec.outChannels, firstChannel);
}

Value ChannelMasks::of(Emitter &emitter, int64_t number) const {
  if (!count)
    return nullptr;
  return emitter.laneMask(lanes, emitter.sub(count, emitter.i64(number * lanes)));
}

/// State while one microkernel's body is emitted.
struct MicrokernelEmitter::Body {
  using Sums = SmallVector<Value>;

  Body(const MicrokernelEmitter &parent, Emitter &emitter, const TileShape &shape,
       const TileOperands &operands);
  void emit();

private:
  Sums emitTaps(Sums sums);
  Sums emitDotProducts();
  Sums emitCodes(Sums totals);
  Sums emitBlock(const BlockCodes &codes, Value block, int64_t size, Sums totals);
  Sums emitCodeStep(const BlockCodes &codes, Value step, int64_t count, Sums sums);
  Sums emitChannels(Value input, Value weights, Value tap, Sums sums);
  Sums emitKeptBlocks(Value input, Value tap, Sums sums);
  Sums emitKeptWeights(Value input, Value tap, Sums sums);
  Sums emitStep(Value input, Value weights, int64_t unrolled, Sums sums, Value count = nullptr);
  Sums multiplyStep(Value input, ValueRange weights, int64_t unrolled, Sums sums,
                    Value count = nullptr);
  SmallVector<Value> loadWeights(Value pointer);
  Value loadInput(Value pointer, Value count);
  void forRowSums(size_t first, Sums &sums,
                  llvm::function_ref<void(int64_t v, MutableArrayRef<Value> ofRows)> body);
  void emitEpilogue(ArrayRef<Value> sums);

  const MicrokernelEmitter &parent;
  Emitter &emitter;
  TileShape shape;
  TileOperands operands;
  const NormalizedContraction &contraction;
  const ContractionSpec &spec;
  ContractionScheduleAttr schedule;
  int64_t lanes;
  VectorType vectorType;
  /// What lies one after another: input elements, or packed steps, and steps of weights.
  Type inputType, weightType;
  int64_t unroll;
  /// Input elements from the tile's first position to each of its positions, and from one step to
  /// the next; weights from one step to the next.
  SmallVector<Value> rowOffsets;
  int64_t inputStep;
  Value weightStep;
  ChannelMasks masks;
  /// Of input, by one instruction.
  size_t rowsAtOnce;
};

MicrokernelEmitter::Body::Body(const MicrokernelEmitter &parent, Emitter &emitter,
                               const TileShape &shape, const TileOperands &operands)
    : parent(parent), emitter(emitter), shape(shape), operands(operands),
      contraction(parent.contraction), spec(contraction.spec), schedule(parent.schedule),
      lanes(schedule.getLanes()), vectorType(VectorType::get(lanes, spec.accumulatorType)),
      inputType(schedule.getPackInput() ? contraction.getStepType(contraction.packedInputType)
                                        : spec.inputType),
      weightType(contraction.getStepType(schedule.getPackWeights() ? contraction.packedWeightType
                                                                   : spec.weightType)),
      unroll(chooseUnroll(constantOf(contraction.sumSteps), schedule.getUnrollK(),
                          unrollLimit(contraction), shape.lines * shape.rows * shape.vectors)),
      inputStep(schedule.getPackInput() ? shape.lines * shape.rows : contraction.interleave),
      masks(emitter, spec, shape, lanes, operands.place.channel),
      rowsAtOnce(schedule.getMma().getRows()) {
  for (int64_t line = 0; line < shape.lines; ++line) {
    for (int64_t row = 0; row < shape.rows; ++row) {
      if (parent.multipliesCodes())
        rowOffsets.push_back(emitter.i64(CodeInput(BlockCodes(spec, schedule)).row(row)));
      else if (schedule.getPackInput())
        rowOffsets.push_back(emitter.i64(line * shape.rows + row));
      else
        rowOffsets.push_back(emitter.add(emitter.mul(contraction.height.step, line),
                                         emitter.mul(contraction.width.step, row)));
    }
  }
  // Rows that do not exist repeat the last one; nobody looks at their sums.
  while (rowOffsets.size() % rowsAtOnce)
    rowOffsets.push_back(rowOffsets.back());
  weightStep = parent.readsWeightsInPlace() ? spec.weightRowStride
                                            : emitter.i64(schedule.getTileVectors() * lanes);
}

void MicrokernelEmitter::Body::emit() {
  if (parent.addsAcrossLanes())
    return emitEpilogue(emitDotProducts());
  Value zero = arith::ConstantOp::create(emitter, emitter.getZeroAttr(vectorType));
  Sums sums(rowOffsets.size() * shape.vectors, zero);
  sums = parent.multipliesCodes() ? emitCodes(std::move(sums)) : emitTaps(std::move(sums));
  for (size_t row = 0; row < rowOffsets.size(); row += rowsAtOnce)
    forRowSums(row, sums, [&](int64_t, MutableArrayRef<Value> ofRows) {
      parent.mma->separateRows(emitter, ofRows);
    });
  emitEpilogue(sums);
}

auto MicrokernelEmitter::Body::emitTaps(Sums sums) -> Sums {
  return contraction.forTaps(
      emitter, operands.input, sums, [&](Value input, Value tap, ValueRange carried) {
        Value steps = emitter.mul(tap, contraction.sumSteps);
        if (schedule.getPackInput())
          input = emitter.offsetPointer(operands.input, inputType, emitter.mul(steps, inputStep));
        if (spec.sparse)
          return spec.sparse->zeros == Zeros::Blocks ? emitKeptBlocks(input, tap, Sums(carried))
                                                     : emitKeptWeights(input, tap, Sums(carried));
        Value weights =
            emitter.offsetPointer(operands.weights, weightType, emitter.mul(steps, weightStep));
        return emitChannels(input, weights, tap, Sums(carried));
      });
}

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
  /// Blocks of so many steps are straight code.
  constexpr int64_t shortBlock = 4;
  Value first = emitter.mul(block, codes.blockSize() / codes.perLane());
  int64_t steps = size / codes.perLane();
  Value nothing = arith::ConstantOp::create(emitter, emitter.getZeroAttr(vectorType));
  Sums sums(totals.size(), nothing);
  if (steps <= shortBlock) {
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

/// Transposed weights in place: lanes are channels to sum over, with one sum vector per row and
/// output channel; each row's vectors become one vector of its outputs in the end.
auto MicrokernelEmitter::Body::emitDotProducts() -> Sums {
  int64_t columns = lanes;
  SmallVector<Value> columnPointers;
  Value validChannels = masks.getCount();
  if (std::optional<int64_t> valid = constantOf(validChannels))
    columns = *valid;
  for (int64_t column = 0; column < columns; ++column) {
    // Columns that do not exist repeat the last one.
    Value number = emitter.i64(column);
    if (validChannels)
      number = emitter.min(number, emitter.sub(validChannels, emitter.i64(1)));
    columnPointers.push_back(emitter.offsetPointer(operands.weights, weightType,
                                                   emitter.mul(number, spec.weightRowStride)));
  }
  auto load = [&](Value pointer, Type type, Value k, Value mask, bool isUnsigned) {
    Value vector = emitter.maskedLoad(VectorType::get(lanes, type),
                                      emitter.offsetPointer(pointer, type, k), mask);
    return emitter.convert(vector, spec.accumulatorType, isUnsigned);
  };
  auto addBlock = [&](Value k, Value mask, Sums sums) {
    SmallVector<Value> rows;
    for (Value offset : rowOffsets)
      rows.push_back(load(emitter.offsetPointer(operands.input, inputType, offset), inputType, k,
                          mask, spec.inputIsUnsigned));
    for (auto [column, pointer] : llvm::enumerate(columnPointers)) {
      Value weights = load(pointer, weightType, k, mask, spec.weightsAreUnsigned);
      for (auto [row, value] : llvm::enumerate(rows)) {
        Value &sum = sums[row * columns + column];
        sum = emitter.multiplyAdd(value, weights, sum);
      }
    }
    return sums;
  };

  Value zero = arith::ConstantOp::create(emitter, emitter.getZeroAttr(vectorType));
  Sums sums(rowOffsets.size() * columns, zero);
  Value width = emitter.i64(lanes), channels = spec.inChannels;
  Value wholeEnd = emitter.mul(emitter.div(channels, width), width);
  sums = emitter.loop(emitter.i64(0), wholeEnd, width, sums, [&](Value k, ValueRange carried) {
    return addBlock(k, nullptr, Sums(carried));
  });
  Value rest = emitter.sub(channels, wholeEnd);
  if (!isConstant(rest, 0))
    sums = addBlock(wholeEnd, emitter.laneMask(lanes, rest), std::move(sums));

  Sums results;
  for (size_t row = 0; row < rowOffsets.size(); ++row)
    results.push_back(emitLaneSums(emitter, ArrayRef<Value>(sums).slice(row * columns, columns)));
  return results;
}

/// Loops over the channels of one tap. A step that is not full comes last.
auto MicrokernelEmitter::Body::emitChannels(Value input, Value weights, Value tap, Sums sums)
    -> Sums {
  Value zero = emitter.i64(0), step = emitter.i64(unroll);
  Value steps = emitter.div(contraction.sumChannels, emitter.i64(contraction.interleave));
  Value mainEnd = emitter.mul(emitter.div(steps, step), step);
  Value trips = emitter.div(steps, step);
  auto pointersAt = [&](Value k) {
    return std::pair(emitter.offsetPointer(input, inputType, emitter.mul(k, inputStep)),
                     emitter.offsetPointer(weights, weightType, emitter.mul(k, weightStep)));
  };
  sums = emitter.loop(zero, mainEnd, step, sums, [&](Value k, ValueRange carried) {
    auto [inputHere, weightsHere] = pointersAt(k);
    if (operands.prefetch)
      parent.prefetchNext(emitter, operands,
                          emitter.add(emitter.mul(tap, trips), emitter.div(k, step)));
    Sums next(carried);
    for (int64_t u = 0; u < unroll; ++u)
      next = emitStep(inputHere, weightsHere, u, std::move(next));
    return next;
  });
  if (std::optional<int64_t> constant = constantOf(steps)) {
    auto [inputHere, weightsHere] = pointersAt(mainEnd);
    for (int64_t u = 0; u < *constant % unroll; ++u)
      sums = emitStep(inputHere, weightsHere, u, std::move(sums));
  } else {
    sums = emitter.loop(mainEnd, steps, emitter.i64(1), sums, [&](Value k, ValueRange carried) {
      auto [inputHere, weightsHere] = pointersAt(k);
      return emitStep(inputHere, weightsHere, 0, Sums(carried));
    });
  }
  if (contraction.interleave == 1 || schedule.getPackInput())
    return sums;
  Value rest = emitter.rem(contraction.sumChannels, emitter.i64(contraction.interleave));
  return emitter.loop(steps, contraction.sumSteps, emitter.i64(1), sums,
                      [&](Value k, ValueRange carried) {
                        auto [inputHere, weightsHere] = pointersAt(k);
                        return emitStep(inputHere, weightsHere, 0, Sums(carried), rest);
                      });
}

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

auto MicrokernelEmitter::Body::loadWeights(Value pointer) -> SmallVector<Value> {
  SmallVector<Value> vectors;
  auto loadType = VectorType::get(lanes, weightType);
  for (int64_t v = 0; v < shape.vectors; ++v) {
    Value here = emitter.offsetPointer(pointer, weightType, v * lanes);
    // Packed panels are padded; weights in place end with the last channel.
    Value mask = parent.readsWeightsInPlace() ? masks.of(emitter, v) : nullptr;
    vectors.push_back(
        parent.mma->prepareWeights(emitter, emitter.maskedLoad(loadType, here, mask)));
  }
  return vectors;
}

/// What one step takes of the input; `count` channels of it if not null.
Value MicrokernelEmitter::Body::loadInput(Value pointer, Value count) {
  if (count)
    return loadSomeChannels(emitter, inputType, inputType, spec.inputIsUnsigned, pointer,
                            contraction.interleave, count);
  if (!schedule.getPackInput())
    return emitter.load(contraction.getStepType(inputType), pointer, inputType);
  // A tile of one row counts as packed where it is, at the place of any channel.
  return emitter.load(inputType, pointer, spec.inputType);
}

/// Calls `body` for each vector of sums of the rows that are multiplied at once, from `first` on.
void MicrokernelEmitter::Body::forRowSums(
    size_t first, Sums &sums,
    llvm::function_ref<void(int64_t v, MutableArrayRef<Value> ofRows)> body) {
  for (int64_t v = 0; v < shape.vectors; ++v) {
    SmallVector<Value> ofRows;
    for (size_t row = first; row < first + rowsAtOnce; ++row)
      ofRows.push_back(sums[row * shape.vectors + v]);
    body(v, ofRows);
    for (auto [number, sum] : llvm::enumerate(ofRows))
      sums[(first + number) * shape.vectors + v] = sum;
  }
}

auto MicrokernelEmitter::Body::emitStep(Value input, Value weights, int64_t unrolled, Sums sums,
                                        Value count) -> Sums {
  Value here = emitter.offsetPointer(weights, weightType, emitter.mul(weightStep, unrolled));
  return multiplyStep(input, loadWeights(here), unrolled, std::move(sums), count);
}

/// One step: every row times every vector of weights.
auto MicrokernelEmitter::Body::multiplyStep(Value input, ValueRange weights, int64_t unrolled,
                                            Sums sums, Value count) -> Sums {
  SmallVector<Value> inputs;
  for (auto [position, offset] : llvm::enumerate(rowOffsets)) {
    Value row = emitter.offsetPointer(input, inputType, offset);
    Value pointer = emitter.offsetPointer(row, inputType, unrolled * inputStep);
    inputs.push_back(loadInput(pointer, count));
    if (inputs.size() < rowsAtOnce)
      continue;
    Value value = parent.mma->prepareInput(emitter, inputs);
    forRowSums(position + 1 - inputs.size(), sums, [&](int64_t v, MutableArrayRef<Value> ofRows) {
      parent.mma->multiplyAdd(emitter, value, weights[v], ofRows);
    });
    inputs.clear();
  }
  return sums;
}

void MicrokernelEmitter::Body::emitEpilogue(ArrayRef<Value> sums) {
  for (int64_t line = 0; line < shape.lines; ++line)
    for (int64_t row = 0; row < shape.rows; ++row)
      parent.finish(emitter, operands.place, emitter.i64(line), emitter.i64(row),
                    sums.slice((line * shape.rows + row) * shape.vectors, shape.vectors), masks);
}

void MicrokernelEmitter::prefetchNext(Emitter &emitter, const TileOperands &operands,
                                      Value trip) const {
  constexpr int64_t lineBytes = 64;
  Type byte = emitter.getI8Type();
  Value offset = emitter.mul(trip, schedule.getPrefetchLines() * lineBytes);
  Value pointer = emitter.offsetPointer(operands.prefetch, byte, offset);
  for (int64_t i = 0; i < schedule.getPrefetchLines(); ++i)
    emitter.prefetch(emitter.offsetPointer(pointer, byte, i * lineBytes), /*locality=*/2);
}

void MicrokernelEmitter::finish(Emitter &emitter, const TilePlace &place, Value line, Value row,
                                ValueRange sums, const ChannelMasks &masks) const {
  OutputIndex index = contraction.outputIndex(emitter, place, line, row);
  Value first = emitter.mul(place.group, contraction.spec.outChannels);
  for (auto [v, sum] : llvm::enumerate(sums)) {
    index.channel = emitter.add(first, emitter.add(place.channel, v * schedule.getLanes()));
    epilogue(emitter, emitter.getLoc(), sum, index, masks.of(emitter, v));
  }
}

const OutlinedFunction &MicrokernelEmitter::get(Emitter &emitter, const TileShape &shape) {
  auto [it, isNew] = kernels.try_emplace(shape);
  if (!isNew)
    return it->second;

  Type pointerType = contraction.spec.input.getType();
  SmallVector<Type> types(schedule.getPrefetchLines() ? 3 : 2, pointerType);
  TileOperands unused;
  types.append(passedNumbers(unused).size(), emitter.getI64Type());
  std::string name = namePrefix + "_" + std::to_string(shape.lines * shape.rows) + "x" +
                     std::to_string(shape.vectors);
  it->second = outlineFunction(
      emitter, module, name, types,
      [&](Emitter &inner, ValueRange arguments) {
        TileOperands operands;
        operands.input = arguments[0];
        operands.weights = arguments[1];
        operands.prefetch = schedule.getPrefetchLines() ? arguments[2] : nullptr;
        arguments = arguments.drop_front(schedule.getPrefetchLines() ? 3 : 2);
        Value zero = inner.i64(0);
        operands.place = {zero, zero, zero, zero, zero, zero};
        for (auto [number, argument] : llvm::zip_equal(passedNumbers(operands), arguments))
          *number = argument;
        if (schedule.getMma().hasTiles())
          emitTiles(inner, shape, operands);
        else if (roundsInput(contraction.spec, schedule))
          emitBlocks(inner, shape, operands);
        else if (contraction.spec.sparse && contraction.spec.sparse->zeros == Zeros::Columns)
          emitColumns(inner, shape, operands);
        else
          Body(*this, inner, shape, operands).emit();
      },
      /*noalias=*/2);
  return it->second;
}

void MicrokernelEmitter::call(Emitter &emitter, const TileShape &shape, TileOperands operands) {
  SmallVector<Value> arguments{operands.input, operands.weights};
  if (schedule.getPrefetchLines())
    arguments.push_back(operands.prefetch);
  for (Value *number : passedNumbers(operands))
    arguments.push_back(*number);
  get(emitter, shape).call(emitter, arguments);
}

bool MicrokernelEmitter::multipliesCodes() const {
  return contraction.spec.codes && !schedule.getPackWeights();
}

bool MicrokernelEmitter::readsWeightsInPlace() const {
  return contraction.spec.weightLayout != WeightLayout::Packed && !schedule.getPackWeights();
}

bool MicrokernelEmitter::addsAcrossLanes() const {
  return contraction.spec.weightLayout == WeightLayout::Transposed && !schedule.getPackWeights();
}

} // namespace tenon::cpu
