// Unique: the different slices of a tensor along an axis.
//   inputs   x
//   outputs  the unique slices, then int64: where each first occurs, for every slice of x the
//            number of its unique one, how often each occurs. The number of slices is written to
//            the dims.
//   ints     axis (-1: x is taken as one row of elements), whether to sort the slices
//   scratch  three int64 per slice of x
#include "lib/Target/KernelLibrary/LibTensor.h"
#include "lib/Target/KernelLibrary/src/Order.h"
#include <algorithm>

namespace {

/// The slices of a tensor along an axis: [outer, count, inner].
template <typename T> struct Slices {
  const T *x;
  int64_t outer, count, inner;

  T element(int64_t slice, int64_t number) const {
    return x[(number / inner * count + slice) * inner + number % inner];
  }
  /// Negative, zero or positive as a comes before, equals, or comes after b.
  int compare(int64_t a, int64_t b) const {
    for (int64_t i = 0; i < outer * inner; ++i) {
      T left = element(a, i), right = element(b, i);
      if (isLarger(right, left))
        return -1;
      if (isLarger(left, right))
        return 1;
    }
    return 0;
  }
};

template <typename T> int32_t unique(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0];
  int64_t axis = ints[0];
  Slices<T> slices = {x.as<T>(), 1, x.size(), 1};
  if (axis >= 0)
    slices = {x.as<T>(), x.size(0, axis), x.dims[axis], x.size(axis + 1, x.rank)};
  auto *order = static_cast<int64_t *>(scratch), *first = order + slices.count;
  int64_t *rank = first + slices.count;
  int64_t *positions = outputs[1].as<int64_t>(), *inverse = outputs[2].as<int64_t>();
  int64_t *counts = outputs[3].as<int64_t>();

  for (int64_t i = 0; i < slices.count; ++i)
    order[i] = i;
  std::sort(order, order + slices.count, [&](int64_t a, int64_t b) {
    int comparison = slices.compare(a, b);
    return comparison < 0 || (comparison == 0 && a < b);
  });
  // Groups of equal slices, each led by its first occurrence.
  int64_t found = 0;
  for (int64_t i = 0; i < slices.count; ++i) {
    if (i == 0 || slices.compare(order[i - 1], order[i]) != 0) {
      first[found] = order[i];
      counts[found++] = 0;
    }
    inverse[order[i]] = found - 1;
    ++counts[found - 1];
  }
  for (int64_t i = 0; i < found; ++i)
    order[i] = i;
  if (!ints[1])
    std::sort(order, order + found, [&](int64_t a, int64_t b) { return first[a] < first[b]; });
  for (int64_t i = 0; i < found; ++i) {
    rank[order[i]] = i;
    positions[i] = first[order[i]];
  }
  for (int64_t i = 0; i < slices.count; ++i)
    inverse[i] = rank[inverse[i]];
  for (int64_t i = 0; i < found; ++i)
    order[i] = counts[order[i]]; // order is read here for the last time
  std::copy(order, order + found, counts);

  T *result = outputs[0].as<T>();
  for (int64_t i = 0; i < slices.outer; ++i)
    for (int64_t j = 0; j < found; ++j)
      for (int64_t k = 0; k < slices.inner; ++k)
        *result++ = slices.element(positions[j], i * slices.inner + k);
  outputs[0].dims[axis >= 0 ? axis : 0] = found;
  outputs[1].dims[0] = outputs[3].dims[0] = found;
  return 0;
}

} // namespace

TENON_KERNEL(tenon_unique_f32, unique<float>)
TENON_KERNEL(tenon_unique_f64, unique<double>)
TENON_KERNEL(tenon_unique_i32, unique<int32_t>)
TENON_KERNEL(tenon_unique_i64, unique<int64_t>)
TENON_KERNEL(tenon_unique_u64, unique<uint64_t>)
