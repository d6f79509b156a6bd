// The way of a model through the compiler (see docs/architecture.md): import, passes, code, file.

#include "lib/Driver/Driver.h"
#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Tenon/NodeLocation.h"
#include "dialects/Tenon/TenonDialect.h"
#include "lib/Driver/Evaluate.h"
#include "lib/Importer/ElementTypes.h"
#include "lib/Target/LLVMCodegen.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "passes/Codegen/Cpu/GenerateKernel.h"
#include "passes/Codegen/Cpu/LowerToLLVM.h"
#include "passes/Codegen/Cpu/Strategies.h"
#include "passes/Codegen/Host/LowerHost.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Path.h"
#include <chrono>

using namespace mlir;

namespace tenon::driver {

namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Collects errors as lines of text, each with the origin of what it is about.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(MLIRContext &context)
      : handler(&context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
            return success();
          std::lock_guard lock(mutex);
          std::string origin = describeOrigin(diagnostic.getLocation());
          if (!text.empty())
            text += "\n";
          text += origin.empty() ? diagnostic.str() : origin + ": " + diagnostic.str();
          for (Diagnostic &note : diagnostic.getNotes())
            text += "\n  note: " + note.str();
          return success();
        }) {}

  /// What was collected so far, once: whoever passes it on may report it as part of an error of
  /// its own.
  llvm::Error takeError(const llvm::Twine &fallback) {
    std::lock_guard lock(mutex);
    std::string taken = std::exchange(text, std::string());
    return makeError(taken.empty() ? fallback.str() : taken);
  }

private:
  std::mutex mutex;
  std::string text;
  ScopedDiagnosticHandler handler;
};

/// The bytes of a constant as kernels read them: row-major, booleans and small integers in bytes.
FailureOr<SmallVector<char>> constantBytes(ElementsAttr attr) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return failure();
    ArrayRef<char> data = blob->getData();
    return SmallVector<char>(data.begin(), data.end());
  }
  auto elements = dyn_cast<DenseElementsAttr>(attr);
  if (!elements || !elements.getElementType().isIntOrFloat())
    return failure();
  SmallVector<char> bytes;
  if (elements.getElementType().isInteger(1)) {
    for (bool value : elements.getValues<bool>())
      bytes.push_back(value);
    return bytes;
  }
  ArrayRef<char> raw = elements.getRawData();
  size_t copies = elements.isSplat() ? elements.getNumElements() : 1;
  for (size_t i = 0; i < copies; ++i)
    bytes.append(raw.begin(), raw.end());
  return bytes;
}

TensorInfo describeTensor(StringRef name, Type type) {
  TensorInfo info;
  info.name = name.str();
  info.dtype = getDataType(getElementTypeOrSelf(type));
  for (AffineExpr dim : getDims(type)) {
    DimInfo size;
    if (auto constant = dyn_cast<AffineConstantExpr>(dim))
      size.value = constant.getValue();
    else if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
      size.symbol = symbol.getPosition();
    info.dims.push_back(size);
  }
  return info;
}

/// Names of the ONNX nodes behind a location, comma separated.
std::string nodeNames(Location loc) {
  llvm::SetVector<StringRef> names;
  loc->walk([&](Location part) {
    if (isa<NameLoc>(part))
      if (StringRef node = getNodeOrigin(part).node; !node.empty())
        names.insert(node);
    return WalkResult::advance();
  });
  return llvm::join(names, ",");
}

/// Bytes that a launch reads and writes, 0 if they depend on the run.
int64_t bytesOf(KernelOp kernel) {
  int64_t bytes = 0;
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes())) {
    if (!isStatic(type))
      return 0;
    auto tensor = cast<RankedTensorType>(type);
    Type storage = getStorageType(tensor.getElementType());
    if (storage.isIntOrFloat())
      bytes += tensor.getNumElements() * std::max(1u, storage.getIntOrFloatBitWidth() / 8);
  }
  return bytes;
}

/// Flops of a kernel: its contraction's, and one per element of everything else.
int64_t flopsOf(KernelOp kernel) {
  int64_t flops = 0;
  for (Operation &op : kernel.getEntryBlock()) {
    if (auto root = dyn_cast<CostOpInterface>(op)) {
      flops += root.getFlops();
    } else if (isa<ElementalOpInterface>(op)) {
      Value counted = isa<ReduceOp>(op) ? op.getOperand(0) : op.getResult(0);
      if (isStatic(counted.getType()))
        flops += cast<RankedTensorType>(counted.getType()).getNumElements();
    }
  }
  return flops;
}

/// Turns graphs into code, and collects what a binary is made of.
class ProgramBuilder {
public:
  ProgramBuilder(MLIRContext &context, DiagnosticCollector &diagnostics,
                 ConstantEvaluator evaluator, bool separateBuffers)
      : context(context), diagnostics(diagnostics), evaluator(std::move(evaluator)),
        separateBuffers(separateBuffers) {}

  /// Starts a model with the signature of `function`, to be written near `output`.
  llvm::Error begin(func::FuncOp function, StringRef output);
  /// Adds the code of `graph`, a module at the end of the graph stage, for one target.
  llvm::Error addVariant(ModuleOp graph, cpu::TargetAttr target);
  LogicalResult runPasses(ModuleOp module, Stage from, Stage to, cpu::TargetAttr target);

  CompiledModel model;
  /// Of the last variant.
  ModuleOp program;

private:
  FailureOr<uint64_t> placeConstant(ConstantOp op);

  MLIRContext &context;
  DiagnosticCollector &diagnostics;
  ConstantEvaluator evaluator;
  bool separateBuffers;
  std::unique_ptr<WeightsStore> weights;
  /// Programs and hosts stay alive until the file is written: code is generated from them then.
  std::vector<OwningOpRef<ModuleOp>> modules;
};

/// One call of `compile`.
class Compilation {
public:
  Compilation(const std::shared_ptr<ModelFile> &file, const CompileOptions &options)
      : file(file), options(options), diagnostics(context),
        builder(
            context, diagnostics, [this](ModuleOp module) { return evaluateConstants(module); },
            options.separateBuffers) {}

  llvm::Expected<CompileReport> run();

private:
  FailureOr<SmallVector<ElementsAttr>> evaluateConstants(ModuleOp module);
  void reportProgram();

  const std::shared_ptr<ModelFile> &file;
  const CompileOptions &options;
  MLIRContext context;
  DiagnosticCollector diagnostics;
  ProgramBuilder builder;
  CompileReport report;
};

} // namespace

LogicalResult ProgramBuilder::runPasses(ModuleOp module, Stage from, Stage to,
                                        cpu::TargetAttr target) {
  PassManager passes(&context);
  buildPipeline(passes, from, to,
                PipelineOptions{target.getName().str(), evaluator, separateBuffers});
  return passes.run(module);
}

llvm::Error ProgramBuilder::begin(func::FuncOp function, StringRef output) {
  model.info.compilerVersion = "tenon " TENON_VERSION;
  for (StringRef symbol : getSymbolNames(function))
    model.info.symbols.push_back(symbol.str());
  auto describe = [](DictionaryAttr attributes, Type type) {
    auto name = attributes ? attributes.getAs<StringAttr>("tenon.name") : nullptr;
    return describeTensor(name ? name.getValue() : "", type);
  };
  for (auto [number, type] : llvm::enumerate(function.getArgumentTypes()))
    model.info.inputs.push_back(
        describe(function_interface_impl::getArgAttrDict(function, number), type));
  for (auto [number, type] : llvm::enumerate(function.getResultTypes()))
    model.info.outputs.push_back(
        describe(function_interface_impl::getResultAttrDict(function, number), type));
  llvm::Expected<std::unique_ptr<WeightsStore>> store =
      WeightsStore::create(llvm::sys::path::parent_path(output));
  if (!store)
    return store.takeError();
  weights = std::move(*store);
  model.weights = weights.get();
  return llvm::Error::success();
}

FailureOr<uint64_t> ProgramBuilder::placeConstant(ConstantOp op) {
  FailureOr<SmallVector<char>> bytes = constantBytes(op.getValue());
  if (failed(bytes))
    return op.emitError() << "cannot store a constant of type " << op.getType();
  llvm::Expected<uint64_t> offset = weights->add(*bytes);
  if (offset)
    return *offset;
  return op.emitError() << llvm::toString(offset.takeError());
}

llvm::Error ProgramBuilder::addVariant(ModuleOp graph, cpu::TargetAttr target) {
  modules.push_back(graph.clone());
  program = *modules.back();
  if (failed(runPasses(program, Stage::Graph, Stage::Program, target)))
    return diagnostics.takeError("the passes failed");
  auto function = program.lookupSymbol<func::FuncOp>("main");
  VariantInfo info;
  info.target = target;
  info.arenaBytes = function->getAttrOfType<IntegerAttr>("tenon.arena_bytes").getInt();
  VariantCode code;
  for (KernelOp kernel : program.getOps<KernelOp>()) {
    info.kernels.push_back(
        {kernel.getSymName().str(), nodeNames(kernel.getLoc()), flopsOf(kernel), bytesOf(kernel)});
    code.kernels.push_back([this, kernel, target](llvm::LLVMContext &llvmContext) mutable
                               -> llvm::Expected<std::unique_ptr<llvm::Module>> {
      FailureOr<OwningOpRef<ModuleOp>> module = cpu::generateKernel(kernel, target);
      std::string name =
          "kernel '" + kernel.getSymName().str() + "' (node '" + nodeNames(kernel.getLoc()) + "')";
      if (failed(module))
        return diagnostics.takeError("cannot generate " + name);
      llvm::Expected<std::unique_ptr<llvm::Module>> code = translateFrom(**module)(llvmContext);
      if (code)
        return code;
      return diagnostics.takeError(name + ": " + llvm::toString(code.takeError()));
    });
  }
  HostOptions host;
  host.placeConstant = [this](ConstantOp op) { return placeConstant(op); };
  FailureOr<OwningOpRef<ModuleOp>> hostModule = lowerHost(function, host);
  if (failed(hostModule))
    return diagnostics.takeError("cannot lower the host function");
  modules.push_back(std::move(*hostModule));
  code.host = translateFrom(*modules.back());
  model.info.variants.push_back(std::move(info));
  model.code.push_back(std::move(code));
  return llvm::Error::success();
}

// Constants are computed by compiling them for the processor that the compiler runs on.
FailureOr<SmallVector<ElementsAttr>> Compilation::evaluateConstants(ModuleOp module) {
  auto fail = [&](llvm::Error error) -> FailureOr<SmallVector<ElementsAttr>> {
    return emitError(module.getLoc())
           << "cannot fold constants: " << llvm::toString(std::move(error));
  };
  SmallString<128> path;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("tenon", "so", path))
    return fail(llvm::errorCodeToError(error));
  llvm::FileRemover remover(path);
  ProgramBuilder constants(context, diagnostics, /*evaluator=*/nullptr,
                           /*separateBuffers=*/false);
  constants.model.info.name = "constants";
  auto function = module.lookupSymbol<func::FuncOp>("main");
  if (llvm::Error error = constants.begin(function, path))
    return fail(std::move(error));
  if (llvm::Error error = constants.addVariant(module, cpu::getNativeTarget(&context)))
    return fail(std::move(error));
  EmitOptions emit;
  emit.path = path.str().str();
  emit.threads = options.threads;
  if (llvm::Error error = emitModel(constants.model, emit))
    return fail(std::move(error));
  llvm::Expected<SmallVector<ElementsAttr>> values = evaluate(path, function.getResultTypes());
  if (!values)
    return fail(values.takeError());
  return *values;
}

void Compilation::reportProgram() {
  llvm::StringMap<int64_t> launches;
  builder.program.walk([&](LaunchOp launch) { ++launches[launch.getKernel()]; });
  for (const KernelInfo &kernel : builder.model.info.variants.front().kernels)
    report.kernels.push_back(
        {kernel.name, kernel.nodes, kernel.flops, kernel.bytes, launches.lookup(kernel.name)});
  auto function = builder.program.lookupSymbol<func::FuncOp>("main");
  report.arenaBytes = builder.model.info.variants.back().arenaBytes;
  report.arenaLowerBound = function->getAttrOfType<IntegerAttr>("tenon.arena_lower_bound").getInt();
  report.weightsBytes = builder.model.weights->size();
}

llvm::Expected<CompileReport> Compilation::run() {
  Clock::time_point start = Clock::now();
  // An error names the node; nobody wants to read the op.
  context.printOpOnDiagnostic(false);
  context.loadDialect<TenonDialect, cpu::CpuDialect, func::FuncDialect>();
  cpu::loadKernelDialects(context);
  DialectRegistry registry;
  registerLLVMTranslations(registry);
  cpu::registerStrategies(registry);
  context.appendDialectRegistry(registry);

  std::vector<cpu::TargetAttr> targets;
  for (StringRef name : options.targets) {
    name.consume_front("cpu:");
    llvm::Expected<cpu::TargetAttr> target =
        cpu::lookupTarget(name == "cpu" ? "native" : name, &context);
    if (!target)
      return target.takeError();
    targets.push_back(*target);
  }

  FailureOr<OwningOpRef<ModuleOp>> graph = importModel(file, context, options.import);
  if (failed(graph))
    return diagnostics.takeError("cannot import " + file->name());
  report.importTime = millisecondsSince(start);

  Clock::time_point passesStart = Clock::now();
  Stage last = options.stage.value_or(Stage::Graph);
  if (failed(builder.runPasses(**graph, Stage::Import, last, targets.front())))
    return diagnostics.takeError("the passes failed");
  if (options.stage) {
    llvm::raw_string_ostream stream(report.text);
    (*graph)->print(stream, OpPrintingFlags().useLocalScope());
    return std::move(report);
  }
  builder.model.info.name = llvm::sys::path::stem(file->name()).str();
  builder.model.info.checksum = file->checksum();
  if (llvm::Error error =
          builder.begin((*graph)->lookupSymbol<func::FuncOp>("main"), options.output))
    return error;
  for (cpu::TargetAttr target : targets)
    if (llvm::Error error = builder.addVariant(**graph, target))
      return error;
  reportProgram();
  report.passesTime = millisecondsSince(passesStart);

  EmitOptions emit;
  emit.kind = options.emit;
  emit.path = options.output;
  emit.threads = options.threads;
  if (llvm::Error error = emitModel(builder.model, emit, &report.emit))
    return error;
  report.totalTime = millisecondsSince(start);
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

} // namespace tenon::driver
