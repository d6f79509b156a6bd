// Brings words of places (see the header). A row of the tile has those of sixteen columns by 64 of
// the depth, which are together in memory, too. What is outside of the weights meets zeros, but
// must be words that an instruction takes: those of the last columns and depth.

#include "passes/Codegen/Cuda/SparsePlaces.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

static BufferType getTiles(MLIRContext *context, int64_t tileColumns, int64_t depth,
                           int64_t stages) {
  int64_t rows = tileColumns / SparseColumns::side * (depth / SparseColumns::blockDepth);
  return BufferType::get(context, stages, rows, SparseColumns::words, IntegerType::get(context, 32),
                         Layout::Swizzled);
}

int64_t SparsePlaces::countBytes(int64_t tileColumns, int64_t depth, int64_t stages) {
  return stages * (tileColumns / SparseColumns::side) * (depth / SparseColumns::blockDepth) *
         SparseColumns::placesBytes;
}

SparsePlaces::SparsePlaces(KernelEmitter &e, UnpackOp unpack, int64_t tileColumns, int64_t depth,
                           int64_t stages, int64_t offset)
    : em(e.em),
      form(cast<SparseColumnsAttr>(unpack.getLayout()), cast<RankedTensorType>(unpack.getType())),
      depthBlocks(depth / SparseColumns::blockDepth) {
  BufferType type = getTiles(em.getContext(), tileColumns, depth, stages);
  tiles = em.create<BufferOp>(type, offset);
  weights = e.buffer(unpack.getPacked()).pointer;
  lane = em.rem(e.thread, em.i64(TargetAttr::warpSize));
  int64_t perRow = type.getRowBytes() / BufferType::chunkBytes, total = type.getRows() * perRow;
  for (int64_t done = 0; done < total; done += e.blockThreads) {
    Value own = em.add(e.thread, done);
    Chunk chunk = {em.div(own, em.i64(perRow)),
                   em.mul(em.rem(own, em.i64(perRow)), type.getChunk()), nullptr};
    if (done + e.blockThreads > total)
      chunk.isOwn = em.less(own, em.i64(total));
    chunks.push_back(chunk);
  }
}

void SparsePlaces::begin(Value newGroup, Value column) {
  group = newGroup;
  firstBlock = em.div(column, em.i64(SparseColumns::side));
}

void SparsePlaces::fetch(Value depth, Value stage) {
  Value firstDepth = em.div(depth, em.i64(SparseColumns::blockDepth));
  Value always = em.create<arith::ConstantOp>(em.getBoolAttr(true));
  auto copy = [&](const Chunk &chunk) {
    Value across = em.add(firstBlock, em.div(chunk.row, em.i64(depthBlocks)));
    Value down = em.add(firstDepth, em.rem(chunk.row, em.i64(depthBlocks)));
    across = em.min(across, em.i64(form.outputBlocks() - 1));
    down = em.min(down, em.i64(form.depthBlocks() - 1));
    Value block = em.add(em.mul(across, form.depthBlocks()), down);
    Value bytes = em.add(em.mul(group, form.groupBytes()),
                         em.add(em.mul(block, SparseColumns::placesBytes), form.placesOffset()));
    Value from = em.offsetPointer(weights, em.getI8Type(),
                                  em.add(bytes, em.mul(chunk.word, int64_t(sizeof(uint32_t)))));
    em.create<CopyOp>(from, always, tiles, stage, chunk.row, chunk.word);
  };
  for (const Chunk &chunk : chunks)
    if (chunk.isOwn)
      em.ifThen(chunk.isOwn, [&] { copy(chunk); });
    else
      copy(chunk);
}

Value loadPlaces(Emitter &em, Value tiles, int64_t depthBlocks, Value lane, Value stage,
                 Value column, Value depth) {
  Value across = em.div(column, em.i64(SparseColumns::side)),
        down = em.div(depth, em.i64(SparseColumns::blockDepth));
  Value row = em.add(em.mul(across, depthBlocks), down);
  auto word = VectorType::get({1}, em.getI32Type());
  Value loaded = em.create<LoadOp>(word, tiles, stage, row, lane);
  return em.create<vector::ExtractOp>(loaded, 0);
}

Value SparsePlaces::load(Value stage, Value column, Value depth) {
  return loadPlaces(em, tiles, depthBlocks, lane, stage, column, depth);
}

} // namespace tenon::cuda
