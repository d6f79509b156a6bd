// ScatterElements and ScatterND: a copy of a tensor with elements replaced by, or combined with,
// updates. Updates apply in order, so of several to one place the last one counts.
//   inputs   data, int64 indices, updates
//   outputs  the result, which may lie where the data do
//   ints     how to combine (none, add, mul, min, max), and for elements the axis
#include "lib/Target/KernelLibrary/LibTensor.h"
#include <cstring>

namespace {

enum Combination { None, Add, Mul, Min, Max };

template <int how, typename T> T combine(T old, T update) {
  if constexpr (how == Add)
    return old + update;
  if constexpr (how == Mul)
    return old * update;
  if constexpr (how == Min)
    return update < old ? update : old;
  if constexpr (how == Max)
    return update > old ? update : old;
  return update;
}

void copyData(const LibTensor &from, const LibTensor &to, int64_t elementSize) {
  if (from.data != to.data)
    std::memcpy(to.data, from.data, from.size() * elementSize);
}

template <int how, typename T> int32_t scatterElements(TENON_KERNEL_PARAMETERS) {
  const LibTensor &indices = inputs[1];
  const int64_t *index = indices.as<int64_t>();
  const T *updates = inputs[2].as<T>();
  T *result = outputs[0].as<T>();
  int64_t axis = ints[1], count = indices.size();
  copyData(inputs[0], outputs[0], sizeof(T));
  constexpr int64_t maxRank = 16;
  int64_t strides[maxRank], position[maxRank] = {};
  if (indices.rank > maxRank)
    return TENON_EXEC_BAD_SHAPE;
  for (int64_t i = indices.rank - 1, stride = 1; i >= 0; --i) {
    if (i != axis && indices.dims[i] > inputs[0].dims[i])
      return TENON_EXEC_BAD_SHAPE;
    strides[i] = stride;
    stride *= inputs[0].dims[i];
  }
  int64_t size = inputs[0].dims[axis];
  for (int64_t i = 0; i < count; ++i) {
    int64_t chosen = index[i] < 0 ? index[i] + size : index[i];
    if (chosen < 0 || chosen >= size)
      return TENON_EXEC_BAD_VALUE;
    int64_t offset = chosen * strides[axis];
    for (int64_t d = 0; d < indices.rank; ++d)
      offset += d == axis ? 0 : position[d] * strides[d];
    result[offset] = combine<how>(result[offset], updates[i]);
    for (int64_t d = indices.rank - 1; d >= 0 && ++position[d] == indices.dims[d]; --d)
      position[d] = 0;
  }
  return 0;
}

template <int how, typename T> int32_t scatterNd(TENON_KERNEL_PARAMETERS) {
  const LibTensor &to = outputs[0], &indices = inputs[1];
  int64_t depth = indices.dims[indices.rank - 1];
  int64_t tuples = indices.size(0, indices.rank - 1), slice = to.size(depth, to.rank);
  const T *updates = inputs[2].as<T>();
  copyData(inputs[0], to, sizeof(T));
  for (int64_t i = 0; i < tuples; ++i) {
    int64_t offset = 0;
    for (int64_t d = 0; d < depth; ++d) {
      int64_t chosen = indices.as<int64_t>()[i * depth + d];
      chosen = chosen < 0 ? chosen + to.dims[d] : chosen;
      if (chosen < 0 || chosen >= to.dims[d])
        return TENON_EXEC_BAD_VALUE;
      offset = offset * to.dims[d] + chosen;
    }
    T *place = to.as<T>() + offset * slice;
    for (int64_t j = 0; j < slice; ++j)
      place[j] = combine<how>(place[j], updates[i * slice + j]);
  }
  return 0;
}

// The combination is the same for all updates: choose it outside of the loops.
#define TENON_SCATTER(scatter)                                                                     \
  template <typename T> int32_t scatter##All(TENON_KERNEL_PARAMETERS) {                            \
    switch (ints[0]) {                                                                             \
    case Add:                                                                                      \
      return scatter<Add, T>(inputs, outputs, ints, floats, scratch, task, tasks);                 \
    case Mul:                                                                                      \
      return scatter<Mul, T>(inputs, outputs, ints, floats, scratch, task, tasks);                 \
    case Min:                                                                                      \
      return scatter<Min, T>(inputs, outputs, ints, floats, scratch, task, tasks);                 \
    case Max:                                                                                      \
      return scatter<Max, T>(inputs, outputs, ints, floats, scratch, task, tasks);                 \
    }                                                                                              \
    return scatter<None, T>(inputs, outputs, ints, floats, scratch, task, tasks);                  \
  }

TENON_SCATTER(scatterElements)
TENON_SCATTER(scatterNd)

} // namespace

#define TENON_SCATTER_KERNELS(suffix, T)                                                           \
  TENON_KERNEL(tenon_scatter_elements_##suffix, scatterElementsAll<T>)                             \
  TENON_KERNEL(tenon_scatter_nd_##suffix, scatterNdAll<T>)

TENON_SCATTER_KERNELS(f32, float)
TENON_SCATTER_KERNELS(f64, double)
TENON_SCATTER_KERNELS(i8, int8_t)
TENON_SCATTER_KERNELS(i16, int16_t)
TENON_SCATTER_KERNELS(i32, int32_t)
TENON_SCATTER_KERNELS(i64, int64_t)
TENON_SCATTER_KERNELS(u8, uint8_t)
TENON_SCATTER_KERNELS(u16, uint16_t)
TENON_SCATTER_KERNELS(u32, uint32_t)
TENON_SCATTER_KERNELS(u64, uint64_t)
