// Programs that run in the compiler's own process (see the header).

#include "lib/Execute/LoadedProgram.h"
#include "dialects/Target/TargetKind.h"
#include "dialects/Tenon/Shape.h"
#include "lib/Driver/ProgramBuilder.h"
#include "lib/Execute/EvaluateConstants.h"
#include "lib/Support/Files.h"
#include "llvm/Support/FileUtilities.h"
#include <chrono>

using namespace mlir;

namespace tenon {

static llvm::Error runtimeError() { return llvm::createStringError(tenon_last_error()); }

static llvm::Expected<func::FuncOp> findMain(ModuleOp module) {
  if (auto function = module.lookupSymbol<func::FuncOp>("main"))
    return function;
  return llvm::createStringError("the module has no function 'main'");
}

llvm::Error compileProgram(ModuleOp module, const std::string &path, const LoadOptions &options) {
  llvm::Expected<func::FuncOp> function = findMain(module);
  if (!function)
    return function.takeError();
  MLIRContext &context = *module.getContext();
  driver::DiagnosticCollector diagnostics(context);
  PipelineOptions pipeline;
  if (options.foldConstants)
    pipeline.evaluator = makeConstantEvaluator(options.compileThreads);
  driver::ProgramBuilder builder(context, diagnostics, pipeline);
  builder.model.info.name = module.getSymName().value_or("program").str();
  if (llvm::Error error = builder.begin(*function, path))
    return error;
  auto target = module->getAttrOfType<TargetAttrInterface>(kTargetAttrName);
  if (!target) {
    llvm::Expected<TargetAttrInterface> native = lookupTarget("native", &context);
    if (!native)
      return native.takeError();
    target = *native;
  }
  if (llvm::Error error = builder.addVariant(module, target, options.stage))
    return error;
  EmitOptions emit;
  emit.path = path;
  emit.threads = options.compileThreads;
  return emitModel(builder.model, emit);
}

llvm::Expected<LoadedProgram> LoadedProgram::load(ModuleOp module, const LoadOptions &options) {
  llvm::Expected<func::FuncOp> function = findMain(module);
  if (!function)
    return function.takeError();
  std::string path = inventTemporaryPath(".so");
  llvm::FileRemover remover(path);
  if (llvm::Error error = compileProgram(module, path, options))
    return error;
  LoadedProgram program(function->getFunctionType());
  if (llvm::Error error = program.loadFile(path))
    return error;
  return program;
}

llvm::Error LoadedProgram::loadFile(const std::string &path) {
  tenon_model *loaded = nullptr;
  if (tenon_model_load(path.c_str(), &loaded) != TENON_OK)
    return runtimeError();
  model.reset(loaded);
  return llvm::Error::success();
}

/// A context with these threads: the last run's, or a new one.
llvm::Error LoadedProgram::useThreads(int32_t count) {
  if (context && threads == count)
    return llvm::Error::success();
  tenon_context_options options = {};
  options.threads = count;
  tenon_context *created = nullptr;
  if (tenon_context_create(model.get(), &options, &created) != TENON_OK)
    return runtimeError();
  context.reset(created);
  threads = count;
  return llvm::Error::success();
}

llvm::Error LoadedProgram::call(ArrayRef<tenon_tensor> inputs,
                                MutableArrayRef<tenon_tensor> outputs) {
  auto count = [](size_t size) { return static_cast<int32_t>(size); };
  if (tenon_run(context.get(), inputs.data(), count(inputs.size()), outputs.data(),
                count(outputs.size())) != TENON_OK)
    return runtimeError();
  return llvm::Error::success();
}

/// Views of tensors, and what some of them need memory for.
struct Views {
  explicit Views(ArrayRef<HostTensor> tensors) : storage(tensors.size()) {
    for (auto [tensor, memory] : llvm::zip_equal(tensors, storage))
      views.push_back(tensor.view(memory));
  }

  std::vector<std::vector<char>> storage;
  std::vector<tenon_tensor> views;
};

/// Whether a run can write a result where it stays.
static bool isWrittenInPlace(Type type) { return isStatic(type) && !HostTensor::isPacked(type); }

// A run writes results of known size where they will stay: of large weights there should be no
// second copy. Others are copied from the context's memory.
llvm::Expected<std::vector<HostTensor>> LoadedProgram::run(ArrayRef<HostTensor> inputs,
                                                           const RunOptions &options) {
  if (llvm::Error error = useThreads(options.threads))
    return error;
  Views arguments(inputs);
  std::vector<tenon_tensor> results(type.getNumResults());
  std::vector<HostTensor> outputs(type.getNumResults());
  for (auto [output, result, each] : llvm::zip_equal(outputs, results, type.getResults())) {
    if (!isWrittenInPlace(each))
      continue;
    output = HostTensor::allocate(cast<RankedTensorType>(each));
    size_t bytes = output.bytes.getData().size();
    result.data = bytes ? output.bytes.getMutableData().data() : nullptr;
    result.capacity = bytes;
  }
  if (llvm::Error error = call(arguments.views, results))
    return error;
  for (auto [output, result, each] : llvm::zip_equal(outputs, results, type.getResults()))
    if (!isWrittenInPlace(each))
      output = HostTensor::copy(result, cast<RankedTensorType>(each));
  return outputs;
}

KernelTime LoadedProgram::timeOfKernel(int64_t number) const {
  tenon_kernel_info info = {};
  tenon_kernel_profile profile = {};
  tenon_model_kernel(model.get(), number, &info);
  tenon_profile_kernel(context.get(), number, &profile);
  return {info.name, info.nodes, profile.calls, profile.total_ns, profile.min_ns};
}

llvm::Expected<Measurement> LoadedProgram::measure(ArrayRef<HostTensor> inputs,
                                                   const MeasureOptions &options) {
  if (llvm::Error error = useThreads(options.run.threads))
    return error;
  Views arguments(inputs);
  std::vector<tenon_tensor> results(type.getNumResults());
  for (int64_t i = 0; i < options.warmUps; ++i)
    if (llvm::Error error = call(arguments.views, results))
      return error;
  if (tenon_profile_start(context.get()) != TENON_OK)
    return runtimeError();
  Measurement measurement;
  for (int64_t i = 0; i < options.runs; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (llvm::Error error = call(arguments.views, results))
      return error;
    int64_t time = std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count();
    measurement.total += time;
    measurement.best = i ? std::min(measurement.best, time) : time;
  }
  tenon_profile_stop(context.get());
  measurement.runs = options.runs;
  for (int64_t number = 0; number < tenon_model_num_kernels(model.get()); ++number)
    measurement.kernels.push_back(timeOfKernel(number));
  return measurement;
}

} // namespace tenon
