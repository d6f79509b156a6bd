// From an ONNX model to a file, in one call: what the CLI and the Python module stand on.
#ifndef TENON_LIB_DRIVER_DRIVER_H
#define TENON_LIB_DRIVER_DRIVER_H

#include "lib/Driver/Transfers.h"
#include "lib/Importer/Importer.h"
#include "lib/Prune/DeadChannels.h"
#include "lib/Target/Emit.h"
#include "passes/Pipelines/Compile.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace tenon::driver {

/// Names of an input and of the output that is its next value.
struct StateOption {
  std::string input, output;

  /// From `INPUT=OUTPUT`. INPUT may contain '='.
  static llvm::Expected<StateOption> parse(llvm::StringRef text);
};

/// In which precision nodes multiply f32 numbers: rules by their names, and who made each of them.
class PrecisionOption {
public:
  PrecisionOption() = default;
  /// Rules that may match no node.
  explicit PrecisionOption(std::vector<PrecisionRule> rules) : rules(std::move(rules)) {}

  /// From the name of a precision, for all nodes, or a file with a line `NODES PRECISION`
  /// for each rule, where NODES is a name or a pattern, `#` starts a comment, and nodes that no
  /// line names stay fp32. An error names file and line.
  static llvm::Expected<PrecisionOption> parse(llvm::StringRef text);

  const std::vector<PrecisionRule> &getRules() const { return rules; }
  /// Reports lines that name no node that multiplies in an imported model.
  llvm::LogicalResult check(mlir::ModuleOp model) const;

private:
  std::vector<PrecisionRule> rules;
  /// Of each rule, "FILE:LINE"; none for rules that may match no node.
  std::vector<std::string> places;
};

struct CompileOptions {
  /// The file that is written. Empty with `stage`: the text is returned.
  std::string output;
  EmitKind emit = EmitKind::SharedLibrary;
  /// Stop after this stage and give the IR as text instead of a binary.
  std::optional<Stage> stage;
  /// Names of targets, best first, as `lookupTarget` takes them.
  std::vector<std::string> targets = {"native"};
  ImportOptions import;
  /// For each of these a caller may use one memory. Their shapes must be equal.
  std::vector<StateOption> states;
  /// Allocate each buffer by itself instead of in one arena, so that a run can guard it.
  bool separateBuffers = false;
  /// Multiply what was quantized as the floats that it stands for (docs/numerics.md).
  bool quantExact = false;
  /// Multiply f32 numbers rounded to 16 bits (docs/numerics.md).
  PrecisionOption precision;
  /// Of a target that is a device with memory of its own: its host computes what it is faster at
  /// (tenon-place-kernels). That is the first processor among the targets, if a device names none.
  bool placeByCost = false;
  /// Beside PTX put the machine code that NVIDIA's ptxas makes of it, and what it says of kernels.
  bool assemble = false;
  /// Compute channels that no result depends on, too.
  bool keepDeadChannels = false;
  /// Of the compiler; 0 is one per core.
  unsigned threads = 0;
  /// For who compiles models that are much alike: code of kernels is kept here and used again.
  std::shared_ptr<CodeCache> codeCache;
};

struct KernelReport {
  std::string name, nodes;
  int64_t flops = 0, bytes = 0, launches = 0;
  /// What it makes of zeros in its weights, and why it has no better instructions: "80% zeros:
  /// blocks, 4.6 x"; empty if there is nothing to say.
  std::string remarks;
};

/// One launch of a kernel.
struct LaunchReport {
  std::string kernel;
  /// ONNX nodes, and those of them whose products it computes.
  std::vector<std::string> nodes, products;
};

/// What compiling found out, of the first target where targets differ; times in milliseconds.
struct CompileReport {
  std::vector<KernelReport> kernels;
  /// In the program's order.
  std::vector<LaunchReport> launches;
  std::vector<DeadChannels> deadChannels;
  int64_t arenaBytes = 0, arenaLowerBound = 0, weightsBytes = 0;
  TransferReport transfers;
  double importTime = 0, passesTime = 0, totalTime = 0;
  EmitStatistics emit;
  /// The IR, when a stage was asked for.
  std::string text;
};

/// Compiles a model file. Diagnostics of all kinds become the error's message, one per line.
llvm::Expected<CompileReport> compile(const std::shared_ptr<ModelFile> &model,
                                      const CompileOptions &options);

/// The same from a path.
llvm::Expected<CompileReport> compileFile(llvm::StringRef path, const CompileOptions &options);

/// Compiles a program at the end of the stage `kernels`, in text form, for the target that it
/// names: for who tries other schedules than the cost model's. What options say of a model does not
/// count.
llvm::Expected<CompileReport> compileKernels(llvm::StringRef path, const CompileOptions &options);

} // namespace tenon::driver

#endif
