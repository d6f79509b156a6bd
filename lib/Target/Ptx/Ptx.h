// PTX, the text that NVIDIA's driver compiles for the GPU at hand: from LLVM IR of one kernel, and
// of all kernels together.
#ifndef TENON_LIB_TARGET_PTX_PTX_H
#define TENON_LIB_TARGET_PTX_PTX_H

#include "dialects/Target/Cuda/CudaDialect.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace tenon {

/// A kernel that a device runs, as runtime/abi.h describes it.
struct DeviceKernel {
  std::string entry;
  int32_t numArguments = 0, blockThreads = 0, launchSharedBytes = 0;
  /// It waits by itself for what is launched before it.
  bool waits = false;
  /// What the assembler said that it takes, and blocks that a multiprocessor holds: zeros where it
  /// was not asked.
  int32_t registers = 0, spilledBytes = 0, sharedBytes = 0, residentBlocks = 0;
  /// The numbers of each tensor map's description.
  std::vector<std::vector<int64_t>> maps;
};

struct PtxKernel {
  DeviceKernel kernel;
  /// A module of its own, with head.
  std::string text;
};

/// Whether a module is for a GPU.
bool isPtxModule(const llvm::Module &module);

/// Optimises and compiles the kernel `name`, the one entry of `module`. It needs no other function:
/// there is no library on the device.
llvm::Expected<PtxKernel> compileToPtx(std::unique_ptr<llvm::Module> module, llvm::StringRef name,
                                       cuda::TargetAttr target);

/// Appends a kernel to the module `text`, which is empty before the first one. All are for one
/// target.
void appendPtx(std::string &text, const PtxKernel &kernel);

} // namespace tenon

#endif // TENON_LIB_TARGET_PTX_PTX_H
