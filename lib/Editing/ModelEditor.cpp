// The index of a model under change (see the header).

#include "lib/Editing/ModelEditor.h"
#include "lib/Editing/Attributes.h"
#include "lib/Editing/SparseConstant.h"
#include "lib/Importer/NodeOrder.h"
#include "lib/Importer/Subgraphs.h"
#include "lib/Tensors/ProtoFile.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include <cstring>

using namespace llvm;

namespace tenon {

ModelEditor::ModelEditor(std::shared_ptr<ModelFile> modelFile)
    : file(std::move(modelFile)), model(file->proto()) {
  reindex();
}

// --- Operator sets ---

/// The entry of a domain, where "ai.onnx" is another name of "".
template <typename Entries> static auto *findOpset(Entries &entries, StringRef domain) {
  auto normalize = [](StringRef name) { return name == "ai.onnx" ? StringRef() : name; };
  auto entry = find_if(entries, [&](const onnx::OperatorSetIdProto &opset) {
    return normalize(opset.domain()) == normalize(domain);
  });
  return entry == entries.end() ? nullptr : &*entry;
}

int64_t ModelEditor::getOpset(StringRef domain) const {
  const onnx::OperatorSetIdProto *opset = findOpset(model.opset_import(), domain);
  return opset ? opset->version() : 0;
}

void ModelEditor::setOpset(StringRef domain, int64_t version) {
  onnx::OperatorSetIdProto *opset = findOpset(*model.mutable_opset_import(), domain);
  if (!opset) {
    opset = model.add_opset_import();
    opset->set_domain(domain.str());
  }
  opset->set_version(version);
}

// --- The index ---

/// Adds all names that a graph inside of a node defines or uses.
static void collectNames(const onnx::GraphProto &graph, StringSet<> &names) {
  for (const onnx::ValueInfoProto &input : graph.input())
    names.insert(input.name());
  for (const onnx::ValueInfoProto &output : graph.output())
    names.insert(output.name());
  for (const onnx::TensorProto &initializer : graph.initializer())
    names.insert(initializer.name());
  for (const onnx::SparseTensorProto &initializer : graph.sparse_initializer())
    names.insert(initializer.values().name());
  for (const onnx::NodeProto &node : graph.node()) {
    names.insert(node.name());
    names.insert(node.input().begin(), node.input().end());
    names.insert(node.output().begin(), node.output().end());
    forEachSubgraph(node, [&](const onnx::GraphProto &inner) { collectNames(inner, names); });
  }
}

void ModelEditor::reindex() {
  inputs.clear();
  outputs.clear();
  names.clear();
  producers.clear();
  initializers.clear();
  uses.clear();
  subgraphReads.clear();
  collectNames(graph(), names);
  for (const onnx::ValueInfoProto &output : graph().output())
    outputs.insert(output.name());
  for (onnx::TensorProto &tensor : *graph().mutable_initializer())
    initializers[tensor.name()] = &tensor;
  for (const onnx::ValueInfoProto &input : graph().input())
    if (!initializers.contains(input.name()))
      inputs.insert(input.name());
  for (onnx::NodeProto &node : *graph().mutable_node())
    indexNode(node);
}

void ModelEditor::indexNode(onnx::NodeProto &node) {
  for (const std::string &result : node.output())
    if (!result.empty())
      producers[result] = &node;
  for (int operand = 0; operand < node.input_size(); ++operand)
    addUse(node, operand);
  countSubgraphReads(node, 1);
}

void ModelEditor::addUse(onnx::NodeProto &node, int operand) {
  if (!node.input(operand).empty())
    uses[node.input(operand)].push_back({&node, operand});
}

void ModelEditor::dropUse(onnx::NodeProto &node, int operand) {
  auto entry = uses.find(node.input(operand));
  if (entry != uses.end())
    erase(entry->second, Use{&node, operand});
}

void ModelEditor::countSubgraphReads(const onnx::NodeProto &node, int by) {
  StringSet<> free;
  forEachSubgraph(node, [&](const onnx::GraphProto &inner) { collectFreeNames(inner, free); });
  for (const auto &name : free)
    subgraphReads[name.getKey()] += by;
}

ArrayRef<ModelEditor::Use> ModelEditor::getUses(StringRef value) const {
  auto entry = uses.find(value);
  return entry == uses.end() ? ArrayRef<Use>() : ArrayRef<Use>(entry->second);
}

bool ModelEditor::isRead(StringRef value) const {
  return !getUses(value).empty() || isReadBySubgraph(value) || isOutput(value);
}

std::string ModelEditor::makeName(StringRef wish) {
  std::string name = wish.str();
  for (unsigned number = 1; !names.insert(name).second; ++number)
    name = (wish + "_" + Twine(number)).str();
  return name;
}

// --- Constants ---

static bool isConstantNode(const onnx::NodeProto *node) {
  return node && node->op_type() == "Constant" &&
         (node->domain().empty() || node->domain() == "ai.onnx");
}

/// A sparse initializer; null if there is none of this name. Models have few of them.
const onnx::SparseTensorProto *ModelEditor::findSparse(StringRef name) const {
  for (const onnx::SparseTensorProto &tensor : graph().sparse_initializer())
    if (tensor.values().name() == name)
      return &tensor;
  return nullptr;
}

bool ModelEditor::isConstant(StringRef value) const {
  return initializers.contains(value) || isConstantNode(findProducer(value)) || findSparse(value);
}

template <typename Element> static Tensor makeTensor(int32_t dtype, ArrayRef<Element> elements) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.dims = {static_cast<int64_t>(elements.size())};
  const char *bytes = reinterpret_cast<const char *>(elements.data());
  tensor.bytes.assign(bytes, bytes + elements.size() * sizeof(Element));
  return tensor;
}

static Tensor asScalar(Tensor tensor) {
  tensor.dims.clear();
  return tensor;
}

static ArrayRef<float> view(const google::protobuf::RepeatedField<float> &field) {
  return ArrayRef<float>(field.data(), field.size());
}

static ArrayRef<int64_t> view(const google::protobuf::RepeatedField<int64_t> &field) {
  static_assert(sizeof(google::protobuf::int64) == sizeof(int64_t));
  return ArrayRef<int64_t>(reinterpret_cast<const int64_t *>(field.data()), field.size());
}

/// What a Constant node says in attributes that are no tensors.
static Expected<Tensor> readSmallConstant(const onnx::NodeProto &node) {
  if (const onnx::AttributeProto *attribute = findAttribute(node, "value_float"))
    return asScalar(makeTensor(TENON_FLOAT, ArrayRef<float>(attribute->f())));
  if (const onnx::AttributeProto *attribute = findAttribute(node, "value_int"))
    return asScalar(makeTensor(TENON_INT64, ArrayRef<int64_t>(int64_t(attribute->i()))));
  if (const onnx::AttributeProto *attribute = findAttribute(node, "value_floats"))
    return makeTensor(TENON_FLOAT, view(attribute->floats()));
  if (const onnx::AttributeProto *attribute = findAttribute(node, "value_ints"))
    return makeTensor(TENON_INT64, view(attribute->ints()));
  return makeError("constant '" + node.output(0) + "' holds no dense numbers");
}

Expected<Tensor> ModelEditor::readConstant(StringRef value) const {
  auto fail = [&](Error error) {
    return makeError("constant '" + value + "': " + toString(std::move(error)));
  };
  auto decodeSparse = [&](const onnx::SparseTensorProto &sparse) -> Expected<Tensor> {
    Expected<Tensor> tensor = decodeSparseTensor(sparse);
    return tensor ? std::move(tensor) : fail(tensor.takeError());
  };
  if (const onnx::SparseTensorProto *sparse = findSparse(value))
    return decodeSparse(*sparse);
  const onnx::TensorProto *proto = initializers.lookup(value);
  if (!proto) {
    const onnx::NodeProto *node = findProducer(value);
    if (!isConstantNode(node))
      return makeError("'" + value + "' is no dense constant");
    if (const onnx::AttributeProto *attribute = findAttribute(*node, "sparse_value"))
      return decodeSparse(attribute->sparse_tensor());
    const onnx::AttributeProto *attribute = findAttribute(*node, "value");
    if (!attribute)
      return readSmallConstant(*node);
    proto = &attribute->t();
  }
  if (proto->data_location() != onnx::TensorProto::EXTERNAL) {
    Expected<Tensor> tensor = decodeTensor(*proto);
    return tensor ? std::move(tensor) : fail(tensor.takeError());
  }
  Expected<Tensor> tensor =
      Tensor::create(proto->data_type(), ArrayRef(proto->dims().data(), proto->dims().size()));
  if (!tensor)
    return fail(tensor.takeError());
  Expected<ArrayRef<char>> bytes = file->externalElements(*proto, tensor->bytes.size());
  if (!bytes)
    return fail(bytes.takeError());
  copy(*bytes, tensor->bytes.begin());
  return tensor;
}

std::optional<ArrayRef<char>> ModelEditor::viewConstant(StringRef value) const {
  const onnx::TensorProto *proto = initializers.lookup(value);
  if (!proto || proto->data_location() != onnx::TensorProto::EXTERNAL)
    return std::nullopt;
  int64_t bytes = tenon_tensor_bytes(proto->data_type(), proto->dims_size(), proto->dims().data());
  Expected<ArrayRef<char>> elements = file->externalElements(*proto, std::max<int64_t>(bytes, 0));
  if (elements)
    return *elements;
  consumeError(elements.takeError());
  return std::nullopt;
}

void ModelEditor::setConstant(StringRef value, const Tensor &tensor) {
  std::string name = value.str(); // which may lie in what is removed
  if (onnx::NodeProto *node = findProducer(name))
    removeNode(*node);
  auto &sparse = *graph().mutable_sparse_initializer();
  auto isNamed = [&](const onnx::SparseTensorProto &each) { return each.values().name() == name; };
  if (auto known = find_if(sparse, isNamed); known != sparse.end())
    sparse.erase(known);
  auto [entry, isNew] = initializers.try_emplace(name, nullptr);
  if (isNew) {
    entry->second = graph().add_initializer();
    entry->second->set_name(name);
  }
  encodeTensor(tensor, *entry->second);
}

std::string ModelEditor::addConstant(StringRef wish, const Tensor &tensor) {
  std::string name = makeName(wish);
  setConstant(name, tensor);
  // Until version 4 of the format an initializer had to be an input as well.
  model.set_ir_version(std::max<int64_t>(model.ir_version(), 4));
  return name;
}

// --- Nodes ---

onnx::NodeProto &ModelEditor::addNode(StringRef type, StringRef name,
                                      ArrayRef<std::string> operands, ArrayRef<std::string> results,
                                      StringRef domain) {
  onnx::NodeProto &node = *graph().add_node();
  node.set_op_type(type.str());
  node.set_name(makeName(name));
  node.set_domain(domain.str());
  for (const std::string &operand : operands)
    node.add_input(operand);
  for (const std::string &result : results) {
    node.add_output(result);
    names.insert(result);
  }
  indexNode(node);
  return node;
}

void ModelEditor::setOperand(onnx::NodeProto &node, int operand, StringRef value) {
  std::string name = value.str(); // which may be the operand's own
  while (node.input_size() <= operand)
    node.add_input("");
  dropUse(node, operand);
  node.set_input(operand, name);
  addUse(node, operand);
}

/// Replaces a name that a graph inside of a node reads from outside.
static void replaceInSubgraph(onnx::GraphProto &graph, StringRef value, const std::string &by) {
  StringSet<> free;
  collectFreeNames(graph, free);
  if (!free.contains(value))
    return;
  for (onnx::NodeProto &node : *graph.mutable_node()) {
    for (std::string &operand : *node.mutable_input())
      if (operand == value)
        operand = by;
    for (onnx::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        replaceInSubgraph(*attribute.mutable_g(), value, by);
      for (onnx::GraphProto &inner : *attribute.mutable_graphs())
        replaceInSubgraph(inner, value, by);
    }
  }
  for (onnx::ValueInfoProto &output : *graph.mutable_output())
    if (output.name() == value)
      output.set_name(by);
}

void ModelEditor::replaceUses(StringRef value, StringRef by) {
  std::string from = value.str(), to = by.str();
  SmallVector<Use> readers(getUses(from));
  for (const Use &use : readers)
    setOperand(*use.node, use.operand, to);
  if (!isReadBySubgraph(from))
    return;
  for (onnx::NodeProto &node : *graph().mutable_node()) {
    countSubgraphReads(node, -1);
    for (onnx::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        replaceInSubgraph(*attribute.mutable_g(), from, to);
      for (onnx::GraphProto &inner : *attribute.mutable_graphs())
        replaceInSubgraph(inner, from, to);
    }
    countSubgraphReads(node, 1);
  }
}

void ModelEditor::renameResult(onnx::NodeProto &node, int result, StringRef name) {
  producers.erase(node.output(result));
  node.set_output(result, name.str());
  names.insert(name);
  producers[name] = &node;
}

void ModelEditor::removeNode(onnx::NodeProto &node) {
  for (int operand = 0; operand < node.input_size(); ++operand)
    dropUse(node, operand);
  countSubgraphReads(node, -1);
  for (const std::string &result : node.output())
    producers.erase(result);
  auto &nodes = *graph().mutable_node();
  nodes.erase(find_if(nodes, [&](const onnx::NodeProto &other) { return &other == &node; }));
}

/// Removes the messages that `isDead` tells, in one go.
template <typename Messages, typename Predicate>
static void eraseIf(Messages &messages, Predicate isDead) {
  int kept = 0;
  for (int i = 0; i < messages.size(); ++i)
    if (!isDead(messages[i]))
      messages.SwapElements(kept++, i);
  messages.DeleteSubrange(kept, messages.size() - kept);
}

void ModelEditor::removeUnused() {
  auto isUnused = [&](const onnx::NodeProto &node) {
    return none_of(node.output(), [&](const std::string &result) { return isRead(result); });
  };
  for (bool changed = true; changed;) {
    int before = graph().node_size();
    eraseIf(*graph().mutable_node(), isUnused);
    changed = graph().node_size() < before;
    reindex();
  }
  auto isUnread = [&](const auto &tensor) { return !isRead(tensor.name()); };
  StringSet<> removed;
  for (const onnx::TensorProto &tensor : graph().initializer())
    if (isUnread(tensor))
      removed.insert(tensor.name());
  eraseIf(*graph().mutable_initializer(), isUnread);
  eraseIf(*graph().mutable_sparse_initializer(),
          [&](const onnx::SparseTensorProto &tensor) { return isUnread(tensor.values()); });
  eraseIf(*graph().mutable_input(),
          [&](const onnx::ValueInfoProto &input) { return removed.contains(input.name()); });
  reindex();
  eraseIf(*graph().mutable_value_info(), [&](const onnx::ValueInfoProto &info) {
    return !findProducer(info.name()) && !isConstant(info.name()) && !isInput(info.name());
  });
}

Error ModelEditor::sortNodes(onnx::GraphProto &graph) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  std::string errors;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    errors += diagnostic.str();
    return mlir::success();
  });
  auto order = orderNodes(graph.node(), [&](const onnx::NodeProto &) -> mlir::Location {
    return mlir::UnknownLoc::get(&context);
  });
  if (failed(order))
    return makeError(errors);
  google::protobuf::RepeatedPtrField<onnx::NodeProto> sorted;
  sorted.Reserve(order->size());
  for (const onnx::NodeProto *node : *order)
    sorted.Add()->Swap(const_cast<onnx::NodeProto *>(node));
  graph.mutable_node()->Swap(&sorted);
  return Error::success();
}

Error ModelEditor::sortNodes() {
  if (Error error = sortNodes(graph()))
    return makeError(getName() + ": " + toString(std::move(error)));
  reindex();
  return Error::success();
}

// --- The model ---

void ModelEditor::addOutput(StringRef value, int32_t dtype, ArrayRef<int64_t> dims) {
  onnx::ValueInfoProto &output = *graph().add_output();
  output.set_name(value.str());
  onnx::TypeProto::Tensor &type = *output.mutable_type()->mutable_tensor_type();
  type.set_elem_type(dtype);
  onnx::TensorShapeProto &shape = *type.mutable_shape();
  for (int64_t size : dims) {
    onnx::TensorShapeProto::Dimension &dim = *shape.add_dim();
    if (size >= 0)
      dim.set_dim_value(size);
  }
  outputs.insert(value);
}

Expected<std::shared_ptr<ModelFile>> ModelEditor::toModelFile() const {
  return ModelFile::create(model, file->name(), file->getFolder());
}

} // namespace tenon
