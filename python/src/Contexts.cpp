// See the header.
#include "python/src/Contexts.h"
#include "python/src/Arrays.h"

namespace tenon::python {

ContextPool::ContextPool(ModelHandle model, int32_t threads, bool pin)
    : model(std::move(model)), threads(threads), pin(pin) {
  idle.push_back(create());
  numThreads = tenon_context_threads(idle.back().get());
}

ContextHandle ContextPool::create() const {
  tenon_context_options options = {};
  options.threads = threads;
  options.pin_threads = pin;
  tenon_context *context = nullptr;
  check(tenon_context_create(model.get(), &options, &context));
  return ContextHandle(context, tenon_context_free);
}

ContextHandle ContextPool::take() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!idle.empty()) {
      ContextHandle context = std::move(idle.back());
      idle.pop_back();
      return context;
    }
  }
  return create();
}

void ContextPool::give(ContextHandle context) {
  std::lock_guard<std::mutex> lock(mutex);
  idle.push_back(std::move(context));
}

} // namespace tenon::python
