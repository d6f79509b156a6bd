// Elementwise kernels around a transpose that moves the last dimension.
//
// Element by element, either the reads or the writes of a transpose are strided: measured, gathers
// of 16 floats reach 5 GB/s. Here tiles of vector length times vector length are evaluated as
// vectors along the dimension that is last before the transpose (i), turned in registers, and
// stored as vectors along the dimension that is last after it (j). What comes before the transpose
// is evaluated along i, what comes after it along j:
//
//   for each j of the tile:  in[j] = elements of the transpose's operand at (i .. i + L, j)
//   out = in turned
//   for each i of the tile:  store f(out[i]) at (i, j .. j + L)
//
// The last tile of a dimension that is not a multiple of L starts early and computes some elements
// again. Those along i it does not store again: the tile in front may be another task's. If j is
// short (the channels of an image), tiles are L times the whole of j: a few vectors are interleaved
// into one contiguous piece of the result; more are turned as if there were L, and what is stored
// of each is as long as j.
//
// Of sizes that only a run tells, those of i and j must be L or more: this is checked then.

#include "dialects/Tenon/ByteTables.h"
#include "passes/Codegen/Cpu/Kernels.h"
#include "passes/Codegen/Cpu/LaneExchange.h"

using namespace mlir;

namespace tenon::cpu {

namespace {

/// Longest j whose vectors are interleaved: it takes n (n - 1) shuffles.
constexpr int64_t kMaxInterleaved = 4;

class TileEmitter {
public:
  explicit TileEmitter(KernelEmitter &e) : e(e), em(e.em), length(e.rows.getLanes()) {}

  /// Whether the kernel is of the form that tiles serve, as far as sizes are known.
  bool match();
  /// Emits the tiles, and `otherwise` for sizes that are too small for them.
  void emit(function_ref<void()> otherwise);

private:
  bool matchTransposes(Value value);
  void emitTiles();
  /// The tile at (i, j) of so many columns without its first `skip` positions along i.
  void emitTile(MutableArrayRef<LaneIndex> index, Value i, Value j, int64_t columns, Value skip);
  void emitInterleaved(MutableArrayRef<LaneIndex> index, Value i, Value skip);
  /// Elements of the transpose's operand along i, one vector for each of `count` positions from j.
  SmallVector<Value> readAlongI(TransposeOp op, ArrayRef<LaneIndex> index, Value i, Value j,
                                int64_t count);
  /// All lanes but the first ones; null if that is all lanes.
  Value maskWithout(Value count);
  LaneIndex alongLanes(Value first) { return {first, 1, false, 1}; }

  KernelEmitter &e;
  Emitter &em;
  int64_t length;
  DimExprs shape;
  SmallVector<TransposeOp> transposes;
  size_t i = 0, j = 0;
  bool interleaves = false;
  /// The size of j if that is too short for a tile and too long to be interleaved.
  int64_t shortColumns = 0;
};

} // namespace

// All transposes on the way turn the same two dimensions; only pointwise ops of the full shape come
// after them.
bool TileEmitter::matchTransposes(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto transpose = dyn_cast_or_null<TransposeOp>(op)) {
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    size_t last = permutation.size() - 1;
    size_t source = llvm::find(permutation, static_cast<int64_t>(last)) - permutation.begin();
    bool fits = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth() >= 8;
    if (source == last || !fits || (!transposes.empty() && source != i))
      return false;
    i = source;
    if (!llvm::is_contained(transposes, transpose))
      transposes.push_back(transpose);
    return true;
  }
  if (!isa_and_nonnull<PointwiseOpInterface>(op) && !readsByteTable(op))
    return true;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    bool isFull = getDims(operand.getType()) == getDims(value.getType());
    return !isFull || matchTransposes(operand);
  });
}

/// Whether a dimension has or may have this size.
static bool mayBeLong(AffineExpr size, int64_t length) {
  auto constant = dyn_cast<AffineConstantExpr>(size);
  return !constant || constant.getValue() >= length;
}

bool TileEmitter::match() {
  if (e.kernel.getNumResults() != 1)
    return false;
  Value computed = e.computed(0);
  shape = getDims(computed.getType());
  if (shape.size() < 2 || !matchTransposes(computed) || transposes.empty())
    return false;
  j = shape.size() - 1;
  auto constant = dyn_cast<AffineConstantExpr>(shape[j]);
  interleaves = constant && constant.getValue() > 1 && constant.getValue() <= kMaxInterleaved &&
                i + 1 == j && transposes.front().getResult() == computed &&
                e.result(0).strides[i] == shape[j];
  if (constant && constant.getValue() > kMaxInterleaved && constant.getValue() < length)
    shortColumns = constant.getValue();
  return mayBeLong(shape[i], length) &&
         (interleaves || shortColumns || mayBeLong(shape[j], length));
}

void TileEmitter::emit(function_ref<void()> otherwise) {
  Value tooShort = em.less(e.value(shape[i]), em.i64(length));
  if (!interleaves && !shortColumns)
    tooShort = em.createOrFold<arith::OrIOp>(tooShort, em.less(e.value(shape[j]), em.i64(length)));
  // In this order: tiles leave sources of elements behind.
  em.ifThen(tooShort, otherwise, [&] { emitTiles(); });
}

void TileEmitter::emitTiles() {
  DimExprs outer;
  for (auto [dim, size] : llvm::enumerate(shape))
    if (dim != i && dim != j)
      outer.push_back(size);
  Value sizeI = e.value(shape[i]), sizeJ = e.value(shape[j]);
  Value tiles = em.ceilDiv(sizeI, em.i64(length));
  Value units = em.mul(e.value(product(outer, em.getContext())), tiles);
  Value begin = em.div(em.mul(units, e.task), e.tasks);
  Value end = em.div(em.mul(units, em.add(e.task, 1)), e.tasks);
  em.loop(begin, end, em.i64(1), [&](Value unit) {
    SmallVector<LaneIndex> parts = e.delinearize(e.uniform(em.div(unit, tiles)), outer);
    SmallVector<LaneIndex> index(shape.size(), e.index(0));
    for (size_t dim = 0, part = 0; dim < shape.size(); ++dim)
      if (dim != i && dim != j)
        index[dim] = parts[part++];
    auto emitAt = [&](Value firstI, Value skip) {
      if (interleaves)
        return emitInterleaved(index, firstI, skip);
      if (shortColumns)
        return emitTile(index, firstI, em.i64(0), shortColumns, skip);
      em.loop(em.i64(0), sizeJ, em.i64(length), [&](Value start) {
        emitTile(index, firstI, em.min(start, em.sub(sizeJ, em.i64(length))), length, skip);
      });
    };
    Value tile = em.rem(unit, tiles), overhang = em.sub(em.mul(tiles, length), sizeI);
    Value isWhole = isConstant(overhang, 0) ? em.create<arith::ConstantIntOp>(1, 1)
                                            : em.less(tile, em.sub(tiles, em.i64(1)));
    em.ifThen(
        isWhole, [&] { emitAt(em.mul(tile, length), em.i64(0)); },
        [&] { emitAt(em.sub(sizeI, em.i64(length)), overhang); });
  });
}

SmallVector<Value> TileEmitter::readAlongI(TransposeOp op, ArrayRef<LaneIndex> index, Value firstI,
                                           Value firstJ, int64_t count) {
  SmallVector<Value> vectors;
  for (int64_t number = 0; number < count; ++number)
    e.withLanes(length, nullptr, [&] {
      SmallVector<LaneIndex> source(index.size());
      for (auto [dim, operandDim] : llvm::enumerate(op.getPermutation()))
        source[operandDim] = dim == i   ? alongLanes(firstI)
                             : dim == j ? e.uniform(em.add(firstJ, number))
                                        : index[dim];
      vectors.push_back(e.broadcast(e.element(op.getOperand(), source)));
    });
  return vectors;
}

void TileEmitter::emitTile(MutableArrayRef<LaneIndex> index, Value firstI, Value firstJ,
                           int64_t columns, Value skip) {
  SmallVector<SmallVector<Value>> turned;
  for (TransposeOp op : transposes) {
    SmallVector<Value> vectors = readAlongI(op, index, firstI, firstJ, columns);
    vectors.resize(length, vectors.back()); // for lanes that are not stored
    turned.push_back(emitTranspose(em, vectors));
  }
  Value mask = em.laneMask(length, em.i64(columns));
  auto storeRow = [&](int64_t number) {
    e.withLanes(length, mask, [&] {
      for (auto [op, vectors] : llvm::zip(transposes, turned))
        e.setSource(op.getResult(),
                    [vector = vectors[number]](ArrayRef<LaneIndex>) { return vector; });
      index[i] = e.uniform(em.add(firstI, number));
      index[j] = alongLanes(firstJ);
      e.store(e.result(0), index, e.broadcast(e.element(e.computed(0), index)));
    });
  };
  for (int64_t number = 0; number < length; ++number)
    em.ifThen(em.less(skip, em.i64(number + 1)), [&] { storeRow(number); });
}

Value TileEmitter::maskWithout(Value count) {
  std::optional<int64_t> constant = constantOf(count);
  if (constant && *constant <= 0)
    return nullptr;
  Value without = em.laneMask(length, em.max(em.min(count, em.i64(length)), em.i64(0)));
  auto type = VectorType::get({length}, em.getI1Type());
  Value all = em.create<arith::ConstantOp>(DenseElementsAttr::get(type, true));
  Value none = em.create<arith::ConstantOp>(DenseElementsAttr::get(type, false));
  return without ? em.create<arith::XOrIOp>(without, all) : none;
}

// Position p of the piece of the result that starts at (i, 0) is element (i + p / n, p mod n).
void TileEmitter::emitInterleaved(MutableArrayRef<LaneIndex> index, Value firstI, Value skip) {
  int64_t count = cast<AffineConstantExpr>(shape[j]).getValue();
  SmallVector<Value> vectors = readAlongI(transposes.front(), index, firstI, em.i64(0), count);
  for (int64_t part = 0; part < count; ++part) {
    Value merged = vectors[0];
    for (int64_t source = 0; source < count; ++source) {
      SmallVector<int64_t> lanes;
      for (int64_t lane = 0; lane < length; ++lane) {
        int64_t position = part * length + lane;
        bool isOwn = position % count == source;
        lanes.push_back(isOwn ? length + position / count : lane);
      }
      merged = vector::ShuffleOp::create(em, em.getLoc(), merged, vectors[source], lanes);
    }
    Value skipped = em.sub(em.mul(skip, count), em.i64(part * length));
    e.withLanes(length, maskWithout(skipped), [&] {
      index[i] = e.uniform(firstI);
      index[j] = alongLanes(em.i64(part * length));
      e.store(e.result(0), index, merged);
    });
  }
}

bool emitTransposedTiles(KernelEmitter &emitter, llvm::function_ref<void()> otherwise) {
  TileEmitter tiles(emitter);
  if (!tiles.match())
    return false;
  tiles.emit(otherwise);
  return true;
}

} // namespace tenon::cpu
