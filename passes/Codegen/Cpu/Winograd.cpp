// Tiles are numbered over batch, height and width, and grouped into units of up to `tileRows`: the
// rows of one microkernel call. A task takes a range of units or of weight panels, and works
// through its units in blocks that fit the second cache:
//
//   for block of units:
//     for tile in block:              V[point][tile][:] = B^T d B       // inputs of the tile
//     for panel of output channels:
//       for point, for unit in block: P[tile][point][:] = V[point] * U[panel][point]
//       for tile in block:            epilogue(A^T P[tile] A)
//
// The transforms are sums with few distinct factors, emitted from the matrices; zero and unit
// factors cost nothing. Edge tiles read clamped positions, whose values only reach outputs that do
// not exist.
//
// Bytes are transformed to i16 and multiplied in pairs. B and A hold 0, 1 and -1 only, and 2 G
// integers, so that all is exact: results are four times what they must be before the last step.
#include "passes/Codegen/Cpu/Winograd.h"
#include "passes/Codegen/Common/EvenSplit.h"
#include "passes/Codegen/Cpu/ContractionMicrokernel.h"
#include <functional>

using namespace mlir;

namespace tenon::cpu {
namespace {

// The matrices of Lavin and Gray, row by row.
constexpr double input2[] = {1, 0, -1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 1, 0, -1};
constexpr double output2[] = {1, 1, 1, 0, 0, 1, -1, -1};

constexpr double input4[] = {4, 0,  -5, 0, 1, 0, 0, -4, -4, 1,  1, 0, 0, 4, -4, -1, 1, 0,
                             0, -2, -1, 2, 1, 0, 0, 2,  -1, -2, 1, 0, 0, 4, 0,  -5, 0, 1};
constexpr double output4[] = {1, 1, 1, 1, 1, 0, 0, 1, -1, 2, -2, 0,
                              0, 1, 1, 4, 4, 0, 0, 1, -1, 8, -8, 1};

/// A matrix of a transform, with `inputTile` columns.
struct Matrix {
  ArrayRef<double> values;
  int64_t columns;
  int64_t rows() const { return values.size() / columns; }
  ArrayRef<double> row(int64_t number) const { return values.slice(number * columns, columns); }
};

Matrix inputMatrix(int64_t outputTile) {
  return outputTile == 2 ? Matrix{input2, 4} : Matrix{input4, 6};
}

Matrix outputMatrix(int64_t outputTile) {
  return outputTile == 2 ? Matrix{output2, 4} : Matrix{output4, 6};
}

/// The same for integers, whose factors are 0, 1 and -1, not all of them -1.
Value emitIntegerCombination(Emitter &e, ArrayRef<double> factors, ArrayRef<Value> vectors) {
  Value sum;
  for (double sign : {1, -1})
    for (auto [factor, vector] : llvm::zip_equal(factors, vectors)) {
      if (factor != sign)
        continue;
      assert((sum || sign == 1) && "something to subtract from");
      sum = !sum        ? vector
            : sign == 1 ? arith::AddIOp::create(e, sum, vector).getResult()
                        : arith::SubIOp::create(e, sum, vector).getResult();
    }
  return sum;
}

/// The sum of `vectors` times `factors`.
Value emitCombination(Emitter &e, ArrayRef<double> factors, ArrayRef<Value> vectors) {
  if (isa<IntegerType>(getElementTypeOrSelf(vectors.front())))
    return emitIntegerCombination(e, factors, vectors);
  Value sum;
  // Terms with factor 1 first, so that what follows can be fused into them.
  for (bool isUnit : {true, false}) {
    for (auto [factor, vector] : llvm::zip_equal(factors, vectors)) {
      if (factor == 0 || (factor == 1) != isUnit)
        continue;
      if (!sum && factor == 1) {
        sum = vector;
      } else if (factor == 1) {
        sum = arith::AddFOp::create(e, sum, vector);
      } else if (sum && factor == -1) {
        sum = arith::SubFOp::create(e, sum, vector);
      } else {
        auto type = cast<VectorType>(vector.getType());
        Value constant = arith::ConstantOp::create(
            e, DenseElementsAttr::get(type, llvm::APFloat(float(factor))));
        sum = sum ? vector::FMAOp::create(e, vector, constant, sum).getResult()
                  : arith::MulFOp::create(e, vector, constant).getResult();
      }
    }
  }
  return sum;
}

/// matrix * tile * matrix^T; `tile` is square and row-major.
SmallVector<Value> emitTransform(Emitter &e, const Matrix &matrix, ArrayRef<Value> tile) {
  int64_t rows = matrix.rows(), columns = matrix.columns;
  // [column of the tile][row of the matrix]
  SmallVector<Value> half;
  for (int64_t column = 0; column < columns; ++column) {
    SmallVector<Value> vectors;
    for (int64_t row = 0; row < columns; ++row)
      vectors.push_back(tile[row * columns + column]);
    for (int64_t row = 0; row < rows; ++row)
      half.push_back(emitCombination(e, matrix.row(row), vectors));
  }
  SmallVector<Value> result;
  for (int64_t row = 0; row < rows; ++row) {
    SmallVector<Value> vectors;
    for (int64_t column = 0; column < columns; ++column)
      vectors.push_back(half[column * rows + row]);
    for (int64_t column = 0; column < rows; ++column)
      result.push_back(emitCombination(e, matrix.row(column), vectors));
  }
  return result;
}

/// Elements between rows of transformed input: apart enough that rows do not collide in the cache.
Value transformedPitch(Emitter &e, Value channels, int64_t lanes) {
  return e.add(e.mul(e.ceilDiv(channels, e.i64(lanes)), lanes), lanes);
}

class WinogradEmitter {
public:
  WinogradEmitter(Emitter &emitter, ModuleOp module, const ContractionSpec &spec,
                  WinogradScheduleAttr schedule, EpilogueFn epilogue, StringRef name);
  void emit(Value task, Value tasks);

private:
  /// A tile's first output position.
  struct Tile {
    Value batch, y, x;
  };

  ContractionSpec productSpec(Emitter &e);
  ContractionScheduleAttr productSchedule() const;
  Tile locate(Emitter &e, Value number);
  OutlinedFunction outlineInputTransform();
  OutlinedFunction outlineOutputTransform();
  void emitInputTransform(Emitter &e, const Tile &tile, Value input, Value transformed);
  void emitOutputTransform(Emitter &e, const Tile &tile, Value products, Value channel,
                           int64_t vector, Value mask);
  void emitBlock(Value unitBegin, Value unitEnd, Value panelBegin, Value panelEnd);
  void emitPanel(Value unitBegin, Value unitEnd, Value panel, int64_t vectors);

  Emitter &emitter;
  ModuleOp module;
  const ContractionSpec &spec;
  WinogradScheduleAttr schedule;
  EpilogueFn epilogue;
  std::string name;
  int64_t lanes, panelWidth, blockRows;
  /// Of a transformed input's elements, and of the vectors that are transformed.
  Type transformedType;
  int64_t transformedLanes;
  Value height, width, tilesPerLine, tileLines;
  Value pitch, transformed, products;
  EvenSplit units;
  ContractionScheduleAttr microkernelSchedule;
  std::function<void(OpBuilder &, Location, Value, const OutputIndex &, Value)> storeProduct;
  NormalizedContraction product;
  std::optional<MicrokernelEmitter> microkernels;
  OutlinedFunction inputTransform, outputTransform;
};

Value countTiles(Emitter &e, const ContractionSpec &spec, int64_t outputTile) {
  Value tile = e.i64(outputTile);
  Value perImage = e.mul(e.ceilDiv(spec.outSpatial[0], tile), e.ceilDiv(spec.outSpatial[1], tile));
  return e.mul(spec.batch, perImage);
}

WinogradEmitter::WinogradEmitter(Emitter &emitter, ModuleOp module, const ContractionSpec &spec,
                                 WinogradScheduleAttr schedule, EpilogueFn epilogue, StringRef name)
    : emitter(emitter), module(module), spec(spec), schedule(schedule), epilogue(epilogue),
      name(name), lanes(schedule.getLanes()), panelWidth(schedule.getPanelWidth()),
      blockRows(schedule.getTileRows() * schedule.getBlockTiles()),
      transformedType(schedule.getMma().getPackedType(spec.inputType, spec.accumulatorType)),
      transformedLanes(lanes * schedule.getMma().getInterleave()), height(spec.outSpatial[0]),
      width(spec.outSpatial[1]),
      units(emitter, countTiles(emitter, spec, schedule.getOutputTile()), schedule.getTileRows()) {
  Value tile = emitter.i64(schedule.getOutputTile());
  tilesPerLine = emitter.ceilDiv(width, tile);
  tileLines = emitter.ceilDiv(height, tile);
  pitch = transformedPitch(emitter, spec.inChannels, transformedLanes);
}

/// One product per point: a group in the sense of ContractionSpec, with a panel as its channels.
ContractionSpec WinogradEmitter::productSpec(Emitter &e) {
  ContractionSpec result;
  Value one = e.i64(1), zero = e.i64(0);
  result.batch = one;
  result.group = e.i64(schedule.getPoints());
  result.outSpatial = {units.size};
  result.kernel = result.stride = result.dilation = {one};
  // Transformed zeros follow the last channel.
  int64_t interleave = schedule.getMma().getInterleave();
  result.inChannels = e.mul(e.ceilDiv(spec.inChannels, e.i64(interleave)), interleave);
  result.outChannels = e.i64(panelWidth);
  result.input = transformed;
  result.inputType = transformedType;
  result.accumulatorType = spec.accumulatorType;
  result.inputBatchStride = result.inputGroupStride = zero;
  result.inputSpatialStride = {pitch};
  result.weights = spec.weights;
  result.weightType = transformedType;
  return result;
}

ContractionScheduleAttr WinogradEmitter::productSchedule() const {
  return ContractionScheduleAttr::get(
      schedule.getContext(), lanes, schedule.getTileRows(), schedule.getTileVectors(),
      /*tile_lines=*/1, schedule.getUnrollK(), /*block_tiles=*/0, /*packed=*/true,
      /*pack_input=*/false,
      /*pack_weights=*/false, schedule.getPrefetchLines(), /*prefer_split_panels=*/false,
      schedule.getMma(), /*merge_taps=*/false, /*skip=*/nullptr, /*few_rows=*/0,
      /*row_vectors=*/0);
}

auto WinogradEmitter::locate(Emitter &e, Value number) -> Tile {
  Value column = e.rem(number, tilesPerLine), rest = e.div(number, tilesPerLine);
  return {e.div(rest, tileLines), e.mul(e.rem(rest, tileLines), schedule.getOutputTile()),
          e.mul(column, schedule.getOutputTile())};
}

void WinogradEmitter::emitInputTransform(Emitter &e, const Tile &tile, Value input,
                                         Value transformedTile) {
  int64_t size = schedule.getInputTile();
  // Positions behind the image's end repeat its last ones.
  auto offsets = [&](Value first, Value outputs, Value stride) {
    Value last = e.add(outputs, 1);
    bool isWhole = constantOf(outputs) && *constantOf(outputs) % schedule.getOutputTile() == 0;
    SmallVector<Value> result;
    for (int64_t i = 0; i < size; ++i) {
      Value position = e.add(first, i);
      result.push_back(e.mul(isWhole ? position : e.min(position, last), stride));
    }
    return result;
  };
  SmallVector<Value> lines = offsets(tile.y, height, spec.inputSpatialStride[0]);
  SmallVector<Value> columns = offsets(tile.x, width, spec.inputSpatialStride[1]);
  SmallVector<Value> pointers;
  for (Value line : lines)
    for (Value column : columns)
      pointers.push_back(e.offsetPointer(input, spec.inputType, e.add(line, column)));

  Value pointPitch = e.mul(pitch, blockRows);
  auto transformChannels = [&](Value channel, Value mask) {
    SmallVector<Value> values;
    auto type = VectorType::get(transformedLanes, spec.inputType);
    for (Value pointer : pointers) {
      Value loaded = e.maskedLoad(type, e.offsetPointer(pointer, spec.inputType, channel), mask);
      values.push_back(e.convert(loaded, transformedType, spec.inputIsUnsigned));
    }
    values = emitTransform(e, inputMatrix(schedule.getOutputTile()), values);
    Value to = e.offsetPointer(transformedTile, transformedType, channel);
    for (auto [point, value] : llvm::enumerate(values))
      e.store(value, e.offsetPointer(to, transformedType, e.mul(pointPitch, int64_t(point))));
  };
  Value step = e.i64(transformedLanes);
  Value wholeEnd = e.mul(e.div(spec.inChannels, step), step);
  e.loop(e.i64(0), wholeEnd, step, [&](Value channel) { transformChannels(channel, nullptr); });
  if (isConstant(e.sub(spec.inChannels, wholeEnd), 0))
    return;
  e.ifThen(e.less(wholeEnd, spec.inChannels), [&] {
    transformChannels(wholeEnd, e.laneMask(transformedLanes, e.sub(spec.inChannels, wholeEnd)));
  });
}

OutlinedFunction WinogradEmitter::outlineInputTransform() {
  Type pointer = spec.input.getType(), i64 = emitter.getI64Type();
  return outlineFunction(
      emitter, module, name + "_input", {pointer, pointer, i64, i64},
      [&](Emitter &e, ValueRange arguments) {
        emitInputTransform(e, {nullptr, arguments[2], arguments[3]}, arguments[0], arguments[1]);
      },
      /*noalias=*/2);
}

void WinogradEmitter::emitOutputTransform(Emitter &e, const Tile &tile, Value productsOfTile,
                                          Value channel, int64_t vector, Value mask) {
  SmallVector<Value> values;
  auto type = VectorType::get(lanes, spec.accumulatorType);
  for (int64_t point = 0; point < schedule.getPoints(); ++point)
    values.push_back(e.load(type, e.offsetPointer(productsOfTile, spec.accumulatorType,
                                                  point * panelWidth + vector * lanes)));
  values = emitTransform(e, outputMatrix(schedule.getOutputTile()), values);
  if (isa<IntegerType>(spec.accumulatorType)) {
    // Filters are four times what they should be.
    Value two = arith::ConstantOp::create(
        e, DenseElementsAttr::get(type, Attribute(e.getI32IntegerAttr(2))));
    for (Value &value : values)
      value = arith::ShRSIOp::create(e, value, two);
  }

  OutputIndex index;
  index.batch = tile.batch;
  index.group = e.i64(0);
  index.channel = e.add(channel, vector * lanes);
  // Outputs behind the image's end are dropped.
  auto ifInside = [&](Value position, Value size, llvm::function_ref<void()> body) {
    std::optional<int64_t> constant = constantOf(size);
    if (constant && *constant % schedule.getOutputTile() == 0)
      return body();
    e.ifThen(e.less(position, size), body);
  };
  for (int64_t line = 0; line < schedule.getOutputTile(); ++line) {
    Value y = e.add(tile.y, line);
    ifInside(y, height, [&] {
      for (int64_t column = 0; column < schedule.getOutputTile(); ++column) {
        Value x = e.add(tile.x, column);
        ifInside(x, width, [&] {
          index.spatial = {y, x};
          epilogue(e, e.getLoc(), values[line * schedule.getOutputTile() + column], index, mask);
        });
      }
    });
  }
}

/// The transform of one tile and panel; whole vectors and partial ones are separate code.
OutlinedFunction WinogradEmitter::outlineOutputTransform() {
  Type pointer = spec.input.getType(), i64 = emitter.getI64Type();
  return outlineFunction(
      emitter, module, name + "_output", {pointer, i64, i64, i64, i64},
      [&](Emitter &e, ValueRange arguments) {
        Tile tile{arguments[1], arguments[2], arguments[3]};
        Value channel = arguments[4];
        Value rest = e.sub(spec.outChannels, channel);
        auto channels = constantOf(spec.outChannels);
        for (int64_t v = 0; v < schedule.getTileVectors(); ++v) {
          Value valid = e.sub(rest, e.i64(v * lanes));
          auto whole = [&] { emitOutputTransform(e, tile, arguments[0], channel, v, nullptr); };
          if (channels && *channels % panelWidth == 0) {
            whole();
            continue;
          }
          Value isWhole = e.compare(arith::CmpIPredicate::sge, valid, e.i64(lanes));
          if (channels && *channels % lanes == 0) {
            e.ifThen(isWhole, whole);
            continue;
          }
          e.ifThen(isWhole, whole, [&] {
            e.ifThen(e.less(e.i64(0), valid), [&] {
              Value count = channels ? e.i64(*channels % lanes) : valid;
              emitOutputTransform(e, tile, arguments[0], channel, v, e.laneMask(lanes, count));
            });
          });
        }
      },
      /*noalias=*/1);
}

void WinogradEmitter::emitPanel(Value unitBegin, Value unitEnd, Value panel, int64_t vectors) {
  Value one = emitter.i64(1), points = emitter.i64(schedule.getPoints());
  Type type = spec.accumulatorType;
  Value firstRow = units.begin(emitter, unitBegin), endRow = units.begin(emitter, unitEnd);
  Type stepType = product.getStepType(transformedType);
  Value pointSize = emitter.mul(product.sumSteps, panelWidth);
  emitter.loop(emitter.i64(0), points, one, [&](Value point) {
    Value number = emitter.add(emitter.mul(panel, schedule.getPoints()), point);
    Value weights = emitter.offsetPointer(spec.weights, stepType, emitter.mul(number, pointSize));
    Value rows = emitter.offsetPointer(transformed, transformedType,
                                       emitter.mul(emitter.mul(point, blockRows), pitch));
    emitter.loop(unitBegin, unitEnd, one, [&](Value unit) {
      Value row = emitter.sub(units.begin(emitter, unit), firstRow);
      Value zero = emitter.i64(0);
      TileOperands operands{emitter.offsetPointer(rows, transformedType, emitter.mul(row, pitch)),
                            weights,
                            nullptr,
                            {zero, point, zero, zero, row, zero},
                            /*lines=*/nullptr,
                            /*rows=*/nullptr};
      if (schedule.getPrefetchLines()) {
        // The next point's weights follow this one's; each unit prefetches a part of them.
        Value trips = emitter.div(product.sumSteps, emitter.i64(microkernelSchedule.getUnrollK()));
        Value part = emitter.mul(emitter.mul(trips, schedule.getPrefetchLines() * 64),
                                 emitter.sub(unit, unitBegin));
        operands.prefetch = emitter.offsetPointer(
            emitter.offsetPointer(weights, stepType, pointSize), emitter.getI8Type(), part);
      }
      units.forPieces(emitter, units.length(emitter, unit), [&](Value offset, int64_t length) {
        TileOperands piece = operands;
        piece.input =
            emitter.offsetPointer(operands.input, transformedType, emitter.mul(offset, pitch));
        piece.place.width = emitter.add(row, offset);
        microkernels->call(emitter, {1, length, vectors, false}, piece);
      });
    });
  });
  emitter.loop(firstRow, endRow, one, [&](Value number) {
    Tile tile = locate(emitter, number);
    Value row = emitter.sub(number, firstRow);
    Value from =
        emitter.offsetPointer(products, type, emitter.mul(row, schedule.getPoints() * panelWidth));
    outputTransform.call(emitter,
                         {from, tile.batch, tile.y, tile.x, emitter.mul(panel, panelWidth)});
  });
}

void WinogradEmitter::emitBlock(Value unitBegin, Value unitEnd, Value panelBegin, Value panelEnd) {
  Value one = emitter.i64(1);
  Value firstRow = units.begin(emitter, unitBegin), endRow = units.begin(emitter, unitEnd);
  emitter.loop(firstRow, endRow, one, [&](Value number) {
    Tile tile = locate(emitter, number);
    Value image = emitter.offsetPointer(spec.input, spec.inputType,
                                        emitter.mul(tile.batch, spec.inputBatchStride));
    Value row = emitter.mul(emitter.sub(number, firstRow), pitch);
    inputTransform.call(
        emitter, {image, emitter.offsetPointer(transformed, transformedType, row), tile.y, tile.x});
  });
  // The last panel may have fewer vectors; its padding is not multiplied.
  Value whole = emitter.div(spec.outChannels, emitter.i64(panelWidth));
  emitter.loop(panelBegin, emitter.min(panelEnd, whole), one, [&](Value panel) {
    emitPanel(unitBegin, unitEnd, panel, schedule.getTileVectors());
  });
  Value rest = emitter.sub(spec.outChannels, emitter.mul(whole, panelWidth));
  if (isConstant(rest, 0))
    return;
  int64_t vectors =
      constantOf(rest) ? llvm::divideCeil(*constantOf(rest), lanes) : schedule.getTileVectors();
  emitter.ifThen(emitter.less(emitter.max(panelBegin, whole), panelEnd),
                 [&] { emitPanel(unitBegin, unitEnd, whole, vectors); });
}

void WinogradEmitter::emit(Value task, Value tasks) {
  if (isConstant(units.size, 0) || isConstant(spec.outChannels, 0))
    return;
  products = spec.scratch;
  transformed = emitter.offsetPointer(products, spec.accumulatorType,
                                      blockRows * schedule.getPoints() * panelWidth);
  product = normalizeContraction(emitter, productSpec(emitter), productSchedule());
  microkernelSchedule = productSchedule();
  Value productBase = products;
  storeProduct = [=, this](OpBuilder &builder, Location loc, Value sum, const OutputIndex &index,
                           Value) {
    Emitter e(builder, loc);
    Value offset = e.add(e.mul(index.spatial[0], schedule.getPoints() * panelWidth), index.channel);
    e.store(sum, e.offsetPointer(productBase, spec.accumulatorType, offset));
  };
  microkernels.emplace(module, product, microkernelSchedule, storeProduct, name);
  inputTransform = outlineInputTransform();
  outputTransform = outlineOutputTransform();

  // Tasks that share panels transform all input each, which costs about a sixteenth of the work.
  Value panels = emitter.ceilDiv(spec.outChannels, emitter.i64(panelWidth));
  Value work = emitter.mul(units.count, panels);
  Value unitCost = emitter.mul(emitter.ceilDiv(units.count, tasks), panels);
  Value panelCost = emitter.add(emitter.mul(emitter.ceilDiv(panels, tasks), units.count),
                                emitter.ceilDiv(work, emitter.i64(16)));
  Value byUnits = emitter.compare(arith::CmpIPredicate::sle, unitCost, panelCost);
  Value total = emitter.select(byUnits, units.count, panels), zero = emitter.i64(0);
  Value begin = emitter.div(emitter.mul(task, total), tasks);
  Value end = emitter.div(emitter.mul(emitter.add(task, 1), total), tasks);
  Value unitBegin = emitter.select(byUnits, begin, zero);
  Value unitEnd = emitter.select(byUnits, end, units.count);
  Value panelBegin = emitter.select(byUnits, zero, begin);
  Value panelEnd = emitter.select(byUnits, panels, end);
  Value step = emitter.i64(schedule.getBlockTiles());
  emitter.loop(unitBegin, unitEnd, step, [&](Value block) {
    emitBlock(block, emitter.min(emitter.add(block, step), unitEnd), panelBegin, panelEnd);
  });
}

} // namespace

bool supportsWinograd(const ContractionSpec &spec) {
  auto areAll = [](ArrayRef<Value> values, int64_t expected) {
    return llvm::all_of(values, [&](Value value) { return isConstant(value, expected); });
  };
  bool sharesWeights = !spec.weightBatchStride || isConstant(spec.weightBatchStride, 0);
  return spec.kernel.size() == 2 && areAll(spec.kernel, 3) && areAll(spec.stride, 1) &&
         areAll(spec.dilation, 1) && isConstant(spec.group, 1) && sharesWeights &&
         spec.accumulatorType.getIntOrFloatBitWidth() == 32 &&
         spec.weightLayout == WeightLayout::Packed;
}

ScratchBytes winogradScratchBytes(WinogradScheduleAttr schedule) {
  int64_t rows = schedule.getTileRows() * schedule.getBlockTiles() * schedule.getPoints();
  int64_t vectorBytes = schedule.getLanes() * 4,
          elementBytes = 4 / schedule.getMma().getInterleave();
  // Rows of transformed input are rounded up to whole vectors and one more (transformedPitch).
  return {int64_t(llvm::alignTo(rows * (schedule.getPanelWidth() * 4 + 2 * vectorBytes), 64)),
          int64_t(llvm::alignTo(rows * elementBytes, 64))};
}

void emitWinograd(OpBuilder &builder, Location loc, ModuleOp module, const ContractionSpec &spec,
                  WinogradScheduleAttr schedule, Value task, Value tasks, EpilogueFn epilogue) {
  assert(supportsWinograd(spec) && "not a plain 3x3 convolution");
  Emitter emitter(builder, loc);
  auto parent = builder.getInsertionBlock()->getParent()->getParentOfType<LLVM::LLVMFuncOp>();
  std::string name = (parent ? parent.getName() : StringRef("kernel")).str() + "_winograd";
  WinogradEmitter(emitter, module, spec, schedule, epilogue, name).emit(task, tasks);
  builder.restoreInsertionPoint(emitter.saveInsertionPoint());
}

} // namespace tenon::cpu
