/* What the simulated driver tells beyond the CUDA driver's interface. C, for whatever loads it.
 *
 * The functions may be called at any time from any thread. Texts stay valid until the calling
 * thread asks again. */
#ifndef TENON_LIB_CUDASIMULATOR_SIMULATOR_H
#define TENON_LIB_CUDASIMULATOR_SIMULATOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of instructions, in the order of tenon_cuda_sim_counters.by_kind. */
enum {
  TENON_CUDA_SIM_INTEGER,
  TENON_CUDA_SIM_FLOAT,
  TENON_CUDA_SIM_CONVERT,
  TENON_CUDA_SIM_MOVE,
  TENON_CUDA_SIM_CONTROL,
  TENON_CUDA_SIM_GLOBAL_MEMORY,
  TENON_CUDA_SIM_SHARED_MEMORY,
  TENON_CUDA_SIM_OTHER_MEMORY,
  TENON_CUDA_SIM_ATOMIC,
  TENON_CUDA_SIM_COMMUNICATION,
  TENON_CUDA_SIM_SYNCHRONISATION,
  TENON_CUDA_SIM_MATRIX,
  TENON_CUDA_SIM_ASYNC_COPY,
  TENON_CUDA_SIM_KINDS
};

/* Sums over all launches of a kernel. */
typedef struct tenon_cuda_sim_counters {
  uint64_t launches;
  uint64_t warp_instructions;
  uint64_t thread_instructions;
  uint64_t by_kind[TENON_CUDA_SIM_KINDS]; /* instructions of warps */
  uint64_t bank_conflicts;                /* cycles lost in shared memory */
  uint64_t global_bytes;        /* asked for by ordinary loads and stores of global memory */
  uint64_t global_sectors;      /* sectors of 32 bytes that they touched */
  uint64_t wasted_bytes;        /* of these sectors, asked for by no lane */
  uint64_t matrix_instructions; /* mma and wgmma, per warp */
  uint64_t matrix_products;     /* multiplications in them */
} tenon_cuda_sim_counters;

/* The message of the last fault of a kernel: kernel, PTX line, block, thread, and what is wrong.
 * Empty if there was none. */
const char *tenon_cuda_sim_last_fault(void);

/* Reads a kernel's counters. Returns 1, or 0 if no kernel of this name has run. */
int tenon_cuda_sim_get_counters(const char *kernel, tenon_cuda_sim_counters *counters);
void tenon_cuda_sim_reset_counters(void);

/* How many calls of the driver there were. */
uint64_t tenon_cuda_sim_calls(void);

/* Makes the n-th call from now on fail with a CUresult (1: the next one; 0: none). */
void tenon_cuda_sim_fail_call(uint64_t n, int result);

/* What is allocated and not freed, one thing a line. Empty if there is nothing. */
const char *tenon_cuda_sim_leaks(void);

/* Another seed for the order of warps, copies and streams from now on. */
void tenon_cuda_sim_set_seed(uint64_t seed);

/* Forgets everything, as if the process had just started: what is allocated is freed, the
 * environment is read again by the next cuInit. No handle is valid afterwards. */
void tenon_cuda_sim_reset(void);

#ifdef __cplusplus
}
#endif

#endif
