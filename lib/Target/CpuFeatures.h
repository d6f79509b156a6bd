// Which CPU features a binary for a target asks for.
#ifndef TENON_LIB_TARGET_CPUFEATURES_H
#define TENON_LIB_TARGET_CPUFEATURES_H

#include "passes/Codegen/Cpu/TargetInfo.h"
#include <string>
#include <vector>

namespace tenon {

/// LLVM's names of the features without which code for `target` may not run, for the runtime to
/// check. Features that code generation never uses are left out, so that a machine that lacks only
/// those is not refused.
std::vector<std::string> getRequiredFeatures(const cpu::TargetInfo &target);

} // namespace tenon

#endif // TENON_LIB_TARGET_CPUFEATURES_H
