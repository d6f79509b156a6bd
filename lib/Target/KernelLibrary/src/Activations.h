// The activation functions that recurrent cells may name, on vectors.

#ifndef TENON_LIB_TARGET_KERNELLIBRARY_SRC_ACTIVATIONS_H
#define TENON_LIB_TARGET_KERNELLIBRARY_SRC_ACTIVATIONS_H

#include "lib/Target/KernelLibrary/src/VectorMath.h"
#include <cmath>

namespace tenon::library {

/// The numbers of the dialect's enum RecurrentActivation.
enum Activation : int64_t {
  Sigmoid,
  Tanh,
  Relu,
  Affine,
  LeakyRelu,
  ThresholdedRelu,
  ScaledTanh,
  HardSigmoid,
  Elu,
  Softsign,
  Softplus,
};

/// An activation with its parameters.
struct ActivationCall {
  int64_t kind;
  float alpha, beta;
};

TENON_INLINE void activate(const ActivationCall &call, Vec &v) {
  switch (call.kind) {
  case Sigmoid:
    return vecSigmoid(v);
  case Tanh:
    return vecTanh(v);
  case Relu:
    v = v > 0.0f ? v : Vec{};
    return;
  case Affine:
    v = v * call.alpha + call.beta;
    return;
  case LeakyRelu:
    v = v >= 0.0f ? v : v * call.alpha;
    return;
  case ThresholdedRelu:
    v = v > call.alpha ? v : Vec{};
    return;
  case ScaledTanh:
    v *= call.beta;
    vecTanh(v);
    v *= call.alpha;
    return;
  case HardSigmoid:
    v = v * call.alpha + call.beta;
    return clamp(v, 0.0f, 1.0f);
  case Elu: {
    Vec e = v;
    vecExp(e);
    v = v >= 0.0f ? v : call.alpha * (e - 1.0f);
    return;
  }
  case Softsign:
    v = v / (1.0f + (v < 0.0f ? -v : v));
    return;
  case Softplus:
    for (int64_t i = 0; i < vecLanes; ++i)
      v[i] = (v[i] > 0 ? v[i] : 0.0f) + std::log1p(std::exp(v[i] > 0 ? -v[i] : v[i]));
    return;
  }
}

} // namespace tenon::library

#endif
