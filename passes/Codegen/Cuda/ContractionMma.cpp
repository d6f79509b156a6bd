// Matrix products and convolutions on the matrix units of a GPU.
//
//   for each tile of the block's share:              (rows x columns of one product)
//     bring the first steps of the depth             -> all stages but one, a group each
//     for each step of the depth:
//       wait for the oldest group; barrier           (1)
//       start to bring the step that is `stages - 1` ahead
//       each warp: its rows and columns of the step  -> products, added to its sums
//     barrier                                        (2)
//     sums                                           -> shared memory, in the stages' place
//     barrier                                        (3)
//     all threads: sums of neighbours, what follows them in the kernel, and its stores
//     barrier                                        (4)
//
// Why each is there. A thread waits for its own copies only, so what all have brought is seen
// behind barrier (1). The same barrier says that all warps have read the stage of the step before:
// it is the one that is written next, so that one barrier a step is enough. A group is committed in
// each step, empty at the end, so that the oldest one is always the step's. What goes through
// registers is stored behind the products and read `stages - 1` steps later, behind as many
// barriers. Sums take the place of stages that other warps may still read before barrier (2), and
// are read by other threads behind (3); the next tile's first steps take the place of sums behind
// (4).
//
// Sums go through shared memory because a lane has two neighbours of each row: from there threads
// read four, and what follows is code of one loop, which needs few registers.
//
// Where a product has few rows and columns, groups of warps ("slices") share each step's depth.
// They add up their sums in the order of the slices, whoever is first.
//
// Weights of which two in four are zero (mma_sparse) are the left operand of the instruction, the
// only one that may be so. A product of rows and columns is that of columns and rows, turned: so
// sums are stored turned, and nothing else differs but that a step's columns are half as long, with
// words beside them that say where their numbers were.
//
// Matrix units sum up products of floats of 8 bits with fewer digits than f32 has: what one
// instruction sums is added to the warp's sums by ordinary additions.
//
// f32 may be multiplied as the sum of two numbers of tf32 (`mma_3xtf32`), big + small, each of 11
// bits. What a warp loads is taken apart in registers, and of
//
//   (big + small) * (big' + small') = small * big' + big * small' + big * big' + small * small'
//
// the last product is left out, which is 2^-22 of the whole; the small ones are added first. An
// infinity has no such parts, nor has what would be rounded to one, and a product that is too large
// may be the difference of two infinities: sums that are not finite are taken again by
// multiply-adds, which costs the others a comparison behind the loop.
//
// Every sum is taken in one order, which the schedule says: results do not depend on the number of
// blocks.

#include "passes/Codegen/Cuda/ContractionMma.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/Codegen/Cuda/ContractionStaging.h"
#include "passes/Codegen/Cuda/SparsePlaces.h"
#include "passes/Schedule/Cuda/ProductSize.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

namespace {

class MmaEmitter : ContractionEmitter {
public:
  MmaEmitter(KernelEmitter &e, Operation *root, TileScheduleAttr schedule);
  void emit();

private:
  SmallVector<Value> sumTile(Value outer, Value row, Value column);
  void prepare();
  void bringNext(Value step, Value stage, function_ref<void()> meanwhile);
  SmallVector<Value> multiply(Value stage, ValueRange sums);
  /// Words of an operand that a warp multiplies, or of its two parts, the larger one first.
  using Words = SmallVector<Value, 2>;
  Words load(Role role, Value tiles, Value stage, Value line, Value column);
  Words split(Value words);
  Words loadLeft(Value stage, Value k, int64_t part);
  Words loadRight(Value stage, Value k, int64_t part);
  Value addProducts(const Words &left, const Words &right, Value sum);
  SmallVector<Value> multiplySparse(Value stage, ValueRange sums);
  void storeSums(ValueRange sums);
  void finishTile(Value outer, Value row, Value column);
  Value addSlices(Value row, Value column, int64_t lanes);
  Value repeatUnlessFinite(Value sums, int64_t lanes, Value outer, Value row, Value column);
  Value nextStage(Value stage);

  TileScheduleAttr schedule;
  /// Of what is multiplied.
  Type leftNumber, rightNumber;
  ContractionStaging leftTiles, rightTiles;
  /// The same as they are read: as words where numbers are taken apart.
  Value leftSource, rightSource;
  bool isSplit;
  /// Of columns without half of their numbers.
  std::optional<SparsePlaces> places;
  Value steps, sumTiles;
  /// Of this warp: its first row and column in the tile, and its slice.
  Value warpRow, warpColumn, slice;
  /// Parts of sixteen that a warp has.
  int64_t rowParts, columnParts;
};

} // namespace

/// Tiles whose numbers are not rounded when they are loaded.
static Value readAsWords(Emitter &em, const ContractionStaging &tiles, int64_t offset) {
  auto type = cast<BufferType>(tiles.getTiles().getType());
  auto words = BufferType::get(em.getContext(), type.getStages(), type.getRows(), type.getColumns(),
                               em.getI32Type(), type.getLayout());
  return em.create<BufferOp>(words, offset);
}

/// Numbers of a step in a column: of each four two if half of them is left out.
static int64_t getRightDepth(TileScheduleAttr schedule) {
  return schedule.getMma().isSparse() ? schedule.getDepth() / 2 : schedule.getDepth();
}

MmaEmitter::MmaEmitter(KernelEmitter &e, Operation *root, TileScheduleAttr schedule)
    : ContractionEmitter(e, root), schedule(schedule), leftNumber(getMultipliedTypes(root).first),
      rightNumber(getMultipliedTypes(root).second),
      leftTiles(e, left, depthCount, leftNumber, schedule.getTileRows(), schedule.getDepth(),
                schedule.getStages(), 0),
      rightTiles(e, right, schedule.getMma().isSparse() ? right.lastDepth : depthCount, rightNumber,
                 schedule.getTileColumns(), getRightDepth(schedule), schedule.getStages(),
                 leftTiles.getBytes()),
      leftSource(leftTiles.getTiles()), rightSource(rightTiles.getTiles()),
      isSplit(schedule.getMma().getProducts() > 1), rowParts(schedule.getWarpRows() / kSide),
      columnParts(schedule.getWarpColumns() / kSide) {
  if (isSplit) {
    leftSource = readAsWords(em, leftTiles, 0);
    rightSource = readAsWords(em, rightTiles, leftTiles.getBytes());
  }
  if (schedule.getMma().isSparse())
    places.emplace(e, root->getOperand(1).getDefiningOp<UnpackOp>(), schedule.getTileColumns(),
                   schedule.getDepth(), schedule.getStages(),
                   leftTiles.getBytes() + rightTiles.getBytes());
  steps = em.ceilDiv(depth, em.i64(schedule.getDepth()));
  auto sums = BufferType::get(em.getContext(), schedule.getSlices(), schedule.getTileRows(),
                              schedule.getTileColumns(), sumType, Layout::Padded);
  sumTiles = em.create<BufferOp>(sums, 0);
  e.setDynamicSharedBytes(mmaSharedBytes(schedule, leftNumber));
  Value warp = em.div(e.thread, em.i64(TargetAttr::warpSize));
  Value across = em.i64(schedule.getTileColumns() / schedule.getWarpColumns());
  Value down = em.i64(schedule.getTileRows() / schedule.getWarpRows());
  warpColumn = em.mul(em.rem(warp, across), schedule.getWarpColumns());
  Value line = em.div(warp, across);
  warpRow = em.mul(em.rem(line, down), schedule.getWarpRows());
  slice = em.div(line, down);
}

Value MmaEmitter::nextStage(Value stage) {
  Value next = em.add(stage, 1);
  Value isLast = em.compare(arith::CmpIPredicate::eq, next, em.i64(schedule.getStages()));
  return em.select(isLast, em.i64(0), next);
}

//===-- Sums --===//

/// Brings step number `step` if there is one, and does something else meanwhile.
void MmaEmitter::bringNext(Value step, Value stage, function_ref<void()> meanwhile) {
  Value isThere = em.less(step, steps);
  SmallVector<Value> emptyLeft = leftTiles.emptyHeld(), emptyRight = rightTiles.emptyHeld();
  SmallVector<Value> empty = llvm::to_vector(llvm::concat<Value>(emptyLeft, emptyRight));
  auto branch = em.create<scf::IfOp>(ValueRange(empty).getTypes(), isThere,
                                     /*withElseRegion=*/!empty.empty());
  auto inBranch = [&](Block *block, function_ref<SmallVector<Value>()> body) {
    OpBuilder::InsertionGuard guard(em);
    em.setInsertionPointToStart(block);
    SmallVector<Value> held = body();
    if (!empty.empty())
      em.create<scf::YieldOp>(held);
  };
  inBranch(branch.thenBlock(), [&] {
    Value first = em.mul(step, schedule.getDepth());
    leftTiles.fetch(first, stage);
    rightTiles.fetch(em.mul(step, getRightDepth(schedule)), stage);
    if (places)
      places->fetch(first, stage);
    SmallVector<Value> held = leftTiles.takeHeld();
    llvm::append_range(held, rightTiles.takeHeld());
    return held;
  });
  if (!empty.empty())
    inBranch(branch.elseBlock(), [&] { return empty; });
  em.create<CommitOp>();
  meanwhile();
  if (empty.empty())
    return;
  em.ifThen(isThere, [&] {
    leftTiles.setHeld(branch.getResults().take_front(emptyLeft.size()));
    rightTiles.setHeld(branch.getResults().take_back(emptyRight.size()));
    leftTiles.deposit(stage);
    rightTiles.deposit(stage);
  });
}

/// The first steps, which fill all stages but one.
void MmaEmitter::prepare() {
  for (int64_t stage = 0; stage + 1 < schedule.getStages(); ++stage)
    bringNext(em.i64(stage), em.i64(stage), [] {});
}

MmaEmitter::Words MmaEmitter::load(Role role, Value tiles, Value stage, Value line, Value column) {
  auto type = VectorType::get({4}, em.getI32Type());
  Value words = em.create<OperandOp>(type, role, tiles, stage, line, column);
  return isSplit ? split(words) : Words{words};
}

MmaEmitter::Words MmaEmitter::split(Value words) {
  Type i32 = em.getI32Type(), f32 = em.getF32Type();
  auto round = [&](Value number) -> Value {
    return em.create<NVVM::ConvertFloatToTF32Op>(i32, number, NVVM::FPRoundingMode::RNA);
  };
  SmallVector<Value> big, small;
  for (int64_t i = 0; i < 4; ++i) {
    Value number = em.create<arith::BitcastOp>(f32, em.create<vector::ExtractOp>(words, i));
    big.push_back(round(number));
    Value rounded = em.create<arith::BitcastOp>(f32, big.back());
    small.push_back(round(em.create<arith::SubFOp>(number, rounded)));
  }
  auto join = [&](ValueRange parts) -> Value {
    return em.create<vector::FromElementsOp>(words.getType(), parts);
  };
  return {join(big), join(small)};
}

MmaEmitter::Words MmaEmitter::loadLeft(Value stage, Value k, int64_t part) {
  return load(Role::Rows, leftSource, stage, em.add(warpRow, part * kSide), k);
}

MmaEmitter::Words MmaEmitter::loadRight(Value stage, Value k, int64_t part) {
  Value column = em.add(warpColumn, part * kSide);
  return rightTiles.isByLines() ? load(Role::Lines, rightSource, stage, k, column)
                                : load(Role::Columns, rightSource, stage, column, k);
}

Value MmaEmitter::addProducts(const Words &left, const Words &right, Value sum) {
  auto add = [&](Value a, Value b) {
    sum = em.create<MmaOp>(sum.getType(), getNumber(leftNumber), a, getNumber(rightNumber), b, sum);
  };
  if (isSplit) {
    add(left[1], right[0]);
    add(left[0], right[1]);
  }
  add(left[0], right[0]);
  return sum;
}

SmallVector<Value> MmaEmitter::multiply(Value stage, ValueRange sums) {
  SmallVector<Value> next = llvm::to_vector(sums);
  int64_t partDepth = kDepthBytes * 8 / leftNumber.getIntOrFloatBitWidth();
  int64_t parts = schedule.getDepth() / partDepth / schedule.getSlices();
  Value first = em.mul(slice, parts * partDepth), zero;
  if (hasShortSums(leftNumber))
    zero = em.create<arith::ConstantOp>(em.getZeroAttr(sums.front().getType()));
  for (int64_t part = 0; part < parts; ++part) {
    Value k = em.add(first, part * partDepth);
    SmallVector<Words> lefts, rights;
    for (int64_t i = 0; i < rowParts; ++i)
      lefts.push_back(loadLeft(stage, k, i));
    for (int64_t j = 0; j < columnParts; ++j)
      rights.push_back(loadRight(stage, k, j));
    for (int64_t i = 0; i < rowParts; ++i)
      for (int64_t j = 0; j < columnParts; ++j) {
        Value &sum = next[i * columnParts + j];
        Value product = addProducts(lefts[i], rights[j], zero ? zero : sum);
        sum = zero ? Value(em.create<arith::AddFOp>(sum, product)) : product;
      }
  }
  return next;
}

/// The same of weights without half of their numbers. What the instruction takes at a time is twice
/// as deep.
SmallVector<Value> MmaEmitter::multiplySparse(Value stage, ValueRange sums) {
  SmallVector<Value> next = llvm::to_vector(sums);
  int64_t half = kDepthBytes / getElementBytes(leftNumber), partDepth = 2 * half;
  int64_t parts = schedule.getDepth() / partDepth / schedule.getSlices();
  int64_t perWord = kPlacesDepth / partDepth;
  Value first = em.mul(slice, parts * partDepth), inFirst = em.mul(slice, parts * half);
  SmallVector<Value> words(columnParts);
  for (int64_t part = 0; part < parts; ++part) {
    Value k = em.add(first, part * partDepth), inColumn = em.add(inFirst, part * half);
    SmallVector<std::pair<Value, Value>> rows;
    for (int64_t i = 0; i < rowParts; ++i) {
      Value row = em.add(warpRow, i * kSide);
      rows.push_back({load(Role::Columns, leftSource, stage, row, k).front(),
                      load(Role::Columns, leftSource, stage, row, em.add(k, half)).front()});
    }
    for (int64_t j = 0; j < columnParts; ++j) {
      Value column = em.add(warpColumn, j * kSide);
      if (part % perWord == 0)
        words[j] = places->load(stage, column, k);
      Value values = load(Role::Rows, rightSource, stage, column, inColumn).front();
      for (int64_t i = 0; i < rowParts; ++i) {
        Value &sum = next[i * columnParts + j];
        sum = em.create<MmaSparseOp>(sum.getType(), getNumber(rightNumber), values, words[j],
                                     part % perWord, getNumber(leftNumber), rows[i].first,
                                     rows[i].second, sum);
      }
    }
  }
  return next;
}

SmallVector<Value> MmaEmitter::sumTile(Value outer, Value row, Value column) {
  leftTiles.begin(outer, row);
  rightTiles.begin(outer, column);
  if (places)
    places->begin(isa<ConvOp>(root) ? outer : em.i64(0), column);
  prepare();
  auto part = VectorType::get({8}, sumType);
  Value zero = em.create<arith::ConstantOp>(em.getZeroAttr(part));
  // The sums, the stage that is read, and the one that is written.
  int64_t ahead = schedule.getStages() - 1;
  SmallVector<Value> init(rowParts * columnParts, zero);
  init.append({em.i64(0), em.i64(ahead)});
  SmallVector<Value> last =
      em.loop(em.i64(0), steps, em.i64(1), init, [&](Value step, ValueRange carried) {
        Value reading = carried[carried.size() - 2], writing = carried.back();
        em.create<WaitOp>(ahead - 1);
        e.barrier();
        SmallVector<Value> next;
        bringNext(em.add(step, ahead), writing, [&] {
          ValueRange own = carried.drop_back(2);
          next = places ? multiplySparse(reading, own) : multiply(reading, own);
        });
        next.append({nextStage(reading), nextStage(writing)});
        return next;
      });
  last.truncate(rowParts * columnParts);
  return last;
}

//===-- Results --===//

void MmaEmitter::storeSums(ValueRange sums) {
  for (auto [number, part] : llvm::enumerate(sums)) {
    int64_t i = number / columnParts, j = number % columnParts;
    em.create<StoreSumsOp>(part, sumTiles, slice, em.add(warpRow, i * kSide),
                           em.add(warpColumn, j * kSide), places.has_value());
  }
}

Value MmaEmitter::addSlices(Value row, Value column, int64_t lanes) {
  auto vector = VectorType::get({lanes}, sumType);
  Value sum;
  for (int64_t i = 0; i < schedule.getSlices(); ++i) {
    Value part = em.create<LoadOp>(vector, sumTiles, em.i64(i), row, column);
    if (!sum)
      sum = part;
    else if (isa<FloatType>(sumType))
      sum = em.create<arith::AddFOp>(sum, part);
    else
      sum = em.create<arith::AddIOp>(sum, part);
  }
  return lanes > 1 ? sum : Value(em.create<vector::ExtractOp>(sum, 0));
}

/// Sums of numbers in two parts; those that are not finite as multiply-adds give them.
Value MmaEmitter::repeatUnlessFinite(Value sums, int64_t lanes, Value outer, Value row,
                                     Value column) {
  Value size = em.create<math::AbsFOp>(sums);
  TypedAttr infinity = em.getF32FloatAttr(HUGE_VALF);
  if (auto type = dyn_cast<VectorType>(sums.getType()))
    infinity = DenseElementsAttr::get(type, Attribute(infinity));
  Value isFinite = em.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, size,
                                            em.create<arith::ConstantOp>(infinity));
  Value areFinite = isFinite;
  if (lanes > 1)
    areFinite = em.create<vector::ReductionOp>(vector::CombiningKind::AND, isFinite);
  auto repeat = [&]() -> Value {
    Value repeated = multiplyAdd(outer, row, column, lanes);
    return em.create<arith::SelectOp>(isFinite, sums, repeated);
  };
  Value isTrue = em.create<arith::ConstantOp>(em.getBoolAttr(true));
  return e.guarded(em.create<arith::XOrIOp>(areFinite, isTrue), repeat, sums);
}

void MmaEmitter::finishTile(Value outer, Value row, Value column) {
  // Neighbours are stored together where all or none of them are columns.
  int64_t lanes = 4;
  while (!isMultiple(sizes.columns, lanes) && lanes > 1)
    lanes /= 2;
  Value perRow = em.i64(schedule.getTileColumns() / lanes);
  Value count = em.mul(perRow, schedule.getTileRows());
  em.loop(e.thread, count, em.i64(e.blockThreads), [&](Value number) {
    Value inRow = em.div(number, perRow), inColumn = em.mul(em.rem(number, perRow), lanes);
    Value own = em.add(row, inRow), at = em.add(column, inColumn);
    Value isInside = em.create<arith::AndIOp>(em.less(own, rows), em.less(at, columns));
    em.ifThen(isInside, [&] {
      Value sums = addSlices(inRow, inColumn, lanes);
      if (isSplit)
        sums = repeatUnlessFinite(sums, lanes, outer, own, at);
      finish(sums, lanes, outer, own, at);
    });
  });
}

void MmaEmitter::emit() {
  forTiles(schedule.getTileRows(), schedule.getTileColumns(), schedule.getBand(),
           [&](Value outer, Value row, Value column) {
             SmallVector<Value> sums = sumTile(outer, row, column);
             e.barrier();
             storeSums(sums);
             e.barrier();
             finishTile(outer, row, column);
             e.barrier();
           });
}

bool wantsColumns(Operation *root, ScheduleAttrInterface schedule) {
  auto matmul = dyn_cast<MatMulOp>(root);
  if (!matmul)
    return true;
  constexpr int64_t chunkBits = 8 * BufferType::chunkBytes;
  int64_t bits = getMultipliedTypes(root).second.getIntOrFloatBitWidth();
  ContractionSizes sizes = getContractionSizes(root);
  auto fillsChunks = [&](AffineExpr size) {
    return getConstantOr(size, 1) % (chunkBits / bits) == 0;
  };
  if (matmul.getTransposeRhs())
    return !fillsChunks(sizes.depth.back());
  return isa<PipelineScheduleAttr>(schedule) || bits != 16 || !fillsChunks(sizes.columns);
}

int64_t mmaSharedBytes(TileScheduleAttr schedule, Type input) {
  int64_t numbers = schedule.getTileRows() * schedule.getDepth() +
                    schedule.getTileColumns() * getRightDepth(schedule);
  int64_t tiles = schedule.getStages() * numbers * getElementBytes(input);
  if (schedule.getMma().isSparse())
    tiles += SparsePlaces::countBytes(schedule.getTileColumns(), schedule.getDepth(),
                                      schedule.getStages());
  auto sums = BufferType::get(input.getContext(), schedule.getSlices(), schedule.getTileRows(),
                              schedule.getTileColumns(), Float32Type::get(input.getContext()),
                              Layout::Padded);
  return std::max(tiles, sums.getBytes());
}

void emitMmaKernel(KernelEmitter &emitter, Operation *root, TileScheduleAttr schedule) {
  MmaEmitter(emitter, root, schedule).emit();
}

} // namespace tenon::cuda
