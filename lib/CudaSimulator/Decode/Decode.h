// From a parsed module to programs.
#ifndef TENON_LIB_CUDASIMULATOR_DECODE_DECODE_H
#define TENON_LIB_CUDASIMULATOR_DECODE_DECODE_H

#include "lib/CudaSimulator/Decode/Builder.h"
#include <map>

namespace tenon::sim {

/// Decodes a kernel and the functions that it calls. `globals` says where the module's variables in
/// global and constant space are.
/// @throws PtxError naming the line and what is unknown
std::unique_ptr<Program> decodeKernel(const Module &module, const Function &kernel,
                                      const std::map<std::string, uint64_t> &globals);

} // namespace tenon::sim

#endif
