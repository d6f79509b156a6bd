// Det and Inverse of square matrices [..., M, M], by elimination with partial pivoting in double.
//   inputs   x
//   outputs  the determinants [...], or the inverses [..., M, M]
//   scratch  a double per element of a matrix; for Inverse two
#include "lib/Target/KernelLibrary/LibTensor.h"
#include <algorithm>
#include <cmath>

namespace {

/// The row from `first` on whose element in this column is largest.
int64_t findPivot(const double *a, int64_t size, int64_t stride, int64_t first) {
  int64_t best = first;
  for (int64_t row = first + 1; row < size; ++row)
    if (std::fabs(a[row * stride + first]) > std::fabs(a[best * stride + first]))
      best = row;
  return best;
}

double determinant(double *a, int64_t n) {
  double result = 1;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = findPivot(a, n, n, k);
    if (a[pivot * n + k] == 0)
      return 0;
    if (pivot != k) {
      std::swap_ranges(a + pivot * n, a + (pivot + 1) * n, a + k * n);
      result = -result;
    }
    result *= a[k * n + k];
    for (int64_t row = k + 1; row < n; ++row) {
      double factor = a[row * n + k] / a[k * n + k];
      for (int64_t column = k; column < n; ++column)
        a[row * n + column] -= factor * a[k * n + column];
    }
  }
  return result;
}

/// Turns [A, 1], rows of 2 n, into [1, A^-1]; infinities where A has no inverse.
void invert(double *a, int64_t n) {
  int64_t stride = 2 * n;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = findPivot(a, n, stride, k);
    if (pivot != k)
      std::swap_ranges(a + pivot * stride, a + (pivot + 1) * stride, a + k * stride);
    double scale = 1 / a[k * stride + k];
    for (int64_t column = k; column < stride; ++column)
      a[k * stride + column] *= scale;
    for (int64_t row = 0; row < n; ++row) {
      double factor = a[row * stride + k];
      if (row == k || factor == 0)
        continue;
      for (int64_t column = k; column < stride; ++column)
        a[row * stride + column] -= factor * a[k * stride + column];
    }
  }
}

template <typename T> int32_t det(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0];
  int64_t n = x.dims[x.rank - 1];
  auto *matrix = static_cast<double *>(scratch);
  Share share(x.size(0, x.rank - 2), task, tasks);
  for (int64_t i = share.begin; i < share.end; ++i) {
    const T *from = x.as<T>() + i * n * n;
    std::copy(from, from + n * n, matrix);
    outputs[0].as<T>()[i] = static_cast<T>(determinant(matrix, n));
  }
  return 0;
}

template <typename T> int32_t inverse(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0];
  int64_t n = x.dims[x.rank - 1];
  auto *matrix = static_cast<double *>(scratch);
  Share share(x.size(0, x.rank - 2), task, tasks);
  for (int64_t i = share.begin; i < share.end; ++i) {
    const T *from = x.as<T>() + i * n * n;
    T *to = outputs[0].as<T>() + i * n * n;
    for (int64_t row = 0; row < n; ++row)
      for (int64_t column = 0; column < n; ++column) {
        matrix[row * 2 * n + column] = from[row * n + column];
        matrix[row * 2 * n + n + column] = row == column;
      }
    invert(matrix, n);
    for (int64_t row = 0; row < n; ++row)
      for (int64_t column = 0; column < n; ++column)
        to[row * n + column] = static_cast<T>(matrix[row * 2 * n + n + column]);
  }
  return 0;
}

} // namespace

TENON_KERNEL(tenon_det_f32, det<float>)
TENON_KERNEL(tenon_det_f64, det<double>)
TENON_KERNEL(tenon_inverse_f32, inverse<float>)
TENON_KERNEL(tenon_inverse_f64, inverse<double>)
