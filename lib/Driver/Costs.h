// What a launch of a kernel costs, for reports and profiles.
#ifndef TENON_LIB_DRIVER_COSTS_H
#define TENON_LIB_DRIVER_COSTS_H

#include "dialects/Tenon/TenonDialect.h"

namespace tenon::driver {

/// Bytes that a launch reads and writes, 0 if they depend on the run.
int64_t bytesOf(KernelOp kernel);

/// Floating point operations: those of ops that tell them, and one per element of everything else.
int64_t flopsOf(KernelOp kernel);

/// What a kernel computes with: "f32", or "f32 x bf16" for the operands of a product.
std::string precisionOf(KernelOp kernel);

/// What it makes of zeros in its weights: "80% zeros: blocks, 4.6 x"; empty if there are few.
std::string zerosOf(KernelOp kernel);

} // namespace tenon::driver

#endif
