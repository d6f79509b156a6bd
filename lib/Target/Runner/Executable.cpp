// The file's layout is that of runtime/seal.h.
#include "lib/Target/Runner/Executable.h"
#include "lib/Target/SealedFile.h"

extern "C" const char tenon_embedded_runner[], tenon_embedded_runner_end[];

using namespace llvm;

namespace tenon {

Expected<uint64_t> writeExecutable(OutputFile &file, MutableArrayRef<char> library,
                                   const WeightsStore *weights) {
  SealedFile sealed(file);
  if (Error error = sealed.append({tenon_embedded_runner, tenon_embedded_runner_end}))
    return std::move(error);
  if (Error error = sealed.alignToPage())
    return std::move(error);
  uint64_t libraryOffset = sealed.size();
  if (Error error = sealed.append(library))
    return std::move(error);
  return sealed.finish(libraryOffset, weights);
}

} // namespace tenon
