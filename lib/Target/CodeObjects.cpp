// A kernel or host program goes through these steps on one thread, in an LLVMContext of its own:
//
//   source          LLVM IR as the code generator made it
//   prepare         names get the variant's suffix, everything else becomes internal
//   kernel library  functions of the C++ library that it calls are linked in
//   compile         optimization and machine code
//
// A kernel for a device is compiled to text instead, which goes into the descriptor as data.
//
// Results are put in the model's order, so that the file does not depend on which thread was first.
#include "lib/Target/CodeObjects.h"
#include "lib/Support/Stopwatch.h"
#include "lib/Target/CodeCache.h"
#include "lib/Target/KernelLibrary/KernelLibrary.h"
#include "lib/Target/LLVMCodegen.h"
#include "lib/Target/ModelDescriptor.h"
#include "lib/Target/Ptx/Ptx.h"
#include "lib/Target/StubLibrary.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/ThreadPool.h"
#include <mutex>

using namespace llvm;

namespace tenon {
namespace {

/// One kernel or host program to compile.
struct Unit {
  std::string name; // the function that others see
  const ModuleSource *source;
  const VariantInfo *variant;
  bool isHost;

  /// Whether a name in the unit's module means the same in other modules. Kernels know only
  /// themselves: what else they declare is a C function, even if a kernel is named like it.
  bool shares(StringRef symbol) const {
    if (!isHost || symbol == name)
      return symbol == name;
    return any_of(variant->kernels,
                  [&](const KernelInfo &kernel) { return symbol == kernel.name; });
  }
  std::string symbol() const { return name + getVariantSuffix(*variant); }
};

struct PreparedModule {
  std::unique_ptr<Module> module;
  LLVMOptimization level;
};

/// One of both.
struct CompiledUnit {
  std::optional<CodeObject> object;
  std::optional<PtxKernel> ptx;
};

/// Whose code it is, for errors: "kernel 'conv_3' (node 'conv1'): ".
std::string describe(const Unit &unit) {
  if (unit.isHost)
    return "the host program: ";
  auto kernel = find_if(unit.variant->kernels,
                        [&](const KernelInfo &info) { return info.name == unit.name; });
  std::string nodes = kernel->nodes.empty() ? "" : " (node '" + kernel->nodes + "')";
  return "kernel '" + unit.name + "'" + nodes + ": ";
}

class CodeCompiler {
public:
  CodeCompiler(const CompiledModel &model, EmitStatistics &statistics, CodeCache *cache = nullptr);

  ArrayRef<Unit> getUnits() const { return units; }
  /// The LLVM IR of a unit, which defines what it is there for.
  Expected<std::unique_ptr<Module>> translate(const Unit &unit, LLVMContext &context);
  Expected<PreparedModule> prepare(const Unit &unit, std::unique_ptr<Module> module);
  Expected<CompiledUnit> compile(const Unit &unit);
  Expected<SmallVector<char>> compileModule(const Unit &unit, PreparedModule prepared);
  Expected<CompiledUnit> compilePtx(const Unit &unit, std::unique_ptr<Module> module);

private:
  void addTime(double EmitStatistics::*field, const Stopwatch &watch) {
    std::lock_guard<std::mutex> lock(mutex);
    statistics.*field += watch.milliseconds();
  }

  EmitStatistics &statistics;
  CodeCache *cache;
  std::mutex mutex;
  std::vector<Unit> units;
};

CodeCompiler::CodeCompiler(const CompiledModel &model, EmitStatistics &statistics, CodeCache *cache)
    : statistics(statistics), cache(cache) {
  for (const auto &[variant, code] : zip_equal(model.info.variants, model.code)) {
    for (const auto &[kernel, source] : zip_equal(variant.kernels, code.kernels))
      units.push_back({kernel.name, &source, &variant, /*isHost=*/false});
    units.push_back({runSymbol.str(), &code.host, &variant, /*isHost=*/true});
  }
}

/// Names that objects share are hidden in the binary; all others are the module's own.
void setVisibility(Module &module, const Unit &unit) {
  for (GlobalValue &value : module.global_values()) {
    if (value.getName().starts_with("llvm."))
      continue;
    if (unit.shares(value.getName())) {
      value.setName(value.getName() + getVariantSuffix(*unit.variant));
      value.setLinkage(GlobalValue::ExternalLinkage);
      value.setVisibility(GlobalValue::HiddenVisibility);
      value.setDSOLocal(true);
    } else if (!value.isDeclaration() && !value.hasLocalLinkage()) {
      value.setLinkage(GlobalValue::InternalLinkage);
    }
  }
}

/// A function that a unit calls and that neither the model nor a library has; null if there is
/// none. The linker would notice as well, but knows no nodes.
const Function *findUndefined(const Module &module, const Unit &unit) {
  auto isDefined = [&](const Function &function) {
    StringRef name = function.getName();
    return !function.isDeclaration() || function.isIntrinsic() || function.use_empty() ||
           name.ends_with(getVariantSuffix(*unit.variant)) ||
           is_contained(getLibmFunctions(), name) || is_contained(getLibcFunctions(), name);
  };
  auto undefined = find_if_not(module, isDefined);
  return undefined == module.end() ? nullptr : &*undefined;
}

Expected<std::unique_ptr<Module>> CodeCompiler::translate(const Unit &unit, LLVMContext &context) {
  Stopwatch watch;
  Expected<std::unique_ptr<Module>> module = (*unit.source)(context);
  if (!module)
    return module.takeError();
  GlobalValue *entry = (*module)->getNamedValue(unit.name);
  if (!entry || entry->isDeclaration())
    return createStringError(describe(unit) + "its module does not define '" + unit.name + "'");
  (*module)->setModuleIdentifier(unit.symbol());
  addTime(&EmitStatistics::translate, watch);
  return module;
}

Expected<PreparedModule> CodeCompiler::prepare(const Unit &unit, std::unique_ptr<Module> module) {
  setVisibility(*module, unit);
  Stopwatch libraryWatch;
  Expected<bool> linked =
      linkKernelLibrary(*module, Triple(getProcessor(unit.variant->target).getTriple()));
  if (!linked)
    return createStringError(describe(unit) + toString(linked.takeError()));
  addTime(&EmitStatistics::library, libraryWatch);
  if (const Function *undefined = findUndefined(*module, unit))
    return createStringError(describe(unit) + "no library has the function '" +
                             undefined->getName() + "'");
  return PreparedModule{std::move(module),
                        *linked ? LLVMOptimization::Full : LLVMOptimization::CleanUp};
}

Expected<CompiledUnit> CodeCompiler::compilePtx(const Unit &unit, std::unique_ptr<Module> module) {
  Stopwatch watch;
  Expected<PtxKernel> ptx = compileToPtx(std::move(module), unit.name,
                                         mlir::cast<cuda::TargetAttr>(unit.variant->target));
  if (!ptx)
    return createStringError(describe(unit) + toString(ptx.takeError()));
  addTime(&EmitStatistics::compile, watch);
  return CompiledUnit{.object = std::nullopt, .ptx = std::move(*ptx)};
}

/// Machine code, made or found.
Expected<SmallVector<char>> CodeCompiler::compileModule(const Unit &unit, PreparedModule prepared) {
  cpu::TargetAttr target = getProcessor(unit.variant->target);
  if (!cache)
    return compileToObject(std::move(prepared.module), target, prepared.level);
  CodeCache::Key key = CodeCache::makeKey(*prepared.module, target, prepared.level);
  if (std::optional<SmallVector<char>> known = cache->find(key))
    return std::move(*known);
  Expected<SmallVector<char>> object =
      compileToObject(std::move(prepared.module), target, prepared.level);
  if (object)
    cache->add(key, *object);
  return object;
}

Expected<CompiledUnit> CodeCompiler::compile(const Unit &unit) {
  LLVMContext context;
  Expected<std::unique_ptr<Module>> module = translate(unit, context);
  if (!module)
    return module.takeError();
  if (isPtxModule(**module))
    return compilePtx(unit, std::move(*module));
  Expected<PreparedModule> prepared = prepare(unit, std::move(*module));
  if (!prepared)
    return prepared.takeError();
  Stopwatch watch;
  Expected<SmallVector<char>> object = compileModule(unit, std::move(*prepared));
  if (!object)
    return createStringError(describe(unit) + toString(object.takeError()));
  addTime(&EmitStatistics::compile, watch);
  return CompiledUnit{.object = CodeObject{unit.symbol() + ".o", std::move(*object)},
                      .ptx = std::nullopt};
}

/// Puts objects and texts into the model's order.
CompiledCode collect(const CompiledModel &model, std::vector<CompiledUnit> units) {
  CompiledCode code;
  auto next = units.begin();
  for (const VariantInfo &variant : model.info.variants) {
    DeviceCode &device = code.devices.emplace_back();
    for (size_t i = 0; i <= variant.kernels.size(); ++i, ++next) { // its kernels, then the host
      if (next->object) {
        code.objects.push_back(std::move(*next->object));
        continue;
      }
      appendPtx(device.text, *next->ptx);
      device.kernels[variant.kernels[i].name] = next->ptx->kernel;
    }
  }
  return code;
}

} // namespace

Expected<CompiledCode> compileCode(const CompiledModel &model, const EmitOptions &options,
                                   EmitStatistics &statistics) {
  Stopwatch watch;
  CodeCompiler compiler(model, statistics, options.cache);
  ArrayRef<Unit> units = compiler.getUnits();
  std::vector<CompiledUnit> compiled(units.size());
  std::vector<std::string> failures(units.size());
  auto compileUnit = [&](size_t index) {
    Expected<CompiledUnit> unit = compiler.compile(units[index]);
    if (unit)
      compiled[index] = std::move(*unit);
    else
      failures[index] = toString(unit.takeError());
  };

  DefaultThreadPool pool(hardware_concurrency(options.threads));
  // A variant's host program is its largest module: begin with it.
  for (bool hosts : {true, false})
    for (size_t i = 0; i < units.size(); ++i)
      if (units[i].isHost == hosts)
        pool.async(compileUnit, i);
  pool.wait();

  for (const std::string &failure : failures)
    if (!failure.empty())
      return createStringError(failure);
  statistics.codeWall = watch.milliseconds();
  CompiledCode code = collect(model, std::move(compiled));
  for (const CodeObject &object : code.objects)
    statistics.codeBytes += object.contents.size();
  for (const DeviceCode &device : code.devices)
    statistics.codeBytes += device.text.size();
  return code;
}

Expected<std::unique_ptr<Module>> mergeCode(const CompiledModel &model,
                                            std::unique_ptr<Module> descriptor,
                                            EmitStatistics &statistics) {
  CodeCompiler compiler(model, statistics);
  auto merged = std::move(descriptor);
  for (const Unit &unit : compiler.getUnits()) {
    Expected<std::unique_ptr<Module>> module = compiler.translate(unit, merged->getContext());
    if (!module)
      return module.takeError();
    if (isPtxModule(**module))
      continue;
    Expected<PreparedModule> prepared = compiler.prepare(unit, std::move(*module));
    if (!prepared)
      return prepared.takeError();
    auto machine = createTargetMachine(getProcessor(unit.variant->target));
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
