// Importing graphs: names to values, nodes in order, functions inlined.

#ifndef TENON_LIB_IMPORTER_GRAPHIMPORTER_H
#define TENON_LIB_IMPORTER_GRAPHIMPORTER_H

#include "dialects/Tenon/TenonDialect.h"
#include "lib/Importer/Contents.h"
#include "lib/Importer/ModelFile.h"
#include "lib/Importer/OpRegistry.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/ScopedHashTable.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace tenon {

/// Operator set versions by domain; ONNX's own domain is "".
using OpsetVersions = llvm::StringMap<int64_t>;

/// What names mean inside a graph. A subgraph's scope has the surrounding graph's as parent; a
/// function's body has none, but its caller's attributes.
struct Scope {
  const Scope *parent = nullptr;
  const OpsetVersions *opsets = nullptr;
  /// The values of a function's attribute parameters; null outside of functions.
  const llvm::StringMap<const onnx::AttributeProto *> *attributes = nullptr;
  llvm::StringMap<mlir::Value> values;
  /// Optional parameters of a function that its call does not give: as if not written where they
  /// are used.
  llvm::StringSet<> omitted;
  /// What the graph declares about values that its nodes compute.
  llvm::StringMap<const onnx::ValueInfoProto *> declared;
  /// Ranks of others that follow from it (DeclaredRanks.h).
  llvm::StringMap<int64_t> inferredRanks;

  Scope() = default;
  explicit Scope(const Scope &parent)
      : parent(&parent), opsets(parent.opsets), attributes(parent.attributes) {}

  mlir::Value find(llvm::StringRef name) const;
  /// Whether `name` is a parameter without a value.
  bool isOmitted(llvm::StringRef name) const;
};

class GraphImporter {
public:
  GraphImporter(std::shared_ptr<ModelFile> file, mlir::OpBuilder &builder,
                mlir::Operation *function, bool checkDeclaredShapes);

  /// Builds initializers and nodes of `graph` at the builder's position and returns its outputs.
  /// `scope` holds the values of the graph's inputs.
  llvm::FailureOr<llvm::SmallVector<mlir::Value>> importGraph(const onnx::GraphProto &graph,
                                                              Scope &scope);

  /// An initializer or constant attribute as an op; null after reporting an error at `location`.
  mlir::Value importConstant(mlir::ElementsAttr value, mlir::Location location);
  /// Names in symbol tables are unique: a number is added where needed.
  mlir::AffineExpr addFreshSymbol(llvm::StringRef name);

  unsigned numSymbols() const { return symbolNames.size(); }
  /// What small tensors hold.
  ContentsMap &getContents() { return contents; }
  /// Erases what has been imported into `region`, and forgets what is known about it.
  void clear(mlir::Region &region);

  /// Notes that code at the builder's position checks sizes. False if that has been checked before
  /// on every way to here.
  bool noteCheck(mlir::Attribute check);
  bool isChecked(mlir::Attribute check) const { return checks.count(check); }
  /// The symbol that code on every way to here binds to what both sizes broadcast to. Null if there
  /// is none.
  mlir::AffineExpr findBroadcast(mlir::AffineExpr a, mlir::AffineExpr b) const;
  void noteBroadcast(mlir::AffineExpr a, mlir::AffineExpr b, mlir::AffineExpr symbol);
  /// The symbol that code on every way to here has bound to the larger of `expr` and 0; null if
  /// there is none.
  mlir::AffineExpr findClamped(mlir::AffineExpr expr) const { return clamped.lookup(expr); }
  /// The expression of which `symbol` is known to be the larger one of it and 0; or null.
  mlir::AffineExpr findUnclamped(mlir::AffineExpr symbol) const { return unclamped.lookup(symbol); }
  void noteClamped(mlir::AffineExpr expr, mlir::AffineExpr symbol) {
    clamped.insert(expr, symbol);
    unclamped.insert(symbol, expr);
  }
  /// To be held while a region is imported: what is checked or bound inside is not so outside of
  /// it.
  class RegionScope {
  public:
    explicit RegionScope(GraphImporter &graph)
        : graph(graph), checks(graph.checks), clamped(graph.clamped), unclamped(graph.unclamped),
          numBroadcasts(graph.broadcasts.size()) {}
    ~RegionScope() { graph.broadcasts.truncate(numBroadcasts); }

  private:
    GraphImporter &graph;
    llvm::ScopedHashTableScope<mlir::Attribute, bool> checks;
    llvm::ScopedHashTableScope<mlir::AffineExpr, mlir::AffineExpr> clamped, unclamped;
    size_t numBroadcasts;
  };

  const std::shared_ptr<ModelFile> &getFile() const { return file; }
  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::MLIRContext *getContext() { return builder.getContext(); }
  mlir::Location fileLocation();

private:
  llvm::LogicalResult importInitializers(const onnx::GraphProto &graph, Scope &scope);
  llvm::LogicalResult importNode(const onnx::NodeProto &node, Scope &scope);
  llvm::LogicalResult callFunction(const onnx::FunctionProto &function, const onnx::NodeProto &node,
                                   Scope &scope, mlir::Location location);
  llvm::FailureOr<llvm::SmallVector<mlir::Value>>
  lookUpInputs(const onnx::NodeProto &node, const Scope &scope, mlir::Location location);
  llvm::LogicalResult bindOutputs(const onnx::NodeProto &node, mlir::ValueRange results,
                                  Scope &scope, mlir::Location location);
  /// Replaces a result that is known, as constants or expressions of the symbols, by those.
  mlir::Value foldShapeArithmetic(mlir::Value value);

  std::shared_ptr<ModelFile> file;
  mlir::OpBuilder &builder;
  mlir::Operation *function;
  bool checkDeclaredShapes;
  /// Model-local functions by "domain:name:overload", and those being inlined.
  llvm::StringMap<const onnx::FunctionProto *> functions;
  llvm::SmallVector<const onnx::FunctionProto *> activeFunctions;
  llvm::StringSet<> symbolNames;
  /// What is checked at run time: sizes, as attributes.
  llvm::ScopedHashTable<mlir::Attribute, bool> checks;
  /// Expressions that may be negative, and the symbols bound to the larger of them and 0.
  llvm::ScopedHashTable<mlir::AffineExpr, mlir::AffineExpr> clamped, unclamped;
  /// A symbol, and all sizes that broadcast to it.
  struct Broadcast {
    mlir::AffineExpr symbol;
    llvm::SmallDenseSet<mlir::AffineExpr> sizes;
  };
  llvm::SmallDenseSet<mlir::AffineExpr> sizesBehind(mlir::AffineExpr size) const;
  llvm::SmallVector<Broadcast, 0> broadcasts;
  RegionScope outermost{*this};
  ContentsMap contents;
  /// How many more nodes may be imported.
  int64_t nodesLeft = 0;
  /// Graphs and functions that are being imported, one inside of the other.
  int depth = 0;
};

/// The version of `domain` ("" and "ai.onnx" are the same).
std::string normalizeDomain(llvm::StringRef domain);

/// The operator sets that a model or function names.
template <typename Opsets> OpsetVersions readOpsets(const Opsets &opsets) {
  OpsetVersions versions;
  for (const onnx::OperatorSetIdProto &opset : opsets)
    versions[normalizeDomain(opset.domain())] = opset.version();
  return versions;
}

/// The name to call a node by: its own or, failing that, its first output's; never empty.
llvm::StringRef getDisplayName(const onnx::NodeProto &node);

/// Reports a value whose element type contradicts what the model declares.
llvm::LogicalResult checkDeclaredElementType(mlir::Value value,
                                             const onnx::ValueInfoProto &declared,
                                             mlir::Location location);
/// Reports a value whose type contradicts what the model declares. Declared dimensions without a
/// number, and absent shapes, contradict nothing. Another rank is only a warning where sizes are
/// unknown.
llvm::LogicalResult checkDeclaredType(mlir::Value value, const onnx::ValueInfoProto &declared,
                                      mlir::Location location);

} // namespace tenon

#endif
