// Each table of runtime/abi.h becomes one constant struct with the same fields in the same order;
// LLVM lays them out by the C rules. Assertions below tie the two together.
#include "lib/Target/ModelDescriptor.h"
#include "lib/Target/LLVMCodegen.h"
#include "lib/Target/PlaceWeights.h"
#include "runtime/abi.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tenon {

static_assert(sizeof(tenon_dim_desc) == 16 && sizeof(tenon_tensor_desc) == 56 &&
                  sizeof(tenon_kernel_desc) == 120 && sizeof(tenon_variant_desc) == 104 &&
                  sizeof(tenon_tensor_map_desc) == 296 && sizeof(tenon_state_desc) == 8 &&
                  sizeof(tenon_model_desc) == 160,
              "runtime/abi.h changed: change the builders below with it");

std::string sanitizeModelName(StringRef name) {
  std::string result;
  for (char c : name)
    result += isAlnum(c) ? c : '_';
  return result.empty() ? "model" : result;
}

std::string getVariantSuffix(const VariantInfo &variant) {
  std::string name = variant.target.getTargetName();
  return "." + sanitizeModelName(StringRef(name).split(':').second);
}

namespace {

class DescriptorBuilder {
public:
  DescriptorBuilder(Module &module, ArrayRef<DeviceCode> devices)
      : module(module), pointer(PointerType::get(module.getContext(), 0)), devices(devices),
        hasDevices(any_of(devices, [](const DeviceCode &code) { return !code.text.empty(); })) {}

  GlobalVariable *buildModel(const ModelInfo &model, StringRef symbol, const WeightsPlace &place);

private:
  Constant *int32(int64_t value) {
    return ConstantInt::get(Type::getInt32Ty(module.getContext()), value, /*IsSigned=*/true);
  }
  Constant *int64(int64_t value) {
    return ConstantInt::get(Type::getInt64Ty(module.getContext()), value, /*IsSigned=*/true);
  }
  Constant *null() { return ConstantPointerNull::get(pointer); }

  Constant *record(ArrayRef<Constant *> fields) {
    return ConstantStruct::getAnon(module.getContext(), fields);
  }

  GlobalVariable *global(Constant *value, const Twine &name,
                         GlobalValue::LinkageTypes linkage = GlobalValue::PrivateLinkage) {
    return new GlobalVariable(module, value->getType(), /*isConstant=*/true, linkage, value, name);
  }

  /// A pointer to the elements, all of one type; null if there are none.
  Constant *array(ArrayRef<Constant *> elements, const Twine &name) {
    if (elements.empty())
      return null();
    auto *type = ArrayType::get(elements.front()->getType(), elements.size());
    return global(ConstantArray::get(type, elements), name);
  }

  /// For readers that want 16-byte alignment.
  Constant *bytes(StringRef data) {
    auto *variable =
        global(ConstantDataArray::getString(module.getContext(), data, /*AddNull=*/false), "bytes");
    variable->setAlignment(Align(16));
    return variable;
  }
  Constant *string(StringRef text) {
    Constant *&place = strings[text];
    if (!place) {
      auto *variable = global(ConstantDataArray::getString(module.getContext(), text), "text");
      variable->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
      variable->setAlignment(Align(1));
      place = variable;
    }
    return place;
  }

  Constant *stringArray(ArrayRef<std::string> texts, bool terminated, const Twine &name) {
    SmallVector<Constant *> pointers;
    for (const std::string &text : texts)
      pointers.push_back(string(text));
    if (terminated)
      pointers.push_back(null());
    return array(pointers, name);
  }

  Constant *buildKeys(const TensorInfo &table);
  Constant *buildTensor(const TensorInfo &tensor);
  Constant *buildTensors(ArrayRef<TensorInfo> tensors, const Twine &name);
  Constant *buildStates(ArrayRef<StateInfo> states);
  /// The bytes of all strings, one behind another, and where each ends.
  std::pair<Constant *, Constant *> buildStrings(ArrayRef<std::string> strings);
  Constant *buildMaps(ArrayRef<std::vector<int64_t>> maps);
  Constant *buildKernels(const ModelInfo &model, size_t variant);
  Constant *buildVariant(const ModelInfo &model, size_t variant, Constant *weights,
                         uint64_t weightsBytes);

  Function *declare(const Twine &name, FunctionType *type) {
    auto *function = Function::Create(type, GlobalValue::ExternalLinkage, name, module);
    function->setVisibility(GlobalValue::HiddenVisibility);
    return function;
  }

  Module &module;
  PointerType *pointer;
  /// Beside the variants. Without any code for devices, tables do not have the fields that only
  /// these need.
  ArrayRef<DeviceCode> devices;
  bool hasDevices;
  StringMap<Constant *> strings;
};

Constant *DescriptorBuilder::buildKeys(const TensorInfo &table) {
  SmallVector<Constant *> keys;
  for (const std::string &key : table.stringKeys) // tenon_string {data, bytes}
    keys.push_back(record({string(key), int64(key.size())}));
  for (int64_t key : table.integerKeys)
    keys.push_back(int64(key));
  return array(keys, "keys");
}

// tenon_tensor_desc {name, dtype, rank, dims, kinds, num_kinds, key_dtype, num_keys, keys};
// tenon_dim_desc {value, symbol, reserved}
Constant *DescriptorBuilder::buildTensor(const TensorInfo &tensor) {
  SmallVector<Constant *> dims, kinds;
  for (const DimInfo &dim : tensor.dims)
    dims.push_back(record({int64(dim.value), int32(dim.symbol), int32(0)}));
  for (int32_t kind : tensor.kinds)
    kinds.push_back(int32(kind));
  int64_t rank = tensor.hasRank ? static_cast<int64_t>(tensor.dims.size()) : -1;
  return record({string(tensor.name), int32(tensor.dtype), int32(rank), array(dims, "dims"),
                 array(kinds, "kinds"), int32(kinds.size()), int32(tensor.keyDtype),
                 int64(tensor.integerKeys.size() + tensor.stringKeys.size()), buildKeys(tensor)});
}

Constant *DescriptorBuilder::buildTensors(ArrayRef<TensorInfo> tensors, const Twine &name) {
  SmallVector<Constant *> records;
  for (const TensorInfo &tensor : tensors)
    records.push_back(buildTensor(tensor));
  return array(records, name);
}

/// How much of tenon_exec the code may use. Older runtimes take models that use no more than they
/// have, and would take a sequence for a tensor.
static int64_t getExecBytes(const ModelInfo &model, bool hasDevices) {
  if (model.decodesImages)
    return sizeof(tenon_exec);
  if (hasDevices)
    return TENON_EXEC_SIZE_DEVICE;
  auto isTensor = [](const TensorInfo &tensor) { return tensor.kinds.empty(); };
  bool isPlain = all_of(model.inputs, isTensor) && all_of(model.outputs, isTensor);
  return isPlain && !model.usesObjects && model.strings.empty() ? offsetof(tenon_exec, make_tensor)
                                                                : TENON_EXEC_SIZE_CPU;
}

// tenon_state_desc {input, output}
Constant *DescriptorBuilder::buildStates(ArrayRef<StateInfo> states) {
  SmallVector<Constant *> records;
  for (const StateInfo &state : states)
    records.push_back(record({int32(state.input), int32(state.output)}));
  return array(records, "states");
}

std::pair<Constant *, Constant *> DescriptorBuilder::buildStrings(ArrayRef<std::string> strings) {
  if (strings.empty())
    return {null(), null()};
  std::string bytes;
  SmallVector<uint64_t> ends;
  for (const std::string &each : strings) {
    bytes += each;
    ends.push_back(bytes.size());
  }
  return {global(ConstantDataArray::getString(module.getContext(), bytes), "string_bytes"),
          global(ConstantDataArray::get(module.getContext(), ends), "string_ends")};
}

// tenon_tensor_map_desc, whose fields all are numbers of 64 bits
Constant *DescriptorBuilder::buildMaps(ArrayRef<std::vector<int64_t>> maps) {
  SmallVector<Constant *> records;
  for (const std::vector<int64_t> &map : maps) {
    assert(map.size() * sizeof(int64_t) == sizeof(tenon_tensor_map_desc));
    records.push_back(ConstantDataArray::get(
        module.getContext(),
        ArrayRef<uint64_t>(reinterpret_cast<const uint64_t *>(map.data()), map.size())));
  }
  return array(records, "maps");
}

// tenon_kernel_desc {kind, reserved, fn, name, nodes, flops, bytes, scratch_bytes, max_tasks,
// precision}, and with devices {entry, num_args, block_threads, launch_shared_bytes, registers,
// spilled_bytes, shared_bytes, resident_blocks, num_maps, maps}
Constant *DescriptorBuilder::buildKernels(const ModelInfo &model, size_t variant) {
  const std::string suffix = getVariantSuffix(model.variants[variant]);
  Type *int64Type = Type::getInt64Ty(module.getContext());
  auto *type = FunctionType::get(Type::getVoidTy(module.getContext()),
                                 {pointer, int64Type, int64Type}, /*isVarArg=*/false);
  SmallVector<Constant *> records;
  for (const KernelInfo &kernel : model.variants[variant].kernels) {
    auto onDevice = devices[variant].kernels.find(kernel.name);
    bool isFunction = onDevice == devices[variant].kernels.end();
    Constant *function = isFunction ? declare(kernel.name + suffix, type) : null();
    SmallVector<Constant *> fields = {int32(isFunction ? TENON_KERNEL_FUNCTION : TENON_KERNEL_CUDA),
                                      int32(0),
                                      function,
                                      string(kernel.name),
                                      string(kernel.nodes),
                                      int64(kernel.flops),
                                      int64(kernel.bytes),
                                      int64(kernel.scratchBytes),
                                      int64(kernel.maxTasks),
                                      string(kernel.precision)};
    DeviceKernel device = isFunction ? DeviceKernel() : onDevice->second;
    if (hasDevices)
      fields.append({isFunction ? null() : string(device.entry), int32(device.numArguments),
                     int32(device.blockThreads), int32(device.launchSharedBytes),
                     int32(device.registers), int32(device.spilledBytes), int32(device.sharedBytes),
                     int32(device.residentBlocks), int32(device.maps.size()),
                     buildMaps(device.maps)});
    records.push_back(record(fields));
  }
  return array(records, "kernels" + suffix);
}

/// What a machine must have for the variant.
std::vector<std::string> listFeatures(TargetAttrInterface target, const DeviceCode &device) {
  std::vector<std::string> features;
  if (auto gpu = mlir::dyn_cast<cuda::TargetAttr>(target))
    features = {gpu.getArch().str(), "ptx" + std::to_string(gpu.getPtx())};
  if (any_of(device.kernels, [](const auto &entry) { return !entry.second.maps.empty(); }))
    features.push_back("tensor_maps");
  for (auto feature : getProcessor(target).getFeatures().getAsRange<mlir::StringAttr>())
    features.push_back(feature.str());
  return features;
}

// tenon_variant_desc {target, device, reserved, features, arena_bytes, run, kernels, num_kernels,
// weights, weights_bytes}, and with devices {code, code_bytes, binary, binary_bytes}
Constant *DescriptorBuilder::buildVariant(const ModelInfo &model, size_t variant, Constant *weights,
                                          uint64_t weightsBytes) {
  const VariantInfo &info = model.variants[variant];
  auto *runType = FunctionType::get(Type::getInt32Ty(module.getContext()), {pointer}, false);
  bool isGpu = mlir::isa<cuda::TargetAttr>(info.target);
  SmallVector<Constant *> fields = {
      string(info.target.getTargetName()),
      int32(isGpu ? TENON_DEVICE_CUDA : TENON_DEVICE_CPU),
      int32(0),
      stringArray(listFeatures(info.target, devices[variant]), /*terminated=*/true, "features"),
      int64(info.arenaBytes),
      declare(runSymbol + Twine(getVariantSuffix(model.variants[variant])), runType),
      buildKernels(model, variant),
      int64(info.kernels.size()),
      weights,
      int64(weightsBytes)};
  const std::string &code = devices[variant].text;
  const std::string &binary = devices[variant].binary;
  if (hasDevices)
    fields.append({code.empty() ? null() : string(code),
                   int64(code.empty() ? 0 : static_cast<int64_t>(code.size()) + 1),
                   binary.empty() ? null() : bytes(binary), int64(binary.size())});
  return record(fields);
}

// tenon_model_desc {magic, abi_version, size, exec_size, dim_size, tensor_size, kernel_size,
// variant_size, state_size, name, compiler_version, checksum, num_inputs, num_outputs, num_symbols,
// num_variants, inputs, outputs, symbols, variants, weights_checksum, states, num_states, reserved,
// num_strings, string_bytes, string_ends}
GlobalVariable *DescriptorBuilder::buildModel(const ModelInfo &model, StringRef symbol,
                                              const WeightsPlace &place) {
  Constant *weights = null();
  if (place.bytes) {
    auto *variable = new GlobalVariable(module, Type::getInt8Ty(module.getContext()), true,
                                        GlobalValue::ExternalLinkage, nullptr, weightsSymbol);
    variable->setVisibility(GlobalValue::HiddenVisibility);
    weights = variable;
  }
  SmallVector<Constant *> variants;
  for (size_t i = 0; i < model.variants.size(); ++i)
    variants.push_back(buildVariant(model, i, weights, place.bytes));
  auto [stringBytes, stringEnds] = buildStrings(model.strings);
  Constant *fields[] = {
      ConstantDataArray::getString(module.getContext(), TENON_MAGIC, /*AddNull=*/false),
      int32(TENON_ABI_VERSION),
      int32(sizeof(tenon_model_desc)),
      int32(getExecBytes(model, hasDevices)),
      int32(sizeof(tenon_dim_desc)),
      int32(sizeof(tenon_tensor_desc)),
      int32(hasDevices ? sizeof(tenon_kernel_desc) : offsetof(tenon_kernel_desc, entry)),
      int32(hasDevices ? sizeof(tenon_variant_desc) : offsetof(tenon_variant_desc, code)),
      int32(sizeof(tenon_state_desc)),
      string(model.name),
      string(model.compilerVersion),
      int64(model.checksum),
      int32(model.inputs.size()),
      int32(model.outputs.size()),
      int32(model.symbols.size()),
      int32(variants.size()),
      buildTensors(model.inputs, "inputs"),
      buildTensors(model.outputs, "outputs"),
      stringArray(model.symbols, /*terminated=*/false, "symbols"),
      array(variants, "variants"),
      int64(static_cast<int64_t>(place.checksum)),
      buildStates(model.states),
      int32(model.states.size()),
      int32(0),
      int64(model.strings.size()),
      stringBytes,
      stringEnds,
  };
  auto *desc = global(record(fields), symbol, GlobalValue::ExternalLinkage);
  desc->setAlignment(Align(8));
  return desc;
}

} // namespace

std::unique_ptr<Module> buildModelDescriptor(const ModelInfo &model, StringRef symbol,
                                             const WeightsPlace &weights,
                                             ArrayRef<DeviceCode> devices, LLVMContext &context) {
  auto module = std::make_unique<Module>("descriptor", context);
  module->setTargetTriple(Triple(getProcessor(model.variants.front().target).getTriple()));
  DescriptorBuilder(*module, devices).buildModel(model, symbol, weights);
  // LLVM never gives a named section to zeros without storing them, hence assembly.
  if (weights.bytes)
    module->setModuleInlineAsm(
        formatv(".section {0},\"{1}\",@nobits\n.globl {2}\n.hidden {2}\n.balign {4}\n"
                ".type {2},@object\n.size {2},{3}\n{2}:\n.skip {3}\n.text\n",
                weightsSection, weights.writable ? "aw" : "a", weightsSymbol, weights.bytes,
                weights.alignment)
            .str());
  return module;
}

} // namespace tenon
