// What every entry point does first, and what lives as long as the process.

#include "lib/CudaSimulator/Driver/Driver.h"
#include <cstdio>
#include <cstdlib>
#include <new>

namespace tenon::sim {

Driver &Driver::get() {
  // Never destroyed: threads of the host may call until the very end.
  static Driver &driver = *new Driver;
  return driver;
}

/// Tells what is left when the process ends, where TENON_CUDA_SIM_LEAKS asks for it.
static void reportAtExit() {
  Driver &driver = Driver::get();
  const char *wanted = std::getenv("TENON_CUDA_SIM_LEAKS");
  if (!wanted || !*wanted || *wanted == '0' || !driver.primary)
    return;
  std::string leaks = driver.describeLeaks(*driver.primary);
  if (!leaks.empty())
    std::fprintf(stderr, "tenon_cuda_sim: at exit there are still:\n%s", leaks.c_str());
}

Result Driver::initialise() {
  if (memory)
    return Success;
  std::string problem;
  options = readOptions(problem);
  if (!problem.empty()) {
    std::fprintf(stderr, "tenon_cuda_sim: %s\n", problem.c_str());
    return InvalidValue;
  }
  random.seed(options.seed);
  memory = std::make_unique<DeviceMemory>(options.memoryBytes);
  std::atexit(reportAtExit);
  if (options.verbose)
    std::fprintf(stderr, "tenon_cuda_sim: sm_%u%u, seed %llu\n", options.major, options.minor,
                 static_cast<unsigned long long>(options.seed));
  return Success;
}

std::vector<Context *> &Driver::contextStack() {
  thread_local std::vector<Context *> stack;
  return stack;
}

/// A context that another thread destroyed is no longer current.
Context *Driver::current() {
  std::vector<Context *> &stack = contextStack();
  if (stack.empty() || !find<Context>(stack.back()))
    return nullptr;
  return stack.back();
}

void Driver::release(Context &context, Handle *handle) {
  remove(handle);
  context.owned.erase(handle);
}

Result refuse(Result result, const std::string &message) {
  if (Driver::get().options.verbose)
    std::fprintf(stderr, "tenon_cuda_sim: %s\n", message.c_str());
  return result;
}

static Result guard(Driver &driver, const char *name, const std::function<Result(Driver &)> &body) {
  try {
    return body(driver);
  } catch (const std::bad_alloc &) {
    return refuse(OutOfMemory, std::string(name) + ": the host has too little memory");
  }
}

Result enter(const char *name, const std::function<Result(Driver &)> &body,
             bool needsInitialisation) {
  Driver &driver = Driver::get();
  std::lock_guard lock(driver.mutex);
  if (needsInitialisation && !driver.isInitialised())
    return NotInitialized;
  if (++driver.calls == driver.options.failCall)
    return refuse(static_cast<Result>(driver.options.failResult),
                  std::string(name) + ": fails because it is call number " +
                      std::to_string(driver.calls));
  Result result = guard(driver, name, body);
  if (result != Success && result != NotReady && driver.options.verbose)
    std::fprintf(stderr, "tenon_cuda_sim: %s returns %d\n", name, result);
  return result;
}

Result enterContext(const char *name, const std::function<Result(Driver &, Context &)> &body) {
  return enter(name, [&](Driver &driver) {
    Context *context = driver.current();
    if (!context)
      return InvalidContext;
    if (context->sticky != Success)
      return context->sticky;
    return body(driver, *context);
  });
}

} // namespace tenon::sim
