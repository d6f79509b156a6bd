// From graphs to the code of a binary: passes, kernels and the host's function for each target.

#include "lib/Driver/ProgramBuilder.h"
#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/States.h"
#include "dialects/Tenon/Strings.h"
#include "include/tenon/runtime.h"
#include "lib/Driver/Constants.h"
#include "lib/Driver/DescribeKernel.h"
#include "lib/Importer/ElementTypes.h"
#include "lib/Target/LLVMCodegen.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Codegen/Passes.h"
#include "passes/Precision/PrecisionRule.h"
#include "passes/Schedule/Work.h"
#include "runtime/abi.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace tenon::driver {

/// The sizes of the tensors inside of a sequence or optional; those that differ are free.
static void describeElements(TensorInfo &info, Type element) {
  auto ranked = dyn_cast<RankedTensorType>(element);
  info.hasRank = static_cast<bool>(ranked);
  for (int64_t size : ranked ? ranked.getShape() : ArrayRef<int64_t>())
    info.dims.push_back({.value = ShapedType::isDynamic(size) ? -1 : size});
}

/// What is around tensors, from the outside in.
static void describeKinds(TensorInfo &info, Type type) {
  if (Type element = getListElement(type)) {
    info.kinds.push_back(isa<SequenceType>(type) ? TENON_KIND_SEQUENCE : TENON_KIND_OPTIONAL);
    if (!isHostType(element))
      describeElements(info, element);
    describeKinds(info, element);
  } else if (auto map = dyn_cast<MapType>(type)) {
    info.kinds.push_back(TENON_KIND_MAP);
    info.keyDtype = getDataType(map.getKey());
  }
}

/// A result that has a map in each row.
static void describeTable(TensorInfo &info, Attribute keys) {
  info.kinds = {TENON_KIND_SEQUENCE, TENON_KIND_MAP};
  auto integers = dyn_cast<DenseI64ArrayAttr>(keys);
  info.keyDtype = integers ? TENON_INT64 : TENON_STRING;
  if (integers)
    return (void)llvm::append_range(info.integerKeys, integers.asArrayRef());
  for (auto key : cast<ArrayAttr>(keys).getAsRange<StringAttr>())
    info.stringKeys.push_back(key.str());
}

static TensorInfo describeTensor(StringRef name, Type type) {
  TensorInfo info;
  info.name = name.str();
  info.dtype = getDataType(getInnerElementType(type));
  describeKinds(info, type);
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

LogicalResult ProgramBuilder::runPasses(ModuleOp module, Stage from, Stage to,
                                        TargetAttrInterface target) {
  PassManager passes(&context);
  PipelineOptions ofTarget = options;
  ofTarget.target = target.getTargetName();
  buildPipeline(passes, from, to, ofTarget);
  return passes.run(module);
}

llvm::Error ProgramBuilder::begin(func::FuncOp function, StringRef output) {
  model.info.compilerVersion = "tenon " TENON_VERSION;
  for (StringRef symbol : getSymbolNames(function))
    model.info.symbols.push_back(symbol.str());
  if (auto strings =
          function->getParentOfType<ModuleOp>()->getAttrOfType<ArrayAttr>(kStringsAttrName))
    for (auto string : strings.getAsRange<StringAttr>())
      model.info.strings.push_back(string.str());
  auto describe = [](DictionaryAttr attributes, Type type) {
    auto name = attributes ? attributes.getAs<StringAttr>("tenon.name") : nullptr;
    TensorInfo info = describeTensor(name ? name.getValue() : "", type);
    if (Attribute keys = attributes ? attributes.get(kKeysAttrName) : Attribute())
      describeTable(info, keys);
    if (attributes && attributes.contains(kStringAttrName))
      info.dtype = static_cast<int32_t>(ElementKind::String);
    if (attributes && attributes.contains(kStringKeysAttrName))
      info.keyDtype = static_cast<int32_t>(ElementKind::String);
    return info;
  };
  for (auto [number, type] : llvm::enumerate(function.getArgumentTypes()))
    model.info.inputs.push_back(
        describe(function_interface_impl::getArgAttrDict(function, number), type));
  for (auto [number, type] : llvm::enumerate(function.getResultTypes()))
    model.info.outputs.push_back(
        describe(function_interface_impl::getResultAttrDict(function, number), type));
  function.walk([&](Operation *op) {
    model.info.usesObjects |= llvm::any_of(op->getResults(), isHostValue);
    model.info.decodesImages |= isa<DecodeImageOp>(op);
  });
  for (State state : getStates(function))
    model.info.states.push_back(
        {static_cast<int32_t>(state.input), static_cast<int32_t>(state.output)});
  llvm::Expected<std::unique_ptr<WeightsStore>> store =
      WeightsStore::create(llvm::sys::path::parent_path(output));
  if (!store)
    return store.takeError();
  weights = std::move(*store);
  model.weights = weights.get();
  return llvm::Error::success();
}

FailureOr<uint64_t> ProgramBuilder::placeConstant(ConstantOp op) {
  FailureOr<AsmResourceBlob> bytes = constantBytes(op.getValue());
  if (failed(bytes))
    return op.emitError() << "cannot store a constant of type " << op.getType();
  llvm::Expected<uint64_t> offset = weights->add(bytes->getData());
  if (offset)
    return *offset;
  return op.emitError() << llvm::toString(offset.takeError());
}

/// The most tasks of a launch; 0 if sizes tell.
static int64_t getMaxTasks(KernelOp kernel) {
  if (!kernel.getTasks())
    return 1;
  int64_t most = 0;
  for (AffineExpr count : kernel.getTasks()->getResults())
    if (auto constant = dyn_cast<AffineConstantExpr>(count))
      if (int64_t limit = std::max<int64_t>(constant.getValue(), 1); !most || limit < most)
        most = limit;
  return most;
}

/// A launch has as many names as its kernel and in the same order, since the two were equal.
static LaunchNodes describeLaunch(LaunchOp launch, KernelOp kernel) {
  LaunchNodes result{kernel.getSymName().str(), {}, {}};
  llvm::SetVector<StringRef> own = listNodes(launch.getLoc()), first = listNodes(kernel.getLoc());
  for (StringRef node : own)
    result.nodes.push_back(node.str());
  for (auto product : kernel.getOps<PrecisionOpInterface>())
    for (StringRef node : getMultiplyingNodes(product)) {
      auto position = llvm::find(first, node) - first.begin();
      std::string name =
          (own.size() == first.size() && position < static_cast<ptrdiff_t>(own.size())
               ? own[position]
               : node)
              .str();
      if (!llvm::is_contained(result.products, name))
        result.products.push_back(std::move(name));
    }
  return result;
}

VariantInfo ProgramBuilder::describe(ModuleOp program, TargetAttrInterface target) {
  auto function = program.lookupSymbol<func::FuncOp>("main");
  arenaLowerBound = function->getAttrOfType<IntegerAttr>("tenon.arena_lower_bound").getInt();
  launches.clear();
  transfers = {};
  function.walk([&](TransferOp transfer) {
    bool isToHost = transfer.getSide() == Side::Host;
    ++(isToHost ? transfers.toHost : transfers.toDevice);
    (isToHost ? transfers.bytesToHost : transfers.bytesToDevice) +=
        countBytes(transfer.getType()).value_or(0);
  });
  launchNodes.clear();
  llvm::StringSet<> sharing; // kernels that use the context's scratch memory
  function.walk([&](LaunchOp launch) {
    ++launches[launch.getKernel()];
    launchNodes.push_back(
        describeLaunch(launch, program.lookupSymbol<KernelOp>(launch.getKernel())));
    if (!launch.getAllocatesScratch())
      sharing.insert(launch.getKernel());
  });
  VariantInfo info;
  info.target = target;
  info.arenaBytes = function->getAttrOfType<IntegerAttr>("tenon.arena_bytes").getInt();
  for (KernelOp kernel : program.getOps<KernelOp>()) {
    KernelInfo &each = info.kernels.emplace_back();
    each.name = kernel.getSymName().str();
    each.nodes = nodeNames(kernel.getLoc());
    each.precision = precisionOf(kernel);
    each.remarks = remarksOf(kernel);
    each.flops = countKernelFlops(kernel);
    each.bytes = countKernelBytes(kernel);
    each.maxTasks = getMaxTasks(kernel);
    if (kernel.getScratch() && sharing.contains(kernel.getSymName()))
      each.scratchBytes = kernel.getScratch()->getSingleConstantResult();
  }
  return info;
}

// Called on the thread that compiles the kernel.
ModuleSource ProgramBuilder::generate(KernelOp kernel, TargetAttrInterface target) {
  return
      [=, this](llvm::LLVMContext &llvmContext) -> llvm::Expected<std::unique_ptr<llvm::Module>> {
        FailureOr<OwningOpRef<ModuleOp>> module = generateKernel(kernel, target);
        KernelOp op = kernel;
        std::string name =
            "kernel '" + op.getSymName().str() + "' (node '" + nodeNames(op.getLoc()) + "')";
        if (failed(module))
          return diagnostics.takeError("cannot generate " + name);
        llvm::Expected<std::unique_ptr<llvm::Module>> code = translateFrom(**module)(llvmContext);
        if (code)
          return code;
        return diagnostics.takeError(name + ": " + llvm::toString(code.takeError()));
      };
}

llvm::Expected<ModuleSource> ProgramBuilder::lowerHost(ModuleOp program) {
  PassManager passes(&context);
  passes.enableVerifier(false); // as for kernels (generateKernel)
  passes.addPass(createLowerHostPass([this](ConstantOp op) { return placeConstant(op); }));
  buildLoweringPipeline(passes.nest<ModuleOp>());
  if (failed(passes.run(program)))
    return diagnostics.takeError("cannot lower the host function");
  return translateFrom(*program.getOps<ModuleOp>().begin());
}

llvm::Error ProgramBuilder::addVariant(ModuleOp module, TargetAttrInterface target, Stage stage) {
  modules.push_back(module.clone());
  ModuleOp program = *modules.back();
  program->setAttr(kTargetAttrName, target);
  if (failed(runPasses(program, stage, Stage::Program, target)))
    return diagnostics.takeError("the passes failed");
  model.info.variants.push_back(describe(program, target));
  llvm::Expected<ModuleSource> host = lowerHost(program);
  if (!host)
    return host.takeError();
  VariantCode code{.kernels = {}, .host = std::move(*host)};
  for (KernelOp kernel : program.getOps<KernelOp>())
    code.kernels.push_back(generate(kernel, target));
  model.code.push_back(std::move(code));
  return llvm::Error::success();
}

} // namespace tenon::driver
