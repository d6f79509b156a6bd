// What the child of a check says to its parent: lines of its output that begin with these marks.
// Any other line is somebody's complaint.
#ifndef TENON_TOOLS_TENON_VERIFYLINES_H
#define TENON_TOOLS_TENON_VERIFYLINES_H

#include "llvm/ADT/StringRef.h"

namespace tenon::cli {

inline constexpr llvm::StringLiteral phaseMark = "@phase ", passedMark = "@passed",
                                     failedMark = "@failed ", skippedMark = "@skipped ",
                                     arenaMark = "@arena ";

} // namespace tenon::cli

#endif
