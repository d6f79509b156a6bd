// Threads of the host take clusters one after the other. A cluster that runs for long stands back
// for others, so that blocks which wait for each other through global memory get there, as long as
// all of them would fit on the device at once.

#include "lib/CudaSimulator/Execute/Launch.h"
#include "lib/CudaSimulator/Execute/Block.h"
#include <condition_variable>
#include <mutex>
#include <thread>

namespace tenon::sim {

/// Instructions of warps that a cluster runs before it stands back.
static constexpr uint64_t sliceLength = 4'000'000;

namespace {

class Scheduler {
public:
  explicit Scheduler(const LaunchRequest &request) : request(request) {
    clusterCount = 1;
    for (unsigned i = 0; i < 3; ++i)
      clusterCount *= request.grid[i] / request.cluster[i];
    resident = std::max(1u, request.multiprocessors / request.blocksPerCluster());
  }

  LaunchResult run();

private:
  void work();
  std::unique_ptr<Cluster> take();
  void giveBack(std::unique_ptr<Cluster> cluster, bool finished);
  void fail(const Fault &fault);

  const LaunchRequest &request;
  uint64_t clusterCount, next = 0, resident;
  unsigned active = 0; ///< started and not finished
  std::mutex mutex;
  std::deque<std::unique_ptr<Cluster>> standing; ///< active, but not running
  std::vector<std::unique_ptr<Cluster>> idle;
  LaunchResult result;
  std::atomic<bool> stopped = false;
};

} // namespace

/// A cluster to run: a new one while the device has room, else the one that stood back first; null
/// if none is left for this thread.
std::unique_ptr<Cluster> Scheduler::take() {
  std::unique_lock lock(mutex);
  bool mayStart = next < clusterCount && active < resident;
  if (stopped || (!mayStart && standing.empty()))
    return nullptr;
  std::unique_ptr<Cluster> cluster;
  if (!mayStart) {
    cluster = std::move(standing.front());
    standing.pop_front();
    return cluster;
  }
  uint64_t number = next++;
  ++active;
  if (!idle.empty()) {
    cluster = std::move(idle.back());
    idle.pop_back();
  }
  lock.unlock();
  if (!cluster)
    cluster = std::make_unique<Cluster>(request);
  cluster->start(number);
  return cluster;
}

void Scheduler::giveBack(std::unique_ptr<Cluster> cluster, bool finished) {
  std::lock_guard lock(mutex);
  if (!finished) {
    standing.push_back(std::move(cluster));
    return;
  }
  --active;
  result.counters.add(cluster->counters);
  idle.push_back(std::move(cluster));
}

void Scheduler::fail(const Fault &fault) {
  std::lock_guard lock(mutex);
  stopped = true;
  if (!result.fault)
    result.fault = LaunchFault{fault.kind, fault.what()};
}

void Scheduler::work() {
  try {
    while (std::unique_ptr<Cluster> cluster = take()) {
      bool finished = cluster->run(sliceLength);
      giveBack(std::move(cluster), finished);
    }
  } catch (const Fault &fault) {
    fail(fault);
  } catch (const std::bad_alloc &) {
    fail(Fault(FaultKind::Trap, "the host has too little memory for the simulator"));
  }
}

LaunchResult Scheduler::run() {
  result.counters.launches = 1;
  uint64_t count = request.options->threads ? request.options->threads
                                            : std::max(1u, std::thread::hardware_concurrency());
  count = std::min(count, clusterCount);
  std::vector<std::thread> threads;
  for (uint64_t i = 1; i < count; ++i)
    threads.emplace_back([this] { work(); });
  work();
  for (std::thread &thread : threads)
    thread.join();
  return std::move(result);
}

LaunchResult runLaunch(const LaunchRequest &request) { return Scheduler(request).run(); }

} // namespace tenon::sim
