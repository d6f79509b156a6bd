// The module, @main's signature, and the order of things (see the header).

#include "lib/Importer/Importer.h"
#include "dialects/Tenon/NodeLocation.h"
#include "dialects/Tenon/SequenceTypes.h"
#include "lib/Importer/ElementTypes.h"
#include "lib/Importer/GraphImporter.h"
#include "lib/Importer/TensorData.h"
#include "lib/Importer/ValueTypes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace tenon {

llvm::Expected<ShapeOverride> ShapeOverride::parse(StringRef text) {
  auto [name, shape] = text.rsplit('=');
  if (name.empty() || name == text)
    return makeError("'" + text + "' is not of the form NAME=1x3x224x224");
  ShapeOverride result;
  result.name = name.str();
  SmallVector<StringRef> parts;
  if (!shape.empty())
    shape.split(parts, 'x');
  for (StringRef part : parts) {
    int64_t size = 0;
    if (part == "?")
      result.dims.push_back(std::nullopt);
    else if (part.getAsInteger(10, size) || size < 0)
      return makeError("'" + text + "': '" + part + "' is not a dimension");
    else
      result.dims.push_back(size);
  }
  return result;
}

namespace {
/// Builds @main's arguments. Dimensions of one name share one symbol.
class Signature {
public:
  Signature(const ModelFile &file, func::FuncOp function, const ImportOptions &options)
      : file(file), function(function), options(options), context(function.getContext()) {}

  LogicalResult addInput(const onnx::ValueInfoProto &input);
  /// Reports overrides that match neither an input nor a dimension.
  LogicalResult checkOverrides();

private:
  /// A dimension of its own, unless an override gives it a size.
  AffineExpr makeDim(StringRef name);
  FailureOr<Type> readTensorType(const onnx::ValueInfoProto &input, Location location);
  FailureOr<Type> readHostType(const onnx::ValueInfoProto &input, Location location);
  /// The dimensions of an input, after overrides of the input as a whole.
  FailureOr<DimExprs> readDims(const onnx::ValueInfoProto &input, Location location);
  AffineExpr namedDim(StringRef name);
  const ShapeOverride *findOverride(StringRef name, bool isDimension);

  const ModelFile &file;
  func::FuncOp function;
  const ImportOptions &options;
  MLIRContext *context;
  llvm::StringMap<AffineExpr> dimsByName;
  llvm::SmallPtrSet<const ShapeOverride *, 4> usedOverrides;
};
} // namespace

const ShapeOverride *Signature::findOverride(StringRef name, bool isDimension) {
  for (const ShapeOverride &shape : options.shapes)
    if (shape.name == name && (!isDimension || (shape.dims.size() == 1 && shape.dims[0]))) {
      usedOverrides.insert(&shape);
      return &shape;
    }
  return nullptr;
}

AffineExpr Signature::makeDim(StringRef name) {
  const ShapeOverride *fixed = findOverride(name, /*isDimension=*/true);
  return fixed ? getAffineConstantExpr(*fixed->dims[0], context) : addSymbol(function, name);
}

AffineExpr Signature::namedDim(StringRef name) {
  AffineExpr &dim = dimsByName[name];
  if (!dim)
    dim = makeDim(name);
  return dim;
}

/// Whether the text is there to call a dimension by. Many exporters write "?" or what their
/// language prints for nothing; such dimensions have nothing to do with each other.
static bool isName(StringRef text) {
  text = text.trim();
  int64_t number = 0;
  bool isNegative = !text.getAsInteger(10, number) && number < 0;
  bool isNothing = llvm::any_of(ArrayRef<StringRef>{"none", "null", "unk", "unknown"},
                                [&](StringRef word) { return text.equals_insensitive(word); });
  return llvm::any_of(text, llvm::isAlnum) && !isNegative && !isNothing;
}

FailureOr<DimExprs> Signature::readDims(const onnx::ValueInfoProto &input, Location location) {
  const onnx::TypeProto::Tensor &tensor = input.type().tensor_type();
  const ShapeOverride *given = findOverride(input.name(), /*isDimension=*/false);
  if (!tensor.has_shape() && !given)
    return emitError(location) << "input '" << input.name()
                               << "' has no shape in the model; give it one with --shape";
  size_t rank = tensor.has_shape() ? tensor.shape().dim_size() : given->dims.size();
  if (given && given->dims.size() != rank)
    return emitError(location) << "input '" << input.name() << "' has rank " << rank
                               << ", but --shape gives it " << given->dims.size() << " dimensions";
  DimExprs dims;
  for (size_t axis = 0; axis < rank; ++axis) {
    static const onnx::TensorShapeProto::Dimension unknown;
    const auto &dim = tensor.has_shape() ? tensor.shape().dim(axis) : unknown;
    if (given && given->dims[axis]) {
      int64_t size = *given->dims[axis];
      if (hasSize(dim) && dim.dim_value() != size && dim.dim_value() > 1)
        return emitError(location) << "input '" << input.name() << "' has size " << dim.dim_value()
                                   << " in dimension " << axis << ", but --shape says " << size;
      dims.push_back(getAffineConstantExpr(size, context));
    } else if (hasSize(dim)) {
      dims.push_back(getAffineConstantExpr(dim.dim_value(), context));
    } else if (isName(dim.dim_param())) {
      dims.push_back(namedDim(dim.dim_param()));
    } else {
      dims.push_back(makeDim(input.name() + "." + std::to_string(axis)));
    }
  }
  if (llvm::Error error = checkDims(dims))
    return emitError(location) << "input '" << input.name()
                               << "': " << llvm::toString(std::move(error));
  return dims;
}

/// Elements of less than a byte lie packed in a caller's memory, but one per byte inside of a
/// model. The runtime converts tensors, not what is in sequences.
static LogicalResult checkOutside(Type type, StringRef kind, StringRef name, Location location) {
  Type elementType = getInnerElementType(type);
  bool isPacked = !elementType.isInteger(1) && elementType.isIntOrFloat() &&
                  elementType.getIntOrFloatBitWidth() < 8;
  if (!isPacked || !isHostType(type))
    return success();
  return emitError(location) << kind << " '" << name << "' is " << describeValueType(type)
                             << ", which is supported inside of a model only; cast its elements "
                                "there";
}

FailureOr<Type> Signature::readTensorType(const onnx::ValueInfoProto &input, Location location) {
  int32_t dataType = input.type().tensor_type().elem_type();
  Type elementType = getElementType(dataType, context);
  if (!elementType)
    return emitError(location) << "input '" << input.name() << "': element type "
                               << describeElementType(dataType) << " is not supported";
  FailureOr<DimExprs> dims = readDims(input, location);
  if (failed(dims))
    return failure();
  return Type(makeTensorType(*dims, elementType));
}

FailureOr<Type> Signature::readHostType(const onnx::ValueInfoProto &input, Location location) {
  llvm::Expected<Type> type = importHostType(input.type(), context);
  if (!type)
    return emitError(location) << "input '" << input.name()
                               << "': " << llvm::toString(type.takeError());
  if (isa_and_nonnull<MapType>(getListElement(*type)))
    return emitError(location) << "input '" << input.name() << "': " << describeValueType(*type)
                               << " is not supported";
  return *type;
}

LogicalResult Signature::addInput(const onnx::ValueInfoProto &input) {
  Location location = makeFileLocation(file.name(), context);
  FailureOr<Type> type = input.type().has_tensor_type() ? readTensorType(input, location)
                                                        : readHostType(input, location);
  if (failed(type) || failed(checkOutside(*type, "input", input.name(), location)))
    return failure();
  auto name = DictionaryAttr::get(context, NamedAttribute(StringAttr::get(context, "tenon.name"),
                                                          StringAttr::get(context, input.name())));
  return function.insertArgument(function.getNumArguments(), *type, name,
                                 makeNodeLocation(file.name(), input.name(), "", context));
}

LogicalResult Signature::checkOverrides() {
  for (const ShapeOverride &shape : options.shapes)
    if (!usedOverrides.contains(&shape))
      return emitError(makeFileLocation(file.name(), context))
             << "--shape names '" << shape.name
             << "', which is neither an input nor a dimension of one";
  return success();
}

/// Replaces each output that is a sequence of maps with the same keys by the tensor that holds
/// their values. Returns the keys of these outputs, null for others.
static SmallVector<Attribute> openTables(MutableArrayRef<Value> outputs) {
  SmallVector<Attribute> keys;
  for (Value &output : outputs) {
    auto table = output.getDefiningOp<ZipMapOp>();
    keys.push_back(table ? table.getKeys() : Attribute());
    if (table)
      output = table.getRows();
  }
  return keys;
}

/// Removes ops whose results nobody uses, such as shape arithmetic that has become attributes.
static void eraseDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        eraseDeadOps(inner);
    if (isOpTriviallyDead(&op))
      op.erase();
  }
}

static LogicalResult importMain(const std::shared_ptr<ModelFile> &file, func::FuncOp main,
                                const ImportOptions &options) {
  const onnx::GraphProto &graph = file->graph();
  MLIRContext *context = main.getContext();
  Location location = makeFileLocation(file->name(), context);
  llvm::StringSet<> initializers;
  for (const onnx::TensorProto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  for (const onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    initializers.insert(tensor.values().name());

  // Initializers that are also inputs are defaults that a caller could replace; Tenon takes them
  // for the constants that they nearly always are, and needs them to be, to fold and pack them.
  Signature signature(*file, main, options);
  SmallVector<StringRef> inputs;
  for (const onnx::ValueInfoProto &input : graph.input()) {
    if (initializers.contains(input.name()))
      continue;
    if (input.name().empty())
      return emitError(location) << "graph '" << graph.name() << "' has an input without a name";
    if (failed(signature.addInput(input)))
      return failure();
    inputs.push_back(input.name());
  }
  if (failed(signature.checkOverrides()))
    return failure();

  OpBuilder builder = OpBuilder::atBlockEnd(&main.getBody().front());
  OpsetVersions opsets = readOpsets(file->proto().opset_import());
  Scope scope;
  scope.opsets = &opsets;
  for (auto [name, argument] : llvm::zip(inputs, main.getArguments()))
    if (!scope.values.try_emplace(name, argument).second)
      return emitError(location) << "input '" << name << "' is listed twice";
  GraphImporter importer(file, builder, main, /*checkDeclaredShapes=*/options.shapes.empty());
  FailureOr<SmallVector<Value>> outputs = importer.importGraph(graph, scope);
  if (failed(outputs))
    return failure();
  if (options.onValue)
    for (auto &[name, value] : scope.values)
      options.onValue(name, value);
  for (auto [output, value] : llvm::zip_equal(graph.output(), *outputs))
    if (failed(checkOutside(value.getType(), "output", output.name(), location)))
      return failure();
  SmallVector<Attribute> keys = openTables(*outputs);

  func::ReturnOp::create(builder, location, *outputs);
  main.setFunctionType(
      FunctionType::get(context, main.getArgumentTypes(), TypeRange(ValueRange(*outputs))));
  for (auto [number, output] : llvm::enumerate(graph.output())) {
    main.setResultAttr(number, "tenon.name", StringAttr::get(context, output.name()));
    if (keys[number])
      main.setResultAttr(number, kKeysAttrName, keys[number]);
  }
  eraseDeadOps(main.getBody().front());
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> importModel(const std::shared_ptr<ModelFile> &file,
                                             MLIRContext &context, const ImportOptions &options) {
  context.loadDialect<TenonDialect, func::FuncDialect>();
  Location location = makeFileLocation(file->name(), &context);
  OwningOpRef<ModuleOp> module(ModuleOp::create(location));
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto main = func::FuncOp::create(builder, location, "main", builder.getFunctionType({}, {}));
  main.addEntryBlock();
  main->setAttr("tenon.symbols", builder.getArrayAttr({}));
  if (failed(importMain(file, main, options)) || failed(verify(*module)))
    return failure();
  return module;
}

} // namespace tenon
