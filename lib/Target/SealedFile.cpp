// The weights' checksum is not taken here: it is in the descriptor, which was linked before.
#include "lib/Target/SealedFile.h"
#include "runtime/seal.h"
#include "llvm/Support/MathExtras.h"
#include <vector>

using namespace llvm;

namespace tenon {

Error SealedFile::append(ArrayRef<char> code) {
  if (Error error = file.write(code, end))
    return error;
  tn_checksum_update(&checksum, code.data(), code.size());
  end += code.size();
  return Error::success();
}

Error SealedFile::alignToPage() { return append(std::vector<char>(alignTo(end, pageSize) - end)); }

Expected<uint64_t> SealedFile::finish(uint64_t libraryOffset, const WeightsStore *weights) {
  tenon_seal seal{};
  seal.library_offset = libraryOffset;
  seal.weights_bytes = weights ? weights->size() : 0;
  if (seal.weights_bytes)
    if (Error error = alignToPage())
      return std::move(error);
  seal.weights_offset = end;
  seal.code_checksum = tn_checksum_value(&checksum);
  if (seal.weights_bytes)
    if (Error error = weights->writeTo(file.fd(), end))
      return std::move(error);
  end += seal.weights_bytes;
  tn_seal_finish(&seal);
  if (Error error = file.write({reinterpret_cast<const char *>(&seal), sizeof seal}, end))
    return std::move(error);
  return end + sizeof seal;
}

} // namespace tenon
