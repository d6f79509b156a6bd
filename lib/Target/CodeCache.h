// Machine code of kernels that were compiled before, in one process.
//
// Who compiles a model again and again with small changes, as quantization does, finds most kernels
// in it as they were.
#ifndef TENON_LIB_TARGET_CODECACHE_H
#define TENON_LIB_TARGET_CODECACHE_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace llvm {
class Module;
}

namespace tenon {

namespace cpu {
class TargetAttr;
}
enum class LLVMOptimization;

/// May be used by several threads at a time.
class CodeCache {
public:
  /// Of all that the code depends on.
  using Key = std::pair<uint64_t, uint64_t>;
  static Key makeKey(const llvm::Module &module, cpu::TargetAttr target, LLVMOptimization level);

  std::optional<llvm::SmallVector<char>> find(Key key) const;
  void add(Key key, llvm::ArrayRef<char> code);
  size_t size() const;

private:
  mutable std::mutex mutex;
  std::map<Key, llvm::SmallVector<char, 0>> codes;
};

} // namespace tenon

#endif // TENON_LIB_TARGET_CODECACHE_H
