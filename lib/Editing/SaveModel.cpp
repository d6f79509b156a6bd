// Writing a changed model, with what lies in other files (see ModelEditor.h).

#include "lib/Editing/ModelEditor.h"
#include "lib/Support/Files.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include <limits>

using namespace llvm;

namespace tenon {

/// A message may have 2 GiB; what is not elements needs some of them.
static constexpr uint64_t maxInlineElements = std::numeric_limits<int>::max() - (64u << 20);
/// Smaller tensors stay in the message in any case.
static constexpr size_t minExternalBytes = 1024;
/// Where tensors begin in a file of their own.
static constexpr uint64_t externalAlignment = 64;

using TensorVisitor = function_ref<Error(onnx::TensorProto &)>;

static Error forEachTensor(onnx::GraphProto &graph, TensorVisitor visit);

static Error forEachTensor(onnx::SparseTensorProto &tensor, TensorVisitor visit) {
  if (Error error = visit(*tensor.mutable_values()))
    return error;
  return visit(*tensor.mutable_indices());
}

static Error forEachTensor(onnx::NodeProto &node, TensorVisitor visit) {
  for (onnx::AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_t())
      if (Error error = visit(*attribute.mutable_t()))
        return error;
    for (onnx::TensorProto &tensor : *attribute.mutable_tensors())
      if (Error error = visit(tensor))
        return error;
    if (attribute.has_sparse_tensor())
      if (Error error = forEachTensor(*attribute.mutable_sparse_tensor(), visit))
        return error;
    if (attribute.has_g())
      if (Error error = forEachTensor(*attribute.mutable_g(), visit))
        return error;
    for (onnx::GraphProto &graph : *attribute.mutable_graphs())
      if (Error error = forEachTensor(graph, visit))
        return error;
  }
  return Error::success();
}

static Error forEachTensor(onnx::GraphProto &graph, TensorVisitor visit) {
  for (onnx::TensorProto &tensor : *graph.mutable_initializer())
    if (Error error = visit(tensor))
      return error;
  for (onnx::SparseTensorProto &tensor : *graph.mutable_sparse_initializer())
    if (Error error = forEachTensor(tensor, visit))
      return error;
  for (onnx::NodeProto &node : *graph.mutable_node())
    if (Error error = forEachTensor(node, visit))
      return error;
  return Error::success();
}

static Error forEachTensor(onnx::ModelProto &model, TensorVisitor visit) {
  for (onnx::FunctionProto &function : *model.mutable_functions())
    for (onnx::NodeProto &node : *function.mutable_node())
      if (Error error = forEachTensor(node, visit))
        return error;
  return forEachTensor(*model.mutable_graph(), visit);
}

static bool isExternal(const onnx::TensorProto &tensor) {
  return tensor.data_location() == onnx::TensorProto::EXTERNAL;
}

namespace {

/// Writes one model.
class ModelWriter {
public:
  ModelWriter(ModelFile &source, onnx::ModelProto model, StringRef path)
      : source(source), model(std::move(model)), path(path.str()) {}

  Error write();

private:
  Expected<ArrayRef<char>> elementsOf(const onnx::TensorProto &tensor);
  Expected<uint64_t> countBytes();
  Error takeIn(onnx::TensorProto &tensor);
  Error putOut(onnx::TensorProto &tensor);
  Error writeMessage();
  Error writeWithData();

  ModelFile &source;
  onnx::ModelProto model;
  std::string path;
  std::optional<OutputFile> data;
  uint64_t dataSize = 0;
};

} // namespace

/// The bytes of a tensor that has raw data, here or in another file.
Expected<ArrayRef<char>> ModelWriter::elementsOf(const onnx::TensorProto &tensor) {
  if (!isExternal(tensor))
    return ArrayRef<char>(tensor.raw_data().data(), tensor.raw_data().size());
  int64_t bytes =
      tenon_tensor_bytes(tensor.data_type(), tensor.dims().size(), tensor.dims().data());
  if (bytes < 0)
    return makeError("tensor '" + tensor.name() + "' has no size");
  return source.externalElements(tensor, bytes);
}

/// Of all elements, if they were in the message.
Expected<uint64_t> ModelWriter::countBytes() {
  uint64_t bytes = model.ByteSizeLong();
  Error error = forEachTensor(model, [&](onnx::TensorProto &tensor) -> Error {
    if (!isExternal(tensor))
      return Error::success();
    Expected<ArrayRef<char>> elements = elementsOf(tensor);
    if (!elements)
      return elements.takeError();
    bytes += elements->size();
    return Error::success();
  });
  if (error)
    return std::move(error);
  return bytes;
}

Error ModelWriter::takeIn(onnx::TensorProto &tensor) {
  if (!isExternal(tensor))
    return Error::success();
  Expected<ArrayRef<char>> elements = elementsOf(tensor);
  if (!elements)
    return elements.takeError();
  tensor.set_raw_data(elements->data(), elements->size());
  tensor.clear_external_data();
  tensor.clear_data_location();
  return Error::success();
}

Error ModelWriter::putOut(onnx::TensorProto &tensor) {
  if (!isExternal(tensor) && tensor.raw_data().size() < minExternalBytes)
    return Error::success();
  Expected<ArrayRef<char>> elements = elementsOf(tensor);
  if (!elements)
    return elements.takeError();
  uint64_t offset = alignTo(dataSize, externalAlignment);
  if (Error error = data->write(*elements, offset))
    return error;
  dataSize = offset + elements->size();
  tensor.clear_raw_data();
  tensor.clear_external_data();
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto addEntry = [&](StringRef key, const std::string &value) {
    onnx::StringStringEntryProto &entry = *tensor.add_external_data();
    entry.set_key(key.str());
    entry.set_value(value);
  };
  addEntry("location", sys::path::filename(path).str() + ".data");
  addEntry("offset", std::to_string(offset));
  addEntry("length", std::to_string(elements->size()));
  return Error::success();
}

Error ModelWriter::writeMessage() {
  std::string bytes;
  if (!model.SerializeToString(&bytes))
    return makeError(path + ": the model is larger than 2 GiB without its large tensors");
  return writeFile(path, bytes);
}

Error ModelWriter::writeWithData() {
  std::string dataPath = path + ".data";
  Expected<OutputFile> output = OutputFile::create(dataPath);
  if (!output)
    return output.takeError();
  data.emplace(std::move(*output));
  if (Error error = forEachTensor(model, [&](onnx::TensorProto &tensor) { return putOut(tensor); }))
    return error;
  if (Error error = data->commit(/*executable=*/false))
    return error;
  if (Error error = writeMessage()) {
    sys::fs::remove(dataPath);
    return error;
  }
  return Error::success();
}

Error ModelWriter::write() {
  Expected<uint64_t> bytes = countBytes();
  if (!bytes)
    return bytes.takeError();
  if (*bytes > maxInlineElements)
    return writeWithData();
  if (Error error = forEachTensor(model, [&](onnx::TensorProto &tensor) { return takeIn(tensor); }))
    return error;
  return writeMessage();
}

Error ModelEditor::save(StringRef path) const { return ModelWriter(*file, model, path).write(); }

} // namespace tenon
