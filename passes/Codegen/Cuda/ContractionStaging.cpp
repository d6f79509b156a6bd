// How an operand gets into tiles (see the header).
//
// The chunks that a thread copies are in one column of the tile and some lines apart. Where they
// are in memory is the sum of two parts, as indices are sums of strides: one by position, which
// stays for a tile, and one by depth.

#include "passes/Codegen/Cuda/ContractionStaging.h"
#include "dialects/Tenon/NarrowFloat.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

/// What multiplied numbers are in shared memory.
static Type getStored(Type number) {
  bool isByte = number.getIntOrFloatBitWidth() == 8;
  return isByte ? Type(IntegerType::get(number.getContext(), 8)) : number;
}

ContractionStaging::ContractionStaging(KernelEmitter &e, const ContractionOperand &operand,
                                       AffineExpr depthCount, Type number, int64_t tile,
                                       int64_t depth, int64_t stages, int64_t offset)
    : e(e), em(e.em), operand(operand), depthCount(depthCount), number(number), depth(depth),
      byLines(!operand.isDeep && (number.getIntOrFloatBitWidth() == 16 || operand.keepsLines)),
      size(e.value(operand.size)), depthValue(e.value(depthCount)) {
  int64_t knownSize = getConstantOr(operand.size, 0), knownDepth = getConstantOr(depthCount, 0);
  isWhole = knownSize > 0 && knownSize % tile == 0 && knownDepth > 0 && knownDepth % depth == 0;
  int64_t lines = byLines ? depth : tile, columns = byLines ? tile : depth;
  auto type =
      BufferType::get(em.getContext(), stages, lines, columns, getStored(number), Layout::Swizzled);
  tiles = em.create<BufferOp>(type, offset);
  memory = findCopyable();
  int64_t perLine = columns / type.getChunk(), total = lines * perLine;
  // Deep chunks of an operand that is not: neighbouring threads take neighbours in memory.
  bool isAcross = !operand.isDeep && !byLines;
  int64_t inLine = isAcross ? lines : perLine;
  if (!isAcross && e.blockThreads % perLine == 0 && total % e.blockThreads == 0)
    linesApart = e.blockThreads / perLine;
  for (int64_t done = 0; done < total; done += e.blockThreads) {
    // A thread's chunks are a known number of lines apart where they are below one another.
    bool areBelow = done % inLine == 0;
    Value own = em.add(e.thread, done), within = areBelow ? e.thread : own;
    Value quotient = em.div(within, em.i64(inLine)), rest = em.rem(within, em.i64(inLine));
    if (areBelow)
      quotient = em.add(quotient, done / inLine);
    Chunk chunk;
    chunk.line = isAcross ? rest : quotient;
    // Blocks have a multiple of the chunks of a line: all of a thread's are in one column.
    chunk.column = isAcross         ? em.mul(quotient, type.getChunk())
                   : chunks.empty() ? em.mul(rest, type.getChunk())
                                    : chunks.front().column;
    if (done + e.blockThreads > total)
      chunk.isOwn = em.less(own, em.i64(total));
    chunks.push_back(chunk);
  }
}

/// The operand's memory, if all chunks are there as they are multiplied.
std::optional<Buffer> ContractionStaging::findCopyable() {
  Value source = operand.tensor;
  while (auto slice = source.getDefiningOp<SliceOp>()) {
    if (!slice.isView())
      return std::nullopt;
    source = slice.getOperand();
  }
  if (!isa<BlockArgument>(source) || getElementTypeOrSelf(source) != number || !hasWholeChunks() ||
      (!operand.isDeep && !byLines))
    return std::nullopt;
  Buffer buffer = e.buffer(operand.tensor);
  int64_t chunk = type().getChunk();
  auto isAligned = [&](AffineExpr stride) { return stride.getLargestKnownDivisor() % chunk == 0; };
  if (buffer.alignment % chunk != 0 ||
      !llvm::all_of(ArrayRef(buffer.strides).drop_back(), isAligned))
    return std::nullopt;
  return buffer;
}

/// Whether neighbours in memory are whole chunks, all of which are elements or none.
bool ContractionStaging::hasWholeChunks() const {
  int64_t known = getConstantOr(byLines ? operand.size : operand.lastDepth, 0);
  return (operand.isDeep || byLines) && known > 0 && known % type().getChunk() == 0;
}

void ContractionStaging::ifOwn(const Chunk &chunk, function_ref<void()> body) {
  if (chunk.isOwn)
    em.ifThen(chunk.isOwn, body);
  else
    body();
}

//===-- Copies --===//

void ContractionStaging::begin(Value newOuter, Value newFirst) {
  outer = newOuter;
  first = newFirst;
  pointers.clear();
  if (!memory)
    return;
  auto pointTo = [&](Value position) {
    Value offset = e.offset(*memory, operand.index(outer, e.uniform(position), e.index(0))).base;
    pointers.push_back(
        em.offsetPointer(memory->pointer, getStorageType(memory->elementType), offset));
  };
  if (byLines)
    return pointTo(em.add(first, chunks.front().column));
  for (const Chunk &chunk : chunks)
    pointTo(em.add(first, chunk.line));
}

/// Whether an element of a chunk is one of the operand.
Value ContractionStaging::isInside(const Chunk &chunk, Value start, int64_t lane) {
  if (isWhole)
    return em.create<arith::ConstantOp>(em.getBoolAttr(true));
  Value own = em.add(chunk.column, lane);
  Value position = em.add(first, byLines ? own : chunk.line);
  Value inDepth = em.add(start, byLines ? chunk.line : own);
  return em.createOrFold<arith::AndIOp>(em.less(position, size), em.less(inDepth, depthValue));
}

void ContractionStaging::copyChunks(Value start, Value stage) {
  auto offsetAt = [&](Value inDepth) {
    return e.offset(*memory, operand.index(em.i64(0), e.index(0), e.uniform(inDepth))).base;
  };
  Value ofThread = byLines ? Value() : offsetAt(em.add(start, chunks.front().column));
  for (auto [i, chunk] : llvm::enumerate(chunks))
    ifOwn(chunk, [&, i = i, &chunk = chunk] {
      Value offset = byLines ? offsetAt(em.add(start, chunk.line)) : ofThread;
      Value source =
          em.offsetPointer(pointers[byLines ? 0 : i], getStorageType(memory->elementType), offset);
      em.create<CopyOp>(source, isInside(chunk, start, 0), tiles, stage, chunk.line, chunk.column);
    });
}

//===-- Through registers --===//

Value ContractionStaging::toNumber(Value element) {
  if (isFloat8(number))
    return e.encodeFloats(element, cast<FloatType>(number));
  return em.convert(element, getStored(number));
}

/// `lanes` elements of a chunk, from `lane` on; zeros outside.
Value ContractionStaging::loadElement(const Chunk &chunk, Value start, int64_t lane,
                                      int64_t lanes) {
  LaneIndex along = {em.add(chunk.column, lane), lanes > 1, false, lanes};
  LaneIndex firstOf = byLines ? e.uniform(first, type().getColumns()) : e.uniform(start, depth);
  LaneIndex own = e.add(firstOf, along);
  own.alignment = lanes;
  LaneIndex position = byLines ? own : e.uniform(em.add(first, chunk.line));
  LaneIndex inDepth = byLines ? e.uniform(em.add(start, chunk.line)) : own;
  Value loaded;
  e.withLanes(lanes, nullptr, [&] {
    auto load = [&] {
      return e.broadcast(e.element(operand.tensor, operand.index(outer, position, inDepth)));
    };
    Value zero = e.splat(getElementTypeOrSelf(operand.tensor), 0);
    loaded = toNumber(e.guarded(isInside(chunk, start, lane), load, zero));
  });
  return loaded;
}

Value ContractionStaging::loadChunk(const Chunk &chunk, Value start) {
  int64_t count = type().getChunk();
  if (hasWholeChunks())
    return loadElement(chunk, start, 0, count);
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < count; ++lane)
    elements.push_back(loadElement(chunk, start, lane, 1));
  return em.create<vector::FromElementsOp>(VectorType::get({count}, getStored(number)), elements);
}

void ContractionStaging::fetch(Value start, Value stage) {
  held.clear();
  if (memory)
    return copyChunks(start, stage);
  e.withLanes(1, nullptr, [&] {
    for (const Chunk &chunk : chunks)
      held.push_back(loadChunk(chunk, start));
  });
}

void ContractionStaging::bring(Value start, Value stage) {
  if (memory)
    return copyChunks(start, stage);
  // So many are under way together; more would take registers that products need.
  constexpr size_t together = 4;
  SmallVector<Chunk> all = chunks;
  bool isLoop = linesApart > 0 && all.size() > together && all.size() % together == 0;
  auto bringSome = [&](ArrayRef<Chunk> some) {
    chunks = llvm::to_vector(some);
    fetch(start, stage);
    deposit(stage);
  };
  if (isLoop) {
    em.loop(em.i64(0), em.i64(static_cast<int64_t>(all.size())), em.i64(together), [&](Value i) {
      SmallVector<Chunk> moved(all.begin(), all.begin() + together);
      for (Chunk &chunk : moved)
        chunk.line = em.add(chunk.line, em.mul(i, linesApart));
      bringSome(moved);
    });
  } else {
    for (size_t i = 0; i < all.size(); i += together)
      bringSome(ArrayRef(all).slice(i, std::min(together, all.size() - i)));
  }
  chunks = all;
}

SmallVector<Value> ContractionStaging::takeHeld() { return std::exchange(held, {}); }

SmallVector<Value> ContractionStaging::emptyHeld() {
  if (memory)
    return {};
  auto vector = VectorType::get({type().getChunk()}, getStored(number));
  Value zero = em.create<arith::ConstantOp>(em.getZeroAttr(vector));
  return SmallVector<Value>(chunks.size(), zero);
}

void ContractionStaging::deposit(Value stage) {
  for (auto [chunk, elements] : llvm::zip(chunks, held))
    ifOwn(chunk, [&, &chunk = chunk, elements = elements] {
      em.create<StoreOp>(elements, tiles, stage, chunk.line, chunk.column);
    });
  held.clear();
}

} // namespace tenon::cuda
