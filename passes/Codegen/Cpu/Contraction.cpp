// The loops around the microkernel.
//
// Output positions form a grid: weight sets (groups, and batches if each has its own weights) by
// units (tiles of positions) by panels (NR output channels). Every task takes a contiguous range
// of either set-and-unit or set-and-panel pairs, whichever divides better among the tasks; sums are
// never split. Lengths are split evenly into tiles (33 rows are 3 x 11, not 2 x 12 + 9), as the
// microkernel is about as fast for each row count near the largest but slow for few rows. Lengths
// that only a run tells are not: a microkernel for every number of rows takes long to compile.
#include "passes/Codegen/Cpu/Contraction.h"
#include "passes/Codegen/Common/EvenSplit.h"
#include "passes/Codegen/Cpu/ContractionPack.h"
#include "passes/Codegen/Cpu/SparseWeights.h"
#include "passes/Codegen/Cpu/TileRegisters.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

/// Tiles and panels of one set.
struct WorkRange {
  Value unitBegin, unitEnd, panelBegin, panelEnd;
};

/// What one task does.
struct TaskShare {
  Value setBegin, setEnd;
  /// The share of each set, given its number.
  llvm::unique_function<WorkRange(Value set)> ofSet;
};

/// Of the kernel, all dimensions multiplied.
int64_t countTaps(const ContractionSpec &spec) {
  int64_t taps = 1;
  for (Value size : spec.kernel)
    taps *= *constantOf(size);
  return taps;
}

class ContractionEmitter {
public:
  ContractionEmitter(Emitter &emitter, ModuleOp module, const ContractionSpec &spec,
                     ContractionScheduleAttr schedule, EpilogueFn epilogue, StringRef name)
      : emitter(emitter), schedule(schedule),
        contraction(normalizeContraction(emitter, spec, schedule)), spec(contraction.spec),
        microkernels(module, contraction, schedule, epilogue, name),
        lineSplit(emitter, contraction.height.size, schedule.getTileLines()),
        rowSplit(emitter, contraction.width.size, schedule.getTileRows()),
        lanes(schedule.getLanes()), panelWidth(schedule.getPanelWidth()),
        layout(schedule, countTaps(spec), spec.codes.has_value()),
        packs(module, contraction, schedule, name) {
    hasWeightsPerBatch = spec.weightBatchStride && !isConstant(spec.weightBatchStride, 0) &&
                         (spec.picks || !isConstant(contraction.batch, 1));
    sets = hasWeightsPerBatch ? emitter.mul(contraction.batch, spec.group) : spec.group;
    units = emitter.mul(lineSplit.count, rowSplit.count);
    units = emitter.mul(units, contraction.depth.size);
    if (!hasWeightsPerBatch)
      units = emitter.mul(units, contraction.batch);
    panels = emitter.ceilDiv(spec.outChannels, emitter.i64(panelWidth));
    fullPanels = emitter.div(spec.outChannels, emitter.i64(panelWidth));
  }

  void emit(Value task, Value tasks);

private:
  /// A tile of output positions, or a piece of it.
  struct Unit {
    TilePlace place;
    Value number, lines, rows, input;
    /// Rows of the tile in front of this piece of it.
    Value rowsBefore;
  };

  TaskShare splitTasks(Value task, Value tasks);
  Unit locate(Value set, Value unit);
  /// Which of the weights' matrices belongs to a batch.
  Value locateMatrix(Value batch);
  Value panelWeights(Value set, Value panel);
  /// What to prefetch while a panel is read: the next one, if anything.
  Value panelBehind(Value set, Value panel, Value weights);
  Value packTile(const Unit &unit, int64_t lines, int64_t rows, Value packed);
  void emitTileOuter(Value set, const WorkRange &range);
  void emitPanelOuter(Value set, const WorkRange &range);
  /// Runs `body` with the vectors of a panel and whether the last one may be partial.
  void forPanelShapes(const WorkRange &range,
                      llvm::function_ref<void(Value panel, int64_t vectors, bool masked)> body);
  /// Runs `body` for the pieces of a tile whose shapes are known: all of it, or some of its rows.
  void forPieces(const Unit &unit,
                 llvm::function_ref<void(const Unit &piece, int64_t lines, int64_t rows)> body);

  Emitter &emitter;
  ContractionScheduleAttr schedule;
  NormalizedContraction contraction;
  const ContractionSpec &spec;
  MicrokernelEmitter microkernels;
  EvenSplit lineSplit, rowSplit;
  int64_t lanes, panelWidth;
  ScratchLayout layout;
  PackEmitter packs;
  bool hasWeightsPerBatch;
  /// This task's.
  Value scratch;
  Value sets, units, panels, fullPanels;
};

TaskShare ContractionEmitter::splitTasks(Value task, Value tasks) {
  // The larger part of the work that any task gets, both ways, in units times panels.
  Value unitCost = emitter.mul(emitter.ceilDiv(emitter.mul(sets, units), tasks), panels);
  Value panelCost = emitter.mul(emitter.ceilDiv(emitter.mul(sets, panels), tasks), units);
  Value byUnits = emitter.compare(schedule.getPreferSplitPanels() ? arith::CmpIPredicate::slt
                                                                  : arith::CmpIPredicate::sle,
                                  unitCost, panelCost);
  Value perSet = emitter.select(byUnits, units, panels);
  Value total = emitter.mul(sets, perSet);
  Value begin = emitter.div(emitter.mul(task, total), tasks);
  Value end = emitter.div(emitter.mul(emitter.add(task, 1), total), tasks);
  Value divisor = emitter.max(perSet, emitter.i64(1));

  TaskShare share;
  if (isConstant(sets, 1)) {
    share.setBegin = emitter.i64(0);
    share.setEnd = emitter.i64(1);
  } else {
    share.setBegin = emitter.div(begin, divisor);
    share.setEnd = emitter.ceilDiv(end, divisor);
  }
  share.ofSet = [=, this](Value set) {
    Value zero = emitter.i64(0), first = emitter.mul(set, perSet);
    Value from = emitter.max(emitter.sub(begin, first), zero);
    Value to = emitter.min(emitter.sub(end, first), perSet);
    return WorkRange{emitter.select(byUnits, from, zero), emitter.select(byUnits, to, units),
                     emitter.select(byUnits, zero, from), emitter.select(byUnits, panels, to)};
  };
  return share;
}

auto ContractionEmitter::locate(Value set, Value number) -> Unit {
  Unit unit;
  unit.number = number;
  unit.rowsBefore = emitter.i64(0);
  Value rest = number;
  auto takeDigit = [&](Value count) {
    Value digit = emitter.rem(rest, count);
    rest = emitter.div(rest, count);
    return digit;
  };
  Value row = takeDigit(rowSplit.count);
  Value line = takeDigit(lineSplit.count);
  unit.place.depth = takeDigit(contraction.depth.size);
  if (hasWeightsPerBatch) {
    unit.place.group = emitter.rem(set, spec.group);
    unit.place.batch = emitter.div(set, spec.group);
  } else {
    unit.place.group = set;
    unit.place.batch = rest;
  }
  unit.place.height = lineSplit.begin(emitter, line);
  unit.lines = lineSplit.length(emitter, line);
  unit.place.width = rowSplit.begin(emitter, row);
  unit.rows = rowSplit.length(emitter, row);

  Value offset = emitter.mul(unit.place.batch, spec.inputBatchStride);
  auto addStep = [&](Value index, Value step) {
    offset = emitter.add(offset, emitter.mul(index, step));
  };
  addStep(unit.place.group, spec.inputGroupStride);
  addStep(unit.place.depth, contraction.depth.step);
  addStep(unit.place.height, contraction.height.step);
  addStep(unit.place.width, contraction.width.step);
  unit.input = emitter.offsetPointer(spec.input, spec.inputType, offset);
  return unit;
}

// As tenon.gather reads its indices (wrapIndex).
Value ContractionEmitter::locateMatrix(Value batch) {
  if (!spec.picks)
    return batch;
  Value pick = emitter.load(spec.pickType, emitter.offsetPointer(spec.picks, spec.pickType, batch));
  pick = emitter.convert(pick, emitter.getI64Type());
  Value zero = emitter.i64(0), last = emitter.sub(spec.numMatrices, emitter.i64(1));
  pick = emitter.select(emitter.less(pick, zero), emitter.add(pick, spec.numMatrices), pick);
  return emitter.max(emitter.min(pick, last), zero);
}

Value ContractionEmitter::panelWeights(Value set, Value panel) {
  Value group = set, offset = emitter.i64(0);
  if (hasWeightsPerBatch) {
    group = emitter.rem(set, spec.group);
    offset = emitter.mul(locateMatrix(emitter.div(set, spec.group)), spec.weightBatchStride);
  }
  switch (spec.weightLayout) {
  case WeightLayout::Packed: {
    Value rows = spec.codes ? emitter.i64(BlockCodes(spec, schedule).steps())
                            : contraction.countPanelRows(emitter);
    Type type = spec.codes ? spec.weightType : contraction.getStepType(spec.weightType);
    Value number = emitter.add(emitter.mul(group, panels), panel);
    if (spec.sparse)
      return SparseWeights(spec).panel(emitter, number);
    offset = emitter.add(offset, emitter.mul(number, emitter.mul(rows, panelWidth)));
    return emitter.offsetPointer(spec.weights, type, offset);
  }
  case WeightLayout::RowMajor:
    offset = emitter.add(offset, emitter.mul(group, spec.weightGroupStride));
    offset = emitter.add(offset, emitter.mul(panel, panelWidth));
    break;
  case WeightLayout::Transposed:
    offset = emitter.add(offset, emitter.mul(group, spec.weightGroupStride));
    offset = emitter.add(offset, emitter.mul(emitter.mul(panel, panelWidth), spec.weightRowStride));
    break;
  }
  return emitter.offsetPointer(spec.weights, spec.weightType, offset);
}

Value ContractionEmitter::panelBehind(Value set, Value panel, Value weights) {
  if (!schedule.getPrefetchLines())
    return weights;
  Value last = emitter.sub(panels, emitter.i64(1));
  return panelWeights(set, emitter.min(emitter.add(panel, 1), last));
}

void ContractionEmitter::forPieces(const Unit &unit,
                                   llvm::function_ref<void(const Unit &, int64_t, int64_t)> body) {
  // One microkernel takes any number of rows.
  if (schedule.getMma().hasTiles())
    return body(unit, schedule.getTileLines(), schedule.getTileRows());
  lineSplit.forPieces(emitter, unit.lines, [&](Value, int64_t lines) {
    rowSplit.forPieces(emitter, unit.rows, [&](Value offset, int64_t rows) {
      Unit piece = unit;
      piece.rowsBefore = offset;
      piece.lines = emitter.i64(lines);
      piece.rows = emitter.i64(rows);
      piece.place.width = emitter.add(unit.place.width, offset);
      piece.input = emitter.offsetPointer(unit.input, spec.inputType,
                                          emitter.mul(offset, contraction.width.step));
      body(piece, lines, rows);
    });
  });
}

void ContractionEmitter::forPanelShapes(const WorkRange &range,
                                        llvm::function_ref<void(Value, int64_t, bool)> body) {
  Value one = emitter.i64(1);
  emitter.loop(range.panelBegin, emitter.min(range.panelEnd, fullPanels), one,
               [&](Value panel) { body(panel, schedule.getTileVectors(), false); });
  Value rest = emitter.sub(spec.outChannels, emitter.mul(fullPanels, panelWidth));
  if (isConstant(rest, 0))
    return;
  // The last panel, if this task has it. If its width is unknown it has all vectors, any of which
  // may be empty: one microkernel instead of one for each number of vectors.
  Value hasLast = emitter.less(emitter.max(range.panelBegin, fullPanels), range.panelEnd);
  emitter.ifThen(hasLast, [&] {
    std::optional<int64_t> channels = constantOf(rest);
    if (channels)
      body(fullPanels, llvm::divideCeil(*channels, lanes), *channels % lanes != 0);
    else
      body(fullPanels, schedule.getTileVectors(), true);
  });
}

/// Packs a tile of input, unless it is contiguous anyway, and returns where it then is.
Value ContractionEmitter::packTile(const Unit &unit, int64_t lines, int64_t rows, Value packed) {
  if (packs.isPackedInPlace(lines, rows))
    return unit.input;
  if (schedule.getMma().hasTiles())
    packs.packTiles(emitter, unit.lines, unit.rows, unit.input, packed);
  else
    packs.packInput(emitter, lines, rows, unit.input, packed);
  return packed;
}

/// Tiles outside, panels inside: a tile's input stays in the nearest cache.
void ContractionEmitter::emitTileOuter(Value set, const WorkRange &range) {
  emitter.loop(range.unitBegin, range.unitEnd, emitter.i64(1), [&](Value number) {
    Unit unit = locate(set, number);
    forPieces(unit, [&](const Unit &piece, int64_t lines, int64_t rows) {
      Value input = piece.input;
      if (schedule.getPackInput()) {
        input = packTile(piece, lines, rows, scratch);
      }
      forPanelShapes(range, [&](Value panel, int64_t vectors, bool masked) {
        Value weights = panelWeights(set, panel);
        TileOperands operands{input,       weights,     panelBehind(set, panel, weights),
                              piece.place, piece.lines, piece.rows};
        operands.place.channel = emitter.mul(panel, panelWidth);
        microkernels.call(emitter, {lines, rows, vectors, masked}, operands);
      });
    });
  });
}

/// Panels outside, tiles inside: a panel of weights stays in the nearer caches.
void ContractionEmitter::emitPanelOuter(Value set, const WorkRange &range) {
  Value one = emitter.i64(1);
  Value rowSteps = contraction.countPanelRows(emitter);
  if (roundsInput(spec, schedule))
    rowSteps =
        emitter.i64(RoundedInput(BlockCodes(spec, schedule), /*multipliesCodes=*/false).rowWords());
  Value tileSize = emitter.mul(rowSteps, layout.tilePositions);
  Type stepType = contraction.getStepType(contraction.packedInputType);
  auto packedPiece = [&](const Unit &piece) {
    Value offset = emitter.mul(emitter.sub(piece.number, range.unitBegin), tileSize);
    offset = emitter.add(offset, emitter.mul(piece.rowsBefore, rowSteps));
    return emitter.offsetPointer(scratch, stepType, offset);
  };
  if (schedule.getPackInput()) {
    emitter.loop(range.unitBegin, range.unitEnd, one, [&](Value number) {
      Unit unit = locate(set, number);
      forPieces(unit, [&](const Unit &piece, int64_t lines, int64_t rows) {
        packTile(piece, lines, rows, packedPiece(piece));
      });
    });
  }
  Value packedPanel =
      emitter.offsetPointer(scratch, stepType, emitter.mul(tileSize, layout.inputTiles));
  forPanelShapes(range, [&](Value panel, int64_t vectors, bool masked) {
    Value weights = panelWeights(set, panel), next = weights;
    Value channel = emitter.mul(panel, panelWidth);
    if (schedule.getPackWeights()) {
      Value columns = masked || vectors < schedule.getTileVectors()
                          ? emitter.sub(spec.outChannels, channel)
                          : emitter.i64(panelWidth);
      packs.packWeights(emitter, weights, spec.codes ? channel : columns, packedPanel);
      weights = next = packedPanel;
    } else {
      next = panelBehind(set, panel, weights);
    }
    emitter.loop(range.unitBegin, range.unitEnd, one, [&](Value number) {
      Unit unit = locate(set, number);
      unit.place.channel = channel;
      forPieces(unit, [&](const Unit &piece, int64_t lines, int64_t rows) {
        bool packed = schedule.getPackInput() && !packs.isPackedInPlace(lines, rows);
        Value input = packed ? packedPiece(piece) : piece.input;
        microkernels.call(emitter, {lines, rows, vectors, masked},
                          {input, weights, next, piece.place, piece.lines, piece.rows});
      });
    });
  });
}

void ContractionEmitter::emit(Value task, Value tasks) {
  if (isConstant(units, 0) || isConstant(sets, 0) || isConstant(panels, 0))
    return;
  scratch = spec.scratch;
  std::optional<TileRegisters> tiles;
  if (!spec.tilesAreSet)
    tiles.emplace(emitter, schedule.getMma());
  TaskShare share = splitTasks(task, tasks);
  emitter.loop(share.setBegin, share.setEnd, emitter.i64(1), [&](Value set) {
    WorkRange range = share.ofSet(set);
    if (schedule.getBlockTiles() == 1 && !schedule.getPackWeights())
      return emitTileOuter(set, range);
    if (schedule.getBlockTiles() == 0)
      return emitPanelOuter(set, range);
    Value step = emitter.i64(schedule.getBlockTiles());
    emitter.loop(range.unitBegin, range.unitEnd, step, [&](Value begin) {
      WorkRange block = range;
      block.unitBegin = begin;
      block.unitEnd = emitter.min(emitter.add(begin, step), range.unitEnd);
      emitPanelOuter(set, block);
    });
  });
  if (tiles)
    tiles->release(emitter);
}

} // namespace

ScratchBytes contractionScratchBytes(ContractionScheduleAttr schedule, int64_t taps,
                                     Type accumulatorType, bool hasCodes) {
  int64_t elementBytes = accumulatorType.getIntOrFloatBitWidth() / 8;
  ScratchBytes most = ScratchLayout(schedule, taps, hasCodes).bytes(elementBytes);
  if (schedule.getFewRows() == 0)
    return most;
  for (ContractionScheduleAttr form : {schedule.getForOneRow(), schedule.getForFewRows()}) {
    ScratchBytes bytes = ScratchLayout(form, taps, hasCodes).bytes(elementBytes);
    most.fixed = std::max(most.fixed, bytes.fixed);
    most.perChannel = std::max(most.perChannel, bytes.perChannel);
  }
  return most;
}

int64_t packedWeightBytes(ContractionScheduleAttr schedule, int64_t channels, int64_t columns) {
  constexpr int64_t sumBytes = 4;
  MmaAttr mma = schedule.getMma();
  int64_t rows = llvm::alignTo(llvm::divideCeil(channels, mma.getInterleave()), mma.getDepth());
  int64_t panels = llvm::divideCeil(columns, schedule.getPanelWidth());
  return (panels * rows * mma.getParts() + schedule.getLanes()) * schedule.getPanelWidth() *
         mma.getStepBytes(sumBytes);
}

static std::string functionPrefix(OpBuilder &builder) {
  auto parent = builder.getInsertionBlock()->getParent()->getParentOfType<LLVM::LLVMFuncOp>();
  return (parent ? parent.getName() : StringRef("kernel")).str() + "_tile";
}

void emitPackWeights(OpBuilder &builder, Location loc, ModuleOp module, const ContractionSpec &spec,
                     ContractionScheduleAttr schedule, Value packed) {
  Emitter e(builder, loc);
  NormalizedContraction contraction = normalizeContraction(e, spec, schedule);
  PackEmitter packs(module, contraction, schedule, functionPrefix(builder));
  int64_t width = schedule.getPanelWidth();
  Value between = spec.weightLayout == WeightLayout::Transposed ? spec.weightRowStride : e.i64(1);
  Type step = contraction.getStepType(contraction.packedWeightType);
  e.loop(e.i64(0), spec.outChannels, e.i64(width), [&](Value column) {
    Value from = e.offsetPointer(spec.weights, spec.weightType, e.mul(column, between));
    Value to = e.offsetPointer(packed, step, e.mul(column, contraction.countPanelRows(e)));
    Value columns = e.min(e.sub(spec.outChannels, column), e.i64(width));
    packs.packWeights(e, from, columns, to);
  });
  builder.restoreInsertionPoint(e.saveInsertionPoint());
}

void emitContraction(OpBuilder &builder, Location loc, ModuleOp module, const ContractionSpec &spec,
                     ContractionScheduleAttr schedule, Value task, Value tasks,
                     EpilogueFn epilogue) {
  Emitter emitter(builder, loc);
  std::string name = functionPrefix(builder);
  ContractionSpec anyRows = spec;
  if (spec.codes)
    anyRows.codes->panelWidth = schedule.getPanelWidth();
  auto emit = [&](const ContractionSpec &of, ContractionScheduleAttr form) {
    ContractionEmitter(emitter, module, of, form, epilogue, name).emit(task, tasks);
  };
  auto emitMany = [&] { emit(anyRows, schedule); };
  if (schedule.getFewRows() > 0) {
    ContractionSpec oneRow = anyRows;
    oneRow.batch = oneRow.outSpatial.front() = emitter.i64(1);
    Value rows = emitter.mul(spec.batch, spec.outSpatial.front());
    Value isOne = emitter.compare(arith::CmpIPredicate::eq, rows, emitter.i64(1));
    Value areFew = emitter.less(rows, emitter.i64(schedule.mostFewRows + 1));
    auto emitOne = [&] { emit(oneRow, schedule.getForOneRow()); };
    auto emitFew = [&] { emit(anyRows, schedule.getForFewRows()); };
    emitter.ifThen(isOne, emitOne, [&] { emitter.ifThen(areFew, emitFew, emitMany); });
  } else {
    emitMany();
  }
  builder.restoreInsertionPoint(emitter.saveInsertionPoint());
}

} // namespace tenon::cpu
