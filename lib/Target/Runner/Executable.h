// Programs made of a runner and a model, without linking anything: the runner was linked when Tenon
// was built, and finds the model behind its own end (runtime/seal.h).
#ifndef TENON_LIB_TARGET_RUNNER_EXECUTABLE_H
#define TENON_LIB_TARGET_RUNNER_EXECUTABLE_H

#include "lib/Support/Files.h"
#include "lib/Target/Architecture.h"
#include "lib/Target/WeightsStore.h"

namespace tenon {

/// Writes the runner for the architecture with `library`, as the linker made it (its weights
/// section is still empty), and the weights. Returns the file's size.
llvm::Expected<uint64_t> writeExecutable(OutputFile &file, llvm::MutableArrayRef<char> library,
                                         const Architecture &architecture,
                                         const WeightsStore *weights);

} // namespace tenon

#endif // TENON_LIB_TARGET_RUNNER_EXECUTABLE_H
