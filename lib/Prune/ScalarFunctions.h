// What pointwise operators make of numbers.

#ifndef TENON_LIB_PRUNE_SCALARFUNCTIONS_H
#define TENON_LIB_PRUNE_SCALARFUNCTIONS_H

#include "llvm/ADT/ArrayRef.h"
#include <onnx/onnx_pb.h>
#include <optional>

namespace tenon {

/// The result for operands that are all known, or of which those that are known decide; nullopt if
/// the operator is none of those that are evaluated, or the numbers do not tell.
std::optional<double> evaluateScalar(const onnx::NodeProto &node,
                                     llvm::ArrayRef<std::optional<double>> operands);

} // namespace tenon

#endif
