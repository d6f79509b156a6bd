// The way of a model through the compiler (see docs/architecture.md): import, passes, code, file.

#include "lib/Driver/Driver.h"
#include "dialects/Target/TargetKind.h"
#include "lib/Driver/Context.h"
#include "lib/Driver/ProgramBuilder.h"
#include "lib/Driver/States.h"
#include "lib/Execute/EvaluateConstants.h"
#include "lib/Support/Stopwatch.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace tenon::driver {

namespace {

/// One call of `compile`.
class Compilation {
public:
  Compilation(const std::shared_ptr<ModelFile> &file, const CompileOptions &options)
      : file(file), options(options), diagnostics(context),
        builder(context, diagnostics, pipelineOptions(options)) {}

  llvm::Expected<CompileReport> run();

private:
  static PipelineOptions pipelineOptions(const CompileOptions &options) {
    return {.evaluator = makeConstantEvaluator(options.threads),
            .separateBuffers = options.separateBuffers,
            .quantExact = options.quantExact,
            .placeByCost = options.placeByCost,
            .precision = options.precision.getRules()};
  }
  llvm::Expected<TargetAttrInterface> withHost(TargetAttrInterface target, StringRef name);
  llvm::Expected<std::shared_ptr<ModelFile>> removeDead(TargetAttrInterface target);
  void reportProgram();

  const std::shared_ptr<ModelFile> &file;
  const CompileOptions &options;
  MLIRContext context;
  DiagnosticCollector diagnostics;
  ProgramBuilder builder;
  CompileReport report;
};

} // namespace

/// A device beside the first processor that is named, where its own name, DEVICE/HOST, tells none.
llvm::Expected<TargetAttrInterface> Compilation::withHost(TargetAttrInterface target,
                                                          StringRef name) {
  if (!hasOwnMemory(target) || name.contains('/'))
    return target;
  for (const std::string &host : options.targets) {
    llvm::Expected<TargetAttrInterface> other = lookupTarget(host, &context);
    if (!other)
      return other.takeError();
    if (!hasOwnMemory(*other))
      return lookupTarget((name + "/" + host).str(), &context);
  }
  return target;
}

/// Of the first target, once it is compiled.
void Compilation::reportProgram() {
  for (const KernelInfo &kernel : builder.model.info.variants.front().kernels)
    report.kernels.push_back({kernel.name, kernel.nodes, kernel.flops, kernel.bytes,
                              builder.launches.lookup(kernel.name), kernel.remarks});
  for (LaunchNodes &launch : builder.launchNodes)
    report.launches.push_back(
        {std::move(launch.kernel), std::move(launch.nodes), std::move(launch.products)});
  report.arenaBytes = builder.model.info.variants.front().arenaBytes;
  report.arenaLowerBound = builder.arenaLowerBound;
  report.transfers = builder.transfers;
}

/// The model without channels that are dead.
llvm::Expected<std::shared_ptr<ModelFile>> Compilation::removeDead(TargetAttrInterface target) {
  if (options.keepDeadChannels)
    return file;
  llvm::Expected<DeadChannelResult> result =
      removeDeadChannels(file, {.multiple = getChannelMultiple(target), .import = options.import});
  if (!result)
    return result.takeError();
  report.deadChannels = std::move(result->removed);
  return std::move(result->model);
}

static std::string printModule(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().useLocalScope());
  return text;
}

static llvm::Error writeModel(CompiledModel &model, const CompileOptions &options,
                              CompileReport &report) {
  EmitOptions emit;
  emit.kind = options.emit;
  emit.path = options.output;
  emit.threads = options.threads;
  emit.assemble = options.assemble;
  emit.cache = options.codeCache.get();
  return emitModel(model, emit, &report.emit);
}

llvm::Expected<CompileReport> Compilation::run() {
  Stopwatch total;
  // An error names the node; nobody wants to read the op.
  context.printOpOnDiagnostic(false);
  prepareContext(context);

  std::vector<TargetAttrInterface> targets;
  for (const std::string &name : options.targets) {
    llvm::Expected<TargetAttrInterface> target = lookupTarget(name, &context);
    if (target && options.placeByCost)
      target = withHost(*target, name);
    if (!target)
      return target.takeError();
    if (llvm::is_contained(targets, *target))
      return llvm::createStringError("target '" + name + "' is named twice");
    targets.push_back(*target);
  }

  llvm::Expected<std::shared_ptr<ModelFile>> model = removeDead(targets.front());
  if (!model)
    return model.takeError();
  FailureOr<OwningOpRef<ModuleOp>> graph = importModel(*model, context, options.import);
  if (failed(graph))
    return diagnostics.takeError("cannot import " + file->name());
  if (failed(options.precision.check(**graph)))
    return diagnostics.takeError("cannot assign precisions");
  if (failed(markStates((*graph)->lookupSymbol<func::FuncOp>("main"), options.states)))
    return diagnostics.takeError("cannot mark states");
  report.importTime = total.milliseconds();

  Stopwatch passes;
  Stage last = options.stage.value_or(Stage::Graph);
  if (failed(builder.runPasses(**graph, Stage::Import, last, targets.front())))
    return diagnostics.takeError("the passes failed");
  if (options.stage) {
    report.text = printModule(**graph);
    return std::move(report);
  }
  builder.model.info.name = llvm::sys::path::stem(file->name()).str();
  builder.model.info.checksum = file->checksum();
  if (llvm::Error error =
          builder.begin((*graph)->lookupSymbol<func::FuncOp>("main"), options.output))
    return error;
  for (TargetAttrInterface target : targets) {
    if (llvm::Error error = builder.addVariant(**graph, target))
      return error;
    if (builder.model.info.variants.size() == 1)
      reportProgram();
  }
  report.weightsBytes = builder.model.weights->size();
  report.passesTime = passes.milliseconds();

  if (llvm::Error error = writeModel(builder.model, options, report))
    return error;
  report.totalTime = total.milliseconds();
  return std::move(report);
}

llvm::Expected<CompileReport> compile(const std::shared_ptr<ModelFile> &model,
                                      const CompileOptions &options) {
  return Compilation(model, options).run();
}

llvm::Expected<CompileReport> compileFile(StringRef path, const CompileOptions &options) {
  llvm::Expected<std::shared_ptr<ModelFile>> model = ModelFile::open(path);
  if (!model)
    return model.takeError();
  return compile(*model, options);
}

/// Text names weights, but does not hold them.
static llvm::Error checkWeights(ModuleOp module, StringRef path) {
  WalkResult missing = module.walk([](ConstantOp op) {
    auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue());
    return resource && !resource.getRawHandle().getBlob() ? WalkResult::interrupt()
                                                          : WalkResult::advance();
  });
  if (!missing.wasInterrupted())
    return llvm::Error::success();
  return llvm::createStringError(
      "'" + path +
      "' does not hold the weights that its kernels have: " + "operands have to be inputs");
}

llvm::Expected<CompileReport> compileKernels(StringRef path, const CompileOptions &options) {
  MLIRContext context;
  DiagnosticCollector diagnostics(context);
  prepareContext(context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(path, &context);
  if (!module)
    return diagnostics.takeError("cannot read " + path.str());
  auto function = module->lookupSymbol<func::FuncOp>("main");
  auto target = (*module)->getAttrOfType<TargetAttrInterface>(kTargetAttrName);
  if (!function || !target)
    return llvm::createStringError("'" + path + "' is no program of kernels: it has no " +
                                   (function ? "target" : "function 'main'"));
  if (options.stage && *options.stage < Stage::Kernels)
    return llvm::createStringError("'" + path + "' is past the stage that --emit names");
  if (llvm::Error error = checkWeights(*module, path))
    return std::move(error);
  ProgramBuilder builder(context, diagnostics, {});
  CompileReport report;
  if (options.stage) {
    if (failed(builder.runPasses(*module, Stage::Kernels, *options.stage, target)))
      return diagnostics.takeError("the passes failed");
    report.text = printModule(*module);
    return report;
  }
  builder.model.info.name = llvm::sys::path::stem(path).str();
  if (llvm::Error error = builder.begin(function, options.output))
    return error;
  if (llvm::Error error = builder.addVariant(*module, target, Stage::Kernels))
    return error;
  if (llvm::Error error = writeModel(builder.model, options, report))
    return error;
  return report;
}

} // namespace tenon::driver
