// What an import function sees of its node: operands, typed attributes, a builder.
//
// Errors are sticky: an accessor that finds something wrong reports it and returns a default, a
// builder method returns a null value when it cannot build (or is given a null value after an
// error), and the node fails as a whole once its function returns. So import functions read
// straight on: a null value has the type of a scalar, and a dimension that is not there is 1. Only
// what they index themselves, such as a copy of a shape, they must know to be long enough.

#ifndef TENON_LIB_IMPORTER_NODEIMPORTER_H
#define TENON_LIB_IMPORTER_NODEIMPORTER_H

#include "lib/Importer/GraphImporter.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace tenon {

class NodeImporter {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  NodeImporter(GraphImporter &graph, const Scope &scope, const onnx::NodeProto &node,
               llvm::StringRef domain, int64_t opset, mlir::ValueRange operands,
               mlir::Location location);

  // The node.
  llvm::StringRef opType() const { return node.op_type(); }
  llvm::StringRef domain() const { return nodeDomain; }
  /// Version of the node's domain.
  int64_t opset() const { return opsetVersion; }
  mlir::Location loc() const { return b.getLoc(); }
  mlir::MLIRContext *context() const { return b.getContext(); }
  mlir::ImplicitLocOpBuilder &builder() { return b; }

  // Operands and outputs.
  unsigned numOperands() const { return operandValues.size(); }
  /// Null when omitted.
  mlir::Value operand(unsigned number) const {
    return number < operandValues.size() ? operandValues[number] : mlir::Value();
  }
  llvm::ArrayRef<mlir::Value> operands() const { return operandValues; }
  /// Replaces an operand, or omits it if `value` is null, for whoever imports the node.
  void setOperand(unsigned number, mlir::Value value) { operandValues[number] = value; }
  unsigned numOutputs() const { return node.output_size(); }
  /// Whether output `number` has a name, so that someone may use it.
  bool hasOutput(unsigned number) const {
    return number < numOutputs() && !node.output(number).empty();
  }
  /// The output's name, or the node's if it has none.
  llvm::StringRef outputName(unsigned number) const {
    return hasOutput(number) ? llvm::StringRef(node.output(number)) : getDisplayName(node);
  }

  /// What a name means where the node is; null if nothing has it yet.
  mlir::Value find(llvm::StringRef name) const { return scope.find(name); }
  /// The rank that the graph around declares for output `number`.
  std::optional<int64_t> declaredRank(unsigned number) const;
  /// The type of a sequence, optional or map that it declares there; null if it declares none.
  mlir::Type declaredHostType(unsigned number) const;

  // Attributes. Those of the wrong type are errors; so are absent ones without a default.
  bool hasAttribute(llvm::StringRef name) const { return findAttribute(name); }
  int64_t getInt(llvm::StringRef name, std::optional<int64_t> otherwise = std::nullopt);
  bool getBool(llvm::StringRef name, bool otherwise) { return getInt(name, otherwise) != 0; }
  double getFloat(llvm::StringRef name, std::optional<double> otherwise = std::nullopt);
  llvm::StringRef getString(llvm::StringRef name,
                            std::optional<llvm::StringRef> otherwise = std::nullopt);
  using Ints = llvm::SmallVector<int64_t>;
  Ints getInts(llvm::StringRef name, std::optional<Ints> otherwise = std::nullopt);
  llvm::SmallVector<float>
  getFloats(llvm::StringRef name, std::optional<llvm::SmallVector<float>> otherwise = std::nullopt);
  using Strings = llvm::SmallVector<llvm::StringRef>;
  Strings getStrings(llvm::StringRef name, std::optional<Strings> otherwise = std::nullopt);
  /// Null when absent.
  mlir::ElementsAttr getTensor(llvm::StringRef name);
  /// Null after an error, or when absent.
  const onnx::TypeProto *getTypeProto(llvm::StringRef name);
  /// An element type by its ONNX number. Null after an error, or when absent and not required.
  mlir::Type getElementType(llvm::StringRef name, bool required = true);
  /// Null after reporting an error.
  const onnx::GraphProto *getGraph(llvm::StringRef name);
  /// The attribute `name`, normalized from [-rank, rank), or [-rank, rank] if `inclusive`, to a
  /// position; 0 after an error.
  int64_t getAxis(llvm::StringRef name, std::optional<int64_t> otherwise, int64_t rank,
                  bool inclusive = false);
  /// The same for an axis from anywhere.
  int64_t normalizeAxis(int64_t axis, int64_t rank, bool inclusive = false);

  // Types.
  /// That of a scalar, after an error, if `value` is null or no tensor.
  mlir::RankedTensorType type(mlir::Value value);
  int64_t rank(mlir::Value value) { return type(value).getRank(); }
  /// Whether `value` is there and has at least this rank; reports an error if not.
  bool checkRank(mlir::Value value, int64_t atLeast);
  DimExprs dims(mlir::Value value) { return getDims(type(value)); }
  /// The size in dimension `axis`, from the back if negative; 1 after an error if there is none.
  mlir::AffineExpr dim(mlir::Value value, int64_t axis);
  mlir::Type elementType(mlir::Value value) { return type(value).getElementType(); }
  bool isString(mlir::Value value) { return llvm::isa<StringType>(elementType(value)); }
  /// Whether the tensor is known to have `count` elements.
  bool hasElements(mlir::Value value, int64_t count) {
    return type(value).hasStaticShape() && type(value).getNumElements() == count;
  }
  mlir::AffineExpr expr(int64_t value) const {
    return mlir::getAffineConstantExpr(value, context());
  }

  // Contents.
  /// The attribute of a constant; null when `value` is none.
  mlir::ElementsAttr constant(mlir::Value value) const;
  /// All elements of an integer or bool constant, or of contents that come down to constants.
  std::optional<Ints> constantInts(mlir::Value value);
  /// All elements of a constant of floats.
  std::optional<llvm::SmallVector<double>> constantFloats(mlir::Value value) const;
  /// The elements of a small integer tensor as expressions over the shape symbols.
  std::optional<DimExprs> contents(mlir::Value value);
  /// The same; elements that depend on data become new symbols, bound at run time, for which
  /// smaller values than `minimum` are a run-time error. `what` names the tensor in errors.
  std::optional<DimExprs> contentsOrBind(mlir::Value value, llvm::StringRef what,
                                         int64_t minimum = 0);
  /// The same, except that elements which depend on data are unknown ones (isUnknownElement), to be
  /// bound by the caller.
  std::optional<DimExprs> contentsToBind(mlir::Value value, llvm::StringRef what);
  /// A new symbol for an element of a tensor of integers. In a run, less than `minimum` is an
  /// error.
  mlir::AffineExpr bindElement(mlir::Value tensor, int64_t position, llvm::StringRef what,
                               int64_t minimum = 0);
  mlir::AffineExpr addSymbol(llvm::StringRef name);
  /// Whether a check of `expr` at run time is new here.
  bool noteCheck(mlir::Attribute check) { return graph.noteCheck(check); }
  bool isChecked(mlir::Attribute check) const { return graph.isChecked(check); }
  /// The symbol that stands for what both sizes broadcast to, if code before binds one.
  mlir::AffineExpr findBroadcast(mlir::AffineExpr a, mlir::AffineExpr b) {
    return graph.findBroadcast(a, b);
  }
  void noteBroadcast(mlir::AffineExpr a, mlir::AffineExpr b, mlir::AffineExpr symbol) {
    graph.noteBroadcast(a, b, symbol);
  }
  /// The symbol that stands for the larger of `expr` and 0 here; null if there is none yet.
  mlir::AffineExpr findClamped(mlir::AffineExpr expr) const { return graph.findClamped(expr); }
  /// The other way round: null for other symbols.
  mlir::AffineExpr findUnclamped(mlir::AffineExpr symbol) const {
    return graph.findUnclamped(symbol);
  }
  void noteClamped(mlir::AffineExpr expr, mlir::AffineExpr symbol) {
    graph.noteClamped(expr, symbol);
  }

  // Building. Both check the op as its verifier does. Most ops compute with numbers alone: those
  // refuse tensors of strings.
  /// An op that infers its result types, of operands that broadcast if need be.
  template <typename OpTy>
  mlir::Operation *inferOp(mlir::ValueRange given,
                           llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    if (!checkOperands(OpTy::getOperationName(), given))
      return nullptr;
    Values operands = alignOperands(OpTy::getOperationName(), given);
    if (!checkOperands(OpTy::getOperationName(), operands))
      return nullptr;
    llvm::SmallVector<mlir::Type> types;
    mlir::DictionaryAttr dictionary = mlir::DictionaryAttr::get(context(), attributes);
    typename OpTy::Properties properties{};
    auto diagnose = [&] { return emitError(); };
    mlir::OpaqueProperties opaque(nullptr);
    if constexpr (!std::is_same_v<typename OpTy::Properties, mlir::EmptyProperties>) {
      if (failed(OpTy::setPropertiesFromAttr(properties, dictionary, diagnose)))
        return fail();
      opaque = mlir::OpaqueProperties(&properties);
    }
    if (failed(OpTy::inferReturnTypes(context(), loc(), operands, dictionary, opaque, {}, types)))
      return fail();
    return makeOp(OpTy::getOperationName(), types, operands, attributes);
  }
  template <typename OpTy>
  mlir::Value infer(mlir::ValueRange operands,
                    llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    mlir::Operation *op = inferOp<OpTy>(operands, attributes);
    return op ? op->getResult(0) : mlir::Value();
  }
  /// An op with the given result types.
  template <typename OpTy>
  mlir::Operation *makeResults(mlir::TypeRange types, mlir::ValueRange operands,
                               llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    return checkOperands(OpTy::getOperationName(), operands)
               ? makeOp(OpTy::getOperationName(), types, operands, attributes)
               : nullptr;
  }
  /// An op with the given result type.
  template <typename OpTy>
  mlir::Value make(mlir::Type type, mlir::ValueRange operands,
                   llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    mlir::Operation *op = makeResults<OpTy>(mlir::TypeRange(type), operands, attributes);
    return op ? op->getResult(0) : mlir::Value();
  }
  /// An op that takes or computes sequences, optionals or maps, with the given result types.
  template <typename OpTy>
  mlir::Operation *makeHost(mlir::TypeRange types, mlir::ValueRange operands,
                            llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    return checkOperands(OpTy::getOperationName(), operands, /*takesHostValues=*/true)
               ? makeOp(OpTy::getOperationName(), types, operands, attributes)
               : nullptr;
  }
  mlir::NamedAttribute attr(llvm::StringRef name, mlir::Attribute value) {
    return b.getNamedAttr(name, value);
  }
  mlir::NamedAttribute attr(llvm::StringRef name, int64_t value) {
    return attr(name, b.getI64IntegerAttr(value));
  }
  mlir::NamedAttribute attr(llvm::StringRef name, llvm::ArrayRef<int64_t> values) {
    return attr(name, b.getDenseI64ArrayAttr(values));
  }
  mlir::NamedAttribute attr(llvm::StringRef name, llvm::ArrayRef<mlir::AffineExpr> exprs) {
    return attr(name, mlir::AffineMapAttr::get(makeDimsMap(exprs, context())));
  }
  mlir::Value makeConstant(mlir::ElementsAttr value);
  /// A tensor of rank 0 of any number type; 0 is the empty string of strings.
  mlir::Value makeScalar(mlir::Type elementType, double value);
  mlir::Value makeInts(llvm::ArrayRef<int64_t> values);
  mlir::Value makeStrings(llvm::ArrayRef<llvm::StringRef> values);
  /// Of rank 0.
  mlir::Value makeString(llvm::StringRef value);
  /// The operand itself when it has this shape already.
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> dims);
  mlir::Value cast(mlir::Value value, mlir::Type elementType);

  // Subgraphs.
  /// Imports a graph at the builder's position: `arguments` are its inputs' values.
  llvm::FailureOr<Values> inlineGraph(const onnx::GraphProto &subgraph,
                                      mlir::ValueRange arguments = {});
  /// Symbols that exist; later ones belong to what is imported from here on.
  unsigned numSymbols() const { return graph.numSymbols(); }
  /// To be held while a region is imported.
  GraphImporter::RegionScope enterRegion() { return GraphImporter::RegionScope(graph); }
  /// Erases what has been imported into `region`.
  void clear(mlir::Region &region) { graph.clear(region); }

  /// Starts an error about this node.
  mlir::InFlightDiagnostic emitError();
  /// Starts "attribute 'name': ...".
  mlir::InFlightDiagnostic emitAttributeError(llvm::StringRef name);
  bool hasFailed() const { return hasError; }

private:
  const onnx::AttributeProto *findAttribute(llvm::StringRef name) const;
  /// The attribute if it has `type`; null after an error or when absent.
  const onnx::AttributeProto *
  findAttribute(llvm::StringRef name, onnx::AttributeProto::AttributeType type, bool required);
  bool checkOperands(llvm::StringRef op, mlir::ValueRange operands, bool takesHostValues = false);
  Values alignOperands(llvm::StringRef op, mlir::ValueRange operands);
  mlir::Operation *makeOp(llvm::StringRef name, mlir::TypeRange types, mlir::ValueRange operands,
                          llvm::ArrayRef<mlir::NamedAttribute> attributes);
  std::nullptr_t fail() {
    hasError = true;
    return nullptr;
  }

  GraphImporter &graph;
  const Scope &scope;
  const onnx::NodeProto &node;
  llvm::StringRef nodeDomain;
  int64_t opsetVersion;
  Values operandValues;
  mutable mlir::ImplicitLocOpBuilder b;
  bool hasError = false;
};

} // namespace tenon

#endif
