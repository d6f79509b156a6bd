// Tile registers (Intel AMX) for processors that have none.
#ifndef TENON_TEST_UNIT_CODEGEN_TILEEMULATOR_H
#define TENON_TEST_UNIT_CODEGEN_TILEEMULATOR_H

#include "llvm/IR/Module.h"

namespace tenon::testing {

/// Replaces intrinsics on tile registers by calls of functions of this process. These end it where
/// the instructions would fault: registers that are not set, or set to a size that this code does
/// not use.
void emulateTiles(llvm::Module &module);

/// Whether no registers of this thread are set, as it must be between kernels.
bool areTilesReleased();

} // namespace tenon::testing

#endif
