// The tables of runtime/abi.h for one model, as constants of an LLVM module.
#ifndef TENON_LIB_TARGET_MODELDESCRIPTOR_H
#define TENON_LIB_TARGET_MODELDESCRIPTOR_H

#include "lib/Target/ModelInfo.h"
#include "llvm/IR/Module.h"
#include <memory>

namespace tenon {

/// Names that the objects of one binary refer to each other by, before the variant's suffix.
inline constexpr llvm::StringLiteral runSymbol = "tenon_run";         // int32_t(tenon_exec *)
inline constexpr llvm::StringLiteral kernelsSymbol = "tenon_kernels"; // tenon_kernel_desc[]
inline constexpr llvm::StringLiteral weightsSymbol = "tenon_weights"; // const unsigned char[]

/// Builds a module that defines `symbol`, the tenon_model_desc of `model`, and all that it points
/// to except code and weights: it declares every variant's run function and kernels. The weights
/// are an empty place of `weightsBytes` in the section that PlaceWeights fills; `writablePlace`
/// says whether that section asks for write permission (PlaceWeights takes it away).
std::unique_ptr<llvm::Module> buildModelDescriptor(const ModelInfo &model, llvm::StringRef symbol,
                                                   uint64_t weightsBytes, bool writablePlace,
                                                   llvm::LLVMContext &context);

} // namespace tenon

#endif // TENON_LIB_TARGET_MODELDESCRIPTOR_H
