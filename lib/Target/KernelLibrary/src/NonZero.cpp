// NonZero: the indices of the elements that are not zero, in row-major order.
//   inputs   x
//   outputs  int64 [rank(x), count]; count is written to dims[1]
#include "lib/Target/KernelLibrary/LibTensor.h"

template <typename T> static int32_t nonZero(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0];
  const T *data = x.as<T>();
  const int64_t size = x.size();
  int64_t count = 0;
  for (int64_t i = 0; i < size; ++i)
    count += data[i] != T(0);

  outputs[0].dims[0] = x.rank;
  outputs[0].dims[1] = count;
  int64_t *result = outputs[0].as<int64_t>();
  int64_t found = 0;
  for (int64_t i = 0; i < size; ++i) {
    if (data[i] == T(0))
      continue;
    int64_t rest = i;
    for (int64_t axis = x.rank - 1; axis >= 0; --axis) {
      result[axis * count + found] = rest % x.dims[axis];
      rest /= x.dims[axis];
    }
    ++found;
  }
  return 0;
}

TENON_KERNEL(tenon_nonzero_f32, nonZero<float>)
TENON_KERNEL(tenon_nonzero_f64, nonZero<double>)
TENON_KERNEL(tenon_nonzero_i32, nonZero<int32_t>)
TENON_KERNEL(tenon_nonzero_i64, nonZero<int64_t>)
TENON_KERNEL(tenon_nonzero_u8, nonZero<uint8_t>)
