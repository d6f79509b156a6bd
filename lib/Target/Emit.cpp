// Puts the pieces of a binary together: code objects, descriptor, weights.
#include "lib/Target/Emit.h"
#include "lib/Support/Files.h"
#include "lib/Support/Stopwatch.h"
#include "lib/Target/Architecture.h"
#include "lib/Target/CodeObjects.h"
#include "lib/Target/Header.h"
#include "lib/Target/LLVMCodegen.h"
#include "lib/Target/Linker.h"
#include "lib/Target/ModelDescriptor.h"
#include "lib/Target/PlaceWeights.h"
#include "lib/Target/Ptx/Assembler.h"
#include "lib/Target/Runner/Executable.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace tenon {
namespace {

class Emitter {
public:
  Emitter(const CompiledModel &model, const EmitOptions &options, EmitStatistics &statistics)
      : model(model), options(options), statistics(statistics) {}

  Error run();

private:
  Error check();
  Error findCommonArchitecture();
  Error emitBinary();
  Error emitText();
  Error emitDeviceCode();
  Expected<CompiledCode> compile();
  Error writeBinary(MutableArrayRef<char> elf);

  bool isObject() const { return options.kind == EmitKind::Object; }
  std::string symbol() const {
    return isObject() ? "tenon_model_" + sanitizeModelName(model.info.name) : "tenon_model";
  }
  std::unique_ptr<Module> buildDescriptor(ArrayRef<DeviceCode> devices,
                                          LLVMContext &context) const {
    WeightsPlace place;
    place.writable = !isObject();
    place.alignment = architecture->pageSize;
    if (model.weights) {
      place.bytes = model.weights->size();
      place.checksum = model.weights->checksum();
    }
    return buildModelDescriptor(model.info, symbol(), place, devices, context);
  }
  cpu::TargetAttr mainTarget() const { return getProcessor(model.info.variants.front().target); }

  const CompiledModel &model;
  const EmitOptions &options;
  EmitStatistics &statistics;
  /// Of all variants.
  const Architecture *architecture = nullptr;
};

Error Emitter::check() {
  if (model.info.variants.empty() || model.code.size() != model.info.variants.size())
    return createStringError("model '%s' has %zu variants and code for %zu",
                             model.info.name.c_str(), model.info.variants.size(),
                             model.code.size());
  for (const auto &[variant, code] : zip_equal(model.info.variants, model.code))
    if (variant.kernels.size() != code.kernels.size())
      return createStringError("variant '%s' describes %zu kernels and has code for %zu",
                               variant.target.getTargetName().c_str(), variant.kernels.size(),
                               code.kernels.size());
  return findCommonArchitecture();
}

/// One file holds code for one.
Error Emitter::findCommonArchitecture() {
  for (const VariantInfo &variant : model.info.variants) {
    cpu::TargetAttr processor = getProcessor(variant.target);
    Expected<const Architecture *> found = findArchitecture(Triple(processor.getTriple()));
    if (!found)
      return createStringError("target '" + variant.target.getTargetName() +
                               "': " + toString(found.takeError()));
    if (architecture && architecture != *found)
      return createStringError("one file cannot hold code for '" + mainTarget().getTargetName() +
                               "' (" + architecture->name + ") and '" +
                               variant.target.getTargetName() + "' (" + (*found)->name + ")");
    architecture = *found;
  }
  return Error::success();
}

Error Emitter::run() {
  if (options.kind == EmitKind::Header) {
    std::string text = buildHeader(model.info);
    return writeFile(options.path, text);
  }
  if (Error error = check())
    return error;
  if (options.kind == EmitKind::DeviceCode)
    return emitDeviceCode();
  bool isText = options.kind == EmitKind::Assembly || options.kind == EmitKind::LLVMIR;
  return isText ? emitText() : emitBinary();
}

/// Adds machine code, and what the assembler says of kernels.
static Error assemble(DeviceCode &device, cuda::TargetAttr target) {
  Expected<AssembledCode> assembled = assemblePtx(device.text, target);
  if (!assembled)
    return assembled.takeError();
  device.binary = std::move(assembled->cubin);
  for (auto &entry : device.kernels) {
    DeviceKernel &kernel = entry.second;
    KernelUsage usage = assembled->usage.lookup(kernel.entry);
    usage.sharedBytes += kernel.launchSharedBytes;
    kernel.registers = usage.registers;
    kernel.spilledBytes = usage.spilledBytes;
    kernel.sharedBytes = usage.sharedBytes;
    kernel.residentBlocks = countResidentBlocks(usage, kernel.blockThreads, target);
  }
  return Error::success();
}

Expected<CompiledCode> Emitter::compile() {
  Expected<CompiledCode> code = compileCode(model, options, statistics);
  if (!code || !options.assemble)
    return code;
  for (auto [device, variant] : zip_equal(code->devices, model.info.variants))
    if (auto target = mlir::dyn_cast<cuda::TargetAttr>(variant.target);
        target && !device.text.empty())
      if (Error error = assemble(device, target))
        return std::move(error);
  return code;
}

Error Emitter::emitBinary() {
  Expected<CompiledCode> code = compile();
  if (!code)
    return code.takeError();
  Stopwatch linking;
  LLVMContext context;
  Expected<SmallVector<char>> descriptor =
      compileToObject(buildDescriptor(code->devices, context), mainTarget());
  if (!descriptor)
    return descriptor.takeError();

  std::vector<LinkInput> inputs;
  for (const CodeObject &object : code->objects)
    inputs.push_back({object.name, object.contents});
  inputs.push_back({"descriptor.o", *descriptor});
  Expected<SmallVector<char, 0>> linked =
      isObject() ? linkRelocatable(inputs, symbol()) : linkSharedLibrary(inputs, symbol());
  if (!linked)
    return linked.takeError();
  statistics.link = linking.milliseconds();
  return writeBinary(*linked);
}

Error Emitter::writeBinary(MutableArrayRef<char> elf) {
  Stopwatch writing;
  Expected<OutputFile> file = OutputFile::create(options.path);
  if (!file)
    return file.takeError();
  auto *write = isObject()                             ? writeObject
                : options.kind == EmitKind::Executable ? writeExecutable
                                                       : writeLibrary;
  Expected<uint64_t> end = write(*file, elf, *architecture, model.weights);
  if (!end)
    return end.takeError();
  statistics.fileBytes = *end;
  if (Error error = file->commit(!isObject()))
    return error;
  statistics.write = writing.milliseconds();
  return Error::success();
}

Error Emitter::emitDeviceCode() {
  Expected<CompiledCode> code = compileCode(model, options, statistics);
  if (!code)
    return code.takeError();
  ArrayRef<DeviceCode> devices = code->devices;
  TargetAttrInterface target = model.info.variants.front().target;
  if (devices.size() == 1 && devices.front().text.empty() && target.getHost() != target)
    return createStringError("all kernels run on the host of '" + target.getTargetName() +
                             "': there is no code of the device");
  if (devices.size() != 1 || devices.front().text.empty())
    return createStringError("code of a device is there for one target with one, not for " +
                             std::to_string(devices.size()) + " targets, of which the first is '" +
                             target.getTargetName() + "'");
  return writeFile(options.path, devices.front().text);
}

Error Emitter::emitText() {
  LLVMContext context;
  std::vector<DeviceCode> none(model.info.variants.size());
  Expected<std::unique_ptr<Module>> merged =
      mergeCode(model, buildDescriptor(none, context), statistics);
  if (!merged)
    return merged.takeError();
  (*merged)->setModuleIdentifier(model.info.name);
  if (options.kind == EmitKind::Assembly) {
    Expected<SmallVector<char>> text = generateAssembly(**merged, mainTarget());
    return text ? writeFile(options.path, *text) : text.takeError();
  }
  std::string text;
  raw_string_ostream os(text);
  (*merged)->print(os, nullptr);
  return writeFile(options.path, text);
}

} // namespace

Error emitModel(const CompiledModel &model, const EmitOptions &options,
                EmitStatistics *statistics) {
  EmitStatistics unused;
  return Emitter(model, options, statistics ? *statistics : unused).run();
}

ModuleSource translateFrom(mlir::ModuleOp module) {
  return [module](LLVMContext &context) { return translateToLLVM(module, context); };
}

} // namespace tenon
