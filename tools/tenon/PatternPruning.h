// What `tenon prune --pattern` does.
#ifndef TENON_TOOLS_TENON_PATTERNPRUNING_H
#define TENON_TOOLS_TENON_PATTERNPRUNING_H

#include "tools/tenon/Arguments.h"

namespace tenon::cli {

/// Prunes single weights of a model in the pattern that the arguments of `tenon prune` name.
llvm::Error prunePattern(const Arguments &arguments);

} // namespace tenon::cli

#endif
