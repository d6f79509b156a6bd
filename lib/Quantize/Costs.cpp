// How long kernels take (see the header).

#include "lib/Quantize/Costs.h"
#include "lib/Support/Files.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include <chrono>

namespace json = llvm::json;

namespace tenon::quantize {

llvm::Expected<KernelCosts> measureKernels(Session &session, Sample &sample) {
  constexpr int64_t leastRuns = 5, mostRuns = 2000;
  constexpr std::chrono::milliseconds enough(100);
  auto runOnce = [&]() -> llvm::Error {
    llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = session.view(sample.inputs);
    if (!outputs)
      return makeError(sample.origin + ": " + llvm::toString(outputs.takeError()));
    return llvm::Error::success();
  };
  // The first run allocates.
  if (llvm::Error error = runOnce())
    return error;
  if (tenon_profile_start(session.context()) != TENON_OK)
    return runtimeError();
  auto end = std::chrono::steady_clock::now() + enough;
  int64_t runs = 0;
  for (; runs < leastRuns || (runs < mostRuns && std::chrono::steady_clock::now() < end); ++runs)
    if (llvm::Error error = runOnce())
      return error;
  tenon_profile_stop(session.context());
  KernelCosts kernels;
  for (int64_t i = 0; i < tenon_model_num_kernels(session.model()); ++i) {
    tenon_kernel_info info = {};
    tenon_kernel_profile profile = {};
    if (tenon_model_kernel(session.model(), i, &info) != TENON_OK ||
        tenon_profile_kernel(session.context(), i, &profile) != TENON_OK)
      return runtimeError();
    auto calls = static_cast<double>(profile.calls) / static_cast<double>(runs);
    kernels[info.name] = {calls * static_cast<double>(profile.min_ns),
                          static_cast<int64_t>(calls * static_cast<double>(info.bytes))};
  }
  return kernels;
}

bool isFaster(double time, double other) {
  constexpr double share = 0.03, nanoseconds = 20;
  return time < (1 - share) * other - nanoseconds;
}

double totalTime(const KernelCosts &kernels) {
  double time = 0;
  for (const auto &[name, kernel] : kernels)
    time += kernel.time;
  return time;
}

std::vector<double> sumByGroup(const KernelCosts &kernels,
                               llvm::ArrayRef<driver::LaunchReport> launches,
                               const NodeOwners &owners, size_t groups) {
  llvm::StringMap<int64_t> counts;
  for (const driver::LaunchReport &launch : launches)
    ++counts[launch.kernel];
  std::vector<double> times(groups, 0);
  for (const driver::LaunchReport &launch : launches) {
    auto kernel = kernels.find(launch.kernel);
    llvm::SmallVector<unsigned> found = owners.find(launch);
    if (kernel == kernels.end())
      continue;
    for (unsigned group : found)
      times[group] += kernel->second.time / static_cast<double>(counts[launch.kernel]) /
                      static_cast<double>(found.size());
  }
  return times;
}

double estimateByteTime(const KernelCosts &kernels) {
  // Small ones take as long as it takes to start them.
  constexpr int64_t largeBytes = 1 << 14;
  double least = 0;
  for (const auto &[name, kernel] : kernels)
    if (kernel.bytes >= largeBytes) {
      double each = kernel.time / static_cast<double>(kernel.bytes);
      least = least == 0 ? each : std::min(least, each);
    }
  return least;
}

// ---- Records

std::string CostRecords::getDefaultPath() {
  std::optional<std::string> folder = llvm::sys::Process::GetEnv("XDG_CACHE_HOME");
  llvm::SmallString<128> path;
  if (folder && !folder->empty())
    path = *folder;
  else if (!llvm::sys::path::cache_directory(path))
    return "";
  llvm::sys::path::append(path, "tenon", "kernel-times.json");
  return path.str().str();
}

/// The records in a file; none if it cannot be read.
static json::Object readRecords(llvm::StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return {};
  llvm::Expected<json::Value> value = json::parse((*file)->getBuffer());
  if (!value) {
    llvm::consumeError(value.takeError());
    return {};
  }
  return value->getAsObject() ? std::move(*value->getAsObject()) : json::Object();
}

std::optional<KernelCosts> CostRecords::find(llvm::StringRef key) const {
  if (path.empty())
    return std::nullopt;
  json::Object records = readRecords(path);
  const json::Object *known = records.getObject(key);
  if (!known)
    return std::nullopt;
  KernelCosts kernels;
  for (const auto &[name, value] : *known) {
    const json::Object *object = value.getAsObject();
    std::optional<double> time = object ? object->getNumber("time") : std::nullopt;
    std::optional<int64_t> bytes = object ? object->getInteger("bytes") : std::nullopt;
    if (!time || !bytes)
      return std::nullopt;
    kernels[llvm::StringRef(name).str()] = {*time, *bytes};
  }
  return kernels;
}

void CostRecords::add(llvm::StringRef key, const KernelCosts &kernels) {
  if (path.empty())
    return;
  json::Object records = readRecords(path);
  json::Object entries;
  for (const auto &[name, kernel] : kernels)
    entries[name] = json::Object{{"time", kernel.time}, {"bytes", kernel.bytes}};
  records[key.str()] = std::move(entries);
  std::string text = llvm::formatv("{0}\n", json::Value(std::move(records))).str();
  if (llvm::sys::fs::create_directories(llvm::sys::path::parent_path(path)))
    return;
  llvm::consumeError(writeFile(path, text));
}

} // namespace tenon::quantize
