// Functions of a byte as tables of their 256 values.
#ifndef TENON_DIALECTS_TENON_BYTETABLES_H
#define TENON_DIALECTS_TENON_BYTETABLES_H

#include "mlir/IR/Operation.h"

namespace tenon {

/// As many values as a byte has.
inline constexpr int64_t kByteValues = 256;

/// Whether the op is a gather by bytes from a table of 256 bytes: its result is a function of the
/// indices at the same position, as that of a pointwise op.
bool readsByteTable(mlir::Operation *op);

} // namespace tenon

#endif
