// The generated definitions of all ops, in a file of their own because they take long to compile.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialects/Tenon/TenonOps.cpp.inc"
