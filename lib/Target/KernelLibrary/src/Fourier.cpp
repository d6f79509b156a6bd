// DFT: the discrete Fourier transform along an axis.
//   inputs   x [..., n, ..., 1 or 2]: real, or real and imaginary parts
//   outputs  [..., m, ..., 1 or 2]
//   ints     axis, length, whether it is the inverse, lines at once (1 or 8)
//   scratch  per element of a line: two complex doubles for each line at once, and one root
//
// A line is cut off or padded with zeros to `length`. With fewer results than that, only the first
// ones are wanted; an inverse transform with one part per result takes the first half of a spectrum
// that is symmetric. Lines are divided among tasks.
//
// A transform is Stockham's: for each factor p of the length, one pass from one buffer to the other
// that combines p terms and leaves them in order (Van Loan, Computational Frameworks for the Fast
// Fourier Transform, 1992). With n what is left of the length, m = n / p and s the factors done,
//
//     y[q + s (p k + j)] = w^(jk) sum_r x[q + s (k + m r)] u^(jr),   w = root of n, u = root of p
//
// Several lines are transformed side by side, one in each lane of a vector, in double precision: no
// step moves values between lanes, and a line's result does not depend on its neighbours.
#include "lib/Target/KernelLibrary/LibTensor.h"
#include "lib/Target/KernelLibrary/src/VectorMath.h"
#include <cmath>
#include <utility>

namespace {

typedef double EightLines __attribute__((vector_size(64)));

inline void setLine(EightLines &lanes, int64_t line, double value) { lanes[line] = value; }
inline void setLine(double &lane, int64_t, double value) { lane = value; }
inline double getLine(const EightLines &lanes, int64_t line) { return lanes[line]; }
inline double getLine(const double &lane, int64_t) { return lane; }

/// One element of every line.
template <typename L> struct Complex {
  L re, im;
};
using Root = Complex<double>;

template <typename L> TENON_INLINE void multiply(Complex<L> &x, const Root &w) {
  L re = x.re * w.re - x.im * w.im;
  x.im = x.re * w.im + x.im * w.re;
  x.re = re;
}
template <typename L> TENON_INLINE void addTo(Complex<L> &x, const Complex<L> &y) {
  x.re += y.re;
  x.im += y.im;
}

/// a, b = a + b, a - b
template <typename L> TENON_INLINE void butterfly(Complex<L> &a, Complex<L> &b) {
  L re = a.re - b.re, im = a.im - b.im;
  addTo(a, b);
  b.re = re;
  b.im = im;
}

template <typename L> struct Transform {
  int64_t length;
  bool isInverse;
  const Root *roots; // e^(-+2 pi i j / length)

  /// Runs on `x`, with `y` for the steps between; returns which of the two has the result.
  Complex<L> *run(Complex<L> *x, Complex<L> *y) const {
    for (int64_t n = length, s = 1; n > 1;) {
      int64_t p = factorOf(n);
      n /= p;
      if (p == 4)
        combineFours(n, s, x, y);
      else if (p == 2)
        combineTwos(n, s, x, y);
      else
        combine(p, n, s, x, y);
      s *= p;
      std::swap(x, y);
    }
    return x;
  }

  static int64_t factorOf(int64_t n) {
    if (n % 4 == 0)
      return 4;
    for (int64_t p = 2; p * p <= n; ++p)
      if (n % p == 0)
        return p;
    return n;
  }

  void combineTwos(int64_t m, int64_t s, const Complex<L> *x, Complex<L> *y) const {
    for (int64_t k = 0; k < m; ++k)
      for (int64_t q = 0; q < s; ++q) {
        Complex<L> a = x[q + s * k], b = x[q + s * (k + m)];
        butterfly(a, b);
        multiply(b, roots[k * s]);
        Complex<L> *to = y + q + s * 2 * k;
        to[0] = a;
        to[s] = b;
      }
  }

  void combineFours(int64_t m, int64_t s, const Complex<L> *x, Complex<L> *y) const {
    const double sign = isInverse ? 1 : -1;
    for (int64_t k = 0; k < m; ++k)
      for (int64_t q = 0; q < s; ++q) {
        const Complex<L> *from = x + q + s * k;
        Complex<L> a = from[0], b = from[s * m], c = from[2 * s * m], d = from[3 * s * m];
        butterfly(a, c);
        butterfly(b, d);
        d = {d.im * -sign, d.re * sign}; // times the root of 4
        butterfly(a, b);
        butterfly(c, d);
        multiply(c, roots[k * s]);
        multiply(b, roots[2 * k * s]);
        multiply(d, roots[3 * k * s]);
        Complex<L> *to = y + q + s * 4 * k;
        to[0] = a;
        to[s] = c;
        to[2 * s] = b;
        to[3 * s] = d;
      }
  }

  void combine(int64_t p, int64_t m, int64_t s, const Complex<L> *x, Complex<L> *y) const {
    const int64_t step = length / p;
    for (int64_t k = 0; k < m; ++k)
      for (int64_t j = 0; j < p; ++j)
        for (int64_t q = 0; q < s; ++q) {
          Complex<L> sum = x[q + s * k];
          for (int64_t r = 1; r < p; ++r) {
            Complex<L> term = x[q + s * (k + m * r)];
            multiply(term, roots[j * r % p * step]);
            addTo(sum, term);
          }
          multiply(sum, roots[j * k * s]);
          y[q + s * (p * k + j)] = sum;
        }
  }
};

void computeRoots(int64_t length, bool isInverse, Root *roots) {
  const double turn = (isInverse ? 2 : -2) * 3.14159265358979323846;
  roots[0] = {1, 0};
  for (int64_t j = 1; 2 * j <= length; ++j) {
    double angle = turn * static_cast<double>(j) / static_cast<double>(length);
    roots[j] = {std::cos(angle), std::sin(angle)};
    roots[length - j] = {roots[j].re, -roots[j].im};
  }
}

/// Where the lines of a tensor lie.
struct Lines {
  int64_t size, inner, parts;

  Lines(const LibTensor &tensor, int64_t axis)
      : size(tensor.dims[axis]), inner(tensor.size(axis + 1, tensor.rank - 1)),
        parts(tensor.dims[tensor.rank - 1]) {}

  int64_t first(int64_t number) const {
    return (number / inner * size * inner + number % inner) * parts;
  }
  int64_t step() const { return inner * parts; }
};

template <typename T, typename L, int64_t lanes> int32_t transformLines(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0], &y = outputs[0];
  const int64_t axis = ints[0];
  const bool isInverse = ints[2];
  const Lines from(x, axis), to(y, axis);
  const int64_t open = from.size > to.size ? from.size : to.size;
  const int64_t length = ints[1] > 0 ? ints[1] : open;
  if (length < 1 || to.size > length)
    return TENON_EXEC_BAD_SHAPE;
  auto *elements = static_cast<Complex<L> *>(scratch), *other = elements + length;
  auto *roots = reinterpret_cast<Root *>(other + length);
  computeRoots(length, isInverse, roots);
  const Transform<L> transform = {length, isInverse, roots};
  const double scale = isInverse ? 1.0 / static_cast<double>(length) : 1.0;
  const bool mirrors = isInverse && to.parts == 1;
  const int64_t given = from.size < length ? from.size : length;
  Share share(x.size(0, axis) * from.inner, task, tasks);
  for (int64_t begin = share.begin; begin < share.end; begin += lanes) {
    const int64_t count = share.end - begin < lanes ? share.end - begin : lanes;
    for (int64_t j = 0; j < length; ++j)
      elements[j] = {};
    for (int64_t line = 0; line < count; ++line) {
      const T *source = x.as<T>() + from.first(begin + line);
      for (int64_t j = 0; j < given; ++j, source += from.step()) {
        setLine(elements[j].re, line, static_cast<double>(source[0]));
        if (from.parts == 2)
          setLine(elements[j].im, line, static_cast<double>(source[1]));
      }
    }
    if (mirrors)
      for (int64_t j = length / 2 + 1; j < length; ++j)
        elements[j] = {elements[length - j].re, -elements[length - j].im};
    const Complex<L> *spectrum = transform.run(elements, other);
    for (int64_t line = 0; line < count; ++line) {
      T *target = y.as<T>() + to.first(begin + line);
      for (int64_t k = 0; k < to.size; ++k, target += to.step()) {
        target[0] = static_cast<T>(getLine(spectrum[k].re, line) * scale);
        if (to.parts == 2)
          target[1] = static_cast<T>(getLine(spectrum[k].im, line) * scale);
      }
    }
  }
  return 0;
}

template <typename T> int32_t dft(TENON_KERNEL_PARAMETERS) {
  auto *run = ints[3] == 8 ? transformLines<T, EightLines, 8> : transformLines<T, double, 1>;
  return run(inputs, outputs, ints, floats, scratch, task, tasks);
}

} // namespace

TENON_KERNEL(tenon_dft_f32, dft<float>)
TENON_KERNEL(tenon_dft_f64, dft<double>)
