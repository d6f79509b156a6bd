// A kernel or host program goes through these steps on one thread, in an LLVMContext of its own:
//
//   source          LLVM IR as the code generator made it
//   prepare         names get the variant's suffix, everything else becomes internal
//   kernel library  functions of the C++ library that it calls are linked in
//   compile         optimization and machine code
//
// Results are put in the model's order, so that the file does not depend on which thread was first.
#include "lib/Target/CodeObjects.h"
#include "lib/Target/KernelLibrary/KernelLibrary.h"
#include "lib/Target/LLVMCodegen.h"
#include "lib/Target/ModelDescriptor.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/ThreadPool.h"
#include <chrono>
#include <mutex>

using namespace llvm;

namespace tenon {
namespace {

class Stopwatch {
public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
};

/// One kernel or host program to compile.
struct Unit {
  std::string name; // the function that others see
  const ModuleSource *source;
  const cpu::TargetInfo *target;
  const StringSet<> *shared; // names that get the suffix
  std::string suffix;
};

struct PreparedModule {
  std::unique_ptr<Module> module;
  LLVMOptimization level;
};

class CodeCompiler {
public:
  CodeCompiler(const CompiledModel &model, EmitStatistics &statistics);

  ArrayRef<Unit> getUnits() const { return units; }
  Expected<PreparedModule> prepare(const Unit &unit, LLVMContext &context);
  Expected<CodeObject> compile(const Unit &unit);

private:
  void addTime(double EmitStatistics::*field, const Stopwatch &watch) {
    std::lock_guard<std::mutex> lock(mutex);
    statistics.*field += watch.milliseconds();
  }

  EmitStatistics &statistics;
  std::mutex mutex;
  std::vector<StringSet<>> sharedNames; // by variant
  std::vector<Unit> units;
};

CodeCompiler::CodeCompiler(const CompiledModel &model, EmitStatistics &statistics)
    : statistics(statistics) {
  sharedNames.resize(model.code.size());
  for (auto [index, code] : enumerate(model.code)) {
    const VariantInfo &variant = model.info.variants[index];
    StringSet<> &shared = sharedNames[index];
    shared.insert(runSymbol);
    shared.insert(kernelsSymbol);
    std::string suffix = getVariantSuffix(model.info, index);
    for (const auto &[kernel, source] : zip_equal(variant.kernels, code.kernels)) {
      shared.insert(kernel.name);
      units.push_back({kernel.name, &source, &variant.target, &shared, suffix});
    }
    units.push_back({runSymbol.str(), &code.host, &variant.target, &shared, suffix});
  }
}

/// Names that objects share are hidden in the binary; all others are the module's own.
void setVisibility(Module &module, const Unit &unit) {
  for (GlobalValue &value : module.global_values()) {
    if (value.getName().starts_with("llvm."))
      continue;
    if (unit.shared->contains(value.getName())) {
      value.setName(value.getName() + Twine(unit.suffix));
      value.setLinkage(GlobalValue::ExternalLinkage);
      value.setVisibility(GlobalValue::HiddenVisibility);
      value.setDSOLocal(true);
    } else if (!value.isDeclaration() && !value.hasLocalLinkage()) {
      value.setLinkage(GlobalValue::InternalLinkage);
    }
  }
}

Expected<PreparedModule> CodeCompiler::prepare(const Unit &unit, LLVMContext &context) {
  Stopwatch translateWatch;
  Expected<std::unique_ptr<Module>> module = (*unit.source)(context);
  if (!module)
    return module.takeError();
  GlobalValue *entry = (*module)->getNamedValue(unit.name);
  if (!entry || entry->isDeclaration())
    return createStringError("the module of '%s' does not define it", unit.name.c_str());
  (*module)->setModuleIdentifier(unit.name + unit.suffix);
  setVisibility(**module, unit);
  addTime(&EmitStatistics::translate, translateWatch);

  Stopwatch libraryWatch;
  Expected<bool> linked = linkKernelLibrary(**module);
  if (!linked)
    return linked.takeError();
  addTime(&EmitStatistics::library, libraryWatch);
  return PreparedModule{std::move(*module),
                        *linked ? LLVMOptimization::Full : LLVMOptimization::CleanUp};
}

Expected<CodeObject> CodeCompiler::compile(const Unit &unit) {
  LLVMContext context;
  Expected<PreparedModule> prepared = prepare(unit, context);
  if (!prepared)
    return prepared.takeError();
  Stopwatch watch;
  Expected<SmallVector<char>> object =
      compileToObject(std::move(prepared->module), *unit.target, prepared->level);
  if (!object)
    return object.takeError();
  addTime(&EmitStatistics::compile, watch);
  return CodeObject{unit.name + unit.suffix + ".o", std::move(*object)};
}

} // namespace

Expected<std::vector<CodeObject>> compileCode(const CompiledModel &model, unsigned threads,
                                              EmitStatistics &statistics) {
  Stopwatch watch;
  CodeCompiler compiler(model, statistics);
  ArrayRef<Unit> units = compiler.getUnits();
  std::vector<CodeObject> objects(units.size());
  std::vector<std::string> failures(units.size());
  auto compileUnit = [&](size_t index) {
    Expected<CodeObject> object = compiler.compile(units[index]);
    if (object)
      objects[index] = std::move(*object);
    else
      failures[index] = toString(object.takeError());
  };

  DefaultThreadPool pool(hardware_concurrency(threads));
  // A variant's host program is its largest module: begin with it.
  for (bool hosts : {true, false})
    for (size_t i = 0; i < units.size(); ++i)
      if ((units[i].name == runSymbol) == hosts)
        pool.async(compileUnit, i);
  pool.wait();

  for (const std::string &failure : failures)
    if (!failure.empty())
      return createStringError(failure);
  statistics.codeWall = watch.milliseconds();
  for (const CodeObject &object : objects)
    statistics.codeBytes += object.contents.size();
  return objects;
}

Expected<std::unique_ptr<Module>> mergeCode(const CompiledModel &model,
                                            std::unique_ptr<Module> descriptor,
                                            EmitStatistics &statistics) {
  CodeCompiler compiler(model, statistics);
  auto merged = std::move(descriptor);
  for (const Unit &unit : compiler.getUnits()) {
    Expected<PreparedModule> prepared = compiler.prepare(unit, merged->getContext());
    if (!prepared)
      return prepared.takeError();
    auto machine = createTargetMachine(*unit.target);
    if (!machine)
      return machine.takeError();
    optimizeModule(*prepared->module, **machine, prepared->level);
    merged->setDataLayout(prepared->module->getDataLayout());
    if (Linker::linkModules(*merged, std::move(prepared->module)))
      return createStringError("cannot merge '%s' with the other code", unit.name.c_str());
  }
  return merged;
}

} // namespace tenon
