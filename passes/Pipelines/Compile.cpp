// The compiler's table of contents.

#include "passes/Pipelines/Compile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Codegen/Passes.h"
#include "passes/Fusion/Passes.h"
#include "passes/Layout/Passes.h"
#include "passes/Memory/Passes.h"
#include "passes/Pipelines/Passes.h"
#include "passes/Precision/Passes.h"
#include "passes/Quantize/Passes.h"
#include "passes/Schedule/Passes.h"

using namespace mlir;

namespace tenon {

// The graph gets as small as it can be for any target: dead shape arithmetic goes, long-hand forms
// get their names back, transposes go into what they surround, equal nodes merge.
static void buildGraphPipeline(OpPassManager &passes, const PipelineOptions &options) {
  // No later pass knows strings.
  passes.addPass(createInternStringsPass());
  // Types as simple as they can be, for all that follows.
  passes.addNestedPass<func::FuncOp>(createUnifySizesPass());
  passes.addPass(createCanonicalizerPass());
  // Patterns compare values: what is computed twice must be one value.
  passes.addPass(createCSEPass());
  passes.addNestedPass<func::FuncOp>(createRecognizePass());
  passes.addNestedPass<func::FuncOp>(createMoveTransposesPass());
  passes.addPass(createCanonicalizerPass());
  // Quantized operands come next to contractions, before anything folds their dequantization.
  passes.addNestedPass<func::FuncOp>(createMoveDequantizePass());
  if (!options.quantExact)
    passes.addNestedPass<func::FuncOp>(createMultiplyQuantizedPass());
  // Of weights that are not multiplied as integers.
  passes.addNestedPass<func::FuncOp>(createKeepWeightsNarrowPass());
  // Now that what is quantized tells whether it stays one convolution of integers.
  passes.addNestedPass<func::FuncOp>(createDropDeadTapsPass());
  passes.addPass(createSymbolDCEPass());
}

static std::unique_ptr<Pass> createPrecisionPass(const PipelineOptions &options) {
  AssignPrecisionPassOptions passOptions;
  for (const PrecisionRule &rule : options.precision)
    passOptions.rules.push_back(rule.str());
  passOptions.exact = options.quantExact;
  return createAssignPrecisionPass(passOptions);
}

// Elements get the types that the target computes with, and what depends on constants alone folds.
static void buildTargetPipeline(OpPassManager &passes, const PipelineOptions &options) {
  passes.addPass(createAssignTargetPass({options.target}));
  // After recognition, which compares constants as the exporter rounded them, and before any
  // arithmetic on constants.
  passes.addNestedPass<func::FuncOp>(createWidenHalvesPass());
  // Before scales are folded into weights, and weights are dequantized.
  if (!options.quantExact)
    passes.addNestedPass<func::FuncOp>(createMultiplyFloat8Pass());
  // Now that no transposes stand between contractions and what follows them.
  passes.addNestedPass<func::FuncOp>(createFoldScalesPass());
  // Rounds weights once their scales are in them, and before they are folded.
  if (!options.precision.empty() || options.quantExact)
    passes.addNestedPass<func::FuncOp>(createPrecisionPass(options));
  passes.addPass(createFoldConstantsPass(options.evaluator));
  // Both need scales, zero points and weights as numbers.
  passes.addNestedPass<func::FuncOp>(createSimplifyQuantizationPass());
  passes.addNestedPass<func::FuncOp>(createFormIntegerContractionsPass());
  passes.addPass(createCSEPass());
  // Equal changes of sign are one now.
  passes.addNestedPass<func::FuncOp>(createMoveSignChangesPass());
}

// The graph becomes kernels. Equal ones are compiled once.
static void buildKernelsPipeline(OpPassManager &passes, const PipelineOptions &options) {
  passes.addNestedPass<func::FuncOp>(createDecomposePass());
  passes.addPass(createCSEPass());
  passes.addPass(createFoldConstantsPass(options.evaluator));
  // Now that weights are constants, and before reshapes that it makes move.
  passes.addNestedPass<func::FuncOp>(createSplitSumsPass());
  // Between what is one kernel without them.
  passes.addNestedPass<func::FuncOp>(createMoveReshapesPass());
  passes.addPass(createCSEPass());
  // Once nothing stands between what is one function. Tables are constants: without somebody who
  // folds them there are none.
  if (options.evaluator) {
    passes.addNestedPass<func::FuncOp>(createTabulateFunctionsPass());
    passes.addPass(createFoldConstantsPass(options.evaluator));
  }
  // Last of all that merges equal values: it computes some several times.
  passes.addNestedPass<func::FuncOp>(createStoreBytesPass());
  // What a pad or a concatenation copies is written there at once. Last before kernels form, since
  // it orders ops.
  passes.addNestedPass<func::FuncOp>(createWriteInPlacePass());
  passes.addPass(createFormKernelsPass());
  passes.addNestedPass<KernelOp>(createSkipBytesPass());
  passes.addNestedPass<KernelOp>(createRoundLastPass());
  passes.addPass(createCollapseDimensionsPass());
  passes.addPass(createDeduplicateKernelsPass());
  if (options.placeByCost)
    passes.addPass(createPlaceKernelsPass());
  // Now that equal kernels are one, and before their schedules depend on it.
  passes.addPass(createFindZerosPass());
  passes.addPass(createAssignSchedulesPass());
  // Now that schedules say how weights are read.
  passes.addPass(createPackWeightsPass());
  passes.addPass(createFoldConstantsPass(options.evaluator));
  // What of the packing is not folded. Its own weights are not packed any more.
  passes.addPass(createFormKernelsPass({/*marksWeights=*/false}));
  passes.addPass(createAssignSchedulesPass());
}

// Every buffer gets its place.
static void buildProgramPipeline(OpPassManager &passes, const PipelineOptions &options) {
  passes.addPass(createPlanTransfersPass());
  passes.addPass(createPlanMemoryPass({options.separateBuffers}));
}

// Everything becomes functions, each in a module of its own. When a binary is made, this and what
// follows is done for one kernel at a time (generateKernel).
static void buildCodePipeline(OpPassManager &passes, const PipelineOptions &) {
  // Asks kernels what a launch must know.
  passes.addPass(createLowerHostPass());
  passes.addPass(createGenerateKernelsPass());
}

static void buildLLVMPipeline(OpPassManager &passes, const PipelineOptions &) {
  buildLoweringPipeline(passes.nest<ModuleOp>());
}

static constexpr struct {
  Stage stage;
  StringLiteral name;
  void (*build)(OpPassManager &, const PipelineOptions &);
} stages[] = {
    {Stage::Import, "import", [](OpPassManager &, const PipelineOptions &) {}},
    {Stage::Graph, "graph", buildGraphPipeline},
    {Stage::Target, "target", buildTargetPipeline},
    {Stage::Kernels, "kernels", buildKernelsPipeline},
    {Stage::Program, "program", buildProgramPipeline},
    {Stage::Code, "code", buildCodePipeline},
    {Stage::LLVM, "llvm", buildLLVMPipeline},
};

std::optional<Stage> parseStage(StringRef name) {
  for (const auto &each : stages)
    if (each.name == name)
      return each.stage;
  return std::nullopt;
}

void buildPipeline(OpPassManager &passes, Stage from, Stage to, const PipelineOptions &options) {
  for (const auto &each : stages) {
    if (each.stage < from || each.stage > to)
      continue;
    if (each.stage > from)
      each.build(passes, options);
    passes.addPass(createVerifyStagePass({each.name.str()}));
  }
}

void registerPassesAndPipelines() {
  registerCanonicalizerPass();
  registerCSEPass();
  registerSymbolDCEPass();
  registerTenonCodegenPasses();
  registerTenonFusionPasses();
  registerTenonGraphPasses();
  registerTenonLayoutPasses();
  registerTenonMemoryPasses();
  registerTenonPipelinesPasses();
  registerTenonPrecisionPasses();
  registerTenonQuantizePasses();
  registerTenonSchedulePasses();
  PassPipelineRegistration<>(
      "tenon-to-kernels", "From an imported graph to kernels",
      [](OpPassManager &passes) { buildPipeline(passes, Stage::Import, Stage::Kernels, {}); });
  PassPipelineRegistration<>(
      "tenon-to-program", "From an imported graph to a planned program",
      [](OpPassManager &passes) { buildPipeline(passes, Stage::Import, Stage::Program, {}); });
  PassPipelineRegistration<>(
      "tenon-to-code", "From an imported graph to functions of loops and vectors",
      [](OpPassManager &passes) { buildPipeline(passes, Stage::Import, Stage::Code, {}); });
  PassPipelineRegistration<>(
      "tenon-to-llvm", "From an imported graph to the LLVM dialect",
      [](OpPassManager &passes) { buildPipeline(passes, Stage::Import, Stage::LLVM, {}); });
}

} // namespace tenon
