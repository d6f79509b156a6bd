// Work is cut into lines of outputs by vectors of channels:
//
//   for line of outputs, or two of them:                  // this task's share
//     for tile of neighbouring outputs, for vector of channels:   // in either order
//       for input line, for input column that the tile needs:
//         x = load input                                  // once per tile
//         for every output and tap it belongs to: sum[output] += x * w[tap]
//
// An instruction that multiplies four bytes at once takes those of four kernel lines, of which
// weights of 0 fill up the rest: one column of four input lines, put together by channels, meets as
// many outputs as the kernel is wide.
//
// Lines come first so that the input lines of one output line stay in the nearer caches. Two lines
// at once read most input lines once instead of twice.
#include "passes/Codegen/Cpu/Depthwise.h"
#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Cpu/LaneExchange.h"
#include "passes/Codegen/Cpu/Mma.h"
#include <map>

using namespace mlir;

namespace tenon::cpu {
namespace {

/// Multiply-adds that one tile may unroll to before kernel lines become a loop.
constexpr int64_t largestUnrolledTile = 512;

/// Kernel lines whose bytes an instruction takes at once.
constexpr int64_t byteLines = 4;

/// The type that sums have in registers. Floats hold sums of products of bytes exactly as long as
/// these are less than 2^24, and are faster: an addition is part of the multiplication, and
/// integers of 32 bits have slow multiplications.
Type chooseSumType(const DepthwiseSpec &spec) {
  constexpr int64_t largestProduct = 255 * 255;
  int64_t taps = 1;
  for (int64_t size : spec.kernel)
    taps *= size;
  bool areBytes = spec.inputType.isInteger(8) && spec.weightType.isInteger(8);
  return areBytes && taps * largestProduct < (1 << 24)
             ? Float32Type::get(spec.inputType.getContext())
             : spec.accumulatorType;
}

class DepthwiseEmitter {
public:
  DepthwiseEmitter(Emitter &emitter, ModuleOp module, const DepthwiseSpec &spec,
                   DepthwiseScheduleAttr schedule, EpilogueFn epilogue, StringRef name)
      : emitter(emitter), module(module), spec(spec), schedule(schedule), epilogue(epilogue),
        name(name), lanes(schedule.getLanes()),
        sumType(multipliesBytes() ? spec.accumulatorType : chooseSumType(spec)),
        vectorType(VectorType::get(lanes, sumType)) {
    if (multipliesBytes())
      mma = createMma(schedule.getMma(), {sumType, spec.inputIsUnsigned, spec.weightsAreUnsigned},
                      lanes);
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
    /// Lines of outputs, from `height` on.
    int64_t count;
  };
  /// A line of kernel taps that an input line meets, and the output line it then belongs to.
  struct LineUse {
    int64_t outputLine;
    Value tapLine;
  };

  OutlinedFunction outlineLines(int64_t count);
  SmallVector<LineUse> usesOf(Emitter &e, int64_t depthTap, int64_t inputLine, int64_t count);
  void emitLine(Emitter &e, const Line &line, Value vectorBegin, Value vectorEnd);
  void forTiles(Emitter &e, llvm::function_ref<void(Value firstRow, int64_t rows)> body);
  void forVectors(Emitter &e, const Line &line, Value vectorBegin, Value vectorEnd,
                  llvm::function_ref<void(const Line &)> body);
  void emitTile(Emitter &e, const Line &line, Value firstRow, int64_t rows,
                ArrayRef<Value> keptWeights);
  Sums emitInputLine(Emitter &e, const Line &line, Value input, ArrayRef<LineUse> uses,
                     int64_t rows, ArrayRef<Value> keptWeights, Sums sums);
  Sums emitByteLines(Emitter &e, const Line &line, Value input, int64_t rows,
                     ArrayRef<Value> keptWeights, Sums sums);
  Sums emitTaps(Emitter &e, const Line &line, Value input, Value tapLine, int64_t rows, Sums sums);
  void prefetchNextLines(Emitter &e, Value input, int64_t lines, int64_t rows);
  /// Whether all taps of so many outputs are written out.
  bool isUnrolled(int64_t outputs) const {
    return mma || kernel[0] * kernel[1] * kernel[2] * outputs <= largestUnrolledTile;
  }
  /// Whether an instruction takes several kernel lines at once, and how many such groups there are.
  bool multipliesBytes() const { return schedule.getMma().getInterleave() == byteLines; }
  int64_t countLineGroups() const { return llvm::divideCeil(kernel[1], byteLines); }
  std::map<int64_t, SmallVector<std::pair<int64_t, int64_t>>> findUsesOfColumns(int64_t rows) const;
  Value lineAt(Emitter &e, Value input, Value depthTap, Value inputLine);
  Value joinLines(Emitter &e, llvm::function_ref<Value(int64_t tapLine)> load, int64_t group);
  SmallVector<Value> loadWeights(Emitter &e, const Line &line);
  Value loadWeight(Emitter &e, const Line &line, Value tap);
  Value loadInput(Emitter &e, const Line &line, Value pointer);

  Emitter &emitter;
  ModuleOp module;
  const DepthwiseSpec &spec;
  DepthwiseScheduleAttr schedule;
  EpilogueFn epilogue;
  StringRef name;
  int64_t lanes;
  Type sumType;
  VectorType vectorType;
  /// Null where channels are widened and multiplied one by one.
  std::unique_ptr<Mma> mma;
  SmallVector<Value, 3> out, step;
  SmallVector<int64_t, 3> kernel, stride, dilation;
};

Value DepthwiseEmitter::loadWeight(Emitter &e, const Line &line, Value tap) {
  Value pointer = e.offsetPointer(line.weights, spec.weightType, e.mul(tap, spec.channels));
  auto type = VectorType::get(lanes, spec.weightType);
  return e.convert(e.maskedLoad(type, pointer, line.mask), sumType, spec.weightsAreUnsigned);
}

Value DepthwiseEmitter::loadInput(Emitter &e, const Line &line, Value pointer) {
  auto type = VectorType::get(lanes, spec.inputType);
  return e.convert(e.maskedLoad(type, pointer, line.mask), sumType, spec.inputIsUnsigned);
}

/// Adds the products of one long kernel line, tap by tap.
auto DepthwiseEmitter::emitTaps(Emitter &e, const Line &line, Value input, Value tapLine,
                                int64_t rows, Sums sums) -> Sums {
  Value firstTap = e.mul(tapLine, kernel[2]), zero = e.i64(0), count = e.i64(kernel[2]);
  return e.loop(zero, count, e.i64(1), sums, [&](Value tap, ValueRange carried) {
    Sums next(carried);
    Value weight = loadWeight(e, line, e.add(firstTap, tap));
    Value column = e.offsetPointer(input, spec.inputType, e.mul(e.mul(tap, dilation[2]), step[2]));
    for (int64_t row = 0; row < rows; ++row) {
      Value pointer = e.offsetPointer(column, spec.inputType, e.mul(step[2], row * stride[2]));
      next[row] = e.multiplyAdd(loadInput(e, line, pointer), weight, next[row]);
    }
    return next;
  });
}

/// The outputs of a line, and the taps, that each input column belongs to.
std::map<int64_t, SmallVector<std::pair<int64_t, int64_t>>>
DepthwiseEmitter::findUsesOfColumns(int64_t rows) const {
  std::map<int64_t, SmallVector<std::pair<int64_t, int64_t>>> uses;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t tap = 0; tap < kernel[2]; ++tap)
      uses[row * stride[2] + tap * dilation[2]].push_back({row, tap});
  return uses;
}

/// Adds the products of one input line. Each input column is loaded once and used for every output
/// it belongs to; for one output, taps come in ascending order. `keptWeights` are those of the one
/// use, if any.
auto DepthwiseEmitter::emitInputLine(Emitter &e, const Line &line, Value input,
                                     ArrayRef<LineUse> uses, int64_t rows,
                                     ArrayRef<Value> keptWeights, Sums sums) -> Sums {
  if (kernel[2] * rows > largestUnrolledTile)
    return emitTaps(e, line, input, uses.front().tapLine, rows, std::move(sums));
  SmallVector<Value> weights(keptWeights);
  for (const LineUse &use : uses.drop_front(keptWeights.empty() ? 0 : 1))
    for (int64_t tap = 0; tap < kernel[2]; ++tap)
      weights.push_back(loadWeight(e, line, e.add(e.mul(use.tapLine, kernel[2]), tap)));
  for (auto &[column, rowsAndTaps] : findUsesOfColumns(rows)) {
    Value pointer = e.offsetPointer(input, spec.inputType, e.mul(step[2], column));
    Value value = loadInput(e, line, pointer);
    for (auto [number, use] : llvm::enumerate(uses))
      for (auto [row, tap] : rowsAndTaps) {
        Value &sum = sums[use.outputLine * rows + row];
        sum = e.multiplyAdd(value, weights[number * kernel[2] + tap], sum);
      }
  }
  return sums;
}

/// The bytes of a group of kernel lines, each of which `load` reads; what the last group lacks
/// repeats, or is 0 if it is weights.
Value DepthwiseEmitter::joinLines(Emitter &e, llvm::function_ref<Value(int64_t)> load,
                                  int64_t group) {
  SmallVector<Value> lines;
  for (int64_t tapLine = group * byteLines; lines.size() < byteLines; ++tapLine)
    lines.push_back(load(tapLine));
  return mma->prepareWeights(e, emitByteColumns(e, lines));
}

/// All weights of a vector of channels, as they are multiplied: by depth, groups of lines, columns.
SmallVector<Value> DepthwiseEmitter::loadWeights(Emitter &e, const Line &line) {
  SmallVector<Value> weights;
  if (!mma) {
    for (int64_t tap = 0; tap < kernel[0] * kernel[1] * kernel[2]; ++tap)
      weights.push_back(loadWeight(e, line, e.i64(tap)));
    return weights;
  }
  auto type = VectorType::get(lanes, spec.weightType);
  Value zero = e.create<arith::ConstantOp>(e.getZeroAttr(type));
  for (int64_t depthTap = 0; depthTap < kernel[0]; ++depthTap)
    for (int64_t group = 0; group < countLineGroups(); ++group)
      for (int64_t tap = 0; tap < kernel[2]; ++tap) {
        auto load = [&](int64_t tapLine) -> Value {
          if (tapLine >= kernel[1])
            return zero;
          int64_t number = (depthTap * kernel[1] + tapLine) * kernel[2] + tap;
          Value offset = e.mul(e.i64(number), spec.channels);
          return e.maskedLoad(type, e.offsetPointer(line.weights, spec.weightType, offset),
                              line.mask);
        };
        weights.push_back(joinLines(e, load, group));
      }
  return weights;
}

/// Adds all products of a tile, several kernel lines at once.
auto DepthwiseEmitter::emitByteLines(Emitter &e, const Line &line, Value input, int64_t rows,
                                     ArrayRef<Value> keptWeights, Sums sums) -> Sums {
  SmallVector<Value> weights(keptWeights);
  if (weights.empty())
    weights = loadWeights(e, line);
  auto type = VectorType::get(lanes, spec.inputType);
  ArrayRef<Value> next = weights;
  for (int64_t depthTap = 0; depthTap < kernel[0]; ++depthTap)
    for (int64_t group = 0; group < countLineGroups(); ++group, next = next.drop_front(kernel[2]))
      for (int64_t outputLine = 0; outputLine < line.count; ++outputLine)
        for (auto &[column, rowsAndTaps] : findUsesOfColumns(rows)) {
          auto load = [&, column = column](int64_t tapLine) {
            int64_t tap = std::min(tapLine, kernel[1] - 1);
            Value begin = lineAt(e, input, e.i64(depthTap),
                                 e.i64(outputLine * stride[1] + tap * dilation[1]));
            Value pointer = e.offsetPointer(begin, spec.inputType, e.mul(step[2], column));
            return e.maskedLoad(type, pointer, line.mask);
          };
          Value joined = joinLines(e, load, group);
          for (auto [row, tap] : rowsAndTaps)
            mma->multiplyAdd(e, joined, next[tap], sums[outputLine * rows + row]);
        }
  return sums;
}

/// Where an input line begins, counted from the first one of the tile.
Value DepthwiseEmitter::lineAt(Emitter &e, Value input, Value depthTap, Value inputLine) {
  Value offset = e.add(e.mul(e.mul(depthTap, dilation[0]), step[0]), e.mul(inputLine, step[1]));
  return e.offsetPointer(input, spec.inputType, offset);
}

void DepthwiseEmitter::prefetchNextLines(Emitter &e, Value input, int64_t lines, int64_t rows) {
  int64_t read = (kernel[1] - 1) * dilation[1] + (lines - 1) * stride[1];
  for (int64_t line = 1; line <= lines * stride[1]; ++line) {
    Value pointer = e.offsetPointer(input, spec.inputType, e.mul(step[1], read + line));
    for (int64_t column = 0; column < rows * stride[2]; ++column)
      e.prefetch(e.offsetPointer(pointer, spec.inputType, e.mul(step[2], column)),
                 /*locality=*/2);
  }
}

/// What an input line is for, counted from the first one of the tile.
auto DepthwiseEmitter::usesOf(Emitter &e, int64_t depthTap, int64_t inputLine, int64_t count)
    -> SmallVector<LineUse> {
  SmallVector<LineUse> uses;
  for (int64_t outputLine = 0; outputLine < count; ++outputLine) {
    int64_t offset = inputLine - outputLine * stride[1], tap = offset / dilation[1];
    if (offset >= 0 && offset % dilation[1] == 0 && tap < kernel[1])
      uses.push_back({outputLine, e.i64(depthTap * kernel[1] + tap)});
  }
  return uses;
}

void DepthwiseEmitter::emitTile(Emitter &e, const Line &line, Value firstRow, int64_t rows,
                                ArrayRef<Value> keptWeights) {
  Value zeroVector = arith::ConstantOp::create(e, e.getZeroAttr(vectorType));
  Sums sums(line.count * rows, zeroVector);
  Value input =
      e.offsetPointer(line.input, spec.inputType, e.mul(e.mul(firstRow, stride[2]), step[2]));
  Value one = e.i64(1);
  if (schedule.getPrefetchInput())
    prefetchNextLines(e, input, line.count, rows);
  if (mma) {
    sums = emitByteLines(e, line, input, rows, keptWeights, std::move(sums));
  } else if (isUnrolled(line.count * rows)) {
    int64_t lastLine = (kernel[1] - 1) * dilation[1] + (line.count - 1) * stride[1];
    for (int64_t depthTap = 0; depthTap < kernel[0]; ++depthTap)
      for (int64_t inputLine = 0; inputLine <= lastLine; ++inputLine) {
        SmallVector<LineUse> uses = usesOf(e, depthTap, inputLine, line.count);
        if (uses.empty())
          continue;
        ArrayRef<Value> kept = keptWeights;
        if (!kept.empty())
          kept = kept.slice(*constantOf(uses.front().tapLine) * kernel[2], kernel[2]);
        sums = emitInputLine(e, line, lineAt(e, input, e.i64(depthTap), e.i64(inputLine)), uses,
                             rows, kept, std::move(sums));
      }
  } else {
    Value zero = e.i64(0), depthTaps = e.i64(kernel[0]), heightTaps = e.i64(kernel[1]);
    sums = e.loop(zero, depthTaps, one, sums, [&](Value depthTap, ValueRange outer) {
      return e.loop(zero, heightTaps, one, outer, [&](Value heightTap, ValueRange inner) {
        LineUse use = {0, e.add(e.mul(depthTap, kernel[1]), heightTap)};
        Value pointer = lineAt(e, input, depthTap, e.mul(heightTap, dilation[1]));
        return emitInputLine(e, line, pointer, use, rows, {}, Sums(inner));
      });
    });
  }

  OutputIndex index;
  index.batch = line.batch;
  index.group = e.i64(0);
  index.channel = line.channel;
  for (auto [number, sum] : llvm::enumerate(sums)) {
    Value height = e.add(line.height, static_cast<int64_t>(number) / rows);
    Value coordinates[] = {line.depth, height,
                           e.add(firstRow, static_cast<int64_t>(number) % rows)};
    index.spatial.assign(std::end(coordinates) - spec.outSpatial.size(), std::end(coordinates));
    epilogue(e, e.getLoc(), e.convert(sum, spec.accumulatorType), index, line.mask);
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
    int64_t count = llvm::divideCeil(*rows, schedule.getTileRows());
    int64_t base = *rows / count, extra = *rows % count;
    tilesUntil(e.i64(extra * (base + 1)), base + 1);
    tilesUntil(width, base);
    return;
  }
  for (int64_t rows = schedule.getTileRows(); rows > 0; rows /= 2) {
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
    return schedule.getKeepWeights() ? loadWeights(e, vector) : SmallVector<Value>();
  };
  if (schedule.getChannelsInside()) {
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

OutlinedFunction DepthwiseEmitter::outlineLines(int64_t count) {
  Type pointer = spec.input.getType(), i64 = emitter.getI64Type();
  Type types[] = {pointer, pointer, i64, i64, i64, i64, i64};
  // Weights are not marked as free of aliases: LLVM would move their loads out of the loop over
  // tiles, and where registers are few it would then spill them.
  return outlineFunction(
      emitter, module, (name + Twine(count)).str(), types,
      [&](Emitter &e, ValueRange arguments) {
        Line line{arguments[0], arguments[1], arguments[2], arguments[3],
                  arguments[4], nullptr,      nullptr,      count};
        emitLine(e, line, arguments[5], arguments[6]);
      },
      /*noalias=*/1);
}

void DepthwiseEmitter::emit(Value task, Value tasks) {
  Value zero = emitter.i64(0), one = emitter.i64(1);
  Value vectors = emitter.ceilDiv(spec.channels, emitter.i64(lanes));
  int64_t most =
      isUnrolled(schedule.getTileLines() * schedule.getTileRows()) ? schedule.getTileLines() : 1;
  Value units = emitter.ceilDiv(out[1], emitter.i64(most));
  Value lines = emitter.mul(spec.batch, emitter.mul(out[0], units));
  if (isConstant(lines, 0) || isConstant(vectors, 0) || isConstant(out[2], 0))
    return;
  std::map<int64_t, OutlinedFunction> lineFunctions;
  lineFunctions[most] = outlineLines(most);
  if (most > 1 && !isConstant(emitter.rem(out[1], emitter.i64(most)), 0))
    lineFunctions[1] = outlineLines(1);

  Value total = emitter.mul(lines, vectors);
  Value begin = emitter.div(emitter.mul(task, total), tasks);
  Value end = emitter.div(emitter.mul(emitter.add(task, 1), total), tasks);
  Value divisor = emitter.max(vectors, one);
  emitter.loop(emitter.div(begin, divisor), emitter.ceilDiv(end, divisor), one, [&](Value number) {
    Value first = emitter.mul(number, vectors);
    Value vectorBegin = emitter.max(emitter.sub(begin, first), zero);
    Value vectorEnd = emitter.min(emitter.sub(end, first), vectors);
    Value firstHeight = emitter.mul(emitter.rem(number, units), most);
    Value rest = emitter.div(number, units);
    Value depth = emitter.rem(rest, out[0]), batch = emitter.div(rest, out[0]);
    auto callAt = [&](Value height, int64_t count) {
      Value offset = emitter.mul(batch, spec.inputBatchStride);
      offset = emitter.add(offset, emitter.mul(emitter.mul(depth, stride[0]), step[0]));
      offset = emitter.add(offset, emitter.mul(emitter.mul(height, stride[1]), step[1]));
      Value input = emitter.offsetPointer(spec.input, spec.inputType, offset);
      lineFunctions[count].call(
          emitter, {input, spec.weights, batch, depth, height, vectorBegin, vectorEnd});
    };
    Value behind = emitter.add(firstHeight, most);
    if (!lineFunctions.contains(1))
      return callAt(firstHeight, most);
    emitter.ifThen(
        emitter.less(out[1], behind),
        [&] { emitter.loop(firstHeight, out[1], one, [&](Value height) { callAt(height, 1); }); },
        [&] { callAt(firstHeight, most); });
  });
}

} // namespace

void emitDepthwise(OpBuilder &builder, Location loc, ModuleOp module, const DepthwiseSpec &spec,
                   DepthwiseScheduleAttr schedule, Value task, Value tasks, EpilogueFn epilogue) {
  Emitter emitter(builder, loc);
  auto parent = builder.getInsertionBlock()->getParent()->getParentOfType<LLVM::LLVMFuncOp>();
  std::string name = (parent ? parent.getName() : StringRef("kernel")).str() + "_line";
  DepthwiseEmitter(emitter, module, spec, schedule, epilogue, name).emit(task, tasks);
  builder.restoreInsertionPoint(emitter.saveInsertionPoint());
}

} // namespace tenon::cpu
