// Streams and events. What is enqueued waits for what came before it in its stream, for the events
// that the stream was told to wait for, and for the legacy default stream, which waits for all
// others that do not say otherwise.

#include "lib/CudaSimulator/Driver/Driver.h"
#include <algorithm>
#include <cstdio>

namespace tenon::sim {

/// cuda.h: CU_STREAM_LEGACY and CU_STREAM_PER_THREAD.
static void *const legacyStream = reinterpret_cast<void *>(1);
static void *const perThreadStream = reinterpret_cast<void *>(2);

Stream *Driver::findStream(Context &context, void *handle) {
  if (!handle || handle == legacyStream || handle == perThreadStream)
    return &context.defaultStream;
  Stream *stream = find<Stream>(handle);
  return stream && context.owned.count(handle) ? stream : nullptr;
}

static std::vector<Stream *> streamsOf(Context &context) {
  std::vector<Stream *> streams{&context.defaultStream};
  for (const auto &[handle, object] : context.owned)
    if (auto *stream = dynamic_cast<Stream *>(object.get()))
      streams.push_back(stream);
  return streams;
}

/// Adds a node to the graph that a stream captures into.
static Result capture(Driver &driver, Stream &stream, std::shared_ptr<GraphNode> node) {
  if (stream.invalidated)
    return StreamCaptureInvalidated;
  node->after = stream.dependencies;
  stream.dependencies = {stream.capturing->nodes.size()};
  driver.add(node.get());
  stream.capturing->nodes.push_back(std::move(node));
  return Success;
}

Result Driver::enqueue(Context &context, Stream &stream, std::string name,
                       std::function<Result()> run) {
  if (stream.capturing) {
    auto node = std::make_shared<GraphNode>();
    node->name = std::move(name);
    node->run = std::move(run);
    return capture(*this, stream, std::move(node));
  }
  auto operation = std::make_shared<Operation>();
  operation->name = std::move(name);
  operation->run = std::move(run);
  bool isDefault = &stream == &context.defaultStream;
  for (Stream *other : streamsOf(context))
    if (other->last && !other->last->done &&
        (other == &stream || (isDefault && other->blocking) ||
         (stream.blocking && other == &context.defaultStream)))
      operation->after.push_back(other->last);
  stream.last = operation;
  stream.queue.push_back(std::move(operation));
  return Success;
}

Result Driver::enqueueLaunch(Context &context, Stream &stream,
                             std::shared_ptr<KernelLaunch> launch) {
  auto run = [this, launch] { return runKernel(*launch); };
  if (!stream.capturing)
    return enqueue(context, stream, "cuLaunchKernel", run);
  auto node = std::make_shared<GraphNode>();
  node->name = launch->request.program->name;
  node->launch = launch;
  // Reads the node, whose launch may be replaced.
  node->run = [this, weak = std::weak_ptr<GraphNode>(node)] {
    return runKernel(*weak.lock()->launch);
  };
  return capture(*this, stream, std::move(node));
}

static bool isReady(const Operation &operation) {
  return std::all_of(operation.after.begin(), operation.after.end(),
                     [](const auto &other) { return other->done; });
}

/// Does what a stream has next. A failure stops the context: nothing more is done.
static void runHead(Context &context, Stream &stream) {
  std::shared_ptr<Operation> operation = stream.queue.front();
  stream.queue.pop_front();
  if (context.sticky == Success) {
    Result result = operation->run();
    if (result != Success)
      context.sticky = result;
  }
  operation->done = true;
  operation->finished = std::chrono::steady_clock::now();
  operation->run = nullptr;
  operation->after.clear();
}

static std::vector<Stream *> readyStreams(Context &context) {
  std::vector<Stream *> streams = streamsOf(context);
  std::erase_if(streams, [](Stream *stream) {
    return stream->queue.empty() || !isReady(*stream->queue.front());
  });
  return streams;
}

void Driver::advance(Context &context) {
  std::vector<Stream *> ready = readyStreams(context);
  if (!ready.empty())
    runHead(context, *ready[random() % ready.size()]);
}

Result Driver::complete(Context &context, const std::shared_ptr<Operation> &operation) {
  while (operation && !operation->done) {
    std::vector<Stream *> ready = readyStreams(context);
    if (ready.empty())
      return refuse(NotReady, "work waits for an event that nobody will record");
    runHead(context, *ready[random() % ready.size()]);
  }
  return context.sticky;
}

Result Driver::completeStream(Context &context, Stream &stream) {
  if (stream.capturing) {
    stream.invalidated = true;
    return StreamCaptureUnsupported;
  }
  // Waiting for the legacy default stream is waiting for what it waits for; an empty one included.
  if (&stream == &context.defaultStream)
    for (Stream *other : streamsOf(context))
      if (other->blocking && !other->capturing)
        if (Result result = complete(context, other->last); result != Success)
          return result;
  return complete(context, stream.last);
}

Result Driver::completeAll(Context &context) {
  for (Stream *stream : streamsOf(context))
    if (Result result = complete(context, stream->last); result != Success)
      return result;
  return context.sticky;
}

static Result createStream(Driver &driver, Context &context, void **stream, unsigned flags,
                           int priority) {
  if (!stream || flags > 1)
    return InvalidValue;
  auto made = std::make_unique<Stream>();
  made->flags = flags;
  made->blocking = flags == 0;
  made->priority = std::clamp(priority, -5, 0);
  *stream = driver.own(context, std::move(made));
  return Success;
}

/// A stream that captures waits for an event of the same capture; another stream so joins it.
static Result waitInCapture(Stream &stream, Event &event) {
  if (!event.capture) {
    stream.invalidated = true;
    return StreamCaptureIsolation;
  }
  if (stream.capturing && stream.capturing != event.capture)
    return StreamCaptureIsolation;
  stream.capturing = event.capture;
  for (size_t node : event.nodes)
    if (std::find(stream.dependencies.begin(), stream.dependencies.end(), node) ==
        stream.dependencies.end())
      stream.dependencies.push_back(node);
  return Success;
}

static Result waitForEvent(Driver &driver, Context &context, Stream &stream, Event &event) {
  if (stream.capturing || event.capture)
    return waitInCapture(stream, event);
  if (!event.recorded || event.recorded->done)
    return Success;
  Result result = driver.enqueue(context, stream, "cuStreamWaitEvent", [] { return Success; });
  stream.queue.back()->after.push_back(event.recorded);
  return result;
}

static Result recordEvent(Driver &driver, Context &context, Stream &stream, Event &event) {
  if (stream.capturing) {
    event.capture = stream.capturing;
    event.nodes = stream.dependencies;
    event.recorded.reset();
    return Success;
  }
  event.capture.reset();
  Result result = driver.enqueue(context, stream, "cuEventRecord", [] { return Success; });
  event.recorded = stream.last;
  return result;
}

} // namespace tenon::sim

using namespace tenon::sim;

TENON_CUDA_SIM_API Result cuStreamCreate(void **stream, unsigned flags) {
  return enterContext("cuStreamCreate", [&](Driver &driver, Context &context) {
    return createStream(driver, context, stream, flags, 0);
  });
}

TENON_CUDA_SIM_API Result cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) {
  return enterContext("cuStreamCreateWithPriority", [&](Driver &driver, Context &context) {
    return createStream(driver, context, stream, flags, priority);
  });
}

TENON_CUDA_SIM_API Result cuStreamDestroy_v2(void *handle) {
  return enterContext("cuStreamDestroy", [&](Driver &driver, Context &context) {
    Stream *stream = driver.findStream(context, handle);
    if (!stream || stream == &context.defaultStream)
      return InvalidHandle;
    // Hardware finishes what is queued after the call; nobody can tell the difference.
    Result result = stream->capturing ? Success : driver.completeStream(context, *stream);
    driver.release(context, stream);
    return result;
  });
}

TENON_CUDA_SIM_API Result cuStreamSynchronize(void *handle) {
  return enterContext("cuStreamSynchronize", [&](Driver &driver, Context &context) {
    Stream *stream = driver.findStream(context, handle);
    return stream ? driver.completeStream(context, *stream) : InvalidHandle;
  });
}

TENON_CUDA_SIM_API Result cuStreamQuery(void *handle) {
  return enterContext("cuStreamQuery", [&](Driver &driver, Context &context) {
    Stream *stream = driver.findStream(context, handle);
    if (!stream)
      return InvalidHandle;
    if (stream->capturing)
      return StreamCaptureUnsupported;
    if (!stream->last || stream->last->done)
      return Success;
    driver.advance(context);
    if (context.sticky != Success)
      return context.sticky;
    return stream->last->done ? Success : NotReady;
  });
}

TENON_CUDA_SIM_API Result cuStreamGetFlags(void *handle, unsigned *flags) {
  return enterContext("cuStreamGetFlags", [&](Driver &driver, Context &context) {
    Stream *stream = driver.findStream(context, handle);
    if (!stream || !flags)
      return stream ? InvalidValue : InvalidHandle;
    *flags = stream->flags;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuStreamGetPriority(void *handle, int *priority) {
  return enterContext("cuStreamGetPriority", [&](Driver &driver, Context &context) {
    Stream *stream = driver.findStream(context, handle);
    if (!stream || !priority)
      return stream ? InvalidValue : InvalidHandle;
    *priority = stream->priority;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuStreamGetCtx(void *handle, void **result) {
  return enterContext("cuStreamGetCtx", [&](Driver &driver, Context &context) {
    if (!driver.findStream(context, handle))
      return InvalidHandle;
    if (!result)
      return InvalidValue;
    *result = &context;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuStreamWaitEvent(void *handle, void *eventHandle, unsigned) {
  return enterContext("cuStreamWaitEvent", [&](Driver &driver, Context &context) {
    Stream *stream = driver.findStream(context, handle);
    auto *event = driver.find<Event>(eventHandle);
    if (!stream || !event)
      return InvalidHandle;
    return waitForEvent(driver, context, *stream, *event);
  });
}

TENON_CUDA_SIM_API Result cuLaunchHostFunc(void *handle, void (*function)(void *), void *data) {
  return enterContext("cuLaunchHostFunc", [&](Driver &driver, Context &context) {
    Stream *stream = driver.findStream(context, handle);
    if (!stream || !function)
      return stream ? InvalidValue : InvalidHandle;
    return driver.enqueue(context, *stream, "cuLaunchHostFunc", [function, data] {
      function(data);
      return Success;
    });
  });
}

TENON_CUDA_SIM_API Result cuEventCreate(void **event, unsigned flags) {
  return enterContext("cuEventCreate", [&](Driver &driver, Context &context) {
    if (!event || flags > 7)
      return InvalidValue;
    auto made = std::make_unique<Event>();
    made->timed = !(flags & 2);
    *event = driver.own(context, std::move(made));
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuEventDestroy_v2(void *handle) {
  return enterContext("cuEventDestroy", [&](Driver &driver, Context &context) {
    auto *event = driver.find<Event>(handle);
    if (!event)
      return InvalidHandle;
    driver.release(context, event);
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuEventRecord(void *handle, void *streamHandle) {
  return enterContext("cuEventRecord", [&](Driver &driver, Context &context) {
    Stream *stream = driver.findStream(context, streamHandle);
    auto *event = driver.find<Event>(handle);
    if (!stream || !event)
      return InvalidHandle;
    return recordEvent(driver, context, *stream, *event);
  });
}

TENON_CUDA_SIM_API Result cuEventSynchronize(void *handle) {
  return enterContext("cuEventSynchronize", [&](Driver &driver, Context &context) {
    auto *event = driver.find<Event>(handle);
    if (!event)
      return InvalidHandle;
    if (event->capture)
      return CapturedEvent;
    return driver.complete(context, event->recorded);
  });
}

TENON_CUDA_SIM_API Result cuEventQuery(void *handle) {
  return enterContext("cuEventQuery", [&](Driver &driver, Context &context) {
    auto *event = driver.find<Event>(handle);
    if (!event)
      return InvalidHandle;
    if (event->capture)
      return CapturedEvent;
    if (event->recorded && !event->recorded->done)
      driver.advance(context);
    if (context.sticky != Success)
      return context.sticky;
    return !event->recorded || event->recorded->done ? Success : NotReady;
  });
}

TENON_CUDA_SIM_API Result cuEventElapsedTime(float *milliseconds, void *startHandle,
                                             void *endHandle) {
  return enterContext("cuEventElapsedTime", [&](Driver &driver, Context &) {
    auto *start = driver.find<Event>(startHandle), *end = driver.find<Event>(endHandle);
    if (!milliseconds)
      return InvalidValue;
    if (!start || !end || !start->timed || !end->timed || !start->recorded || !end->recorded)
      return InvalidHandle;
    if (!start->recorded->done || !end->recorded->done)
      return NotReady;
    std::chrono::duration<float, std::milli> time =
        end->recorded->finished - start->recorded->finished;
    *milliseconds = time.count();
    return Success;
  });
}
TENON_CUDA_SIM_API Result cuEventElapsedTime_v2(float *milliseconds, void *start, void *end) {
  return cuEventElapsedTime(milliseconds, start, end);
}
