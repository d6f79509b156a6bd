// The tables of runtime/abi.h for one model, as constants of an LLVM module.
#ifndef TENON_LIB_TARGET_MODELDESCRIPTOR_H
#define TENON_LIB_TARGET_MODELDESCRIPTOR_H

#include "lib/Target/ModelInfo.h"
#include "lib/Target/Ptx/Ptx.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/Module.h"
#include <memory>

namespace tenon {

/// Names that the objects of one binary refer to each other by, before the variant's suffix.
inline constexpr llvm::StringLiteral runSymbol = "tenon_run";         // int32_t(tenon_exec *)
inline constexpr llvm::StringLiteral weightsSymbol = "tenon_weights"; // const unsigned char[]

/// What the descriptor says about the constants, and how their section asks for its place.
struct WeightsPlace {
  uint64_t bytes = 0, checksum = 0;
  /// Pages begin at multiples of it.
  uint64_t alignment = 4096;
  /// Whether the section asks for write permission (PlaceWeights takes it away).
  bool writable = false;
};

/// What a device runs of a variant; empty if it runs nothing.
struct DeviceCode {
  /// PTX of all its kernels.
  std::string text;
  /// By the KernelInfo's name; all others are functions.
  llvm::StringMap<DeviceKernel> kernels;
  /// The same as machine code of one generation of devices; empty if it was not asked for.
  std::string binary;
};

/// Builds a module that defines `symbol`, the tenon_model_desc of `model`, and all that it points
/// to except code and weights: it declares every variant's run function and kernels. The weights
/// are an empty place in the section that PlaceWeights fills. `devices` are beside the variants.
std::unique_ptr<llvm::Module> buildModelDescriptor(const ModelInfo &model, llvm::StringRef symbol,
                                                   const WeightsPlace &weights,
                                                   llvm::ArrayRef<DeviceCode> devices,
                                                   llvm::LLVMContext &context);

} // namespace tenon

#endif // TENON_LIB_TARGET_MODELDESCRIPTOR_H
