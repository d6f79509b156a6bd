// How `tenon verify-one` tells its parent how far it is.
#ifndef TENON_TOOLS_TENON_VERIFYMARKS_H
#define TENON_TOOLS_TENON_VERIFYMARKS_H

#include "llvm/ADT/StringRef.h"

namespace tenon::cli {

// Lines of the child that are for its parent; any other line is somebody's complaint.
inline constexpr llvm::StringLiteral phaseMark = "@phase ", passedMark = "@passed",
                                     failedMark = "@failed ", skippedMark = "@skipped ",
                                     arenaMark = "@arena ";

} // namespace tenon::cli

#endif
