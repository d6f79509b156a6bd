// `tenon verify`: compiles models, runs them on stored inputs and compares with stored outputs.
//
// Folders are laid out as ONNX's backend tests: model.onnx, test_data_set_*/{input,output}_i.pb.
// Each is checked by a child process (VerifyCase), several at once; results appear in the order of
// names.

#include "lib/Driver/Driver.h"
#include "lib/Evaluation/Budget.h"
#include "lib/Support/Files.h"
#include "tools/tenon/Arguments.h"
#include "tools/tenon/Commands.h"
#include "tools/tenon/Devices.h"
#include "tools/tenon/ModelOptions.h"
#include "tools/tenon/TemporaryDirectory.h"
#include "tools/tenon/VerifyCase.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>

namespace tenon::cli {

static constexpr Option ownOptions[] = {
    deviceOption,
    {"--target", true, "LIST as for tenon compile; default cpu:native"},
    placeOption,
    {"--precision", true,
     "P as for tenon compile; with bf16, floating point results may differ by 2% of their output's "
     "range, too, with f16 and tf32 by 0.3%, with fp32-fast by 0.01%, and with a file by the "
     "larger one that it asks for; a recipe is for one model, whose floating point outputs lose no "
     "more than --budget"},
    {"--budget", true, "B as for tenon quantize, with a recipe; default the recipe's own"},
    {"--jobs", true, "N models at once; default one per core"},
    {"--threads", true, "LIST of how many threads run a model; default 1,2,4"},
    {"--timeout", true, "S seconds that one model may take; default 300"},
    {"--memory", true, "MB megabytes of memory that one model may take; default 8192"},
    {"--run-with", true,
     "COMMAND that runs the models, which are compiled to executables: an emulator of --target"},
    {"--guard", false, "allocate each buffer by itself, between pages that may not be touched"},
    keepDeadChannelsOption,
    {"--json", true, "FILE results, with the cause of each failure"},
    {"--list", true, "FILE names of the models that passed, one per line"},
    {"-v", false, "print what passed and was skipped, too"},
};
static constexpr auto verifyOptions = joinOptions(ownOptions, helpOptions);

namespace {

struct Case {
  std::string name, folder;
  VerifyResult result;
  bool done = false;
};

/// Checks the cases with several children at once and prints results in order.
class Runner {
public:
  Runner(std::vector<Case> &cases, const VerifySettings &settings, bool verbose)
      : cases(cases), settings(settings), verbose(verbose) {}

  void run(size_t jobs, const TemporaryDirectory &directory);

private:
  void work(const TemporaryDirectory &directory);
  void printDone();

  std::vector<Case> &cases;
  const VerifySettings &settings;
  bool verbose;
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  size_t printed = 0;
};

} // namespace

/// Set when the user wants no more, so that the temporary directory still goes away.
static std::atomic<bool> interrupted = false;

static llvm::StringRef statusName(VerifyStatus status) {
  switch (status) {
  case VerifyStatus::Passed:
    return "passed";
  case VerifyStatus::Failed:
    return "failed";
  case VerifyStatus::Skipped:
    return "skipped";
  }
  return "";
}

void Runner::printDone() {
  for (; printed < cases.size() && cases[printed].done; ++printed) {
    const Case &done = cases[printed];
    if (done.result.status != VerifyStatus::Failed && !verbose)
      continue;
    llvm::outs() << statusName(done.result.status) << " " << done.name;
    if (!done.result.cause.empty())
      llvm::outs() << ": " << done.result.cause;
    llvm::outs() << "\n";
    llvm::outs().flush();
  }
}

void Runner::work(const TemporaryDirectory &directory) {
  for (size_t i; !interrupted && (i = next++) < cases.size();) {
    std::string binary = directory.file(llvm::Twine(i) + ".so");
    VerifyResult result = verifyInChild(cases[i].folder, binary, settings);
    llvm::sys::fs::remove(binary);
    std::lock_guard lock(mutex);
    if (interrupted)
      return;
    cases[i].result = std::move(result);
    cases[i].done = true;
    printDone();
  }
}

void Runner::run(size_t jobs, const TemporaryDirectory &directory) {
  std::vector<std::thread> workers;
  for (size_t i = 0; i < std::min(jobs, cases.size()); ++i)
    workers.emplace_back([&] { work(directory); });
  for (std::thread &worker : workers)
    worker.join();
}

/// Adds the folders with models in `folder` and below it.
static void findCases(const std::string &folder, const std::string &name, int depth,
                      std::vector<Case> &cases) {
  if (llvm::sys::fs::exists(folder + "/model.onnx")) {
    cases.push_back({name, folder, {}});
    return;
  }
  // As deep as the tests lie below onnx/backend/test; a limit because links may make circles.
  if (depth == 4)
    return;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(folder, error), end; it != end && !error;
       it.increment(error)) {
    llvm::StringRef base = llvm::sys::path::filename(it->path());
    if (llvm::sys::fs::is_directory(it->path()) && !base.starts_with("."))
      findCases(it->path(), name.empty() ? base.str() : name + "/" + base.str(), depth + 1, cases);
  }
}

static llvm::Expected<std::vector<Case>> findAllCases(const std::vector<std::string> &folders) {
  std::vector<Case> cases;
  for (const std::string &folder : folders) {
    if (!llvm::sys::fs::is_directory(folder))
      return llvm::createStringError(folder + ": is not a folder");
    size_t before = cases.size();
    llvm::SmallString<256> path(folder);
    llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/false);
    while (path.size() > 1 && path.ends_with("/"))
      path.pop_back();
    bool isCase = llvm::sys::fs::exists(path + "/model.onnx");
    findCases(std::string(path), isCase ? llvm::sys::path::filename(path).str() : "", 0, cases);
    if (cases.size() == before)
      return llvm::createStringError(folder + ": has no folder with a model.onnx");
  }
  llvm::sort(cases, [](const Case &a, const Case &b) {
    return std::tie(a.name, a.folder) < std::tie(b.name, b.folder);
  });
  return cases;
}

static std::string formatJson(const std::vector<Case> &cases) {
  llvm::json::Array results;
  llvm::StringMap<int64_t> counts;
  for (const Case &each : cases) {
    ++counts[statusName(each.result.status)];
    llvm::json::Object result{{"name", each.name},
                              {"folder", each.folder},
                              {"status", statusName(each.result.status)},
                              {"seconds", each.result.seconds},
                              {"arena_bytes", each.result.arenaBytes},
                              {"arena_lower_bound", each.result.arenaLowerBound}};
    if (!each.result.cause.empty())
      result["cause"] = llvm::json::fixUTF8(each.result.cause);
    results.push_back(std::move(result));
  }
  llvm::json::Object report{{"passed", counts.lookup("passed")},
                            {"failed", counts.lookup("failed")},
                            {"skipped", counts.lookup("skipped")},
                            {"results", std::move(results)}};
  std::string text;
  llvm::raw_string_ostream(text) << llvm::formatv("{0:2}", llvm::json::Value(std::move(report)))
                                 << "\n";
  return text;
}

/// What a model may lose that is compiled as a recipe says.
static llvm::Expected<std::string> readBudget(const Arguments &arguments,
                                              const std::string &precision) {
  if (!quantize::isRecipePath(precision)) {
    if (arguments.has("--budget"))
      return makeError("option '--budget' is for recipes (--precision=NAME.precision.json)");
    return std::string();
  }
  llvm::Expected<quantize::Recipe> recipe = quantize::readRecipe(precision);
  if (!recipe)
    return recipe.takeError();
  std::string budget = arguments.get("--budget", recipe->budget);
  if (budget.empty())
    return makeError(precision + ": has no budget to judge by: say --budget");
  llvm::Expected<quantize::Budget> read = quantize::Budget::parse(budget);
  if (!read)
    return read.takeError();
  if (read->kind == quantize::LossKind::Metric)
    return makeError(precision + ": its budget is of a metric, which is for Python: say --budget");
  return budget;
}

static llvm::Expected<VerifySettings> readSettings(const Arguments &arguments, int64_t jobs,
                                                   int64_t cores) {
  VerifySettings settings;
  if (llvm::Error error = useDevice(arguments))
    return std::move(error);
  settings.targets = arguments.get("--target", getDefaultTarget(arguments));
  settings.place = arguments.get("--place", settings.place);
  settings.precision = arguments.get("--precision", settings.precision);
  llvm::Expected<std::string> budget = readBudget(arguments, settings.precision);
  if (!budget)
    return budget.takeError();
  settings.budget = std::move(*budget);
  if (settings.budget.empty()) {
    auto precision = driver::PrecisionOption::parse(settings.precision);
    if (!precision)
      return precision.takeError();
    settings.rangeTolerance = getRangeTolerance(precision->getRules());
  }
  settings.threads = arguments.get("--threads", "1,2,4");
  if (llvm::Error error = arguments.numbers("--threads", settings.threads, 1).takeError())
    return error;
  llvm::Expected<int64_t> timeout = arguments.number("--timeout", 300, 1);
  if (!timeout)
    return timeout.takeError();
  llvm::Expected<int64_t> memory = arguments.number("--memory", 8192, 64);
  if (!memory)
    return memory.takeError();
  settings.limit = std::chrono::seconds(*timeout);
  settings.memoryMegabytes = *memory;
  // The limit is one of addresses, of which a simulated device reserves as many as it has memory.
  constexpr int64_t addressesOfDevice = 2 << 20;
  if (arguments.has("--device"))
    settings.memoryMegabytes += addressesOfDevice;
  settings.guard = arguments.has("--guard");
  settings.keepDeadChannels = arguments.has("--keep-dead-channels");
  settings.program = arguments.get("--run-with");
  if (settings.guard && !settings.program.empty())
    return llvm::createStringError("--guard watches memory in this process, not with --run-with");
  if (settings.guard && arguments.has("--device"))
    return llvm::createStringError("--guard watches memory of this process, not of a --device");
  settings.compileThreads = std::max<int64_t>(1, cores / jobs);
  return settings;
}

static llvm::Error verify(const Arguments &arguments, bool &failed) {
  int64_t cores = std::max(1u, std::thread::hardware_concurrency());
  llvm::Expected<int64_t> jobs = arguments.number("--jobs", cores, 1);
  if (!jobs)
    return jobs.takeError();
  llvm::Expected<std::vector<Case>> cases = findAllCases(arguments.positional());
  if (!cases)
    return cases.takeError();
  int64_t atOnce = std::min<int64_t>(*jobs, cases->size());
  llvm::Expected<VerifySettings> settings = readSettings(arguments, atOnce, cores);
  if (!settings)
    return settings.takeError();
  TemporaryDirectory directory;
  if (std::error_code error = directory.create())
    return llvm::createStringError("cannot make a temporary directory: " + error.message());
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = true; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  Runner(*cases, *settings, arguments.has("-v")).run(atOnce, directory);
  if (interrupted)
    return llvm::createStringError("interrupted");

  size_t counts[3] = {};
  std::string passed;
  for (const Case &each : *cases) {
    ++counts[static_cast<int>(each.result.status)];
    if (each.result.status == VerifyStatus::Passed)
      passed += each.name + "\n";
  }
  if (arguments.has("--json"))
    if (llvm::Error error = writeFile(arguments.get("--json"), formatJson(*cases)))
      return error;
  if (arguments.has("--list"))
    if (llvm::Error error = writeFile(arguments.get("--list"), passed))
      return error;
  if (!settings->budget.empty())
    llvm::outs() << "models as " << settings->precision << " says, within " << settings->budget
                 << "\n";
  if (settings->rangeTolerance > 0)
    llvm::outs() << "products in " << settings->precision << ": errors up to "
                 << llvm::format("%g", settings->rangeTolerance * 100)
                 << "% of an output's range pass\n";
  llvm::outs() << counts[0] << " passed, " << counts[1] << " failed, " << counts[2] << " skipped\n";
  failed = counts[1] != 0;
  return llvm::Error::success();
}

int runVerify(llvm::ArrayRef<const char *> raw) {
  llvm::Expected<Arguments> arguments = Arguments::parse(raw, verifyOptions);
  if (!arguments)
    return fail(llvm::toString(arguments.takeError()));
  if (arguments->has("--help")) {
    llvm::outs() << formatHelp("usage: tenon verify DIR... [options]\n"
                               "A DIR holds model.onnx and test_data_set_*/{input,output}_i.pb, or "
                               "folders that do.\n",
                               verifyOptions);
    return 0;
  }
  if (arguments->positional().empty())
    return fail("verify takes at least one folder");
  bool failed = false;
  if (llvm::Error error = verify(*arguments, failed))
    return fail(llvm::toString(std::move(error)));
  return failed ? 1 : 0;
}

} // namespace tenon::cli
