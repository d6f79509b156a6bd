// The command line tool: chooses the subcommand.

#include "tools/tenon/Commands.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon::cli {

struct Command {
  llvm::StringRef name, help;
  int (*run)(llvm::ArrayRef<const char *>);
};

static constexpr Command commands[] = {
    {"compile", "compile an ONNX model to a native binary", runCompile},
    {"prune", "remove channels from an ONNX model", runPrune},
    {"run", "run a model on files", runRun},
    {"bench", "measure how long a model takes", runBench},
    {"quantize", "lower the precision of a model within a budget", runQuantize},
    {"compare-precision", "show where a model of lower precision goes away from fp32",
     runComparePrecision},
    {"info", "show a model's signature, operators, kernels and memory", runInfo},
    {"verify", "compile models, run them on stored inputs, compare with stored outputs", runVerify},
    {"verify-one", "", runVerifyOne}, // not for people: no help
};

int fail(const llvm::Twine &message) {
  llvm::errs() << "tenon: error: " << message << "\n";
  return 1;
}

int runCommand(llvm::ArrayRef<const char *> raw, llvm::ArrayRef<Option> options,
               llvm::StringRef usage, llvm::function_ref<llvm::Error(const Arguments &)> body) {
  llvm::Expected<Arguments> arguments = Arguments::parse(raw, options);
  if (!arguments)
    return fail(llvm::toString(arguments.takeError()));
  if (arguments->has("--help")) {
    llvm::outs() << formatHelp(usage, options);
    return 0;
  }
  if (llvm::Error error = body(*arguments)) {
    llvm::outs().flush();
    return fail(llvm::toString(std::move(error)));
  }
  return 0;
}

static int run(llvm::ArrayRef<const char *> arguments) {
  llvm::StringRef name = arguments.empty() ? "--help" : arguments.front();
  for (const Command &command : commands)
    if (command.name == name)
      return command.run(arguments.drop_front());
  if (name == "--version") {
    llvm::outs() << "tenon " TENON_VERSION "\n";
    return 0;
  }
  if (name != "--help" && name != "help")
    return fail("unknown command '" + name + "'; tenon --help lists them");
  llvm::outs() << "usage: tenon COMMAND [arguments]\n";
  for (const Command &command : commands)
    if (!command.help.empty())
      llvm::outs() << "  " << command.name << "\t" << command.help << "\n";
  llvm::outs() << "tenon COMMAND --help tells more.\n";
  return 0;
}

} // namespace tenon::cli

int main(int argc, char **argv) {
  return tenon::cli::run(llvm::ArrayRef<const char *>(argv, argc).drop_front());
}
