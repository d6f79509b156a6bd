// The compiler's table of contents: which passes run, in which order, and why.
#ifndef TENON_PASSES_PIPELINES_COMPILE_H
#define TENON_PASSES_PIPELINES_COMPILE_H

#include "mlir/Pass/PassManager.h"
#include "passes/Graph/Passes.h"
#include "passes/Precision/PrecisionRule.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace tenon {

/// The stages between which the IR can be looked at and taken up again, in order.
enum class Stage {
  Import,  // the graph as imported
  Graph,   // the graph, simplified; the same for all targets
  Target,  // the graph as one target computes it, its constants folded
  Kernels, // kernels and launches
  Program, // buffers have places
  Code,    // functions of loops and vectors
  LLVM,    // the same in the LLVM dialect
};

/// "import", "graph", "target", "kernels", "program", "code", "llvm".
std::optional<Stage> parseStage(llvm::StringRef name);

struct PipelineOptions {
  /// As `--target` takes it.
  std::string target = "native";
  /// Runs constant parts of the graph; without one they stay as they are.
  ConstantEvaluator evaluator;
  /// No arena: each buffer is allocated by itself.
  bool separateBuffers = false;
  /// What was quantized is multiplied as the floats that it stands for, instead of as integers.
  bool quantExact = false;
  /// Kernels of a device are its host's where that takes less time, transfers included.
  bool placeByCost = false;
  /// Which nodes multiply numbers of 16 bits; none without rules.
  std::vector<PrecisionRule> precision;
};

/// Adds the passes that lead from the end of `from` to the end of `to`.
void buildPipeline(mlir::OpPassManager &passes, Stage from, Stage to,
                   const PipelineOptions &options);

/// Makes every pass known by its name, and stages as `--tenon-to-<stage>` pipelines.
void registerPassesAndPipelines();

} // namespace tenon

#endif
