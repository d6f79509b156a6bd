// The file's layout is that of runtime/seal.h.
#include "lib/Target/Runner/Executable.h"
#include "lib/Target/SealedFile.h"

extern "C" {
extern const char tenon_embedded_runner_x86_64[], tenon_embedded_runner_x86_64_end[];
extern const char tenon_embedded_runner_aarch64[], tenon_embedded_runner_aarch64_end[];
}

using namespace llvm;

namespace tenon {

static ArrayRef<char> getRunner(const Architecture &architecture) {
  if (architecture.type == Triple::aarch64)
    return {tenon_embedded_runner_aarch64, tenon_embedded_runner_aarch64_end};
  return {tenon_embedded_runner_x86_64, tenon_embedded_runner_x86_64_end};
}

Expected<uint64_t> writeExecutable(OutputFile &file, MutableArrayRef<char> library,
                                   const Architecture &architecture, const WeightsStore *weights) {
  SealedFile sealed(file, architecture);
  if (Error error = sealed.append(getRunner(architecture)))
    return std::move(error);
  if (Error error = sealed.alignToPage())
    return std::move(error);
  uint64_t libraryOffset = sealed.size();
  if (Error error = sealed.append(library))
    return std::move(error);
  return sealed.finish(libraryOffset, weights);
}

} // namespace tenon
