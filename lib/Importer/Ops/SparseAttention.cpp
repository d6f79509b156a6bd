// SparseAttention of com.microsoft: GroupQueryAttention in which heads see some blocks of keys.
//
// Which ones is a matrix of blocks for each layout, as compressed rows: row r has the columns from
// position rows[r] to rows[r + 1]. Head h has layout h mod (number of layouts).

#include "lib/Importer/Ops/Cache.h"

using namespace mlir;

namespace tenon {

/// Whether each block [layouts, blocks of queries, blocks of keys] is there.
static Value expandLayouts(NodeImporter &node, Value rows, Value columns) {
  TensorMath m(node);
  Type i64 = node.builder().getI64Type(), f32 = node.builder().getF32Type();
  rows = node.cast(rows, i64);
  columns = node.cast(columns, i64);
  AffineExpr layouts = node.dim(rows, 0), blocks = node.dim(rows, 1) - 1;
  AffineExpr entries = node.dim(columns, 1);
  columns = m.sized(columns, {layouts, entries}, "columns of blocks");
  // The row of an entry is how many rows end at or before it; behind all rows there is padding.
  Value ends = m.unsqueeze(m.slice(rows, 1, node.expr(1), blocks), {1});
  Value isBehind = m.lessEqual(ends, m.iotaAlong(3, 1, entries));
  Value row = m.squeeze(m.sum(node.cast(isBehind, i64), 2), {2});
  Value isEntry = m.less(row, m.shapeScalar(blocks));
  Value place = m.add(m.mul(row, m.shapeScalar(blocks)), columns);
  place = m.select(isEntry, place, m.scalar(place, 0));
  Value counts = node.infer<ScatterElementsOp>(
      {m.broadcast(node.makeScalar(f32, 0), {layouts, blocks * blocks}), place,
       node.cast(isEntry, f32)},
      {node.attr("axis", 1),
       node.attr("kind", ScatterKindAttr::get(node.context(), ScatterKind::Add))});
  return m.less(0.0, counts);
}

// Operands: queries (or all packed), keys, values, caches of keys and values, rows and columns of
// layouts, the total length, lengths [B], caches of cosines and sines.
static Results importSparseAttention(NodeImporter &node) {
  TensorMath m(node);
  int64_t size = node.getInt("sparse_block_size"), heads = node.getInt("num_heads");
  Value rows = node.operand(5), columns = node.operand(6);
  constexpr int64_t most = 1 << 20;
  if (node.hasFailed())
    return failure();
  if (size < 1 || size > most || heads < 1 || heads > most || !rows || !columns ||
      node.rank(rows) != 2 || node.rank(columns) != 2 || !node.operand(7) || !node.operand(8))
    return node.emitError() << "layouts of blocks in rank 2, and lengths, are needed";
  Value isThere = expandLayouts(node, rows, columns);
  if (!isThere)
    return failure();
  AffineExpr layouts = node.dim(rows, 0), blocks = node.dim(rows, 1) - 1;
  Value total = node.operand(7), lengths = m.sub(node.operand(8), 1.0);
  Value cosines = node.operand(9), sines = node.operand(10);
  node.setOperand(5, lengths);
  node.setOperand(6, total);
  node.setOperand(7, cosines);
  node.setOperand(8, sines);
  for (unsigned number = 9; number < node.numOperands(); ++number)
    node.setOperand(number, nullptr);
  return buildGroupQueryAttention(node, [&](Value position, AffineExpr keys) -> Value {
    auto block = [&](Value x) { return m.div(x, static_cast<double>(size)); };
    Value last = m.shapeScalar(blocks - 1);
    Value row = m.min(block(position), last), column = block(m.iotaAlong(4, 3, keys));
    Value layout = node.infer<ModOp>({m.iotaAlong(4, 1, node.expr(heads)), m.shapeScalar(layouts)});
    Value place =
        m.add(m.mul(m.add(m.mul(layout, m.shapeScalar(blocks)), row), m.shapeScalar(blocks)),
              m.min(column, last));
    return m.gather(node.reshape(isThere, layouts * blocks * blocks), place, 0);
  });
}

void registerSparseAttentionOps(OpRegistry &registry) {
  registry.add("com.microsoft", "SparseAttention", 1, {9, 11}, importSparseAttention);
}

} // namespace tenon
