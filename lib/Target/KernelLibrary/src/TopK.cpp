// TopK: the k largest or smallest elements along an axis, best first; of equal ones the earlier.
//   inputs   x
//   outputs  values, int64 positions: the shape of x with k along the axis
//   ints     axis, whether the largest are wanted
//   scratch  k entries
//
// A heap holds the best k so far with the worst of them on top, so that nearly every element of a
// long row costs one comparison. Rows are divided among tasks.
#include "lib/Target/KernelLibrary/LibTensor.h"
#include "lib/Target/KernelLibrary/src/Order.h"
#include <algorithm>

namespace {

template <typename T> struct Entry {
  T value;
  int64_t position;
};

template <typename T, bool largest> struct Before {
  bool operator()(const Entry<T> &a, const Entry<T> &b) const {
    if (largest ? isLarger(a.value, b.value) : isLarger(b.value, a.value))
      return true;
    if (largest ? isLarger(b.value, a.value) : isLarger(a.value, b.value))
      return false;
    return a.position < b.position;
  }
};

template <typename T, bool largest>
void selectRow(const T *x, int64_t size, int64_t stride, int64_t k, Entry<T> *heap, T *values,
               int64_t *positions) {
  Before<T, largest> before;
  for (int64_t i = 0; i < k; ++i)
    heap[i] = {x[i * stride], i};
  std::make_heap(heap, heap + k, before);
  for (int64_t i = k; i < size && k > 0; ++i) {
    Entry<T> entry = {x[i * stride], i};
    if (!before(entry, heap[0]))
      continue;
    std::pop_heap(heap, heap + k, before);
    heap[k - 1] = entry;
    std::push_heap(heap, heap + k, before);
  }
  std::sort_heap(heap, heap + k, before);
  for (int64_t i = 0; i < k; ++i) {
    values[i * stride] = heap[i].value;
    positions[i * stride] = heap[i].position;
  }
}

template <typename T> int32_t topK(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0];
  int64_t axis = ints[0], size = x.dims[axis], k = outputs[0].dims[axis];
  if (k > size)
    return TENON_EXEC_BAD_VALUE;
  int64_t stride = x.size(axis + 1, x.rank);
  Share share(x.size(0, axis) * stride, task, tasks);
  auto *heap = static_cast<Entry<T> *>(scratch);
  for (int64_t row = share.begin; row < share.end; ++row) {
    int64_t outer = row / stride, inner = row % stride, to = outer * k * stride + inner;
    const T *from = x.as<T>() + outer * size * stride + inner;
    T *values = outputs[0].as<T>() + to;
    int64_t *positions = outputs[1].as<int64_t>() + to;
    if (ints[1])
      selectRow<T, true>(from, size, stride, k, heap, values, positions);
    else
      selectRow<T, false>(from, size, stride, k, heap, values, positions);
  }
  return 0;
}

} // namespace

TENON_KERNEL(tenon_topk_f32, topK<float>)
TENON_KERNEL(tenon_topk_f64, topK<double>)
TENON_KERNEL(tenon_topk_i32, topK<int32_t>)
TENON_KERNEL(tenon_topk_i64, topK<int64_t>)
TENON_KERNEL(tenon_topk_u64, topK<uint64_t>)
