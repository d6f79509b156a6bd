// Lengths of operands that tell shapes, where only a run knows them.

#ifndef TENON_LIB_IMPORTER_OPERANDLENGTHS_H
#define TENON_LIB_IMPORTER_OPERANDLENGTHS_H

#include "lib/Importer/NodeImporter.h"

namespace tenon {

/// Replaces operands of the node that tell shapes (axes, sizes, pads, ...) and whose length has no
/// number in their type by ones of known length. The run ends with an error where it is another.
void fixOperandLengths(NodeImporter &node);

} // namespace tenon

#endif
