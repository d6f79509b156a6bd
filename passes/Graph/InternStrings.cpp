// Strings become numbers: the one place where `!tenon.string` ends.
//
// A string in a running program is a handle, an i64: the number of the string in a table. Every
// string has one handle, so whatever moves strings or compares them for equality moves and compares
// integers, with the kernels that do so anyway, and constants of strings are constants of integers.
// Only ops with the trait UsesStrings ask the runtime for the characters behind a handle.
//
// The strings that the model knows, its constants, get the first handles, in the order in which
// they are met; a run goes on counting behind them. Handle 0 is the empty string, so that zeros,
// with which tensors are padded, are empty strings. The module keeps the table (`tenon.strings`),
// and the function's arguments and results remember that they are strings (`tenon.string`) for the
// signature.

#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/Strings.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "passes/Graph/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_INTERNSTRINGSPASS
#include "passes/Graph/Passes.h.inc"

using namespace mlir;

static bool hasStringKeys(Type type) {
  auto map = dyn_cast<MapType>(type);
  return map && isa<StringType>(map.getKey());
}

static bool hasStringElements(Type type) {
  return isHostType(type) ? isa<StringType>(getInnerElementType(type))
                          : isa<StringType>(getElementTypeOrSelf(type));
}

static bool isString(Type type) { return hasStringElements(type) || hasStringKeys(type); }

namespace {

/// Strings in the order of their handles.
class Table {
public:
  explicit Table(MLIRContext *context) { getHandle(StringAttr::get(context)); }

  int64_t getHandle(StringAttr string) {
    auto [entry, isNew] = handles.try_emplace(string, static_cast<int64_t>(strings.size()));
    if (isNew)
      strings.push_back(string);
    return entry->second;
  }
  ArrayRef<Attribute> getStrings() const { return strings; }

private:
  llvm::DenseMap<StringAttr, int64_t> handles; // attributes are unique
  SmallVector<Attribute> strings;
};

struct InternStrings : impl::InternStringsPassBase<InternStrings> {
  void runOnOperation() override;
};

} // namespace

/// The type with integers where it has strings.
static Type toHandles(Type type) {
  MLIRContext *context = type.getContext();
  if (isa<StringType>(type))
    return IntegerType::get(context, 64);
  if (auto list = dyn_cast<SequenceType>(type))
    return SequenceType::get(context, toHandles(list.getElement()));
  if (auto optional = dyn_cast<OptionalType>(type))
    return OptionalType::get(context, toHandles(optional.getElement()));
  if (auto map = dyn_cast<MapType>(type))
    return MapType::get(context, toHandles(map.getKey()), toHandles(map.getValue()));
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return RankedTensorType::get(tensor.getShape(), toHandles(tensor.getElementType()),
                                 tensor.getEncoding());
  if (auto tensor = dyn_cast<UnrankedTensorType>(type))
    return UnrankedTensorType::get(toHandles(tensor.getElementType()));
  return type;
}

static void convert(ValueRange values) {
  for (Value value : values)
    if (isString(value.getType()))
      value.setType(toHandles(value.getType()));
}

/// The constant's strings as handles.
static ElementsAttr intern(ElementsAttr elements, Table &table) {
  MLIRContext *context = elements.getContext();
  auto strings = cast<DenseStringElementsAttr>(elements);
  SmallVector<int64_t> handles;
  for (StringRef string : strings.getRawStringData()) // one if all are the same
    handles.push_back(table.getHandle(StringAttr::get(context, string)));
  auto type = cast<RankedTensorType>(toHandles(elements.getShapedType()));
  return DenseElementsAttr::get(type, ArrayRef<int64_t>(handles));
}

/// Gives the function the types of its body, and marks what was strings.
static void convertSignature(func::FuncOp function) {
  auto unit = UnitAttr::get(function.getContext());
  auto mark = [&](Type type, auto setAttribute) {
    if (hasStringElements(type))
      setAttribute(kStringAttrName, unit);
    if (hasStringKeys(type))
      setAttribute(kStringKeysAttrName, unit);
  };
  FunctionType type = function.getFunctionType();
  SmallVector<Type> inputs(type.getInputs()), results(type.getResults());
  for (auto [number, each] : llvm::enumerate(inputs))
    if (isString(each)) {
      mark(each, [&, i = number](StringRef name, Attribute value) {
        function.setArgAttr(i, name, value);
      });
      each = toHandles(each);
    }
  for (auto [number, each] : llvm::enumerate(results))
    if (isString(each)) {
      mark(each, [&, i = number](StringRef name, Attribute value) {
        function.setResultAttr(i, name, value);
      });
      each = toHandles(each);
    }
  function.setFunctionType(FunctionType::get(function.getContext(), inputs, results));
}

static bool hasStrings(ModuleOp module) {
  return module
      ->walk([](Operation *op) {
        bool found = llvm::any_of(op->getResultTypes(), isString);
        for (Region &region : op->getRegions())
          for (Block &block : region)
            found |= llvm::any_of(block.getArgumentTypes(), isString);
        return found ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

void InternStrings::runOnOperation() {
  ModuleOp module = getOperation();
  if (!hasStrings(module))
    return;
  Table table(&getContext());
  module->walk([&](ConstantOp op) {
    if (isString(op.getType()))
      op.setValueAttr(intern(op.getValue(), table));
  });
  module->walk([&](Operation *op) {
    convert(op->getResults());
    for (Region &region : op->getRegions())
      for (Block &block : region)
        convert(ValueRange(block.getArguments()));
  });
  for (auto function : module.getOps<func::FuncOp>())
    convertSignature(function);
  module->setAttr(kStringsAttrName, ArrayAttr::get(&getContext(), table.getStrings()));
  numStrings += table.getStrings().size();
}

} // namespace tenon
