// Work is cut into lines of outputs by vectors of channels:
//
//   for line of outputs:                                  // this task's share
//     for tile of neighbouring outputs, for vector of channels:   // in either order
//       for kernel line, for input column that the tile needs:
//         x = load input                                  // once per tile
//         for every output and tap it belongs to: sum[output] = fma(x, w[tap], sum[output])
//
// Lines come first so that the input lines of one output line stay in the nearer caches.
#include "passes/Codegen/Cpu/Depthwise.h"
#include "passes/Codegen/Cpu/EmitHelpers.h"
#include <map>

using namespace mlir;

namespace tenon::cpu {
namespace {

/// Multiply-adds that one tile may unroll to before kernel lines become a loop.
constexpr int64_t largestUnrolledTile = 512;

class DepthwiseEmitter {
public:
  DepthwiseEmitter(Emitter &emitter, ModuleOp module, const DepthwiseSpec &spec,
                   const DepthwiseSchedule &schedule, const TargetInfo &target, EpilogueFn epilogue,
                   StringRef name)
      : emitter(emitter), module(module), spec(spec), schedule(schedule), epilogue(epilogue),
        name(name), lanes(target.lanes(spec.accumulatorType.getIntOrFloatBitWidth())),
        vectorType(VectorType::get(lanes, spec.accumulatorType)) {
    // Three dimensions always; absent ones have size 1.
    size_t absent = 3 - spec.outSpatial.size();
    Value one = emitter.i64(1), zero = emitter.i64(0);
    for (size_t i = 0; i < 3; ++i) {
      bool exists = i >= absent;
      size_t from = i - absent;
      out.push_back(exists ? spec.outSpatial[from] : one);
      Value pitch = exists ? spec.inputSpatialStride[from] : zero;
      kernel.push_back(exists ? spec.kernel[from] : 1);
      stride.push_back(exists ? spec.stride[from] : 1);
      dilation.push_back(exists ? spec.dilation[from] : 1);
      step.push_back(pitch);
    }
  }

  void emit(Value task, Value tasks);

private:
  using Sums = SmallVector<Value>;

  /// Coordinates and operands inside the line function.
  struct Line {
    Value input, weights, batch, depth, height, channel;
    /// Null if all lanes of the channel vector are valid.
    Value mask;
  };

  OutlinedFunction outlineLine();
  void emitLine(Emitter &e, const Line &line, Value vectorBegin, Value vectorEnd);
  void forTiles(Emitter &e, llvm::function_ref<void(Value firstRow, int64_t rows)> body);
  void forVectors(Emitter &e, const Line &line, Value vectorBegin, Value vectorEnd,
                  llvm::function_ref<void(const Line &)> body);
  void emitTile(Emitter &e, const Line &line, Value firstRow, int64_t rows,
                ArrayRef<Value> keptWeights);
  Sums emitKernelLine(Emitter &e, const Line &line, Value input, Value tapLine, int64_t rows,
                      ArrayRef<Value> keptWeights, Sums sums);
  void prefetchNextLine(Emitter &e, Value input, int64_t rows);
  Value loadWeight(Emitter &e, const Line &line, Value tap);
  Value loadInput(Emitter &e, const Line &line, Value pointer);

  Emitter &emitter;
  ModuleOp module;
  const DepthwiseSpec &spec;
  const DepthwiseSchedule &schedule;
  EpilogueFn epilogue;
  StringRef name;
  int64_t lanes;
  VectorType vectorType;
  SmallVector<Value, 3> out, step;
  SmallVector<int64_t, 3> kernel, stride, dilation;
};

Value DepthwiseEmitter::loadWeight(Emitter &e, const Line &line, Value tap) {
  Value pointer = e.offsetPointer(line.weights, spec.weightType, e.mul(tap, spec.channels));
  auto type = VectorType::get(lanes, spec.weightType);
  return e.convert(e.maskedLoad(type, pointer, line.mask), spec.accumulatorType);
}

Value DepthwiseEmitter::loadInput(Emitter &e, const Line &line, Value pointer) {
  auto type = VectorType::get(lanes, spec.inputType);
  return e.convert(e.maskedLoad(type, pointer, line.mask), spec.accumulatorType);
}

/// Adds the products of one kernel line. Each input column is loaded once and used for every output
/// it belongs to; for one output, taps come in ascending order.
auto DepthwiseEmitter::emitKernelLine(Emitter &e, const Line &line, Value input, Value tapLine,
                                      int64_t rows, ArrayRef<Value> keptWeights, Sums sums)
    -> Sums {
  Value firstTap = e.mul(tapLine, kernel[2]);
  if (kernel[2] * rows > largestUnrolledTile) {
    Value zero = e.i64(0), count = e.i64(kernel[2]);
    return e.loop(zero, count, e.i64(1), sums, [&](Value tap, ValueRange carried) {
      Sums next(carried);
      Value weight = loadWeight(e, line, e.add(firstTap, tap));
      Value column =
          e.offsetPointer(input, spec.inputType, e.mul(e.mul(tap, dilation[2]), step[2]));
      for (int64_t row = 0; row < rows; ++row) {
        Value pointer = e.offsetPointer(column, spec.inputType, e.mul(step[2], row * stride[2]));
        next[row] = vector::FMAOp::create(e, loadInput(e, line, pointer), weight, next[row]);
      }
      return next;
    });
  }
  SmallVector<Value> weights(keptWeights);
  for (int64_t tap = weights.size(); tap < kernel[2]; ++tap)
    weights.push_back(loadWeight(e, line, e.add(firstTap, tap)));
  std::map<int64_t, SmallVector<std::pair<int64_t, int64_t>>> usesOfColumn;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t tap = 0; tap < kernel[2]; ++tap)
      usesOfColumn[row * stride[2] + tap * dilation[2]].push_back({row, tap});
  for (auto &[column, uses] : usesOfColumn) {
    Value pointer = e.offsetPointer(input, spec.inputType, e.mul(step[2], column));
    Value value = loadInput(e, line, pointer);
    for (auto [row, tap] : uses)
      sums[row] = vector::FMAOp::create(e, value, weights[tap], sums[row]);
  }
  return sums;
}

void DepthwiseEmitter::prefetchNextLine(Emitter &e, Value input, int64_t rows) {
  for (int64_t line = 1; line <= stride[1]; ++line) {
    Value pointer = e.offsetPointer(input, spec.inputType,
                                    e.mul(step[1], (kernel[1] - 1) * dilation[1] + line));
    for (int64_t column = 0; column < rows * stride[2]; ++column)
      e.prefetch(e.offsetPointer(pointer, spec.inputType, e.mul(step[2], column)),
                 /*locality=*/2);
  }
}

void DepthwiseEmitter::emitTile(Emitter &e, const Line &line, Value firstRow, int64_t rows,
                                ArrayRef<Value> keptWeights) {
  Value zeroVector = arith::ConstantOp::create(e, e.getZeroAttr(vectorType));
  Sums sums(rows, zeroVector);
  Value input =
      e.offsetPointer(line.input, spec.inputType, e.mul(e.mul(firstRow, stride[2]), step[2]));
  Value one = e.i64(1);
  auto lineOf = [&](Value depthTap, Value heightTap) {
    Value offset = e.add(e.mul(e.mul(depthTap, dilation[0]), step[0]),
                         e.mul(e.mul(heightTap, dilation[1]), step[1]));
    return e.offsetPointer(input, spec.inputType, offset);
  };
  if (schedule.prefetchInput)
    prefetchNextLine(e, input, rows);
  if (kernel[0] * kernel[1] * kernel[2] * rows <= largestUnrolledTile) {
    for (int64_t tapLine = 0; tapLine < kernel[0] * kernel[1]; ++tapLine) {
      Value depthTap = e.i64(tapLine / kernel[1]), heightTap = e.i64(tapLine % kernel[1]);
      ArrayRef<Value> kept =
          keptWeights.empty() ? keptWeights : keptWeights.slice(tapLine * kernel[2], kernel[2]);
      sums = emitKernelLine(e, line, lineOf(depthTap, heightTap), e.i64(tapLine), rows, kept,
                            std::move(sums));
    }
  } else {
    Value zero = e.i64(0), depthTaps = e.i64(kernel[0]), heightTaps = e.i64(kernel[1]);
    sums = e.loop(zero, depthTaps, one, sums, [&](Value depthTap, ValueRange outer) {
      return e.loop(zero, heightTaps, one, outer, [&](Value heightTap, ValueRange inner) {
        Value tapLine = e.add(e.mul(depthTap, kernel[1]), heightTap);
        return emitKernelLine(e, line, lineOf(depthTap, heightTap), tapLine, rows, {}, Sums(inner));
      });
    });
  }

  OutputIndex index;
  index.batch = line.batch;
  index.group = e.i64(0);
  index.channel = line.channel;
  for (int64_t row = 0; row < rows; ++row) {
    Value coordinates[] = {line.depth, line.height, e.add(firstRow, row)};
    index.spatial.assign(std::end(coordinates) - spec.outSpatial.size(), std::end(coordinates));
    epilogue(e, e.getLoc(), sums[row], index, line.mask);
  }
}

/// Cuts a line into tiles: evenly if its length is known, otherwise halving sizes take the rest.
void DepthwiseEmitter::forTiles(Emitter &e,
                                llvm::function_ref<void(Value firstRow, int64_t rows)> body) {
  Value width = out[2], begin = e.i64(0);
  auto tilesUntil = [&](Value end, int64_t rows) {
    e.loop(begin, end, e.i64(rows), [&](Value row) { body(row, rows); });
    begin = end;
  };
  if (std::optional<int64_t> rows = constantOf(width)) {
    int64_t count = llvm::divideCeil(*rows, schedule.tileRows);
    int64_t base = *rows / count, extra = *rows % count;
    tilesUntil(e.i64(extra * (base + 1)), base + 1);
    tilesUntil(width, base);
    return;
  }
  for (int64_t rows = schedule.tileRows; rows > 0; rows /= 2) {
    Value count = e.div(e.sub(width, begin), e.i64(rows));
    tilesUntil(e.add(begin, e.mul(count, rows)), rows);
  }
}

/// Runs `body` for the channel vectors of this line; the last one of all may be partial.
void DepthwiseEmitter::forVectors(Emitter &e, const Line &line, Value vectorBegin, Value vectorEnd,
                                  llvm::function_ref<void(const Line &)> body) {
  Value width = e.i64(lanes), one = e.i64(1);
  Value vectors = e.ceilDiv(spec.channels, width), fullVectors = e.div(spec.channels, width);
  auto shifted = [&](Value vector) {
    Line result = line;
    result.channel = e.mul(vector, lanes);
    result.input = e.offsetPointer(line.input, spec.inputType, result.channel);
    result.weights = e.offsetPointer(line.weights, spec.weightType, result.channel);
    return result;
  };
  e.loop(vectorBegin, e.min(vectorEnd, fullVectors), one,
         [&](Value vector) { body(shifted(vector)); });
  if (isConstant(e.sub(vectors, fullVectors), 0))
    return;
  e.ifThen(e.less(e.max(vectorBegin, fullVectors), vectorEnd), [&] {
    Line partial = shifted(fullVectors);
    partial.mask = e.laneMask(lanes, e.sub(spec.channels, partial.channel));
    body(partial);
  });
}

void DepthwiseEmitter::emitLine(Emitter &e, const Line &line, Value vectorBegin, Value vectorEnd) {
  auto loadKept = [&](const Line &vector) {
    SmallVector<Value> weights;
    if (schedule.keepWeights)
      for (int64_t tap = 0; tap < kernel[0] * kernel[1] * kernel[2]; ++tap)
        weights.push_back(loadWeight(e, vector, e.i64(tap)));
    return weights;
  };
  if (schedule.channelsInside) {
    forTiles(e, [&](Value row, int64_t rows) {
      forVectors(e, line, vectorBegin, vectorEnd,
                 [&](const Line &vector) { emitTile(e, vector, row, rows, loadKept(vector)); });
    });
    return;
  }
  forVectors(e, line, vectorBegin, vectorEnd, [&](const Line &vector) {
    SmallVector<Value> kept = loadKept(vector);
    forTiles(e, [&](Value row, int64_t rows) { emitTile(e, vector, row, rows, kept); });
  });
}

OutlinedFunction DepthwiseEmitter::outlineLine() {
  Type pointer = spec.input.getType(), i64 = emitter.getI64Type();
  Type types[] = {pointer, pointer, i64, i64, i64, i64, i64};
  // Weights are not marked as free of aliases: LLVM would move their loads out of the loop over
  // tiles, and where registers are few it would then spill them.
  return outlineFunction(
      emitter, module, name, types,
      [&](Emitter &e, ValueRange arguments) {
        Line line{arguments[0], arguments[1], arguments[2], arguments[3],
                  arguments[4], nullptr,      nullptr};
        emitLine(e, line, arguments[5], arguments[6]);
      },
      /*noalias=*/1);
}

void DepthwiseEmitter::emit(Value task, Value tasks) {
  Value zero = emitter.i64(0), one = emitter.i64(1);
  Value vectors = emitter.ceilDiv(spec.channels, emitter.i64(lanes));
  Value lines = emitter.mul(spec.batch, emitter.mul(out[0], out[1]));
  if (isConstant(lines, 0) || isConstant(vectors, 0) || isConstant(out[2], 0))
    return;
  OutlinedFunction lineFunction = outlineLine();

  Value total = emitter.mul(lines, vectors);
  Value begin = emitter.div(emitter.mul(task, total), tasks);
  Value end = emitter.div(emitter.mul(emitter.add(task, 1), total), tasks);
  Value divisor = emitter.max(vectors, one);
  emitter.loop(emitter.div(begin, divisor), emitter.ceilDiv(end, divisor), one, [&](Value number) {
    Value first = emitter.mul(number, vectors);
    Value vectorBegin = emitter.max(emitter.sub(begin, first), zero);
    Value vectorEnd = emitter.min(emitter.sub(end, first), vectors);
    Value height = emitter.rem(number, out[1]), rest = emitter.div(number, out[1]);
    Value depth = emitter.rem(rest, out[0]), batch = emitter.div(rest, out[0]);
    Value offset = emitter.mul(batch, spec.inputBatchStride);
    offset = emitter.add(offset, emitter.mul(emitter.mul(depth, stride[0]), step[0]));
    offset = emitter.add(offset, emitter.mul(emitter.mul(height, stride[1]), step[1]));
    Value input = emitter.offsetPointer(spec.input, spec.inputType, offset);
    lineFunction.call(emitter, {input, spec.weights, batch, depth, height, vectorBegin, vectorEnd});
  });
}

} // namespace

DepthwiseSchedule chooseDepthwiseSchedule(const TargetInfo &target, const DepthwiseSpec &spec) {
  DepthwiseSchedule schedule;
  schedule.tileRows = target.vectorRegisters / 2;
  int64_t taps = 1;
  for (int64_t size : spec.kernel)
    taps *= size;
  // Half for sums, a few for the input.
  schedule.keepWeights = taps <= target.vectorRegisters * 3 / 8;
  // An image that fits the second cache is near in any order; a larger one is streamed.
  std::optional<int64_t> imageSize = constantOf(spec.inputBatchStride);
  int64_t elementBytes = spec.inputType.getIntOrFloatBitWidth() / 8;
  bool isStreamed = !imageSize || *imageSize * elementBytes > target.l2Bytes / 2;
  schedule.channelsInside = schedule.prefetchInput = isStreamed;
  if (isStreamed) {
    // Memory sets the pace: shorter tiles overlap with it better, and weights that all tiles of a
    // line share stay in the nearest cache anyway.
    schedule.tileRows = std::min<int64_t>(schedule.tileRows, 8);
    schedule.keepWeights = false;
  }
  return schedule;
}

void emitDepthwise(OpBuilder &builder, Location loc, ModuleOp module, const DepthwiseSpec &spec,
                   const DepthwiseSchedule &schedule, const TargetInfo &target, Value task,
                   Value tasks, EpilogueFn epilogue) {
  Emitter emitter(builder, loc);
  auto parent = builder.getInsertionBlock()->getParent()->getParentOfType<LLVM::LLVMFuncOp>();
  std::string name = (parent ? parent.getName() : StringRef("kernel")).str() + "_line";
  DepthwiseEmitter(emitter, module, spec, schedule, target, epilogue, name).emit(task, tasks);
  builder.restoreInsertionPoint(emitter.saveInsertionPoint());
}

} // namespace tenon::cpu
