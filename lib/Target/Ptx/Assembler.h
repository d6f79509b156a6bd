// NVIDIA's assembler, ptxas, where it is installed: machine code of GPUs from PTX, and what each
// kernel takes of a multiprocessor. Drivers have the same assembler, but say nothing of that.
#ifndef TENON_LIB_TARGET_PTX_ASSEMBLER_H
#define TENON_LIB_TARGET_PTX_ASSEMBLER_H

#include "dialects/Target/Cuda/CudaDialect.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <string>

namespace tenon {

/// What a kernel takes, in registers of 32 bits for a thread, and bytes.
struct KernelUsage {
  int32_t registers = 0, spilledBytes = 0, sharedBytes = 0;
};

struct AssembledCode {
  /// For one generation of GPUs: a cubin.
  std::string cubin;
  /// By the name of the entry.
  llvm::StringMap<KernelUsage> usage;
};

/// Assembles a module of PTX. ptxas is what the environment variable TENON_PTXAS names, or is in
/// PATH or CUDA's folder; an error if it is nowhere, or says that something is wrong.
llvm::Expected<AssembledCode> assemblePtx(llvm::StringRef text, cuda::TargetAttr target);

/// Reads what `ptxas -v` says of each kernel.
llvm::StringMap<KernelUsage> parseUsage(llvm::StringRef log);

/// Blocks of a kernel that a multiprocessor holds at a time.
int32_t countResidentBlocks(const KernelUsage &usage, int32_t blockThreads,
                            cuda::TargetAttr target);

} // namespace tenon

#endif // TENON_LIB_TARGET_PTX_ASSEMBLER_H
