// The `tile` dialect's C++ face: tiles that a block shares, and products of matrices in registers.
#ifndef TENON_DIALECTS_TILE_TILEDIALECT_H
#define TENON_DIALECTS_TILE_TILEDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Tile/TileDialect.h.inc"
#include "dialects/Tile/TileEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Tile/TileTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/Tile/TileOps.h.inc"

namespace tenon::tile {

/// Rows, and columns, of what a warp multiplies at a time.
inline constexpr int64_t kSide = 16;
/// Bytes of the depth of what a warp multiplies at a time.
inline constexpr int64_t kDepthBytes = 32;
/// Of what a left operand without half of its numbers has: words that tell where they were are for
/// so many numbers of the depth, one of each lane for sixteen rows; and of each four two are left.
inline constexpr int64_t kPlacesDepth = 64;
/// Bytes of a row of what the copy engine brings: those of its swizzles.
inline constexpr int64_t kShortestRow = 32, kLongestRow = 128;

/// What elements of this type are multiplied as; f32 as tf32.
Number getNumber(mlir::Type element);

/// Whether such numbers can be multiplied, and summed up like that.
mlir::LogicalResult verifyNumbers(mlir::Operation *op, Number left, Number right,
                                  mlir::TypeRange sums);
/// Whether of such numbers two of four can be left out, and part `part` of their words be meant.
mlir::LogicalResult verifyPlaces(mlir::Operation *op, Number number, int64_t part);

} // namespace tenon::tile

#endif
