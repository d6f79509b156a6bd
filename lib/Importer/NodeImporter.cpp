// Operands, contents and building for one node (see the header).

#include "lib/Importer/NodeImporter.h"
#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/SymbolicContents.h"
#include "lib/Importer/Broadcasting.h"
#include "lib/Importer/DeclaredRanks.h"
#include "lib/Importer/RunTimeChecks.h"
#include "lib/Importer/TensorData.h"
#include "lib/Importer/ValueTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace tenon {

NodeImporter::NodeImporter(GraphImporter &graph, const Scope &scope, const onnx::NodeProto &node,
                           StringRef domain, int64_t opset, ValueRange operands, Location location)
    : graph(graph), scope(scope), node(node), nodeDomain(domain), opsetVersion(opset),
      operandValues(operands.begin(), operands.end()), b(location, graph.getBuilder()) {}

InFlightDiagnostic NodeImporter::emitError() {
  hasError = true;
  return mlir::emitError(loc());
}

RankedTensorType NodeImporter::type(Value value) {
  if (auto tensor = value ? dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType())
    return tensor;
  if (!hasError && value)
    emitError() << "takes tensors, not " << describeValueType(value.getType());
  else if (!hasError)
    emitError() << "an operand is missing";
  return RankedTensorType::get({}, b.getF32Type());
}

AffineExpr NodeImporter::dim(Value value, int64_t axis) {
  DimExprs all = dims(value);
  int64_t rank = all.size(), position = axis < 0 ? axis + rank : axis;
  if (position >= 0 && position < rank)
    return all[position];
  if (!hasError)
    emitError() << "expected a tensor of rank " << (axis < 0 ? -axis : axis + 1)
                << " or more, found " << type(value);
  return expr(1);
}

bool NodeImporter::checkRank(Value value, int64_t atLeast) {
  if (!value)
    return fail() != nullptr;
  if (rank(value) >= atLeast)
    return true;
  emitError() << "expected a tensor of rank " << atLeast << " or more, found " << value.getType();
  return false;
}

std::optional<int64_t> NodeImporter::declaredRank(unsigned number) const {
  return hasOutput(number) ? findDeclaredRank(scope, node.output(number)) : std::nullopt;
}

Type NodeImporter::declaredHostType(unsigned number) const {
  const onnx::ValueInfoProto *info =
      hasOutput(number) ? scope.declared.lookup(node.output(number)) : nullptr;
  if (!info || info->type().has_tensor_type())
    return nullptr;
  llvm::Expected<Type> type = importHostType(info->type(), context());
  if (type)
    return *type;
  llvm::consumeError(type.takeError());
  return nullptr;
}

// --- Contents ---

ElementsAttr NodeImporter::constant(Value value) const {
  auto op = value ? value.getDefiningOp<ConstantOp>() : ConstantOp();
  return op ? op.getValue() : ElementsAttr();
}

/// Constants with more elements are data: nothing that import decides depends on them.
static constexpr int64_t maxRead = int64_t(1) << 24;

/// The bytes of a constant that is not inline.
static ArrayRef<char> getResourceBytes(ElementsAttr attribute) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(attribute);
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  return blob ? blob->getData() : ArrayRef<char>();
}

static int64_t readInteger(ArrayRef<char> bytes, int64_t index, unsigned width, bool isUnsigned) {
  unsigned size = std::max(1u, width / 8);
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + index * size, size);
  return isUnsigned || width == 1 || size == 8 ? value : llvm::SignExtend64(value, 8 * size);
}

std::optional<NodeImporter::Ints> NodeImporter::constantInts(Value value) {
  ElementsAttr attribute = constant(value);
  if (!attribute) {
    std::optional<DimExprs> exprs = contents(value);
    auto sizes = exprs ? getConstantDims(*exprs) : std::nullopt;
    return sizes ? std::optional(Ints(sizes->begin(), sizes->end())) : std::nullopt;
  }
  auto integer = dyn_cast<IntegerType>(attribute.getElementType());
  if (!integer || attribute.getNumElements() > maxRead)
    return std::nullopt;
  Ints ints;
  bool isUnsigned = integer.isUnsigned() || integer.getWidth() == 1;
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute)) {
    for (const APInt &element : dense.getValues<APInt>())
      ints.push_back(isUnsigned ? element.getZExtValue() : element.getSExtValue());
    return ints;
  }
  ArrayRef<char> bytes = getResourceBytes(attribute);
  if (bytes.empty())
    return std::nullopt;
  for (int64_t index = 0; index < attribute.getNumElements(); ++index)
    ints.push_back(readInteger(bytes, index, integer.getWidth(), isUnsigned));
  return ints;
}

std::optional<SmallVector<double>> NodeImporter::constantFloats(Value value) const {
  ElementsAttr attribute = constant(value);
  if (!attribute && value)
    attribute = graph.getContents().getConstant(value);
  auto type = attribute ? dyn_cast<FloatType>(attribute.getElementType()) : FloatType();
  if (!type || attribute.getNumElements() > maxRead)
    return std::nullopt;
  SmallVector<double> floats;
  auto add = [&](APFloat element) {
    bool losesInfo = false;
    element.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
    floats.push_back(element.convertToDouble());
  };
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute)) {
    for (const APFloat &element : dense.getValues<APFloat>())
      add(element);
    return floats;
  }
  ArrayRef<char> bytes = getResourceBytes(attribute);
  if (bytes.empty())
    return std::nullopt;
  for (int64_t index = 0; index < attribute.getNumElements(); ++index) {
    uint64_t bits = readInteger(bytes, index, type.getWidth(), /*isUnsigned=*/true);
    add(APFloat(type.getFloatSemantics(), APInt(type.getWidth(), bits)));
  }
  return floats;
}

std::optional<DimExprs> NodeImporter::contents(Value value) {
  if (!value || isHostValue(value) || !isa<IntegerType>(elementType(value)))
    return std::nullopt;
  return graph.getContents().get(value);
}

AffineExpr NodeImporter::addSymbol(StringRef name) {
  constexpr unsigned maxSymbols = 4096; // every new one makes another list of all names
  if (graph.numSymbols() < maxSymbols)
    return graph.addFreshSymbol(name);
  if (!hasError)
    emitError() << "more than " << maxSymbols << " sizes depend on data";
  return getAffineSymbolExpr(0, context());
}

AffineExpr NodeImporter::bindElement(Value tensor, int64_t position, StringRef what,
                                     int64_t minimum) {
  AffineExpr symbol = addSymbol((what + "." + Twine(position)).str());
  BindSymbolOp::create(b, tensor, position, mlir::cast<AffineSymbolExpr>(symbol).getPosition(),
                       minimum);
  return symbol;
}

std::optional<DimExprs> NodeImporter::contentsToBind(Value value, StringRef what) {
  if (!value)
    return std::nullopt;
  RankedTensorType tensor = type(value);
  if (std::optional<DimExprs> known = graph.getContents().getPartly(value))
    if (tensor.getElementType().isInteger())
      return known;
  if (!isa<IntegerType>(tensor.getElementType())) {
    emitError() << what << " must be a tensor of integers, not " << tensor;
    return std::nullopt;
  }
  constexpr int64_t maxBound = 64;
  if (!tensor.hasStaticShape() || tensor.getNumElements() > maxBound) {
    emitError() << what << " must have a fixed number of elements, at most " << maxBound;
    return std::nullopt;
  }
  return DimExprs(tensor.getNumElements(), getUnknownElement(context()));
}

std::optional<DimExprs> NodeImporter::contentsOrBind(Value value, StringRef what, int64_t minimum) {
  std::optional<DimExprs> elements = contentsToBind(value, what);
  if (elements)
    for (auto [position, element] : llvm::enumerate(*elements))
      if (isUnknownElement(element))
        element = bindElement(value, position, what, minimum);
  return elements;
}

// --- Building ---

bool NodeImporter::checkOperands(StringRef op, ValueRange operands, bool takesHostValues) {
  if (hasError)
    return false;
  for (Value operand : operands) {
    if (!operand) {
      emitError() << "an operand is missing";
      return false;
    }
    if (isHostValue(operand) && !takesHostValues) {
      emitError() << "takes tensors, not " << describeValueType(operand.getType());
      return false;
    }
    if (isa<StringType>(getElementTypeOrSelf(operand.getType())) &&
        !mayHaveStrings(OperationName(op, context()))) {
      emitError() << "takes numbers, not strings: " << operand.getType();
      return false;
    }
  }
  return true;
}

NodeImporter::Values NodeImporter::alignOperands(StringRef op, ValueRange operands) {
  return broadcastOperands(*this, OperationName(op, context()), operands);
}

Operation *NodeImporter::makeOp(StringRef name, TypeRange types, ValueRange operands,
                                ArrayRef<NamedAttribute> attributes) {
  for (Type type : types) {
    if (llvm::Error error = checkDims(getDims(type))) {
      InFlightDiagnostic diagnostic = emitError() << "the result ";
      if (isStatic(type)) // expressions may fill pages
        diagnostic << type << " ";
      diagnostic << "is impossible: " << llvm::toString(std::move(error));
      return nullptr;
    }
  }
  OperationState state(loc(), name, operands, types, attributes);
  Operation *op = b.create(state);
  if (failed(op->getName().verifyInvariants(op))) {
    op->erase();
    return fail();
  }
  requireMatchingSizes(*this, op);
  return op;
}

Value NodeImporter::makeConstant(ElementsAttr value) {
  if (!value)
    return fail();
  return ConstantOp::create(b, value.getType(), value);
}

/// 64 bits of the integer that is nearest to a number towards zero, whatever the number is.
static APInt toBits(double value) {
  bool isExact = false;
  APSInt bits(64, /*isUnsigned=*/value > 0);
  APFloat(value).convertToInteger(bits, APFloat::rmTowardZero, &isExact);
  return bits;
}

Value NodeImporter::makeScalar(Type elementType, double value) {
  auto type = RankedTensorType::get({}, elementType);
  if (auto floating = dyn_cast<FloatType>(elementType))
    return makeConstant(DenseElementsAttr::get(type, b.getFloatAttr(floating, value).getValue()));
  auto integer = dyn_cast<IntegerType>(elementType);
  if (isa<StringType>(elementType) && value == 0)
    return makeString("");
  if (!integer) {
    emitError() << "takes only numbers, not " << elementType;
    return nullptr;
  }
  return makeConstant(DenseElementsAttr::get(type, toBits(value).trunc(integer.getWidth())));
}

Value NodeImporter::makeInts(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, b.getI64Type());
  return makeConstant(DenseElementsAttr::get(type, values));
}

Value NodeImporter::makeStrings(ArrayRef<StringRef> values) {
  auto type =
      RankedTensorType::get({static_cast<int64_t>(values.size())}, StringType::get(context()));
  return makeConstant(DenseElementsAttr::get(type, values));
}

Value NodeImporter::makeString(StringRef value) {
  return makeConstant(
      DenseElementsAttr::get(RankedTensorType::get({}, StringType::get(context())), value));
}

Value NodeImporter::reshape(Value value, ArrayRef<AffineExpr> dims) {
  if (!value)
    return fail();
  RankedTensorType type = makeTensorType(dims, elementType(value));
  return type == value.getType() ? value : make<ReshapeOp>(type, value);
}

Value NodeImporter::cast(Value value, Type to) {
  if (!value)
    return fail();
  if (elementType(value) == to)
    return value;
  return infer<CastOp>(value, attr("to", TypeAttr::get(to)));
}

// --- Subgraphs ---

FailureOr<NodeImporter::Values> NodeImporter::inlineGraph(const onnx::GraphProto &subgraph,
                                                          ValueRange arguments) {
  if (static_cast<size_t>(subgraph.input_size()) != arguments.size())
    return emitError() << "the subgraph has " << subgraph.input_size() << " inputs, expected "
                       << arguments.size();
  Scope inner(scope);
  for (auto [input, argument] : llvm::zip(subgraph.input(), arguments)) {
    // Shapes are often declared too narrowly here: those of a loop's first iteration.
    if (failed(checkDeclaredElementType(argument, input, loc())))
      return fail(), failure();
    inner.values[input.name()] = argument;
  }
  OpBuilder::InsertionGuard guard(graph.getBuilder());
  graph.getBuilder().setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
  FailureOr<Values> results = graph.importGraph(subgraph, inner);
  if (failed(results))
    fail();
  return results;
}

} // namespace tenon
