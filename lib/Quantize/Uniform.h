// All of a model in one precision, whatever that loses: to compare with, and for those who know
// that they want it.
#ifndef TENON_LIB_QUANTIZE_UNIFORM_H
#define TENON_LIB_QUANTIZE_UNIFORM_H

#include "lib/Quantize/Quantize.h"

namespace tenon::quantize {

/// Gives every product the first of the allowed precisions. Repairs are tried as by quantize, and
/// the loss on the samples held back is measured; the budget does not matter. Products that cannot
/// have the precision stay in fp32.
llvm::Expected<QuantizeResult> quantizeUniformly(const std::shared_ptr<ModelFile> &model,
                                                 DataSource &data, const QuantizeOptions &options);

} // namespace tenon::quantize

#endif
