// What declared types tell about the ranks of values that have none.

#ifndef TENON_LIB_IMPORTER_DECLAREDRANKS_H
#define TENON_LIB_IMPORTER_DECLAREDRANKS_H

#include "lib/Importer/GraphImporter.h"

namespace tenon {

/// The rank that the graph declares for a value, or that follows from what it declares; nullopt if
/// nothing tells it.
std::optional<int64_t> findDeclaredRank(const Scope &scope, llvm::StringRef name);

/// Notes in `scope` which ranks follow from what it declares: what becomes a value of a known rank
/// by a pointwise operator has that rank, too.
void inferDeclaredRanks(const onnx::GraphProto &graph, Scope &scope);

} // namespace tenon

#endif
