// What an element costs to compute.
#ifndef TENON_DIALECTS_TENON_ELEMENTCOST_H
#define TENON_DIALECTS_TENON_ELEMENTCOST_H

#include "mlir/IR/Operation.h"

namespace tenon {

/// What an element of the op's result takes to compute from those of its operands, in instructions
/// on a vector: about.
int64_t getElementCost(mlir::Operation *op);

} // namespace tenon

#endif
