// The child's side of the check of one folder (VerifyCase.h).

#include "lib/Driver/Driver.h"
#include "lib/Evaluation/OutputLosses.h"
#include "lib/Session/Session.h"
#include "lib/Tensors/Compare.h"
#include "lib/Tensors/ProtoFile.h"
#include "tools/tenon/Arguments.h"
#include "tools/tenon/Child.h"
#include "tools/tenon/Commands.h"
#include "tools/tenon/GuardedSession.h"
#include "tools/tenon/ModelOptions.h"
#include "tools/tenon/ProgramSession.h"
#include "tools/tenon/VerifyCase.h"
#include "tools/tenon/VerifyLines.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon::cli {

/// One line that says what failed; the folder is said beside it.
static std::string summarize(llvm::Error error, llvm::StringRef folder) {
  std::string text = llvm::toString(std::move(error));
  llvm::StringRef line = llvm::StringRef(text).trim().split('\n').first;
  if (line.consume_front(folder) && line.consume_front("/"))
    line.consume_front("model.onnx: ");
  return line.str();
}

namespace {

/// The child's work.
class CaseCheck {
public:
  CaseCheck(const std::string &folder, const std::string &binary, const Arguments &arguments)
      : folder(folder), binary(binary), arguments(arguments) {}

  llvm::Error run();
  const std::string &skipped() const { return whySkipped; }

private:
  llvm::Error compileModel();
  llvm::Error loadSessions();
  llvm::Error checkDataSet(const std::string &dataSet);
  llvm::Error checkInProgram(const std::string &dataSet);
  llvm::Expected<std::vector<NamedTensor>> readNamedInputs(llvm::StringRef dataSet);
  /// What of the model another program cannot be given; empty if nothing.
  std::string findUnpassable() const;
  llvm::Error compareWithReference(llvm::StringRef dataSet, const std::vector<Value> &results);
  llvm::Error addLosses(std::vector<NamedValue> &expected, const std::vector<Value> &results);
  llvm::Error checkBudget() const;
  llvm::Error checkRepeatability(std::vector<Value> &inputs, const std::vector<Value> &results);
  std::vector<Value> readReference(llvm::StringRef dataSet);
  llvm::Error checkMemory(std::vector<Value> &inputs, std::vector<Value> &results);
  llvm::Expected<std::vector<Value>> readInputs(const Session &session, llvm::StringRef dataSet);
  using ValueInfos = google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>;
  llvm::Expected<std::vector<NamedValue>> readValues(llvm::StringRef dataSet, llvm::StringRef side,
                                                     const ValueInfos &infos);
  std::vector<std::string> dataSets() const;
  std::vector<std::string> inputNames(size_t numFiles) const;

  void startPhase(const llvm::Twine &phase) {
    llvm::outs() << phaseMark << phase << "\n";
    llvm::outs().flush();
  }

  const std::string &folder, &binary;
  const Arguments &arguments;
  std::shared_ptr<ModelFile> file;
  ModelTolerance tolerance;
  /// What outputs may lose over all data sets, if the model is compiled as a recipe says, and what
  /// they do.
  std::optional<quantize::Budget> budget;
  std::optional<quantize::OutputLosses> losses;
  /// One per number of threads to run with.
  std::vector<Session> sessions;
  /// One for each end of buffers.
  std::vector<std::unique_ptr<GuardedSession>> guarded;
  std::string whySkipped;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

} // namespace

/// Sorted paths of the folder's test_data_set_* that hold a reference.
std::vector<std::string> CaseCheck::dataSets() const {
  std::vector<std::string> result;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(folder, error), end; it != end && !error;
       it.increment(error)) {
    llvm::SmallString<256> reference(it->path());
    llvm::sys::path::append(reference, "output_0.pb");
    if (llvm::sys::path::filename(it->path()).starts_with("test_data_set_") &&
        llvm::sys::fs::exists(reference))
      result.push_back(it->path());
  }
  llvm::sort(result);
  return result;
}

llvm::Error CaseCheck::compileModel() {
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, "model.onnx");
  llvm::Expected<std::shared_ptr<ModelFile>> model = ModelFile::open(path);
  if (!model)
    return model.takeError();
  file = *model;
  driver::CompileOptions options;
  options.output = binary;
  if (llvm::Error error = readCompileOptions(arguments, options))
    return error;
  llvm::Expected<int64_t> threads = arguments.number("--compile-threads", 1, 1);
  if (!threads)
    return threads.takeError();
  options.threads = static_cast<unsigned>(*threads);
  options.separateBuffers = arguments.has("--guard");
  if (arguments.has("--run-with"))
    options.emit = EmitKind::Executable;
  llvm::Expected<quantize::PreparedModel> prepared =
      prepareModelFor(file, arguments.get("--precision", "fp32"));
  if (!prepared)
    return prepared.takeError();
  options.precision = std::move(prepared->precision);
  if (arguments.has("--budget")) {
    llvm::Expected<quantize::Budget> read = quantize::Budget::parse(arguments.get("--budget"));
    if (!read)
      return read.takeError();
    budget = *read;
    losses.emplace(*budget);
  } else {
    tolerance.base.rangeFraction = getRangeTolerance(options.precision.getRules());
  }
  llvm::Expected<driver::CompileReport> report = driver::compile(prepared->model, options);
  if (!report)
    return report.takeError();
  llvm::outs() << arenaMark << report->arenaBytes << " " << report->arenaLowerBound << "\n";
  return llvm::Error::success();
}

/// What is around the tensors of a type, from the outside in.
static std::vector<int32_t> kindsOf(const onnx::TypeProto &type) {
  switch (type.value_case()) {
  case onnx::TypeProto::kMapType:
    return {TENON_MAP};
  case onnx::TypeProto::kSequenceType: {
    std::vector<int32_t> kinds = kindsOf(type.sequence_type().elem_type());
    kinds.insert(kinds.begin(), TENON_SEQUENCE);
    return kinds;
  }
  case onnx::TypeProto::kOptionalType: {
    std::vector<int32_t> kinds = kindsOf(type.optional_type().elem_type());
    kinds.insert(kinds.begin(), TENON_OPTIONAL);
    return kinds;
  }
  default:
    return {};
  }
}

llvm::Expected<std::vector<NamedValue>>
CaseCheck::readValues(llvm::StringRef dataSet, llvm::StringRef side, const ValueInfos &infos) {
  std::vector<NamedValue> values;
  for (int i = 0;; ++i) {
    llvm::SmallString<256> path(dataSet);
    llvm::sys::path::append(path, side + "_" + llvm::Twine(i) + ".pb");
    if (!llvm::sys::fs::exists(path))
      return values;
    std::vector<int32_t> kinds =
        i < infos.size() ? kindsOf(infos[i].type()) : std::vector<int32_t>();
    llvm::Expected<NamedValue> value = readProtoFile(path, kinds);
    if (!value)
      return value.takeError();
    values.push_back(std::move(*value));
  }
}

/// The graph's inputs in order: all of them if there is a file for each, else those without a
/// default value.
std::vector<std::string> CaseCheck::inputNames(size_t numFiles) const {
  const onnx::GraphProto &graph = file->graph();
  llvm::StringSet<> defaults;
  for (const onnx::TensorProto &initializer : graph.initializer())
    defaults.insert(initializer.name());
  std::vector<std::string> names;
  bool all = static_cast<size_t>(graph.input_size()) == numFiles;
  for (const onnx::ValueInfoProto &input : graph.input())
    if (all || !defaults.contains(input.name()))
      names.push_back(input.name());
  return names;
}

llvm::Expected<std::vector<Value>> CaseCheck::readInputs(const Session &session,
                                                         llvm::StringRef dataSet) {
  llvm::Expected<std::vector<NamedValue>> read =
      readValues(dataSet, "input", file->graph().input());
  if (!read)
    return read.takeError();
  // By name where every file names an input of its own, else by position.
  llvm::StringMap<Value *> byName;
  for (NamedValue &value : *read)
    if (tenon_model_find_input(session.model(), value.name.c_str()) >= 0)
      byName[value.name] = &value.value;
  if (byName.size() != read->size()) {
    byName.clear();
    for (auto [name, value] : llvm::zip(inputNames(read->size()), *read))
      byName[name] = &value.value;
  }
  std::vector<Value> inputs;
  for (size_t i = 0; i < session.numInputs(); ++i) {
    auto found = byName.find(session.input(i).name);
    if (found == byName.end())
      return makeError("no data for input '" + llvm::Twine(session.input(i).name) + "'");
    inputs.push_back(std::move(*found->second));
  }
  return inputs;
}

llvm::Error CaseCheck::compareWithReference(llvm::StringRef dataSet,
                                            const std::vector<Value> &results) {
  llvm::Expected<std::vector<NamedValue>> expected =
      readValues(dataSet, "output", file->graph().output());
  if (!expected)
    return expected.takeError();
  if (expected->size() > results.size())
    return makeError("has " + llvm::Twine(results.size()) + " outputs, expected " +
                     llvm::Twine(expected->size()));
  if (budget)
    return addLosses(*expected, results);
  std::string causes;
  for (size_t i = 0; i < expected->size(); ++i) {
    Comparison comparison = compareValues(results[i], (*expected)[i].value, tolerance.forOutput(i));
    if (comparison.equal)
      continue;
    if (!causes.empty())
      causes += "; ";
    std::string name = file->graph().output(static_cast<int>(i)).name();
    causes += "output '" + name + "': " + comparison.cause;
  }
  return causes.empty() ? llvm::Error::success() : makeError(causes);
}

/// Adds what the outputs of a data set lose. Those of integers follow from what is lost.
llvm::Error CaseCheck::addLosses(std::vector<NamedValue> &expected,
                                 const std::vector<Value> &results) {
  size_t count = 0;
  for (auto [number, reference] : llvm::enumerate(expected)) {
    if (!reference.value.isTensor() || !isFloatingPoint(reference.value.tensor.dtype))
      continue;
    std::string name = file->graph().output(static_cast<int>(number)).name();
    if (count == losses->count())
      losses->addOutput(name);
    Tensor got = results[number].tensor;
    if (llvm::Error error = losses->add(count++, reference.value.tensor.view(), got.view()))
      return makeError("output '" + name + "': " + llvm::toString(std::move(error)));
  }
  return count ? llvm::Error::success()
               : makeError("has no output of floating point numbers to judge by");
}

llvm::Error CaseCheck::checkBudget() const {
  double loss = losses->findLoss();
  if (budget->holds(loss))
    return llvm::Error::success();
  return makeError("budget " + budget->str() + " is not kept: outputs have " +
                   budget->format(loss));
}

/// Runs again, with the same context and with those of other numbers of threads: results must be
/// equal bit by bit, since no sum is split by threads and no memory is read before it is written.
llvm::Error CaseCheck::checkRepeatability(std::vector<Value> &inputs,
                                          const std::vector<Value> &results) {
  const int32_t first = tenon_context_threads(sessions[0].context());
  for (Session &session : sessions) {
    llvm::Expected<std::vector<Value>> again = session.run(inputs);
    if (!again)
      return again.takeError();
    const int32_t threads = tenon_context_threads(session.context());
    for (size_t i = 0; i < results.size(); ++i) {
      const Value &a = results[i], &b = (*again)[i];
      if (isSame(a, b))
        continue;
      return makeError(llvm::Twine("output '") + session.output(i).name + "' " +
                       (&session == &sessions[0]
                            ? "changes from run to run"
                            : "differs between " + llvm::Twine(first) + " and " +
                                  llvm::Twine(threads) + " threads"));
    }
  }
  return llvm::Error::success();
}

/// The reference's values, as far as there are any and they can be read.
std::vector<Value> CaseCheck::readReference(llvm::StringRef dataSet) {
  std::vector<Value> values;
  llvm::Expected<std::vector<NamedValue>> read =
      readValues(dataSet, "output", file->graph().output());
  if (!read)
    llvm::consumeError(read.takeError());
  else
    for (NamedValue &each : *read)
      values.push_back(std::move(each.value));
  return values;
}

/// Runs again where nothing can be touched that is not the model's, with the same results.
llvm::Error CaseCheck::checkMemory(std::vector<Value> &inputs, std::vector<Value> &results) {
  for (const auto &session : guarded) {
    llvm::Expected<std::vector<Value>> again = session->run(inputs, results);
    if (!again)
      return again.takeError();
    for (size_t i = 0; i < results.size(); ++i)
      if (!isSame(results[i], (*again)[i]))
        return makeError(llvm::Twine("output '") + sessions[0].output(i).name +
                         "' depends on memory that the model has not written");
  }
  return llvm::Error::success();
}

llvm::Error CaseCheck::checkDataSet(const std::string &dataSet) {
  llvm::Expected<std::vector<Value>> inputs = readInputs(sessions[0], dataSet);
  if (!inputs)
    return inputs.takeError();
  // Misused memory may end the process long after; only between guard pages it says why.
  if (arguments.has("--guard") && !guarded.empty()) {
    std::vector<Value> expected = readReference(dataSet);
    if (llvm::Error error = guarded[0]->run(*inputs, expected).takeError())
      return error;
  }
  llvm::Expected<std::vector<Value>> results = sessions[0].run(*inputs);
  if (!results)
    return results.takeError();
  if (llvm::Error error = compareWithReference(dataSet, *results))
    return error;
  if (llvm::Error error = checkRepeatability(*inputs, *results))
    return error;
  if (guarded.empty())
    return llvm::Error::success();
  startPhase("running " + llvm::sys::path::filename(dataSet) + " between guard pages");
  return checkMemory(*inputs, *results);
}

std::string CaseCheck::findUnpassable() const {
  for (auto *infos : {&file->graph().input(), &file->graph().output()})
    for (const onnx::ValueInfoProto &info : *infos)
      if (!info.type().has_tensor_type() ||
          !ProgramSession::canPass(info.type().tensor_type().elem_type()))
        return "'" + info.name() + "' cannot be passed to another program";
  return "";
}

/// The inputs of a data set under the graph's names: their own where every file has one, else by
/// position.
llvm::Expected<std::vector<NamedTensor>> CaseCheck::readNamedInputs(llvm::StringRef dataSet) {
  llvm::Expected<std::vector<NamedValue>> values =
      readValues(dataSet, "input", file->graph().input());
  if (!values)
    return values.takeError();
  std::vector<NamedTensor> read; // findUnpassable lets nothing else pass
  for (NamedValue &value : *values)
    read.push_back({value.name, std::move(value.value.tensor)});
  llvm::StringSet<> known, named;
  for (const onnx::ValueInfoProto &input : file->graph().input())
    known.insert(input.name());
  for (const NamedTensor &tensor : read)
    if (known.contains(tensor.name))
      named.insert(tensor.name);
  if (named.size() != read.size())
    for (auto [name, tensor] : llvm::zip(inputNames(read.size()), read))
      tensor.name = name;
  return read;
}

/// As above, where an executable runs in another program.
llvm::Error CaseCheck::checkInProgram(const std::string &dataSet) {
  llvm::Expected<std::vector<NamedTensor>> inputs = readNamedInputs(dataSet);
  if (!inputs)
    return inputs.takeError();
  std::vector<std::string> outputs;
  for (const onnx::ValueInfoProto &output : file->graph().output())
    outputs.push_back(output.name());
  llvm::Expected<int64_t> limit = arguments.number("--timeout", 300, 1);
  llvm::Expected<std::vector<int64_t>> threads = arguments.numbers("--threads", "1", 1);
  if (!limit || !threads)
    return llvm::joinErrors(limit.takeError(), threads.takeError());
  // A little before this process ends by its parent's hand.
  ProgramSession session(arguments.get("--run-with"), binary,
                         started + std::chrono::seconds(*limit) - std::chrono::seconds(1));
  std::vector<Value> first;
  for (int64_t count : *threads) {
    llvm::Expected<std::vector<Tensor>> results = session.run(*inputs, outputs, count);
    if (!results)
      return results.takeError();
    if (count == threads->front()) {
      first.assign(std::make_move_iterator(results->begin()),
                   std::make_move_iterator(results->end()));
      if (llvm::Error error = compareWithReference(dataSet, first))
        return error;
      continue;
    }
    for (size_t i = 0; i < outputs.size(); ++i)
      if (!isSame(first[i], Value((*results)[i])))
        return makeError("output '" + outputs[i] + "' differs between " +
                         llvm::Twine(threads->front()) + " and " + llvm::Twine(count) + " threads");
  }
  return llvm::Error::success();
}

llvm::Error CaseCheck::loadSessions() {
  llvm::Expected<std::vector<int64_t>> threads = arguments.numbers("--threads", "1", 1);
  if (!threads)
    return threads.takeError();
  for (int64_t count : *threads) {
    tenon_context_options options{};
    options.threads = static_cast<int32_t>(count);
    llvm::Expected<Session> session = Session::load(binary, options);
    if (!session)
      return session.takeError();
    sessions.push_back(std::move(*session));
  }
  // A device watches its memory itself, or nobody does.
  if (tenon_model_has_device(sessions[0].model()))
    return llvm::Error::success();
  for (auto [count, end] : {std::pair(threads->front(), GuardedEnd::Back),
                            std::pair(threads->back(), GuardedEnd::Front)}) {
    auto session = GuardedSession::create(sessions[0].model(), static_cast<int32_t>(count), end);
    if (!session)
      return session.takeError();
    guarded.push_back(std::move(*session));
  }
  return llvm::Error::success();
}

llvm::Error CaseCheck::run() {
  std::vector<std::string> sets = dataSets();
  if (sets.empty()) {
    whySkipped = "no test_data_set_* with a reference";
    return llvm::Error::success();
  }
  llvm::SmallString<256> tolerancePath(folder);
  llvm::sys::path::append(tolerancePath, "tolerance.json");
  if (llvm::sys::fs::exists(tolerancePath)) {
    llvm::Expected<ModelTolerance> read = readTolerance(tolerancePath);
    if (!read)
      return read.takeError();
    tolerance = *read;
  }
  startPhase("compiling");
  if (llvm::Error error = compileModel())
    return error;
  bool inProgram = arguments.has("--run-with");
  if (inProgram && !(whySkipped = findUnpassable()).empty())
    return llvm::Error::success();
  startPhase("loading");
  if (!inProgram)
    if (llvm::Error error = loadSessions())
      return error;
  for (const std::string &dataSet : sets) {
    llvm::StringRef name = llvm::sys::path::filename(dataSet);
    startPhase("running " + name);
    if (llvm::Error error = inProgram ? checkInProgram(dataSet) : checkDataSet(dataSet))
      return sets.size() == 1 ? std::move(error)
                              : makeError(name + ": " + llvm::toString(std::move(error)));
  }
  return budget ? checkBudget() : llvm::Error::success();
}

static constexpr Option verifyOneOptions[] = {
    {"--output", true, "FILE where to compile to"},
    {"--target", true, "LIST targets"},
    {"--compile-threads", true, "N threads"},
    {"--threads", true, "LIST numbers of threads"},
    {"--memory", true, "MB may be used"},
    {"--guard", false, "each buffer"},
    {"--place", true, "P of kernels"},
    {"--precision", true, "P of products"},
    {"--budget", true, "B of a recipe"},
    {"--keep-dead-channels", false, "all channels"},
    {"--run-with", true, "COMMAND"},
    {"--timeout", true, "S seconds"},
};

int runVerifyOne(llvm::ArrayRef<const char *> raw) {
  llvm::Expected<Arguments> arguments = Arguments::parse(raw, verifyOneOptions);
  if (!arguments)
    return fail(llvm::toString(arguments.takeError()));
  llvm::Expected<int64_t> memory = arguments->number("--memory", 8192, 1);
  if (!memory)
    return fail(llvm::toString(memory.takeError()));
  if (arguments->positional().size() != 1)
    return fail("verify-one takes one folder");
  limitThisProcess(*memory << 20);
  std::string binary = arguments->get("--output");
  CaseCheck check(arguments->positional().front(), binary, *arguments);
  if (llvm::Error error = check.run())
    llvm::outs() << failedMark << summarize(std::move(error), arguments->positional().front())
                 << "\n";
  else if (!check.skipped().empty())
    llvm::outs() << skippedMark << check.skipped() << "\n";
  else
    llvm::outs() << passedMark << "\n";
  llvm::outs().flush();
  return 0;
}

} // namespace tenon::cli
