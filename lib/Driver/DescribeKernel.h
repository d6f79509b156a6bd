// What reports say of a kernel beside its work (passes/Schedule/Work.h).
#ifndef TENON_LIB_DRIVER_DESCRIBEKERNEL_H
#define TENON_LIB_DRIVER_DESCRIBEKERNEL_H

#include "dialects/Tenon/TenonDialect.h"

namespace tenon::driver {

/// What a kernel computes with: "f32", or "f32 x bf16" for the operands of a product; "tf32" where
/// f32 is rounded to it, "f32 (3 x bf16)" where each product of f32 is the sum of so many of bf16.
std::string precisionOf(KernelOp kernel);

/// What it makes of zeros in its weights, and why it has no better instructions: "80% zeros:
/// blocks, 4.6 x"; empty if there is nothing to say.
std::string remarksOf(KernelOp kernel);

} // namespace tenon::driver

#endif
