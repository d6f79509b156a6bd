// A product's operands and results by rows, columns and depth (see the header).

#include "passes/Codegen/Cuda/ContractionEmitter.h"
#include "dialects/Target/Cuda/SparseColumns.h"

using namespace mlir;

namespace tenon::cuda {

ContractionEmitter::ContractionEmitter(KernelEmitter &e, Operation *root)
    : e(e), em(e.em), root(root), sizes(getContractionSizes(root)),
      sumType(getAccumulatorType(getElementTypeOrSelf(root->getOperand(0)))), firstTile(e.block),
      tileStep(e.blocks) {
  MLIRContext *context = root->getContext();
  rowCount = product(sizes.rows, context);
  depthCount = product(sizes.depth, context);
  rows = e.value(rowCount);
  columns = e.value(sizes.columns);
  depth = e.value(depthCount);
  left = makeLeft();
  right = makeRight();
}

// The batch dimensions of an operand, aligned at the last, of which some repeat; then its own two.
SmallVector<LaneIndex> ContractionEmitter::matmulIndex(Value operand, Value outer, LaneIndex first,
                                                       LaneIndex second) {
  DimExprs own = getDims(operand.getType());
  size_t count = own.size() - 2, skipped = sizes.outer.size() - count;
  SmallVector<LaneIndex> batch = e.delinearize(e.uniform(outer), sizes.outer), index;
  for (size_t i = 0; i < count; ++i) {
    bool repeats = getConstantOr(own[i], 0) == 1 && sizes.outer[skipped + i] != own[i];
    index.push_back(repeats ? e.index(0) : batch[skipped + i]);
  }
  index.append({first, second});
  return index;
}

SmallVector<LaneIndex> ContractionEmitter::inputIndex(ConvOp op, Value group, LaneIndex row,
                                                      LaneIndex depth) {
  SmallVector<LaneIndex> position = e.delinearize(row, sizes.rows);
  SmallVector<LaneIndex> tap = e.delinearize(depth, sizes.depth);
  SmallVector<LaneIndex> index = {position[0]};
  for (unsigned d = 0; d < op.getSpatialRank(); ++d)
    index.push_back(e.add(e.mul(position[d + 1], em.i64(op.getStrides()[d])),
                          e.mul(tap[d], em.i64(op.getDilations()[d]))));
  int64_t channels = getConstantOr(sizes.depth.back(), 1);
  LaneIndex first = e.uniform(em.mul(group, e.value(sizes.depth.back())), channels);
  index.push_back(e.add(first, tap.back()));
  return index;
}

ContractionOperand ContractionEmitter::makeLeft() {
  ContractionOperand operand = {.tensor = root->getOperand(0),
                                .size = rowCount,
                                .lastDepth = sizes.depth.back(),
                                .isDeep = true,
                                .index = nullptr};
  if (auto conv = dyn_cast<ConvOp>(root))
    operand.index = [=, this](Value outer, LaneIndex row, LaneIndex k) mutable {
      return inputIndex(conv, outer, row, k);
    };
  else
    operand.index = [this](Value outer, LaneIndex row, LaneIndex k) {
      return matmulIndex(root->getOperand(0), outer, row, k);
    };
  return operand;
}

/// Weights that lie by columns (`#cuda.columns`).
ContractionOperand ContractionEmitter::makeColumns(UnpackOp unpack) {
  return {.tensor = unpack.getPacked(),
          .size = sizes.columns,
          .lastDepth = getDims(unpack.getPacked().getType()).back(),
          .isDeep = true,
          .index = [this](Value outer, LaneIndex column, LaneIndex k) -> SmallVector<LaneIndex> {
            return {isa<ConvOp>(root) ? e.uniform(outer) : e.index(0), column, k};
          }};
}

/// The values of weights without half of them (`#cuda.sparse_columns`), as a matrix of half the
/// depth.
ContractionOperand ContractionEmitter::makeSparseColumns(UnpackOp unpack) {
  SparseColumns form(cast<SparseColumnsAttr>(unpack.getLayout()),
                     cast<RankedTensorType>(unpack.getType()));
  ContractionOperand operand = makeColumns(unpack);
  operand.size = getAffineConstantExpr(form.valueRows(), root->getContext());
  return operand;
}

ContractionOperand ContractionEmitter::makeRight() {
  if (auto unpack = root->getOperand(1).getDefiningOp<UnpackOp>()) {
    if (isa<ColumnsAttr>(unpack.getLayout()))
      return makeColumns(unpack);
    if (isa<SparseColumnsAttr>(unpack.getLayout()))
      return makeSparseColumns(unpack);
  }
  auto matmul = dyn_cast<MatMulOp>(root);
  bool isTransposed = matmul && matmul.getTransposeRhs();
  ContractionOperand operand = {.tensor = root->getOperand(1),
                                .size = sizes.columns,
                                .lastDepth = sizes.depth.back(),
                                .isDeep = isTransposed,
                                .index = nullptr};
  if (matmul)
    operand.index = [=, this](Value outer, LaneIndex column, LaneIndex k) {
      return isTransposed ? matmulIndex(root->getOperand(1), outer, column, k)
                          : matmulIndex(root->getOperand(1), outer, k, column);
    };
  else
    operand.index = [this](Value group, LaneIndex column, LaneIndex k) {
      SmallVector<LaneIndex> index = e.delinearize(k, sizes.depth);
      int64_t outputs = getConstantOr(sizes.columns, 1);
      index.push_back(e.add(e.uniform(em.mul(group, columns), outputs), column));
      return index;
    };
  return operand;
}

Value ContractionEmitter::multiplyAdd(Value outer, Value row, Value column, int64_t lanes) {
  auto load = [&](const ContractionOperand &operand, Value position, Value k) {
    auto index = operand.index(outer, e.uniform(position), e.uniform(k));
    return em.convert(e.element(operand.tensor, index), sumType);
  };
  auto type = VectorType::get({lanes}, sumType);
  Value zero = em.create<arith::ConstantOp>(em.getZeroAttr(type));
  SmallVector<Value> sums =
      em.loop(em.i64(0), depth, em.i64(1), ValueRange(zero), [&](Value k, ValueRange sums) {
        SmallVector<Value> next;
        e.withLanes(1, nullptr, [&] {
          SmallVector<Value> factors;
          for (int64_t i = 0; i < lanes; ++i)
            factors.push_back(load(right, em.add(column, i), k));
          next = {em.multiplyAdd(em.create<vector::BroadcastOp>(type, load(left, row, k)),
                                 em.create<vector::FromElementsOp>(type, factors), sums.front())};
        });
        return next;
      });
  return lanes > 1 ? sums.front() : Value(em.create<vector::ExtractOp>(sums.front(), 0));
}

void ContractionEmitter::finish(Value sums, int64_t lanes, Value outer, Value row, Value column) {
  SmallVector<LaneIndex> index;
  if (isa<ConvOp>(root)) {
    index = e.delinearize(e.uniform(row), sizes.rows);
    column = em.add(em.mul(outer, columns), column);
  } else {
    index = e.delinearize(e.uniform(outer), sizes.outer);
    index.push_back(e.uniform(row));
  }
  index.push_back({column, lanes > 1, false, lanes});
  e.withLanes(lanes, nullptr, [&] {
    e.setSource(root->getResult(0), [sums](ArrayRef<LaneIndex>) { return sums; });
    for (unsigned i = 0; i < e.kernel.getNumResults(); ++i)
      e.store(e.result(i), index, e.broadcast(e.element(e.computed(i), index)));
  });
}

void ContractionEmitter::forTiles(int64_t tileRows, int64_t tileColumns, int64_t band,
                                  function_ref<void(Value, Value, Value)> body) {
  forTiles(tileRows, tileColumns, band, ValueRange(),
           [&](Value outer, Value row, Value column, ValueRange) {
             body(outer, row, column);
             return SmallVector<Value>();
           });
}

// The last band may be of fewer rows.
void ContractionEmitter::forTiles(int64_t tileRows, int64_t tileColumns, int64_t band,
                                  ValueRange init, CarryingBody body) {
  Value across = em.ceilDiv(columns, em.i64(tileColumns));
  Value down = em.ceilDiv(rows, em.i64(tileRows));
  Value perProduct = em.mul(across, down), perBand = em.mul(across, band);
  Value outers = e.value(product(sizes.outer, root->getContext()));
  std::optional<int64_t> knownDown = constantOf(down);
  bool areWhole = band == 1 || (knownDown && *knownDown % band == 0);
  Value count = em.mul(outers, perProduct);
  em.loop(firstTile, count, tileStep, init, [&](Value tile, ValueRange carried) {
    Value inProduct = em.rem(tile, perProduct);
    Value firstRow = em.mul(em.div(inProduct, perBand), band), inBand = em.rem(inProduct, perBand);
    Value ofBand = em.i64(band);
    if (!areWhole)
      ofBand = em.min(ofBand, em.sub(down, firstRow));
    Value row = em.mul(em.add(firstRow, em.rem(inBand, ofBand)), tileRows);
    Value column = em.mul(em.div(inBand, ofBand), tileColumns);
    SmallVector<Value> next;
    e.withLanes(1, nullptr, [&] { next = body(em.div(tile, perProduct), row, column, carried); });
    return next;
  });
}

} // namespace tenon::cuda
