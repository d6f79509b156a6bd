// Parts of matrices in shared memory (see the header).

#include "passes/Codegen/Cuda/SharedLines.h"
#include "passes/Schedule/Cuda/Sizes.h"

using namespace mlir;

namespace tenon::cuda {

Value areBelow(Emitter &em, ArrayRef<std::pair<Value, Value>> numbersAndEnds) {
  Value result;
  for (auto [number, end] : numbersAndEnds)
    if (end) {
      Value isBelow = em.less(number, end);
      result = result ? Value(em.create<arith::AndIOp>(result, isBelow)) : isBelow;
    }
  return result;
}

/// Elements from one line to the next.
static int64_t pitch(Type element, int64_t positions) {
  return getLinePitch(positions, element.getIntOrFloatBitWidth() / 8);
}

int64_t SharedLines::getBytes(Type element, int64_t positions, int64_t depth) {
  return depth * pitch(element, positions) * (element.getIntOrFloatBitWidth() / 8);
}

SharedLines::SharedLines(KernelEmitter &e, Type element, int64_t positions, int64_t depth)
    : SharedLines(e, element, positions, depth,
                  e.sharedArray(e.em.getI8Type(), getBytes(element, positions, depth))) {}

SharedLines::SharedLines(KernelEmitter &e, Type element, int64_t positions, int64_t depth,
                         Value memory)
    : e(e), em(e.em), memory(memory), element(element), positions(positions), depth(depth) {}

Value SharedLines::pointer(Value line, Value position) {
  Value slot = em.add(em.mul(line, pitch(element, positions)), position);
  return em.offsetPointer(memory, element, slot);
}

/// An element as what the lines hold; zero outside.
Value SharedLines::load(const LineSource &source, Value position, Value depth) {
  auto inside = [&]() -> Value {
    Value loaded = e.element(source.tensor, source.index(position, depth));
    bool isUnsigned = getElementTypeOrSelf(source.tensor).isUnsignedInteger();
    return loaded.getType() == element ? loaded : em.convert(loaded, element, isUnsigned);
  };
  Value isInside = areBelow(em, {{position, source.positions}, {depth, source.depth}});
  if (!isInside)
    return inside();
  return e.guarded(isInside, inside, em.create<arith::ConstantOp>(em.getZeroAttr(element)));
}

void SharedLines::store(const LineSource &source, Value number, Value first, Value firstDepth) {
  Value fast = em.i64(source.isDeep ? depth : positions);
  Value inner = em.rem(number, fast), outer = em.div(number, fast);
  Value line = source.isDeep ? inner : outer, position = source.isDeep ? outer : inner;
  Value value = load(source, em.add(first, position), em.add(firstDepth, line));
  em.store(value, pointer(line, position));
}

void SharedLines::bring(const LineSource &source, Value first, Value firstDepth) {
  // So many loads are under way together; more would take registers that products need.
  constexpr int64_t together = 4;
  int64_t count = positions * depth, trip = together * e.blockThreads;
  int64_t whole = count / trip * trip;
  auto storeAt = [&](Value done) { store(source, em.add(e.thread, done), first, firstDepth); };
  em.loop(em.i64(0), em.i64(whole), em.i64(trip), [&](Value done) {
    e.withLanes(1, nullptr, [&] {
      for (int64_t i = 0; i < together; ++i)
        storeAt(em.add(done, i * e.blockThreads));
    });
  });
  for (int64_t done = whole; done < count; done += e.blockThreads) {
    if (done + e.blockThreads <= count)
      storeAt(em.i64(done));
    else
      em.ifThen(em.less(e.thread, em.i64(count - done)),
                [&] { e.withLanes(1, nullptr, [&] { storeAt(em.i64(done)); }); });
  }
}

/// A part begins at a multiple of its own length.
unsigned SharedLines::alignment(int64_t count) const {
  uint64_t bytes = count * (element.getIntOrFloatBitWidth() / 8);
  return std::min<uint64_t>(bytes & -bytes, 16);
}

Value SharedLines::read(Value line, Value part, int64_t count) {
  auto type = VectorType::get({count}, element);
  return em.create<LLVM::LoadOp>(type, pointer(line, em.mul(part, count)), alignment(count));
}

void SharedLines::write(Value line, Value part, Value vector) {
  int64_t count = cast<VectorType>(vector.getType()).getNumElements();
  em.create<LLVM::StoreOp>(vector, pointer(line, em.mul(part, count)), alignment(count));
}

SmallVector<Value> multiplyLines(KernelEmitter &e, LinePart rows, LinePart columns, Value depth,
                                 ValueRange sums) {
  Emitter &em = e.em;
  return em.loop(em.i64(0), depth, em.i64(1), sums, [&](Value line, ValueRange sums) {
    Value left = rows.lines.read(line, rows.number, rows.count);
    Value right = columns.lines.read(line, columns.number, columns.count);
    SmallVector<Value> next;
    for (auto [row, sum] : llvm::enumerate(sums)) {
      Value number = em.create<vector::ExtractOp>(left, static_cast<int64_t>(row));
      next.push_back(
          em.multiplyAdd(em.create<vector::BroadcastOp>(right.getType(), number), right, sum));
    }
    return next;
  });
}

} // namespace tenon::cuda
