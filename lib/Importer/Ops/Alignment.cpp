// Ops of com.microsoft that align one sequence with another: DynamicTimeWarping and
// BifurcationDetector.

#include "lib/Importer/Ops/Loops.h"

using namespace mlir;

namespace tenon {

// --- DynamicTimeWarping ---

namespace {

/// The cheapest path through a matrix of costs [M, N] from the first corner to the last:
///
///     total[i, j] = cost[i, j] + min(total[i-1, j-1], total[i-1, j], total[i, j-1])
///
/// Totals are computed by diagonals, each of which needs the two before it. Which of the three
/// neighbours it was is kept for each cell; following them back from the end gives the path.
class TimeWarping {
public:
  explicit TimeWarping(NodeImporter &node) : n(node), m(node) {}

  Results import();

private:
  Value findSteps();
  Results follow(Value steps);
  /// The row in front of each one, where the first has `first`.
  Value shift(Value diagonal) {
    return m.pad(m.slice(diagonal, 0, n.expr(0), rows - 1), {n.expr(1)}, {rows},
                 n.makeScalar(f32, HUGE_VAL));
  }
  Value yes() { return n.makeScalar(n.builder().getI1Type(), 1); }

  NodeImporter &n;
  TensorMath m;
  Type f32 = n.builder().getF32Type(), i64 = n.builder().getI64Type();
  AffineExpr rows, columns;
  Value costs; // [M * N]
};

} // namespace

/// [M + N - 1, M]: for each diagonal and row, 0 where the path came diagonally, 1 from the row
/// before, 2 from the column before.
Value TimeWarping::findSteps() {
  Value infinite = m.broadcast(n.makeScalar(f32, HUGE_VAL), rows);
  Value row = m.iotaAlong(1, 0, rows), width = m.shapeScalar(columns);
  auto body = [&](Value iteration, Block::BlockArgListType carried) -> Results {
    Value last = carried[0], lastButOne = carried[1];
    Value column = m.sub(iteration, row);
    Value isInside = m.logicalAnd(m.lessEqual(m.scalar(column, 0), column), m.less(column, width));
    Value place = m.add(m.mul(row, width), m.max(m.min(column, m.sub(width, 1)), 0.0));
    Value diagonal = shift(lastButOne), above = shift(last), left = last;
    // In front of the first cell lies a total of 0, diagonally.
    Value isFirst = m.logicalAnd(m.equal(row, 0.0), m.equal(column, 0.0));
    diagonal = m.select(isFirst, m.scalar(diagonal, 0), diagonal);
    Value isDiagonal = m.logicalAnd(m.less(diagonal, above), m.less(diagonal, left));
    Value isAbove = m.logicalAnd(m.less(above, diagonal), m.less(above, left));
    Value best = m.select(isDiagonal, diagonal, m.select(isAbove, above, left));
    Value total = m.select(isInside, m.add(best, m.gather(costs, place, 0)), infinite);
    auto step = [&](double value) { return n.makeScalar(i64, value); };
    Value from = m.select(isDiagonal, step(0), m.select(isAbove, step(1), step(2)));
    return {{yes(), total, last, from}};
  };
  Results results = buildLoop(n, rows + columns - 1, {infinite, infinite}, body);
  return succeeded(results) ? results->back() : Value();
}

Results TimeWarping::follow(Value steps) {
  AffineExpr diagonals = rows + columns - 1;
  Value flat = n.reshape(steps, diagonals * rows), height = m.shapeScalar(rows);
  auto body = [&](Value, Block::BlockArgListType carried) -> Results {
    Value row = carried[0], column = carried[1];
    Value step = m.gather(flat, m.add(m.mul(m.add(row, column), height), row), 0);
    auto stays = [&](double other) { return n.cast(m.equal(step, other), i64); };
    Value nextRow = m.sub(m.add(row, stays(2)), 1), nextColumn = m.sub(m.add(column, stays(1)), 1);
    Value goesOn = m.logicalAnd(m.lessEqual(m.scalar(row, 0), nextRow),
                                m.lessEqual(m.scalar(row, 0), nextColumn));
    return {{goesOn, nextRow, nextColumn, row, column}};
  };
  SmallVector<Value> inits = {m.shapeScalar(rows - 1), m.shapeScalar(columns - 1)};
  Results results = buildLoop(n, diagonals, inits, body);
  if (failed(results))
    return failure();
  // From the end to the beginning.
  AffineExpr length = n.dim((*results)[2], 0);
  auto turn = [&](Value path) {
    return m.unsqueeze(m.slice(path, 0, length - 1, length, -1), {0});
  };
  Value path = m.concat({turn((*results)[2]), turn(m.sized((*results)[3], length, "a path"))}, 0);
  return {{n.cast(path, n.builder().getI32Type())}};
}

Results TimeWarping::import() {
  Value matrix = n.operand(0);
  if (n.rank(matrix) == 3) {
    requireEqual(n, n.dim(matrix, 0), n.expr(1), "matrices, and 1,");
    matrix = n.reshape(matrix, {n.dim(matrix, 1), n.dim(matrix, 2)});
  }
  if (n.rank(matrix) != 2)
    return n.emitError() << "needs a matrix, not " << n.operand(0).getType();
  rows = n.dim(matrix, 0);
  columns = n.dim(matrix, 1);
  requireNonNegative(n, rows - 1, "rows beyond the first");
  requireNonNegative(n, columns - 1, "columns beyond the first");
  costs = n.cast(n.reshape(matrix, rows * columns), f32);
  Value steps = n.hasFailed() ? Value() : findSteps();
  return steps ? follow(steps) : Results(failure());
}

static Results importDynamicTimeWarping(NodeImporter &node) { return TimeWarping(node).import(); }

// --- BifurcationDetector ---

/// Tokens that have been written, and those of a prediction up to the first that is not the
/// source's from where the last match ended: also that one is right.
static Value acceptPrediction(NodeImporter &node, Value source, Value written, Value start,
                              Value predicted) {
  TensorMath m(node);
  Type i64 = node.builder().getI64Type();
  std::optional<DimExprs> first = node.contentsOrBind(start, "prev_suffix_match_idx");
  if (!first)
    return nullptr;
  AffineExpr rest = node.dim(source, 0) - first->front();
  requireNonNegative(node, rest, "source tokens behind the last match");
  predicted = m.sized(predicted, {rest + 1}, "predicted tokens");
  Value isSame =
      m.equal(m.slice(predicted, 0, node.expr(0), rest), m.slice(source, 0, first->front(), rest));
  Value sames = node.infer<CumulateOp>(
      node.cast(isSame, i64),
      {node.attr("axis", int64_t(0)),
       node.attr("kind", ReduceKindAttr::get(node.context(), ReduceKind::Prod))});
  std::optional<DimExprs> count = node.contentsOrBind(m.sum(sames, 0), "matching tokens");
  return count ? m.concat({written, m.slice(predicted, 0, node.expr(0), count->front() + 1)}, 0)
               : Value();
}

/// Where the source goes on after the longest n-gram, of `least` to `most` tokens, at the end of
/// `written` that it has once; -1 if there is none.
static Value matchSuffix(NodeImporter &node, Value source, Value written, int64_t least,
                         int64_t most) {
  TensorMath m(node);
  Type i64 = node.builder().getI64Type();
  AffineExpr length = node.dim(source, 0), numWritten = node.dim(written, 0);
  Value front = node.makeScalar(i64, 0);
  Value paddedSource = m.pad(source, node.expr(most), length + most, front);
  Value paddedWritten = m.pad(written, node.expr(most), numWritten + most, front);
  Value end = m.iotaAlong(1, 0, length); // of an n-gram in the source
  Value yes = node.makeScalar(node.builder().getI1Type(), 1);
  Value matches = m.broadcast(yes, length), isSearching = yes, found = node.makeScalar(i64, -1);
  for (int64_t size = 1; size <= most; ++size) {
    Value token = m.slice(paddedWritten, 0, numWritten + most - size, node.expr(1));
    Value candidates = m.slice(paddedSource, 0, node.expr(most - size + 1), length);
    matches = m.logicalAnd(matches, m.equal(candidates, token));
    matches = m.logicalAnd(matches, m.less(static_cast<double>(size - 2), end));
    if (size < least)
      continue;
    Value hits = node.cast(matches, i64);
    Value count = node.reshape(m.sum(hits, 0), {});
    Value behind = m.select(matches, m.add(end, 1.0), m.shapeScalar(length));
    Value first = node.reshape(m.reduce(ReduceKind::Min, behind, 0), {});
    Value isLongEnough =
        m.lessEqual(m.scalar(count, static_cast<double>(size)), m.shapeScalar(numWritten));
    isSearching = m.logicalAnd(isSearching, m.logicalAnd(isLongEnough, m.less(0.0, count)));
    Value isOnce = m.equal(count, 1.0);
    found = m.select(isSearching, m.select(isOnce, first, m.scalar(first, -1)), found);
    isSearching = m.logicalAnd(isSearching, m.less(first, m.shapeScalar(length)));
  }
  return found;
}

// Operands: tokens of the source, tokens written, where the last match ended, predicted tokens.
static Results importBifurcationDetector(NodeImporter &node) {
  Value source = node.operand(0), written = node.operand(1), start = node.operand(2);
  int64_t least = node.getInt("min_ngram_size"), most = node.getInt("max_ngram_size");
  constexpr int64_t limit = 256;
  if (node.hasFailed())
    return failure();
  if (least < 1 || most < least || most > limit)
    return node.emitError() << "n-grams of " << least << " to " << most << " tokens";
  if (node.rank(source) != 1 || node.rank(written) != 1)
    return node.emitError() << "tokens need rank 1";
  Value flat = node.reshape(TensorMath(node).toScalar(start), node.expr(1));
  Value tokens =
      node.operand(3) ? acceptPrediction(node, source, written, flat, node.operand(3)) : written;
  if (!tokens)
    return failure();
  Value match = matchSuffix(node, source, tokens, least, most);
  return {{tokens, match ? node.reshape(match, node.dims(start)) : match}};
}

void registerAlignmentOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("DynamicTimeWarping", 1, importDynamicTimeWarping);
  add("BifurcationDetector", {3, 4}, importBifurcationDetector);
}

} // namespace tenon
