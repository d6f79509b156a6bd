// See trailer.h for the layout of the file.
#include "lib/Target/Runner/Executable.h"
#include "lib/Target/Runner/trailer.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

extern "C" const char tenon_embedded_runner[], tenon_embedded_runner_end[];

using namespace llvm;

namespace tenon {

Expected<uint64_t> writeExecutable(OutputFile &file, ArrayRef<char> library,
                                   const WeightsStore *weights) {
  constexpr uint64_t pageSize = 4096;
  ArrayRef<char> runner(tenon_embedded_runner, tenon_embedded_runner_end);
  tenon_trailer trailer{};
  trailer.library_offset = alignTo(runner.size(), pageSize);
  trailer.library_bytes = library.size();
  trailer.weights_offset = alignTo(trailer.library_offset + library.size(), pageSize);
  trailer.weights_bytes = weights ? weights->size() : 0;
  std::memcpy(trailer.magic, TENON_TRAILER_MAGIC, sizeof trailer.magic);

  if (Error error = file.write(runner, 0))
    return std::move(error);
  if (Error error = file.write(library, trailer.library_offset))
    return std::move(error);
  if (weights)
    if (Error error = weights->writeTo(file.fd(), trailer.weights_offset))
      return std::move(error);
  uint64_t end = alignTo(trailer.weights_offset + trailer.weights_bytes, 8);
  if (Error error = file.write({reinterpret_cast<const char *>(&trailer), sizeof trailer}, end))
    return std::move(error);
  return end + sizeof trailer;
}

} // namespace tenon
