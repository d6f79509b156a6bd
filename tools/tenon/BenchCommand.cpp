// `tenon bench`: how long a run takes, and where the time goes.
//
// Latency is measured without the profiler; the table of kernels comes from runs of their own.

#include "tools/tenon/Commands.h"
#include "tools/tenon/Devices.h"
#include "tools/tenon/ModelOptions.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

namespace tenon::cli {

static constexpr Option ownOptions[] = {
    inputOption,
    threadsOption,
    {"--pin", false, "keep each thread on one CPU"},
    {"--seconds", true, "S measure as long; default 3"},
    {"--json", false, "print JSON instead of text"},
    {"--verbose", false, "add a table of kernels: time, share, GFLOP/s, GB/s"},
};
static constexpr auto benchOptions =
    joinOptions(ownOptions, openOptions, imageOptions, helpOptions);

namespace {

using Clock = std::chrono::steady_clock;

struct KernelTime {
  std::string name, nodes;
  double milliseconds = 0;           // per run
  double calls = 0;                  // per run
  double flopRate = 0, byteRate = 0; // 1e9 per second; 0 if unknown
};

struct Measurement {
  std::vector<double> times;       // milliseconds, sorted
  std::vector<KernelTime> kernels; // longest first
  double profiledRun = 0;          // milliseconds, with the profiler's own cost

  double quantile(double part) const {
    return times[std::min(times.size() - 1,
                          static_cast<size_t>(part * static_cast<double>(times.size())))];
  }
};

/// Runs a model over and over, on the same buffers.
class Stopwatch {
public:
  Stopwatch(const Session &session, std::vector<Value> &inputs)
      : session(session), results(session.numOutputs()) {
    for (Value &input : inputs)
      arguments.push_back(views.emplace_back(input).get());
  }

  /// Runs for so long, at least `minRuns` times, and appends each run's milliseconds.
  llvm::Error run(double seconds, size_t minRuns, std::vector<double> &times);

private:
  const Session &session;
  std::deque<ValueView> views;
  std::vector<tenon_value> arguments, results;
};

} // namespace

llvm::Error Stopwatch::run(double seconds, size_t minRuns, std::vector<double> &times) {
  Clock::time_point start = Clock::now(), now = start;
  for (size_t runs = 0;
       runs < minRuns || std::chrono::duration<double>(now - start).count() < seconds; ++runs) {
    Clock::time_point before = Clock::now();
    if (tenon_run_values(session.context(), arguments.data(),
                         static_cast<int32_t>(arguments.size()), results.data(),
                         static_cast<int32_t>(results.size())) != TENON_OK)
      return runtimeError();
    now = Clock::now();
    times.push_back(std::chrono::duration<double, std::milli>(now - before).count());
  }
  return llvm::Error::success();
}

static llvm::Error readProfile(const Session &session, Measurement &result) {
  int64_t runs = 0, totalTime = 0;
  if (tenon_profile_runs(session.context(), &runs, &totalTime) != TENON_OK)
    return runtimeError();
  double perRun = 1.0 / static_cast<double>(std::max<int64_t>(1, runs));
  result.profiledRun = static_cast<double>(totalTime) * perRun * 1e-6;
  for (int64_t i = 0; i < tenon_model_num_kernels(session.model()); ++i) {
    tenon_kernel_info info;
    tenon_kernel_profile profile;
    if (tenon_model_kernel(session.model(), i, &info) != TENON_OK ||
        tenon_profile_kernel(session.context(), i, &profile) != TENON_OK)
      return runtimeError();
    if (!profile.calls)
      continue;
    auto calls = static_cast<double>(profile.calls);
    auto time = static_cast<double>(std::max<int64_t>(1, profile.total_ns));
    result.kernels.push_back({info.name, info.nodes, time * perRun * 1e-6, calls * perRun,
                              static_cast<double>(info.flops) * calls / time,
                              static_cast<double>(info.bytes) * calls / time});
  }
  llvm::sort(result.kernels, [](const KernelTime &a, const KernelTime &b) {
    return std::tie(b.milliseconds, a.name) < std::tie(a.milliseconds, b.name);
  });
  return llvm::Error::success();
}

static llvm::Expected<Measurement> measure(const Session &session, std::vector<Value> &inputs,
                                           double seconds, bool profile) {
  Measurement result;
  Stopwatch stopwatch(session, inputs);
  std::vector<double> discarded;
  // Caches, page tables and clock frequency settle first.
  if (llvm::Error error = stopwatch.run(std::min(0.3, seconds), 3, discarded))
    return std::move(error);
  if (llvm::Error error = stopwatch.run(seconds, 5, result.times))
    return std::move(error);
  llvm::sort(result.times);
  if (!profile)
    return result;
  if (tenon_profile_start(session.context()) != TENON_OK)
    return runtimeError();
  if (llvm::Error error = stopwatch.run(std::min(1.0, seconds), 5, discarded))
    return std::move(error);
  tenon_profile_stop(session.context());
  if (llvm::Error error = readProfile(session, result))
    return std::move(error);
  return result;
}

static std::string formatRate(double rate) {
  if (rate == 0)
    return "-";
  char text[32];
  std::snprintf(text, sizeof text, rate < 10 ? "%.2f" : "%.1f", rate);
  return text;
}

static void printText(const Session &session, const Measurement &result) {
  double total = 0;
  for (double time : result.times)
    total += time;
  int32_t threads = tenon_context_threads(session.context());
  llvm::outs() << tenon_model_name(session.model()) << ", " << tenon_model_target(session.model())
               << ", " << threads << (threads == 1 ? " thread, " : " threads, ")
               << result.times.size() << " runs in " << llvm::format("%.1f s\n", total * 1e-3)
               << llvm::format("latency: min %.3f ms, median %.3f ms, p90 %.3f ms\n",
                               result.times.front(), result.quantile(0.5), result.quantile(0.9));
  if (result.kernels.empty())
    return;
  llvm::outs() << "\n     ms/run  share  calls   GFLOP/s      GB/s  kernel\n";
  double kernels = 0;
  for (const KernelTime &kernel : result.kernels)
    kernels += kernel.milliseconds;
  for (const KernelTime &kernel : result.kernels) {
    llvm::StringRef nodes = kernel.nodes;
    llvm::outs() << llvm::format("%11.4f %5.1f%% %6.6g %9s %9s  ", kernel.milliseconds,
                                 100 * kernel.milliseconds / result.profiledRun, kernel.calls,
                                 formatRate(kernel.flopRate).c_str(),
                                 formatRate(kernel.byteRate).c_str())
                 << kernel.name;
    if (!nodes.empty())
      llvm::outs() << "  (" << nodes.take_front(60) << (nodes.size() > 60 ? "…)" : ")");
    llvm::outs() << "\n";
  }
  double rest = std::max(0.0, result.profiledRun - kernels);
  llvm::outs() << llvm::format("%11.4f %5.1f%%                            outside of kernels\n",
                               rest, 100 * rest / result.profiledRun);
}

static void printJson(const Session &session, const Measurement &result) {
  double total = 0;
  for (double time : result.times)
    total += time;
  llvm::json::Object report{
      {"model", llvm::json::fixUTF8(tenon_model_name(session.model()))},
      {"target", tenon_model_target(session.model())},
      {"threads", tenon_context_threads(session.context())},
      {"runs", static_cast<int64_t>(result.times.size())},
      {"min_ms", result.times.front()},
      {"median_ms", result.quantile(0.5)},
      {"p90_ms", result.quantile(0.9)},
      {"mean_ms", total / static_cast<double>(result.times.size())},
  };
  if (!result.kernels.empty()) {
    llvm::json::Array kernels;
    for (const KernelTime &kernel : result.kernels)
      kernels.push_back(llvm::json::Object{{"name", llvm::json::fixUTF8(kernel.name)},
                                           {"nodes", llvm::json::fixUTF8(kernel.nodes)},
                                           {"ms_per_run", kernel.milliseconds},
                                           {"calls_per_run", kernel.calls},
                                           {"gflop_per_s", kernel.flopRate},
                                           {"gb_per_s", kernel.byteRate}});
    report["profiled_run_ms"] = result.profiledRun;
    report["kernels"] = std::move(kernels);
  }
  llvm::outs() << llvm::formatv("{0:2}", llvm::json::Value(std::move(report))) << "\n";
}

static llvm::Error bench(const Arguments &arguments) {
  double seconds = 3;
  std::string text = arguments.get("--seconds", "3");
  if (llvm::StringRef(text).getAsDouble(seconds) || !(seconds > 0) || seconds > 86400)
    return makeError("option '--seconds' needs a number above 0, got '" + text + "'");
  llvm::Expected<tenon_context_options> options = readContextOptions(arguments);
  if (!options)
    return options.takeError();
  llvm::Expected<Session> session = openModel(arguments, *options);
  if (!session)
    return session.takeError();
  llvm::Expected<std::vector<Value>> inputs = makeInputs(*session, arguments, /*random=*/true);
  if (!inputs)
    return inputs.takeError();
  llvm::Expected<Measurement> result =
      measure(*session, *inputs, seconds, arguments.has("--verbose"));
  if (!result)
    return result.takeError();
  if (arguments.has("--json"))
    printJson(*session, *result);
  else
    printText(*session, *result);
  return llvm::Error::success();
}

int runBench(llvm::ArrayRef<const char *> arguments) {
  return runCommand(
      arguments, benchOptions,
      "usage: tenon bench MODEL.{so,onnx} [options]\nInputs that are not given are random.\n",
      bench);
}

} // namespace tenon::cli
