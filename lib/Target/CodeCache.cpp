// Machine code of kernels that were compiled before (see the header).

#include "lib/Target/CodeCache.h"
#include "lib/Target/LLVMCodegen.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace llvm;

namespace tenon {

CodeCache::Key CodeCache::makeKey(const Module &module, cpu::TargetAttr target,
                                  LLVMOptimization level) {
  SmallVector<char, 0> text;
  raw_svector_ostream stream(text);
  stream << target.getTriple() << '\0' << target.getCpu() << '\0' << target.getLLVMFeatures()
         << '\0' << static_cast<int>(level) << '\0';
  WriteBitcodeToFile(module, stream);
  XXH128_hash_t hash =
      xxh3_128bits(ArrayRef(reinterpret_cast<const uint8_t *>(text.data()), text.size()));
  return {hash.high64, hash.low64};
}

std::optional<SmallVector<char>> CodeCache::find(Key key) const {
  std::lock_guard<std::mutex> lock(mutex);
  auto code = codes.find(key);
  if (code == codes.end())
    return std::nullopt;
  return SmallVector<char>(code->second.begin(), code->second.end());
}

void CodeCache::add(Key key, ArrayRef<char> code) {
  std::lock_guard<std::mutex> lock(mutex);
  codes.try_emplace(key, code);
}

size_t CodeCache::size() const {
  std::lock_guard<std::mutex> lock(mutex);
  return codes.size();
}

} // namespace tenon
