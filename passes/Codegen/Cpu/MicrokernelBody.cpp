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
#include "passes/Codegen/Cpu/MicrokernelBody.h"
#include "passes/Codegen/Cpu/LaneExchange.h"

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

} // namespace tenon::cpu
