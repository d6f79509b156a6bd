// The state behind the driver's entry points.
//
// One lock protects everything. Work of streams is queued and done when somebody waits for it, in a
// random order as far as the order of streams and events allows: a host program that forgets to
// wait reads what was there before.
#ifndef TENON_LIB_CUDASIMULATOR_DRIVER_DRIVER_H
#define TENON_LIB_CUDASIMULATOR_DRIVER_DRIVER_H

#include "lib/CudaSimulator/Driver/Api.h"
#include "lib/CudaSimulator/Execute/Launch.h"
#include "lib/CudaSimulator/Ptx/Module.h"
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <unordered_map>

namespace tenon::sim {

struct LoadedModule;
struct Graph;

/// What a handle of the driver points to. Handles are known to the driver as long as they are
/// valid.
struct Handle {
  virtual ~Handle() = default;
  virtual const char *kind() const = 0;
};

struct Kernel final : Handle {
  const char *kind() const override { return "kernel"; }
  LoadedModule *module = nullptr;
  std::unique_ptr<Program> program;
  int maxDynamicSharedBytes = 0;
  bool allowsLargeClusters = false;
  int carveout = -1;
};

struct LoadedModule final : Handle {
  const char *kind() const override { return "module"; }
  std::string text;
  Module source;
  std::map<std::string, uint64_t> globals; ///< addresses
  std::map<std::string, uint64_t> sizes;
  std::map<std::string, std::unique_ptr<Kernel>> kernels;
};

/// Something that is done on the device, after all in `after`.
struct Operation {
  std::string name;
  std::function<Result()> run;
  std::vector<std::shared_ptr<Operation>> after;
  bool done = false;
  std::chrono::steady_clock::time_point finished;
};

struct Stream final : Handle {
  const char *kind() const override { return "stream"; }
  bool blocking = true; ///< waits for the legacy default stream and makes it wait
  unsigned flags = 0;
  int priority = 0;
  std::deque<std::shared_ptr<Operation>> queue; ///< not done yet
  std::shared_ptr<Operation> last;              ///< enqueued; may be done
  // Capture.
  std::shared_ptr<Graph> capturing;
  bool isOrigin = false;
  bool invalidated = false;
  std::vector<size_t> dependencies; ///< nodes that the next one comes after
};

struct Event final : Handle {
  const char *kind() const override { return "event"; }
  bool timed = true;
  std::shared_ptr<Operation> recorded; ///< null before the first record
  std::shared_ptr<Graph> capture;      ///< it was recorded in
  std::vector<size_t> nodes;
};

/// A launch as the host asks for it, with its own copy of the arguments.
struct KernelLaunch {
  Kernel *kernel = nullptr;
  LaunchRequest request;
};

struct GraphNode final : Handle {
  const char *kind() const override { return "graph node"; }
  std::string name;
  std::function<Result()> run;
  std::shared_ptr<KernelLaunch> launch; ///< of a kernel node; `run` launches it
  std::vector<size_t> after;
};

struct Graph final : Handle {
  const char *kind() const override { return "graph"; }
  std::vector<std::shared_ptr<GraphNode>> nodes;
};

struct ExecutableGraph final : Handle {
  const char *kind() const override { return "executable graph"; }
  std::shared_ptr<Graph> source; ///< whose nodes name its own
  std::vector<std::shared_ptr<GraphNode>> nodes;
};

struct Context final : Handle {
  const char *kind() const override { return "context"; }
  bool primary = false;
  int references = 0;
  unsigned flags = 0;
  Result sticky = Success;
  Stream defaultStream;                            ///< the legacy one
  std::map<void *, std::unique_ptr<Handle>> owned; ///< modules, streams, events
  std::set<uint64_t> allocations;                  ///< addresses
};

class Driver {
public:
  static Driver &get();

  Result initialise();
  bool isInitialised() const { return memory != nullptr; }

  /// The context of the calling thread, or null.
  Context *current();
  std::vector<Context *> &contextStack();

  // Handles.
  template <typename T> T *find(void *handle) {
    auto it = handles.find(handle);
    return it == handles.end() ? nullptr : dynamic_cast<T *>(it->second);
  }
  void add(Handle *handle) { handles[handle] = handle; }
  void remove(Handle *handle) { handles.erase(handle); }
  template <typename T> T *own(Context &context, std::unique_ptr<T> object) {
    T *result = object.get();
    add(result);
    context.owned[result] = std::move(object);
    return result;
  }
  void release(Context &context, Handle *handle);

  // Streams (Streams.cpp).
  Stream *findStream(Context &context, void *handle);
  Result enqueue(Context &context, Stream &stream, std::string name, std::function<Result()> run);
  Result enqueueLaunch(Context &context, Stream &stream, std::shared_ptr<KernelLaunch> launch);
  Result complete(Context &context, const std::shared_ptr<Operation> &operation);
  Result completeAll(Context &context);
  Result completeStream(Context &context, Stream &stream);
  /// Does one operation that can be done, if there is any.
  void advance(Context &context);

  /// Runs a kernel, now (Launches.cpp).
  Result runKernel(const KernelLaunch &launch);

  // Memory.
  /// Copies between any two places; either may be the device's. `name` is for messages.
  Result copyNow(DevicePointer to, DevicePointer from, size_t bytes);
  /// The bytes of an address of the device or the host, or null with an error.
  uint8_t *resolve(DevicePointer address, size_t bytes, bool writes, Result &error);

  /// Destroys what a context owns. `report`: leaks are told on stderr.
  void destroyContents(Context &context, bool report);
  std::string describeLeaks(const Context &context) const;

  unsigned multiprocessors() const;
  uint64_t sharedPerBlockOptIn() const;
  uint64_t sharedPerMultiprocessor() const;

  std::recursive_mutex mutex;
  Options options;
  std::unique_ptr<DeviceMemory> memory;
  std::unique_ptr<Context> primary;
  std::map<void *, std::unique_ptr<Context>> contexts;
  std::unordered_map<void *, Handle *> handles;
  std::map<void *, std::shared_ptr<Handle>> graphs; ///< graphs, and executable ones
  std::mt19937_64 random;
  std::map<std::string, Counters> counters; ///< by the name of the kernel
  std::string lastFault;
  uint64_t calls = 0, launches = 0;
};

/// Runs the body of an entry point: under the lock, counted, failed where that was asked for, and
/// with what it throws turned into results.
Result enter(const char *name, const std::function<Result(Driver &)> &body,
             bool needsInitialisation = true);
/// As `enter`, in a context that is current and has not failed.
Result enterContext(const char *name, const std::function<Result(Driver &, Context &)> &body);

/// Tells on stderr what is wrong with a call, under TENON_CUDA_SIM_VERBOSE, and returns the result.
Result refuse(Result result, const std::string &message);

} // namespace tenon::sim

#endif
