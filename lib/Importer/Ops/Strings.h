// Conversion between strings and numbers.

#ifndef TENON_LIB_IMPORTER_OPS_STRINGS_H
#define TENON_LIB_IMPORTER_OPS_STRINGS_H

#include "lib/Importer/NodeImporter.h"

namespace tenon {

/// Numbers of any type as strings.
mlir::Value formatNumbers(NodeImporter &node, mlir::Value numbers);

/// The numbers that strings spell: f32, f64, i64 or ui64, whichever casts to `to` exactly.
mlir::Value parseNumbers(NodeImporter &node, mlir::Value strings, mlir::Type to);

} // namespace tenon

#endif
