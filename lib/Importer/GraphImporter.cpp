// Graphs, nodes and function calls (see the header).

#include "lib/Importer/GraphImporter.h"
#include "dialects/Tenon/NodeLocation.h"
#include "dialects/Tenon/SequenceTypes.h"
#include "lib/Importer/DeclaredRanks.h"
#include "lib/Importer/ElementTypes.h"
#include "lib/Importer/NodeImporter.h"
#include "lib/Importer/NodeOrder.h"
#include "lib/Importer/OperandLengths.h"
#include "lib/Importer/TensorData.h"
#include "lib/Importer/ValueTypes.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;

namespace tenon {

Value Scope::find(StringRef name) const {
  for (const Scope *scope = this; scope; scope = scope->parent)
    if (Value value = scope->values.lookup(name))
      return value;
  return nullptr;
}

bool Scope::isOmitted(StringRef name) const {
  for (const Scope *scope = this; scope; scope = scope->parent)
    if (scope->values.contains(name) || scope->omitted.contains(name))
      return scope->omitted.contains(name);
  return false;
}

std::string normalizeDomain(StringRef domain) { return domain == "ai.onnx" ? "" : domain.str(); }

StringRef getDisplayName(const onnx::NodeProto &node) {
  if (!node.name().empty())
    return node.name();
  for (const std::string &output : node.output())
    if (!output.empty())
      return output;
  return "without a name";
}

static std::string makeFunctionKey(StringRef domain, StringRef name, StringRef overload) {
  return normalizeDomain(domain) + ":" + name.str() + ":" + overload.str();
}

/// A string field that the protobuf classes at hand are too old to know.
static std::string getUnknownString(const google::protobuf::Message &message, int number) {
  const google::protobuf::UnknownFieldSet &fields =
      message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < fields.field_count(); ++i)
    if (fields.field(i).number() == number &&
        fields.field(i).type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      return fields.field(i).length_delimited();
  return "";
}

static constexpr int functionOverloadField = 13, nodeOverloadField = 8,
                     functionAttributeDefaultsField = 11;

/// Functions and loops may multiply a small file into a huge graph; no honest one does by more.
static constexpr int64_t minGrowth = 50'000, maxGrowthFactor = 100;

/// Bodies of functions hold graphs that hold calls: bounded together, so that recursion over them
/// is.
static constexpr int maxDepth = 2 * maxSubgraphDepth;

static InFlightDiagnostic emitTooDeep(Location location) {
  return emitError(location) << "subgraphs and functions are nested more than " << maxDepth
                             << " deep in each other";
}

static int64_t countNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes) {
  int64_t count = nodes.size();
  for (const onnx::NodeProto &node : nodes)
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      count += countNodes(attribute.g().node());
      for (const onnx::GraphProto &graph : attribute.graphs())
        count += countNodes(graph.node());
    }
  return count;
}

GraphImporter::GraphImporter(std::shared_ptr<ModelFile> file, OpBuilder &builder,
                             Operation *function, bool checkDeclaredShapes)
    : file(std::move(file)), builder(builder), function(function),
      checkDeclaredShapes(checkDeclaredShapes) {
  for (const onnx::FunctionProto &proto : this->file->proto().functions())
    functions[makeFunctionKey(proto.domain(), proto.name(),
                              getUnknownString(proto, functionOverloadField))] = &proto;
  for (StringRef name : getSymbolNames(function))
    symbolNames.insert(name);
  int64_t written = countNodes(this->file->graph().node());
  for (const onnx::FunctionProto &proto : this->file->proto().functions())
    written += countNodes(proto.node());
  nodesLeft = minGrowth + maxGrowthFactor * written;
}

Location GraphImporter::fileLocation() { return makeFileLocation(file->name(), getContext()); }

AffineExpr GraphImporter::addFreshSymbol(StringRef name) {
  std::string unique = name.str();
  for (unsigned number = 1; !symbolNames.insert(unique).second; ++number)
    unique = (name + "_" + Twine(number)).str();
  return addSymbol(function, unique);
}

Value GraphImporter::importConstant(ElementsAttr value, Location location) {
  return ConstantOp::create(builder, location, value.getType(), value);
}

bool GraphImporter::noteCheck(Attribute check) {
  if (checks.count(check))
    return false;
  checks.insert(check, true);
  return true;
}

/// The sizes that `size` stands for, if it is bound to what they broadcast to; else itself.
llvm::SmallDenseSet<AffineExpr> GraphImporter::sizesBehind(AffineExpr size) const {
  for (const Broadcast &broadcast : broadcasts)
    if (broadcast.symbol == size)
      return broadcast.sizes;
  return {size};
}

AffineExpr GraphImporter::findBroadcast(AffineExpr a, AffineExpr b) const {
  llvm::SmallDenseSet<AffineExpr> sizes = sizesBehind(a);
  for (AffineExpr size : sizesBehind(b))
    sizes.insert(size);
  for (const Broadcast &broadcast : broadcasts)
    if (broadcast.sizes == sizes)
      return broadcast.symbol;
  return nullptr;
}

void GraphImporter::noteBroadcast(AffineExpr a, AffineExpr b, AffineExpr symbol) {
  Broadcast broadcast = {symbol, sizesBehind(a)};
  for (AffineExpr size : sizesBehind(b))
    broadcast.sizes.insert(size);
  broadcasts.push_back(std::move(broadcast));
}

void GraphImporter::clear(Region &region) {
  region.walk([&](Operation *op) {
    for (Value result : op->getResults())
      contents.forget(result);
  });
  region.dropAllReferences();
  region.getBlocks().clear();
}

// --- Graphs ---

LogicalResult GraphImporter::importInitializers(const onnx::GraphProto &graph, Scope &scope) {
  auto bind = [&](StringRef name, llvm::Expected<ElementsAttr> value) -> LogicalResult {
    Location location = makeNodeLocation(file->name(), name, "", getContext());
    if (!value)
      return emitError(fileLocation())
             << "initializer '" << name << "': " << llvm::toString(value.takeError());
    if (name.empty())
      return emitError(fileLocation()) << "an initializer has no name";
    Value &slot = scope.values[name];
    // An initializer that is also listed as input is the input's value: a constant.
    if (slot)
      return emitError(fileLocation()) << "initializer '" << name << "' is defined twice";
    slot = importConstant(*value, location);
    return success();
  };
  for (const onnx::TensorProto &tensor : graph.initializer())
    if (failed(bind(tensor.name(), importTensor(tensor, file, getContext()))))
      return failure();
  for (const onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    if (failed(bind(tensor.values().name(), importSparseTensor(tensor, file, getContext()))))
      return failure();
  return success();
}

FailureOr<SmallVector<Value>> GraphImporter::importGraph(const onnx::GraphProto &graph,
                                                         Scope &scope) {
  llvm::scope_exit leave([&] { --depth; });
  if (++depth > maxDepth)
    return emitTooDeep(fileLocation());
  if (failed(importInitializers(graph, scope)))
    return failure();
  auto order = orderNodes(graph.node(), [&](const onnx::NodeProto &node) {
    return makeNodeLocation(file->name(), getDisplayName(node), node.op_type(), getContext());
  });
  if (failed(order))
    return failure();
  for (const onnx::ValueInfoProto &info : graph.value_info())
    scope.declared[info.name()] = &info;
  for (const onnx::ValueInfoProto &info : graph.output())
    scope.declared[info.name()] = &info;
  inferDeclaredRanks(graph, scope);
  for (const onnx::NodeProto *node : *order) {
    if (failed(importNode(*node, scope)))
      return failure();
    for (const std::string &output : node->output()) {
      const onnx::ValueInfoProto *info = scope.declared.lookup(output);
      if (!checkDeclaredShapes || !info || output.empty())
        continue;
      Location location =
          makeNodeLocation(file->name(), getDisplayName(*node), node->op_type(), getContext());
      if (Value value = scope.values.lookup(output);
          value && failed(checkDeclaredType(value, *info, location)))
        return failure();
    }
  }
  SmallVector<Value> outputs;
  for (const onnx::ValueInfoProto &output : graph.output()) {
    outputs.push_back(scope.find(output.name()));
    if (!outputs.back())
      return emitError(fileLocation()) << "graph '" << graph.name() << "': output '"
                                       << output.name() << "' is not computed by any node";
  }
  return outputs;
}

/// Reports a tensor that is declared as a sequence, say. Of others, what is inside is compared.
static LogicalResult checkDeclaredKind(Value value, const onnx::ValueInfoProto &declared,
                                       Location location) {
  if (declared.type().value_case() == onnx::TypeProto::VALUE_NOT_SET ||
      (declared.type().has_tensor_type() && isa<RankedTensorType>(value.getType())))
    return success();
  llvm::Expected<Type> type = importHostType(declared.type(), value.getContext());
  if (!type) { // what is not known contradicts nothing
    llvm::consumeError(type.takeError());
    return success();
  }
  // A sequence or tensor is also an optional that has it.
  Type present = isa<OptionalType>(*type) ? getListElement(*type) : *type;
  if (joinElements(toElement(value.getType()), toElement(*type)) ||
      joinElements(toElement(value.getType()), present))
    return success();
  return emitError(location) << "value '" << declared.name() << "' is declared as "
                             << describeValueType(*type) << ", but is "
                             << describeValueType(value.getType());
}

LogicalResult checkDeclaredElementType(Value value, const onnx::ValueInfoProto &declared,
                                       Location location) {
  if (failed(checkDeclaredKind(value, declared, location)))
    return failure();
  int32_t dataType = declared.type().tensor_type().elem_type();
  Type elementType = getElementTypeOrSelf(value.getType());
  if (!declared.type().has_tensor_type() || dataType == 0 ||
      getElementType(dataType, value.getContext()) == elementType)
    return success();
  return emitError(location) << "value '" << declared.name() << "' is declared with element type "
                             << describeElementType(dataType) << ", but has "
                             << describeElementType(elementType);
}

LogicalResult checkDeclaredType(Value value, const onnx::ValueInfoProto &declared,
                                Location location) {
  if (failed(checkDeclaredElementType(value, declared, location)))
    return failure();
  const onnx::TypeProto::Tensor &tensor = declared.type().tensor_type();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !declared.type().has_tensor_type())
    return success();
  if (!tensor.has_shape())
    return success();
  // Exporters of models with unknown sizes get ranks and sizes wrong, and nobody notices.
  bool isExact = type.hasStaticShape() &&
                 llvm::all_of(tensor.shape().dim(), [](const auto &dim) { return hasSize(dim); });
  auto report = [&]() -> InFlightDiagnostic {
    InFlightDiagnostic diagnostic = isExact ? emitError(location) : emitWarning(location);
    diagnostic << "value '" << declared.name() << "' is declared with ";
    return diagnostic;
  };
  if (tensor.shape().dim_size() != type.getRank()) {
    report() << "rank " << tensor.shape().dim_size() << ", but has shape " << type;
    return failure(isExact);
  }
  for (auto [axis, dim] : llvm::enumerate(tensor.shape().dim()))
    if (hasSize(dim) && !type.isDynamicDim(axis) && dim.dim_value() != type.getDimSize(axis)) {
      report() << "size " << dim.dim_value() << " in dimension " << axis << ", but has shape "
               << type;
      return failure(isExact);
    }
  return success();
}

// --- Nodes ---

FailureOr<SmallVector<Value>> GraphImporter::lookUpInputs(const onnx::NodeProto &node,
                                                          const Scope &scope, Location location) {
  SmallVector<Value> operands;
  for (auto [number, input] : llvm::enumerate(node.input())) {
    operands.push_back(input.empty() ? Value() : scope.find(input));
    if (!operands.back() && !input.empty() && !scope.isOmitted(input))
      return emitError(location) << "input " << number << " '" << input
                                 << "' is not defined: no node, input or initializer has this name";
  }
  // Omitted inputs at the end are as good as absent.
  while (!operands.empty() && !operands.back())
    operands.pop_back();
  return operands;
}

static LogicalResult checkArity(Arity arity, ArrayRef<Value> operands, Location location) {
  if (operands.size() > arity.max)
    return emitError(location) << "has " << operands.size() << " inputs, but takes at most "
                               << arity.max;
  for (unsigned number = 0; number < arity.min; ++number)
    if (number >= operands.size() || !operands[number])
      return emitError(location) << "input " << number << " is missing";
  return success();
}

/// Whether any operator of the domain can be imported.
static bool isKnownDomain(StringRef domain) {
  bool isKnown = false;
  OpRegistry::all().forEach([&](StringRef each, StringRef, int64_t) { isKnown |= each == domain; });
  return isKnown;
}

LogicalResult GraphImporter::importNode(const onnx::NodeProto &node, Scope &scope) {
  Location location =
      makeNodeLocation(file->name(), getDisplayName(node), node.op_type(), getContext());
  if (--nodesLeft < 0)
    return emitError(location) << "the model is too large once functions and subgraphs are inlined";
  std::string domain = normalizeDomain(node.domain());
  const onnx::FunctionProto *local = functions.lookup(
      makeFunctionKey(domain, node.op_type(), getUnknownString(node, nodeOverloadField)));
  if (local)
    return callFunction(*local, node, scope, location);

  // Writers leave out domains that they take for granted; version 1 is what they mean.
  auto opset = scope.opsets->find(domain);
  int64_t version = opset == scope.opsets->end() ? 1 : opset->second;
  const OpEntry *entry = OpRegistry::all().find(domain, node.op_type(), version);
  if (!entry) {
    InFlightDiagnostic error = emitError(location)
                               << "unknown operator " << node.op_type() << " of domain '"
                               << (domain.empty() ? "ai.onnx" : domain) << "' version " << version;
    if (auto first = OpRegistry::all().firstVersion(domain, node.op_type()))
      error << "; it is supported from version " << *first;
    else if (!isKnownDomain(domain))
      error << "; no operator of this domain is supported: leave the node out of the model and "
               "compute what it computes before or after it, or write it as a function of ONNX's "
               "operators";
    return error;
  }
  FailureOr<SmallVector<Value>> operands = lookUpInputs(node, scope, location);
  if (failed(operands) || failed(checkArity(entry->inputs, *operands, location)))
    return failure();

  NodeImporter importer(*this, scope, node, domain, version, *operands, location);
  fixOperandLengths(importer);
  // Whoever fails says why; should one not, the node is named all the same.
  bool hasError = false;
  FailureOr<SmallVector<Value>> results = failure();
  {
    ScopedDiagnosticHandler listener(getContext(), [&](Diagnostic &diagnostic) {
      hasError |= diagnostic.getSeverity() == DiagnosticSeverity::Error;
      return failure(); // for the next handler to report
    });
    results = entry->import(importer);
  }
  if (importer.hasFailed() || failed(results) || llvm::is_contained(*results, Value())) {
    if (!hasError)
      emitError(location) << "cannot be imported: an input or attribute is not as it should be";
    return failure();
  }
  for (Value &result : *results)
    result = foldShapeArithmetic(result);
  return bindOutputs(node, *results, scope, location);
}

LogicalResult GraphImporter::bindOutputs(const onnx::NodeProto &node, ValueRange results,
                                         Scope &scope, Location location) {
  for (auto [number, name] : llvm::enumerate(node.output())) {
    if (name.empty())
      continue;
    if (number >= results.size())
      return emitError(location) << "output " << number << " '" << name << "' is not supported";
    Value &slot = scope.values[name];
    if (slot)
      return emitError(location) << "output '" << name << "' is already defined";
    slot = results[number];
  }
  return success();
}

Value GraphImporter::foldShapeArithmetic(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isHostValue(value) || isa<ConstantOp, ShapeTensorOp>(op))
    return value;
  if (DenseElementsAttr constant = contents.getConstant(value))
    return importConstant(constant, op->getLoc());
  std::optional<DimExprs> exprs = contents.get(value);
  if (!exprs || !getElementTypeOrSelf(value.getType()).isInteger())
    return value;
  return ShapeTensorOp::create(builder, op->getLoc(), value.getType(),
                               AffineMapAttr::get(makeDimsMap(*exprs, getContext())));
}

// --- Model-local functions ---

LogicalResult GraphImporter::callFunction(const onnx::FunctionProto &callee,
                                          const onnx::NodeProto &node, Scope &scope,
                                          Location location) {
  if (llvm::is_contained(activeFunctions, &callee))
    return emitError(location) << "function '" << callee.name() << "' calls itself";
  llvm::scope_exit leave([&] { --depth; });
  if (++depth > maxDepth)
    return emitTooDeep(location);
  FailureOr<SmallVector<Value>> operands = lookUpInputs(node, scope, location);
  if (failed(operands))
    return failure();
  if (operands->size() > static_cast<size_t>(callee.input_size()))
    return emitError(location) << "has " << operands->size() << " inputs, but function '"
                               << callee.name() << "' takes " << callee.input_size();
  if (node.output_size() > callee.output_size())
    return emitError(location) << "has " << node.output_size() << " outputs, but function '"
                               << callee.name() << "' gives " << callee.output_size();

  // Attributes: the function's defaults, then the call's own, which may refer to an outer call's.
  std::vector<std::unique_ptr<onnx::AttributeProto>> defaults;
  llvm::StringMap<const onnx::AttributeProto *> attributes;
  const google::protobuf::UnknownFieldSet &unknown =
      callee.GetReflection()->GetUnknownFields(callee);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const google::protobuf::UnknownField &field = unknown.field(i);
    if (field.number() != functionAttributeDefaultsField ||
        field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      continue;
    auto attribute = std::make_unique<onnx::AttributeProto>();
    if (!attribute->ParseFromString(field.length_delimited()))
      return emitError(location) << "function '" << callee.name()
                                 << "' has a malformed attribute default";
    attributes[attribute->name()] = attribute.get();
    defaults.push_back(std::move(attribute));
  }
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    const onnx::AttributeProto *value = &attribute;
    if (!attribute.ref_attr_name().empty())
      value = scope.attributes ? scope.attributes->lookup(attribute.ref_attr_name()) : nullptr;
    if (value)
      attributes[attribute.name()] = value;
  }

  OpsetVersions opsets = readOpsets(callee.opset_import());
  for (const auto &opset : *scope.opsets)
    opsets.try_emplace(opset.getKey(), opset.getValue());
  Scope body;
  body.opsets = &opsets;
  body.attributes = &attributes;
  operands->resize(callee.input_size());
  for (auto [name, operand] : llvm::zip_equal(callee.input(), *operands)) {
    if (operand)
      body.values[name] = operand;
    else
      body.omitted.insert(name);
  }

  auto order = orderNodes(callee.node(), [&](const onnx::NodeProto &inner) {
    return makeNodeLocation(file->name(), getDisplayName(inner), inner.op_type(), getContext());
  });
  if (failed(order))
    return failure();
  activeFunctions.push_back(&callee);
  for (const onnx::NodeProto *inner : *order)
    if (failed(importNode(*inner, body)))
      return failure();
  activeFunctions.pop_back();

  SmallVector<Value> results;
  for (auto [number, output] : llvm::enumerate(callee.output())) {
    bool isUsed = number < static_cast<size_t>(node.output_size()) && !node.output(number).empty();
    results.push_back(body.find(output));
    if (!results.back() && isUsed)
      return emitError(location) << "function '" << callee.name()
                                 << "' does not compute its output '" << output << "'";
  }
  return bindOutputs(node, results, scope, location);
}

} // namespace tenon
