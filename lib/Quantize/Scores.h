// Models that show what their classes or probabilities are made of.
//
// Where a softmax is at its end, most samples have next to no noise behind it, and all that there
// is comes from a few whose classes nearly tie. Of a few samples that says nothing of others. What
// the softmax reads has noise in each sample. So that is looked at when changes are compared with
// each other; what a model loses in the end is always measured at its own outputs.
#ifndef TENON_LIB_QUANTIZE_SCORES_H
#define TENON_LIB_QUANTIZE_SCORES_H

#include "lib/Editing/ModelEditor.h"
#include "lib/Importer/Importer.h"

namespace tenon::quantize {

/// The model with what Softmax and Sigmoid read as outputs in place of their results, directly or
/// with elements moved: of outputs that are small, since many numbers tell enough by themselves.
/// Outputs keep their order.
llvm::Expected<std::shared_ptr<ModelFile>> showScores(const std::shared_ptr<ModelFile> &model,
                                                      const ImportOptions &options);

} // namespace tenon::quantize

#endif
