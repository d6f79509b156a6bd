// Tile registers (Intel AMX) for processors that have none.
#ifndef TENON_TEST_UNIT_CODEGEN_TILEEMULATOR_H
#define TENON_TEST_UNIT_CODEGEN_TILEEMULATOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/IR/Module.h"

namespace tenon::testing {

/// Replaces intrinsics on tile registers by calls of functions of this process. These end it where
/// the instructions would fault: registers that are not set, or set to a size that this code does
/// not use.
void emulateTiles(llvm::Module &module);

/// Channels of bf16 in a row of a tile.
constexpr int bfloatsPerRow = 32;
/// What `tdpbf16ps` makes of one sum and that many channels: those of even number and those of odd
/// number are summed by themselves.
float addBFloatProducts(float sum, llvm::ArrayRef<float> a, llvm::ArrayRef<float> b);

/// Whether no registers of this thread are set, as it must be between kernels.
bool areTilesReleased();

} // namespace tenon::testing

#endif
