// The functions of Simulator.h, over the driver's state.

#include "lib/CudaSimulator/Simulator.h"
#include "lib/CudaSimulator/Driver/Driver.h"

using namespace tenon::sim;

static_assert(TENON_CUDA_SIM_KINDS == instructionKinds);

/// A text that the caller may read until it asks again.
static const char *keep(std::string text) {
  thread_local std::string kept;
  kept = std::move(text);
  return kept.c_str();
}

TENON_CUDA_SIM_API const char *tenon_cuda_sim_last_fault(void) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  return keep(driver.lastFault);
}

TENON_CUDA_SIM_API int tenon_cuda_sim_get_counters(const char *kernel,
                                                   tenon_cuda_sim_counters *counters) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  auto it = driver.counters.find(kernel);
  if (it == driver.counters.end())
    return 0;
  const Counters &from = it->second;
  *counters = {
      from.launches,           from.warpInstructions, from.threadInstructions, {},
      from.bankConflicts,      from.globalBytes,      from.globalSectors,      from.wastedBytes,
      from.matrixInstructions, from.matrixProducts};
  std::copy(from.byKind, from.byKind + instructionKinds, counters->by_kind);
  return 1;
}

TENON_CUDA_SIM_API void tenon_cuda_sim_reset_counters(void) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  driver.counters.clear();
}

TENON_CUDA_SIM_API uint64_t tenon_cuda_sim_calls(void) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  return driver.calls;
}

TENON_CUDA_SIM_API void tenon_cuda_sim_fail_call(uint64_t n, int result) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  driver.options.failCall = n ? driver.calls + n : 0;
  driver.options.failResult = result;
}

TENON_CUDA_SIM_API const char *tenon_cuda_sim_leaks(void) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  std::string text = driver.primary ? driver.describeLeaks(*driver.primary) : "";
  for (const auto &[handle, context] : driver.contexts)
    text += driver.describeLeaks(*context);
  return keep(text);
}

TENON_CUDA_SIM_API void tenon_cuda_sim_set_seed(uint64_t seed) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  driver.options.seed = seed;
  driver.random.seed(seed);
}

TENON_CUDA_SIM_API void tenon_cuda_sim_reset(void) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  driver.contextStack().clear();
  if (driver.primary)
    driver.destroyContents(*driver.primary, false);
  for (const auto &[handle, context] : driver.contexts)
    driver.destroyContents(*context, false);
  driver.primary.reset();
  driver.contexts.clear();
  driver.handles.clear();
  driver.graphs.clear();
  driver.memory.reset();
  driver.counters.clear();
  driver.lastFault.clear();
  driver.calls = driver.launches = 0;
}
