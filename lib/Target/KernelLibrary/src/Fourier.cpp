// DFT: the discrete Fourier transform along an axis.
//   inputs   x [..., n, ..., 1 or 2]: real, or real and imaginary parts
//   outputs  [..., m, ..., 1 or 2]
//   ints     axis, length, whether it is the inverse
//   scratch  four complex doubles per element of a line
//
// A line is cut off or padded with zeros to `length`. With fewer results than that, only the first
// ones are wanted; an inverse transform with one part per result takes the first half of a spectrum
// that is symmetric. Lines are divided among tasks. Every line goes through Cooley and Tukey's
// recursion over the prime factors of its length, in double precision.
#include "lib/Target/KernelLibrary/LibTensor.h"
#include <cmath>

namespace {

struct Complex {
  double re, im;
};

Complex operator*(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }

int64_t smallestFactor(int64_t n) {
  for (int64_t p = 2; p * p <= n; ++p)
    if (n % p == 0)
      return p;
  return n;
}

/// One transform's tables: roots[j] = e^(-+2 pi i j / length), and room for one step's terms.
struct Transform {
  int64_t length;
  const Complex *roots;
  Complex *terms;

  /// to[k] = sum of from[j * stride] e^(-+2 pi i j k / n), where n * stride = length.
  void run(int64_t n, const Complex *from, int64_t stride, Complex *to) const {
    if (n == 1) {
      to[0] = from[0];
      return;
    }
    int64_t p = smallestFactor(n), m = n / p;
    for (int64_t r = 0; r < p; ++r)
      run(m, from + r * stride, stride * p, to + r * m);
    for (int64_t k = 0; k < m; ++k) {
      for (int64_t r = 0; r < p; ++r)
        terms[r] = to[r * m + k] * roots[r * k * stride % length];
      for (int64_t q = 0; q < p; ++q) {
        Complex sum = terms[0];
        for (int64_t r = 1; r < p; ++r)
          sum = sum + terms[r] * roots[q * r % p * (length / p)];
        to[q * m + k] = sum;
      }
    }
  }
};

template <typename T> int32_t dft(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0], &y = outputs[0];
  int64_t axis = ints[0], length = ints[1];
  bool isInverse = ints[2];
  int64_t size = x.dims[axis], wanted = y.dims[axis];
  int64_t parts = x.dims[x.rank - 1], resultParts = y.dims[y.rank - 1];
  int64_t inner = x.size(axis + 1, x.rank - 1);
  if (length < 1 || wanted > length)
    return TENON_EXEC_BAD_SHAPE;
  auto *line = static_cast<Complex *>(scratch), *spectrum = line + length;
  auto *roots = spectrum + length, *terms = roots + length;
  const double pi = 3.14159265358979323846;
  for (int64_t j = 0; j < length; ++j) {
    double angle = (isInverse ? 2 : -2) * pi * static_cast<double>(j) / static_cast<double>(length);
    roots[j] = {std::cos(angle), std::sin(angle)};
  }
  Transform transform = {length, roots, terms};
  double scale = isInverse ? 1.0 / static_cast<double>(length) : 1.0;
  Share share(x.size(0, axis) * inner, task, tasks);
  for (int64_t number = share.begin; number < share.end; ++number) {
    int64_t outer = number / inner, offset = number % inner;
    const T *from = x.as<T>() + (outer * size * inner + offset) * parts;
    T *to = y.as<T>() + (outer * wanted * inner + offset) * resultParts;
    for (int64_t j = 0; j < length; ++j) {
      line[j] = {0, 0};
      if (j < size)
        line[j] = {from[j * inner * parts], parts == 2 ? from[j * inner * parts + 1] : 0};
    }
    if (isInverse && resultParts == 1) // the second half mirrors the first
      for (int64_t j = length / 2 + 1; j < length; ++j)
        line[j] = {line[length - j].re, -line[length - j].im};
    transform.run(length, line, 1, spectrum);
    for (int64_t k = 0; k < wanted; ++k) {
      to[k * inner * resultParts] = static_cast<T>(spectrum[k].re * scale);
      if (resultParts == 2)
        to[k * inner * resultParts + 1] = static_cast<T>(spectrum[k].im * scale);
    }
  }
  return 0;
}

} // namespace

TENON_KERNEL(tenon_dft_f32, dft<float>)
TENON_KERNEL(tenon_dft_f64, dft<double>)
