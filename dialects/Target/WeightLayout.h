// The interface of attributes that say how the weights of a kernel lie in memory.
#ifndef TENON_DIALECTS_TARGET_WEIGHTLAYOUT_H
#define TENON_DIALECTS_TARGET_WEIGHTLAYOUT_H

#include "dialects/Tenon/ElementEmitter.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinTypes.h"

#include "dialects/Target/WeightLayout.h.inc"

#endif
