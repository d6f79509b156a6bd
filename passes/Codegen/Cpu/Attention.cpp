// The loops around the two products and the softmax (see the header). Everything between them is in
// scratch memory of the task (AttentionScratch).
#include "passes/Codegen/Cpu/Attention.h"
#include "passes/Codegen/Common/EvenSplit.h"
#include "passes/Codegen/Cpu/AttentionSoftmax.h"
#include "passes/Codegen/Cpu/TileRegisters.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

/// Where the arrays of a task begin in its scratch memory, in bytes.
class AttentionScratch {
public:
  AttentionScratch(AttentionScheduleAttr schedule, int64_t depth, int64_t width,
                   std::optional<int64_t> keyCount);

  /// All keys are one block.
  bool isWhole;
  /// Elements between rows of scores and of partial results.
  int64_t pitch, partialPitch;
  /// A block of keys and values in panels, and packed queries; empty where nothing is packed.
  int64_t packedKeys = 0, packedValues = 0, packedQueries = 0;
  /// [row block][key block], and [row block]: see SoftmaxEmitter.
  int64_t scores = 0, factors = 0;
  /// [group of row blocks], and [group][e]: several blocks of keys only.
  int64_t largest = 0, sums = 0, partials = 0;
  int64_t bytes = 0;

private:
  int64_t place(int64_t size) {
    int64_t begin = bytes;
    bytes += llvm::alignTo(size, 64);
    return begin;
  }
  int64_t placeFloats(int64_t count) { return place(count * 4); }
};

AttentionScratch::AttentionScratch(AttentionScheduleAttr schedule, int64_t depth, int64_t width,
                                   std::optional<int64_t> keyCount)
    : isWhole(keyCount && *keyCount <= schedule.getKeyBlock()) {
  int64_t lanes = schedule.getLanes(), keyPanel = schedule.getScores().getPanelWidth(),
          valuePanel = schedule.getValues().getPanelWidth();
  // Rows that are not whole pages apart fall into different sets of the nearest cache.
  pitch = llvm::alignTo(schedule.getKeyBlock(), std::max(keyPanel, lanes)) + lanes;
  partialPitch = llvm::alignTo(width, std::max(valuePanel, lanes));
  if (schedule.getPackKeys())
    packedKeys = place(packedWeightBytes(schedule.getScores(), depth, schedule.getKeyBlock()));
  if (schedule.getPackValues())
    packedValues = place(packedWeightBytes(schedule.getValues(), schedule.getKeyBlock(), width));
  Type f32 = Float32Type::get(schedule.getContext());
  ScratchBytes queries = contractionScratchBytes(schedule.getScores(), /*taps=*/1, f32);
  packedQueries = place(queries.fixed + queries.perChannel * depth);
  int64_t rows = schedule.getRowBlock();
  if (schedule.getValues().getMma().hasTiles())
    rows = llvm::alignTo(rows, MmaAttr::tileRows);
  scores = placeFloats(rows * pitch);
  factors = placeFloats(schedule.getRowBlock());
  if (isWhole)
    return;
  int64_t groupRows = schedule.getGroupBlocks() * schedule.getRowBlock();
  largest = placeFloats(groupRows);
  sums = placeFloats(groupRows);
  partials = placeFloats(groupRows * partialPitch);
}

class AttentionEmitter {
public:
  AttentionEmitter(Emitter &em, ModuleOp module, const AttentionSpec &spec,
                   AttentionScheduleAttr schedule, ScoreFn score, AttentionResultFn result);
  void emit(Value task, Value tasks);

private:
  /// A head of keys and values.
  struct Set {
    Value batch, head;
  };
  /// A block of keys.
  struct Keys {
    Value begin, count;
  };
  /// A row block: queries of one head, or one query each of several heads.
  struct Unit {
    Value head, query, rows;
  };

  void placeArrays();
  void emitSet(const Set &set, Value unitBegin, Value unitEnd);
  void emitGroup(const Set &set, Value unitBegin, Value unitEnd);
  Unit locate(const Set &set, Value number);
  void packKeys(const Set &set, const Keys &keys);
  void packValues(const Set &set, const Keys &keys);
  ContractionSpec keyWeights(const Set &set, const Keys &keys);
  ContractionSpec valueWeights(const Set &set, const Keys &keys);
  void emitScores(const Set &set, const Unit &unit, Value rows, const Keys &keys);
  void emitValues(const Set &set, const Unit &unit, Value rows, const Keys &keys, Value partial);
  void emitResults(const Set &set, const Unit &unit, Value state, Value partial);
  AttentionIndex indexOf(Emitter &e, const Set &set, const Unit &unit, Value row, Value column);
  /// What multiplies powers by values takes bf16, so many at once; 0: f32.
  int64_t getRoundedMultiple() const {
    MmaAttr mma = schedule.getValues().getMma();
    return mma.getInterleave() == 1 ? 0 : mma.getInterleave() * mma.getDepth();
  }
  void usePacked(ContractionSpec &product, ContractionScheduleAttr how, Value packed);
  void emitProduct(ContractionSpec spec, ContractionScheduleAttr product, EpilogueFn epilogue);
  /// Runs `body` with the rows of a unit, as a constant where sizes are constant.
  void dispatchRows(const Unit &unit, llvm::function_ref<void(Value rows)> body);
  /// A call of the softmax, which is one function for all numbers of rows.
  void callSoftmax(Value rows, Value count, Value firstRow);

  Value floats(Value pointer, Value offset) {
    return em.offsetPointer(pointer, em.getF32Type(), offset);
  }
  Value elements(const AttentionOperand &operand, Value offset) {
    return em.offsetPointer(operand.pointer, operand.type, offset);
  }
  Value headOf(const Set &set, const AttentionOperand &operand) {
    return em.add(em.mul(set.batch, operand.batchStride), em.mul(set.head, operand.headStride));
  }
  Emitter &em;
  ModuleOp module;
  const AttentionSpec &spec;
  AttentionScheduleAttr schedule;
  ScoreFn score;
  AttentionResultFn result;
  AttentionScratch layout;
  int64_t lanes, pitch, partialPitch;
  bool isWhole;
  /// One query per head: rows are the heads of a group.
  bool rowsAreHeads;
  Value lines;
  EvenSplit rowSplit;
  SoftmaxEmitter softmax;
  std::optional<OutlinedFunction> softmaxFunction;
  Value packedKeys, packedValues, scores, factors, largest, sums, partials, productScratch;
};

} // namespace

AttentionEmitter::AttentionEmitter(Emitter &em, ModuleOp module, const AttentionSpec &spec,
                                   AttentionScheduleAttr schedule, ScoreFn score,
                                   AttentionResultFn result)
    : em(em), module(module), spec(spec), schedule(schedule), score(score), result(result),
      layout(schedule, spec.depth, spec.width, constantOf(spec.keyCount)),
      lanes(schedule.getLanes()), pitch(layout.pitch), partialPitch(layout.partialPitch),
      isWhole(layout.isWhole), rowsAreHeads(isConstant(spec.queryCount, 1)),
      lines(rowsAreHeads ? em.i64(1) : spec.group),
      rowSplit(em, rowsAreHeads ? spec.group : spec.queryCount, schedule.getRowBlock()),
      softmax(lanes, pitch, spec.zeroEmptyRows, getRoundedMultiple()) {}

/// One matrix product without its input.
static ContractionSpec makeProduct(Emitter &em, Value inChannels, Value outChannels) {
  ContractionSpec spec;
  Value one = em.i64(1), zero = em.i64(0);
  spec.batch = spec.group = one;
  spec.kernel = spec.stride = spec.dilation = {one};
  spec.inChannels = inChannels;
  spec.outChannels = outChannels;
  spec.inputBatchStride = spec.inputGroupStride = spec.weightGroupStride = zero;
  spec.accumulatorType = em.getF32Type();
  return spec;
}

void AttentionEmitter::placeArrays() {
  auto at = [&](int64_t offset) { return em.offsetPointer(spec.scratch, em.getI8Type(), offset); };
  packedKeys = at(layout.packedKeys);
  packedValues = at(layout.packedValues);
  productScratch = at(layout.packedQueries);
  scores = at(layout.scores);
  factors = at(layout.factors);
  largest = at(layout.largest);
  sums = at(layout.sums);
  partials = at(layout.partials);
}

/// Key and value heads, each with row blocks of the query heads that share it.
void AttentionEmitter::emit(Value task, Value tasks) {
  placeArrays();
  MmaAttr scoresMma = schedule.getScores().getMma(), valuesMma = schedule.getValues().getMma();
  TileRegisters tiles(em, scoresMma.hasTiles() ? scoresMma : valuesMma);
  Value units = em.mul(lines, rowSplit.count), sets = em.mul(spec.batch, spec.keyHeads);
  Value total = em.mul(sets, units), divisor = em.max(units, em.i64(1));
  Value begin = em.div(em.mul(task, total), tasks);
  Value end = em.div(em.mul(em.add(task, 1), total), tasks);
  em.loop(em.div(begin, divisor), em.ceilDiv(end, divisor), em.i64(1), [&](Value number) {
    Value first = em.mul(number, units);
    Set set{em.div(number, spec.keyHeads), em.rem(number, spec.keyHeads)};
    emitSet(set, em.max(em.sub(begin, first), em.i64(0)), em.min(em.sub(end, first), units));
  });
  tiles.release(em);
}

void AttentionEmitter::emitSet(const Set &set, Value unitBegin, Value unitEnd) {
  if (!isWhole) {
    Value step = em.i64(schedule.getGroupBlocks());
    em.loop(unitBegin, unitEnd, step,
            [&](Value begin) { emitGroup(set, begin, em.min(em.add(begin, step), unitEnd)); });
    return;
  }
  Keys all{em.i64(0), spec.keyCount};
  packKeys(set, all);
  packValues(set, all);
  em.loop(unitBegin, unitEnd, em.i64(1), [&](Value number) {
    Unit unit = locate(set, number);
    dispatchRows(unit, [&](Value rows) {
      emitScores(set, unit, rows, all);
      callSoftmax(rows, all.count, nullptr);
      emitValues(set, unit, rows, all, nullptr);
    });
  });
}

/// Row blocks that go through the blocks of keys together.
void AttentionEmitter::emitGroup(const Set &set, Value unitBegin, Value unitEnd) {
  Value one = em.i64(1), zero = em.i64(0), step = em.i64(schedule.getKeyBlock());
  Type f32 = em.getF32Type();
  Value rows = em.mul(em.sub(unitEnd, unitBegin), schedule.getRowBlock());
  auto fill = [&](Value array, int64_t width, double value) {
    auto type = VectorType::get(width, f32);
    Value constant = arith::ConstantOp::create(
        em, DenseElementsAttr::get(type, Attribute(em.getFloatAttr(f32, value))));
    em.loop(zero, rows, one,
            [&](Value row) { em.store(constant, floats(array, em.mul(row, width))); });
  };
  fill(largest, 1, -HUGE_VAL);
  fill(sums, 1, 0);
  fill(partials, partialPitch, 0);
  auto forUnits = [&](llvm::function_ref<void(const Unit &, Value firstRow)> body) {
    em.loop(unitBegin, unitEnd, one, [&](Value number) {
      body(locate(set, number), em.mul(em.sub(number, unitBegin), schedule.getRowBlock()));
    });
  };
  em.loop(zero, spec.keyCount, step, [&](Value begin) {
    Keys keys{begin, em.min(step, em.sub(spec.keyCount, begin))};
    packKeys(set, keys);
    packValues(set, keys);
    forUnits([&](const Unit &unit, Value firstRow) {
      dispatchRows(unit, [&](Value rows) {
        emitScores(set, unit, rows, keys);
        callSoftmax(rows, keys.count, firstRow);
        emitValues(set, unit, rows, keys, floats(partials, em.mul(firstRow, partialPitch)));
      });
    });
  });
  forUnits([&](const Unit &unit, Value firstRow) {
    emitResults(set, unit, firstRow, floats(partials, em.mul(firstRow, partialPitch)));
  });
}

auto AttentionEmitter::locate(const Set &set, Value number) -> Unit {
  Value line = em.div(number, rowSplit.count), block = em.rem(number, rowSplit.count);
  Value firstHead = em.mul(set.head, spec.group), row = rowSplit.begin(em, block);
  Value rows = rowSplit.length(em, block);
  if (rowsAreHeads)
    return {em.add(firstHead, row), em.i64(0), rows};
  return {em.add(firstHead, line), row, rows};
}

AttentionIndex AttentionEmitter::indexOf(Emitter &e, const Set &set, const Unit &unit, Value row,
                                         Value column) {
  if (rowsAreHeads)
    return {set.batch, e.add(unit.head, row), unit.query, column};
  return {set.batch, unit.head, e.add(unit.query, row), column};
}

void AttentionEmitter::dispatchRows(const Unit &unit, llvm::function_ref<void(Value)> body) {
  // One microkernel of tiles takes any number of rows.
  bool takesAny =
      schedule.getScores().getMma().hasTiles() && schedule.getValues().getMma().hasTiles();
  if (takesAny || !constantOf(rowSplit.size))
    return body(unit.rows);
  rowSplit.forPieces(em, unit.rows, [&](Value, int64_t rows) { body(em.i64(rows)); });
}

//===-- Products --===//

ContractionSpec AttentionEmitter::keyWeights(const Set &set, const Keys &keys) {
  ContractionSpec product = makeProduct(em, em.i64(spec.depth), keys.count);
  product.weightLayout = spec.keysAreColumns ? WeightLayout::RowMajor : WeightLayout::Transposed;
  Value first = spec.keysAreColumns ? keys.begin : em.mul(keys.begin, spec.keys.rowStride);
  product.weights = elements(spec.keys, em.add(headOf(set, spec.keys), first));
  product.weightType = spec.keys.type;
  product.weightRowStride = spec.keys.rowStride;
  return product;
}

ContractionSpec AttentionEmitter::valueWeights(const Set &set, const Keys &keys) {
  ContractionSpec product = makeProduct(em, keys.count, em.i64(spec.width));
  product.weightLayout = WeightLayout::RowMajor;
  Value first = em.mul(keys.begin, spec.values.rowStride);
  product.weights = elements(spec.values, em.add(headOf(set, spec.values), first));
  product.weightType = spec.values.type;
  product.weightRowStride = spec.values.rowStride;
  return product;
}

void AttentionEmitter::packKeys(const Set &set, const Keys &keys) {
  if (schedule.getPackKeys())
    emitPackWeights(em, em.getLoc(), module, keyWeights(set, keys), schedule.getScores(),
                    packedKeys);
}

void AttentionEmitter::packValues(const Set &set, const Keys &keys) {
  if (schedule.getPackValues())
    emitPackWeights(em, em.getLoc(), module, valueWeights(set, keys), schedule.getValues(),
                    packedValues);
}

void AttentionEmitter::usePacked(ContractionSpec &product, ContractionScheduleAttr how,
                                 Value packed) {
  product.weightLayout = WeightLayout::Packed;
  product.weights = packed;
  product.weightType = how.getMma().getPackedType(product.weightType, product.accumulatorType);
}

void AttentionEmitter::emitProduct(ContractionSpec product, ContractionScheduleAttr how,
                                   EpilogueFn epilogue) {
  product.scratch = productScratch;
  product.tilesAreSet = true;
  emitContraction(em, em.getLoc(), module, product, how, em.i64(0), em.i64(1), epilogue);
}

void AttentionEmitter::emitScores(const Set &set, const Unit &unit, Value rows, const Keys &keys) {
  ContractionSpec product = keyWeights(set, keys);
  if (schedule.getPackKeys())
    usePacked(product, schedule.getScores(), packedKeys);
  Value offset = em.mul(set.batch, spec.queries.batchStride);
  offset = em.add(offset, em.mul(unit.head, spec.queries.headStride));
  offset = em.add(offset, em.mul(unit.query, spec.queries.rowStride));
  product.outSpatial = {rows};
  product.input = elements(spec.queries, offset);
  product.inputType = spec.queries.type;
  product.inputSpatialStride = {rowsAreHeads ? spec.queries.headStride : spec.queries.rowStride};
  emitProduct(product, schedule.getScores(),
              [&](OpBuilder &b, Location loc, Value sum, const OutputIndex &at, Value mask) {
                Emitter e(b, loc);
                Value row = at.spatial.front();
                Value column = e.add(keys.begin, at.channel);
                Value to =
                    e.offsetPointer(scores, e.getF32Type(), e.add(e.mul(row, pitch), at.channel));
                AttentionIndex index = indexOf(e, set, unit, row, column);
                b.restoreInsertionPoint(e.saveInsertionPoint());
                Value value = score(b, loc, sum, index, mask);
                e.restoreInsertionPoint(b.saveInsertionPoint());
                // Rows have room for whole panels.
                e.store(value, to);
                b.restoreInsertionPoint(e.saveInsertionPoint());
              });
}

void AttentionEmitter::callSoftmax(Value rows, Value count, Value firstRow) {
  if (!softmaxFunction) {
    Type i64 = em.getI64Type(), pointer = scores.getType();
    SmallVector<Type> types = {pointer, pointer, i64, i64};
    if (!isWhole)
      types.append({pointer, pointer});
    softmaxFunction = outlineFunction(
        em, module, "softmax_rows", types,
        [&](Emitter &e, ValueRange arguments) {
          // A number of keys that is constant shapes the loops.
          Value keys = isWhole ? e.i64(*constantOf(spec.keyCount)) : arguments[3];
          if (isWhole)
            return softmax.emitWhole(e, arguments[0], arguments[2], keys, arguments[1]);
          softmax.emitBlock(e, arguments[0], arguments[2], keys, arguments[1],
                            {arguments[4], arguments[5]});
        },
        /*noalias=*/2);
  }
  SmallVector<Value> arguments = {scores, factors, rows, count};
  if (!isWhole)
    arguments.append({floats(largest, firstRow), floats(sums, firstRow)});
  softmaxFunction->call(em, arguments);
}

/// Without `partial` the sums are complete; else they join those of earlier blocks.
void AttentionEmitter::emitValues(const Set &set, const Unit &unit, Value rows, const Keys &keys,
                                  Value partial) {
  ContractionSpec product = valueWeights(set, keys);
  if (schedule.getPackValues())
    usePacked(product, schedule.getValues(), packedValues);
  product.outSpatial = {rows};
  product.input = scores;
  product.inputType = em.getF32Type();
  product.inputSpatialStride = {em.i64(pitch)};
  if (int64_t multiple = getRoundedMultiple()) {
    // Behind the last key, powers and packed values are zeros.
    product.inChannels = em.mul(em.ceilDiv(keys.count, em.i64(multiple)), multiple);
    product.inputType = em.getBF16Type();
    product.inputSpatialStride = {em.i64(2 * pitch)};
    product.hasWholeTiles = true;
  }
  emitProduct(product, schedule.getValues(),
              [&](OpBuilder &b, Location loc, Value sum, const OutputIndex &at, Value mask) {
                Emitter e(b, loc);
                Value row = at.spatial.front();
                Value factor =
                    e.load(e.getF32Type(), e.offsetPointer(factors, e.getF32Type(), row));
                factor = vector::BroadcastOp::create(e, sum.getType(), factor);
                if (partial) {
                  Value place = e.offsetPointer(partial, e.getF32Type(),
                                                e.add(e.mul(row, partialPitch), at.channel));
                  Value before = e.load(sum.getType(), place);
                  e.store(vector::FMAOp::create(e, before, factor, sum), place);
                  b.restoreInsertionPoint(e.saveInsertionPoint());
                  return;
                }
                Value scaled = arith::MulFOp::create(e, sum, factor);
                AttentionIndex index = indexOf(e, set, unit, row, at.channel);
                b.restoreInsertionPoint(e.saveInsertionPoint());
                result(b, loc, scaled, index, mask);
              });
}

void AttentionEmitter::emitResults(const Set &set, const Unit &unit, Value firstRow,
                                   Value partial) {
  Type f32 = em.getF32Type();
  em.loop(em.i64(0), unit.rows, em.i64(1), [&](Value row) {
    Value number = em.add(firstRow, row);
    Value factor = softmax.emitFinalFactor(em, em.load(f32, floats(largest, number)),
                                           em.load(f32, floats(sums, number)));
    auto type = VectorType::get(lanes, f32);
    factor = vector::BroadcastOp::create(em, type, factor);
    Value from = floats(partial, em.mul(row, partialPitch));
    for (int64_t column = 0; column < spec.width; column += lanes) {
      Value sum = em.load(type, em.offsetPointer(from, f32, column));
      Value scaled = arith::MulFOp::create(em, sum, factor);
      AttentionIndex index = indexOf(em, set, unit, row, em.i64(column));
      result(em, em.getLoc(), scaled, index,
             em.laneMask(lanes, em.i64(std::min(lanes, spec.width - column))));
    }
  });
}

int64_t attentionScratchBytes(AttentionScheduleAttr schedule, int64_t depth, int64_t width,
                              std::optional<int64_t> keyCount) {
  return AttentionScratch(schedule, depth, width, keyCount).bytes;
}

void emitAttention(OpBuilder &builder, Location loc, ModuleOp module, const AttentionSpec &spec,
                   AttentionScheduleAttr schedule, Value task, Value tasks, ScoreFn score,
                   AttentionResultFn result) {
  Emitter emitter(builder, loc);
  AttentionEmitter(emitter, module, spec, schedule, score, result).emit(task, tasks);
  builder.restoreInsertionPoint(emitter.saveInsertionPoint());
}

} // namespace tenon::cpu
