// Microkernels of tile registers. Up to four tiles of sums, 16 positions by 16 channels each, take
// products of tiles of 64 bytes of channels:
//
//   for tap in taps:
//     for k in channels, 64 bytes at a time:
//       a[i] = 16 positions x 64 bytes of input      // in place, or packed
//       b[v] = 64 bytes of channels x 16 outputs     // of the panel
//       sum[i][v] += a[i] b[v]
//   store all sums to the stack
//   for position in tile: epilogue(sum[position][v])
//
// Rows cost the same whether they are there or not, so one microkernel serves all numbers of them.
// Where input is read in place, the last 16 positions may be some of those before once more; where
// it is packed, or memory goes on behind it, rows that do not exist hold what they held, which may
// be no numbers. Sums of neither are read. Bytes behind the last channel are zeros, in input and
// weights.
#include "passes/Codegen/Cpu/ContractionPack.h"
#include "passes/Codegen/Cpu/FloatParts.h"
#include "passes/Codegen/Cpu/TileRegisters.h"

using namespace mlir;

namespace tenon::cpu {

namespace {
constexpr int64_t tileRows = MmaAttr::tileRows, tileBytes = MmaAttr::tileBytes;
constexpr int64_t numWeightTiles = 2;

int64_t weightTile(int64_t vector) { return TileRegisters::firstWeights + vector % numWeightTiles; }

/// Where a step of a tap's part is among all: steps of a part lie one behind the other.
Value placeOf(Emitter &e, const NormalizedContraction &contraction, Value stepsPerPart, Value tap,
              int64_t part, Value step) {
  Value number = e.add(e.mul(tap, contraction.parts), part);
  return e.add(e.mul(number, stepsPerPart), step);
}
} // namespace

/// State while the body of one of these microkernels is emitted.
struct MicrokernelEmitter::TileBody {
  TileBody(const MicrokernelEmitter &parent, Emitter &emitter, const TileShape &shape,
           const TileOperands &operands)
      : parent(parent), e(emitter), shape(shape), operands(operands),
        contraction(parent.contraction), spec(contraction.spec), schedule(parent.schedule),
        tiles(llvm::divideCeil(shape.lines * shape.rows, tileRows)),
        types{spec.accumulatorType, spec.inputIsUnsigned, spec.weightsAreUnsigned},
        sumPitch(shape.vectors * tileBytes),
        stepsPerPart(e.div(contraction.sumSteps, e.i64(tileRows))) {}

  void emit();

private:
  /// The first position of tile number `tile`.
  Value firstRow(int64_t tile);
  void emitStep(Value input, Value tap, Value step);
  /// Load tiles of positions, and of weights number `vector`, at a step of a part.
  void loadInput(Value input, Value step, Value place);
  void loadWeights(Value place, int64_t vector);
  void emitSums();

  const MicrokernelEmitter &parent;
  Emitter &e;
  TileShape shape;
  TileOperands operands;
  const NormalizedContraction &contraction;
  const ContractionSpec &spec;
  ContractionScheduleAttr schedule;
  /// Of positions.
  int64_t tiles;
  MmaTypes types;
  /// Bytes from the sums of one position to those of the next.
  int64_t sumPitch;
  /// Of 64 bytes of channels, of one tap.
  Value stepsPerPart;
};

Value MicrokernelEmitter::TileBody::firstRow(int64_t tile) {
  Value row = e.i64(tile * tileRows);
  bool mayOverlap = tile > 0 && !schedule.getPackInput() && !spec.hasWholeTiles;
  return mayOverlap ? e.min(row, e.sub(operands.rows, e.i64(tileRows))) : row;
}

void MicrokernelEmitter::TileBody::loadInput(Value input, Value step, Value place) {
  Type byte = e.getI8Type();
  for (int64_t i = 0; i < tiles; ++i) {
    Value pointer, pitch;
    if (schedule.getPackInput()) {
      Value steps = e.div(contraction.countPanelRows(e), e.i64(tileRows));
      Value number = e.add(e.mul(steps, i), place);
      pointer = e.offsetPointer(operands.input, byte, e.mul(number, tileRows * tileBytes));
      pitch = e.i64(tileBytes);
    } else {
      pitch = e.mul(contraction.width.step, spec.inputType.getIntOrFloatBitWidth() / 8);
      pointer = e.offsetPointer(input, byte, e.mul(firstRow(i), pitch));
      pointer = e.offsetPointer(pointer, byte, e.mul(step, tileBytes));
    }
    TileRegisters::load(e, TileRegisters::firstInput + i, pointer, pitch);
  }
}

void MicrokernelEmitter::TileBody::loadWeights(Value place, int64_t vector) {
  Type byte = e.getI8Type();
  int64_t pitch = schedule.getTileVectors() * tileBytes;
  Value weights = e.offsetPointer(operands.weights, byte, e.mul(place, tileRows * pitch));
  TileRegisters::load(e, weightTile(vector), e.offsetPointer(weights, byte, vector * tileBytes),
                      e.i64(pitch));
}

// Of f32, all products of parts, neighbours of which have one in common. Its tiles stay in their
// registers, if these are enough.
void MicrokernelEmitter::TileBody::emitStep(Value input, Value tap, Value step) {
  if (operands.prefetch)
    parent.prefetchNext(e, operands, e.add(e.mul(tap, stepsPerPart), step));
  int64_t inputPart = -1, weightPart = -1;
  for (auto product : schedule.getMma().getPartProducts()) {
    if (product.input != inputPart)
      loadInput(input, step, placeOf(e, contraction, stepsPerPart, tap, product.input, step));
    bool keepsWeights = product.weights == weightPart && shape.vectors <= numWeightTiles;
    for (int64_t v = 0; v < shape.vectors; ++v) {
      if (!keepsWeights)
        loadWeights(placeOf(e, contraction, stepsPerPart, tap, product.weights, step), v);
      for (int64_t i = 0; i < tiles; ++i)
        TileRegisters::multiplyAdd(e, schedule.getMma(), types, i * shape.vectors + v,
                                   TileRegisters::firstInput + i, weightTile(v));
    }
    inputPart = product.input, weightPart = product.weights;
  }
}

void MicrokernelEmitter::TileBody::emitSums() {
  for (int64_t i = 0; i < tiles * shape.vectors; ++i)
    TileRegisters::clear(e, TileRegisters::firstSums + i);
  contraction.forTaps(e, operands.input, {}, [&](Value input, Value tap, ValueRange) {
    e.loop(e.i64(0), stepsPerPart, e.i64(1), [&](Value step) { emitStep(input, tap, step); });
    return SmallVector<Value>();
  });
}

void MicrokernelEmitter::TileBody::emit() {
  ChannelMasks masks(e, spec, shape, schedule.getLanes(), operands.place.channel);
  auto type = VectorType::get(schedule.getLanes(), spec.accumulatorType);
  Value sums = e.stackArray(type, tiles * tileRows * shape.vectors, /*alignment=*/64);
  emitSums();
  for (int64_t i = 0; i < tiles; ++i)
    for (int64_t v = 0; v < shape.vectors; ++v) {
      Value place = e.add(e.mul(firstRow(i), sumPitch), v * tileBytes);
      TileRegisters::store(e, TileRegisters::firstSums + i * shape.vectors + v,
                           e.offsetPointer(sums, e.getI8Type(), place), e.i64(sumPitch));
    }
  auto finish = [&](Value line, Value row) {
    Value position = e.add(e.mul(line, operands.rows), row);
    Value pointer = e.offsetPointer(sums, type, e.mul(position, shape.vectors));
    SmallVector<Value> values;
    for (int64_t v = 0; v < shape.vectors; ++v)
      values.push_back(e.load(type, e.offsetPointer(pointer, type, v)));
    parent.finish(e, operands.place, line, row, values, masks);
  };
  Value zero = e.i64(0), one = e.i64(1);
  e.loop(zero, shape.lines == 1 ? one : operands.lines, one, [&](Value line) {
    e.loop(zero, operands.rows, one, [&](Value row) { finish(line, row); });
  });
}

void MicrokernelEmitter::emitTiles(Emitter &emitter, const TileShape &shape,
                                   const TileOperands &operands) const {
  TileBody(*this, emitter, shape, operands).emit();
}

// Bytes as they are, or f32 as the parts that are multiplied.
SmallVector<Value> PackEmitter::loadTileRow(Emitter &e, Value pointer, Value channels) {
  if (contraction.parts == 1) {
    Value mask;
    if (channels)
      mask = e.laneMask(tileBytes, e.mul(channels, spec.inputType.getIntOrFloatBitWidth() / 8));
    return {e.maskedLoad(VectorType::get(tileBytes, e.getI8Type()), pointer, mask)};
  }
  constexpr int64_t lanes = tileBytes / 2;
  Value mask = channels ? e.laneMask(lanes, channels) : Value();
  Value floats = e.maskedLoad(VectorType::get(lanes, spec.inputType), pointer, mask);
  return splitFloats(e, floats, contraction.parts);
}

void PackEmitter::emitPackTiles(Emitter &e, Value position, Value input, Value packed) {
  Type byte = e.getI8Type();
  Value tileSize = e.i64(tileRows * tileBytes), height = e.i64(tileRows);
  Value steps = e.div(contraction.countPanelRows(e), height);
  Value to = e.mul(e.mul(e.div(position, height), steps), tileSize);
  to = e.add(to, e.mul(e.rem(position, height), tileBytes));
  to = e.offsetPointer(packed, byte, to);
  int64_t channelsPerStep = tileBytes * 8 / contraction.packedInputType.getIntOrFloatBitWidth();
  int64_t stepBytes = channelsPerStep * spec.inputType.getIntOrFloatBitWidth() / 8;
  Value whole = e.div(contraction.sumChannels, e.i64(channelsPerStep));
  Value rest = e.rem(contraction.sumChannels, e.i64(channelsPerStep));
  Value stepsPerPart = e.div(contraction.sumSteps, height);
  contraction.forTaps(e, input, {}, [&](Value tapInput, Value tap, ValueRange) {
    auto copy = [&](Value step, Value channels) {
      Value from = e.offsetPointer(tapInput, byte, e.mul(step, stepBytes));
      for (auto [part, bytes] : llvm::enumerate(loadTileRow(e, from, channels))) {
        Value place = placeOf(e, contraction, stepsPerPart, tap, part, step);
        e.store(bytes, e.offsetPointer(to, byte, e.mul(place, tileSize)));
      }
    };
    e.loop(e.i64(0), whole, e.i64(1), [&](Value step) { copy(step, nullptr); });
    if (!isConstant(rest, 0))
      e.ifThen(e.less(e.i64(0), rest), [&] { copy(whole, rest); });
    return SmallVector<Value>();
  });
}

void PackEmitter::packTiles(Emitter &emitter, Value lines, Value rows, Value input, Value packed) {
  auto [it, isNew] = inputFunctions.try_emplace({0, 0});
  if (isNew) {
    Type pointer = input.getType(), number = emitter.getI64Type();
    it->second = outlineFunction(
        emitter, module, namePrefix + "_pack_input", {pointer, pointer, number, number},
        [&](Emitter &e, ValueRange arguments) {
          Value zero = e.i64(0), one = e.i64(1), rows = arguments[3];
          Value lines = schedule.getTileLines() == 1 ? one : arguments[2];
          e.loop(zero, lines, one, [&](Value line) {
            e.loop(zero, rows, one, [&](Value row) {
              Value offset =
                  e.add(e.mul(contraction.height.step, line), e.mul(contraction.width.step, row));
              emitPackTiles(e, e.add(e.mul(line, rows), row),
                            e.offsetPointer(arguments[0], spec.inputType, offset), arguments[1]);
            });
          });
        },
        /*noalias=*/2);
  }
  it->second.call(emitter, {input, packed, lines, rows});
}

} // namespace tenon::cpu
