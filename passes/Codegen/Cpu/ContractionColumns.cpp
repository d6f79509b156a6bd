// Microkernels of weights of which single ones are left out. Lanes are output positions: a weight
// is broadcast, and multiplied by vectors of a channel's positions, which packing has made
// neighbours:
//
//   for part of the channels:               // its input stays in the nearest cache
//     for output n of the panel:
//       sums[v] = scratch[n][v]             // or zeros
//       for (k, w) in the list of part and n:
//         sums[v] += w * input[k][v]
//       scratch[n][v] = sums[v]
//   transpose squares of scratch, and hand vectors of outputs to the epilogue
//
// Each sum takes its products in the order of the channels, as that of other microkernels does.
#include "passes/Codegen/Cpu/ContractionPack.h"
#include "passes/Codegen/Cpu/LaneExchange.h"
#include "passes/Codegen/Cpu/SparseWeights.h"

using namespace mlir;

namespace tenon::cpu {

/// State while the body of one of these microkernels is emitted.
struct MicrokernelEmitter::ColumnBody {
  ColumnBody(const MicrokernelEmitter &parent, Emitter &emitter, const TileShape &shape,
             const TileOperands &operands)
      : parent(parent), e(emitter), shape(shape), operands(operands),
        contraction(parent.contraction), spec(contraction.spec), schedule(parent.schedule),
        lanes(schedule.getLanes()), positions(shape.lines * shape.rows),
        vectors(llvm::divideCeil(positions, lanes)), element(spec.accumulatorType),
        vectorType(VectorType::get(lanes, element)), sparse(spec), sums(locateSums()) {}

  void emit();

private:
  Value locateSums();
  /// Of the panel's outputs, those that exist.
  Value countColumns();
  /// Of both: the number of the next weight, which is given as that of the first.
  Value emitPart(Value part, Value at, bool isFirst);
  Value emitColumn(Value part, Value column, Value at, bool isFirst);
  /// Hands a vector of outputs, number `group` of the panel, to the epilogue for all positions.
  void finishGroup(Value group, Value columns);
  void finishSquare(Value group, Value vector, int64_t rows, const ChannelMasks &masks);
  Value sumAt(Value column, Value vector) {
    Value number = e.add(e.mul(column, vectors), vector);
    return e.offsetPointer(sums, element, e.mul(number, lanes));
  }

  const MicrokernelEmitter &parent;
  Emitter &e;
  TileShape shape;
  TileOperands operands;
  const NormalizedContraction &contraction;
  const ContractionSpec &spec;
  ContractionScheduleAttr schedule;
  int64_t lanes, positions, vectors;
  Type element;
  VectorType vectorType;
  SparseWeights sparse;
  Value sums;
};

/// Behind packed input.
Value MicrokernelEmitter::ColumnBody::locateSums() {
  ScratchLayout layout(schedule, /*taps=*/1, /*hasCodes=*/false);
  Value input = e.mul(spec.inChannels, layout.inputTile * layout.inputTiles);
  return e.offsetPointer(spec.scratch, element, input);
}

Value MicrokernelEmitter::ColumnBody::countColumns() {
  Value all = e.i64(shape.vectors * lanes);
  return shape.masked ? e.min(all, e.sub(spec.outChannels, operands.place.channel)) : all;
}

void MicrokernelEmitter::ColumnBody::emit() {
  Value parts = e.ceilDiv(spec.inChannels, e.i64(spec.sparse->rows));
  Value at = emitPart(e.i64(0), sparse.firstOfPanel(e, operands.weights), /*isFirst=*/true);
  e.loop(e.i64(1), parts, e.i64(1), {at}, [&](Value part, ValueRange carried) {
    return SmallVector<Value>{emitPart(part, carried[0], /*isFirst=*/false)};
  });
  int64_t whole = shape.masked ? shape.vectors - 1 : shape.vectors;
  e.loop(e.i64(0), e.i64(whole), e.i64(1), [&](Value group) { finishGroup(group, nullptr); });
  if (shape.masked)
    finishGroup(e.i64(whole), e.sub(countColumns(), e.i64(whole * lanes)));
}

Value MicrokernelEmitter::ColumnBody::emitPart(Value part, Value at, bool isFirst) {
  return e.loop(e.i64(0), countColumns(), e.i64(1), {at}, [&](Value column, ValueRange carried) {
    return SmallVector<Value>{emitColumn(part, column, carried[0], isFirst)};
  })[0];
}

Value MicrokernelEmitter::ColumnBody::emitColumn(Value part, Value column, Value at, bool isFirst) {
  int64_t pitch = vectors * lanes;
  Value input = e.offsetPointer(operands.input, element, e.mul(part, spec.sparse->rows * pitch));
  SmallVector<Value> ofColumn;
  for (int64_t v = 0; v < vectors; ++v) {
    if (isFirst)
      ofColumn.push_back(arith::ConstantOp::create(e, e.getZeroAttr(vectorType)));
    else
      ofColumn.push_back(e.load(vectorType, sumAt(column, e.i64(v))));
  }
  Value list = e.add(e.mul(part, schedule.getPanelWidth()), column);
  ofColumn = sparse.forColumn(
      e, operands.weights, list, at, ofColumn, [&](Value row, Value weight, ValueRange carried) {
        Value channel = e.offsetPointer(input, element, e.mul(row, pitch));
        Value factor = vector::BroadcastOp::create(e, vectorType, e.convert(weight, element));
        SmallVector<Value> next;
        for (auto [v, sum] : llvm::enumerate(carried)) {
          Value x = e.load(vectorType,
                           e.offsetPointer(channel, element, static_cast<int64_t>(v) * lanes));
          next.push_back(e.multiplyAdd(x, factor, sum));
        }
        return next;
      });
  for (auto [v, sum] : llvm::enumerate(ofColumn))
    e.store(sum, sumAt(column, e.i64(v)));
  return at;
}

void MicrokernelEmitter::ColumnBody::finishGroup(Value group, Value columns) {
  ChannelMasks masks(lanes, columns);
  e.loop(e.i64(0), e.i64(positions / lanes), e.i64(1),
         [&](Value vector) { finishSquare(group, vector, lanes, masks); });
  if (positions % lanes)
    finishSquare(group, e.i64(positions / lanes), positions % lanes, masks);
}

void MicrokernelEmitter::ColumnBody::finishSquare(Value group, Value vector, int64_t rows,
                                                  const ChannelMasks &masks) {
  SmallVector<Value> square;
  for (int64_t lane = 0; lane < lanes; ++lane)
    square.push_back(e.load(vectorType, sumAt(e.add(e.mul(group, lanes), lane), vector)));
  square = emitTranspose(e, square);
  TilePlace place = operands.place;
  place.channel = e.add(place.channel, e.mul(group, lanes));
  for (int64_t row = 0; row < rows; ++row)
    parent.finish(e, place, e.i64(0), e.add(e.mul(vector, lanes), row), {square[row]}, masks);
}

void MicrokernelEmitter::emitColumns(Emitter &emitter, const TileShape &shape,
                                     const TileOperands &operands) const {
  ColumnBody(*this, emitter, shape, operands).emit();
}

} // namespace tenon::cpu
