// Which function imports which operator version.
//
// One entry per (domain, operator, since-version). A node is imported by the entry with the highest
// since-version that its opset still includes. Each family of operators adds its entries in one
// function, and registerAllOps names the families.

#ifndef TENON_LIB_IMPORTER_OPREGISTRY_H
#define TENON_LIB_IMPORTER_OPREGISTRY_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include <map>

namespace tenon {

class NodeImporter;

/// Builds the ops for one node and returns its outputs, in order; those at the end may be missing
/// if the operator does not compute them. May return failure only after reporting an error.
using ImportFunction = llvm::FailureOr<llvm::SmallVector<mlir::Value>> (*)(NodeImporter &node);

/// How many inputs a node may have. Inputs before `min` must be there, later ones may be omitted.
struct Arity {
  static constexpr unsigned unbounded = ~0u;
  unsigned min, max;
  constexpr Arity(unsigned exactly) : min(exactly), max(exactly) {}
  constexpr Arity(unsigned min, unsigned max) : min(min), max(max) {}
};

struct OpEntry {
  Arity inputs;
  ImportFunction import;
};

class OpRegistry {
public:
  /// The operators of ONNX itself: domain "".
  void add(llvm::StringRef name, int64_t sinceVersion, Arity inputs, ImportFunction import) {
    add("", name, sinceVersion, inputs, import);
  }
  /// Ends the program if there is such an entry already.
  void add(llvm::StringRef domain, llvm::StringRef name, int64_t sinceVersion, Arity inputs,
           ImportFunction import);

  /// Adds operators of one domain that have been the same since its first version.
  auto inDomain(llvm::StringRef domain) {
    return [this, domain](llvm::StringRef name, Arity inputs, ImportFunction import) {
      add(domain, name, 1, inputs, import);
    };
  }

  /// The entry for a node; null when there is none.
  const OpEntry *find(llvm::StringRef domain, llvm::StringRef name, int64_t version) const;

  /// The first version that has the operator; nullopt when none has.
  std::optional<int64_t> firstVersion(llvm::StringRef domain, llvm::StringRef name) const;

  /// Calls `visit` with every domain, operator and since-version, sorted.
  void forEach(
      llvm::function_ref<void(llvm::StringRef domain, llvm::StringRef name, int64_t version)> visit)
      const;

  /// Every operator that Tenon imports.
  static const OpRegistry &all();

private:
  /// Keyed by "domain:name".
  llvm::StringMap<std::map<int64_t, OpEntry, std::greater<>>> entries;
};

} // namespace tenon

#endif
