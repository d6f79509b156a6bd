// What pruning did, as a table and as JSON.

#ifndef TENON_LIB_PRUNE_REPORT_H
#define TENON_LIB_PRUNE_REPORT_H

#include "lib/Prune/Prune.h"
#include "llvm/Support/JSON.h"

namespace tenon {

/// For each group how many channels there were and how many stay, then what must stay and why.
/// `multiple` is what counts were rounded to.
std::string formatPruneTable(const PruneReport &report, int64_t multiple);

llvm::json::Object toJson(const PruneReport &report);

} // namespace tenon

#endif
