// Maps of ai.onnx.ml: what classifiers end in, and what turns maps into tensors.
//
// A map is two tensors, keys and values. Keys that are integers ascend. Whoever looks keys up
// compares each of his with all of them: with k of them and n entries, k * n comparisons in one
// kernel.

#include "lib/Importer/Ops/Lists.h"
#include "lib/Importer/Ops/Strings.h"
#include "lib/Importer/ValueTypes.h"

using namespace mlir;

namespace tenon {

static constexpr llvm::StringLiteral mlDomain = "ai.onnx.ml";

// --- ZipMap ---

/// The keys of a classifier's probabilities; null after an error.
static Attribute getClassLabels(NodeImporter &node) {
  bool hasIntegers = node.hasAttribute("classlabels_int64s");
  bool hasStrings = node.hasAttribute("classlabels_strings");
  if (hasIntegers == hasStrings) {
    node.emitError() << "needs either classlabels_int64s or classlabels_strings";
    return nullptr;
  }
  if (hasIntegers)
    return node.builder().getDenseI64ArrayAttr(node.getInts("classlabels_int64s"));
  return node.builder().getStrArrayAttr(node.getStrings("classlabels_strings"));
}

static Results importZipMap(NodeImporter &node) {
  Value rows = node.operand(0);
  if (!node.checkRank(rows, 1))
    return failure();
  if (node.rank(rows) == 1)
    rows = TensorMath(node).unsqueeze(rows, 0);
  if (node.rank(rows) != 2)
    return node.emitError() << "takes a tensor of rank 1 or 2, not " << rows.getType();
  Attribute keys = getClassLabels(node);
  if (!keys)
    return failure();
  auto integers = dyn_cast<DenseI64ArrayAttr>(keys);
  int64_t count = integers ? integers.size() : cast<ArrayAttr>(keys).size();
  rows = TensorMath(node).sized(rows, {node.dim(rows, 0), node.expr(count)}, "class labels");
  if (!rows)
    return failure();
  Type key = integers ? Type(node.builder().getI64Type()) : Type(StringType::get(node.context()));
  Type map = MapType::get(node.context(), key, node.elementType(rows));
  Operation *op = node.makeHost<ZipMapOp>(SequenceType::get(node.context(), map), rows,
                                          node.attr("keys", keys));
  if (!op)
    return failure();
  return {{op->getResult(0)}};
}

// --- From maps to tensors ---

namespace {
/// The entries of a map: tensors of rank 1.
struct Entries {
  Value keys, values;
};
} // namespace

/// Of a map with keys of type `key`.
static FailureOr<Entries> takeEntries(NodeImporter &node, Type key) {
  auto map = dyn_cast<MapType>(node.operand(0).getType());
  if (!map)
    return node.emitError() << "takes a map, not " << describeValueType(node.operand(0).getType());
  if (map.getKey() != key)
    return node.emitError() << "takes a map by other keys, not " << describeValueType(map);
  AffineExpr count = node.addSymbol((node.outputName(0) + ".entries").str());
  Type types[] = {makeTensorType(count, map.getKey()), makeTensorType(count, map.getValue())};
  Operation *op = node.makeHost<MapEntriesOp>(types, node.operand(0));
  if (!op)
    return failure();
  return Entries{op->getResult(0), op->getResult(1)};
}

/// The values of these keys, zero or empty where the map has none: [1, number of keys].
static Value lookUp(NodeImporter &node, Entries entries, Value keys) {
  TensorMath m(node);
  AffineExpr count = node.dim(entries.keys, 0);
  Value isKey = m.equal(m.unsqueeze(keys, 1), m.unsqueeze(entries.keys, 0));
  // Behind the values lies what keys get that are none of the map's.
  Value last = m.shapeScalar(count);
  Value position = m.select(isKey, m.iotaAlong(2, 1, count), last);
  position = m.min(m.squeeze(m.reduce(ReduceKind::Min, position, 1), {1}), last);
  Value none = node.reshape(m.scalar(entries.values, 0), {node.expr(1)});
  Value found = m.gather(m.concat({entries.values, none}, 0), position, 0);
  return m.unsqueeze(found, 0);
}

static Results importDictVectorizer(NodeImporter &node) {
  bool hasIntegers = node.hasAttribute("int64_vocabulary");
  if (hasIntegers == node.hasAttribute("string_vocabulary"))
    return node.emitError() << "needs either int64_vocabulary or string_vocabulary";
  Type key = hasIntegers ? Type(node.builder().getI64Type()) : StringType::get(node.context());
  FailureOr<Entries> entries = takeEntries(node, key);
  if (failed(entries))
    return failure();
  Value keys = hasIntegers ? node.makeInts(node.getInts("int64_vocabulary"))
                           : node.makeStrings(node.getStrings("string_vocabulary"));
  return {{keys ? lookUp(node, *entries, keys) : keys}};
}

/// The element type that a name in `cast_to` stands for; null after an error.
static Type getCastType(NodeImporter &node) {
  StringRef name = node.getString("cast_to", "TO_FLOAT");
  if (name == "TO_FLOAT")
    return node.builder().getF32Type();
  if (name == "TO_INT64")
    return node.builder().getI64Type();
  if (name == "TO_STRING")
    return StringType::get(node.context());
  node.emitAttributeError("cast_to") << "'" << name << "' is not supported";
  return nullptr;
}

/// Numbers or strings in another type.
static Value castValues(NodeImporter &node, Value values, Type type) {
  if (isa<StringType>(type))
    return node.isString(values) ? values : formatNumbers(node, values);
  return node.cast(node.isString(values) ? parseNumbers(node, values, type) : values, type);
}

static Results importCastMap(NodeImporter &node) {
  Type type = getCastType(node);
  StringRef form = node.getString("map_form", "DENSE");
  if (!type)
    return failure();
  if (form != "DENSE" && form != "SPARSE")
    return node.emitAttributeError("map_form") << "is '" << form << "', not DENSE or SPARSE";
  FailureOr<Entries> entries = takeEntries(node, node.builder().getI64Type());
  if (failed(entries))
    return failure();
  Value values = castValues(node, entries->values, type);
  if (form == "DENSE")
    return {{TensorMath(node).unsqueeze(values, 0)}};
  int64_t count = node.getInt("max_map", 1);
  if (count < 0)
    return node.emitAttributeError("max_map") << "is " << count;
  Value positions = TensorMath(node).iota(node.expr(count), 0, node.builder().getI64Type());
  return {{lookUp(node, {entries->keys, values}, positions)}};
}

void registerMapOps(OpRegistry &registry) {
  registry.add(mlDomain, "CastMap", 1, 1, importCastMap);
  registry.add(mlDomain, "DictVectorizer", 1, 1, importDictVectorizer);
  registry.add(mlDomain, "ZipMap", 1, 1, importZipMap);
}

} // namespace tenon
