// What one output of a model loses.
#ifndef TENON_LIB_EVALUATION_OUTPUTLOSS_H
#define TENON_LIB_EVALUATION_OUTPUTLOSS_H

#include <string>

namespace tenon::quantize {

/// What an output loses against the model's own fp32.
struct OutputLoss {
  std::string name;
  /// In dB, between 0 and 1, of the largest number, and between 0 and 1.
  double sqnr = 0, cosine = 1, relative = 0, top1 = 1;
};

} // namespace tenon::quantize

#endif
