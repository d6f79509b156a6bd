// Probabilities of classes from those of pairs of them (Wu, Lin and Weng 2004, algorithm 2).
//   inputs   float [N, k (k - 1) / 2]: r(i, j) for i < j, where r(j, i) = 1 - r(i, j)
//   outputs  float [N, k]
//   scratch  k (k + 1) floats
//
// They minimize p'Qp where they sum to 1, with Q(t, t) the sum of r(j, t)^2 and Q(t, j) =
// -r(j, t) r(t, j). Each step changes one of them and scales all so that the sum stays 1; steps end
// where all (Qp)(t) are nearly p'Qp. The bound is that of libsvm and so coarse that steps taken in
// another order, or in double, would give visibly other results. Rows are divided among tasks.
#include "lib/Target/KernelLibrary/LibTensor.h"
#include <cmath>

namespace {

void fillQuadratic(const float *pairs, float *q, int64_t k) {
  for (int64_t t = 0; t < k; ++t)
    q[t * k + t] = 0;
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = i + 1; j < k; ++j) {
      float first = *pairs++, second = 1 - first;
      q[i * k + i] += second * second;
      q[j * k + j] += first * first;
      q[i * k + j] = q[j * k + i] = -second * first;
    }
}

void couple(const float *pairs, float *p, float *q, float *products, int64_t k) {
  fillQuadratic(pairs, q, k);
  for (int64_t t = 0; t < k; ++t)
    p[t] = 1.0f / static_cast<float>(k);
  const float bound = 0.005f / static_cast<float>(k);
  for (int64_t step = 0; step < (k > 100 ? k : 100); ++step) {
    float whole = 0, worst = 0;
    for (int64_t t = 0; t < k; ++t) {
      products[t] = 0;
      for (int64_t j = 0; j < k; ++j)
        products[t] += q[t * k + j] * p[j];
      whole += p[t] * products[t];
    }
    for (int64_t t = 0; t < k; ++t)
      worst = std::fmax(worst, std::fabs(products[t] - whole));
    if (worst < bound)
      return;
    for (int64_t t = 0; t < k; ++t) {
      float own = q[t * k + t], change = (whole - products[t]) / own, sum = 1 + change;
      p[t] += change;
      whole = (whole + change * (change * own + 2 * products[t])) / sum / sum;
      for (int64_t j = 0; j < k; ++j) {
        products[j] = (products[j] + change * q[t * k + j]) / sum;
        p[j] /= sum;
      }
    }
  }
}

int32_t couplePairs(TENON_KERNEL_PARAMETERS) {
  int64_t pairs = inputs[0].dims[1], classes = outputs[0].dims[1];
  auto *q = static_cast<float *>(scratch);
  Share share(inputs[0].dims[0], task, tasks);
  for (int64_t row = share.begin; row < share.end; ++row)
    couple(inputs[0].as<float>() + row * pairs, outputs[0].as<float>() + row * classes, q,
           q + classes * classes, classes);
  return 0;
}

} // namespace

TENON_KERNEL(tenon_couple_pairs_f32, couplePairs)
