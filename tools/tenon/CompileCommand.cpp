// `tenon compile`: an ONNX model to a native binary, or to any form on the way there.

#include "lib/Driver/Driver.h"
#include "lib/Support/Files.h"
#include "tools/tenon/Arguments.h"
#include "tools/tenon/Commands.h"
#include "tools/tenon/ModelOptions.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon::cli {

static constexpr Option ownOptions[] = {
    {"-o", true, "FILE where to write; required unless --emit=mlir:STAGE"},
    {"--emit", true,
     "KIND lib (default), obj, header, exe, asm, llvm, ptx (what the GPU runs), or mlir:STAGE with "
     "STAGE one "
     "of import, graph, target, kernels, program, code, llvm"},
    {"--target", true,
     "LIST comma separated targets, best first: cpu:native (default), "
     "cpu:x86-64-v3, cpu:x86-64-v4, cpu:<llvm cpu>, or for GPUs cuda:sm_80, cuda:sm_90a and so on, "
     "with the processor beside them as in cuda:sm_80/znver4"},
    {"--shape", true,
     "NAME=1x3x224x224 fixes an input's shape, or with one number a named dimension; "
     "may be repeated"},
    {"--state", true,
     "INPUT=OUTPUT the output is the input's next value: a caller may use one memory for both; "
     "may be repeated"},
    {"--quant-exact", false,
     "multiply what a model quantizes as the floats that it stands for, instead of as integers"},
    placeOption,
    keepDeadChannelsOption,
    precisionOption,
    {"--assemble", false,
     "for GPUs put machine code beside PTX, by NVIDIA's ptxas (in PATH, CUDA's folder, or what "
     "TENON_PTXAS names), and what kernels take, which tenon info shows"},
    {"--threads", true, "N threads the compiler uses"},
    {"--report", true, "FILE kernels, memory and times as JSON"},
    {"-v", false, "say what was made and how long it took"},
};
static constexpr auto compileOptions = joinOptions(ownOptions, helpOptions);

static llvm::Expected<driver::CompileOptions> readOptions(const Arguments &arguments) {
  driver::CompileOptions options;
  options.output = arguments.get("-o");
  options.assemble = arguments.has("--assemble");
  std::string emit = arguments.get("--emit", "lib");
  llvm::StringRef kind = emit;
  if (kind.consume_front("mlir:")) {
    options.stage = parseStage(kind);
    if (!options.stage)
      return makeError("unknown stage '" + kind +
                       "': import, graph, target, kernels, program, code or llvm");
  } else if (kind == "obj") {
    options.emit = EmitKind::Object;
  } else if (kind == "header") {
    options.emit = EmitKind::Header;
  } else if (kind == "exe") {
    options.emit = EmitKind::Executable;
  } else if (kind == "asm") {
    options.emit = EmitKind::Assembly;
  } else if (kind == "llvm") {
    options.emit = EmitKind::LLVMIR;
  } else if (kind == "ptx") {
    options.emit = EmitKind::DeviceCode;
  } else if (kind != "lib") {
    return makeError("unknown --emit kind '" + kind + "'");
  }
  if (llvm::Error error = readCompileOptions(arguments, options))
    return std::move(error);
  for (const std::string &text : arguments.all("--state")) {
    llvm::Expected<driver::StateOption> state = driver::StateOption::parse(text);
    if (!state)
      return state.takeError();
    options.states.push_back(*state);
  }
  llvm::Expected<int64_t> threads = arguments.number("--threads", 0, 1);
  if (!threads)
    return threads.takeError();
  options.threads = *threads;
  if (options.output.empty() && !options.stage)
    return makeError("no output: say -o FILE");
  return options;
}

static void printReport(const driver::CompileReport &report, const std::string &output) {
  llvm::errs() << llvm::format(
      "%s: %zu kernels, arena %.2f MB (lower bound %.2f), weights %.2f MB\n", output.c_str(),
      report.kernels.size(), report.arenaBytes / 1e6, report.arenaLowerBound / 1e6,
      report.weightsBytes / 1e6);
  for (const DeadChannels &dead : report.deadChannels)
    llvm::errs() << describeDeadChannels(dead) << "\n";
  llvm::errs() << llvm::format("import %.0f ms, passes %.0f ms, code %.0f ms, link %.0f ms, write "
                               "%.0f ms, total %.0f ms\n",
                               report.importTime, report.passesTime, report.emit.codeWall,
                               report.emit.link, report.emit.write, report.totalTime);
}

static std::string formatReport(const driver::CompileReport &report) {
  llvm::json::Array kernels;
  for (const driver::KernelReport &kernel : report.kernels)
    kernels.push_back(llvm::json::Object{{"name", llvm::json::fixUTF8(kernel.name)},
                                         {"nodes", llvm::json::fixUTF8(kernel.nodes)},
                                         {"flops", kernel.flops},
                                         {"bytes", kernel.bytes},
                                         {"launches", kernel.launches},
                                         {"remarks", kernel.remarks}});
  llvm::json::Array dead;
  for (const DeadChannels &each : report.deadChannels)
    dead.push_back(llvm::json::Object{{"node", llvm::json::fixUTF8(each.node)},
                                      {"channels", each.before},
                                      {"unread", each.unread},
                                      {"constant", each.constant},
                                      {"duplicate", each.duplicate}});
  llvm::json::Object json{
      {"dead_channels", std::move(dead)},
      {"arena_bytes", report.arenaBytes},
      {"arena_lower_bound", report.arenaLowerBound},
      {"weights_bytes", report.weightsBytes},
      {"code_bytes", static_cast<int64_t>(report.emit.codeBytes)},
      {"file_bytes", static_cast<int64_t>(report.emit.fileBytes)},
      {"milliseconds", llvm::json::Object{{"import", report.importTime},
                                          {"passes", report.passesTime},
                                          {"code", report.emit.codeWall},
                                          {"link", report.emit.link},
                                          {"write", report.emit.write},
                                          {"total", report.totalTime}}},
      {"kernels", std::move(kernels)},
  };
  return llvm::formatv("{0:2}\n", llvm::json::Value(std::move(json))).str();
}

int runCompile(llvm::ArrayRef<const char *> raw) {
  llvm::Expected<Arguments> arguments = Arguments::parse(raw, compileOptions);
  if (!arguments)
    return fail(llvm::toString(arguments.takeError()));
  if (arguments->has("--help")) {
    llvm::outs() << formatHelp("usage: tenon compile MODEL.onnx -o OUT [options]\n",
                               compileOptions);
    return 0;
  }
  if (arguments->positional().size() != 1)
    return fail("compile takes one model, got " + llvm::Twine(arguments->positional().size()));
  llvm::Expected<driver::CompileOptions> options = readOptions(*arguments);
  if (!options)
    return fail(llvm::toString(options.takeError()));
  llvm::Expected<driver::CompileReport> report =
      compileModel(arguments->positional().front(), *arguments, *options);
  if (!report)
    return fail(llvm::toString(report.takeError()));
  if (options->stage && arguments->has("--report"))
    return fail("option '--report' is for binaries, not for --emit=mlir");
  if (options->stage) {
    if (options->output.empty()) {
      llvm::outs() << report->text;
      return 0;
    }
    std::error_code error;
    llvm::raw_fd_ostream stream(options->output, error);
    if (error)
      return fail("cannot write '" + options->output + "': " + error.message());
    stream << report->text;
    return 0;
  }
  if (arguments->has("-v"))
    printReport(*report, options->output);
  if (arguments->has("--report"))
    if (llvm::Error error = writeFile(arguments->get("--report"), formatReport(*report)))
      return fail(llvm::toString(std::move(error)));
  return 0;
}

} // namespace tenon::cli
