// Work is cut into lines of outputs by vectors of channels:
//
//   for line of outputs, for vector of channels:        // this task's share
//     for tile of neighbouring outputs in the line:
//       for kernel line, for input column that the tile needs:
//         x = load input                                // once per tile
//         for every output and tap it belongs to: sum[output] = fma(x, w[tap], sum[output])
//
// Lines come first so that the input lines of one output line stay in the nearest cache for all
// channels; along a line the weights of one channel vector stay in registers.
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

  OutlinedFunction outlineLine(bool masked);
  void emitLine(Emitter &e, const Line &line);
  void emitTile(Emitter &e, const Line &line, Value firstRow, int64_t rows,
                ArrayRef<Value> keptWeights);
  Sums emitKernelLine(Emitter &e, const Line &line, Value input, Value tapLine, int64_t rows,
                      ArrayRef<Value> keptWeights, Sums sums);
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

void DepthwiseEmitter::emitLine(Emitter &e, const Line &line) {
  SmallVector<Value> keptWeights;
  if (schedule.keepWeights)
    for (int64_t tap = 0; tap < kernel[0] * kernel[1] * kernel[2]; ++tap)
      keptWeights.push_back(loadWeight(e, line, e.i64(tap)));
  // With a known length the line is split evenly; otherwise halving sizes take the rest.
  Value width = out[2], begin = e.i64(0);
  auto tiles = [&](Value end, int64_t rows) {
    e.loop(begin, end, e.i64(rows), [&](Value row) { emitTile(e, line, row, rows, keptWeights); });
    begin = end;
  };
  if (std::optional<int64_t> rows = constantOf(width)) {
    int64_t count = llvm::divideCeil(*rows, schedule.tileRows);
    int64_t base = *rows / count, extra = *rows % count;
    tiles(e.i64(extra * (base + 1)), base + 1);
    tiles(width, base);
    return;
  }
  for (int64_t rows = schedule.tileRows; rows > 0; rows /= 2) {
    Value count = e.div(e.sub(width, begin), e.i64(rows));
    tiles(e.add(begin, e.mul(count, rows)), rows);
  }
}

OutlinedFunction DepthwiseEmitter::outlineLine(bool masked) {
  Type pointer = spec.input.getType(), i64 = emitter.getI64Type();
  Type types[] = {pointer, pointer, i64, i64, i64, i64};
  // Weights are not marked as free of aliases: LLVM would move their loads out of the loop over
  // tiles, and where registers are few it would then spill them.
  return outlineFunction(
      emitter, module, name, types,
      [&](Emitter &e, ValueRange arguments) {
        Line line{arguments[0], arguments[1], arguments[2], arguments[3],
                  arguments[4], arguments[5], nullptr};
        if (masked)
          line.mask = e.laneMask(lanes, e.sub(spec.channels, line.channel));
        emitLine(e, line);
      },
      /*noalias=*/1);
}

void DepthwiseEmitter::emit(Value task, Value tasks) {
  Value zero = emitter.i64(0), one = emitter.i64(1);
  Value width = emitter.i64(lanes);
  Value vectors = emitter.ceilDiv(spec.channels, width);
  Value fullVectors = emitter.div(spec.channels, width);
  Value lines = emitter.mul(spec.batch, emitter.mul(out[0], out[1]));
  if (isConstant(lines, 0) || isConstant(vectors, 0) || isConstant(out[2], 0))
    return;
  bool hasPartial = !isConstant(emitter.sub(vectors, fullVectors), 0);
  bool hasFull = !isConstant(fullVectors, 0);
  OutlinedFunction full, partial;
  if (hasFull)
    full = outlineLine(/*masked=*/false);
  if (hasPartial)
    partial = outlineLine(/*masked=*/true);

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
    auto call = [&](const OutlinedFunction &function, Value vector) {
      Value channel = emitter.mul(vector, lanes);
      function.call(emitter, {emitter.offsetPointer(input, spec.inputType, channel),
                              emitter.offsetPointer(spec.weights, spec.weightType, channel), batch,
                              depth, height, channel});
    };
    if (hasFull)
      emitter.loop(vectorBegin, emitter.min(vectorEnd, fullVectors), one,
                   [&](Value vector) { call(full, vector); });
    if (hasPartial)
      emitter.ifThen(emitter.less(emitter.max(vectorBegin, fullVectors), vectorEnd),
                     [&] { call(partial, fullVectors); });
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
