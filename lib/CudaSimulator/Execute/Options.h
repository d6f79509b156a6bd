// What the environment says about how kernels run.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_OPTIONS_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_OPTIONS_H

#include <cstdint>
#include <string>

namespace tenon::sim {

struct Options {
  unsigned major = 8, minor = 0;             ///< compute capability, TENON_CUDA_SIM
  bool architectureSpecific = false;         ///< sm_90a
  uint64_t memoryBytes = uint64_t(16) << 30; ///< TENON_CUDA_SIM_MEMORY
  unsigned multiprocessors = 0;              ///< TENON_CUDA_SIM_SMS; 0: as the chip has
  unsigned threads = 0;                  ///< host threads, TENON_CUDA_SIM_THREADS; 0: one per core
  uint64_t seed = 1;                     ///< TENON_CUDA_SIM_SEED
  uint64_t maxSteps = uint64_t(1) << 33; ///< warp instructions per block, TENON_CUDA_SIM_MAX_STEPS
  bool verbose = false;                  ///< TENON_CUDA_SIM_VERBOSE
  bool checkRaces = true;                ///< TENON_CUDA_SIM_CHECKS: races, uninitialised
  bool checkUninitialised = true;
  uint64_t failCall = 0; ///< the driver call that fails, TENON_CUDA_SIM_FAIL_CALL
  int failResult = 2;    ///< with what (CUDA_ERROR_OUT_OF_MEMORY)
};

/// Reads TENON_CUDA_SIM*. What cannot be read is named in `problem`, and left as it was.
Options readOptions(std::string &problem);

} // namespace tenon::sim

#endif
