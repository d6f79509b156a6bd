// The `cuda` dialect's C++ face: GPU architectures and schedules.
#ifndef TENON_DIALECTS_TARGET_CUDA_CUDADIALECT_H
#define TENON_DIALECTS_TARGET_CUDA_CUDADIALECT_H

#include "dialects/Target/TargetInterfaces.h"
#include "dialects/Target/WeightLayout.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "llvm/Support/Error.h"

#include "dialects/Target/Cuda/CudaDialect.h.inc"
#include "dialects/Target/Cuda/CudaEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Target/Cuda/CudaAttributes.h.inc"

namespace tenon::cuda {

/// The architecture named `name`, as "sm_80", or "sm_80/HOST" with a processor of the dialect `cpu`
/// beside the GPU. An error if there is no such row, or if the host is unknown.
llvm::Expected<TargetAttr> lookupTarget(llvm::StringRef name, mlir::MLIRContext *context);

/// The attribute of an LLVM function that is a kernel's entry: bytes of shared memory that a launch
/// gives each block, beside what the code itself declares.
inline constexpr llvm::StringLiteral kSharedBytesAttrName = "tenon-shared-bytes";
/// The attribute of such a function whose last parameters are tensor maps: for each of them, in
/// their order, the numbers of a tenon_tensor_map_desc (runtime/abi.h) with commas between them.
/// Semicolons are between maps.
inline constexpr llvm::StringLiteral kTensorMapsAttrName = "tenon-tensor-maps";

} // namespace tenon::cuda

#endif
