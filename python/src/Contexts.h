// The contexts of a model: each run of a Python thread takes an idle one or makes a new one.
#ifndef TENON_PYTHON_CONTEXTS_H
#define TENON_PYTHON_CONTEXTS_H

#include "tenon/runtime.h"
#include <memory>
#include <mutex>
#include <vector>

namespace tenon::python {

using ModelHandle = std::shared_ptr<tenon_model>;
using ContextHandle = std::unique_ptr<tenon_context, void (*)(tenon_context *)>;

class ContextPool {
public:
  /// Makes the first one, so that the first run is not the one that starts threads; throws if the
  /// options are bad.
  ContextPool(ModelHandle model, int32_t threads, bool pin);

  ContextHandle take();
  void give(ContextHandle context);
  /// How many threads a run uses.
  int32_t countThreads() const { return numThreads; }

private:
  ContextHandle create() const;

  ModelHandle model; // outlives the contexts
  int32_t threads, numThreads;
  bool pin;
  std::mutex mutex;
  std::vector<ContextHandle> idle;
};

/// A context that goes back when what a run has left in its memory is not used any more.
class ContextLease {
public:
  ContextLease(std::shared_ptr<ContextPool> pool, ContextHandle context)
      : pool(std::move(pool)), context(std::move(context)) {}
  ~ContextLease() { pool->give(std::move(context)); }
  ContextLease(const ContextLease &) = delete;
  ContextLease &operator=(const ContextLease &) = delete;

  tenon_context *get() const { return context.get(); }

private:
  std::shared_ptr<ContextPool> pool;
  ContextHandle context;
};

} // namespace tenon::python

#endif // TENON_PYTHON_CONTEXTS_H
