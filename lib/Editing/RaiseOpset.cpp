// What versions 8 to 13 of ONNX's operators spell in another way (see the header).
//
// Each rule brings an operator to the version that changed it, from the one before. The rules run
// in the order of versions, so that an Upsample of version 7 first gets its scales as an operand,
// then another name, then the modes that Resize has had since. Operators that no rule names mean
// in version 13 what they did: versions only added types to them, or attributes whose defaults are
// what was before.

#include "lib/Editing/RaiseOpset.h"
#include "lib/Editing/Attributes.h"
#include "lib/Editing/ValueTypes.h"
#include "lib/Importer/GraphImporter.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tenon {

namespace {

class OpsetRaiser {
public:
  OpsetRaiser(ModelEditor &model, const StringMap<ValueType> &types)
      : model(model), types(types), from(model.getOpset()) {}

  Error run();

private:
  using Rule = Error (OpsetRaiser::*)(onnx::NodeProto &node, onnx::GraphProto &graph);
  struct Change {
    StringLiteral op;
    int64_t version;
    Rule rule;
  };
  static ArrayRef<Change> getChanges();

  Error raise(onnx::GraphProto &graph);
  Error raise(onnx::NodeProto &node, onnx::GraphProto &graph);

  // Rules.
  Error dropSpatial(onnx::NodeProto &node, onnx::GraphProto &);
  Error refuseScan(onnx::NodeProto &node, onnx::GraphProto &);
  Error moveScales(onnx::NodeProto &node, onnx::GraphProto &);
  Error renameUpsample(onnx::NodeProto &node, onnx::GraphProto &);
  Error setResizeModes(onnx::NodeProto &node, onnx::GraphProto &);
  Error renameScatter(onnx::NodeProto &node, onnx::GraphProto &);
  Error moveSliceBounds(onnx::NodeProto &node, onnx::GraphProto &);
  Error moveCount(onnx::NodeProto &node, onnx::GraphProto &);
  Error moveClipBounds(onnx::NodeProto &node, onnx::GraphProto &);
  Error movePads(onnx::NodeProto &node, onnx::GraphProto &);
  Error checkMask(onnx::NodeProto &node, onnx::GraphProto &);
  Error moveRatio(onnx::NodeProto &node, onnx::GraphProto &);
  Error moveAxes(onnx::NodeProto &node, onnx::GraphProto &);
  Error moveParts(onnx::NodeProto &node, onnx::GraphProto &);
  Error flattenAroundSoftmax(onnx::NodeProto &node, onnx::GraphProto &graph);

  Error refuse(const onnx::NodeProto &node, const Twine &reason) const;
  void moveInts(onnx::NodeProto &node, StringRef attribute, int operand);
  Error moveNumber(onnx::NodeProto &node, StringRef attribute, int operand);
  void addOperand(onnx::NodeProto &node, int operand, const Tensor &value);

  ModelEditor &model;
  const StringMap<ValueType> &types;
  int64_t from;
};

} // namespace

ArrayRef<OpsetRaiser::Change> OpsetRaiser::getChanges() {
  static constexpr Change changes[] = {
      {"BatchNormalization", 9, &OpsetRaiser::dropSpatial},
      {"Scan", 9, &OpsetRaiser::refuseScan},
      {"Upsample", 9, &OpsetRaiser::moveScales},
      {"Dropout", 10, &OpsetRaiser::checkMask},
      {"Slice", 10, &OpsetRaiser::moveSliceBounds},
      {"TopK", 10, &OpsetRaiser::moveCount},
      {"Upsample", 10, &OpsetRaiser::renameUpsample},
      {"Clip", 11, &OpsetRaiser::moveClipBounds},
      {"Pad", 11, &OpsetRaiser::movePads},
      {"Resize", 11, &OpsetRaiser::setResizeModes},
      {"Scatter", 11, &OpsetRaiser::renameScatter},
      {"Dropout", 12, &OpsetRaiser::moveRatio},
      {"Hardmax", 13, &OpsetRaiser::flattenAroundSoftmax},
      {"LogSoftmax", 13, &OpsetRaiser::flattenAroundSoftmax},
      {"ReduceSum", 13, &OpsetRaiser::moveAxes},
      {"Softmax", 13, &OpsetRaiser::flattenAroundSoftmax},
      {"Split", 13, &OpsetRaiser::moveParts},
      {"Squeeze", 13, &OpsetRaiser::moveAxes},
      {"Unsqueeze", 13, &OpsetRaiser::moveAxes},
  };
  return changes;
}

// ---- What rules are made of

Error OpsetRaiser::refuse(const onnx::NodeProto &node, const Twine &reason) const {
  return makeError(model.getName() + ": node '" + getDisplayName(node) + "' (" + node.op_type() +
                   " of version " + Twine(from) + "): " + reason);
}

static void eraseAttribute(onnx::NodeProto &node, StringRef name) {
  auto &attributes = *node.mutable_attribute();
  auto found = find_if(
      attributes, [&](const onnx::AttributeProto &attribute) { return attribute.name() == name; });
  if (found != attributes.end())
    attributes.erase(found);
}

/// A list of integers.
static Tensor makeInts(ArrayRef<int64_t> values) {
  Tensor tensor = cantFail(Tensor::create(TENON_INT64, {static_cast<int64_t>(values.size())}));
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

// Constants lie in the main graph, where inner graphs see them, too. The index follows at the end.
void OpsetRaiser::addOperand(onnx::NodeProto &node, int operand, const Tensor &value) {
  while (node.input_size() <= operand)
    node.add_input("");
  node.set_input(operand, model.addConstant((getDisplayName(node) + "_operand").str(), value));
}

/// A list that is an operand now. Nothing stands for a list that is not there.
void OpsetRaiser::moveInts(onnx::NodeProto &node, StringRef attribute, int operand) {
  if (!findAttribute(node, attribute))
    return;
  addOperand(node, operand, makeInts(getInts(node, attribute)));
  eraseAttribute(node, attribute);
}

/// A number that is an operand now, of the type of the node's first one.
Error OpsetRaiser::moveNumber(onnx::NodeProto &node, StringRef attribute, int operand) {
  if (!findAttribute(node, attribute))
    return Error::success();
  auto type = types.find(node.input(0));
  if (type == types.end())
    return refuse(node, "the type of '" + Twine(node.input(0)) + "' is not known");
  Tensor number = cantFail(Tensor::create(type->second.dtype, {}));
  number.setElement(0, getFloat(node, attribute, 0));
  addOperand(node, operand, number);
  eraseAttribute(node, attribute);
  return Error::success();
}

// ---- Rules

Error OpsetRaiser::dropSpatial(onnx::NodeProto &node, onnx::GraphProto &) {
  if (!getInt(node, "spatial", 1))
    return refuse(node, "has statistics for each element, which later versions lack");
  eraseAttribute(node, "spatial");
  return Error::success();
}

Error OpsetRaiser::refuseScan(onnx::NodeProto &node, onnx::GraphProto &) {
  return refuse(node, "scans batches, which later versions do not");
}

Error OpsetRaiser::moveScales(onnx::NodeProto &node, onnx::GraphProto &) {
  const onnx::AttributeProto *scales = findAttribute(node, "scales");
  if (!scales)
    return refuse(node, "has no scales");
  Tensor tensor = cantFail(Tensor::create(TENON_FLOAT, {int64_t(scales->floats_size())}));
  for (auto [i, scale] : enumerate(scales->floats()))
    tensor.setElement(static_cast<int64_t>(i), scale);
  addOperand(node, 1, tensor);
  eraseAttribute(node, "scales");
  return Error::success();
}

Error OpsetRaiser::renameUpsample(onnx::NodeProto &node, onnx::GraphProto &) {
  node.set_op_type("Resize");
  return Error::success();
}

/// x / scale, rounded down, as it was before there were modes.
Error OpsetRaiser::setResizeModes(onnx::NodeProto &node, onnx::GraphProto &) {
  setString(node, "coordinate_transformation_mode", "asymmetric");
  setString(node, "nearest_mode", "floor");
  std::string scales = node.input(1);
  node.set_input(1, "");
  node.add_input(scales);
  return Error::success();
}

Error OpsetRaiser::renameScatter(onnx::NodeProto &node, onnx::GraphProto &) {
  node.set_op_type("ScatterElements");
  return Error::success();
}

Error OpsetRaiser::moveSliceBounds(onnx::NodeProto &node, onnx::GraphProto &) {
  moveInts(node, "starts", 1);
  moveInts(node, "ends", 2);
  moveInts(node, "axes", 3);
  return Error::success();
}

Error OpsetRaiser::moveCount(onnx::NodeProto &node, onnx::GraphProto &) {
  addOperand(node, 1, makeInts(getInt(node, "k", 1)));
  eraseAttribute(node, "k");
  return Error::success();
}

Error OpsetRaiser::moveClipBounds(onnx::NodeProto &node, onnx::GraphProto &) {
  if (Error error = moveNumber(node, "min", 1))
    return error;
  return moveNumber(node, "max", 2);
}

Error OpsetRaiser::movePads(onnx::NodeProto &node, onnx::GraphProto &) {
  moveInts(node, "pads", 1);
  return moveNumber(node, "value", 2);
}

Error OpsetRaiser::checkMask(onnx::NodeProto &node, onnx::GraphProto &) {
  if (node.output_size() > 1 && !node.output(1).empty() && model.isRead(node.output(1)))
    return refuse(node, "has a mask of floats, which later versions lack");
  while (node.output_size() > 1)
    node.mutable_output()->RemoveLast();
  return Error::success();
}

/// Nothing is dropped where a model only runs.
Error OpsetRaiser::moveRatio(onnx::NodeProto &node, onnx::GraphProto &) {
  eraseAttribute(node, "ratio");
  return Error::success();
}

Error OpsetRaiser::moveAxes(onnx::NodeProto &node, onnx::GraphProto &) {
  moveInts(node, "axes", 1);
  return Error::success();
}

Error OpsetRaiser::moveParts(onnx::NodeProto &node, onnx::GraphProto &) {
  moveInts(node, "split", 1);
  return Error::success();
}

/// Before version 13, the dimensions from the axis on were one.
Error OpsetRaiser::flattenAroundSoftmax(onnx::NodeProto &node, onnx::GraphProto &graph) {
  int64_t axis = getInt(node, "axis", 1);
  auto type = types.find(node.input(0));
  if (type == types.end())
    return refuse(node, "the rank of '" + Twine(node.input(0)) + "' is not known");
  int64_t rank = static_cast<int64_t>(type->second.dims.size());
  if (axis < 0)
    axis += rank;
  setInt(node, "axis", -1);
  if (axis >= rank - 1)
    return Error::success();
  std::string input = node.input(0), output = node.output(0);
  std::string flat = model.makeName(input + "_flat"), result = model.makeName(output + "_flat"),
              shape = model.makeName(input + "_shape");
  node.set_input(0, flat);
  node.set_output(0, result);
  auto add = [&](StringRef op, ArrayRef<std::string> operands, const std::string &value) {
    onnx::NodeProto &added = *graph.add_node();
    added.set_op_type(op.str());
    added.set_name(model.makeName(value + "_" + op.str()));
    for (const std::string &operand : operands)
      added.add_input(operand);
    added.add_output(value);
    return &added;
  };
  setInt(*add("Flatten", {input}, flat), "axis", axis);
  add("Shape", {input}, shape);
  add("Reshape", {result, shape}, output);
  return Error::success();
}

// ---- The whole

Error OpsetRaiser::raise(onnx::NodeProto &node, onnx::GraphProto &graph) {
  for (onnx::AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_g())
      if (Error error = raise(*attribute.mutable_g()))
        return error;
    for (onnx::GraphProto &inner : *attribute.mutable_graphs())
      if (Error error = raise(inner))
        return error;
  }
  if (!node.domain().empty() && node.domain() != "ai.onnx")
    return Error::success();
  for (const Change &change : getChanges())
    if (from < change.version && node.op_type() == change.op)
      if (Error error = (this->*change.rule)(node, graph))
        return error;
  return Error::success();
}

/// Nodes that rules add come behind all others, and are put in order in the end.
Error OpsetRaiser::raise(onnx::GraphProto &graph) {
  int count = graph.node_size();
  for (int i = 0; i < count; ++i)
    if (Error error = raise(*graph.mutable_node(i), graph))
      return error;
  return ModelEditor::sortNodes(graph);
}

/// Initializers that are declared as inputs were constants until version 4 of the format; from then
/// on the caller may give others.
static void dropDeclaredConstants(onnx::GraphProto &graph) {
  StringSet<> constants;
  for (const onnx::TensorProto &constant : graph.initializer())
    constants.insert(constant.name());
  auto &inputs = *graph.mutable_input();
  inputs.erase(llvm::remove_if(inputs,
                               [&](const onnx::ValueInfoProto &input) {
                                 return constants.contains(input.name());
                               }),
               inputs.end());
}

Error OpsetRaiser::run() {
  if (from < oldestOpset)
    return makeError(model.getName() + ": is of version " + Twine(from) +
                     " of ONNX's operators, of which nothing older than " + Twine(oldestOpset) +
                     " can be raised");
  bool hasDeclaredConstants = model.proto().ir_version() < 4;
  if (Error error = raise(model.graph()))
    return error;
  if (hasDeclaredConstants)
    dropDeclaredConstants(model.graph());
  // The format of version 13's time.
  model.proto().set_ir_version(std::max<int64_t>(model.proto().ir_version(), 7));
  model.setOpset("", newestRaisedOpset);
  model.reindex();
  return Error::success();
}

Error raiseOpset(ModelEditor &model, const ImportOptions &options) {
  if (model.getOpset() == 0 || model.getOpset() >= newestRaisedOpset)
    return Error::success();
  Expected<std::shared_ptr<ModelFile>> file = model.toModelFile();
  if (!file)
    return file.takeError();
  Expected<StringMap<ValueType>> types = inferValueTypes(*file, options);
  if (!types)
    return types.takeError();
  return OpsetRaiser(model, *types).run();
}

} // namespace tenon
