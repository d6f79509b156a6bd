// Each table of runtime/abi.h becomes one constant struct with the same fields in the same order;
// LLVM lays them out by the C rules. Assertions below tie the two together.
#include "lib/Target/ModelDescriptor.h"
#include "dialects/Target/Cpu/CpuDialect.h"
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

static_assert(sizeof(tenon_dim_desc) == 16 && sizeof(tenon_tensor_desc) == 24 &&
                  sizeof(tenon_kernel_desc) == 72 && sizeof(tenon_variant_desc) == 72 &&
                  sizeof(tenon_state_desc) == 8 && sizeof(tenon_model_desc) == 160,
              "runtime/abi.h changed: change the builders below with it");

std::string sanitizeModelName(StringRef name) {
  std::string result;
  for (char c : name)
    result += isAlnum(c) ? c : '_';
  return result.empty() ? "model" : result;
}

std::string getVariantSuffix(const VariantInfo &variant) {
  return "." + sanitizeModelName(cast<cpu::TargetAttr>(variant.target).getName());
}

namespace {

class DescriptorBuilder {
public:
  explicit DescriptorBuilder(Module &module)
      : module(module), pointer(PointerType::get(module.getContext(), 0)) {}

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

  Constant *buildTensors(ArrayRef<TensorInfo> tensors, const Twine &name);
  Constant *buildStates(ArrayRef<StateInfo> states);
  /// The bytes of all strings, one behind another, and where each ends.
  std::pair<Constant *, Constant *> buildStrings(ArrayRef<std::string> strings);
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
  StringMap<Constant *> strings;
};

// tenon_tensor_desc {name, dtype, rank, dims}; tenon_dim_desc {value, symbol, reserved}
Constant *DescriptorBuilder::buildTensors(ArrayRef<TensorInfo> tensors, const Twine &name) {
  SmallVector<Constant *> records;
  for (const TensorInfo &tensor : tensors) {
    SmallVector<Constant *> dims;
    for (const DimInfo &dim : tensor.dims)
      dims.push_back(record({int64(dim.value), int32(dim.symbol), int32(0)}));
    records.push_back(record({string(tensor.name), int32(tensor.dtype), int32(tensor.dims.size()),
                              array(dims, "dims")}));
  }
  return array(records, name);
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

/// The bytes of tenon_exec that code may use: models without strings run in runtimes without, too.
static int64_t getExecSize(const ModelInfo &model) {
  return model.strings.empty() ? offsetof(tenon_exec, strings) : sizeof(tenon_exec);
}

// tenon_kernel_desc {kind, reserved, fn, name, nodes, flops, bytes, scratch_bytes, max_tasks,
// precision}
Constant *DescriptorBuilder::buildKernels(const ModelInfo &model, size_t variant) {
  const std::string suffix = getVariantSuffix(model.variants[variant]);
  Type *int64Type = Type::getInt64Ty(module.getContext());
  auto *type = FunctionType::get(Type::getVoidTy(module.getContext()),
                                 {pointer, int64Type, int64Type}, /*isVarArg=*/false);
  SmallVector<Constant *> records;
  for (const KernelInfo &kernel : model.variants[variant].kernels)
    records.push_back(
        record({int32(TENON_KERNEL_FUNCTION), int32(0), declare(kernel.name + suffix, type),
                string(kernel.name), string(kernel.nodes), int64(kernel.flops), int64(kernel.bytes),
                int64(kernel.scratchBytes), int64(kernel.maxTasks), string(kernel.precision)}));
  return array(records, "kernels" + suffix);
}

// tenon_variant_desc {target, device, reserved, features, arena_bytes, run, kernels, num_kernels,
// weights, weights_bytes}
Constant *DescriptorBuilder::buildVariant(const ModelInfo &model, size_t variant, Constant *weights,
                                          uint64_t weightsBytes) {
  const VariantInfo &info = model.variants[variant];
  auto *runType = FunctionType::get(Type::getInt32Ty(module.getContext()), {pointer}, false);
  std::vector<std::string> features;
  auto processor = cast<cpu::TargetAttr>(info.target);
  for (auto feature : processor.getFeatures().getAsRange<mlir::StringAttr>())
    features.push_back(feature.str());
  return record({string(info.target.getTargetName()), int32(TENON_DEVICE_CPU), int32(0),
                 stringArray(features, /*terminated=*/true, "features"), int64(info.arenaBytes),
                 declare(runSymbol + Twine(getVariantSuffix(model.variants[variant])), runType),
                 buildKernels(model, variant), int64(info.kernels.size()), weights,
                 int64(weightsBytes)});
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
      int32(getExecSize(model)),
      int32(sizeof(tenon_dim_desc)),
      int32(sizeof(tenon_tensor_desc)),
      int32(sizeof(tenon_kernel_desc)),
      int32(sizeof(tenon_variant_desc)),
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
                                             const WeightsPlace &weights, LLVMContext &context) {
  auto module = std::make_unique<Module>("descriptor", context);
  module->setTargetTriple(Triple(cast<cpu::TargetAttr>(model.variants.front().target).getTriple()));
  DescriptorBuilder(*module).buildModel(model, symbol, weights);
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
