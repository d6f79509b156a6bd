// Constants that are computed by running them: what tenon-fold-constants calls.
#ifndef TENON_LIB_EXECUTE_EVALUATECONSTANTS_H
#define TENON_LIB_EXECUTE_EVALUATECONSTANTS_H

#include "passes/Graph/Passes.h"

namespace tenon {

/// Compiles each program with this many threads, 0 for one per core, and runs it on this processor.
/// A program that it has seen before has the same results, and does not run again: so targets that
/// compute alike share their constants. For one context, which outlives it.
ConstantEvaluator makeConstantEvaluator(unsigned compileThreads);

} // namespace tenon

#endif
